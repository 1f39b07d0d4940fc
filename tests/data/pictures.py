"""Folders of pictures, made on the fly."""

import shutil

import numpy as np
from PIL import Image


def picture(number=0, size=(6, 8), mode="RGB"):
    """A picture that no other number has."""
    height, width = size
    pixels = np.random.default_rng(number).integers(0, 256, (height, width, 3), dtype=np.uint8)
    return Image.fromarray(pixels).convert(mode)


def fill(folder, count, first=0, suffix=".png", **made):
    """Save `count` different pictures in a folder, which is made, and return their paths."""
    folder.mkdir(parents=True, exist_ok=True)
    paths = [folder / f"{number:04}{suffix}" for number in range(first, first + count)]
    for number, path in enumerate(paths, first):
        picture(number, **made).save(path)
    return paths


def animals(root, cats=5, dogs=5, **made):
    """Two classes, no picture twice."""
    fill(root / "cats", cats, 0, **made)
    fill(root / "dogs", dogs, 1000, **made)
    return root


def copy(source, *targets):
    """Copy a file, into folders that are made."""
    for target in targets:
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(source, target)
