"""Compiled programs are kept: each in a folder of its own, under a key of all that it was made from."""

from __future__ import annotations

import atexit
import contextlib
import errno
import hashlib
import os
import shutil
import stat
import tempfile
import time
from collections.abc import Callable
from functools import cache
from pathlib import Path

from deepen import files
from deepen.errors import NativeError

MOST_PROGRAMS = 200
MOST_DAYS = 90
"""Programs that were not used for so long are removed, and beyond that number those that were used longest ago."""

LEAST_ROOM = 32 * 2**20
"""With fewer bytes left on the disk nothing is written there."""

_CHECKSUMS = "checksums"
_ATTEMPTS = 10
_DAY = 24 * 60 * 60


def place() -> Path:
    """Return the folder of programs: `programs` in `$DEEPEN_CACHE`, or in deepen's part of the user's cache."""
    if chosen := os.environ.get("DEEPEN_CACHE"):
        return files.expanded(chosen) / "programs"
    from platformdirs import user_cache_path

    return user_cache_path("deepen") / "programs"


def kept(key: str, make: Callable[[Path], None]) -> Path:
    """Return the folder that is kept under a key, with the files that `make` writes into an empty one.

    The folder appears whole or not at all, and what has changed in it since is found, so that it is made anew.
    Several processes may do this at once: of two that make the same, the first one's stays. Where the cache cannot
    be written, the folder is a temporary one, which goes with the process.

    Raises:
        NativeError: others could put programs of theirs into the cache.
        Exception: what `make` raises.
    """
    try:
        return _kept(_opened(place()), key, make)
    except OSError:
        return _kept(_temporary(), key, make)


def check_safe() -> None:
    """Make sure that nobody else can put programs into the cache.

    Raises:
        NativeError: others can.
    """
    with contextlib.suppress(OSError):  # where it cannot even be made, there is nothing of others in it
        _opened(place())


def forget(key: str) -> None:
    """Remove what is kept under a key."""
    for folder in (place(), _temporary()):
        shutil.rmtree(folder / key, ignore_errors=True)


def _opened(folder: Path) -> Path:
    """Make the folder if need be, and make sure that nobody else can put anything there."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    folder = folder.resolve()
    if os.name == "posix":
        _check_owner(folder)
    return folder


def _check_owner(folder: Path) -> None:
    found = folder.stat()
    others_write = stat.S_IWGRP | stat.S_IWOTH
    safe = found.st_uid in (0, os.geteuid()) and not found.st_mode & others_write
    for parent in folder.parents:
        # In a folder such as /tmp, everybody can make files, but only their owners can rename them.
        mode = parent.stat().st_mode
        safe = safe and (not mode & stat.S_IWOTH or bool(mode & stat.S_ISVTX))
    if not safe:
        raise NativeError(
            f"other users could put programs of theirs into {folder} "
            f"(owner {found.st_uid}, mode {stat.filemode(found.st_mode)}), so that none is run from there; "
            "remove it or make it yours alone, or set DEEPEN_CACHE to a folder of your own"
        )


@cache
def _temporary() -> Path:
    folder = Path(tempfile.mkdtemp(prefix="deepen-programs-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return folder


def _kept(programs: Path, key: str, make: Callable[[Path], None]) -> Path:
    folder = programs / key
    with contextlib.suppress(OSError):
        os.utime(folder)  # it is in use; who removes old ones at this moment sees that
    if _sound(folder):
        return folder
    if shutil.disk_usage(programs).free < LEAST_ROOM:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    fresh = Path(tempfile.mkdtemp(prefix=f".{key}.", dir=programs))
    try:
        make(fresh)
        (fresh / _CHECKSUMS).write_text(_checksums(fresh), encoding="utf-8")
        _rename(fresh, folder)
    finally:
        shutil.rmtree(fresh, ignore_errors=True)
    _tidy(programs)
    return folder


def _rename(fresh: Path, folder: Path) -> None:
    """Give a folder its name, unless another process was quicker; what is there and damaged makes room."""
    for attempt in range(_ATTEMPTS):
        try:
            os.rename(fresh, folder)
            return
        except OSError:
            if _sound(folder):
                return
            if attempt == _ATTEMPTS - 1:
                raise
            if folder.is_dir():
                shutil.rmtree(folder, ignore_errors=True)
            else:
                folder.unlink(missing_ok=True)


def _sound(folder: Path) -> bool:
    """Return whether the files of a folder are those that were made."""
    try:
        return (folder / _CHECKSUMS).read_text(encoding="utf-8") == _checksums(folder)
    except (OSError, UnicodeDecodeError):
        return False


def _checksums(folder: Path) -> str:
    """Return a line for each file, as `sha256sum` writes and checks them."""
    paths = sorted(path for path in folder.iterdir() if path.name != _CHECKSUMS)
    return "".join(f"{hashlib.sha256(path.read_bytes()).hexdigest()}  {path.name}\n" for path in paths)


def _tidy(programs: Path) -> None:
    """Remove programs that nobody uses any more, and what killed processes have left."""
    now, found = time.time(), list[tuple[float, Path]]()
    for path in programs.iterdir():
        with contextlib.suppress(OSError):  # another process may be tidying as well
            found.append((now - path.stat().st_mtime, path))
    unfinished = [path for age, path in found if path.name[0] == "." and age > _DAY]
    made = sorted((age, path) for age, path in found if path.name[0] != ".")
    unused = [path for i, (age, path) in enumerate(made) if i >= MOST_PROGRAMS or age > MOST_DAYS * _DAY]
    for path in (*unfinished, *unused):
        shutil.rmtree(path, ignore_errors=True)
