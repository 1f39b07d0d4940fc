"""Model files: safetensors with one key of canonical JSON and a checksum over everything in them."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import safetensors
import safetensors.numpy

from deepen import files
from deepen.arrays import Array
from deepen.description import canonical_json
from deepen.errors import DataError, FileFormatError
from deepen.spec import Param

FORMAT = 1
KEY = "deepen"


def save(path: Path, arrays: Mapping[str, Array], content: Mapping[str, Any]) -> None:
    """Write arrays and what describes them; equal content gives equal bytes.

    Raises:
        DataError: the file cannot be written.
    """
    ordered = {name: np.asarray(arrays[name], order="C") for name in sorted(arrays)}
    described = {**content, "format": FORMAT}
    try:
        described["sha256"] = _digest(ordered, described)
        # One key only: safetensors writes several in random order.
        data = safetensors.numpy.save(ordered, metadata={KEY: canonical_json(described)})
    except (TypeError, ValueError) as error:
        raise DataError(f"cannot write {path}: what describes the model is no plain data: {error}") from error
    files.write(path, data)


def is_own(path: Path) -> bool:
    """Return whether a file is one that `save` wrote, as far as its head tells."""
    try:
        with safetensors.safe_open(path, framework="np") as file:
            return KEY in (file.metadata() or {})
    except (OSError, safetensors.SafetensorError):
        return False


def load(path: Path) -> tuple[dict[str, Array], dict[str, Any]]:
    """Read what `save` wrote.

    Raises:
        DataError: the file cannot be read.
        FileFormatError: it is no model file, is of a newer format, or one of its bits has changed.
    """
    try:
        data = path.read_bytes()
    except IsADirectoryError as error:
        raise DataError(f"{path} is a folder; give the file of a model in it, *.safetensors") from error
    except OSError as error:
        raise DataError(f"cannot read {path}: {error.strerror or error}") from error
    try:
        arrays = safetensors.numpy.load(data)
        text = json.loads(data[8 : 8 + int.from_bytes(data[:8], "little")])["__metadata__"][KEY]
        content = json.loads(text)
        version, found = content["format"], content.pop("sha256")
        # The text is compared as well: JSON can be written in more than one way, these files in one alone.
        sound = _digest(arrays, content) == found and canonical_json({**content, "sha256": found}) == text
    except (
        safetensors.SafetensorError,
        ValueError,
        KeyError,
        TypeError,
        AttributeError,
        RecursionError,
    ) as error:
        raise FileFormatError(
            f"{path} is damaged, or is no model that deepen saved ({type(error).__name__}: {error!s:.80})"
        ) from error
    if not isinstance(version, int) or version > FORMAT:
        raise FileFormatError(f"{path} is of format {version}, this deepen reads up to {FORMAT}; update deepen")
    if not sound:
        raise FileFormatError(f"{path} is damaged: its checksum does not fit; use another copy of the file")
    return arrays, content


def plain(figures: Mapping[str, Any]) -> dict[str, Any]:
    """Return figures as JSON can hold them: Python's numbers, and None for what is not finite."""

    def one(value: Any) -> Any:
        if isinstance(value, np.generic):
            value = value.item()
        return None if isinstance(value, float) and not math.isfinite(value) else value

    return {name: one(value) for name, value in figures.items()}


def check(arrays: Mapping[str, Array], params: Mapping[str, Param], dtype: str) -> None:
    """Make sure that the arrays of a file are those that its description asks for.

    Raises:
        FileFormatError: one is missing, has another shape or type, or belongs to no layer.
    """
    for path, param in params.items():
        if path not in arrays:
            raise FileFormatError(f"{path} is missing")
        array = arrays[path]
        if array.shape != param.shape or array.dtype != dtype:
            raise FileFormatError(
                f"{path} should be {dtype} of shape {param.shape}, but is {array.dtype} of shape {array.shape}"
            )
    if strangers := sorted(set(arrays) - set(params)):
        raise FileFormatError(f"{', '.join(strangers)} belongs to no layer")


def _digest(arrays: Mapping[str, Array], content: Mapping[str, Any]) -> str:
    """Return the SHA-256 over the description and over name, type, shape and bytes of every array."""
    digest = hashlib.sha256(canonical_json(content).encode())
    for name in sorted(arrays):
        array = arrays[name]
        digest.update(canonical_json([name, array.dtype.str, list(array.shape)]).encode())
        digest.update(np.ascontiguousarray(array).data)
    return digest.hexdigest()
