"""A layer that is right, for tests to make wrong, and what `check` finds wrong with it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from deepen.context import Context
from deepen.initializers import Ones, Zeros
from deepen.inspect.check import CheckResult, CheckRow
from deepen.paths import Shape
from deepen.spec import Layer, Param

SHAPE = (2, 3, 3)


@dataclass(frozen=True)
class Affine(Layer):
    """`y = x · weight + bias`, one of each for every channel: right, and made wrong below."""

    def output_shape(self, input_shape: Shape) -> Shape:
        return input_shape

    def params(self, input_shape: Shape) -> dict[str, Param]:
        return {"weight": Param(input_shape[:1], Ones()), "bias": Param(input_shape[:1], Zeros())}

    def forward(self, x: Any, params: Any, ctx: Context) -> tuple[Any, Any]:
        return x * params["weight"][:, None, None] + params["bias"][:, None, None], x

    def backward(self, dy: Any, params: Any, cache: Any) -> tuple[Any, dict[str, Any]]:
        gradients = {"weight": (dy * cache).sum(axis=(0, 2, 3)), "bias": dy.sum(axis=(0, 2, 3))}
        return dy * params["weight"][:, None, None], gradients

    def torch_forward(self, F: Any, x: Any, params: Any, ctx: Context) -> Any:
        return x * params["weight"][:, None, None] + params["bias"][:, None, None]


def wrong_rows(result: CheckResult) -> dict[str, CheckRow]:
    assert not result.passed
    return {row.array: row for row in result.rows if not row.passed}
