"""Calls of a layer's own methods, so that whatever goes wrong in one names it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from numbers import Integral
from typing import Any, TypeGuard

import numpy as np

from deepen import spec
from deepen.arrays import Array
from deepen.context import Context
from deepen.description import Described
from deepen.errors import DeepenError
from deepen.paths import Shape, Tree, flatten
from deepen.spec import Initializer, Layer, Param


class LayerCallError(DeepenError):
    """A method of a layer raised an error, which is the cause, or returned something else than it must.

    `code` is the method's, so that it can be found.
    """

    def __init__(self, owner: Described, method: str, problem: str) -> None:
        super().__init__(f"{type(owner).__name__}.{method} {problem}")
        self.code = getattr(getattr(type(owner), method), "__code__", None)


@contextmanager
def calling(owner: Described, method: str) -> Iterator[None]:
    """Name the method in whatever it raises; what is a `DeepenError` already says enough."""
    try:
        yield
    except DeepenError:
        raise
    except Exception as error:
        cure = "; check the layers in it one by one" if isinstance(owner, Layer) and owner.container else ""
        raise LayerCallError(owner, method, f"raised {type(error).__name__}: {error}{cure}") from error


def must_return(layer: Layer, method: str, expected: str, got: object) -> LayerCallError:
    """Return the error for a method that returned something else."""
    return LayerCallError(layer, method, f"must return {expected}, got {in_words(got):.200}")


def in_words(value: object) -> str:
    """Say what a value is, arrays and tensors by their shape."""
    if isinstance(value, tuple):
        return f"({', '.join(map(in_words, value))})"
    if isinstance(value, Mapping):
        return f"{{{', '.join(f'{name}: {in_words(item)}' for name, item in value.items())}}}"
    kind = "an array" if isinstance(value, np.ndarray) else f"a {type(value).__name__}"
    return f"{kind} of shape {tuple(value.shape)}" if hasattr(value, "shape") else f"{value!r:.80}"


def call_output_shape(layer: Layer, input_shape: Shape) -> Shape:
    """Return what the layer's shape rule says.

    Raises:
        LayerCallError: it raises an error, or gives no shape.
        ShapeError: the layer cannot take the shape.
    """
    with calling(layer, "output_shape"):
        found: object = layer.output_shape(input_shape)
    if not _is_shape(found):
        raise must_return(layer, "output_shape", "a tuple of whole numbers without the batch axis", found)
    return found


def call_params(network: Layer, input_shape: Shape, method: str) -> dict[str, Param]:
    """Return what `params` or `statistics` of the layers of a network declare, by path.

    Raises:
        LayerCallError: a layer raises an error, or declares something else than arrays with initializers.
    """
    declared: dict[str, Param] = {}
    for node in spec.walk(network, input_shape):
        with calling(node.layer, method):
            found = getattr(node.layer, method)(node.input_shape)
        if not isinstance(found, Mapping) or not all(isinstance(param, Param) for param in found.values()):
            raise must_return(node.layer, method, "{name: Param(shape, initializer)}", found)
        for name, param in found.items():
            if not isinstance(name, str) or not _is_shape(param.shape):
                expected = '{"kernel": Param((8, 3), initializer)}, names and tuples of whole numbers'
                raise must_return(node.layer, method, expected, found)
            if not isinstance(param.initializer, Initializer):
                problem = f"gives {name} no initializer, such as Zeros(), but {param.initializer!r:.80}"
                raise LayerCallError(node.layer, method, problem)
            declared[node.join(name)] = param
    return declared


def call_forward(layer: Layer, x: Array, params: Tree, ctx: Context) -> tuple[Array, Any]:
    """Return `(y, cache)` of the NumPy pass.

    Raises:
        LayerCallError: it raises an error, or returns something else.
    """
    with calling(layer, "forward"):
        found: object = layer.forward(x, params, ctx)
    if not isinstance(found, tuple) or len(found) != 2 or not _is_numbers(found[0]):
        raise must_return(layer, "forward", "(y, cache)", found)
    return found


def call_backward(layer: Layer, dy: Array, params: Tree, cache: Any) -> tuple[Array, dict[str, Array]]:
    """Return dx and the gradients by path.

    Raises:
        LayerCallError: it raises an error, or returns something else.
    """
    expected = "(dx, {parameter: gradient})"
    with calling(layer, "backward"):
        found: object = layer.backward(dy, params, cache)
    if not isinstance(found, tuple) or len(found) != 2 or not _is_numbers(found[0]):
        raise must_return(layer, "backward", expected, found)
    dx, gradients = found
    if not isinstance(gradients, Mapping):
        raise must_return(layer, "backward", expected, found)
    flat = flatten(gradients)
    for gradient in flat.values():
        if not _is_numbers(gradient):
            raise must_return(layer, "backward", expected, found)
    return dx, {path: np.asarray(gradient) for path, gradient in flat.items()}


def _is_shape(found: object) -> TypeGuard[Shape]:
    return isinstance(found, tuple) and all(isinstance(size, Integral) and int(size) >= 0 for size in found)


def _is_numbers(found: object) -> bool:
    return isinstance(found, (np.ndarray, np.number)) and found.dtype.kind in "fiub"
