"""Callbacks decide by the history alone, and what they cannot write ends no training."""

from __future__ import annotations

import csv
import io
import math
import sys
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tensorboard.backend.event_processing.event_file_loader import EventFileLoader

from deepen.errors import DataError, MissingExtraError, UsageError
from deepen.layers import Dense, Flatten, Sequential
from deepen.model import Model
from deepen.training.callbacks import Callback, View
from deepen.training.csv_log import CSVLog
from deepen.training.history import History
from deepen.training.monitored import best_epoch
from deepen.training.stopping import EarlyStopping
from deepen.training.tensorboard_log import TensorBoard
from deepen.training.weights_files import BestWeights, LastWeights

LOSSES = st.lists(st.sampled_from([0.1, 0.2, 0.25, 0.3, 0.5, math.nan, math.inf]), min_size=1, max_size=12)


def recorded(**figures: list[float]) -> History:
    history = History()
    for epoch, row in enumerate(zip(*figures.values(), strict=True)):
        history.add(epoch, dict(zip(figures, row, strict=True)))
    return history


def view_of(history: History, save: Any = lambda path: None) -> View:
    """The view after the last epoch of a history."""
    return View(
        epoch=len(history.epoch) - 1,
        epochs=100,
        step=1,
        steps=1,
        images=1,
        seconds=1.0,
        learning_rate=0.1,
        read=lambda: (0.0, 0.0),
        weights=dict,
        save=save,
        history=history,
        figures=MappingProxyType(history.last),
    )


def run(callback: Callback, first: int = 0, save: Any = lambda path: None, **figures: list[float]) -> int:
    """Let a new callback see the epochs from `first` on, and return how many there are until it stops."""
    count = len(next(iter(figures.values())))
    if first:
        callback.on_train_begin(view_of(recorded(**{name: values[:first] for name, values in figures.items()})))
    for epochs in range(first + 1, count + 1):
        if callback.on_epoch_end(
            view_of(recorded(**{name: values[:epochs] for name, values in figures.items()}), save)
        ):
            return epochs
    return count


def stopped_by_the_book(losses: list[float], patience: int, min_delta: float) -> int:
    """Early stopping as textbooks have it, with a counter and the best so far."""
    best, waited = math.inf, 0
    for epochs, loss in enumerate(losses, 1):
        waited += 1
        if loss < best - min_delta:
            best, waited = loss, 0
        if waited == patience:
            return epochs
    return len(losses)


@given(LOSSES, st.integers(1, 4), st.sampled_from([0.0, 0.07]))
def test_early_stopping_is_the_books(losses: list[float], patience: int, min_delta: float) -> None:
    callback = EarlyStopping(patience=patience, min_delta=min_delta)
    assert run(callback, val_loss=losses) == stopped_by_the_book(losses, patience, min_delta)


@given(LOSSES, st.integers(1, 4), st.data())
def test_an_interruption_does_not_move_the_stop(losses: list[float], patience: int, data: st.DataObject) -> None:
    epochs = run(EarlyStopping(patience=patience), val_loss=losses)
    interrupted = data.draw(st.integers(0, epochs - 1))
    assert run(EarlyStopping(patience=patience), first=interrupted, val_loss=losses) == epochs


def test_what_is_no_loss_is_to_rise(capsys: pytest.CaptureFixture[str]) -> None:
    callback = EarlyStopping("val_accuracy", patience=2)
    assert run(callback, val_accuracy=[0.1, 0.5, 0.9, 0.9, 0.8, 1.0]) == 5
    assert capsys.readouterr().err == "stopped early: val_accuracy has not improved since epoch 3 (0.9)\n"


def test_a_figure_that_is_no_number_never_improves(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(EarlyStopping("loss", patience=2), loss=[math.nan] * 3) == 2
    assert capsys.readouterr().err == "stopped early: loss was no number for 2 epochs\n"


@given(LOSSES)
def test_the_best_epoch_is_the_first_of_the_lowest(losses: list[float]) -> None:
    finite = [loss for loss in losses if math.isfinite(loss)]
    assert best_epoch(losses) == (losses.index(min(finite)) if finite else -1)


@pytest.mark.parametrize(
    ("settings", "text"),
    [
        ({"patience": 0}, "patience must be a whole number, 1 or more, got 0"),
        ({"patience": 1.5}, "patience must be a whole number, 1 or more, got 1.5"),
        ({"patience": True}, "patience must be a whole number, 1 or more, got True"),
        ({"monitor": 3}, "monitor must be the name of a figure, such as 'val_loss', got 3"),
        ({"min_delta": -1}, "min_delta must be a number, 0 or more, got -1"),
        ({"min_delta": math.nan}, "min_delta must be a number, 0 or more, got nan"),
    ],
)
def test_wrong_settings(settings: dict[str, Any], text: str) -> None:
    with pytest.raises(UsageError, match=f"^EarlyStopping: {text}$"):
        EarlyStopping(**settings)


def test_the_best_weights_need_a_name_to_go_by() -> None:
    with pytest.raises(UsageError, match=r"^BestWeights: monitor must be the name of a figure, .* got None$"):
        BestWeights("best.safetensors", None)  # type: ignore[arg-type]


def test_a_number_of_numpy_is_patience() -> None:
    assert run(EarlyStopping("loss", patience=np.int64(2)), loss=[1.0] * 9) == 3  # type: ignore[arg-type]


@pytest.mark.parametrize("callback", [EarlyStopping("val_f1"), BestWeights("a.safetensors", "val_f1")])
def test_a_figure_that_is_not_recorded(callback: Callback) -> None:
    with pytest.raises(
        UsageError, match=r"^there is no figure 'val_f1' to monitor, only loss, accuracy; figures of"
    ):
        run(callback, loss=[1.0], accuracy=[0.5])


@given(LOSSES, st.data())
def test_the_best_weights_are_those_of_the_best_epoch(losses: list[float], data: st.DataObject) -> None:
    saved: list[str] = []
    run(BestWeights("best"), save=saved.append, val_loss=losses)
    assert len(saved) == len({loss for i, loss in enumerate(losses) if best_epoch(losses[: i + 1]) == i})
    # Wherever a run goes on, the epochs it makes again are judged as before.
    again: list[str] = []
    first = data.draw(st.integers(0, len(losses) - 1))
    run(BestWeights("best"), first=first, save=again.append, val_loss=losses)
    assert saved[len(saved) - len(again) :] == again
    assert len(again) == sum(best_epoch(losses[: i + 1]) == i for i in range(first, len(losses)))


def test_the_last_weights_are_written_after_each_epoch() -> None:
    saved: list[str] = []
    run(LastWeights("last"), save=saved.append, loss=[1.0, 2.0, 3.0])
    assert saved == ["last"] * 3


@pytest.mark.parametrize("callback", [BestWeights("w.safetensors", "loss"), LastWeights("w.safetensors")])
@pytest.mark.parametrize(
    "error", [DataError("cannot write w.safetensors: disk full"), OSError(28, "disk full")], ids=["data", "os"]
)
def test_weights_that_cannot_be_written_end_no_training(
    callback: Callback, error: Exception, capsys: pytest.CaptureFixture[str]
) -> None:
    def fail(path: object) -> None:
        raise error

    assert run(callback, save=fail, loss=[2.0, 1.0]) == 2
    assert capsys.readouterr().err == "cannot write w.safetensors: disk full; training goes on\n" * 2


def test_the_table_of_a_run(tmp_path: Path) -> None:
    path = tmp_path / "log.csv"
    path.write_text("something older")
    run(CSVLog(path), loss=[0.5, 0.1 + 0.2], val_loss=[1.0, math.nan])
    rows = list(csv.reader(io.StringIO(path.read_text())))
    assert rows == [["epoch", "loss", "val_loss"], ["1", "0.5", "1.0"], ["2", "0.30000000000000004", "nan"]]


def test_the_table_of_a_run_that_goes_on_is_that_of_one_that_never_stopped(tmp_path: Path) -> None:
    whole, parts, losses = tmp_path / "whole.csv", tmp_path / "parts.csv", [4.0, 3.0, 2.0, 1.0]
    run(CSVLog(whole), loss=losses)
    run(CSVLog(parts), loss=losses[:3])
    # The last checkpoint was made after the second epoch: the third is made again.
    CSVLog(parts).on_train_begin(view_of(recorded(loss=losses[:2])))
    assert parts.read_text().splitlines() == whole.read_text().splitlines()[:3]
    run(CSVLog(parts), first=2, loss=losses)
    assert parts.read_bytes() == whole.read_bytes()


def test_a_table_that_cannot_be_written_ends_no_training(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "missing" / "log.csv"
    assert run(CSVLog(path), loss=[1.0]) == 1
    assert capsys.readouterr().err == f"cannot write {path}: No such file or directory; training goes on\n"


def scalars(folder: Path) -> dict[str, dict[int, float]]:
    """What TensorBoard shows of a folder: a start takes back what lies behind it."""
    found: dict[str, dict[int, float]] = {}
    for path in sorted(folder.glob("*tfevents*")):
        for event in EventFileLoader(str(path)).Load():
            if event.HasField("session_log"):
                found = {tag: {s: v for s, v in row.items() if s < event.step} for tag, row in found.items()}
            for value in event.summary.value:
                row = found.setdefault(value.tag, {})
                assert event.step not in row, "an epoch is there twice"
                row[event.step] = value.tensor.float_val[0]
    return found


def test_tensorboard_shows_each_epoch_once(tmp_path: Path) -> None:
    run(TensorBoard(tmp_path), loss=[4.0, 3.0, 9.0], val_accuracy=[0.25, 0.5, 0.0])
    assert scalars(tmp_path)["loss"] == {1: 4.0, 2: 3.0, 3: 9.0}
    run(TensorBoard(tmp_path), first=2, loss=[4.0, 3.0, 2.0, 1.0], val_accuracy=[0.25, 0.5, 0.75, 1.0])
    assert scalars(tmp_path) == {
        "loss": {1: 4.0, 2: 3.0, 3: 2.0, 4: 1.0},
        "val_accuracy": {1: 0.25, 2: 0.5, 3: 0.75, 4: 1.0},
    }


def test_half_a_record_does_not_stay(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    callback, plain = TensorBoard(tmp_path), Path.open

    def torn(self: Path, *args: Any, **kwargs: Any) -> Any:
        file = plain(self, *args, **kwargs)

        class Torn:
            def __enter__(self) -> Torn:
                return self

            def __exit__(self, *_: object) -> None:
                file.close()

            def write(self, data: bytes) -> None:
                file.write(data[: len(data) // 2])
                raise OSError(28, "No space left on device")

        return Torn()

    run(callback, loss=[3.0])
    with monkeypatch.context() as patch:
        patch.setattr(Path, "open", torn)
        run(callback, first=1, loss=[3.0, 2.0])
    run(callback, first=2, loss=[3.0, 2.0, 1.0])
    assert scalars(tmp_path) == {"loss": {1: 3.0, 3: 1.0}}
    assert "No space left on device; training goes on\n" in capsys.readouterr().err


def test_tensorboard_that_is_not_installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "tensorboard.compat.proto.event_pb2", None)
    with pytest.raises(MissingExtraError, match=r'^TensorBoard is not installed; .*"deepen\[tensorboard\]"$'):
        TensorBoard(tmp_path)


def test_all_of_them_in_a_training(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rng = np.random.default_rng(0)
    y = np.arange(40) % 2
    x = (rng.random((40, 1, 4, 4)) + y[:, None, None, None]).astype(np.float32)
    model, again = (Model(Sequential([Flatten(), Dense(2)]), (1, 4, 4)) for _ in range(2))
    for each in (model, again):
        each.compile("momentum=0.1", engine="numpy")
    best, last = tmp_path / "best.safetensors", tmp_path / "last.safetensors"
    watchers = [
        EarlyStopping("val_accuracy", patience=2),
        BestWeights(best),
        LastWeights(last),
        CSVLog(tmp_path / "log.csv"),
        TensorBoard(tmp_path / "board"),
    ]
    history = model.fit(x, y, epochs=20, batch_size=8, validation_split=0.25, callbacks=watchers, verbose=0)
    assert len(history.epoch) < 20
    assert "stopped early: val_accuracy has not improved since epoch" in capsys.readouterr().err
    np.testing.assert_array_equal(Model.load(last, engine="numpy").predict(x), model.predict(x))
    # The same training, ended after the best epoch.
    epochs = 1 + best_epoch(history.history["val_loss"])
    assert epochs < len(history.epoch)
    again.fit(x, y, epochs=epochs, batch_size=8, validation_split=0.25, verbose=0)
    np.testing.assert_array_equal(Model.load(best, engine="numpy").predict(x), again.predict(x))
    assert len((tmp_path / "log.csv").read_text().splitlines()) == 1 + len(history.epoch)
    shown = scalars(tmp_path / "board")
    assert shown.keys() == history.history.keys()
    np.testing.assert_allclose(list(shown["val_loss"].values()), history.history["val_loss"], rtol=1e-6)
