"""The 1,797 real handwritten digits, 8 × 8, that come with the package: enough to train without a download.

They are the published test part of "Optical Recognition of Handwritten Digits" (E. Alpaydin and C. Kaynak,
UCI Machine Learning Repository, 1998, DOI 10.24432/C50P49, CC BY 4.0), as scikit-learn carries it; see
digits.LICENSE.md. The published division into training and test digits goes by writer, and cannot be made
from these 1,797, which do not say who wrote them. Here the same 13 people wrote both parts, so test figures
are optimistic with regard to new writers.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from deepen.data.dataset import Dataset, Facts
from deepen.data.idx import read_idx
from deepen.data.source import NamedSource
from deepen.data.split import stratified_split

FACTS = Facts(
    name="digits",
    title="Handwritten digits, 8 × 8, included in the package",
    input_shape=(1, 8, 8),
    classes=tuple("0123456789"),
    train_count=1437,
    test_count=360,
    source="E. Alpaydin and C. Kaynak, Optical Recognition of Handwritten Digits, "
    "UCI Machine Learning Repository, 1998, https://doi.org/10.24432/C50P49",
    licence="CC BY 4.0",
)

IMAGES_FILE = "digits-images-idx3-ubyte.gz"
LABELS_FILE = "digits-labels-idx1-ubyte.gz"

# Of the unpacked files, because the same bytes may be packed differently; tools/make_digits.py prints them.
_IMAGES_SHA256 = "359cd13f0f514122884198b78a131df597421cbf5e93a76678fa96fc548f0d96"
_LABELS_SHA256 = "ce71631c1f31ce56fa54f31d1d498fafacff59b001e6c30c4a5e29508aa277ad"

_LARGEST_VALUE = 16
"""A published pixel counts the inked ones among 4 × 4 of a finer scan."""

_SPLIT_SEED = 1998
"""Constant, so that the test digits are the same for everyone, whatever seed a training has."""


def find() -> Path:
    """Return the folder in which the files lie: that of the package."""
    return Path(__file__).parent


def load() -> Dataset:
    """Return the digits, values 0 … 16 stretched to 0 … 255, split 1,437 to 360 with the same mix of classes.

    Raises:
        DataError: the installation lacks the files.
        FileFormatError: the files are damaged.
    """
    counts = read_idx(find() / IMAGES_FILE, 3, _IMAGES_SHA256)[:, np.newaxis].astype(np.uint16)
    images = ((counts * 255 + _LARGEST_VALUE // 2) // _LARGEST_VALUE).astype(np.uint8)
    labels = read_idx(find() / LABELS_FILE, 1, _LABELS_SHA256).astype(np.int64)
    train, test = stratified_split(labels, FACTS.test_count / len(labels), _SPLIT_SEED)
    return Dataset(FACTS, images[train], labels[train], images[test], labels[test])


SOURCE = NamedSource(FACTS, load, find)
