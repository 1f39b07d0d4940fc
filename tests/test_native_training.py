"""The native engine trains as NumPy's does, whatever it trains with, and repeats itself bit for bit."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from deepen.arrays import Array
from deepen.constraints import MaxNorm
from deepen.data.augment import augmentation
from deepen.engines import Engine, Setup, State
from deepen.engines.native.compiler import Compiler
from deepen.engines.native.engine import NativeEngine
from deepen.engines.numpy_engine import NumpyEngine
from deepen.groups import Group
from deepen.layers import (
    BatchNormalization,
    Conv2D,
    Dense,
    Dropout,
    Flatten,
    MaxPooling2D,
    PartialConv2D,
    ReLU,
    Residual,
    Sequential,
)
from deepen.losses import MeanSquaredError, MultiClassHinge, SoftmaxCrossEntropy, one_hot
from deepen.optimizers import SGD, AdaGrad, Adam, AdamW, Momentum, Nesterov, RMSprop
from deepen.randomness import Moment
from harness import difference
from native_together import together
from networks import CLASSES, INPUT_SHAPE, NETWORKS
from stepping import arrays, images, run, same_bytes, setup

BODY = [
    Conv2D(6, 3, padding=1, use_bias=False),
    BatchNormalization(),
    ReLU(),
    Conv2D(6, 3, padding=1, use_bias=False),
    BatchNormalization(),
]
NETWORK = Sequential(
    [
        Conv2D(6, 3, padding=1, activation="relu"),
        MaxPooling2D(2),
        Residual(Sequential(BODY), name="block"),
        ReLU(),
        Dropout(0.2),
        PartialConv2D(((0, 1), (1, 2, 3), (0, 3, 4, 5)), 2, kernel_constraint=MaxNorm(1.0)),
        Flatten(),
        Dense(CLASSES),
    ]
)
"""All that a kernel does together with its neighbours."""


def varied(*texts: str) -> dict[str, Any]:
    return {"augmentations": tuple(map(augmentation, texts))}


TRAININGS = {
    "SGD": setup(
        NETWORK,
        optimizer=SGD(0.05, weight_decay=0.01, clip_norm=0.5),
        groups=(Group("conv1", rate=0), Group("block.norm1", rate=0), Group("dense1", rate=0.5, decay=0)),
        **varied("shift=1", "flip"),
    ),
    "Momentum": setup(
        NETWORKS["penalized"],
        optimizer=Momentum(0.02, weight_decay=0.001, accumulate=3),
        **varied("crop=2", "cutout=4"),
    ),
    "Nesterov": setup(
        NETWORK,
        loss=SoftmaxCrossEntropy(label_smoothing=0.1),
        optimizer=Nesterov(0.02, average=0.95),
        **varied("mixup=1"),
    ),
    "AdaGrad": setup(
        NETWORK,
        loss=SoftmaxCrossEntropy(class_weights=(1.0, 0.5, 2.0, 0.0, 1.5)),
        optimizer=AdaGrad(0.02, weight_decay=0.001),
        **varied("brightness=0.2", "cutmix", "shift=1", "mixup"),
    ),
    "RMSprop": setup(
        NETWORKS["penalized"],
        loss=MultiClassHinge(),
        optimizer=RMSprop(0.001, accumulate=2),
        groups=(Group("norm1", rate=0),),
        **varied("alternating_flip", "mixup"),
    ),
    "Adam": setup(
        NETWORKS["graph"],
        optimizer=Adam(0.005, clip_norm=1, average=0.9, accumulate=4),
        **varied("affine rotation=20 scale=0.2 shear=0.2 shift=1", "erasing"),
    ),
    "AdamW": setup(
        NETWORKS["penalized"],
        loss=MeanSquaredError(),
        optimizer=AdamW(0.005, weight_decay=0.1, clip_norm=0.5),
        **varied("elastic", "contrast=0.3"),
    ),
}
"""Every optimizer, each with other things beside it."""
EXACT = {name: replace(training, dtype="float64") for name, training in TRAININGS.items()}
PLAIN = setup(NETWORK, optimizer=Momentum(0.02), dtype="float32")
each_training = pytest.mark.parametrize("name", TRAININGS)


@pytest.fixture(scope="module", autouse=True)
def exact(compiler: Compiler) -> Iterator[None]:
    with together(EXACT.values()):
        yield


def train(engine: Engine, steps: int, first: int = 0, labels: Array | None = None) -> list[tuple[float, int]]:
    """Train with batches of many sizes, in an order of their own."""
    x, y = images()
    engine.bind(x, y if labels is None else labels)
    found, rate = [], engine.setup.optimizer.learning_rate
    for step in range(first, first + steps):
        count = (16, 16, 7, 33, 1, 16, 2, 64)[step % 8]
        indices = np.random.default_rng(step).permutation(len(x))[:count]
        found.append(engine.step(indices, Moment(step // 4, step % 4), rate).read())
    return found


@each_training
def test_two_hundred_steps_are_those_of_numpy(name: str) -> None:
    judge, native = NumpyEngine(EXACT[name]), NativeEngine(EXACT[name])
    expected, found = train(judge, 200), train(native, 200)
    assert difference(*[[loss for loss, _ in each] for each in (found, expected)]) < 1e-8
    assert [hits for _, hits in found] == [hits for _, hits in expected]
    ours, theirs = arrays(native.state()), arrays(judge.state())
    assert list(ours) == list(theirs)
    for path, array in ours.items():
        assert difference(array, theirs[path]) < 1e-8, path
    assert native.state().steps == 200
    x, _ = images(9)
    assert difference(native.outputs(x), judge.outputs(x)) < 1e-8


@each_training
def test_what_is_frozen_keeps_its_bytes(name: str) -> None:
    engine = NativeEngine(EXACT[name])
    kept = [
        *(path for path in engine.setup.parameters if path not in engine.setup.trainable),
        *(path for path in engine.setup.statistics if path.rpartition(".")[0] in engine.setup.frozen),
    ]
    assert bool(kept) == bool(engine.setup.groups)
    first = engine.state()
    for path in engine.setup.statistics:
        first.statistics[path] += 1 / 3
    engine.load_state(first)
    before, _ = arrays(engine.state()), train(engine, 3)
    after = arrays(engine.state())
    assert all(before[path].tobytes() == after[path].tobytes() for path in kept)


@pytest.mark.parametrize("name", ["SGD", "AdaGrad", "RMSprop"])
def test_labels_may_be_rows(name: str) -> None:
    rows = 0.8 * one_hot(images()[1], CLASSES, "float32") + 0.04
    judge, native = NumpyEngine(EXACT[name]), NativeEngine(EXACT[name])
    expected, found = (train(engine, 20, labels=rows) for engine in (judge, native))
    assert difference(*[[loss for loss, _ in each] for each in (found, expected)]) < 1e-10
    assert [hits for _, hits in found] == [hits for _, hits in expected]


def moved(before: State, after: State) -> dict[str, Array]:
    """Return how far a step has moved everything."""
    ours, theirs = arrays(before), arrays(after)
    return {path: theirs[path].astype("float64") - ours[path] for path in ours}


def in_float64(state: State, noise: float = 0, seed: int = 0) -> State:
    rng, wide = np.random.default_rng(seed), state.copy()
    for kept in (wide.parameters, wide.statistics, *wide.slots.values()):
        kept.update({path: array.astype("float64") for path, array in kept.items()})
    for path, w in wide.parameters.items():
        wide.parameters[path] = w * (1 + noise * rng.uniform(-1, 1, w.shape))
    return wide


def test_single_steps_of_float32() -> None:
    """From 20 states along a training, each step moves everything as one of float64 does, within 2e-5.

    Of two numbers that are all but the same, another one may be the larger, and of one near 0 the sign may be
    another: then the gradient is that of another way through the network. That is no fault where weights that
    differ by their rounding alone lead to moves of float64 that lie as far apart.
    """
    trained, native, judge = NumpyEngine(PLAIN), NativeEngine(PLAIN), NumpyEngine(replace(PLAIN, dtype="float64"))
    flips = 0
    for checked in range(20):
        first = 10 * checked
        run(trained, 9, first=first, rate=0.02)
        before = trained.state()
        native.load_state(before)
        run(native, 1, first=first + 9, rate=0.02)
        found = moved(before, native.state())

        def exactly(noise: float = 0, seed: int = 0) -> dict[str, Array]:
            start = in_float64(before, noise, seed)  # noqa: B023  # called within the loop
            judge.load_state(start)
            run(judge, 1, first=first + 9, rate=0.02)  # noqa: B023
            return moved(start, judge.state())

        expected = exactly()
        for path, array in found.items():
            # What training moves, and what is lost where it is added to a number of float32.
            room = 2e-5 * abs(expected[path]).max() + 2**-23 * abs(arrays(before)[path]).max()
            if abs(array - expected[path]).max() > room:
                others = [abs(exactly(2**-23, seed)[path] - expected[path]).max() for seed in range(5)]
                assert abs(array - expected[path]).max() < 2 * max(others), (checked, path)
                flips += 1
        run(trained, 1, first=first + 9, rate=0.02)
    assert flips < 20, "a few of hundreds"


@pytest.mark.parametrize("threads", [1, 2, 5])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_the_same_threads_make_the_same_bytes(threads: int, dtype: str) -> None:
    """Batches have more and fewer images than there are threads."""
    training = replace(TRAININGS["SGD"], dtype=dtype)
    first, second = (NativeEngine(training, threads=threads) for _ in range(2))
    assert first.threads == threads
    assert train(first, 16) == train(second, 16)
    assert same_bytes(arrays(first.state()), arrays(second.state()))


@each_training
def test_the_number_of_threads_does_not_matter_but_for_rounding(name: str) -> None:
    engines = [NativeEngine(EXACT[name], threads=threads) for threads in (1, 2, 3, 17)]
    losses = [[loss for loss, _ in train(engine, 8)] for engine in engines]
    first = arrays(engines[0].state())
    for engine, found in zip(engines[1:], losses[1:], strict=True):
        assert difference(found, losses[0]) < 1e-12
        for path, array in arrays(engine.state()).items():
            assert difference(array, first[path]) < 1e-10, path


@each_training
def test_a_state_goes_on_wherever_it_was_taken(name: str) -> None:
    whole, parted = (NativeEngine(EXACT[name], threads=2) for _ in range(2))
    losses = train(whole, 12)
    found = train(parted, 5)
    taken = parted.state()
    assert same_bytes(arrays(NativeEngine(EXACT[name], taken).state()), arrays(taken))
    train(parted, 3, first=90)
    parted.load_state(taken)
    assert found + train(parted, 7, first=5) == losses
    assert same_bytes(arrays(parted.state()), arrays(whole.state()))
    assert parted.state().steps == whole.state().steps == 12


def test_other_weights_than_the_first_are_evaluated_at_once() -> None:
    """After a step, after a state is loaded, and between steps."""
    training, (x, _) = EXACT["Nesterov"], images(5)
    judge, native = NumpyEngine(training), NativeEngine(training)
    taken = judge.state()
    for step in range(3):
        assert difference(native.outputs(x), judge.outputs(x)) < 1e-10
        for engine in (judge, native):
            train(engine, 1, first=step)
        assert difference(native.outputs(x), judge.outputs(x)) < 1e-10
    for engine in (judge, native):
        engine.load_state(taken)
    assert difference(native.outputs(x), judge.outputs(x)) < 1e-10


def test_one_setup_of_every_kind_is_there() -> None:
    assert len({type(training.optimizer) for training in TRAININGS.values()}) == 7
    assert all(isinstance(training, Setup) and training.input_shape == INPUT_SHAPE for training in EXACT.values())
