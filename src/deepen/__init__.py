"""deepen: convolutional networks you can read, train at full speed, and look inside.

The public names are loaded when they are first used, so that `import deepen` costs nothing.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from deepen import data, engines, keras, layers, losses, models, optimizers, schedules
    from deepen.description import register
    from deepen.errors import (
        DataError,
        DeepenError,
        FileFormatError,
        MissingExtraError,
        NonFiniteError,
        ShapeError,
        UnknownNameError,
        UsageError,
    )
    from deepen.model import Model
    from deepen.spec import Layer, Param
    from deepen.training.callbacks import Callback, View
    from deepen.training.evaluation import Evaluation
    from deepen.training.history import History

__version__ = "0.1.0"

_HOMES = {
    **dict.fromkeys(
        (
            "DataError",
            "DeepenError",
            "FileFormatError",
            "MissingExtraError",
            "NonFiniteError",
            "ShapeError",
            "UnknownNameError",
            "UsageError",
        ),
        "deepen.errors",
    ),
    **dict.fromkeys(("Callback", "View"), "deepen.training.callbacks"),
    **dict.fromkeys(("Layer", "Param"), "deepen.spec"),
    "Evaluation": "deepen.training.evaluation",
    "History": "deepen.training.history",
    "Model": "deepen.model",
    "register": "deepen.description",
}
_MODULES = ("data", "engines", "keras", "layers", "losses", "models", "optimizers", "schedules")

__all__ = [
    "Callback",
    "DataError",
    "DeepenError",
    "Evaluation",
    "FileFormatError",
    "History",
    "Layer",
    "MissingExtraError",
    "Model",
    "NonFiniteError",
    "Param",
    "ShapeError",
    "UnknownNameError",
    "UsageError",
    "View",
    "data",
    "engines",
    "keras",
    "layers",
    "losses",
    "models",
    "optimizers",
    "register",
    "schedules",
]


def __getattr__(name: str) -> Any:
    if name in _MODULES:
        return importlib.import_module(f"deepen.{name}")
    if name in _HOMES:
        return getattr(importlib.import_module(_HOMES[name]), name)
    raise AttributeError(f"module 'deepen' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])
