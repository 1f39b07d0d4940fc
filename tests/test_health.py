"""The health of layers is measured rightly, written down exactly, and goes on where an interrupted run does."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from deepen.arrays import Array
from deepen.engines.base import Engine, Setup
from deepen.engines.numpy_engine import NumpyEngine
from deepen.engines.torch_engine import TorchEngine
from deepen.errors import FileFormatError, NonFiniteError
from deepen.groups import Group
from deepen.initializers import ConstantValue
from deepen.inspect import health
from deepen.inspect.health import Record, examined, from_csv, measure, to_csv
from deepen.layers import Conv2D, Dense, Flatten, ReLU, Sequential
from deepen.model import Model
from deepen.optimizers import Adam
from deepen.randomness import Moment
from deepen.training.callbacks import Callback, View
from deepen.training.health import SAMPLE, Health
from deepen.training.history import History
from deepen.training.keeper import Checkpoints
from networks import CLASSES, INPUT_SHAPE, NETWORKS
from stepping import each_engine, each_engine_by_name

RNG = np.random.default_rng(0)
IMAGES = RNG.random((20, *INPUT_SHAPE)).astype(np.float32)
LABELS = RNG.integers(0, CLASSES, 20)
SMALL = Sequential([Conv2D(3, 3, activation="relu"), Flatten(), Dense(CLASSES)])


def setup(network: Sequential = SMALL, **settings: object) -> Setup:
    return Setup(network, INPUT_SHAPE, seed=3, **settings)  # type: ignore[arg-type]


# What is measured


def test_layers_with_parameters_and_activations_are_examined() -> None:
    found = examined(setup(NETWORKS["graph"]))
    assert [layer.path for layer in found if layer.rectifies] == ["block.relu1", "relu1", "parallel1.branch1"]
    assert [layer.path for layer in found if not layer.trained] == ["block.relu1", "relu1"]
    assert found[0] == health.Examined("conv1", False, ("conv1.kernel", "conv1.bias"))


def test_heads_of_side_outputs_are_left_out() -> None:
    paths = [layer.path for layer in examined(setup(NETWORKS["penalized"]))]
    assert paths == ["conv1", "norm1", "conv2", "dense1"]


def test_a_frozen_layer_has_activations_but_no_norms() -> None:
    engine = NumpyEngine(setup(groups=(Group("conv1", rate=0),)))
    conv, dense = measure(engine, IMAGES, LABELS, 0, engine.state().parameters)
    assert (conv.gradient_norm, conv.weight_norm, conv.update_norm, conv.update_ratio) == (None,) * 4
    assert conv.activation_deviation > 0
    assert dense.gradient_norm
    assert dense.update_norm == dense.update_ratio == 0


def test_a_network_of_one_layer_has_no_path_to_examine() -> None:
    engine = NumpyEngine(Setup(Dense(2), (4,)))
    assert measure(engine, RNG.random((3, 4)), np.array([0, 1, 0]), 0, None) == []


def with_a_dead_channel(engine: Engine) -> Engine:
    state = engine.state()
    state.parameters["conv1.bias"][1] = -100
    engine.load_state(state)
    return engine


@pytest.mark.parametrize("portion", [1, 2**28], ids=["one image at a time", "all at once"])
def test_a_record_is_what_its_names_say(monkeypatch: pytest.MonkeyPatch, portion: int) -> None:
    monkeypatch.setattr(health, "PORTION_BYTES", portion)
    engine = with_a_dead_channel(NumpyEngine(setup(dtype="float64")))
    weights = engine.state().parameters
    before = {path: array + 0.5 for path, array in weights.items()}
    y = engine.activations(IMAGES, ["conv1"])["conv1"]
    g = engine.gradients(IMAGES, LABELS)

    def norm(arrays: dict[str, Array]) -> float:
        return float(
            np.linalg.norm(np.concatenate([arrays[f"conv1.{name}"].ravel() for name in ("kernel", "bias")]))
        )

    conv, dense = measure(engine, IMAGES, LABELS, 4, before)
    assert (conv.epoch, conv.layer, dense.layer) == (4, "conv1", "dense1")
    assert conv.activation_mean == pytest.approx(y.mean(), rel=1e-12)
    assert conv.activation_deviation == pytest.approx(y.std(), rel=1e-12)
    assert conv.dead == 1 / 3
    assert dense.dead is None
    assert conv.gradient_norm == pytest.approx(norm(g), rel=1e-12)
    assert conv.weight_norm == pytest.approx(norm(weights), rel=1e-12)
    assert conv.update_norm == pytest.approx(0.5 * np.sqrt(3 * 2 * 9 + 3), rel=1e-12)
    assert conv.update_ratio == pytest.approx(0.5 * np.sqrt(57) / norm(weights), rel=1e-12)


@pytest.mark.parametrize("name", list(NETWORKS))
def test_engines_agree(name: str) -> None:
    ours, theirs = (
        measure(engine, IMAGES, LABELS, 0, None)
        for engine in (NumpyEngine(setup(NETWORKS[name])), TorchEngine(setup(NETWORKS[name])))
    )
    for a, b in zip(ours, theirs, strict=True):
        assert (a.layer, a.dead, a.update_norm) == (b.layer, b.dead, b.update_norm)
        numbers = [(r.activation_mean, r.activation_deviation, r.gradient_norm or 0) for r in (a, b)]
        np.testing.assert_allclose(*numbers, rtol=1e-4, atol=1e-6)


def test_tiny_gradients_do_not_become_zero() -> None:
    assert health._norm([np.full(4, 1e-30, np.float32)]) == pytest.approx(2e-30)


def test_what_diverges_is_recorded_without_a_warning() -> None:
    engine = NumpyEngine(setup())
    state = engine.state()
    state.parameters["conv1.kernel"][:] = np.inf
    engine.load_state(state)
    conv, _ = measure(engine, IMAGES, LABELS, 0, None)
    assert not np.isfinite(conv.activation_deviation)


# The file


numbers = st.floats(allow_nan=False)
norms = st.none() | st.floats(min_value=0)


@given(
    st.lists(
        st.builds(
            Record, st.integers(0, 999), st.just("block.conv1"), numbers, numbers, norms, norms, norms, norms
        )
    )
)
def test_records_are_read_back_exactly(records: list[Record]) -> None:
    assert from_csv(to_csv(records)) == records


def test_a_file_counts_epochs_from_1() -> None:
    assert to_csv([Record(0, "conv1", 0.5, 1.0, None, 2e-8, 3.0, None)]).splitlines() == [
        "epoch,layer,activation_mean,activation_deviation,dead,gradient_norm,weight_norm,update_norm",
        "1,conv1,0.5,1.0,,2e-08,3.0,",
    ]


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", "the first line should be epoch,layer,"),
        ("epoch,loss\n1,0.5\n", "the first line should be epoch,layer,"),
        (to_csv([]) + "1,conv1,0.5\n", "line 2 should hold 8 values, got ['1', 'conv1', '0.5']"),
        (to_csv([]) + "1,conv1,0.5,high,,,,\n", "line 2 should hold 8 values, got ['1', 'conv1', '0.5', 'high'"),
    ],
)
def test_a_damaged_file_is_an_error(text: str, problem: str) -> None:
    with pytest.raises(FileFormatError) as caught:
        from_csv(text)
    assert str(caught.value).startswith(problem)


# The callback


STEPS = 3


def view(engine: Engine, epoch: int, step: int, history: History, steps: int = STEPS) -> View:
    indices = np.arange(20)
    return View(
        epoch,
        9,
        step,
        steps,
        0,
        1.0,
        0.1,
        lambda: (1.0, 0.5),
        dict,
        lambda path: None,
        history,
        engine=engine,
        indices=indices,
    )


def run(
    callback: Health,
    engine: Engine,
    history: History,
    *,
    start: tuple[int, int] = (0, 0),
    stop: tuple[int, int],
    steps: int = STEPS,
) -> None:
    """Train as the loop does, from one (epoch, step) to another."""
    engine.bind(IMAGES, LABELS)
    at = start
    callback.on_train_begin(view(engine, *at, history, steps))
    while at != stop:
        epoch, step = at
        engine.step(np.arange(step, 20, steps), Moment(epoch, step), 0.001).read()
        callback.on_step_end(view(engine, epoch, step + 1, history, steps))
        at = (epoch, step + 1)
        if step + 1 == steps:
            history.add(epoch, {"accuracy": 0.9, "loss": 1.0})
            callback.on_epoch_end(view(engine, epoch, steps, history, steps))
            at = (epoch + 1, 0)


@pytest.mark.parametrize("steps", [1, 3])
def test_the_update_is_that_of_the_last_step(tmp_path: Path, steps: int) -> None:
    engine = NumpyEngine(setup(optimizer=Adam()))
    callback = Health(tmp_path / "health.csv")
    states: list[dict[str, Array]] = [engine.state().parameters]
    step = engine.step

    def watched_step(indices: Array, moment: Moment, learning_rate: float) -> object:
        result = step(indices, moment, learning_rate)
        states.append(engine.state().parameters)
        return result

    engine.step = watched_step  # type: ignore[method-assign,assignment]
    run(callback, engine, History(), stop=(2, 0), steps=steps)
    for epoch in range(2):
        before, after = states[(epoch + 1) * steps - 1 : (epoch + 1) * steps + 1]
        moved = np.sqrt(
            sum(np.square(after[f"dense1.{n}"] - before[f"dense1.{n}"]).sum() for n in ("kernel", "bias"))
        )
        (record,) = [r for r in callback.records if (r.epoch, r.layer) == (epoch, "dense1")]
        assert record.update_norm == pytest.approx(moved, rel=1e-5)
        assert record.update_norm > 0


@each_engine
@pytest.mark.parametrize(
    ("steps", "stop"), [(3, (1, 0)), (3, (1, 1)), (3, (1, 2)), (3, (2, 0)), (1, (1, 0)), (1, (2, 0))]
)
def test_a_resumed_run_records_the_same_bytes(
    tmp_path: Path, make: Callable[[Setup], Engine], steps: int, stop: tuple[int, int]
) -> None:
    whole, parts = tmp_path / "whole.csv", tmp_path / "parts.csv"
    engine = make(setup(optimizer=Adam(average=0.9)))
    run(Health(whole), engine, History(), stop=(3, 0), steps=steps)

    first, history = make(setup(optimizer=Adam(average=0.9))), History()
    callback = Health(parts)
    run(callback, first, history, stop=stop, steps=steps)
    state, done = first.state(), History()
    for epoch in history.epoch:
        done.add(epoch, {"accuracy": 0.9, "loss": 1.0})
    # What was trained after the checkpoint is lost, but an epoch of it is in the file already.
    run(callback, first, history, start=stop, stop=(3, 0), steps=steps)
    second = make(setup(optimizer=Adam(average=0.9)))
    second.load_state(state)
    run(Health(parts), second, done, start=stop, stop=(3, 0), steps=steps)
    assert parts.read_bytes() == whole.read_bytes()


@pytest.mark.parametrize("content", [None, b"epoch,loss\n", b"\xff\xfe"])
def test_a_lost_or_damaged_file_is_said_and_no_reason_to_stop(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], content: bytes | None
) -> None:
    path = tmp_path / "health.csv"
    if content is not None:
        path.write_bytes(content)
    engine, history = NumpyEngine(setup()), History()
    history.add(0, {"accuracy": 0.9})
    run(Health(path), engine, history, start=(1, 0), stop=(2, 0))
    assert capsys.readouterr().err.startswith(f"cannot read {path}: ")
    assert {record.epoch for record in from_csv(path.read_text())} == {1}


def test_a_new_training_does_not_take_up_an_old_file(tmp_path: Path) -> None:
    path = tmp_path / "health.csv"
    path.write_text(to_csv([Record(7, "conv1", 0, 0, 0, 0, 0, 0)]), encoding="utf-8")
    engine = NumpyEngine(setup())
    run(Health(path), engine, History(), stop=(1, 0))
    assert {record.epoch for record in from_csv(path.read_text())} == {0}


def test_a_file_that_cannot_be_written_is_said_and_training_goes_on(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "missing" / "health.csv"
    engine = NumpyEngine(setup())
    callback = Health(path)
    run(callback, engine, History(), stop=(2, 0))
    said = f"cannot write {path}: No such file or directory; training goes on\n"
    assert capsys.readouterr().err == 2 * said
    assert len(callback.records) == 4


def some_images() -> tuple[Array, Array]:
    """More images than a sample has; those from 300 on are black."""
    images = np.zeros((400, *INPUT_SHAPE), np.uint8)
    images[:300] = 255
    return images, np.arange(400) % CLASSES


@each_engine
def test_the_sample_is_drawn_from_the_training_images_alone(
    tmp_path: Path, make: Callable[[Setup], Engine]
) -> None:
    engine, callback = make(setup()), Health(tmp_path / "health.csv")
    engine.bind(*some_images())
    callback.on_train_begin(replace(view(engine, 0, 0, History()), indices=np.arange(300)))
    assert callback._images.shape == (SAMPLE, *INPUT_SHAPE)
    assert (callback._images == 255).all()
    assert len(np.unique(callback._labels)) == CLASSES


@pytest.mark.parametrize("rows", [False, True])
def test_guessing_is_judged_by_all_training_images(tmp_path: Path, rows: bool) -> None:
    engine, callback = NumpyEngine(setup()), Health(tmp_path / "health.csv")
    labels = (np.arange(400) < 100).astype(np.int64)
    engine.bind(some_images()[0], np.eye(CLASSES)[labels] if rows else labels)
    callback.on_train_begin(replace(view(engine, 0, 0, History()), indices=np.arange(300)))
    assert callback._background is not None
    assert callback._background.chance == 2 / 3


def test_layers_are_warned_of_at_once_and_curves_at_the_end(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    network = Sequential([Conv2D(3, 3), ReLU(), Flatten(), Dense(CLASSES)])
    engine = NumpyEngine(setup(network))
    state = engine.state()
    state.parameters["conv1.bias"][:] = -100
    engine.load_state(state)
    callback, history = Health(tmp_path / "health.csv"), History()
    run(callback, engine, history, stop=(2, 0))
    (said,) = capsys.readouterr().err.splitlines()
    assert said.startswith("warning: relu1: 100% of its units give 0")
    history.history["val_accuracy"] = [0.5, 0.6]
    callback.on_train_end(history)
    (said,) = capsys.readouterr().err.splitlines()
    assert said.startswith("warning: accuracy is 90.0% in training, but 60.0% in validation")


def test_no_epoch_has_no_symptoms(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    callback = Health(tmp_path / "health.csv")
    callback.on_train_end(History())
    assert callback.symptoms(History()) == []
    run(callback, NumpyEngine(setup()), History(), stop=(0, 0))
    callback.on_train_end(History())
    assert capsys.readouterr().err == ""


# As it is used


DYING = Sequential([Conv2D(3, 3, bias_initializer=ConstantValue(-100)), ReLU(), Flatten(), Dense(CLASSES)])


def trained(
    callback: Callback, *others: Callback, model: Model | None = None, epochs: int = 3, **how: Any
) -> Model:
    if model is None:
        model = Model(DYING, INPUT_SHAPE)
        model.compile("adam", engine="numpy")
    model.fit(IMAGES, LABELS, epochs=epochs, batch_size=8, callbacks=[callback, *others], verbose=0, **how)
    return model


@each_engine_by_name
def test_it_is_a_callback_like_any_other(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], engine: str
) -> None:
    monkeypatch.chdir(tmp_path)
    callback = Health("health.csv")
    model = Model(DYING, INPUT_SHAPE)
    model.compile("adam", engine=engine)
    trained(callback, model=model, validation_split=0.25)
    assert from_csv(Path("health.csv").read_text()) == callback.records
    assert {(record.epoch, record.layer) for record in callback.records} == {
        (epoch, layer) for epoch in range(3) for layer in ("conv1", "relu1", "dense1")
    }
    assert capsys.readouterr().err.count("warning: relu1: 100% of its units") == 1
    # Another engine computes after this: what is looked at is that one's.
    model.compile("sgd", groups=(Group("conv1", rate=0),), engine=engine)
    trained(callback, model=model, epochs=2)
    assert [record.gradient_norm is None for record in callback.records] == 2 * [True, True, False]
    assert capsys.readouterr().err.count("warning: relu1: 100% of its units") == 1


class Stop(Callback):
    """Ends a training after its second epoch: in order, or not."""

    def __init__(self, error: type[BaseException] | None = None) -> None:
        self.error = error

    def on_epoch_end(self, view: View) -> bool:
        if view.epoch == 1 and self.error is not None:
            raise self.error
        return view.epoch == 1


OVERFITTING = "warning: accuracy is"


@pytest.fixture
def overfitting(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let every training learn its images by heart."""
    monkeypatch.setattr("deepen.inspect.symptoms.GAP", -2.0)


@pytest.mark.usefixtures("overfitting")
def test_curves_are_judged_once_training_is_over_and_not_where_it_breaks_off(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "health.csv"
    trained(Health(path), validation_split=0.25)
    assert capsys.readouterr().err.count(OVERFITTING) == 1
    trained(Health(path), Stop(), validation_split=0.25)
    assert capsys.readouterr().err.count(OVERFITTING) == 1
    for error in (KeyboardInterrupt, NonFiniteError):
        with pytest.raises(error):
            trained(Health(path), Stop(error), validation_split=0.25)
        assert OVERFITTING not in capsys.readouterr().err
    try:
        raise ValueError
    except ValueError:  # as where somebody tries something else after an error
        trained(Health(path), validation_split=0.25)
    assert capsys.readouterr().err.count(OVERFITTING) == 1


@pytest.mark.usefixtures("overfitting")
def test_a_resumed_run_says_nothing_twice(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path, how = tmp_path / "health.csv", {"checkpoints": Checkpoints(tmp_path / "kept"), "validation_split": 0.25}
    with pytest.raises(KeyboardInterrupt):
        trained(Health(path), Stop(KeyboardInterrupt), **how)
    assert capsys.readouterr().err.count("warning: relu1: 100% of its units") == 1
    callback = Health(path)
    trained(callback, **how)
    said = capsys.readouterr().err
    assert "relu1" not in said
    assert said.count(OVERFITTING) == 1
    assert len(callback.records) == 9
