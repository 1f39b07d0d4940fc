"""A pass that raises or returns something else than it must: one error that names it."""

from __future__ import annotations

import traceback
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest

import deepen
from affine import SHAPE, Affine
from deepen.description import Described
from deepen.errors import DeepenError, ShapeError
from deepen.initializers import Ones
from deepen.layers import Sequential
from deepen.spec import Layer, Param

GRADIENTS = "(dx, {parameter: gradient})"


def with_method(name: str, method: Callable[..., Any]) -> Layer:
    """Return a right layer, called Scale, with one method exchanged."""
    scale: Callable[[], Layer] = type("Scale", (Affine,), {name: method})
    return scale()


@pytest.mark.parametrize(
    ("method", "returned", "says"),
    [
        ("backward", lambda dy: dy, f"{GRADIENTS}, got an array of shape (3, 2, 3, 3)"),
        ("backward", lambda dy: ({}, dy), f"{GRADIENTS}, got ({{}}, an array of shape (3, 2, 3, 3))"),
        ("backward", lambda dy: (dy, None), f"{GRADIENTS}, got (an array of shape (3, 2, 3, 3), None)"),
        (
            "backward",
            lambda dy: (dy, {"weight": None}),
            f"{GRADIENTS}, got (an array of shape (3, 2, 3, 3), {{weight: None}})",
        ),
        ("backward", lambda dy: None, f"{GRADIENTS}, got None"),
        ("forward", lambda x: x, "(y, cache), got an array of shape (3, 2, 3, 3)"),
        ("forward", lambda x: x[:2], "(y, cache), got an array of shape (2, 2, 3, 3)"),
        ("forward", lambda x: None, "(y, cache), got None"),
        ("forward", lambda x: (None, x), "(y, cache), got (None, an array of shape (3, 2, 3, 3))"),
        ("torch_forward", lambda x: (x, 1), "y alone, a tensor, got (a Tensor of shape (3, 2, 3, 3), 1)"),
        ("torch_forward", lambda x: None, "y alone, a tensor, got None"),
        ("params", lambda shape: None, "{name: Param(shape, initializer)}, got None"),
        ("params", lambda shape: {"weight": (2,)}, "{name: Param(shape, initializer)}, got {weight: (2)}"),
        ("statistics", lambda shape: [], "{name: Param(shape, initializer)}, got []"),
        ("output_shape", lambda shape: 4, "a tuple of whole numbers without the batch axis, got 4"),
        ("output_shape", lambda shape: None, "a tuple of whole numbers without the batch axis, got None"),
    ],
)
def test_returned(method: str, returned: Callable[[Any], Any], says: str) -> None:
    def wrong(self: Layer, *given: Any) -> Any:
        first = 1 if method == "torch_forward" else 0  # behind F
        return returned(given[first])

    with pytest.raises(DeepenError) as caught:
        deepen.check(with_method(method, wrong), SHAPE)
    assert str(caught.value) == f"Scale.{method} must return {says}"


@pytest.mark.parametrize(
    "method", ["output_shape", "params", "statistics", "forward", "backward", "torch_forward"]
)
def test_raised(method: str) -> None:
    def wrong(self: Layer, *given: Any) -> Any:
        return given[0].no_such_thing

    with pytest.raises(DeepenError, match=rf"^Scale\.{method} raised AttributeError: .*no_such_thing") as caught:
        deepen.check(with_method(method, wrong), SHAPE)
    cause = caught.value.__cause__
    assert isinstance(cause, AttributeError)
    assert traceback.extract_tb(cause.__traceback__)[-1].name == "wrong"


def test_a_forgotten_context() -> None:
    def forward(self: Layer, x: Any, params: Any) -> Any:
        return x, None

    with pytest.raises(
        DeepenError, match=r"^Scale\.forward raised TypeError: .*takes 3 positional arguments but 4"
    ):
        deepen.check(with_method("forward", forward), SHAPE)


@pytest.mark.parametrize("initializer", [None, "ones", 0.25, Ones])
def test_no_initializer(initializer: Any) -> None:
    def params(self: Layer, input_shape: Any) -> Any:
        return {"weight": Param(input_shape[:1], initializer)}

    with pytest.raises(DeepenError) as caught:
        deepen.check(with_method("params", params), SHAPE)
    assert (
        str(caught.value) == f"Scale.params gives weight no initializer, such as Zeros(), but {initializer!r:.80}"
    )


def test_an_initializer_that_raises() -> None:
    class Broken(Ones):
        def sample(self, shape: Any, seed: int, path: str) -> Any:
            raise ValueError("no luck")

    def params(self: Layer, input_shape: Any) -> Any:
        return {"weight": Param(input_shape[:1], Broken())}

    with pytest.raises(DeepenError, match=r"^Broken\.sample raised ValueError: no luck$"):
        deepen.check(with_method("params", params), SHAPE)


def test_what_autograd_finds_on_the_way_back() -> None:
    def torch_forward(self: Layer, F: Any, x: Any, params: Any, ctx: Any) -> Any:
        y = (x * params["weight"][:, None, None]).exp()
        y += 1  # exp goes back through its own output
        return y

    with pytest.raises(DeepenError, match=r"^Scale\.torch_forward raised RuntimeError: .*inplace operation"):
        deepen.check(with_method("torch_forward", torch_forward), SHAPE)


def test_an_error_of_deepen_stays_as_it_is() -> None:
    def forward(self: Layer, x: Any, params: Any, ctx: Any) -> Any:
        raise self.misfit("has a problem")

    with pytest.raises(ShapeError, match=r"^Scale has a problem$"):
        deepen.check(with_method("forward", forward), SHAPE)


def test_inside_a_container() -> None:
    wrong = with_method("backward", lambda self, dy, params, cache: dy)
    says = r"^Sequential\.backward raised ValueError: .*; check the layers in it one by one$"
    with pytest.raises(DeepenError, match=says):
        deepen.check(Sequential([wrong]), SHAPE)


def test_a_parameter_that_is_one_number_and_a_shape_of_numpy_s_numbers() -> None:
    class Shift(Affine):
        def params(self, input_shape: Any) -> Any:
            return {"by": Param((), Ones())}

        def output_shape(self, input_shape: Any) -> Any:
            return tuple(np.array(input_shape))

        def forward(self, x: Any, params: Any, ctx: Any) -> Any:
            return x + params["by"], None

        def backward(self, dy: Any, params: Any, cache: Any) -> Any:
            return dy, {"by": dy.sum()}

        def torch_forward(self, F: Any, x: Any, params: Any, ctx: Any) -> Any:
            return x + params["by"]

    assert deepen.check(Shift(), SHAPE).passed


def test_a_class_that_inherits_its_dataclass_is_not_registered() -> None:
    says = (
        r"^Bare is no frozen dataclass itself; write @dataclass\(frozen=True\) between the line @deepen\.register"
    )
    with pytest.raises(DeepenError, match=says):

        @deepen.register
        class Bare(Layer):
            slope: float = 0.1

    with pytest.raises(DeepenError, match=r"^Loose is no frozen dataclass itself"):

        @deepen.register
        @dataclass
        class Loose(Described):
            slope: float = 0.1
