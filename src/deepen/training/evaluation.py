"""What an evaluation has found."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from deepen import metrics
from deepen.arrays import Array
from deepen.calibration import Calibration, calibration
from deepen.data.views import views as views_of
from deepen.engines.base import Engine
from deepen.metrics import PerClass, per_class, top_k_accuracy


@dataclass(frozen=True, repr=False)
class Evaluation:
    """What an evaluation found; it unpacks as Keras' does: `loss, accuracy = model.evaluate(x, y)`."""

    loss: float
    metrics: Mapping[str, float]
    count: int
    """How many images were looked at: all of them."""
    probabilities: Array
    """What `predict` gives for these images, `(N, K)`."""
    confusion: Array
    """Counts `(K, K)`: row = label, column = prediction."""
    labels: Array
    """The class numbers `(N,)`."""

    @property
    def accuracy(self) -> float:
        """The share of images, from 0 to 1, that were classified rightly."""
        return float(np.trace(self.confusion)) / self.count

    def top_k(self, k: int) -> float:
        """Return the share of images whose label is among the k likeliest classes.

        Raises:
            UsageError: k is less than 1.
        """
        return top_k_accuracy(self.probabilities, self.labels, k)

    @cached_property
    def per_class(self) -> PerClass:
        """Precision, recall, F1 and support of each class."""
        return per_class(self.confusion)

    @cached_property
    def calibration(self) -> Calibration:
        """Whether the probabilities are as high as the network is right.

        Raises:
            DeepenError: the network gives scores, not probabilities.
        """
        return calibration(self.probabilities, self.labels)

    def as_figures(self, prefix: str) -> dict[str, float]:
        """Return loss and metrics by their names, each behind a prefix."""
        return {f"{prefix}loss": self.loss} | {f"{prefix}{name}": value for name, value in self.metrics.items()}

    def __repr__(self) -> str:
        figures = "".join(f", {name} {value:.4g}" for name, value in self.metrics.items())
        return f"<Evaluation of {self.count:,} images: loss {self.loss:.4g}{figures}>"

    def __iter__(self) -> Iterator[float]:
        yield from (self.loss, *self.metrics.values())

    def __getitem__(self, index: int) -> float:
        return tuple(self)[index]


def outputs_of(engine: Engine, images: Array, batch_size: int, views: str | None = None) -> Array:
    """Return the logits `(N, K)` of images, the mean over several views of each where these are asked for."""
    if views is None:
        return engine.outputs(images, batch_size)
    outputs = [engine.outputs(view, batch_size) for view in views_of(images, views)]
    mean: Array = np.mean(outputs, axis=0, dtype=outputs[0].dtype)
    return mean


def measured(engine: Engine, outputs: Array, labels: Array, names: Sequence[str], batch_size: int) -> Evaluation:
    """Return what outputs `(N, K)` are worth, with the metrics of these names."""
    return Evaluation(
        loss=engine.mean_loss(outputs, labels, batch_size),
        metrics={name: metrics.metric(name)(outputs, labels) for name in names},
        count=len(outputs),
        probabilities=engine.setup.loss.prediction(outputs),
        confusion=metrics.confusion_matrix(outputs, labels),
        labels=metrics.classes_of(labels),
    )
