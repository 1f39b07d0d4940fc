"""Augmentation: the same images in every engine, moved as described, and none in evaluation."""

from __future__ import annotations

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from deepen import randomness
from deepen.arrays import Array
from deepen.context import Context, Pass
from deepen.data import Shift
from deepen.engines import Setup
from deepen.engines.numpy_engine import NumpyEngine
from deepen.errors import DeepenError
from deepen.layers import Dense, Flatten, Sequential
from deepen.randomness import Moment


def draws(shape: tuple[int, ...]) -> Array:
    return randomness.uniform(0, "augmentation 0", Moment(), shape)


def test_shift_moves_each_image_whole() -> None:
    x = np.zeros((200, 2, 9, 7))
    x[:, 0, 4, 3] = 1
    x[:, 1, 4, 3] = 2
    y = Shift(2).forward(x, Context(Pass(True, lambda _, shape: draws(shape))))
    n, rows, columns = np.nonzero(y[:, 0])
    assert (n == np.arange(200)).all()
    assert (2 * y[:, 0] == y[:, 1]).all()
    assert {*rows} == {2, 3, 4, 5, 6}
    assert {*columns} == {1, 2, 3, 4, 5}


def test_what_leaves_on_one_side_comes_back_as_zeros_on_the_other() -> None:
    x = np.ones((50, 1, 3, 3))
    y = Shift(1).forward(x, Context(Pass(True, lambda _, shape: draws(shape))))
    assert {float(image.sum()) for image in y} == {4.0, 6.0, 9.0}


def test_engines_shift_alike() -> None:
    x = np.random.default_rng(0).random((20, 3, 8, 6))
    ours = Shift(3).forward(x, Context(Pass(True, lambda _, shape: draws(shape))))
    torch_draws = Pass(True, lambda _, shape: torch.from_numpy(draws(shape)))
    theirs = Shift(3).torch_forward(F, torch.from_numpy(x), Context(torch_draws))
    assert (ours == theirs.numpy()).all()


def test_there_is_none_in_evaluation() -> None:
    network = Sequential([Flatten(), Dense(3)])
    x = np.random.default_rng(0).random((5, 1, 4, 4), dtype=np.float32)
    labels = np.zeros(5, np.int64)
    plain, varied = (NumpyEngine(Setup(network, (1, 4, 4), augmentations=steps)) for steps in [(), (Shift(2),)])
    assert (plain.outputs(x) == varied.outputs(x)).all()
    assert (plain.gradients(x, labels)["dense1.kernel"] == varied.gradients(x, labels)["dense1.kernel"]).all()
    trained = varied.gradients(x, labels, moment=Moment())["dense1.kernel"]
    assert (plain.gradients(x, labels, moment=Moment())["dense1.kernel"] != trained).any()


@pytest.mark.parametrize("pixels", [0, -1, 1.5, True])
def test_wrong_fields(pixels: object) -> None:
    with pytest.raises(DeepenError, match="pixels must be a whole number, 1 or more"):
        Shift(pixels)  # type: ignore[arg-type]
