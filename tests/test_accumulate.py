"""A step computed in parts is the step that it would be at once."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from deepen.arrays import Array
from deepen.data import Shift
from deepen.data.augment import Mixup
from deepen.engines import Engine
from deepen.engines.base import Batch
from deepen.engines.native.engine import NativeEngine
from deepen.engines.torch_engine import TorchEngine
from deepen.errors import NonFiniteError
from deepen.layers import BatchNormalization, Conv2D, Dense, Dropout, Flatten, Sequential, SideOutput
from deepen.optimizers import SGD, Adam, Momentum
from deepen.randomness import Moment
from deepen.regularizers import L1, L2
from deepen.spec import Layer
from harness import difference
from networks import NETWORKS
from stepping import BOTH, Make, arrays, each_engine, each_network, images, run, same_bytes, setup

PENALIZED = Sequential(
    [
        Conv2D(4, 3, activation="relu", kernel_regularizer=L2(0.03), activity_regularizer=L1(0.01)),
        SideOutput(Sequential([Dropout(0.3), Flatten(), Dense(5)]), weight=0.4),
        Dropout(0.5),
        Flatten(),
        Dropout(0.2),
        Dense(5, bias_regularizer="l2"),
    ]
)
"""All that adds to the loss, and draws, but nothing that looks at the batch as a whole."""


@given(st.integers(1, 40), st.integers(1, 50), st.integers(0, 9))
def test_parts_are_the_batch_cut_as_evenly_as_it_goes(images: int, count: int, position: int) -> None:
    batch = Batch(np.arange(images), Moment(1, 2, position), None, None)
    parts = list(batch.parts(count))
    assert len(parts) == min(count, images)
    assert [i for part, _, _ in parts for i in range(images)[part]] == list(range(images))
    sizes = [part.stop - part.start for part, _, _ in parts]
    assert max(sizes) - min(sizes) <= 1
    assert [share for _, share, _ in parts] == [size / images for size in sizes]
    assert [moment for _, _, moment in parts] == [Moment(1, 2, position + part.start) for part, _, _ in parts]


@each_engine
@pytest.mark.parametrize("parts", [2, 3, 16, 99])
def test_the_step_is_the_same(make: Make, parts: int) -> None:
    """Penalties count once, and dropout and augmentation draw by the place in the batch."""

    def engine(accumulate: int) -> Engine:
        optimizer = Momentum(weight_decay=0.1, clip_norm=1, average=0.9, accumulate=accumulate)
        variations = (Shift(2), Mixup(1.0))
        return make(setup(PENALIZED, dtype="float64", optimizer=optimizer, augmentations=variations))

    whole, divided = engine(1), engine(parts)
    for (loss, hits), (expected, expected_hits) in zip(run(divided, 4), run(whole, 4), strict=True):
        assert loss == pytest.approx(expected, rel=1e-12)
        assert hits == expected_hits
    found = arrays(divided.state())
    for name, array in arrays(whole.state()).items():
        assert difference(found[name], array) < 1e-12, name


@each_engine
def test_gradients_of_a_step_are_those_of_its_parts_together(make: Make) -> None:
    (x, y), names = images(7), ["input", *setup(PENALIZED).trainable]
    whole, divided = (
        make(setup(PENALIZED, dtype="float64", optimizer=Adam(accumulate=n), augmentations=(Shift(1),)))
        for n in (1, 3)
    )
    found, expected = (engine.gradients(x, y, names, Moment(1, 2)) for engine in (divided, whole))
    for name in names:
        assert difference(found[name], expected[name]) < 1e-12, name


@each_network
@pytest.mark.parametrize("parts", [3, 8])
def test_engines_agree(network: Layer, parts: int) -> None:
    settings = setup(
        network, dtype="float64", optimizer=Momentum(0.02, accumulate=parts), augmentations=(Shift(1),)
    )
    ours, theirs = (make(settings) for make in BOTH)
    both = run(ours, 40, rate=0.02), run(theirs, 40, rate=0.02)
    assert difference(*[[loss for loss, _ in found] for found in both]) < 1e-8
    assert [hits for _, hits in both[0]] == [hits for _, hits in both[1]]
    found = arrays(theirs.state())
    for name, array in arrays(ours.state()).items():
        assert difference(array, found[name]) < 1e-8, name


@each_network
def test_gradients_of_divided_steps_agree(network: Layer) -> None:
    (x, y), names = images(11), ["input", *setup(network).trainable]
    settings = setup(network, dtype="float64", optimizer=Adam(accumulate=3))
    ours, theirs = (make(settings).gradients(x, y, names, Moment(2, 5)) for make in BOTH)
    for name in names:
        assert difference(ours[name], theirs[name]) < 1e-10, name


@each_engine
def test_statistics_move_once_by_the_mean_of_the_parts(make: Make) -> None:
    network = Sequential([BatchNormalization(), Flatten(), Dense(5)])
    engine = make(setup(network, dtype="float64", optimizer=SGD(accumulate=3)))
    run(engine, 1)
    x = images()[0][:16] / 255
    parts = [x[0:5], x[5:10], x[10:16]]
    mean, variance = (
        sum(len(part) / 16 * value for part, value in zip(parts, values, strict=True))
        for values in zip(*[(p.mean((0, 2, 3)), p.var((0, 2, 3), ddof=1)) for p in parts], strict=True)
    )
    statistics = engine.state().statistics
    assert statistics["norm1.running_mean"] == pytest.approx(0.1 * mean, rel=1e-12)
    assert statistics["norm1.running_variance"] == pytest.approx(0.9 + 0.1 * variance, rel=1e-12)


def waiting(settings: Any) -> Engine:
    """Make an engine that does what a GPU does, on the CPU: a flag holds the weights until results are read."""
    engine = TorchEngine(settings)
    engine._waits = False
    return engine


def with_a_hole(image: int) -> tuple[Array, Array]:
    x, y = images(16)
    x = x.astype(np.float32) / 255
    x[image, 0, 2, 2] = np.nan
    return x, y


@pytest.mark.parametrize(
    "make",
    [*BOTH, waiting, NativeEngine],
    ids=["numpy", "torch", "torch that does not wait", "native"],
    indirect=True,
)
@pytest.mark.parametrize("image", [0, 15])
def test_a_part_that_is_not_finite_stops_the_whole_step(make: Make, image: int) -> None:
    engine = make(setup(NETWORKS["graph"], optimizer=Adam(clip_norm=1, average=0.9, accumulate=4)))
    run(engine, 2)
    before = engine.state()
    engine.bind(*with_a_hole(image))
    with pytest.raises(NonFiniteError, match="epoch 1, step 3: the images themselves hold NaN"):
        engine.step(np.arange(16), Moment(0, 2), 0.01).read()
    after = engine.state()
    assert after.steps == before.steps == 2
    assert same_bytes(arrays(after), arrays(before))
    assert all(np.isfinite(loss) for loss, _ in run(engine, 1))
    assert engine.state().steps == 3
