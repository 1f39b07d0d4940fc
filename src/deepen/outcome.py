"""What a run has reached."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from deepen.data.dataset import Counts
from deepen.engines import Choice
from deepen.inspect.summary import Summary
from deepen.model import Model
from deepen.training.evaluation import Evaluation
from deepen.training.history import History


@dataclass(frozen=True)
class Outcome:
    """The trained model of a run, with what it learned from and what it was measured with."""

    model: Model
    summary: Summary
    folder: Path
    choice: Choice
    history: History
    test: Evaluation
    seconds: float
    """Time from the first step to the last, validation included."""
    counts: Counts = field(default_factory=dict)
    """How many images of each class every part had."""
    remarks: tuple[str, ...] = ()
    """What was found in the data."""

    @property
    def images_per_second(self) -> float:
        """Training throughput over all epochs, without validation."""
        history = self.history.history
        images = sum(
            rate * seconds for rate, seconds in zip(history["images_per_second"], history["seconds"], strict=True)
        )
        return images / sum(history["seconds"])
