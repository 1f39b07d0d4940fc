"""Data sets by name, splits, labels, and pictures; no engine is needed for any of them."""

from __future__ import annotations

from pathlib import Path

from deepen.data import digits, mnist
from deepen.data.augment import Augmentation, Shift
from deepen.data.dataset import Dataset, Facts, Source
from deepen.data.mnist import load_mnist
from deepen.data.one_hot import to_categorical
from deepen.data.picture import PictureRules, read_picture
from deepen.data.split import stratified_split
from deepen.errors import UnknownNameError

__all__ = [
    "Augmentation",
    "Dataset",
    "Facts",
    "PictureRules",
    "Shift",
    "facts",
    "find",
    "load",
    "load_mnist",
    "names",
    "read_picture",
    "stratified_split",
    "to_categorical",
]

# To add a data set is one module and one row.
_sources: dict[str, Source] = {
    "digits": digits.SOURCE,
    "mnist": mnist.SOURCE,
    "fashion_mnist": mnist.FASHION_SOURCE,
}


def names() -> tuple[str, ...]:
    """Return the names of all data sets."""
    return tuple(_sources)


def facts(name: str) -> Facts:
    """Return what is known of a data set without downloading it.

    Raises:
        UnknownNameError: there is no data set of that name.
    """
    return _source(name).facts


def find(name: str) -> Path | None:
    """Return the folder in which a data set lies now, or None if it would have to be downloaded.

    Raises:
        UnknownNameError: there is no data set of that name.
    """
    return _source(name).find()


def load(name: str) -> Dataset:
    """Return a data set, images uint8 `(N, C, H, W)` and labels int64 `(N,)`; download it if it lies nowhere.

    Raises:
        UnknownNameError: there is no data set of that name.
        DataError: its files cannot be read, or not be downloaded.
        FileFormatError: a file is damaged or is not the published one; it is named.
    """
    return _source(name).load()


def _source(name: str) -> Source:
    if name not in _sources:
        raise UnknownNameError("data set", name, _sources)
    return _sources[name]
