"""Files in the IDX format of MNIST: a magic number, the length of each axis, and the bytes of the array.

The magic number is two zero bytes, the type (0x08 for unsigned bytes, the only one read here) and the number
of axes; the lengths are 32-bit and big-endian. Files may be plain or gzipped: their first bytes tell, not
their names, because browsers unpack downloads and keep the name.
"""

from __future__ import annotations

import gzip
import hashlib
import io
import struct
import zlib
from math import prod
from pathlib import Path
from typing import Protocol

import numpy as np

from deepen.arrays import Array
from deepen.errors import DataError, FileFormatError

MOST_BYTES = 2**30
"""An array larger than this is refused before any of it is read; MNIST's largest has 47 MB."""

_UNSIGNED_BYTE = 0x08
_CHUNK = 2**20
_REPAIR = "delete the file, or replace it with a good copy"


class _Readable(Protocol):
    def read(self, size: int, /) -> bytes: ...


def read_idx(path: Path, dimensions: int, sha256: str | None = None) -> Array:
    """Return the uint8 array with `dimensions` axes of an IDX file, plain or gzipped.

    No more is unpacked than the header promises, and one byte to see that the file ends there.

    Args:
        path: the file.
        dimensions: how many axes the array must have: 3 for images `(N, H, W)`, 1 for labels `(N,)`.
        sha256: the checksum that the unpacked file, header included, must have.

    Raises:
        DataError: the file is missing or cannot be read.
        FileFormatError: the file is damaged, or is no IDX file of unsigned bytes with that many axes.
    """
    try:
        with path.open("rb") as raw:
            gzipped = raw.peek(2)[:2] == b"\x1f\x8b"
            stream: _Readable = gzip.GzipFile(fileobj=raw) if gzipped else raw
            return _read(path, stream, dimensions, sha256)
    except (EOFError, gzip.BadGzipFile, zlib.error) as error:
        raise FileFormatError(f"{path} is damaged: its gzip stream fails ({error}); {_REPAIR}") from error
    except FileNotFoundError as error:
        raise DataError(f"{path} does not exist") from error
    except OSError as error:
        raise DataError(f"{path} cannot be read: {error.strerror or error}") from error


def write_idx(path: Path, array: Array) -> None:
    """Write a uint8 array as an IDX file, gzipped if its name ends in `.gz`; equal arrays give equal bytes.

    Raises:
        DataError: the array is not of type uint8.
    """
    if array.dtype != np.uint8:
        raise DataError(f"{path.name} can hold unsigned bytes (uint8) only, but the array is {array.dtype}")
    header = struct.pack(f">BBBB{array.ndim}I", 0, 0, _UNSIGNED_BYTE, array.ndim, *array.shape)
    content = header + array.tobytes()
    if path.suffix == ".gz":
        packed = io.BytesIO()
        # Neither the name nor the time goes into the file: the same array must give the same bytes.
        with gzip.GzipFile(filename="", mode="wb", fileobj=packed, mtime=0) as stream:
            stream.write(content)
        content = packed.getvalue()
    path.write_bytes(content)


def _read(path: Path, stream: _Readable, dimensions: int, sha256: str | None) -> Array:
    header = _read_up_to(stream, 4 + 4 * dimensions)
    shape = _shape(path, bytes(header), dimensions)
    promised = prod(shape)
    if promised > MOST_BYTES:
        raise FileFormatError(
            f"{path} claims to hold an array {shape} of {promised:,} bytes; "
            f"at most {MOST_BYTES:,} are read; {_REPAIR}"
        )
    body = _read_up_to(stream, promised + 1)
    if len(body) != promised:
        found = f"only {len(body):,}" if len(body) < promised else "more"
        raise FileFormatError(
            f"{path} should hold an array {shape}, {promised:,} bytes after its header, but has {found}; {_REPAIR}"
        )
    if sha256 is not None:
        digest = hashlib.sha256(header)
        digest.update(body)
        if digest.hexdigest() != sha256:
            raise FileFormatError(
                f"{path} is damaged or not the published file: unpacked, its SHA-256 is "
                f"{digest.hexdigest()}, but should be {sha256}; {_REPAIR}"
            )
    return np.frombuffer(body, np.uint8).reshape(shape)


def _shape(path: Path, header: bytes, dimensions: int) -> tuple[int, ...]:
    """Return the shape that the header states, once all else in it is as it should be."""
    if len(header) < 4 or header[:2] != b"\0\0":
        found = f"begins with {header[:4].hex(' ')}" if header else "is empty"
        raise FileFormatError(
            f"{path} is no IDX file: it {found}, expected 00 00 {_UNSIGNED_BYTE:02x} {dimensions:02x}; {_REPAIR}"
        )
    if header[2] != _UNSIGNED_BYTE:
        raise FileFormatError(
            f"{path} holds IDX values of type 0x{header[2]:02x}, expected unsigned bytes (0x{_UNSIGNED_BYTE:02x})"
        )
    if header[3] != dimensions:
        raise FileFormatError(
            f"{path} holds an array with {header[3]} axes, expected {dimensions}; "
            "images have 3 and labels 1: are the two mixed up?"
        )
    if len(header) < 4 + 4 * dimensions:
        raise FileFormatError(f"{path} ends inside its header, after {len(header)} bytes; {_REPAIR}")
    return struct.unpack(f">{dimensions}I", header[4:])


def _read_up_to(stream: _Readable, most: int) -> bytearray:
    """Return the next bytes, fewer if the stream ends; in pieces, so that no claimed length is allocated."""
    content = bytearray()
    while len(content) < most and (piece := stream.read(min(_CHUNK, most - len(content)))):
        content += piece
    return content
