from collections import namedtuple

import numpy as np
import pytest

from deepen.data import storage
from deepen.data.storage import available_memory, room_for
from deepen.errors import DataError


@pytest.fixture(autouse=True)
def cache(monkeypatch, tmp_path):
    monkeypatch.setenv("DEEPEN_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


def test_what_fits_lies_in_memory(cache):
    images = room_for((2, 3, 4, 5))
    assert (images.shape, images.dtype) == ((2, 3, 4, 5), np.uint8)
    assert not isinstance(images, np.memmap)
    assert not cache.exists()


def test_what_does_not_fit_lies_in_a_file_without_a_name(cache, monkeypatch):
    monkeypatch.setattr(storage, "available_memory", lambda: 100)
    assert not isinstance(room_for((50,)), np.memmap)
    images = room_for((51,))
    assert isinstance(images, np.memmap)
    images[:] = np.arange(51)
    np.testing.assert_array_equal(images, np.arange(51))
    assert images.flags.c_contiguous
    assert images.flags.writeable
    assert list(cache.iterdir()) == []


def test_a_full_disk_is_an_error_before_anything_is_written(cache, monkeypatch):
    usage = namedtuple("usage", "free")
    monkeypatch.setattr(storage, "available_memory", lambda: 0)
    monkeypatch.setattr(storage.shutil, "disk_usage", lambda folder: usage(10**9))
    with pytest.raises(
        DataError, match=r"take 2\.0 GB once decoded, .* has 1\.0 GB left; choose a smaller size, or"
    ):
        room_for((2 * 10**9,))


def test_a_cache_that_cannot_be_made_is_named(cache, monkeypatch):
    monkeypatch.setattr(storage, "available_memory", lambda: 0)
    cache.write_bytes(b"")
    with pytest.raises(
        DataError, match=r"cache cannot be written to: .*; set DEEPEN_CACHE to a folder that you can"
    ):
        room_for((1,))


def test_memory_is_known_or_assumed(monkeypatch):
    assert available_memory() > 2**20

    def missing(path, encoding):
        raise FileNotFoundError(path)

    monkeypatch.setattr(storage.Path, "read_text", missing)
    assert available_memory() == 4 * 2**30
