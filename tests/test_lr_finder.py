"""The search for a learning rate finds a descent where there is one, and leaves the model as it was."""

from __future__ import annotations

import json
import shlex
from pathlib import Path

import numpy as np
import pytest
from matplotlib.figure import Figure

import deepen.cli.lr_find
from command_line import Call
from deepen import data
from deepen.arrays import Array
from deepen.data import stratified_split
from deepen.engines import Engine, Setup
from deepen.engines.base import State
from deepen.engines.numpy_engine import NumpyEngine, NumpyResult
from deepen.errors import DataError, DeepenError, NonFiniteError, UsageError
from deepen.layers import BatchNormalization, Dense, Flatten, ReLU, Sequential
from deepen.model import Model
from deepen.optimizers import Momentum
from deepen.randomness import Moment
from deepen.report.lr_find import lr_curve
from deepen.training.lr_finder import LRFinding, lr_find

assert deepen.cli.lr_find  # the command enters itself

NETWORK = Sequential([Flatten(), Dense(8), BatchNormalization(), ReLU(), Dense(2)])
X = np.random.default_rng(0).normal(size=(64, 1, 3, 3)).astype(np.float32)
Y = (X.sum(axis=(1, 2, 3)) > 0).astype(np.int64)


class Scripted(Engine):
    """An engine whose losses are a function of the rate."""

    name, device, threads = "scripted", "cpu", 1

    def __init__(self, loss_at) -> None:  # type: ignore[no-untyped-def]
        super().__init__(Setup(NETWORK, (1, 3, 3)))
        self.loss_at = loss_at
        self.steps: list[tuple[list[int], Moment, float]] = []
        self.loaded: list[State] = []

    def bind(self, images: Array, labels: Array) -> None: ...

    def step(self, indices: Array, moment: Moment, learning_rate: float) -> NumpyResult:
        self.steps.append((indices.tolist(), moment, learning_rate))
        loss = self.loss_at(learning_rate, len(self.steps))
        if not np.isfinite(loss):
            raise NonFiniteError("not finite")
        return NumpyResult(loss, 0)

    def bound_images(self, indices): ...  # type: ignore[no-untyped-def]
    def bound_labels(self, indices): ...  # type: ignore[no-untyped-def]
    def batch(self, indices, moment): ...  # type: ignore[no-untyped-def]
    def train_on(self, batch, learning_rate): ...  # type: ignore[no-untyped-def]
    def outputs(self, images, batch_size=1): ...  # type: ignore[no-untyped-def]
    def activations(self, images, paths): ...  # type: ignore[no-untyped-def]
    def gradients(self, images, labels, with_respect_to=None, moment=None): ...  # type: ignore[no-untyped-def]

    def state(self) -> State:
        return State({"w": np.ones(1)}, {}, {})

    def load_state(self, state: State) -> None:
        self.loaded.append(state)


class Holder:
    def __init__(self, engine: Engine) -> None:
        self.engine = engine


def search(loss_at, steps: int = 100) -> tuple[LRFinding, Scripted]:  # type: ignore[no-untyped-def]
    engine = Scripted(loss_at)
    return lr_find(Holder(engine), X, Y, batch_size=24, steps=steps), engine


def noisy(step: int) -> float:
    return 0.05 * (-1) ** step


def test_the_rates_grow_by_one_factor_and_batches_are_those_of_a_training() -> None:
    found, engine = search(lambda rate, step: 2.0, steps=20)
    assert (found.rates[0], found.rates[-1]) == (1e-7, 10.0)
    np.testing.assert_allclose(np.diff(np.log(found.rates)), np.log(1e8) / 19)
    assert [rate for _, _, rate in engine.steps] == list(found.rates)
    assert [(m.epoch, m.step) for _, m, _ in engine.steps[:4]] == [(0, 0), (0, 1), (0, 2), (1, 0)]
    assert sorted(i for indices, m, _ in engine.steps if m.epoch == 1 for i in indices) == list(range(64))
    assert engine.loaded, "the state was not brought back"


def test_the_smoothed_loss_is_the_corrected_mean() -> None:
    found, _ = search(lambda rate, step: float(step), steps=20)
    weights = 0.8 ** np.arange(20)
    for t in range(len(found.losses)):
        mean = np.average(found.losses[: t + 1], weights=weights[: t + 1][::-1])
        assert found.smoothed[t] == pytest.approx(mean)
    # It ends with the first that is beyond four times the lowest.
    assert found.smoothed[-1] > 4 >= found.smoothed[-2]


def test_the_suggestion_is_the_middle_of_the_descent() -> None:
    def loss_at(rate: float, step: int) -> float:
        slope = 2 - 0.5 * np.log10(rate / 1e-4)  # from 2 at 1e-4 to 0.5 at 1e-1
        return float(np.clip(slope, 0.5, 2) if rate < 0.1 else 50 * rate) + noisy(step)

    found, _ = search(loss_at, steps=200)
    assert found.rates[-1] < 1
    # The smoothed loss follows the losses by some steps.
    assert found.suggestion == pytest.approx(10**-2.5, rel=0.5)
    assert str(found) == f"suggested learning rate: {found.suggestion:.2g}"


@pytest.mark.parametrize(
    "loss_at",
    [
        lambda rate, step: 2.0,
        lambda rate, step: 2.0 + noisy(step),
        lambda rate, step: 2.0 + noisy(step) + rate,
        lambda rate, step: 2.0 if step < 5 else float("nan"),
    ],
    ids=["flat", "noise", "rises", "breaks at once"],
)
def test_where_there_is_no_descent_it_says_so(loss_at) -> None:  # type: ignore[no-untyped-def]
    found, engine = search(loss_at)
    assert found.suggestion is None
    assert str(found).startswith("the loss did not clearly fall at any rate from 1e-07 to")
    assert len(engine.loaded) == 1


def test_a_loss_that_is_no_number_ends_the_search() -> None:
    found, _ = search(lambda rate, step: float("inf") if rate > 0.01 else 2 - 100 * rate)
    assert found.rates[-1] <= 0.01
    assert len(found.rates) == len(found.losses) == len(found.smoothed)
    assert found.suggestion is not None


def test_what_is_broken_from_the_start_is_an_error() -> None:
    with pytest.raises(NonFiniteError):
        search(lambda rate, step: float("nan"))


@pytest.mark.parametrize("engine", ["numpy", "torch"])
def test_the_model_is_afterwards_what_it_was(engine: str) -> None:
    if engine == "torch":
        pytest.importorskip("torch")
    model = Model(NETWORK, (1, 3, 3))
    model.compile(Momentum(0.01, average=0.9), engine=engine)
    model.fit(X, Y, epochs=1, verbose=0)
    before = model.engine.state()
    found = lr_find(model, X, Y, batch_size=16, steps=40)
    after = model.engine.state()
    assert after.steps == before.steps
    for name in ("parameters", "statistics", "average"):
        assert getattr(before, name).keys() == getattr(after, name).keys() != set()
        for path, array in getattr(before, name).items():
            np.testing.assert_array_equal(getattr(after, name)[path], array)
    for slot, arrays in before.slots.items():
        for path, array in arrays.items():
            np.testing.assert_array_equal(after.slots[slot][path], array)
    assert len(found.rates) > 8


def test_a_training_at_the_suggestion_learns() -> None:
    model = Model(NETWORK, (1, 3, 3))
    model.compile("sgd", engine="numpy")
    found = lr_find(model, X, Y, batch_size=64)
    assert found.suggestion is not None
    model.compile(f"sgd={found.suggestion:.2g}", engine="numpy")
    before = model.evaluate(X, Y).loss
    model.fit(X, Y, epochs=10, batch_size=16, verbose=0)
    assert model.evaluate(X, Y).loss < 0.6 * before


@pytest.mark.parametrize("steps", [19, 20.0, None])
def test_too_few_steps(steps: int) -> None:
    with pytest.raises(UsageError, match=f"steps must be a whole number, 20 or more, got {steps}"):
        lr_find(Model(NETWORK, (1, 3, 3)), X, Y, steps=steps)


def test_nothing_to_learn_and_wrong_images() -> None:
    with pytest.raises(DeepenError, match="no parameter to learn"):
        lr_find(Model(Flatten(), (1, 1, 2)), X[:, :, :1, :2], Y)
    with pytest.raises(DataError, match=r"the network takes \(N, 1, 3, 3\)"):
        lr_find(Model(NETWORK, (1, 3, 3)), X[:, :, :2], Y)


def test_the_picture(tmp_path: Path, figures: list[Figure]) -> None:
    found, _ = search(lambda rate, step: 1000 * rate if rate > 0.1 else 2 - 10 * rate + noisy(step))
    lr_curve(found.rates, found.losses, found.smoothed, found.suggestion, tmp_path / "a.png")
    (axes,) = figures[0].axes
    assert axes.get_title("left") == f"Suggested learning rate: {found.suggestion:.2g}"
    np.testing.assert_allclose(axes.collections[0].get_offsets()[:, 1], found.losses)
    assert axes.get_xscale() == "log"
    low, high = axes.get_ylim()
    assert low < min(found.losses)
    assert 2.05 < high < 4, "a training that diverges hides the descent"


@pytest.mark.parametrize("losses", [[2.0] * 30, [2.0], list(range(1, 30))], ids=["flat", "one", "rising"])
def test_the_picture_without_a_descent(tmp_path: Path, figures: list[Figure], losses: list[float]) -> None:
    rates = np.geomspace(1e-7, 10, len(losses))
    lr_curve(rates, losses, losses, None, tmp_path / "a.png")
    (axes,) = figures[0].axes
    assert axes.get_title("left") == "No clear descent"
    assert len(axes.lines) == 1


def test_the_command(call: Call, tmp_path: Path) -> None:
    plot = tmp_path / "a.png"
    options = ["--batch-size", "50", "--optimizer", "adam clip_norm=1", "--rate", "conv*=0.5", "--engine", "numpy"]
    code, out, err = call("lr-find", "keras_mnist", "--data", "digits", "--size", "12", *options, "--out", plot)
    assert (code, plot.exists()) == (0, True)
    assert "trying 100 rates on numpy on cpu" in err
    first, _, _, line, _, last = out.splitlines()
    assert first.startswith("suggested learning rate: 0.")
    assert last == f"the picture: {plot}"
    words = shlex.split(line)[1:]
    assert words[:4] == ["train", "keras_mnist", "--data", "digits"]
    assert words[words.index("--learning-rate") + 1] == first.split()[-1]
    for i in range(0, len(options), 2):
        assert words[words.index(options[i]) + 1] == options[i + 1]


@pytest.mark.parametrize("share", ["0", "0.1"])
def test_the_command_sees_what_a_training_learns_from(
    call: Call, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, share: str
) -> None:
    bound = []
    plain = NumpyEngine.bind

    def bind(self: NumpyEngine, images: Array, labels: Array) -> None:
        bound.append((images, labels))
        plain(self, images, labels)

    monkeypatch.setattr(NumpyEngine, "bind", bind)
    search = ["lr-find", "lenet", "--data", "digits", "--size", "20", "--seed", "3", "--validation-split", share]
    search += ["--steps", "20", "--batch-size", "10", "--engine", "numpy", "--out", tmp_path / "a.png"]
    assert call(*search)[0] == 0
    ((images, labels),) = bound
    dataset = data.load("digits").resized(20, 20)
    learned = np.arange(1437) if share == "0" else stratified_split(dataset.train_labels, 0.1, 3)[0]
    np.testing.assert_array_equal(images, dataset.train_images[learned])
    np.testing.assert_array_equal(labels, dataset.train_labels[learned])


@pytest.mark.parametrize(
    ("out", "says"),
    [
        ("nowhere/x.png", "there is no folder nowhere to draw x.png in; make it first"),
        ("x.jpg", "the picture becomes a PNG file, such as x.png; got x.jpg"),
        ("folder.png", "the picture becomes a PNG file, such as folder.png; got folder.png"),
    ],
)
@pytest.mark.parametrize(
    "command", [["lr-find", "lenet", "--data", "digits"], ["data", "digits", "--augment", "fast"]]
)
def test_where_no_picture_can_be_drawn_is_said_before_the_work(
    call: Call, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, command: list[str], out: str, says: str
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "folder.png").mkdir()
    monkeypatch.setattr(type(data.source("digits")), "load", lambda *_: pytest.fail("the data was read"))
    code, said, err = call(*command, "--out", out)
    assert (code, said, says in err) == (2, "", True), err


def test_the_command_in_json_and_without_a_descent(call: Call, tmp_path: Path) -> None:
    plot = tmp_path / "a.png"
    search = ["lr-find", "lenet", "--data", "digits", "--size", "20", "--augment", "none", "--batch-size", "20"]
    search += ["--steps", "20", "--engine", "numpy", "--out", plot]
    code, out, _ = call(*search, "--json")
    found = json.loads(out)
    assert (code, found["suggestion"], found["train"]) == (0, None, None)
    assert len(found["rates"]) == len(found["losses"]) == len(found["smoothed"]) <= 20
    assert found["plot"] == str(plot)
    code, out, _ = call(*search)
    assert (code, out.startswith("the loss did not clearly fall"), "try next" in out) == (0, True, False)
