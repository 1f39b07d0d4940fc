"""Files of Keras 3: HDF5 with a group for each layer, alone or in a zip beside the model's description.

Nothing is unpacked to disk, and nothing in a file is run or leads to another file.

Source: keras.io, "Serialization and saving"; the groups are those of Keras 3's `saving_lib`.
"""

from __future__ import annotations

import io
import json
import zipfile
import zlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np

from deepen.arrays import Array
from deepen.description import canonical_json
from deepen.errors import DataError, DeepenError, FileFormatError, MissingExtraError
from deepen.paths import Shape

WEIGHTS, CONFIG, METADATA = "model.weights.h5", "config.json", "metadata.json"
LARGEST_CONFIG = 16 * 2**20
# What Python, its zip and its JSON, and h5py raise at content that they cannot make sense of.
_DAMAGE = (
    AttributeError,
    EOFError,
    LookupError,
    NotImplementedError,
    OSError,
    RecursionError,
    RuntimeError,
    TypeError,
    ValueError,
    zipfile.BadZipFile,
    zlib.error,
)


@contextmanager
def damage_of(path: Path) -> Iterator[None]:
    """Turn what is raised at damaged content into a FileFormatError that names the file."""
    try:
        yield
    except DeepenError:
        raise
    except _DAMAGE as error:
        raise FileFormatError(
            f"{path} is damaged, or Keras 3 has not saved it ({type(error).__name__}: {error!s:.80})"
        ) from error


@dataclass(frozen=True)
class Stored:
    """What a file holds: the arrays of the layers, and the model's description if it has one."""

    path: Path
    datasets: Mapping[str, Any]
    """HDF5 datasets by name, such as `layers/conv2d/vars/0`; their numbers are not read yet."""
    config: dict[str, Any] | None

    @cached_property
    def shapes(self) -> dict[str, Shape]:
        """The shapes of the arrays by name."""
        return {name: dataset.shape for name, dataset in self.datasets.items()}

    @cached_property
    def groups(self) -> dict[str, dict[str, Shape]]:
        """The same for each layer, by its group, such as `layers/conv2d`."""
        found: dict[str, dict[str, Shape]] = {}
        for name, shape in self.shapes.items():
            found.setdefault(name.rpartition("/vars/")[0], {})[name] = shape
        return found

    def read(self, name: str) -> Array:
        """Return an array.

        Raises:
            FileFormatError: it is damaged, or holds no floating-point numbers.
        """
        dataset = self.datasets[name]
        if dataset.dtype.kind != "f":
            raise FileFormatError(
                f"{name} in {self.path} is of type {dataset.dtype}, not of floating-point numbers"
            )
        with damage_of(self.path):
            return np.asarray(dataset[()])


def load(path: Path, largest: int) -> Stored:
    """Open a `.weights.h5` or a `.keras`, whose weights may take `largest` bytes.

    Raises:
        DataError: the file cannot be read.
        FileFormatError: it is no such file, or is damaged, or its numbers are in other files.
        MissingExtraError: h5py is not installed.
    """
    h5py = _h5py()
    try:
        data = path.read_bytes()
    except OSError as error:
        raise DataError(f"cannot read {path}: {error.strerror or error}") from error
    config = None
    with damage_of(path):
        if path.suffix == ".keras":
            with zipfile.ZipFile(io.BytesIO(data)) as archive:
                config = json.loads(_member(archive, CONFIG, LARGEST_CONFIG, path))
                data = _member(archive, WEIGHTS, largest, path)
        return Stored(path, _datasets(h5py.File(io.BytesIO(data), "r"), h5py, path), config)


def _member(archive: zipfile.ZipFile, name: str, largest: int, path: Path) -> bytes:
    # A zip never unpacks more of a member than its size as it is announced.
    if (size := archive.getinfo(name).file_size) > largest:
        raise FileFormatError(f"{name} in {path} takes {size:,} bytes, more than this network could need")
    return archive.read(name)


def _datasets(file: Any, h5py: ModuleType, path: Path) -> dict[str, Any]:
    """Return the datasets of the layers; links to elsewhere are not followed."""
    if not isinstance(file.get("layers", getlink=True), h5py.HardLink):
        raise FileFormatError(f"{path} has no layers as Keras 3 saves them; open it with Keras 3 and save it anew")
    found = {}

    def look(name: str, item: Any) -> None:
        # The state of a dropout's random numbers is no weight.
        if isinstance(item, h5py.Dataset) and "/vars/" in name and "/seed_generator/" not in name:
            if item.is_virtual or item.external:
                raise FileFormatError(
                    f"{name} in {path} takes its numbers from other files, which is not followed"
                )
            found[f"layers/{name}"] = item

    file["layers"].visititems(look)
    return found


def dump(arrays: Mapping[str, Array], config: dict[str, Any] | None) -> bytes:
    """Return the bytes of a `.weights.h5`, or with a description those of a `.keras`.

    Raises:
        MissingExtraError: h5py is not installed.
    """
    h5py, weights = _h5py(), io.BytesIO()
    with h5py.File(weights, "w") as file:
        file.create_group("layers")
        for name, array in arrays.items():
            file.create_dataset(name, data=array)
    if config is None:
        return weights.getvalue()
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as file:
        for name, content in (
            (METADATA, canonical_json({"keras_version": "3.0.0"})),
            (CONFIG, canonical_json(config)),
            (WEIGHTS, weights.getvalue()),
        ):
            # Without a time, equal models are equal files; the zip format begins in 1980.
            file.writestr(zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0)), content)
    return archive.getvalue()


def _h5py() -> ModuleType:
    try:
        import h5py
    except ImportError as error:
        raise MissingExtraError("h5py", "keras") from error
    module: ModuleType = h5py
    return module
