"""Small trained models that come with the package: `deepconvnet@mnist` is DeepConvNet, trained on MNIST."""

from __future__ import annotations

import os
from pathlib import Path

from deepen.errors import UnknownNameError

_FOLDER = Path(__file__).parent


def names() -> tuple[str, ...]:
    """Return the names of the models, `<model>@<data>`."""
    return tuple(sorted(path.stem for path in _FOLDER.glob("*@*.safetensors")))


def resolve(given: str | os.PathLike[str]) -> Path:
    """Return the file that a name such as `deepconvnet@mnist` stands for; any other path is returned as it is.

    Raises:
        UnknownNameError: it looks like such a name, but there is no such model (and no file of that name).
    """
    path = Path(given)
    model, at, data = str(given).partition("@")
    if path.exists() or not at or not (model.isidentifier() and data.isidentifier()):
        return path
    if str(given) not in names():
        raise UnknownNameError("trained model", str(given), names())
    return _FOLDER / f"{given}.safetensors"
