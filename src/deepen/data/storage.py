"""Room for decoded pictures: in memory where they fit, otherwise in a file that goes when it is no longer used."""

from __future__ import annotations

import shutil
from math import prod
from pathlib import Path
from tempfile import TemporaryFile

import numpy as np

from deepen.arrays import Array
from deepen.data.download import cache_folder
from deepen.errors import DataError

_ASSUMED_MEMORY = 4 * 2**30


def room_for(shape: tuple[int, ...]) -> Array:
    """Return a uint8 array: in memory if it takes at most half of what is free, otherwise mapped to a file.

    The file lies in the cache folder and has no name, so that the system removes it with the array, however
    the program ends.

    Raises:
        DataError: the cache folder cannot be written to, or its disk has no room.
    """
    size = prod(shape)
    if size <= available_memory() // 2:
        return np.empty(shape, np.uint8)
    folder = cache_folder()
    try:
        folder.mkdir(parents=True, exist_ok=True)
        free = shutil.disk_usage(folder).free
        if size > free:
            raise DataError(
                f"the pictures take {_gigabytes(size)} once decoded, too much for the memory and for the disk of "
                f"{folder}, which has {_gigabytes(free)} left; choose a smaller size, or set DEEPEN_CACHE to a "
                "folder on a larger disk"
            )
        with TemporaryFile(dir=folder) as file:
            return np.memmap(file, np.uint8, "w+", shape=shape)
    except OSError as error:
        raise DataError(
            f"{folder} cannot be written to: {error.strerror}; set DEEPEN_CACHE to a folder that you can write to"
        ) from error


def available_memory() -> int:
    """Return how many bytes programs can still take; where the system does not say it, 4 GiB."""
    try:
        lines = Path("/proc/meminfo").read_text(encoding="ascii").splitlines()
        return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("MemAvailable:"))
    except (OSError, StopIteration):
        return _ASSUMED_MEMORY


def _gigabytes(size: int) -> str:
    return f"{size / 1e9:,.1f} GB"
