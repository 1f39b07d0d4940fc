"""CIFAR-10: 60,000 colour pictures of 32 × 32 in ten classes, in the published binary form.

Looked for in `$DEEPEN_DATA/cifar10`, then in the user's cache: as the archive, which is read as a stream and never
unpacked to disk, or as the unpacked files, on their own or in `cifar-10-batches-bin`; otherwise the archive is
downloaded into the cache. A file is a row of records of 3,073 bytes: the label, then the 32 × 32 red values,
row by row, the green and the blue ones.
"""

from __future__ import annotations

import gzip
import hashlib
import tarfile
import zlib
from pathlib import Path
from typing import IO

import numpy as np

from deepen.arrays import Array
from deepen.data.dataset import Dataset, Facts
from deepen.data.download import cache_folder, fetch, places
from deepen.data.source import NamedSource
from deepen.errors import DataError, FileFormatError

FACTS = Facts(
    name="cifar10",
    title="CIFAR-10, objects and animals, 32 × 32",
    input_shape=(3, 32, 32),
    classes=("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck"),
    train_count=50_000,
    test_count=10_000,
    source="A. Krizhevsky, Learning multiple layers of features from tiny images, 2009, "
    "https://www.cs.toronto.edu/~kriz/cifar.html",
    licence="not stated",
)
ADDRESS = "https://www.cs.toronto.edu/~kriz/cifar-10-binary.tar.gz"
ARCHIVE_SHA256 = "c4a38c50a1bc5f3a1c5537f2155ab9d68f9f25eb1ed8d9ddda3db29a59bca1dd"

ARCHIVE = "cifar-10-binary.tar.gz"
FOLDER = "cifar-10-batches-bin"
FILES = (*(f"data_batch_{number}.bin" for number in range(1, 6)), "test_batch.bin")

RECORDS = 10_000
"""In each of the six files."""

_RECORD_BYTES = 1 + 3 * 32 * 32
_CHUNK = 2**20
_REPAIR = "replace it with a good copy"


def find() -> Path | None:
    """Return the folder of the archive or of the six files, or None if the archive must be downloaded."""
    found = _locate()
    return found.parent if found and found.is_file() else found


def load() -> Dataset:
    """Return the data set; the archive is downloaded if it lies nowhere yet.

    Raises:
        DataError: the files cannot be read, or not be downloaded.
        FileFormatError: a file is damaged or is not the published one; it is named.
    """
    found = _locate() or _download()
    records = np.concatenate(_archived(found) if found.is_file() else [_unpacked(found / name) for name in FILES])
    labels = records[:, 0].astype(np.int64)
    images = np.ascontiguousarray(records[:, 1:]).reshape(-1, *FACTS.input_shape)
    train = FACTS.train_count
    return Dataset(FACTS, images[:train], labels[:train], images[train:], labels[train:])


def _locate() -> Path | None:
    """Return the archive, or the folder that has all six files."""
    for place in places(FACTS.name):
        for folder in (place, place / FOLDER):
            if all((folder / name).is_file() for name in FILES):
                return folder
        if (place / ARCHIVE).is_file():
            return place / ARCHIVE
    return None


def _download() -> Path:
    destination = cache_folder() / FACTS.name / ARCHIVE
    fetch([ADDRESS], destination, _verify)
    return destination


def _verify(path: Path) -> None:
    with path.open("rb") as file:
        found = hashlib.file_digest(file, "sha256").hexdigest()
    if found != ARCHIVE_SHA256:
        raise FileFormatError(f"{path} has the SHA-256 {found}, expected {ARCHIVE_SHA256}")


def _unpacked(path: Path) -> Array:
    try:
        size = path.stat().st_size
        with path.open("rb") as file:
            return _records(f"{path}", file, size)
    except OSError as error:
        raise DataError(f"{path} cannot be read: {error.strerror or error}") from error


def _archived(path: Path) -> list[Array]:
    """Return the records of the six files in an archive, in their order, whatever that of the archive."""
    found: dict[str, Array] = {}
    try:
        # Python's own way through compressed archives does not compare the checksum at their end.
        with gzip.open(path) as stream, tarfile.open(fileobj=stream, mode="r|") as archive:
            for member in archive:
                folder, _, name = member.name.rpartition("/")
                wanted = member.isreg() and folder == FOLDER and name in FILES
                content = archive.extractfile(member) if wanted else None
                if content is not None:
                    found[name] = _records(f"{path}: {name}", content, member.size)
            while stream.read(_CHUNK):
                pass
    except (EOFError, gzip.BadGzipFile, tarfile.TarError, zlib.error) as error:
        raise FileFormatError(f"{path} is damaged: {error}; {_REPAIR}") from error
    except OSError as error:
        raise DataError(f"{path} cannot be read: {error.strerror or error}") from error
    if missing := [name for name in FILES if name not in found]:
        raise FileFormatError(f"{path} lacks {FOLDER}/{missing[0]}; {_REPAIR}")
    return [found[name] for name in FILES]


def _records(where: str, file: IO[bytes], size: int) -> Array:
    """Return a file's records `(10000, 3073)`; its size is checked before anything is read."""
    expected = RECORDS * _RECORD_BYTES
    if size != expected:
        raise FileFormatError(f"{where} has {size:,} bytes, expected {expected:,}; {_REPAIR}")
    content = file.read(expected)
    if len(content) != expected:
        raise FileFormatError(f"{where} ends after {len(content):,} of {expected:,} bytes; {_REPAIR}")
    records = np.frombuffer(content, np.uint8).reshape(RECORDS, _RECORD_BYTES)
    largest = int(records[:, 0].max())
    if largest >= len(FACTS.classes):
        raise FileFormatError(f"{where} holds the label {largest}, expected 0 to 9; {_REPAIR}")
    return records


SOURCE = NamedSource(FACTS, load, find)
