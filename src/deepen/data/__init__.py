"""Data sets by name or from a folder, splits, labels, and pictures; no engine is needed for any of them."""

from __future__ import annotations

import os
from pathlib import Path

from deepen import files
from deepen.data import cifar10, digits, mnist
from deepen.data.augment import Augmentation, Shift
from deepen.data.dataset import Dataset, Facts
from deepen.data.folder import open_folder
from deepen.data.mnist import load_mnist
from deepen.data.one_hot import to_categorical
from deepen.data.picture import PictureRules, read_picture
from deepen.data.source import NamedSource, Source
from deepen.data.split import stratified_split
from deepen.errors import DataError, UnknownNameError

__all__ = [
    "Augmentation",
    "Dataset",
    "Facts",
    "PictureRules",
    "Shift",
    "Source",
    "facts",
    "find",
    "load",
    "load_mnist",
    "names",
    "read_picture",
    "source",
    "stratified_split",
    "to_categorical",
]

# To add a data set is one module and one row.
_sources: dict[str, NamedSource] = {
    "digits": digits.SOURCE,
    "mnist": mnist.SOURCE,
    "fashion_mnist": mnist.FASHION_SOURCE,
    "cifar10": cifar10.SOURCE,
}


def names() -> tuple[str, ...]:
    """Return the names of all data sets."""
    return tuple(_sources)


def source(
    name_or_path: str | os.PathLike[str], seed: int = 0, test_split: float = 0.2, validation_split: float = 0.0
) -> Source:
    """Return a data set by its name, or the pictures of a folder; a known name comes before a folder of that name.

    Of a folder every file is looked at, none decoded. `seed` and the two shares say which of its pictures are
    drawn for the test and then for the validation, where it has no such part; a validation share of 0 draws none.
    Data sets with a name ignore them: they have a test part, and a training holds out its share by itself.

    Raises:
        UnknownNameError: there is neither a data set of that name nor a folder.
        DataError: the path is that of a file, or begins with `~` and no user's name, or the folder is not fit for
            training, or a share is not between 0 and 1; what is wrong is said.
    """
    name = os.fspath(name_or_path)
    if name in _sources:
        return _sources[name]
    path = files.expanded(name)
    if path.is_dir():
        return open_folder(path, seed, test_split, validation_split)
    if path.exists():
        raise DataError(
            f"{path} is a file; give the folder in which each class has a folder of pictures "
            "(of an archive, once it is unpacked)"
        )
    unknown = UnknownNameError("data set", name, _sources)
    unknown.args = (f"{unknown}; or give the path of a folder of pictures: {path.absolute()} does not exist",)
    raise unknown


def facts(name: str) -> Facts:
    """Return what is known of a data set without downloading it, as `source` finds it.

    Raises:
        UnknownNameError: there is no data set of that name.
    """
    return source(name).facts


def find(name: str) -> Path | None:
    """Return the folder in which a data set lies now, or None if it would have to be downloaded.

    Raises:
        UnknownNameError: there is no data set of that name.
    """
    return source(name).find()


def load(name: str) -> Dataset:
    """Return a data set, images uint8 `(N, C, H, W)` and labels int64 `(N,)`; download it if it lies nowhere.

    Raises:
        UnknownNameError: there is no data set of that name.
        DataError: its files cannot be read, or not be downloaded.
        FileFormatError: a file is damaged or is not the published one; it is named.
    """
    return source(name).load()
