"""Ctrl-C waits for the end of a step, leaves a checkpoint, and is never lost."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from deepen.training import interrupts
from deepen.training.callbacks import Callback, View
from deepen.training.checkpoint import Checkpoint, Position
from deepen.training.history import History
from deepen.training.keeper import Checkpoints
from small_training import EPOCHS, STEPS, Watch, live, made, new_model, train


def press() -> None:
    os.kill(os.getpid(), signal.SIGINT)


@pytest.fixture(autouse=True)
def the_handler_is_as_before() -> Iterator[None]:
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    assert signal.signal(signal.SIGINT, before) is signal.default_int_handler


class Press(Callback):
    """Presses Ctrl-C, once or more often, where it is told to."""

    def __init__(self, on: str, epoch: int = 1, step: int = 2, times: int = 1) -> None:
        self._on, self._place, self._times = on, (epoch, step), times

    def on_train_begin(self, view: View) -> None:
        self._press("begin")

    def on_step_end(self, view: View) -> None:
        if (view.epoch, view.step) == self._place:
            self._press("step")

    def on_epoch_end(self, view: View) -> None:
        if view.epoch == self._place[0]:
            self._press("epoch")

    def on_train_end(self, history: History) -> None:
        self._press("end")

    def _press(self, on: str) -> None:
        if on == self._on:
            for _ in range(self._times):
                press()


def newest(folder: Path) -> Checkpoint:
    return Checkpoint.load(max((folder / "checkpoints").iterdir()))


def place(position: Position) -> tuple[int, int]:
    return position.epoch, position.step


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> dict[str, object]:
    return live("numpy", tmp_path_factory.mktemp("whole"))


@pytest.mark.parametrize(
    ("presses", "at"),
    [
        (Press("begin"), (0, 1)),
        (Press("step", 0, 1), (0, 1)),
        (Press("step", 1, 2), (1, 2)),
        # An epoch whose last step is made is closed first.
        (Press("step", 1, STEPS), (2, 0)),
        (Press("epoch", 1), (2, 0)),
        (Press("epoch", EPOCHS - 1), (EPOCHS, 0)),
        (Press("end"), (EPOCHS, 0)),
    ],
)
@pytest.mark.parametrize("workers", [0, 2])
def test_one_ctrl_c(
    tmp_path: Path,
    whole: dict[str, object],
    capfd: pytest.CaptureFixture[str],
    presses: Press,
    at: tuple[int, int],
    workers: int,
) -> None:
    watch = Watch()
    with pytest.raises(KeyboardInterrupt):
        live("numpy", tmp_path, workers=workers, every="1000 steps", callbacks=[presses, watch])
    assert capfd.readouterr().err.count("interrupted: the step under way is finished first") == 1
    found = newest(tmp_path)
    assert place(found.position) == at
    assert found.position.over == (at == (EPOCHS, 0))
    assert found.state.steps == at[0] * STEPS + at[1]
    assert sum(call == "step" for call, *_ in watch.calls) == found.state.steps, "callbacks were told of all steps"
    assert live("numpy", tmp_path) == whole


def test_the_model_is_that_of_the_checkpoint(tmp_path: Path, whole: dict[str, object]) -> None:
    model, checkpoints = new_model("numpy"), Checkpoints(tmp_path / "checkpoints", "1000 steps")
    with pytest.raises(KeyboardInterrupt):
        train(model, [Press("step")], checkpoints=checkpoints)
    state = newest(tmp_path).state
    there = {path: array.tobytes() for path, array in state.evaluated[0].items()}
    assert {path: array.tobytes() for path, array in model.weights.items()} == there
    # The same call again goes on.
    found = made(model, train(model, checkpoints=checkpoints))
    assert found == {name: value for name, value in whole.items() if name != "log"}


def test_two_stop_at_once(tmp_path: Path, whole: dict[str, object]) -> None:
    with pytest.raises(KeyboardInterrupt):
        live("numpy", tmp_path, callbacks=[Press("step", 1, 2, times=2)])
    assert place(newest(tmp_path).position) == (1, 0), "nothing was saved any more"
    assert live("numpy", tmp_path) == whole


def test_without_checkpoints_the_step_is_finished_too() -> None:
    model, watch = new_model("numpy"), Watch()
    with pytest.raises(KeyboardInterrupt):
        train(model, [Press("step", 0, 2), watch])
    assert [call[:3] for call in watch.calls] == [("step", 0, 1), ("step", 0, 2)]
    assert model.engine.state().steps == 2


def test_other_errors_bring_the_handler_back() -> None:
    def fail() -> None:
        with interrupts.deferred():
            assert signal.getsignal(signal.SIGINT) is not signal.default_int_handler
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()


def test_a_ctrl_c_that_nobody_asked_about_comes_at_the_end() -> None:
    answers = []

    def work() -> None:
        with interrupts.deferred() as interrupted:
            answers.append(interrupted())
            press()
            answers.append(interrupted())

    with pytest.raises(KeyboardInterrupt):
        work()
    assert answers == [False, True]


def in_a_thread(do: Callable[[], Any]) -> list[Any]:
    found: list[Any] = []
    thread = threading.Thread(target=lambda: found.append(do()))
    thread.start()
    thread.join()
    return found


def test_in_another_thread_nothing_is_changed(tmp_path: Path, whole: dict[str, object]) -> None:
    class Look(Callback):
        handlers: set[Any] = set()  # noqa: RUF012

        def on_step_end(self, view: View) -> None:
            self.handlers.add(signal.getsignal(signal.SIGINT))

    assert in_a_thread(lambda: live("numpy", tmp_path, callbacks=[Look()])) == [whole]
    assert Look.handlers == {signal.default_int_handler}


def test_a_handler_that_somebody_put_there_stays() -> None:
    calls = []
    signal.signal(signal.SIGINT, lambda number, frame: calls.append(number))
    try:
        with interrupts.deferred() as interrupted:
            press()
            assert not interrupted()
    finally:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    assert calls == [signal.SIGINT]
