import gzip
import hashlib
import struct
import tracemalloc

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from deepen.data import idx
from deepen.data.idx import read_idx, write_idx
from deepen.errors import DataError, FileFormatError

IMAGES = np.arange(2 * 3 * 4, dtype=np.uint8).reshape(2, 3, 4)


@pytest.mark.parametrize("name", ["images", "images.gz"])
def test_what_is_written_is_read(tmp_path, name):
    write_idx(tmp_path / name, IMAGES)
    found = read_idx(tmp_path / name, 3)
    assert found.dtype == np.uint8
    assert found.flags.writeable
    np.testing.assert_array_equal(found, IMAGES)


@given(shape=st.lists(st.integers(0, 5), min_size=1, max_size=4), packed=st.booleans())
def test_every_shape_survives(tmp_path_factory, shape, packed):
    path = tmp_path_factory.mktemp("idx") / ("a.gz" if packed else "a")
    array = np.arange(np.prod(shape), dtype=np.uint8).reshape(shape)
    write_idx(path, array)
    np.testing.assert_array_equal(read_idx(path, len(shape)), array)


def test_equal_arrays_give_equal_files(tmp_path):
    write_idx(tmp_path / "one.gz", IMAGES)
    write_idx(tmp_path / "two.gz", IMAGES)
    content = (tmp_path / "one.gz").read_bytes()
    assert content == (tmp_path / "two.gz").read_bytes()
    assert content[4:8] == b"\0\0\0\0", "no time in the gzip header"


def test_only_bytes_are_written(tmp_path):
    with pytest.raises(DataError, match=r"unsigned bytes \(uint8\) only, but the array is float64"):
        write_idx(tmp_path / "a", np.zeros(3))


def test_the_first_bytes_tell_whether_a_file_is_gzipped(tmp_path):
    write_idx(tmp_path / "plain", IMAGES)
    (tmp_path / "plain").rename(tmp_path / "unpacked-by-the-browser.gz")
    np.testing.assert_array_equal(read_idx(tmp_path / "unpacked-by-the-browser.gz", 3), IMAGES)


def header(*shape, magic=None):
    return (magic or bytes([0, 0, 8, len(shape)])) + struct.pack(f">{len(shape)}I", *shape)


DAMAGE = {
    "empty": (b"", "is no IDX file: it is empty, expected 00 00 08 01"),
    "other format": (
        b"\x89PNG\r\n\x1a\n",
        "is no IDX file: it begins with 89 50 4e 47, expected 00 00 08 01",
    ),
    "type": (header(3, magic=b"\0\0\x0d\x01") + b"abc", "values of type 0x0d, expected unsigned bytes"),
    "axes": (header(1, 1, 3) + b"abc", "an array with 3 axes, expected 1; images have 3 and labels 1"),
    "short header": (header(3)[:6], "ends inside its header, after 6 bytes"),
    "short": (
        header(3) + b"ab",
        r"an array \(3,\), 3 bytes after its header, but has only 2; delete the file",
    ),
    "long": (header(3) + b"abcd", r"an array \(3,\), 3 bytes after its header, but has more"),
    "absurd": (header(2**32 - 1) + b"abc", r"claims to hold an array \(4294967295,\) of 4,294,967,295 bytes"),
}


@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize("case", DAMAGE)
def test_damage_is_named(tmp_path, case, packed):
    content, message = DAMAGE[case]
    path = tmp_path / "labels"
    path.write_bytes(gzip.compress(content) if packed else content)
    with pytest.raises(FileFormatError, match=message) as caught:
        read_idx(path, 1)
    assert str(caught.value).startswith(str(path))


def test_a_large_claim_within_the_limit_is_not_allocated(tmp_path):
    path = tmp_path / "images"
    path.write_bytes(header(idx.MOST_BYTES) + b"abc")
    tracemalloc.start()
    try:
        with pytest.raises(FileFormatError, match="only 3"):
            read_idx(path, 1)
        assert tracemalloc.get_traced_memory()[1] < 2**24
    finally:
        tracemalloc.stop()


def test_no_more_is_unpacked_than_the_header_promises(tmp_path):
    path = tmp_path / "bomb.gz"
    path.write_bytes(gzip.compress(header(3) + bytes(2**26), compresslevel=1))
    tracemalloc.start()
    try:
        with pytest.raises(FileFormatError, match="has more"):
            read_idx(path, 1)
        assert tracemalloc.get_traced_memory()[1] < 2**23
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize(
    "damage", [lambda b: b[:-9], lambda b: b[:-8] + bytes(8), lambda b: b[:12] + b"\xff" * 40]
)
def test_damaged_gzip_is_named(tmp_path, damage):
    path = tmp_path / "labels.gz"
    packed = gzip.compress(header(300) + np.random.default_rng(0).bytes(300), mtime=0)
    path.write_bytes(damage(packed))
    with pytest.raises(
        FileFormatError, match=r"labels.gz is damaged: its gzip stream fails \(.+\); delete the file"
    ):
        read_idx(path, 1)


def test_the_checksum_covers_header_and_body(tmp_path):
    content = header(1, 1, 4) + b"abcd"
    path = tmp_path / "images.gz"
    path.write_bytes(gzip.compress(content))
    good = hashlib.sha256(content).hexdigest()
    assert read_idx(path, 3, good).shape == (1, 1, 4)
    path.write_bytes(gzip.compress(header(1, 4, 1) + b"abcd"))
    with pytest.raises(FileFormatError, match=f"its SHA-256 is [0-9a-f]{{64}}, but should be {good}"):
        read_idx(path, 3, good)


def test_a_missing_file_and_a_folder_are_no_format_errors(tmp_path):
    with pytest.raises(DataError, match="nothing does not exist"):
        read_idx(tmp_path / "nothing", 1)
    with pytest.raises(DataError, match="cannot be read: "):
        read_idx(tmp_path, 1)
