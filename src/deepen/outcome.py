"""What a run has reached."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from deepen.config import RunConfig
from deepen.data.dataset import Counts
from deepen.engines import Choice
from deepen.inspect.summary import Summary
from deepen.model import Model
from deepen.training.evaluation import Evaluation
from deepen.training.health import Health
from deepen.training.history import History


@dataclass(frozen=True)
class Outcome:
    """The trained model of a run, with what it learned from and what it was measured with."""

    config: RunConfig
    model: Model
    summary: Summary
    folder: Path
    choice: Choice
    history: History
    test: Evaluation
    counts: Counts = field(default_factory=dict)
    """How many images of each class every part had."""
    remarks: tuple[str, ...] = ()
    """What was found in the data."""
    health: Health | None = None
    """How activations, gradients and updates developed, if that was recorded."""

    @property
    def seconds(self) -> float:
        """Time that the steps of all epochs took, without validation."""
        return sum(self.history.history["seconds"])

    @property
    def images_per_second(self) -> float:
        """Training throughput over all epochs, without validation."""
        history = self.history.history
        images = sum(
            rate * seconds for rate, seconds in zip(history["images_per_second"], history["seconds"], strict=True)
        )
        return images / self.seconds
