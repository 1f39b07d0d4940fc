"""What the native engine shows, what it refuses, and how it fails."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pytest

from deepen import Model, engines, spec
from deepen.data.augment import Flip
from deepen.data.views import views
from deepen.engines import Choice, Setup
from deepen.engines.native.engine import NativeEngine, unsupported
from deepen.engines.numpy_engine import NumpyEngine
from deepen.errors import DataError, NonFiniteError, UsageError
from deepen.layers import (
    BatchNormalization,
    Conv2D,
    Dense,
    Dropout,
    Flatten,
    GlobalAveragePooling2D,
    MaxPooling2D,
    Parallel,
    ReLU,
    Residual,
    Sequential,
    SideOutput,
)
from deepen.losses import MeanSquaredError, one_hot
from deepen.optimizers import SGD, Momentum
from deepen.randomness import Moment
from deepen.regularizers import L2
from harness import difference
from networks import CLASSES, INPUT_SHAPE, NETWORKS
from stepping import arrays, images, run, same_bytes, setup

pytestmark = pytest.mark.usefixtures("compiler")

BRANCHES = Sequential(
    [
        Conv2D(17, 3, padding=1),
        ReLU(),
        MaxPooling2D(2),
        SideOutput(Sequential([Flatten(), Dense(CLASSES)]), name="side"),
        Residual(Sequential([Conv2D(17, 3, padding=1), BatchNormalization(), ReLU(), BatchNormalization()])),
        ReLU(),
        Parallel([Conv2D(3, 1, activation="relu"), Sequential([MaxPooling2D(3, 1, 1), Conv2D(2, 1)])]),
        Dropout(0.5),
        GlobalAveragePooling2D(),
        Dense(CLASSES, activation="softmax"),
    ]
)
"""Much of it is computed with its neighbours, and never stored unless somebody looks at it."""
PLAIN = setup(NETWORKS["plain"])


@pytest.fixture(scope="module")
def trained() -> NumpyEngine:
    """A judge whose weights and statistics are no longer the first ones."""
    engine = NumpyEngine(setup(BRANCHES, dtype="float64", optimizer=Momentum(average=0.9)))
    run(engine, 3)
    return engine


# What it shows


def test_every_layer_can_be_looked_at(trained: NumpyEngine) -> None:
    paths, x = [*spec.layer_paths(BRANCHES, INPUT_SHAPE)], images(9)[0]
    engine = NativeEngine(trained.setup, trained.state())
    expected = trained.activations(x, paths)
    found = engine.activations(x, paths)
    assert [*found] == paths
    assert len(paths) > 20
    for path in paths:
        assert difference(found[path], expected[path]) < 1e-10, path
    # What is looked at alone is computed with other neighbours than what is looked at beside others.
    for alone in (["conv1"], ["residual1.norm2", "pool1"], ["parallel1.branch1", "relu1", "relu1"]):
        for path, array in engine.activations(x, alone).items():
            assert difference(array, expected[path]) < 1e-10, path
    assert engine.activations(x, []) == {}
    assert difference(engine.outputs(x), trained.outputs(x)) < 1e-10


def test_views_and_orders_of_images_are_what_they_are_elsewhere(trained: NumpyEngine) -> None:
    engine, (x, _) = NativeEngine(trained.setup, trained.state()), images(7)
    for view in (*views(x, "flip+shift"), np.asfortranarray(x), x[::-2], x.astype(">f4") / 255, x.astype("f2")):
        assert difference(engine.outputs(view), trained.outputs(view)) < 1e-10
    assert engine.outputs(x[:0]).shape == (0, CLASSES)


@pytest.mark.parametrize("size", [1, 3, 64, 1000])
def test_the_size_of_batches_does_not_matter_to_an_evaluation(trained: NumpyEngine, size: int) -> None:
    engine, (x, y) = NativeEngine(trained.setup, trained.state()), images(65)
    loss, outputs = engine.evaluate(x, y, size)
    assert outputs.tobytes() == engine.outputs(x).tobytes()
    assert loss == pytest.approx(trained.evaluate(x, y)[0], rel=1e-10)


def test_a_network_for_features() -> None:
    settings = Setup(Dense(3), (4,), dtype="float64")
    judge, engine = NumpyEngine(settings), NativeEngine(settings)
    x, y = np.random.default_rng(0).standard_normal((5, 4)), np.arange(5) % 3
    ours, theirs = (each.gradients(x, y, ["input", "kernel"], Moment()) for each in (engine, judge))
    assert all(difference(ours[name], theirs[name]) < 1e-10 for name in theirs)


# What it refuses


@dataclass(frozen=True)
class OwnLayer(ReLU):
    pass


class OwnError(MeanSquaredError):
    pass


class OwnOptimizer(SGD):
    pass


class OwnAugmentation(Flip):
    pass


class OwnRegularizer(L2):
    pass


def regularized(regularizer: Any) -> Sequential:
    return Sequential([Flatten(), Dense(CLASSES, kernel_regularizer=regularizer)])


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        (
            setup(Sequential([OwnLayer(name="own"), Flatten(), Dense(5)])),
            r"no rule for the layer OwnLayer \(own\)",
        ),
        (replace(PLAIN, loss=OwnError()), "does not know the loss OwnError"),
        (replace(PLAIN, optimizer=OwnOptimizer()), "does not know the optimizer OwnOptimizer"),
        (replace(PLAIN, augmentations=(OwnAugmentation(),)), "does not know the augmentation OwnAugmentation"),
        (setup(regularized(OwnRegularizer(0.1))), r"the regularizer OwnRegularizer \(dense1\.kernel\)"),
        (setup(Conv2D(2, 3)), r"give features, but this one gives \(2, 8, 8\)"),
    ],
    ids=["layer", "loss", "optimizer", "augmentation", "regularizer", "maps"],
)
def test_what_is_not_known_is_said_and_another_engine_computes_it(settings: Setup, says: str) -> None:
    with pytest.raises(UsageError, match=says + r'.*; use engine="torch"'):
        NativeEngine(settings)
    problem = unsupported(settings)
    automatic = Choice("native", "cpu", "GCC compiles the network", automatic=True, purpose="train")
    settled = engines.settled(automatic, settings)
    assert problem is not None
    assert settled.engine == "torch"
    assert settled.reason.endswith(problem)
    assert engines.create(settings, automatic).name == "torch"
    with pytest.raises(UsageError, match=says):
        engines.create(settings, replace(automatic, automatic=False))
    assert unsupported(PLAIN) is None


def test_a_model_trains_with_it_and_goes_on_with_another_engine_where_it_must() -> None:
    x, y = images(16)
    model = Model(NETWORKS["plain"], INPUT_SHAPE)
    model.compile(device="cpu")
    model.fit(x, y, verbose=0)
    assert model.engine.name == "native"
    own = Model([OwnLayer(), Flatten(), Dense(5)], INPUT_SHAPE)
    own.compile(device="cpu")
    own.fit(x, y, verbose=0)
    assert own.engine.name == "torch"


def test_images_and_labels_that_do_not_fit_are_refused_and_nothing_else_is_read() -> None:
    engine, (x, y) = NativeEngine(PLAIN), images(16)
    with pytest.raises(DataError, match=r"takes \(N, 2, 10, 10\), but the images are \(3, 2, 11, 10\)"):
        engine.outputs(np.zeros((3, 2, 11, 10)))
    with pytest.raises(DataError, match="there are 16 images, but 15 labels"):
        engine.bind(x, y[1:])
    for labels in (y + 3, y - 4, one_hot(y % 4, 4, "float32")):
        engine.bind(x, labels)
        with pytest.raises(DataError, match=r"classes from 0 to 4, or rows \(N, 5\)"):
            engine.step(np.arange(16), Moment(), 0.01)
    engine.bind(x, y)
    with pytest.raises(IndexError):
        engine.step(np.array([0, 16]), Moment(), 0.01)
    other = NativeEngine(PLAIN)
    other.bind(x, y)
    indices = np.arange(16)
    assert engine.step(indices - 16, Moment(), 0.01) == other.step(indices, Moment(), 0.01)


# Steps that fail


def test_training_that_explodes_is_stopped_and_goes_on_from_where_it_was_good() -> None:
    engine, fresh = (NativeEngine(setup(NETWORKS["graph"])) for _ in range(2))
    run(engine, 3)
    good = engine.state()
    run(engine, 1, first=3, rate=1e30)
    before = engine.state()
    with pytest.raises(NonFiniteError, match=r"epoch 2, step 1: the output of block\.conv1 is the first"):
        run(engine, 1, first=4)
    after = engine.state()
    assert same_bytes(arrays(after), arrays(before))
    assert after.steps == before.steps == 4
    engine.load_state(good)
    run(fresh, 3)
    assert run(engine, 5, first=3) == run(fresh, 5, first=3)
    assert same_bytes(arrays(engine.state()), arrays(fresh.state()))


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_what_is_not_finite_is_lost_in_no_layer(trained: NumpyEngine, value: float) -> None:
    state, x, paths = trained.state(), images(4)[0], [*spec.layer_paths(BRANCHES, INPUT_SHAPE)]
    state.average["conv1.kernel"].flat[0] = value
    expected, found = (make(trained.setup, state).activations(x, paths) for make in (NumpyEngine, NativeEngine))
    for path in paths:
        # Winograd's algorithm computes several pixels from the same products, and spoils them together.
        assert not np.isfinite(found[path][~np.isfinite(expected[path])]).any(), path
    assert not np.isfinite(found[paths[-1]]).any()


@pytest.mark.parametrize(
    "layers",
    [
        [Conv2D(8, 1), ReLU(), MaxPooling2D(2)],
        [Conv2D(8, 1), Conv2D(8, 3, padding=1), ReLU()],
    ],
    ids=["direct", "winograd"],
)
def test_what_is_no_number_is_lost_in_no_kernel_of_several_layers(layers: list[Any]) -> None:
    x = images(3)[0] / 255
    x[1, 0, 5, 5] = np.nan
    found = NativeEngine(setup(Sequential([*layers, Flatten(), Dense(CLASSES)]))).outputs(x)
    assert np.isnan(found[1]).all()
    assert np.isfinite(found[[0, 2]]).all()


def test_labels_that_are_not_finite_are_named() -> None:
    engine, (x, y) = NativeEngine(PLAIN), images(16)
    rows = one_hot(y, CLASSES, "float32")
    rows[3, 2] = np.nan
    engine.bind(x, rows)
    with pytest.raises(NonFiniteError, match="the labels themselves"):
        engine.step(np.arange(16), Moment(), 0.01)
