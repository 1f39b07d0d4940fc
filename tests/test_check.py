"""What `check` returns and prints; what is right passes whatever the seed."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

import deepen
from affine import SHAPE, Affine, wrong_rows
from deepen.context import Context
from deepen.errors import ShapeError, UsageError
from deepen.inspect import check as check_module
from deepen.layers import (
    AveragePooling2D,
    BatchNormalization,
    Conv2D,
    Dense,
    Dropout,
    Flatten,
    MaxPooling2D,
    ReLU,
    Residual,
    Sequential,
)
from deepen.paths import Shape
from deepen.spec import Layer


def test_a_right_layer() -> None:
    result = deepen.check(Affine(), SHAPE)
    assert result.passed
    assert not result.problems
    assert [(row.array, row.mode) for row in result.rows] == [
        ("y", "both"), ("dx", "both"), ("weight", "both"), ("bias", "both"),
    ]  # fmt: skip
    for row in result.rows[1:]:
        assert row.numpy == pytest.approx(row.torch) == pytest.approx(row.finite)
    lines = str(result).splitlines()
    assert lines[0] == "Affine: input (N, 2, 3, 3)"
    assert lines[1].split("  ")[0] == "array"
    assert lines[-1] == "right: agrees with PyTorch and finite differences"
    assert repr(result) == str(result)
    assert str(deepen.check(Affine(), SHAPE)) == str(result)


def test_one_wrong_entry_is_found_without_pytorch(monkeypatch: pytest.MonkeyPatch) -> None:
    class Wrong(Affine):
        def backward(self, dy: Any, params: Any, cache: Any) -> tuple[Any, dict[str, Any]]:
            dx, gradients = super().backward(dy, params, cache)
            dx[1, 2, 17, 5] += 0.01
            return dx, gradients

    monkeypatch.setattr(check_module, "torch_installed", lambda: False)
    result = deepen.check(Wrong(), (3, 40, 40), entries=5)
    (row,) = wrong_rows(result).values()
    assert (row.array, row.entry) == ("dx", (1, 2, 17, 5))
    assert (row.torch, row.torch_difference) == (None, None)
    assert row.numpy == pytest.approx(row.finite + 0.01)  # type: ignore[operator]
    assert str(result).endswith("wrong: 1 of 4 arrays disagree")
    assert str(deepen.check(Affine(), SHAPE)).endswith("finite differences; PyTorch is not installed")


def test_pytorch_computes_on_images_as_they_lie_in_training() -> None:
    channels_last: list[bool] = []

    class Watched(Affine):
        def torch_forward(self, F: Any, x: Any, params: Any, ctx: Context) -> Any:
            channels_last.append(x.is_contiguous(memory_format=torch.channels_last))
            return super().torch_forward(F, x, params, ctx)

    assert deepen.check(Watched(), SHAPE).passed
    assert channels_last == [True]


@pytest.mark.parametrize(
    ("layer", "input_shape"),
    [
        (ReLU(), (4, 12, 12)),
        (Conv2D(8, 3, padding=1, activation="relu"), (2, 8, 8)),
        (MaxPooling2D(3, stride=2, padding=1), (3, 11, 11)),
        (AveragePooling2D(2, padding="same"), (2, 5, 5)),
        (
            Sequential([Conv2D(4, 3), BatchNormalization(), ReLU(), MaxPooling2D(2), Flatten(), Dense(5)]),
            (2, 8, 8),
        ),
        (Residual(Sequential([Conv2D(2, 3, padding=1, activation="relu"), Dropout(0.3)])), (2, 5, 5)),
        (Dense(6, activation="softmax"), (40,)),
    ],
    ids=lambda given: type(given).__name__ if isinstance(given, Layer) else "",
)
def test_no_false_alarm_whatever_the_seed(layer: Layer, input_shape: Shape) -> None:
    for seed in range(25):
        result = deepen.check(layer, input_shape, seed=seed, entries=10)
        assert result.passed, f"seed {seed}\n{result}"


def test_where_there_is_no_derivative_to_be_seen_the_table_says_so() -> None:
    class Ripples(Affine):
        def forward(self, x: Any, params: Any, ctx: Context) -> tuple[Any, Any]:
            return super().forward(np.sin(1e9 * x), params, ctx)

        torch_forward = Layer.torch_forward

    result = deepen.check(Ripples(), SHAPE)
    row = wrong_rows(result)["dx"]
    assert (row.entry, row.finite, row.finite_difference) == (None, None, np.inf)
    (line,) = [line for line in str(result).splitlines() if line.startswith("dx")]
    assert line.split() == ["dx", "both", "–", "–", "–", "–", "–", "inf", "DISAGREES"]


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ({"layer": Conv2D}, r"give a layer, such as Conv2D\(8, 3\), got <class"),
        ({"input_shape": 4}, r"input_shape is the shape of one image, such as \(1, 28, 28\), got 4"),
        ({"input_shape": (3, 0, 2)}, r"input_shape is .*, got \(3, 0, 2\)"),
        ({"batch": 2.5}, "batch must be a whole number, 1 or more, got 2.5"),
        ({"batch": "3"}, "batch must be a whole number, 1 or more, got '3'"),
        ({"entries": 0}, "entries must be a whole number, 1 or more, got 0"),
        ({"seed": -1}, "seed must be a whole number, 0 or more, got -1"),
    ],
)
def test_wrong_arguments(arguments: dict[str, Any], says: str) -> None:
    with pytest.raises(UsageError, match=f"^(check: )?{says}"):
        deepen.check(**{"layer": ReLU(), "input_shape": (3,), **arguments})


def test_a_shape_that_the_layer_cannot_take() -> None:
    with pytest.raises(ShapeError, match="cannot fit its 3×3 window"):
        deepen.check(Conv2D(2, 3), (1, 2, 2))
