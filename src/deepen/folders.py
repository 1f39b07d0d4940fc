"""Folders of results, never overwritten, and settings that are sealed: a changed bit in them is found."""

from __future__ import annotations

import errno
import hashlib
import itertools
import json
import shutil
from collections.abc import Callable, Mapping
from datetime import datetime
from pathlib import Path
from typing import TypeVar

from deepen import files
from deepen.errors import DataError, FileFormatError, UsageError

Settings = TypeVar("Settings")

ENVIRONMENT = "environment.json"
_SEAL = b"# sha256 of the lines above: "


def create(place: str, name: str, contents: Mapping[str, bytes]) -> Path:
    """Make the folder `<date>_<time>-<name>` with its first files; nobody sees it without them.

    Raises:
        DataError: the folder cannot be made.
    """
    wanted = Path(place).resolve() / f"{datetime.now():%Y-%m-%d_%H%M%S}-{name}"
    temporary = files.temporary_name(wanted)
    try:
        temporary.mkdir(parents=True)
        try:
            for file, data in contents.items():
                files.write_atomically(temporary / file, data)
            return _with_free_name(temporary, wanted)
        except BaseException:
            shutil.rmtree(temporary, ignore_errors=True)
            raise
    except OSError as error:
        raise DataError(f"cannot make a folder in {place}: {error.strerror}") from error


def _with_free_name(folder: Path, wanted: Path) -> Path:
    """Rename a folder to `wanted`, or to the first of `wanted-2`, `wanted-3`, ... that is free."""
    for number in itertools.count(1):
        path = wanted if number == 1 else wanted.with_name(f"{wanted.name}-{number}")
        try:
            # Renaming replaces no folder but an empty one, and these never are: of two processes one gets it.
            folder.rename(path)
        except OSError as error:
            if error.errno not in (errno.EEXIST, errno.ENOTEMPTY, errno.ENOTDIR):
                raise
        else:
            break
    files.sync_folder(path.parent)
    return path


def newest(given: Path, file: str) -> Path | None:
    """Return the folder with that file: itself, or the newest in a folder of them; None where there is none."""
    if (given / file).is_file():
        return given
    # The names begin with date and time; one that begins with a dot was not finished being made.
    return max((path.parent for path in given.glob(f"*/{file}") if path.parent.name[0] != "."), default=None)


def described(file: str, settings: str, computed_with: Mapping[str, str]) -> dict[str, bytes]:
    """Return the first files of a folder: its settings, sealed, and what it is computed with."""
    text = json.dumps(computed_with, indent=2) + "\n"
    return {file: sealed(settings), ENVIRONMENT: text.encode()}


def sealed(text: str) -> bytes:
    """Return lines of TOML with their checksum in a last line, which is a comment."""
    data = text.encode()
    return data + _SEAL + hashlib.sha256(data).hexdigest().encode() + b"\n"


def read_sealed(path: Path) -> str:
    """Return the text of a sealed file.

    Raises:
        DataError: the file cannot be read.
        FileFormatError: it was damaged or changed, or was never sealed.
    """
    try:
        data = path.read_bytes()
    except OSError as error:
        raise DataError(f"cannot read {path}: {error.strerror}") from error
    if _SEAL not in data:
        raise FileFormatError(
            f"{path} has no checksum: it was made by an earlier deepen, or changed; it cannot be gone on with"
        )
    text = data.rpartition(_SEAL)[0].decode(errors="replace")
    if sealed(text) != data:
        raise FileFormatError(
            f"{path} was changed or damaged, and its checksum does not fit; bring it back as it was"
        )
    return text


def read_settings(path: Path, parse: Callable[[str], Settings]) -> Settings:
    """Return what `parse` makes of the text of a sealed file.

    Raises:
        DataError: the file cannot be read.
        FileFormatError: it was damaged or changed, or has settings that are not known here.
    """
    text = read_sealed(path)
    try:
        return parse(text)
    except (UsageError, FileFormatError) as error:
        raise FileFormatError(f"{path} has settings that this deepen does not know: {error}") from error
