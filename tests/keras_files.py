"""Small files of Keras that tests write, change and find refused."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from deepen.errors import DataError, DeepenError
from deepen.exchange.keras_file import read, write
from deepen.layers import BatchNormalization, Conv2D, Dense, Flatten, Sequential
from deepen.spec import Layer
from keras_networks import arrays_of

FLAT = Sequential([Flatten(), Dense(2)])


def stored(folder: Path, suffix: str = ".weights.h5", network: Layer | None = None) -> Path:
    """Write a small network into a file."""
    network = network or Sequential([Conv2D(2, 3), BatchNormalization(), Flatten(), Dense(3)])
    path = folder / f"model{suffix}"
    write(path, network, (1, 4, 4), arrays_of(network, (1, 4, 4)))
    return path


def refused(path: Path, network: Layer, kind: type[DeepenError] = DataError) -> str:
    with pytest.raises(kind) as caught:
        read(path, network, (1, 4, 4))
    return str(caught.value).replace(str(path), "FILE")


def edited(path: Path, change: Callable[[dict[str, Any]], None]) -> Path:
    """Change the description in a `.keras`."""
    with zipfile.ZipFile(path) as archive:
        parts = {name: archive.read(name) for name in archive.namelist()}
    config = json.loads(parts["config.json"])
    change(config)
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in (parts | {"config.json": json.dumps(config).encode()}).items():
            archive.writestr(name, content)
    return path
