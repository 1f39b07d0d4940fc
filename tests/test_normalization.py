"""Fields of the normalizations, and how PyTorch computes them on images as they lie in training."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from deepen.context import Context, Pass
from deepen.errors import DeepenError
from deepen.layers import GroupNormalization, Normalize


@pytest.mark.parametrize(
    ("mean", "std", "says"),
    [
        ("a", 1, "Normalize: mean must be a number, or one for each channel, got 'a'"),
        (None, 1, "mean must be a number, or one for each channel, got None"),
        (float("nan"), 1, "mean must be a number, or one for each channel, got nan"),
        (0, (1, float("inf")), r"std must be a number, or one for each channel, got \(1, inf\)"),
        (0, True, "std must be a number, or one for each channel, got True"),
        ((0, (1, 2)), 1, "mean must be a number"),
        ((), (), r"give as many deviations as means, all above 0, got mean \(\) and std \(\)"),
        ((0, 1), 1, "give as many deviations as means"),
        (0, 0, "all above 0"),
    ],
)
def test_what_normalize_cannot_take(mean: Any, std: Any, says: str) -> None:
    with pytest.raises(DeepenError, match=says):
        Normalize(mean, std)


def test_normalize_turns_numpy_numbers_into_its_own() -> None:
    layer = Normalize([np.float32(0.5), 1], (2, np.float64(0.25)))  # type: ignore[arg-type]
    assert layer == Normalize((0.5, 1.0), (2.0, 0.25))
    assert {type(number) for numbers in (layer.mean, layer.std) for number in numbers} == {float}  # type: ignore[union-attr]


def test_group_normalization_of_channels_last_images_that_need_no_gradient() -> None:
    images = torch.linspace(-1, 1, 2 * 4 * 5 * 5).reshape(2, 4, 5, 5)
    found = []
    for x in (images, images.contiguous(memory_format=torch.channels_last)):
        params = {"gamma": torch.full((4,), 2.0, requires_grad=True), "beta": torch.zeros(4, requires_grad=True)}
        y = GroupNormalization(2).torch_forward(F, x, params, Context(Pass()))
        found.append(torch.autograd.grad((y * images).sum(), list(params.values())))
    for plain, channels_last in zip(*found, strict=True):
        torch.testing.assert_close(plain, channels_last)
