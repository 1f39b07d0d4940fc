"""Clipping: gradients that are too long together are scaled down, before anything else is done with them."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays_of

from deepen.arrays import Array
from deepen.groups import Group
from deepen.optimizers import SGD, Adam, AdamW, Momentum, Optimizer, clipped
from deepen.randomness import Moment
from deepen.spec import Layer
from harness import difference
from networks import NETWORKS
from stepping import BOTH, Make, arrays, each_engine, each_network, images, run, same_bytes, setup

NUMBERS = arrays_of.arrays(np.float64, (2, 3), elements=st.floats(-100, 100))


def norm(gradients: dict[str, Array]) -> float:
    return math.sqrt(sum(float((g * g).sum()) for g in gradients.values()))


@given(NUMBERS, NUMBERS, st.floats(1e-3, 1e3))
def test_it_is_that_of_torch(a: Array, b: Array, most: float) -> None:
    tensors = [torch.nn.Parameter(torch.zeros(2, 3, dtype=torch.float64)) for _ in range(2)]
    for tensor, gradient in zip(tensors, (a, b), strict=True):
        tensor.grad = torch.from_numpy(gradient.copy())
    torch.nn.utils.clip_grad_norm_(tensors, most)
    found = clipped({"a": a, "b": b}, most)
    for ours, tensor in zip(found.values(), tensors, strict=True):
        assert tensor.grad is not None
        assert ours == pytest.approx(tensor.grad.numpy(), rel=1e-12, abs=1e-300)
    assert norm(found) <= most


def test_only_what_is_too_long_is_changed_and_float32_stays() -> None:
    gradients = {"a": np.full((2, 2), 3, np.float32), "b": np.array([8], np.float32)}
    assert norm(gradients) == 10
    kept, halved = clipped(gradients, 10.1), clipped(gradients, 5)
    assert same_bytes(kept, gradients)
    assert halved["a"].dtype == halved["b"].dtype == np.float32
    assert halved["a"] == pytest.approx(np.full((2, 2), 1.5))
    assert gradients["b"] == 8


@each_engine
def test_an_engine_clips_all_that_is_trained_together_and_before_the_decay(make: Make) -> None:
    rate, decay, most = 0.1, 0.2, 0.05
    optimizer = SGD(weight_decay=decay, clip_norm=most)
    groups = (Group("conv1", rate=0),)
    engine = make(setup(NETWORKS["penalized"], dtype="float64", optimizer=optimizer, groups=groups))
    x, y = (array[:16] for array in images())
    before, gradients = engine.state().parameters, engine.gradients(x, y, moment=Moment())
    run(engine, 1, rate=rate)
    after, total = engine.state().parameters, norm(gradients)
    assert total > 2 * most
    assert (after["conv1.kernel"] == before["conv1.kernel"]).all()
    for path, g in gradients.items():
        w = before[path]
        expected = w - rate * (g * most / (total + 1e-6) + engine.setup.paces[path][1] * w)
        assert difference(after[path], expected) < 1e-12, path
    assert engine.setup.paces["dense1.kernel"][1] == decay


@each_engine
def test_a_bound_that_is_never_reached_changes_nothing(make: Make) -> None:
    free, bound = (make(setup(NETWORKS["graph"], optimizer=Adam(clip_norm=norm))) for norm in (None, 1e6))
    assert run(free, 4) == run(bound, 4)
    assert same_bytes(arrays(free.state()), arrays(bound.state()))


@each_network
@pytest.mark.parametrize(
    "optimizer",
    [Momentum(0.05, weight_decay=0.01, clip_norm=0.3), AdamW(0.01, clip_norm=0.3)],
    ids=lambda o: type(o).__name__,
)
def test_engines_agree(network: Layer, optimizer: Optimizer) -> None:
    ours, theirs = (make(setup(network, dtype="float64", optimizer=optimizer)) for make in BOTH)
    for engine in (ours, theirs):
        run(engine, 60, rate=optimizer.learning_rate)
    found = arrays(theirs.state())
    for name, array in arrays(ours.state()).items():
        assert difference(array, found[name]) < 1e-8, name
