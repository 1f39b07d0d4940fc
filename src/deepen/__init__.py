"""deepen: convolutional networks you can read, train at full speed, and look inside.

The public names are loaded when they are first used, so that `import deepen` costs nothing.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from deepen import (
        constraints,
        data,
        engines,
        initializers,
        keras,
        layers,
        losses,
        metrics,
        models,
        optimizers,
        regularizers,
        schedules,
        textbook,
    )
    from deepen.description import register
    from deepen.ensemble import Ensemble
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
    from deepen.groups import Group
    from deepen.inspect.check import check
    from deepen.model import Model
    from deepen.network import Network
    from deepen.spec import Layer, Param
    from deepen.training.callbacks import Callback, View
    from deepen.training.csv_log import CSVLog
    from deepen.training.evaluation import Evaluation
    from deepen.training.health import Health
    from deepen.training.history import History
    from deepen.training.keeper import Checkpoints
    from deepen.training.lr_finder import lr_find
    from deepen.training.stopping import EarlyStopping
    from deepen.training.tensorboard_log import TensorBoard
    from deepen.training.weights_files import BestWeights, LastWeights

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
    **dict.fromkeys(("BestWeights", "LastWeights"), "deepen.training.weights_files"),
    "CSVLog": "deepen.training.csv_log",
    "Checkpoints": "deepen.training.keeper",
    "EarlyStopping": "deepen.training.stopping",
    "Ensemble": "deepen.ensemble",
    "Evaluation": "deepen.training.evaluation",
    "Group": "deepen.groups",
    "Health": "deepen.training.health",
    "History": "deepen.training.history",
    "Model": "deepen.model",
    "Network": "deepen.network",
    "TensorBoard": "deepen.training.tensorboard_log",
    "check": "deepen.inspect.check",
    "lr_find": "deepen.training.lr_finder",
    "register": "deepen.description",
}
_MODULES = (
    "constraints",
    "data",
    "engines",
    "initializers",
    "keras",
    "layers",
    "losses",
    "metrics",
    "models",
    "optimizers",
    "regularizers",
    "schedules",
    "textbook",
)

__all__ = [
    "BestWeights",
    "CSVLog",
    "Callback",
    "Checkpoints",
    "DataError",
    "DeepenError",
    "EarlyStopping",
    "Ensemble",
    "Evaluation",
    "FileFormatError",
    "Group",
    "Health",
    "History",
    "LastWeights",
    "Layer",
    "MissingExtraError",
    "Model",
    "Network",
    "NonFiniteError",
    "Param",
    "ShapeError",
    "TensorBoard",
    "UnknownNameError",
    "UsageError",
    "View",
    "check",
    "constraints",
    "data",
    "engines",
    "initializers",
    "keras",
    "layers",
    "losses",
    "lr_find",
    "metrics",
    "models",
    "optimizers",
    "register",
    "regularizers",
    "schedules",
    "textbook",
]


def __getattr__(name: str) -> Any:
    if name in _MODULES:
        return importlib.import_module(f"deepen.{name}")
    if name in _HOMES:
        return getattr(importlib.import_module(_HOMES[name]), name)
    raise AttributeError(f"module 'deepen' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])
