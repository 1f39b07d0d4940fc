"""Where a path leads, and writing files so that a reader finds the old or the new one whole, never half of one."""

from __future__ import annotations

import contextlib
import errno
import os
import re
import secrets
from pathlib import Path

from deepen.errors import DataError

# What systems answer that cannot bring a folder's entries to the disk by themselves.
_NO_SYNC = {errno.EINVAL, errno.ENOTSUP, errno.EACCES, errno.EPERM}


def expanded(path: str | os.PathLike[str]) -> Path:
    """Return a path with the folder that a `~` or `~name` at its beginning stands for.

    Raises:
        DataError: there is no such user.
    """
    try:
        return Path(path).expanduser()
    except RuntimeError as error:
        raise DataError(f"there is no user for {Path(path).parts[0]} in {os.fspath(path)}") from error


def write_atomically(path: Path, data: bytes) -> None:
    """Write a file under a temporary name, bring it to the disk, and rename it over `path`.

    Raises:
        OSError: the disk is full or fails, or the folder cannot be written; at `path` is still what was there, or
            the whole new file, where only the last step failed, which makes the rename outlast a loss of power.
    """
    temporary = temporary_name(path)
    try:
        # A buffered file writes on where the system takes only a part, and large data goes past the buffer.
        with temporary.open("xb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
    except BaseException:
        with contextlib.suppress(OSError):
            temporary.unlink()
        raise
    sync_folder(path.parent)


def write(path: Path, data: bytes) -> None:
    """Write a file atomically, in folders that are made where they are missing.

    Raises:
        DataError: it cannot be written; what was there before is unharmed.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        write_atomically(path, data)
    except OSError as error:
        raise DataError(f"cannot write {path}: {error.strerror or error}") from error


def temporary_name(path: Path) -> Path:
    """Return a name beside `path` that nobody else uses: `.name.xxxxxxxx`."""
    return path.with_name(f".{path.name}.{secrets.token_hex(4)}")


def remove_leftovers(folder: Path) -> None:
    """Remove the temporary files that a killed process has left in a folder which nobody else writes to now."""
    for path in folder.glob(".*"):
        if re.fullmatch(r"\..+\.[0-9a-f]{8}", path.name) and path.is_file():
            # What cannot be removed takes room, and harms nothing.
            with contextlib.suppress(OSError):
                path.unlink()


def sync_folder(folder: Path) -> None:
    """Bring a folder's entries, such as a rename, to the disk, where the system has a way to do so.

    Raises:
        OSError: the disk fails.
    """
    try:
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
    except OSError as error:
        if error.errno not in _NO_SYNC:
            raise
