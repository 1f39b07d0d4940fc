"""What picture files say of themselves before any is decoded: size, colour, and which are copies."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from deepen.data.decoding import PictureError, look
from deepen.data.parallel import for_pictures
from deepen.data.scan import File


@dataclass(frozen=True)
class Picture:
    """A picture file: its part and class, its size `(H, W)`, whether it is grey, and what its copies share."""

    path: Path
    part: str
    label: int
    size: tuple[int, int]
    grey: bool
    content: str


def survey(files: Sequence[File]) -> tuple[list[Picture], list[PictureError]]:
    """Look at the headers of picture files; return the pictures, in order, and what cannot be read.

    A file's content is its BLAKE2b hash. Only a file whose length in bytes is shared by another one can have
    a copy; of all others the path is enough, so that large photos are not read twice.
    """
    lengths = [_length(file.path) for file in files]
    shared = {length for length, count in Counter(lengths).items() if count > 1}

    def examine(number: int) -> Picture | PictureError:
        file = files[number]
        try:
            size, grey = look(file.path)
            content = _digest(file.path) if lengths[number] in shared else str(file.path)
        except PictureError as error:
            return error
        except OSError as error:
            return PictureError(file.path, f"cannot be read: {error.strerror or error}")
        return Picture(*file, size, grey, content)

    # Reading headers keeps the interpreter busy: more threads would only hold each other up.
    found = for_pictures(examine, range(len(files)), "checking", threads=1)
    pictures = [each for each in found if isinstance(each, Picture)]
    return pictures, [each for each in found if isinstance(each, PictureError)]


def _length(path: Path) -> int | None:
    try:
        return path.stat().st_size
    except OSError:
        # Looking at the header will fail as well, and say why.
        return None


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "blake2b").hexdigest()
