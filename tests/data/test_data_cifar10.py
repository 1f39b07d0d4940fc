import gzip
import hashlib
import io
import re
import tarfile
from dataclasses import replace

import numpy as np
import pytest

from deepen.data import cifar10
from deepen.errors import DataError, FileFormatError

RECORD = 3073


@pytest.fixture(autouse=True)
def small(monkeypatch, tmp_path):
    """Two records to a file instead of 10,000, and folders of our own."""
    monkeypatch.setattr(cifar10, "RECORDS", 2)
    monkeypatch.setattr(cifar10, "FACTS", replace(cifar10.FACTS, train_count=10, test_count=2))
    monkeypatch.setenv("DEEPEN_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("DEEPEN_DATA", str(tmp_path / "own"))


@pytest.fixture
def own(tmp_path):
    folder = tmp_path / "own" / "cifar10"
    folder.mkdir(parents=True)
    return folder


def contents():
    """The six files, with the labels 0 to 9 for training and 3 and 4 for the test."""
    records = np.random.default_rng(0).integers(0, 256, (6, 2, RECORD), dtype=np.uint8)
    records[:, :, 0] = [[0, 1], [2, 3], [4, 5], [6, 7], [8, 9], [3, 4]]
    return {name: record.tobytes() for name, record in zip(cifar10.FILES, records, strict=True)}


def archive(files, folder=cifar10.FOLDER):
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz") as tar:
        for name, content in files.items():
            member = tarfile.TarInfo(f"{folder}/{name}")
            member.size = len(content)
            tar.addfile(member, io.BytesIO(content))
    return packed.getvalue()


def place(folder, files):
    folder.mkdir(exist_ok=True)
    for name, content in files.items():
        (folder / name).write_bytes(content)


def check(data):
    assert data.train_images.shape == (10, 3, 32, 32)
    assert data.test_images.shape == (2, 3, 32, 32)
    assert data.train_labels.tolist() == list(range(10))
    assert data.test_labels.tolist() == [3, 4]
    # The published layout, by its words: a label, then 1,024 red, 1,024 green and 1,024 blue values, row by row.
    record = contents()["data_batch_2.bin"][RECORD:]
    for channel, row, column in ((0, 0, 0), (1, 3, 5), (2, 31, 31)):
        assert data.train_images[3, channel, row, column] == record[1 + 1024 * channel + 32 * row + column]


def test_the_archive_is_read_where_it_lies(own):
    # In another order than the published one, among other files.
    files = {"readme.html": b"<html>", **dict(reversed(contents().items())), "batches.meta.txt": b"airplane\n"}
    (own / cifar10.ARCHIVE).write_bytes(archive(files))
    check(cifar10.load())
    assert cifar10.find() == own
    assert [path.name for path in own.iterdir()] == [cifar10.ARCHIVE]


@pytest.mark.parametrize("inner", ["", cifar10.FOLDER])
def test_unpacked_files_are_read(own, inner):
    place(own / inner, contents())
    check(cifar10.load())
    assert cifar10.find() == own / inner


def test_it_is_downloaded_once_and_checked(web, tmp_path, monkeypatch):
    packed = archive(contents())
    monkeypatch.setattr(cifar10, "ADDRESS", f"{web.url}/cifar.tar.gz")
    monkeypatch.setattr(cifar10, "ARCHIVE_SHA256", hashlib.sha256(packed).hexdigest())
    web.answers["/cifar.tar.gz"] = packed
    assert cifar10.find() is None
    check(cifar10.load())
    check(cifar10.load())
    assert web.asked == ["/cifar.tar.gz"]
    assert cifar10.find() == tmp_path / "cache" / "cifar10"


def test_a_wrong_download_is_refused(web, tmp_path, monkeypatch):
    monkeypatch.setattr(cifar10, "ADDRESS", f"{web.url}/cifar.tar.gz")
    web.answers["/cifar.tar.gz"] = b"something else"
    with pytest.raises(DataError, match=r"what arrived has the SHA-256 [0-9a-f]{64}, expected c4a38c50"):
        cifar10.load()
    assert list((tmp_path / "cache" / "cifar10").iterdir()) == []


def damaged_checksum(packed):
    return packed[:-8] + bytes(4) + packed[-4:]


@pytest.mark.parametrize(
    ("packed", "message"),
    [
        (b"no archive", "is damaged: Not a gzipped file"),
        (gzip.compress(b"no tar" * 200), "is damaged: "),
        (archive(contents())[:-3000], "is damaged: Compressed file ended before"),
        (damaged_checksum(archive(contents())), "is damaged: CRC check failed"),
        (archive(contents(), folder="elsewhere"), "lacks cifar-10-batches-bin/data_batch_1.bin"),
        (archive(dict(list(contents().items())[:5])), "lacks cifar-10-batches-bin/test_batch.bin"),
        (
            archive({**contents(), "data_batch_3.bin": bytes(RECORD)}),
            "data_batch_3.bin has 3,073 bytes, expected 6,146",
        ),
        (
            archive({**contents(), "test_batch.bin": b"\x0a" * 2 * RECORD}),
            "test_batch.bin holds the label 10, expected 0 to 9",
        ),
    ],
    ids=["no gzip", "no tar", "cut", "checksum", "folder", "missing", "size", "label"],
)
def test_a_damaged_archive_is_an_error_that_says_where(own, packed, message):
    path = own / cifar10.ARCHIVE
    path.write_bytes(packed)
    with pytest.raises(
        FileFormatError, match=f"^{re.escape(str(path))}:? {message}.*; replace it with a good copy$"
    ):
        cifar10.load()


def test_a_link_in_the_archive_is_no_file(own):
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz") as tar:
        link = tarfile.TarInfo(f"{cifar10.FOLDER}/data_batch_1.bin")
        link.type, link.linkname = tarfile.SYMTYPE, "/etc/passwd"
        tar.addfile(link)
    (own / cifar10.ARCHIVE).write_bytes(packed.getvalue())
    with pytest.raises(FileFormatError, match=r"lacks cifar-10-batches-bin/data_batch_1\.bin"):
        cifar10.load()


def test_an_unpacked_file_of_another_size_is_named(own):
    place(own, {**contents(), "data_batch_5.bin": b"short"})
    with pytest.raises(FileFormatError, match=r"data_batch_5\.bin has 5 bytes, expected 6,146; replace it"):
        cifar10.load()
