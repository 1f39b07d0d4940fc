"""Activations, each an operation of its own; a ReLU may be joined to the kernel before it later."""

from __future__ import annotations

from deepen.engines.native.graph import Constant, Value
from deepen.engines.native.lowering import Lowering, rule
from deepen.layers import activation
from deepen.layers.activation import Activation


@rule(activation._Identity)
def identity(lowering: Lowering, layer: Activation, path: str, x: Value) -> Value:
    """The input itself."""
    return x


@rule(activation.ReLU, activation.GELU, activation.Sigmoid, activation.Tanh)
def plain(lowering: Lowering, layer: Activation, path: str, x: Value) -> Value:
    """A function without numbers of its own."""
    return _pointwise(lowering, layer, path, x, {})


@rule(activation.LeakyReLU)
def leaky_relu(lowering: Lowering, layer: activation.LeakyReLU, path: str, x: Value) -> Value:
    """A ReLU with a slope below 0."""
    return _pointwise(lowering, layer, path, x, {"slope": layer.slope})


@rule(activation.ELU)
def elu(lowering: Lowering, layer: activation.ELU, path: str, x: Value) -> Value:
    """An exponential below 0."""
    return _pointwise(lowering, layer, path, x, {"alpha": layer.alpha})


@rule(activation.ScaledTanh)
def scaled_tanh(lowering: Lowering, layer: activation.ScaledTanh, path: str, x: Value) -> Value:
    """LeNet-5's squashing function."""
    return _pointwise(lowering, layer, path, x, {"amplitude": layer.amplitude, "slope": layer.slope})


@rule(activation.Softmax)
def softmax(lowering: Lowering, layer: activation.Softmax, path: str, x: Value) -> Value:
    """Probabilities over the channels of each pixel."""
    return lowering.add(path, "Softmax<{x}, {y}>", "pointwise.hpp", x, x.shape, reads="y")


def _pointwise(
    lowering: Lowering, layer: Activation, path: str, x: Value, constants: dict[str, Constant]
) -> Value:
    function = type(layer).__name__ + ("<{constants}>" if constants else "")
    kernel, reads = f"Pointwise<{{x}}, {{y}}, {function}>", "x" if layer.keeps_input else "y"
    return lowering.add(path, kernel, "pointwise.hpp", x, x.shape, reads=reads, constants=constants)
