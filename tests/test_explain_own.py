"""What explanations say of layers that are not the library's own."""

from __future__ import annotations

from dataclasses import dataclass
from math import prod

import pytest

from deepen.description import register
from deepen.initializers import Zeros
from deepen.layers import (
    RBF,
    BatchNormalization,
    Conv2D,
    Dense,
    Flatten,
    PartialConv2D,
    ReLU,
    Residual,
    Sequential,
)
from deepen.paths import Shape
from deepen.spec import Layer, Param
from explained import line_of, said


@register
@dataclass(frozen=True)
class Scaled(Layer):
    """Scale each channel by a number of its own.

    Only the first paragraph is shown.
    """

    kind = "scaled"

    def output_shape(self, input_shape: Shape) -> Shape:
        return input_shape

    def params(self, input_shape: Shape) -> dict[str, Param]:
        return {
            "scale": Param(input_shape[:1], Zeros()),
            "table": Param((2, 3), Zeros(), trainable=False),
        }


def test_a_layer_of_ones_own() -> None:
    network = Sequential([Conv2D(4, 3), Scaled()])
    text = said(network, "scaled1", (1, 8, 8))
    assert "scaled1 (Scaled): Scale each channel by a number of its own\n" in text
    assert "Only the first" not in text
    assert line_of(text, "parameters") == "4"
    assert line_of(text, "fixed parameters") == "2·3 = 6"
    assert "Receptive field: 3×3" in text
    assert "Equations" not in text


class MyConv(Conv2D):
    """A convolution of one's own."""


class MyDense(Dense):
    """A dense layer with two more outputs."""

    def output_shape(self, input_shape: Shape) -> Shape:
        return (self.units + 2,)


class MyRBF(RBF):
    """Distances of one's own."""


class MyFlatten(Flatten):
    """Half of the pixels in one row."""

    def output_shape(self, input_shape: Shape) -> Shape:
        return (prod(input_shape) // 2,)


class MyTable(PartialConv2D):
    """A table of one's own."""


class MyBlock(Residual):
    """Half of what a residual block gives."""


@pytest.mark.parametrize(
    ("layer", "shape"),
    [
        (MyConv(2, 1), (2, 4, 4)),
        (MyTable(((0,), (0, 1)), 3), (2, 4, 4)),
        (MyDense(3), (5,)),
        (MyRBF(3), (5,)),
        (MyFlatten(), (2, 4, 4)),
        (MyBlock(ReLU()), (2, 4, 4)),
    ],
    ids=lambda value: type(value).__name__,
)
def test_a_layer_derived_from_one_of_the_librarys(layer: Layer, shape: Shape) -> None:
    network = Sequential([layer])
    (child,) = network.children(shape)
    alone, whole = said(network, child.name, shape), said(network, None, shape)
    docstring = str(type(layer).__doc__).removesuffix(".")
    assert f"{child.name} ({type(layer).__name__}): {docstring}" in alone
    assert f"{child.name}: {docstring}" in whole
    # Nothing is claimed of it that may be otherwise.
    for text in (alone, whole):
        for claim in ("output size", "Equations", "dense layer over", "a dense layer\n", "saves", "Residual conn"):
            assert claim not in text


def test_connections_are_counted_where_all_kinds_of_layers_are_known() -> None:
    assert "connections" in said(Sequential([Dense(4), RBF(3)]), None, (5,))
    for other in (MyDense(4), BatchNormalization()):
        assert "connections" not in said(Sequential([other, RBF(3)]), None, (5,))
