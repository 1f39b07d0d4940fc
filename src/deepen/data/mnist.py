"""MNIST and Fashion-MNIST: 70,000 grey pictures of 28 × 28 in ten classes each, in the same four files.

The files are looked for in `$DEEPEN_DATA/mnist` (or `fashion_mnist`), then in the user's cache, plain or
gzipped; otherwise they are downloaded into the cache.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np

from deepen.arrays import Array
from deepen.data.dataset import Dataset, Facts
from deepen.data.download import cache_folder, fetch, places
from deepen.data.idx import read_idx
from deepen.data.one_hot import to_categorical
from deepen.data.source import NamedSource
from deepen.errors import FileFormatError, UnknownNameError


@dataclass(frozen=True)
class PublishedFile:
    """One of the four files, by its unpacked name, and what it must hold."""

    name: str
    shape: tuple[int, ...]
    unpacked_sha256: str | None = None
    gzip_md5: str | None = None


@dataclass(frozen=True)
class Publication:
    """Facts, the addresses that offer the files, and the files: training images, labels, then the test's."""

    facts: Facts
    mirrors: tuple[str, ...]
    files: tuple[PublishedFile, PublishedFile, PublishedFile, PublishedFile]


MNIST = Publication(
    facts=Facts(
        name="mnist",
        title="MNIST, handwritten digits, 28 × 28",
        input_shape=(1, 28, 28),
        classes=tuple("0123456789"),
        train_count=60_000,
        test_count=10_000,
        source="Y. LeCun and C. Cortes, The MNIST database of handwritten digits, 1998",
        licence="CC BY-SA 3.0",
    ),
    mirrors=(
        "https://storage.googleapis.com/cvdf-datasets/mnist/",
        "https://ossci-datasets.s3.amazonaws.com/mnist/",
    ),
    # The unpacked bytes are what is checked: whoever packs the files anew may gzip differently.
    files=(
        PublishedFile(
            "train-images-idx3-ubyte",
            (60_000, 28, 28),
            unpacked_sha256="ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db",
        ),
        PublishedFile(
            "train-labels-idx1-ubyte",
            (60_000,),
            unpacked_sha256="65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5",
        ),
        PublishedFile(
            "t10k-images-idx3-ubyte",
            (10_000, 28, 28),
            unpacked_sha256="0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7",
        ),
        PublishedFile(
            "t10k-labels-idx1-ubyte",
            (10_000,),
            unpacked_sha256="ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2",
        ),
    ),
)

FASHION_MNIST = Publication(
    facts=Facts(
        name="fashion_mnist",
        title="Fashion-MNIST, articles of clothing, 28 × 28",
        input_shape=(1, 28, 28),
        classes=(
            "T-shirt/top",
            "Trouser",
            "Pullover",
            "Dress",
            "Coat",
            "Sandal",
            "Shirt",
            "Sneaker",
            "Bag",
            "Ankle boot",
        ),
        train_count=60_000,
        test_count=10_000,
        source="H. Xiao, K. Rasul and R. Vollgraf, Fashion-MNIST, 2017, https://arxiv.org/abs/1708.07747",
        licence="MIT",
    ),
    mirrors=("http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/",),
    # Published are the MD5 sums of the gzip files, which say nothing about files that were unpacked.
    files=(
        PublishedFile("train-images-idx3-ubyte", (60_000, 28, 28), gzip_md5="8d4fb7e6c68d591d4c3dfef9ec88bf0d"),
        PublishedFile("train-labels-idx1-ubyte", (60_000,), gzip_md5="25c81989df183df01b3e8a0aad5dffbe"),
        PublishedFile("t10k-images-idx3-ubyte", (10_000, 28, 28), gzip_md5="bef4ecab320f06d8554ea6380940ec79"),
        PublishedFile("t10k-labels-idx1-ubyte", (10_000,), gzip_md5="bb300cfdad3c16e7a12a480ee83cd310"),
    ),
)


def find(publication: Publication) -> Path | None:
    """Return the folder of the training images, or None if one of the four files must be downloaded."""
    paths = [_locate(publication, file) for file in publication.files]
    return paths[0].parent if paths[0] and all(paths) else None


def load(publication: Publication) -> Dataset:
    """Return the data set; what lies nowhere yet is downloaded.

    Raises:
        DataError: the files cannot be read, or not be downloaded.
        FileFormatError: a file is damaged or is not the published one; it is named.
    """
    paths = [_locate(publication, file) or _download(publication, file) for file in publication.files]
    train_images, train_labels, test_images, test_labels = map(_read, paths, publication.files)
    return Dataset(
        publication.facts,
        train_images[:, np.newaxis],
        train_labels.astype(np.int64),
        test_images[:, np.newaxis],
        test_labels.astype(np.int64),
    )


def load_mnist(
    normalize: bool = False, flatten: bool = False, one_hot: bool = False, name: str = "mnist"
) -> tuple[tuple[Array, Array], tuple[Array, Array]]:
    """Return `((x_train, t_train), (x_test, t_test))`, as the function of this name in the textbook does.

    Args:
        normalize: float32 images from 0 to 1 in place of uint8 from 0 to 255.
        flatten: images `(N, 784)` in place of `(N, 1, 28, 28)`.
        one_hot: float32 labels `(N, 10)` in place of int64 `(N,)`.
        name: `"mnist"` or `"fashion_mnist"`.

    Raises:
        UnknownNameError: the name is neither of the two.
        DataError: the files cannot be read, or not be downloaded.
        FileFormatError: a file is damaged or is not the published one; it is named.
    """
    publications = {p.facts.name: p for p in (MNIST, FASHION_MNIST)}
    if name not in publications:
        raise UnknownNameError("data set", name, publications)
    data = load(publications[name])

    def formed(images: Array, labels: Array) -> tuple[Array, Array]:
        if flatten:
            images = images.reshape(len(images), -1)
        if normalize:
            images = images.astype(np.float32) / np.float32(255)
        return images, to_categorical(labels, len(data.facts.classes)) if one_hot else labels

    return formed(data.train_images, data.train_labels), formed(data.test_images, data.test_labels)


def _locate(publication: Publication, file: PublishedFile) -> Path | None:
    """Return where a file lies, on its own: one that was placed by hand completes those in the cache."""
    for folder in places(publication.facts.name):
        # Of both forms the unpacked one, which reads faster.
        for name in (file.name, f"{file.name}.gz"):
            if (folder / name).is_file():
                return folder / name
    return None


def _read(path: Path, file: PublishedFile) -> Array:
    array = read_idx(path, len(file.shape), file.unpacked_sha256)
    if array.shape != file.shape:
        raise FileFormatError(f"{path} holds an array {array.shape}, expected {file.shape}; replace the file")
    if array.ndim == 1 and array.max(initial=0) > 9:
        raise FileFormatError(f"{path} holds the label {array.max()}, expected 0 to 9; replace the file")
    return array


def _download(publication: Publication, file: PublishedFile) -> Path:
    packed = f"{file.name}.gz"
    destination = cache_folder() / publication.facts.name / packed
    fetch([mirror + packed for mirror in publication.mirrors], destination, partial(_verify, file=file))
    return destination


def _verify(path: Path, file: PublishedFile) -> None:
    if file.gzip_md5 is not None:
        found = hashlib.md5(path.read_bytes(), usedforsecurity=False).hexdigest()
        if found != file.gzip_md5:
            raise FileFormatError(f"{path} has the MD5 {found}, expected {file.gzip_md5}")
    _read(path, file)


SOURCE = NamedSource(MNIST.facts, partial(load, MNIST), partial(find, MNIST))
FASHION_SOURCE = NamedSource(FASHION_MNIST.facts, partial(load, FASHION_MNIST), partial(find, FASHION_MNIST))
