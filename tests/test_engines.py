"""The engines agree on whole networks, step after step, and keep what the protocol promises."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import torch

from deepen import engines
from deepen.data import Shift
from deepen.engines import Choice, Engine, Setup
from deepen.engines.numpy_engine import NumpyEngine
from deepen.engines.torch_engine import TorchEngine
from deepen.engines.torch_network import TorchNetwork
from deepen.errors import NonFiniteError, UnknownNameError
from deepen.layers import Conv2D, Dense, Flatten, MaxPooling2D, ReLU, Sequential
from deepen.losses import one_hot
from deepen.optimizers import SGD, AdaGrad, Adam, AdamW, Momentum, Nesterov, Optimizer, RMSprop
from deepen.randomness import Moment
from deepen.spec import Layer
from harness import difference
from networks import CLASSES, INPUT_SHAPE, NETWORKS
from stepping import BOTH, Make, each_engine, each_network, each_other, images, run, setup

TRAINED_WITH = [
    SGD(0.05),
    Momentum(0.02, weight_decay=0.001),
    Nesterov(0.02),
    AdaGrad(0.02, weight_decay=0.001),
    RMSprop(0.002),
    Adam(0.005),
    AdamW(0.005, weight_decay=0.1),
]


@each_network
@each_other
@pytest.mark.parametrize("moment", [None, Moment(2, 5)], ids=["evaluation", "training"])
@pytest.mark.parametrize("labels", ["numbers", "rows"])
def test_gradients_agree(network: Layer, other: Make, moment: Moment | None, labels: str) -> None:
    x, y = images(7)
    targets = y if labels == "numbers" else one_hot(y, CLASSES, "float64") * 0.8 + 0.04
    names = ["input", *Setup(network, INPUT_SHAPE).parameters]
    settings = setup(network, dtype="float64", augmentations=(Shift(2),))
    ours, theirs = (make(settings).gradients(x, targets, names, moment) for make in (NumpyEngine, other))
    assert ours.keys() == theirs.keys() == set(names)
    for name in names:
        assert difference(ours[name], theirs[name]) < 1e-10, name


@each_network
def test_gradient_is_the_slope_along_a_random_direction(network: Layer) -> None:
    settings = setup(network, dtype="float64")
    engine, (x, y) = NumpyEngine(settings), images(7)
    state, rng = engine.state(), np.random.default_rng(1)
    direction = {path: 0.03 * rng.standard_normal(w.shape) for path, w in state.parameters.items()}
    slope = sum(float((g * direction[path]).sum()) for path, g in engine.gradients(x, y).items())

    def loss(step: float) -> float:
        moved = state.copy()
        moved.parameters = {path: w + step * direction[path] for path, w in state.parameters.items()}
        engine.load_state(moved)
        return engine.evaluate(x, y)[0]

    assert (loss(1e-6) - loss(-1e-6)) / 2e-6 == pytest.approx(slope, rel=1e-6)


@each_network
@pytest.mark.parametrize("optimizer", TRAINED_WITH, ids=lambda o: type(o).__name__)
def test_two_hundred_steps_agree(network: Layer, optimizer: Optimizer) -> None:
    settings = setup(network, dtype="float64", optimizer=optimizer, augmentations=(Shift(1),))
    both = [make(settings) for make in BOTH]
    losses = [run(engine, 200, rate=optimizer.learning_rate) for engine in both]
    assert difference(*[[loss for loss, _ in found] for found in losses]) < 1e-8
    assert [hits for _, hits in losses[0]] == [hits for _, hits in losses[1]]
    ours, theirs = (engine.state() for engine in both)
    assert ours.steps == theirs.steps == 200
    for path, w in ours.parameters.items():
        assert difference(w, theirs.parameters[path]) < 1e-8, path
    for path, s in ours.statistics.items():
        assert difference(s, theirs.statistics[path]) < 1e-8, path
    for slot, arrays in ours.slots.items():
        for path, kept in arrays.items():
            assert difference(kept, theirs.slots[slot][path]) < 1e-8, (slot, path)


@each_network
def test_first_weights_are_the_same(network: Layer) -> None:
    ours, theirs = (make(setup(network)).state() for make in BOTH)
    for path, w in {**ours.parameters, **ours.statistics}.items():
        other = {**theirs.parameters, **theirs.statistics}[path]
        assert w.dtype == other.dtype == np.float32
        assert (w == other).all(), path


@each_network
@each_engine
def test_it_learns_its_images_by_heart(network: Layer, make: Callable[[Setup], Engine]) -> None:
    engine = make(setup(network))
    run(engine, 800)
    x, y = images()
    _, outputs = engine.evaluate(x, y)
    assert (outputs.argmax(axis=1) == y).mean() > 0.95


@each_network
@each_engine
def test_a_loaded_state_goes_on_as_if_nothing_had_been(network: Layer, make: Callable[[Setup], Engine]) -> None:
    whole, first, second = (make(setup(network)) for _ in range(3))
    through = run(whole, 8)
    run(first, 5)
    second.load_state(first.state())
    assert run(second, 3, first=5) == through[5:]
    ended, resumed = whole.state(), second.state()
    for slot, arrays in ended.slots.items():
        assert all(kept.tobytes() == resumed.slots[slot][path].tobytes() for path, kept in arrays.items())
    assert ended.steps == resumed.steps == 8
    for path, w in ended.parameters.items():
        assert w.tobytes() == resumed.parameters[path].tobytes(), path
    for path, s in ended.statistics.items():
        assert s.tobytes() == resumed.statistics[path].tobytes(), path


@each_engine
def test_a_state_is_a_copy(make: Callable[[Setup], Engine]) -> None:
    engine = make(setup(NETWORKS["graph"]))
    before = engine.state()
    kept = before.copy()
    run(engine, 2)
    assert all((before.parameters[path] == kept.parameters[path]).all() for path in kept.parameters)


@each_engine
def test_the_last_partial_batch_counts(make: Callable[[Setup], Engine]) -> None:
    engine, (x, y) = make(setup(NETWORKS["plain"], dtype="float64")), images(10)
    whole, _ = engine.evaluate(x, y, batch_size=10)
    parts, outputs = engine.evaluate(x, y, batch_size=4)
    assert len(outputs) == 10
    assert parts == pytest.approx(whole, rel=1e-12)


@each_network
@each_engine
def test_activations_are_those_of_the_layers(network: Layer, make: Callable[[Setup], Engine]) -> None:
    engine, (x, _) = make(setup(network, dtype="float64")), images(3)
    path = "block.last" if network.name == "graph" else "conv2"
    found = engine.activations(x, [path, "conv1"])
    assert (
        found[path].shape
        == {"plain": (3, 6, 3, 3), "graph": (3, 6, 5, 5), "penalized": (3, 5, 3, 3)}[network.name or "plain"]
    )
    assert difference(found[path], NumpyEngine(engine.setup).activations(x, [path])[path]) < 1e-10
    with pytest.raises(UnknownNameError, match="did you mean 'conv1'"):
        engine.activations(x, ["conv11"])


@each_engine
def test_the_softmax_at_the_end_is_an_activation_too(make: Callable[[Setup], Engine]) -> None:
    found = make(setup(NETWORKS["plain"])).activations(images(3)[0], ["dense2"])
    assert found["dense2"].sum(axis=1) == pytest.approx(np.ones(3), abs=1e-5)


@each_engine
def test_unknown_parameter(make: Callable[[Setup], Engine]) -> None:
    with pytest.raises(UnknownNameError, match=r"did you mean 'conv1\.kernel'"):
        make(setup(NETWORKS["plain"])).gradients(*images(3), with_respect_to=["conv1.kernal"])


def broken_weights(engine: Engine, path: str, value: float) -> None:
    state = engine.state()
    state.parameters[path].flat[0] = value
    engine.load_state(state)


@each_engine
@pytest.mark.parametrize(
    ("path", "value", "says"),
    [("conv2.kernel", np.nan, "the output of conv2 is"), ("dense1.bias", np.inf, "the output of dense1 is")],
)
def test_a_step_that_is_not_finite_changes_nothing_and_names_the_layer(
    make: Callable[[Setup], Engine], path: str, value: float, says: str
) -> None:
    engine = make(setup(NETWORKS["plain"]))
    run(engine, 2)
    broken_weights(engine, path, value)
    before = engine.state()
    with pytest.raises(NonFiniteError, match=f"epoch 1, step 3: {says}"):
        run(engine, 1, first=2)
    after = engine.state()
    assert after.steps == before.steps
    for name, w in before.parameters.items():
        assert w.tobytes() == after.parameters[name].tobytes(), name


@each_engine
def test_images_that_are_not_finite_are_named(make: Callable[[Setup], Engine]) -> None:
    engine = make(setup(NETWORKS["graph"]))
    x, y = images(16)
    x = x.astype(np.float32)
    x[3, 0, 2, 2] = np.nan
    engine.bind(x, y)
    before = engine.state()
    with pytest.raises(NonFiniteError, match="the images themselves"):
        engine.step(np.arange(16), Moment(), 0.01).read()
    for path, s in before.statistics.items():
        assert s.tobytes() == engine.state().statistics[path].tobytes(), path


@each_engine
def test_a_gradient_that_is_not_finite_is_named(make: Callable[[Setup], Engine]) -> None:
    # float32 ends at 3.4e38: nothing on the way forward comes near it, the first kernel's gradient goes past it.
    zeros = [Dense(3, kernel_initializer="zeros"), Dense(5, kernel_initializer="zeros")]
    engine = make(Setup(Sequential([Flatten(), *zeros]), INPUT_SHAPE))
    broken_weights(engine, "dense2.kernel", 1e20)
    x, y = images(16)
    engine.bind(x.astype(np.float32) * np.float32(1e20), y)
    with pytest.raises(NonFiniteError, match=r"the gradient of dense1\.kernel"):
        engine.step(np.arange(16), Moment(), 0.01).read()


@each_engine
def test_of_several_gradients_that_are_not_finite_the_first_on_the_way_back_is_named(
    make: Callable[[Setup], Engine],
) -> None:
    dense = [Dense(3, kernel_initializer="zeros") for _ in range(2)]
    engine = make(Setup(Sequential([Flatten(), *dense, Dense(5, kernel_initializer="zeros")]), INPUT_SHAPE))
    # Only numbers that float32 holds, whose products on the way back it does not.
    broken_weights(engine, "dense1.bias", 2.0**66)
    broken_weights(engine, "dense2.kernel", 2.0**17)
    broken_weights(engine, "dense2.bias", -3 * 2.0**83)
    broken_weights(engine, "dense3.kernel", 1e38)
    x, y = images(16)
    engine.bind(x, y)
    with pytest.raises(NonFiniteError, match=r"the (gradient of dense2\.kernel|output of dense3)"):
        engine.step(np.arange(16), Moment(), 0.01).read()


@pytest.mark.parametrize("optimizer", [o for o in TRAINED_WITH if o.fused], ids=lambda o: type(o).__name__)
def test_a_step_nobody_waits_for_stops_those_after_it(optimizer: Optimizer) -> None:
    """What a GPU does, done on the CPU: results are read late, the flag on the device holds the weights."""
    engine = TorchEngine(setup(NETWORKS["graph"], optimizer=optimizer))
    engine._waits = False
    x, y = images(48)
    x = x.astype(np.float32)
    x[20] = np.nan
    engine.bind(x, y)
    results = [engine.step(np.arange(i * 16, i * 16 + 16), Moment(0, i), 0.01) for i in range(3)]
    results[0].read()
    with pytest.raises(NonFiniteError, match="step 2: the images themselves"):
        results[1].read()
    reference = TorchEngine(setup(NETWORKS["graph"], optimizer=optimizer))
    reference.bind(x, y)
    reference.step(np.arange(16), Moment(0, 0), 0.01)
    ours, theirs = engine.state(), reference.state()
    assert ours.steps == theirs.steps
    for path, w in theirs.parameters.items():
        assert w.tobytes() == ours.parameters[path].tobytes(), path
    for path, s in theirs.statistics.items():
        assert s.tobytes() == ours.statistics[path].tobytes(), path


@each_engine
def test_a_network_with_nothing_to_learn_evaluates(make: Make) -> None:
    engine = make(Setup(Sequential([Flatten()]), (5, 1, 1)))
    assert (engine.outputs(np.ones((2, 5, 1, 1), np.float32)) == np.ones((2, 5))).all()


@each_engine
def test_an_engine_begins_with_the_state_it_is_given(make: Callable[..., Engine]) -> None:
    state = NumpyEngine(Setup(NETWORKS["graph"], INPUT_SHAPE, seed=99)).state()
    engine = make(setup(NETWORKS["graph"]), state=state)
    found = engine.state()
    assert all((found.parameters[path] == w).all() for path, w in state.parameters.items())
    run(engine, 2)
    assert (state.statistics["block.norm1.running_mean"] == 0).all()


@each_engine
def test_arrays_of_any_make(make: Callable[[Setup], Engine]) -> None:
    engine, (x, y) = make(setup(NETWORKS["plain"])), images(32)
    expected = engine.outputs(x)
    x.flags.writeable = y.flags.writeable = False
    engine.bind(x, y.astype(np.int32))
    assert np.isfinite(engine.step(np.arange(16), Moment(), 1e-9).read()[0])
    assert engine.outputs(np.asfortranarray(x)[:, :, ::-1][:, :, ::-1]) == pytest.approx(expected, abs=1e-5)


@each_other
def test_ties_in_pooling_go_the_same_way(other: Make) -> None:
    network = Sequential([MaxPooling2D(3, stride=2, padding=1), Flatten(), Dense(5)])
    x = np.random.default_rng(0).integers(0, 2, (6, *INPUT_SHAPE)).astype(np.float64)
    settings = setup(network, dtype="float64")
    ours, theirs = (
        make(settings).gradients(x, np.arange(6) % 5, ["input"])["input"] for make in (NumpyEngine, other)
    )
    assert difference(ours, theirs) < 1e-12


def test_state_dict_names_are_the_parameter_paths() -> None:
    settings = setup(NETWORKS["graph"])
    module = TorchNetwork(settings)
    assert set(module.state_dict()) == {*settings.parameters, *settings.statistics}
    assert "block.last.kernel" in module.state_dict()


@each_other
def test_layers_may_have_names_that_mean_something_elsewhere(other: Make) -> None:
    words = (
        "type forward class map pass begin group x x_ _x x__ é ü if nullptr real train network d1 slot1 x1 conv1_y"
    )
    layers = [*(Conv2D(2, 1, name=word) for word in words.split()), ReLU(name="share"), Flatten()]
    layers += [Dense(5, name="Dense1"), Dense(5)]
    settings, x = setup(Sequential(layers), dtype="float64"), images(2)[0]
    assert difference(*[make(settings).outputs(x) for make in (NumpyEngine, other)]) < 1e-10


def test_the_module_is_an_ordinary_one() -> None:
    module = TorchNetwork(setup(NETWORKS["graph"]))
    x = torch.from_numpy(images(6)[0]).float() / 255
    before = {name: value.clone() for name, value in module.state_dict().items()}
    module.train()
    loss = module(x).square().mean()
    loss.backward()
    assert all(p.grad is not None for p in module.parameters())
    assert not torch.equal(before["block.norm1.running_mean"], module.state_dict()["block.norm1.running_mean"])
    module.eval()
    assert torch.equal(module(x), module(x))


@pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no CUDA device")
def test_cuda_agrees() -> None:
    settings = setup(NETWORKS["graph"], dtype="float64")
    x, y = images(7)
    ours = NumpyEngine(settings)
    theirs = engines.create(settings, Choice("torch", "cuda", "test"))
    for path, gradient in ours.gradients(x, y).items():
        assert difference(gradient, theirs.gradients(x, y)[path]) < 1e-9, path
    assert all(np.isfinite(loss) for loss, _ in run(theirs, 8))
