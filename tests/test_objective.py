"""What training makes small besides the loss, what holds weights down, and what is trained in its own way."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from deepen.arrays import Array
from deepen.constraints import MaxNorm, constraint
from deepen.engines import Engine, Setup
from deepen.engines.numpy_engine import NumpyEngine, compute_gradients, training_pass
from deepen.engines.torch_engine import TorchEngine
from deepen.errors import DeepenError, NonFiniteError, ShapeError, UnknownNameError, UsageError
from deepen.groups import Group, checked
from deepen.layers import (
    ActivityRegularization,
    Conv2D,
    Dense,
    Flatten,
    Sequential,
    SideOutput,
)
from deepen.layers.side import as_logits
from deepen.losses import MeanSquaredError, SoftmaxCrossEntropy
from deepen.optimizers import SGD, AdamW
from deepen.randomness import Moment
from deepen.regularizers import L1, L2, regularizer
from harness import difference, finite_differences
from networks import CLASSES, INPUT_SHAPE, NETWORKS

each_engine = pytest.mark.parametrize("make", [NumpyEngine, TorchEngine], ids=["numpy", "torch"])
MOMENT = Moment(1, 2)


def batch(count: int = 6) -> tuple[Array, Array]:
    rng = np.random.default_rng(0)
    return rng.random((count, *INPUT_SHAPE)), rng.integers(0, CLASSES, count)


def setup(**more: object) -> Setup:
    return Setup(NETWORKS["penalized"], INPUT_SHAPE, dtype="float64", **more)  # type: ignore[arg-type]


def trained(make: Callable[[Setup], Engine], settings: Setup, steps: int = 3) -> Engine:
    engine, (x, y) = make(settings), batch()
    engine.bind(x, y)
    for step in range(steps):
        engine.step(np.arange(len(x)), Moment(0, step), 0.05).read()
    return engine


def test_the_gradient_of_a_training_step_is_that_of_the_whole_objective() -> None:
    settings, (x, y) = setup(), batch()
    state = NumpyEngine(settings).state()

    def objective(_: Array) -> float:
        return compute_gradients(settings, state, x, y, training_pass(settings, MOMENT)).loss

    found = compute_gradients(settings, state, x, y, training_pass(settings, MOMENT)).parameters
    for path in ("conv1.bias", "conv2.bias", "side.head.conv1.kernel", "side.head.dense1.bias", "dense1.bias"):
        expected = finite_differences(objective, state.parameters[path])
        assert difference(found[path], expected) < 1e-5, path


@each_engine
def test_the_loss_of_a_step_is_the_objective_and_that_of_an_evaluation_is_the_loss_alone(
    make: Callable[[Setup], Engine],
) -> None:
    layers = [Flatten(), Dense(CLASSES, kernel_regularizer=L2(0.5))]
    engine, (x, y) = make(Setup(Sequential(layers), INPUT_SHAPE, dtype="float64")), batch()
    engine.bind(x, y)
    alone, _ = engine.evaluate(x, y)
    penalty = 0.5 * (engine.state().parameters["dense1.kernel"] ** 2).sum()
    together, _ = engine.step(np.arange(len(x)), MOMENT, 0.1).read()
    assert together == pytest.approx(alone + penalty, rel=1e-12)


@each_engine
def test_a_norm_is_held_after_every_step(make: Callable[[Setup], Engine]) -> None:
    state = trained(make, setup(optimizer=SGD(5.0))).state()
    lengths = np.sqrt((state.parameters["conv1.kernel"] ** 2).sum(axis=(1, 2, 3)))
    assert lengths.max() <= 1.5 + 1e-12
    assert np.linalg.norm(state.parameters["dense1.bias"]) <= 0.1 + 1e-12


@each_engine
def test_a_step_that_is_not_finite_holds_nothing_down_either(make: Callable[[Setup], Engine]) -> None:
    engine, (x, y) = make(setup()), batch()
    state = engine.state()
    state.parameters["conv1.kernel"] *= 100  # longer than its constraint allows
    engine.load_state(state)
    engine.bind(np.full_like(x, np.nan), y)
    with pytest.raises(NonFiniteError):
        engine.step(np.arange(len(x)), MOMENT, 0.1).read()
    for path, w in engine.state().parameters.items():
        assert (w == state.parameters[path]).all(), path


def test_max_norm_scales_only_what_is_too_long() -> None:
    w = np.array([[3.0, 4.0], [0.3, 0.4], [0.0, 0.0]])
    assert MaxNorm(1).project(w) == pytest.approx(np.array([[0.6, 0.8], [0.3, 0.4], [0, 0]]))
    assert (MaxNorm(6).project(w) == w).all()
    assert np.linalg.norm(MaxNorm(1).project(np.array([3.0, 4.0]))) == pytest.approx(1)


@pytest.mark.parametrize("penalty", [L1(0.3), L2(0.3)], ids=["L1", "L2"])
def test_penalties_have_their_gradients(penalty: L1 | L2) -> None:
    w = np.random.default_rng(0).standard_normal((3, 4))
    assert difference(penalty.gradient(w), finite_differences(lambda w: float(penalty.value(w)), w.copy())) < 1e-7


@each_engine
def test_a_frozen_layer_stays_as_it_is(make: Callable[[Setup], Engine]) -> None:
    groups = (Group("conv1", rate=0), Group("norm1", rate=0))
    settings = setup(groups=groups)
    assert not {"conv1.kernel", "norm1.gamma"} & set(settings.trainable)
    before, after = make(settings).state(), trained(make, settings).state()
    for path, w in before.parameters.items():
        assert (w == after.parameters[path]).all() == path.startswith(("conv1.", "norm1.")), path
    for path, statistic in before.statistics.items():
        assert (statistic == after.statistics[path]).all(), path


@each_engine
def test_a_group_has_its_own_rate_and_decay(make: Callable[[Setup], Engine]) -> None:
    network = Sequential([Conv2D(2, 3, name="body"), Flatten(), Dense(CLASSES, name="head")])

    def moved(optimizer: SGD | AdamW, *groups: Group) -> dict[str, Array]:
        settings = Setup(network, INPUT_SHAPE, optimizer=optimizer, dtype="float64", groups=groups)
        before, after = make(settings).state(), trained(make, settings, steps=1).state()
        return {path: after.parameters[path] - w for path, w in before.parameters.items()}

    plain, slow = moved(SGD()), moved(SGD(), Group("body", rate=0.1))
    assert slow["body.kernel"] == pytest.approx(0.1 * plain["body.kernel"])
    assert (slow["head.kernel"] == plain["head.kernel"]).all()
    decayed = moved(SGD(weight_decay=0.5), Group("head", decay=0.0))
    first = make(Setup(network, INPUT_SHAPE, dtype="float64")).state().parameters
    assert decayed["body.kernel"] == pytest.approx(plain["body.kernel"] - 0.05 * 0.5 * first["body.kernel"])
    assert decayed["body.bias"] == pytest.approx(plain["body.bias"])  # biases are spared
    assert (decayed["head.kernel"] == plain["head.kernel"]).all()


def test_engines_agree_with_groups_of_all_kinds() -> None:
    groups = (Group("*", decay=0.02), Group("conv*", rate=0.3), Group("side.head.conv1", rate=0))
    settings = setup(optimizer=AdamW(0.01, weight_decay=0.1), groups=groups)
    ours, theirs = (trained(make, settings, 40).state() for make in (NumpyEngine, TorchEngine))
    for path, w in ours.parameters.items():
        assert difference(w, theirs.parameters[path]) < 1e-8, path


def test_of_several_groups_the_last_one_counts() -> None:
    settings = setup(groups=(Group("*", rate=0), Group("dense1"), Group("dense1.bias", rate=0.5)))
    assert settings.trainable == ["dense1.kernel", "dense1.bias"]
    assert settings.paces["dense1.bias"][0] == 0.5
    assert settings.frozen >= {"conv1", "side.head.conv1"}
    assert "dense1" not in settings.frozen


@each_engine
def test_a_side_output_is_for_training_alone(make: Callable[[Setup], Engine]) -> None:
    engine, (x, y) = make(setup()), batch()
    plain = engine.outputs(x)
    state = engine.state()
    for path, w in state.parameters.items():
        if path.startswith("side."):
            w += 1
    engine.load_state(state)
    assert (engine.outputs(x) == plain).all()
    assert not engine.gradients(x, y, ["side.head.dense1.kernel"])["side.head.dense1.kernel"].any()
    assert engine.gradients(x, y, ["side.head.dense1.kernel"], MOMENT)["side.head.dense1.kernel"].any()
    assert engine.activations(x, ["side.head.conv1"])["side.head.conv1"].shape == (len(x), 3, 8, 8)


@each_engine
@pytest.mark.parametrize("frozen", ["norm1", "norm*", "norm1.*"])
def test_statistics_stay_however_a_layer_is_frozen(make: Callable[[Setup], Engine], frozen: str) -> None:
    settings = setup(groups=(Group(frozen, rate=0),))
    before, after = make(settings).state(), trained(make, settings).state()
    for path, statistic in before.statistics.items():
        assert (statistic == after.statistics[path]).all(), path


@each_engine
def test_what_has_no_part_in_the_loss_has_no_gradient(make: Callable[[Setup], Engine]) -> None:
    groups = (Group("side", rate=0), Group("side.head.dense1"))
    settings = setup(groups=groups, optimizer=AdamW(0.1, weight_decay=0.5))
    before, after = make(settings).state(), trained(make, settings, steps=1).state()
    kernel = "side.head.dense1.kernel"
    assert after.parameters[kernel] == pytest.approx(before.parameters[kernel] * (1 - 0.05 * 0.5))  # decay alone


@each_engine
def test_the_softmax_of_a_head_is_left_to_a_loss_that_takes_logits(
    make: Callable[[Setup], Engine],
) -> None:
    head = Sequential([Flatten(), Dense(CLASSES, activation="softmax")])
    network = Sequential([SideOutput(head), Flatten(), Dense(CLASSES, activation="softmax")])
    assert as_logits(SideOutput(Sequential([SideOutput(head), head]))) == SideOutput(
        Sequential([SideOutput(Sequential([Flatten(), Dense(CLASSES)])), Sequential([Flatten(), Dense(CLASSES)])])
    )
    x, y = batch()
    for loss in (SoftmaxCrossEntropy(), MeanSquaredError()):
        engine = make(Setup(network, INPUT_SHAPE, loss, dtype="float64"))
        seen = engine.activations(x, ["side1.head", "side1.head.dense1", "dense1"])
        assert seen["side1.head"].sum(axis=1) == pytest.approx(1)
        assert (seen["side1.head"] == seen["side1.head.dense1"]).all()
        engine.bind(x, y)
        p = np.stack([seen["dense1"], seen["side1.head"]])
        wanted = np.eye(CLASSES)[y]
        each = -np.log(p[:, np.arange(len(y)), y]) if isinstance(loss, SoftmaxCrossEntropy) else (p - wanted) ** 2
        main, side = each.reshape(2, -1).mean(axis=1)
        assert engine.step(np.arange(len(x)), MOMENT, 0.1).read()[0] == pytest.approx(main + 0.3 * side)


@each_engine
def test_what_is_not_finite_in_or_after_a_side_output_is_named(make: Callable[[Setup], Engine]) -> None:
    x, y = batch()
    for path, where in (
        ("side.head.dense1.bias", r"the output of side\.head\.dense1 "),
        ("dense1.bias", r"the output of dense1 "),
        ("conv1.kernel", r"the penalty on conv1\.kernel "),
    ):
        settings = Setup(NETWORKS["penalized"], INPUT_SHAPE)
        state = NumpyEngine(settings).state()
        state.parameters[path][...] = 1e30 if "conv1" in path else np.inf
        if "conv1" in path:
            x = np.zeros_like(x)  # all outputs stay finite
        engine = make(settings)
        engine.load_state(state)
        engine.bind(x.astype(np.float32), y)
        with pytest.raises(NonFiniteError, match=where):
            engine.step(np.arange(len(x)), MOMENT, 0.1).read()


@pytest.mark.parametrize(
    ("make", "kind", "says"),
    [
        (lambda: L2(-1), UsageError, "strength must be 0 or more, got -1.0"),
        (lambda: MaxNorm(0), UsageError, "length must be above 0, got 0.0"),
        (lambda: regularizer("l3"), UnknownNameError, "known: l1, l2"),
        (lambda: constraint("maxnorm"), UnknownNameError, "did you mean 'max_norm'?"),
        (lambda: Dense(3, kernel_regularizer=0.1), UsageError, "give a name or a Regularizer, got 0.1"),
        (lambda: ActivityRegularization(None), UsageError, 'give a regularizer, such as "l2"'),  # type: ignore[arg-type]
        (lambda: Group("conv1", rate=-1), UsageError, "the rate must be 0 or more, got -1"),
        (lambda: Group("conv1", decay=True), UsageError, "the decay must be a number, got True"),
        (lambda: Group(""), UsageError, 'such as "conv\\*"'),
        (lambda: setup(groups=(Group("convv1"),)), UnknownNameError, "'convv1'; did you mean 'conv1'?"),
        (lambda: Dense(3, use_bias="no"), DeepenError, "use_bias must be True or False, got 'no'"),  # type: ignore[arg-type]
        (
            lambda: Setup(Sequential([SideOutput(Dense(5)), Dense(3)]), (4,)),
            ShapeError,
            r"side1 has a head that gives \(5,\), but the network gives \(3,\)",
        ),
        (
            lambda: Setup(Dense(3), (4,), SoftmaxCrossEntropy(class_weights=(1, 2))),
            UsageError,
            "one class weight for each of the 3 classes, got 2",
        ),
        (lambda: checked("conv1"), UsageError, "groups are objects, .* got 'conv1'"),  # type: ignore[arg-type]
        (lambda: checked(["conv1"]), UsageError, "groups are objects, such as deepen.Group"),  # type: ignore[list-item]
        (lambda: SideOutput(Dense(3), weight=0), DeepenError, "the weight must be above 0, got 0"),
        (lambda: SideOutput("dense"), DeepenError, "the head must be a layer"),  # type: ignore[arg-type]
        (
            lambda: SideOutput(Conv2D(2, 1)).output_shape((1, 4, 4)),
            ShapeError,
            "end the head with Flatten and Dense",
        ),
    ],
)
def test_what_is_wrong_is_said(make: Callable[[], object], kind: type[Exception], says: str) -> None:
    with pytest.raises(kind, match=says):
        make()
