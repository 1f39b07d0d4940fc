"""Picture files that someone names, one by one or by their folder, as images for a network."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from deepen.arrays import Array
from deepen.data.decoding import PictureError
from deepen.data.picture import PictureRules, read_pictures
from deepen.data.scan import SUFFIXES, pictures_in
from deepen.data.storage import room_for
from deepen.errors import DataError


def gather(paths: Sequence[Path], rules: PictureRules) -> tuple[list[Path], Array, list[PictureError]]:
    """Read picture files, each as `read_picture` does; a folder stands for the pictures directly in it, sorted.

    Returns:
        The files that could be read, in order; their images, uint8 `(N, C, H, W)`; and why others cannot be read.

    Raises:
        DataError: the pictures take more room than there is.
    """
    files: list[Path] = []
    unreadable: list[PictureError] = []
    for path in paths:
        if not os.path.isdir(path):
            files.append(path)
            continue
        try:
            inside = pictures_in(path)
        except DataError:
            unreadable.append(PictureError(path, "is a folder that cannot be read; check its permissions"))
            continue
        if not inside:
            unreadable.append(PictureError(path, f"is a folder without pictures; read are {', '.join(SUFFIXES)}"))
        files += inside
    images = room_for((len(files), 1 if rules.mode == "grey" else 3, *rules.size))
    # Files are handed to threads several at a time, so that a few small ones start no more than one.
    read, failed = read_pictures(files, rules, images, threads=os.cpu_count() or 1)
    return [files[number] for number in read], images[: len(read)], [*unreadable, *failed]
