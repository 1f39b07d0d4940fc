"""The names that a Keras script uses, so that it runs with its imports and its channel axis changed.

`from deepen import keras` in place of `from tensorflow import keras`; images are `(N, channels, height, width)`.
Keras itself is neither needed nor imported.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from deepen import constraints, initializers, layers, losses, optimizers, regularizers
from deepen.arrays import Array
from deepen.data import load
from deepen.data import to_categorical as _to_categorical
from deepen.errors import DeepenError
from deepen.model import Model
from deepen.paths import Shape
from deepen.spec import Layer

__all__ = [
    "Input",
    "Sequential",
    "constraints",
    "datasets",
    "initializers",
    "layers",
    "losses",
    "optimizers",
    "regularizers",
    "utils",
]


@dataclass(frozen=True)
class Input:
    """The first entry of a Sequential: the shape `(C, H, W)` of one image."""

    shape: Shape


class Sequential(Model):
    """A Model made of a list whose first entry is an Input.

    Raises:
        DeepenError: the list does not begin with an Input.
        ShapeError: the layers do not fit together.
    """

    def __init__(self, entries: Sequence[Input | Layer], name: str = "sequential") -> None:
        first = entries[0] if entries else None
        if not isinstance(first, Input):
            raise DeepenError(
                "a Sequential begins with keras.Input(shape=(channels, height, width)), "
                f"got {type(first).__name__}"
            )
        super().__init__(layers.Sequential(tuple(entries[1:])), first.shape, name=name)  # type: ignore[arg-type]


class _DataSet:
    def __init__(self, name: str) -> None:
        self._name = name

    def load_data(self) -> tuple[tuple[Array, Array], tuple[Array, Array]]:
        """Return `(x_train, y_train), (x_test, y_test)`: uint8 `(N, H, W)` where grey, else `(N, C, H, W)`."""
        found = load(self._name)
        grey = found.facts.input_shape[0] == 1
        train, test = (images[:, 0] if grey else images for images in (found.train_images, found.test_images))
        return (train, found.train_labels), (test, found.test_labels)


class datasets:  # noqa: N801 - Keras' name
    """`keras.datasets`."""

    cifar10 = _DataSet("cifar10")
    mnist = _DataSet("mnist")
    fashion_mnist = _DataSet("fashion_mnist")


class utils:  # noqa: N801 - Keras' name
    """`keras.utils`."""

    to_categorical = staticmethod(_to_categorical)
