"""The health of a network in training: what its layers give, what comes back to them, and how far a step goes."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from math import prod, sqrt

import numpy as np

from deepen import spec
from deepen.arrays import Array
from deepen.engines.base import Engine, Setup, batches
from deepen.errors import FileFormatError
from deepen.layers.activation import Activation, ReLU
from deepen.layers.side import side_outputs
from deepen.spec import Layer

PORTION_BYTES = 2**28
"""So much may the activations of one portion of the sample take, in float32; a portion is one image at least."""


@dataclass(frozen=True)
class Record:
    """How a layer was at the end of an epoch; None where it has no such thing.

    Norms are Euclidean, over all parameters of the layer that are trained.
    """

    epoch: int
    """From 0; in files from 1."""
    layer: str
    activation_mean: float
    activation_deviation: float
    dead: float | None
    """Of a layer that ends in ReLU, the share of its units (channels of maps) that are 0 for the whole sample."""
    gradient_norm: float | None
    """Of the mean loss of the sample in evaluation mode, `‖∂L/∂w‖`."""
    weight_norm: float | None
    update_norm: float | None
    """How far the last step of the epoch went, `‖w after − w before‖`."""

    @property
    def update_ratio(self) -> float | None:
        """How far the last step went, relative to the weights, `‖Δw‖ / ‖w‖`."""
        return self.update_norm / self.weight_norm if self.update_norm is not None and self.weight_norm else None


@dataclass(frozen=True)
class Examined:
    """A layer whose health is recorded."""

    path: str
    rectifies: bool
    """Whether it ends in ReLU, so that units of it can die."""
    trained: tuple[str, ...]
    """The paths of its parameters that training changes."""


def examined(setup: Setup) -> list[Examined]:
    """Return the layers with parameters and the activations, in the order of computation.

    Those of side outputs, which evaluation leaves out, are not among them, and neither is a network that is a
    single layer, which has no path to ask for it by.
    """
    heads = tuple(f"{path}." for path, _ in side_outputs(setup.network, setup.input_shape))
    trained = set(setup.trainable)
    found = []
    for node in spec.walk(setup.network, setup.input_shape):
        names = node.layer.params(node.input_shape)
        if node.path and not node.path.startswith(heads) and (names or isinstance(node.layer, Activation)):
            own = tuple(path for path in map(node.join, names) if path in trained)
            found.append(Examined(node.path, _rectifies(node.layer), own))
    return found


def _rectifies(layer: Layer) -> bool:
    return isinstance(layer, ReLU) or getattr(layer, "activation", None) == "relu"


def measure(
    engine: Engine, images: Array, labels: Array, epoch: int, before: Mapping[str, Array] | None
) -> list[Record]:
    """Return a record of each examined layer, in evaluation mode.

    Activations and gradients are those of the weights that evaluation uses: where the optimizer keeps a moving
    average of them, of that. Norms of weights and updates are of the weights that are trained.

    Args:
        engine: with the weights after the epoch.
        images: the sample, `(N, C, H, W)`.
        labels: `(N,)` or `(N, K)`.
        epoch: from 0.
        before: the weights before the epoch's last step, if they are known.
    """
    layers = examined(engine.setup)
    paths = [layer.path for layer in layers]
    seen = {layer.path: _Seen() for layer in layers}
    gradients: dict[str, Array] = {}
    # What diverges is recorded as infinite or NaN: NumPy need not warn as well.
    with np.errstate(all="ignore"):
        for part in batches(len(images), _portion(engine.setup)):
            for path, y in engine.activations(images[part], paths).items():
                seen[path].add(y)
            share = len(images[part]) / len(images)
            for path, g in engine.gradients(images[part], labels[part]).items():
                gradients[path] = gradients.get(path, 0) + g * np.asarray(share, g.dtype)
        weights = engine.state().parameters
        return [
            Record(
                epoch,
                layer.path,
                seen[layer.path].mean,
                seen[layer.path].deviation,
                seen[layer.path].dead if layer.rectifies else None,
                _norm(gradients[path] for path in layer.trained) if layer.trained else None,
                _norm(weights[path] for path in layer.trained) if layer.trained else None,
                _norm(weights[p] - before[p] for p in layer.trained) if layer.trained and before else None,
            )
            for layer in layers
        ]


class _Seen:
    """What a layer has given so far, over the portions of the sample."""

    def __init__(self) -> None:
        self._count, self._sum, self._squares = 0, 0.0, 0.0
        self._alive: Array = np.zeros(1, bool)

    def add(self, y: Array) -> None:
        """Take a portion `(N, units, ...)`."""
        self._count += y.size
        self._sum += float(y.sum(dtype=np.float64))
        self._squares += float(np.square(y, dtype=np.float64).sum())
        self._alive = self._alive | (y != 0).any(axis=(0, *range(2, y.ndim)))

    @property
    def mean(self) -> float:
        return self._sum / self._count

    @property
    def deviation(self) -> float:
        # Rounding may bring the variance of what is constant below 0; NaN stays NaN.
        return float(np.sqrt(np.maximum(self._squares / self._count - self.mean**2, 0)))

    @property
    def dead(self) -> float:
        return float((~self._alive).mean())


def _portion(setup: Setup) -> int:
    """Return how many images go through the network at once."""
    values = sum(prod(node.output_shape) for node in spec.walk(setup.network, setup.input_shape))
    return max(1, PORTION_BYTES // (4 * values))


def _norm(arrays: Iterable[Array]) -> float:
    """Return the norm of several arrays together, in float64, in which the squares of tiny gradients are not 0."""
    total = 0.0
    for array in arrays:
        flat = array.ravel()
        total += sum(float(np.square(flat[part], dtype=np.float64).sum()) for part in batches(flat.size, 2**20))
    return sqrt(total)


_COLUMNS = [field.name for field in fields(Record)]


def to_csv(records: Sequence[Record]) -> str:
    """Return the records as a table, epochs counted from 1, that `from_csv` reads back exactly."""
    file = io.StringIO()
    writer = csv.DictWriter(file, _COLUMNS, lineterminator="\n")
    writer.writeheader()
    writer.writerows(asdict(record) | {"epoch": record.epoch + 1} for record in records)
    return file.getvalue()


def from_csv(text: str) -> list[Record]:
    """Return the records of a table.

    Raises:
        FileFormatError: the text is no such table.
    """
    head, *rows = list(csv.reader(io.StringIO(text))) or [[]]
    if head != _COLUMNS:
        raise FileFormatError(f"the first line should be {','.join(_COLUMNS)}")
    found = []
    for line, row in enumerate(rows, start=2):
        try:
            epoch, layer, mean, deviation, *rest = row
            dead, gradient, weight, update = (float(cell) if cell else None for cell in rest)
            record = Record(int(epoch) - 1, layer, float(mean), float(deviation), dead, gradient, weight, update)
        except ValueError as error:
            raise FileFormatError(f"line {line} should hold {len(_COLUMNS)} values, got {row!r:.80}") from error
        found.append(record)
    return found
