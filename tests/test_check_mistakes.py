"""`check` finds each kind of mistake and says where."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import deepen
from affine import SHAPE, Affine, wrong_rows
from deepen.context import Context
from deepen.layers import BatchNormalization
from deepen.paths import Shape
from deepen.spec import Layer


def test_one_wrong_entry_of_a_large_array_is_found() -> None:
    class Wrong(Affine):
        def backward(self, dy: Any, params: Any, cache: Any) -> tuple[Any, dict[str, Any]]:
            dx, gradients = super().backward(dy, params, cache)
            dx[1, 2, 17, 5] *= 1.01
            return dx, gradients

    rows = wrong_rows(deepen.check(Wrong(), (3, 40, 40), entries=5))
    assert rows.keys() == {"dx"}
    assert rows["dx"].entry == (1, 2, 17, 5)
    assert rows["dx"].torch == pytest.approx(rows["dx"].finite)
    assert rows["dx"].numpy == pytest.approx(1.01 * rows["dx"].finite)  # type: ignore[operator]


def test_a_forgotten_bias() -> None:
    class Missing(Affine):
        def backward(self, dy: Any, params: Any, cache: Any) -> tuple[Any, dict[str, Any]]:
            dx, gradients = super().backward(dy, params, cache)
            return dx, {"weight": gradients["weight"], "wieght": gradients["weight"]}

    class Zero(Affine):
        def backward(self, dy: Any, params: Any, cache: Any) -> tuple[Any, dict[str, Any]]:
            dx, gradients = super().backward(dy, params, cache)
            return dx, gradients | {"bias": 0 * gradients["bias"]}

    assert deepen.check(Missing(), SHAPE).problems == (
        "backward returns no gradient for bias",
        "backward returns a gradient for wieght, which is no parameter",
    )
    rows = wrong_rows(deepen.check(Zero(), SHAPE))
    assert rows.keys() == {"bias"}
    assert rows["bias"].numpy == 0
    assert rows["bias"].torch == pytest.approx(rows["bias"].finite)


def test_assigning_where_windows_overlap() -> None:
    class SumOfTwo(Layer):
        def output_shape(self, input_shape: Shape) -> Shape:
            return (input_shape[0] - 1,)

        def forward(self, x: Any, params: Any, ctx: Context) -> tuple[Any, Any]:
            return x[:, 1:] + x[:, :-1], x.shape

        def backward(self, dy: Any, params: Any, cache: Any) -> tuple[Any, dict[str, Any]]:
            dx = np.empty(cache, dy.dtype)
            dx[:, 1:] = dy
            dx[:, :-1] = dy  # should be added
            return dx, {}

        def torch_forward(self, F: Any, x: Any, params: Any, ctx: Context) -> Any:
            return x[:, 1:] + x[:, :-1]

    rows = wrong_rows(deepen.check(SumOfTwo(), (6,)))
    assert rows.keys() == {"dx"}
    assert rows["dx"].entry is not None
    assert 0 < rows["dx"].entry[1] < 5


def test_wrong_shapes() -> None:
    class Kept(Affine):
        def backward(self, dy: Any, params: Any, cache: Any) -> tuple[Any, dict[str, Any]]:
            dx, gradients = super().backward(dy, params, cache)
            return dx.reshape(3, -1), gradients | {"bias": dy.sum(axis=(0, 2, 3), keepdims=True)}

    class Liar(Affine):
        def output_shape(self, input_shape: Shape) -> Shape:
            return (1, *input_shape)

    class Torch(Affine):
        def torch_forward(self, F: Any, x: Any, params: Any, ctx: Context) -> Any:
            return x.flatten(1)

    result = deepen.check(Kept(), SHAPE)
    assert result.problems == (
        "dx has the shape (3, 18), but x has (3, 2, 3, 3)",
        "the gradient of bias has the shape (1, 2, 1, 1), but bias has (2,)",
    )
    assert [row.array for row in result.rows] == ["y", "weight"]
    assert str(result).endswith("wrong: 2 other mistakes")
    assert deepen.check(Liar(), SHAPE).problems == (
        "y has the shape (3, 2, 3, 3), but output_shape says (3, 1, 2, 3, 3)",
    )
    assert "y has the shape (3, 2, 3, 3) in NumPy, but (3, 18) in PyTorch" in deepen.check(Torch(), SHAPE).problems


@pytest.mark.parametrize("array", ["y", "dx", "bias"])
def test_nan(array: str) -> None:
    class Wrong(Affine):
        def forward(self, x: Any, params: Any, ctx: Context) -> tuple[Any, Any]:
            y, cache = super().forward(x, params, ctx)
            y[2, 1, 0, 2] = np.nan if array == "y" else y[2, 1, 0, 2]
            return y, cache

        def backward(self, dy: Any, params: Any, cache: Any) -> tuple[Any, dict[str, Any]]:
            dx, gradients = super().backward(dy, params, cache)
            dx[2, 1, 0, 2] = np.nan if array == "dx" else dx[2, 1, 0, 2]
            gradients["bias"][1] = np.nan if array == "bias" else gradients["bias"][1]
            return dx, gradients

    rows = wrong_rows(deepen.check(Wrong(), SHAPE))
    assert array in rows
    assert rows[array].entry == ((1,) if array == "bias" else (2, 1, 0, 2))
    assert np.isnan(rows[array].numpy)  # type: ignore[arg-type]
    assert rows[array].torch_difference == np.inf


@pytest.mark.parametrize("name", ["x", "dy", "y", "weight"])
def test_overwritten(name: str) -> None:
    class Wrong(Affine):
        def forward(self, x: Any, params: Any, ctx: Context) -> tuple[Any, Any]:
            kept = x.copy()
            if name == "x":
                x += 1
            y, _ = super().forward(kept, params, ctx)
            return y, (kept, y)

        def backward(self, dy: Any, params: Any, cache: Any) -> tuple[Any, dict[str, Any]]:
            result = super().backward(dy, params, cache[0])
            if name in ("dy", "y"):
                (dy if name == "dy" else cache[1])[0] = 0
            if name == "weight":
                params["weight"] *= 2
            return result

    assert deepen.check(Wrong(), SHAPE).problems == (
        f"{name} is written to; forward and backward leave what they are given as it is: write to a copy",
    )


def test_float64() -> None:
    class Wrong(Affine):
        def backward(self, dy: Any, params: Any, cache: Any) -> tuple[Any, dict[str, Any]]:
            dx, gradients = super().backward(dy, params, cache)
            return dx * np.float64(1), gradients

    assert deepen.check(Wrong(), SHAPE).problems == ("dx is float64 where everything given is float32",)


def test_pytorch_computes_something_else() -> None:
    class Wrong(Affine):
        def torch_forward(self, F: Any, x: Any, params: Any, ctx: Context) -> Any:
            return x * params["weight"][:, None, None]

    rows = wrong_rows(deepen.check(Wrong(), SHAPE))
    assert rows.keys() == {"y", "bias"}
    assert (rows["bias"].torch, rows["bias"].numpy) == (0, pytest.approx(rows["bias"].finite))


def test_no_pytorch_line_yet() -> None:
    class Unfinished(Affine):
        torch_forward = Layer.torch_forward

    result = deepen.check(Unfinished(), SHAPE)
    assert result.problems == ("Unfinished lacks a PyTorch forward pass",)
    assert all(row.passed for row in result.rows)


def test_randomness_of_its_own() -> None:
    rng = np.random.default_rng(0)

    class Wrong(Affine):
        def forward(self, x: Any, params: Any, ctx: Context) -> tuple[Any, Any]:
            y, cache = super().forward(x, params, ctx)
            return y + rng.standard_normal(y.shape).astype(y.dtype), cache

    (problem,) = deepen.check(Wrong(), SHAPE).problems
    assert problem == "two forward passes over the same batch differ; draw random numbers with ctx.uniform"


def test_a_mistake_of_one_mode_is_named_with_it() -> None:
    class Wrong(BatchNormalization):
        def backward(self, dy: Any, params: Any, cache: Any) -> tuple[Any, dict[str, Any]]:
            dx, gradients = super().backward(dy, params, cache)
            return dx if cache[-1] else 2 * dx, gradients

    rows = wrong_rows(deepen.check(Wrong(), SHAPE))
    assert [(row.array, row.mode) for row in rows.values()] == [("dx", "evaluation")]


def test_running_statistics() -> None:
    class Wrong(BatchNormalization):
        def forward(self, x: Any, params: Any, ctx: Context) -> tuple[Any, Any]:
            y, cache = super().forward(x, params, ctx)
            if ctx.training:
                ctx.update("running_mean", 1.5 * ctx.run.updates["running_mean"])
                ctx.update("moving_mean", ctx.run.updates["running_mean"])
            return y, cache

    result = deepen.check(Wrong(), SHAPE)
    assert wrong_rows(result).keys() == {"running_mean"}
    assert result.problems == (
        "a new value is given to moving_mean, which is no running statistic",
        "only the NumPy pass gives a new value to moving_mean",
    )


@pytest.mark.parametrize("right", [True, False])
def test_side_outputs_and_penalties_count(right: bool) -> None:
    class Side(Affine):
        def forward(self, x: Any, params: Any, ctx: Context) -> tuple[Any, Any]:
            y, _ = super().forward(x, params, ctx)
            side = ctx.emit(x[:, :, 0, 0] ** 2, 0.3) if ctx.training else None
            if ctx.training:
                ctx.penalize((params["bias"] ** 2).sum())
            return y, (x, side)

        def backward(self, dy: Any, params: Any, cache: Any) -> tuple[Any, dict[str, Any]]:
            x, side = cache
            dx, gradients = super().backward(dy, params, x)
            if side is not None and right:
                dx[:, :, 0, 0] += 2 * x[:, :, 0, 0] * side.gradient
                gradients["bias"] += 2 * params["bias"]
            return dx, gradients

        def torch_forward(self, F: Any, x: Any, params: Any, ctx: Context) -> Any:
            if ctx.training:
                ctx.emit(x[:, :, 0, 0] ** 2, 0.3)
                ctx.penalize((params["bias"] ** 2).sum())
            return super().torch_forward(F, x, params, ctx)

    result = deepen.check(Side(), SHAPE)
    if right:
        assert result.passed, result
    else:
        rows = wrong_rows(result)
        assert {(row.array, row.mode) for row in rows.values()} == {("dx", "training"), ("bias", "training")}
        assert rows["dx"].entry is not None
        assert rows["dx"].entry[2:] == (0, 0)
