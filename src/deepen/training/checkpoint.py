"""A checkpoint: all that the next step of a training depends on, in one file."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from deepen import model_file
from deepen.arrays import Array
from deepen.engines.base import Setup, State
from deepen.errors import FileFormatError
from deepen.training.history import History

KIND = "checkpoint"


@dataclass(frozen=True)
class Position:
    """How far a training has come, and the sums over its epoch so far."""

    epoch: int
    """From 0."""
    step: int = 0
    """Steps done in this epoch."""
    over: bool = False
    """Whether no epoch is left, or a callback has said stop."""
    loss: float = 0.0
    hits: int = 0
    images: int = 0
    seconds: float = 0.0


@dataclass(frozen=True)
class Checkpoint:
    """A training at the end of a step.

    Args:
        state: weights, running statistics, moving average, and what the optimizer keeps.
        position: how far it has come. Orders and draws follow from that: there is no generator to be kept.
        history: the epochs that are over.
        identity: what makes the training this one.
        machine: what it was computed with.
    """

    state: State
    position: Position
    history: History
    identity: Mapping[str, Any]
    machine: Mapping[str, Any]

    def save(self, path: Path) -> None:
        """Write the file.

        Raises:
            DataError: it cannot be written; what was there before is unharmed.
        """
        content = {
            "kind": KIND,
            "identity": self.identity,
            "machine": self.machine,
            "epoch": self.position.epoch,
            "step": self.position.step,
            "over": self.position.over,
            "hits": self.position.hits,
            "images": self.position.images,
            "updates": self.state.steps,
            "history_epochs": self.history.epoch,
            "history_figures": list(self.history.history),
        }
        model_file.save(path, _arrays(self), content)

    def check(self, setup: Setup) -> None:
        """Make sure that the state has the arrays that a network and its optimizer ask for.

        Raises:
            FileFormatError: one is missing, has another shape or type, or belongs to nothing.
        """
        state, every = self.state, {**setup.parameters, **setup.statistics}
        trained = {path: setup.parameters[path] for path in setup.trainable}
        model_file.check({**state.parameters, **state.statistics}, every, setup.dtype)
        model_file.check(state.average, every if setup.optimizer.average else {}, setup.dtype)
        for slot in setup.optimizer.slots:
            model_file.check(state.slots.get(slot, {}), trained, setup.dtype)

    @classmethod
    def load(cls, path: Path) -> Checkpoint:
        """Read what `save` wrote.

        Raises:
            DataError: the file cannot be read.
            FileFormatError: it is no checkpoint, or it is damaged.
        """
        arrays, content = model_file.load(path)
        if content.get("kind") != KIND:
            raise FileFormatError(f"{path} is no checkpoint")
        try:
            return cls._from(arrays, content)
        except (KeyError, TypeError, ValueError) as error:
            raise FileFormatError(f"{path} is no valid checkpoint: {error!r:.80}") from error

    @classmethod
    def _from(cls, arrays: Mapping[str, Array], content: Mapping[str, Any]) -> Checkpoint:
        parts: dict[str, dict[str, Array]] = {
            name: {} for name in ("parameters", "statistics", "average", "figures")
        }
        slots: dict[str, dict[str, Array]] = {}
        for name, array in arrays.items():
            part, _, rest = name.partition("/")
            if part == "slots":
                slot, _, rest = rest.partition("/")
                slots.setdefault(slot, {})[rest] = array
            elif part in parts:
                parts[part][rest] = array
        loss, seconds = arrays["sums"].tolist()
        counts = {name: content[name] for name in ("epoch", "step", "over", "hits", "images")}
        return cls(
            State(parts["parameters"], parts["statistics"], slots, content["updates"], parts["average"]),
            Position(**counts, loss=loss, seconds=seconds),
            History(
                content["history_epochs"],
                {name: parts["figures"][name].tolist() for name in content["history_figures"]},
            ),
            content["identity"],
            content["machine"],
        )


def _arrays(checkpoint: Checkpoint) -> dict[str, Array]:
    state, position = checkpoint.state, checkpoint.position
    parts = {"parameters": state.parameters, "statistics": state.statistics, "average": state.average}
    found = {f"{part}/{path}": array for part, arrays in parts.items() for path, array in arrays.items()}
    found |= {
        f"slots/{slot}/{path}": array for slot, arrays in state.slots.items() for path, array in arrays.items()
    }
    # As arrays, because JSON knows neither NaN nor infinity.
    found |= {
        f"figures/{name}": np.array(values, np.float64) for name, values in checkpoint.history.history.items()
    }
    return found | {"sums": np.array([position.loss, position.seconds], np.float64)}
