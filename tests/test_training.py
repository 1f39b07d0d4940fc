"""The loop: every image once in each epoch, the last batch included, callbacks heard, time told."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from deepen.arrays import Array
from deepen.engines import Engine, Setup
from deepen.engines.base import Batch, State
from deepen.engines.numpy_engine import NumpyResult
from deepen.errors import DataError, DeepenError, UsageError
from deepen.layers import Dense, Flatten, Sequential
from deepen.optimizers import SGD
from deepen.randomness import Moment
from deepen.schedules import Cosine
from deepen.training.callbacks import Callback, View
from deepen.training.checkpoint import Position
from deepen.training.history import History
from deepen.training.loop import Plan, Tally, train
from deepen.training.progress import Progress

SETUP = Setup(Sequential([Flatten(), Dense(2)]), (1, 2, 2), optimizer=SGD(0.5), seed=1)


class Recorder(Engine):
    """An engine that only writes down what it is asked to do."""

    name, device = "recorder", "cpu"

    def __init__(self, setup: Setup = SETUP) -> None:
        super().__init__(setup)
        self.steps: list[tuple[list[int], Moment, float]] = []

    threads = 1

    def bind(self, images: Array, labels: Array) -> None: ...
    def bound_images(self, indices): ...  # type: ignore[no-untyped-def]
    def bound_labels(self, indices): ...  # type: ignore[no-untyped-def]

    def batch(self, indices: Array, moment: Moment) -> Batch:
        return Batch(indices, moment, None, None)

    def train_on(self, batch: Batch, learning_rate: float) -> NumpyResult:
        self.steps.append((batch.indices.tolist(), batch.moment, learning_rate))
        return NumpyResult(loss=float(len(batch)), hits=1)

    def outputs(self, images, batch_size=1): ...  # type: ignore[no-untyped-def]
    def activations(self, images, paths): ...  # type: ignore[no-untyped-def]
    def gradients(self, images, labels, with_respect_to=None, moment=None): ...  # type: ignore[no-untyped-def]
    def state(self) -> State:
        return State({"w": np.ones(1)}, {}, {})

    def load_state(self, state: State) -> None: ...


class Watcher(Callback):
    def __init__(self, stop_after: int = 99) -> None:
        self.told: list[str] = []
        self.views: list[View] = []
        self._stop_after = stop_after

    def on_train_begin(self, view: View) -> None:
        self.told.append("begin")

    def on_step_end(self, view: View) -> None:
        self.told.append(f"step {view.epoch}.{view.step}/{view.steps}")

    def on_epoch_end(self, view: View) -> bool:
        self.views.append(view)
        self.told.append(f"epoch {view.epoch}")
        return view.epoch + 1 >= self._stop_after

    def on_train_end(self, history: History) -> None:
        self.told.append(f"end {history.epoch}")


def test_every_image_is_seen_once_in_each_epoch() -> None:
    engine = Recorder()
    train(engine, np.arange(100, 107), Plan(epochs=3, batch_size=3))
    assert [len(indices) for indices, _, _ in engine.steps] == [3, 3, 1] * 3
    orders = [[i for indices, m, _ in engine.steps if m.epoch == e for i in indices] for e in range(3)]
    assert [sorted(order) for order in orders] == [list(range(100, 107))] * 3
    assert len({tuple(order) for order in orders}) == 3
    assert [(m.epoch, m.step) for _, m, _ in engine.steps] == [(e, s) for e in range(3) for s in range(3)]


def test_means_weigh_the_last_batch_by_its_size() -> None:
    history = train(Recorder(), np.arange(7), Plan(epochs=1, batch_size=3))
    assert history.history["loss"] == [pytest.approx((3 * 3 + 3 * 3 + 1) / 7)]
    assert history.history["accuracy"] == [pytest.approx(3 / 7)]


def test_the_schedule_runs_over_all_steps_of_this_training() -> None:
    engine = Recorder()
    train(engine, np.arange(6), Plan(epochs=2, batch_size=2, schedule=Cosine(), first_epoch=5))
    assert [rate for _, _, rate in engine.steps] == [0.5 * Cosine().factor(step, 6, 3) for step in range(6)]
    assert [m.epoch for _, m, _ in engine.steps] == [5, 5, 5, 6, 6, 6]


def test_validation_joins_the_figures() -> None:
    history = train(Recorder(), np.arange(4), Plan(2, 2), validate=lambda: {"val_loss": 0.25})
    assert history.history["val_loss"] == [0.25, 0.25]
    assert history.last["val_loss"] == 0.25
    assert history.epoch == [0, 1]
    assert all(value > 0 for value in history.history["images_per_second"])


def test_callbacks_are_told_everything_and_may_stop() -> None:
    first, second = Watcher(stop_after=2), Watcher()
    train(Recorder(), np.arange(4), Plan(epochs=5, batch_size=2), callbacks=[first, second])
    assert first.told == second.told == [
        "begin", "step 0.1/2", "step 0.2/2", "epoch 0", "step 1.1/2", "step 1.2/2", "epoch 1", "end [0, 1]",
    ]  # fmt: skip
    assert first.views[0].figures["loss"] == 2
    assert first.views[0].weights()["w"] == 1
    with pytest.raises(TypeError):
        first.views[0].figures["loss"] = 0  # type: ignore[index]


def test_a_view_shows_the_epochs_that_are_over_and_the_rate_of_its_step() -> None:
    class Look(Callback):
        def __init__(self) -> None:
            self.seen: list[tuple[str, list[int], float]] = []

        def look(self, when: str, view: View) -> None:
            self.seen.append((f"{when} {view.epoch}.{view.step}", list(view.history.epoch), view.learning_rate))

        def on_train_begin(self, view: View) -> None:
            self.look("begin", view)

        def on_step_end(self, view: View) -> None:
            self.look("step", view)

        def on_epoch_end(self, view: View) -> None:
            self.look("epoch", view)

    look = Look()
    train(Recorder(), np.arange(4), Plan(2, 2, schedule=Cosine()), callbacks=[look])
    rates = [0.5 * Cosine().factor(step, 4, 2) for step in range(4)]
    assert look.seen == [
        ("begin 0.0", [], rates[0]),
        ("step 0.1", [], rates[0]),
        ("step 0.2", [], rates[1]),
        ("epoch 0.2", [0], rates[1]),
        ("step 1.1", [0], rates[2]),
        ("step 1.2", [0], rates[3]),
        ("epoch 1.2", [0, 1], rates[3]),
    ]


def test_a_view_saves_the_model() -> None:
    class Saves(Callback):
        def on_epoch_end(self, view: View) -> None:
            view.save(f"epoch{view.epoch}.safetensors")

    saved: list[object] = []
    train(Recorder(), np.arange(4), Plan(2, 2), callbacks=[Saves()], save=saved.append)
    assert saved == ["epoch0.safetensors", "epoch1.safetensors"]


def test_the_sums_of_an_epoch_go_on_from_where_it_was_left() -> None:
    tally = Tally(Position(0, 2, loss=12.0, hits=3, images=4))
    assert tally.read() == (3.0, 0.75)
    tally.add(NumpyResult(loss=1.0, hits=1), 2)
    assert tally.read() == (14 / 6, 4 / 6)


def test_the_end_is_told_also_when_training_breaks() -> None:
    class Breaks(Callback):
        def on_step_end(self, view: View) -> None:
            raise KeyboardInterrupt

    watcher = Watcher()
    with pytest.raises(KeyboardInterrupt):
        train(Recorder(), np.arange(4), Plan(1, 2), callbacks=[watcher, Breaks()])
    assert watcher.told[-1] == "end []"


def test_the_live_line_fits_the_terminal(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stderr.isatty", lambda: True)
    monkeypatch.setattr("deepen.training.progress.REFRESH_SECONDS", 0)
    monkeypatch.setenv("COLUMNS", "40")
    train(Recorder(), np.arange(40), Plan(1, 2), callbacks=[Progress()])
    shown = capsys.readouterr().err.split("\n")[1].split("\r")
    assert max(len(line) for line in shown[:-1]) <= 39


def test_a_view_can_be_read_before_the_first_step() -> None:
    class Read(Callback):
        def on_train_begin(self, view: View) -> None:
            assert np.isnan(view.read()).all()

    assert train(Recorder(), np.arange(4), Plan(1, 2), callbacks=[Read()]).epoch == [0]


def test_nothing_to_train_on() -> None:
    with pytest.raises(DataError, match="no image to train on"):
        train(Recorder(), np.arange(0), Plan(1, 2))


@pytest.mark.parametrize(
    ("plan", "text"),
    [
        ({"epochs": 0, "batch_size": 1}, "epochs must be a whole number, 1 or more, got 0"),
        ({"epochs": 1, "batch_size": 0}, "batch_size must be a whole number, 1 or more, got 0"),
        ({"epochs": 1, "batch_size": 1.5}, "batch_size must be a whole number, 1 or more, got 1.5"),
        ({"epochs": 1, "batch_size": 1, "workers": -1}, "workers must be a whole number, 0 or more, got -1"),
    ],
)
def test_wrong_plans(plan: dict[str, Any], text: str) -> None:
    with pytest.raises(UsageError, match=f"^{text}$"):
        Plan(**plan)


def test_a_network_that_has_nothing_to_learn() -> None:
    engine = Recorder(Setup(Flatten(), (1, 1, 2)))
    with pytest.raises(DeepenError, match="no parameter to learn; give it a layer such as Conv2D or Dense"):
        train(engine, np.arange(4), Plan(1, 2))


def test_progress_off_a_terminal_is_plain_lines(capsys: pytest.CaptureFixture[str]) -> None:
    train(Recorder(), np.arange(4), Plan(2, 2), lambda: {"val_loss": 0.5, "val_accuracy": 0.5}, [Progress()])
    captured = capsys.readouterr()
    lines = captured.err.splitlines()
    assert captured.out == ""
    assert lines[0] == "training: 2 epochs of 2 steps"
    assert lines[1].startswith("epoch 1/2  loss 2.0000  accuracy 50.00%  val_loss 0.5000  val_accuracy 50.00%")
    assert len(lines) == 3
    assert "\r" not in captured.err


def test_progress_on_a_terminal_is_one_line_that_changes(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stderr.isatty", lambda: True)
    monkeypatch.setattr("deepen.training.progress.REFRESH_SECONDS", 0)
    train(Recorder(), np.arange(40), Plan(1, 2), callbacks=[Progress()])
    text = capsys.readouterr().err
    assert text.count("\n") == 2
    assert text.count("\r") == 22
    shown = [part.rstrip() for part in text.split("\n")[1].split("\r")]
    assert "━━━━━╌╌╌╌╌" in shown[10]
    assert shown[-1].startswith("epoch 1/1  loss 2.0000")
