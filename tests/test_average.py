"""The moving average of the weights: what it is, what uses it, and what does not."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from deepen import Model
from deepen.arrays import Array
from deepen.engines import Engine, State
from deepen.engines.base import fresh_state
from deepen.groups import Group
from deepen.layers import RBF, Conv2D, Dense, Flatten, Sequential
from deepen.optimizers import Adam, Momentum
from deepen.randomness import Moment
from deepen.spec import Layer
from harness import difference
from networks import INPUT_SHAPE, NETWORKS
from stepping import (
    BOTH,
    Make,
    arrays,
    each_engine,
    each_engine_by_name,
    each_network,
    images,
    run,
    same_bytes,
    setup,
)

AVERAGED = Adam(0.01, average=0.6)
"""From step 14 on the average keeps its 0.6."""


def trained(state: State) -> dict[str, Array]:
    return {**state.parameters, **state.statistics}


def differ(a: dict[str, Array], b: dict[str, Array]) -> bool:
    return any((a[name] != b[name]).any() for name in a)


@each_network
@each_engine
def test_it_is_the_formula_step_by_step(network: Layer, make: Make) -> None:
    engine = make(setup(network, dtype="float64", optimizer=AVERAGED))
    expected = trained(engine.state())
    for t in range(1, 21):
        run(engine, 1, first=t - 1)
        state = engine.state()
        d = min(0.6, t / (t + 9))
        expected = {path: d * expected[path] + (1 - d) * w for path, w in trained(state).items()}
        assert state.average.keys() == expected.keys()
        for path, average in state.average.items():
            assert difference(average, expected[path]) < 1e-12, (t, path)


@each_network
def test_engines_agree(network: Layer) -> None:
    settings = setup(network, dtype="float64", optimizer=Momentum(0.02, average=0.99))
    ours, theirs = (make(settings) for make in BOTH)
    for engine in (ours, theirs):
        run(engine, 100, rate=0.02)
    average = theirs.state().average
    for path, array in ours.state().average.items():
        assert difference(array, average[path]) < 1e-8, path


@each_engine
def test_training_does_not_see_it(make: Make) -> None:
    plain, averaged = (make(setup(NETWORKS["graph"], optimizer=Adam(average=d))) for d in (0.0, 0.9))
    assert run(plain, 5) == run(averaged, 5)
    assert same_bytes(trained(plain.state()), trained(averaged.state()))
    assert plain.state().average == {}
    assert {array.dtype for array in averaged.state().average.values()} == {np.dtype("float32")}


@each_network
@each_engine
def test_evaluation_computes_with_it(network: Layer, make: Make) -> None:
    engine = make(setup(network, dtype="float64", optimizer=AVERAGED))
    run(engine, 10)
    state, (x, y) = engine.state(), images(7)
    plain = setup(network, dtype="float64")
    of_training = state.parameters, state.statistics
    averaged, latest = (make(plain, state=fresh_state(plain, *each)) for each in (state.evaluated, of_training))

    def seen(engine: Engine) -> dict[str, Array]:
        loss, outputs = engine.evaluate(x, y)
        slopes = engine.gradients(x, y, ["input", *engine.setup.trainable])
        return {"loss": np.array(loss), "outputs": outputs, **engine.activations(x, ["conv1"]), **slopes}

    found, expected = seen(engine), seen(averaged)
    assert all(difference(found[name], expected[name]) < 1e-12 for name in expected)
    assert differ(found, seen(latest))
    assert same_bytes(arrays(engine.state()), arrays(state))
    slopes, as_trained = (one.gradients(x, y, moment=Moment(1, 2)) for one in (engine, latest))
    assert all(difference(slopes[name], as_trained[name]) < 1e-12 for name in as_trained)


@each_engine
def test_a_loaded_state_goes_on_with_it(make: Make) -> None:
    whole, first, second = (make(setup(NETWORKS["graph"], optimizer=AVERAGED)) for _ in range(3))
    run(whole, 8)
    run(first, 5)
    second.load_state(first.state())
    assert same_bytes(arrays(second.state()), arrays(first.state()))
    run(second, 3, first=5)
    assert same_bytes(arrays(second.state()), arrays(whole.state()))
    third = make(second.setup, state=first.state())
    run(third, 3, first=5)
    assert same_bytes(arrays(third.state()), arrays(whole.state()))


@each_engine
def test_a_state_has_a_copy_of_it(make: Make) -> None:
    engine = make(setup(NETWORKS["plain"], optimizer=AVERAGED))
    before = engine.state()
    kept = before.copy()
    run(engine, 1)
    assert same_bytes(before.average, kept.average)
    assert differ(engine.state().average, kept.average)


@each_engine
def test_what_is_frozen_or_fixed_stays_as_it_is(make: Make) -> None:
    network = Sequential([Conv2D(3, 3), Flatten(), Dense(6), RBF(5)])
    engine = make(setup(network, optimizer=AVERAGED, groups=(Group("conv1", rate=0),)))
    before = engine.state().parameters
    run(engine, 3)
    after = engine.state()
    for path, w in before.items():
        assert (after.average[path] != w).any() == (after.parameters[path] != w).any() == ("dense" in path), path


@each_engine_by_name
def test_a_model_predicts_saves_and_goes_on_with_it(engine: str, tmp_path: Path) -> None:
    model = Model(NETWORKS["graph"], INPUT_SHAPE)
    model.compile(AVERAGED, engine=engine)
    x, y = images()
    model.fit(x, y, epochs=2, verbose=0)
    state, predicted = model.engine.state(), model.predict(x)
    assert differ(state.average, trained(state))
    loaded = Model.load(model.save(tmp_path / "averaged.safetensors"), engine=engine)
    assert same_bytes(loaded.arrays(), state.average)
    assert (loaded.predict(x) == predicted).all()
    model.compile("adam", engine=engine)
    assert same_bytes(trained(model.engine.state()), state.average)
