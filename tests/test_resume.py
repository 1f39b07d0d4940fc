"""A training that breaks off and goes on is, bit for bit, the one that was never interrupted."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from deepen.errors import UsageError
from deepen.training.checkpoint import Checkpoint
from deepen.training.keeper import Checkpoints
from small_training import BATCH, EPOCHS, PLANNED, STEPS, BrokenOffError, Watch, live, made, new_model, train
from stepping import each_engine_by_name

CALLS = EPOCHS * (STEPS + 1)
"""After each step and each epoch."""


class Whole(dict[str, tuple[dict[str, object], Watch]]):
    """What each engine's uninterrupted training makes, and what it shows to callbacks."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def __missing__(self, engine: str) -> tuple[dict[str, object], Watch]:
        watch = Watch()
        self[engine] = live(engine, self._folder / engine, callbacks=[watch]), watch
        return self[engine]


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Whole:
    return Whole(tmp_path_factory.mktemp("whole"))


def break_off(engine: str, folder: Path, at: int, every: str, workers: int = 0) -> Watch:
    watch = Watch(at)
    with pytest.raises(BrokenOffError):
        live(engine, folder, every=every, workers=workers, callbacks=[watch])
    return watch


@each_engine_by_name
def test_the_training_uses_all_that_there_is(whole: Whole, engine: str) -> None:
    result, watch = whole[engine]
    assert len(watch.calls) == CALLS, "early stopping was to end it"
    assert EPOCHS < PLANNED
    parts = {name.split()[0] for name in result}
    slots = set(new_model(engine).engine.setup.optimizer.slots)
    assert len(slots) == 2
    assert {"parameters", "statistics", "average", "updates", "val_loss", "log", *slots} <= parts


@each_engine_by_name
@pytest.mark.parametrize("every", ["1 step", "3 steps", "1 epoch"])
def test_wherever_it_breaks_off(tmp_path: Path, whole: Whole, engine: str, every: str) -> None:
    result, through = whole[engine]
    for at in range(CALLS):
        folder, workers = tmp_path / str(at), (0, 1, 3)[at % 3]
        first = break_off(engine, folder, at, every, workers)
        second = Watch()
        assert live(engine, folder, every=every, workers=workers, callbacks=[second]) == result, at
        # Both were shown what the uninterrupted one was, and nothing between was left out.
        assert first.calls == through.calls[: at + 1]
        assert second.calls == through.calls[CALLS - len(second.calls) :]
        assert len(second.calls) >= CALLS - at - 1


@each_engine_by_name
@settings(max_examples=6)
@given(
    lives=st.lists(
        st.tuples(st.integers(0, STEPS + 1), st.integers(0, 3), st.sampled_from(["1 step", "3 steps", "1 epoch"])),
        min_size=2,
        max_size=5,
    )
)
def test_breaking_off_again_and_again(
    tmp_path_factory: pytest.TempPathFactory, whole: Whole, lives: list[tuple[int, int, str]], engine: str
) -> None:
    # Interval and workers may change from one life to the next: they are no part of what is trained.
    folder, result = tmp_path_factory.mktemp("lives"), None
    for at, workers, every in lives:
        try:
            result = live(engine, folder, every=every, workers=workers, callbacks=[Watch(at)])
        except BrokenOffError:
            continue
    result = live(engine, folder)
    assert result == whole[engine][0]


@each_engine_by_name
@pytest.mark.parametrize("workers", [1, 3])
def test_workers_and_checkpoints_change_nothing(tmp_path: Path, whole: Whole, engine: str, workers: int) -> None:
    model = new_model(engine)
    without_checkpoints = made(model, train(model, workers=workers))
    result = whole[engine][0]
    assert without_checkpoints == {name: value for name, value in result.items() if name != "log"}
    assert live(engine, tmp_path, every="2 steps", workers=workers) == result


@each_engine_by_name
def test_a_complete_training_is_not_trained_again(
    tmp_path: Path, whole: Whole, engine: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert live(engine, tmp_path) == whole[engine][0]
    before = {path.name: path.read_bytes() for path in (tmp_path / "checkpoints").iterdir()}
    capsys.readouterr()
    watch = Watch()
    assert live(engine, tmp_path, callbacks=[watch]) == whole[engine][0]
    assert watch.calls == []
    assert capsys.readouterr().err.startswith("deepen: the training is complete (epoch000003-")
    assert {path.name: path.read_bytes() for path in (tmp_path / "checkpoints").iterdir()} == before


def test_what_a_callback_sees_at_the_beginning_of_a_resumed_training(tmp_path: Path, whole: Whole) -> None:
    through = whole["numpy"][1].calls
    # Broken off after the third step of the second epoch, whose second step has a checkpoint.
    break_off("numpy", tmp_path, at=STEPS + 1 + 2, every="2 steps")
    watch = Watch()
    live("numpy", tmp_path, callbacks=[watch])
    view = watch.begun
    assert view is not None
    assert (view.epoch, view.step, view.images) == (1, 2, 2 * BATCH)
    assert (view.epochs, view.steps) == (PLANNED, STEPS)
    assert view.history.epoch == [0]
    (rate,) = {rate for call, epoch, step, rate, _ in through if (call, epoch, step) == ("step", 1, 2)}
    assert view.learning_rate == rate


def test_a_resumed_training_counts_the_time_before(tmp_path: Path) -> None:
    break_off("numpy", tmp_path, at=2, every="2 steps")
    (newest,) = (tmp_path / "checkpoints").glob("*step00000002*")
    spent = Checkpoint.load(newest).position.seconds
    assert spent > 0
    watch = Watch()
    live("numpy", tmp_path, callbacks=[watch])
    assert watch.begun is not None
    assert watch.begun.seconds == spent


def test_a_second_training_has_checkpoints_of_its_own(tmp_path: Path) -> None:
    def both(watch: Watch) -> dict[str, object]:
        model = new_model("numpy")
        train(model, checkpoints=Checkpoints(tmp_path / "first", "2 steps"))
        return made(model, train(model, [watch], checkpoints=Checkpoints(tmp_path / "second", "2 steps")))

    model = new_model("numpy")
    train(model)
    expected = made(model, train(model))
    with pytest.raises(BrokenOffError):
        both(Watch(3))
    watch = Watch()
    assert both(watch) == expected
    assert watch.calls[0][:3] == ("step", EPOCHS, 3)
    model = new_model("numpy")
    train(model, checkpoints=Checkpoints(tmp_path / "first"))
    with pytest.raises(UsageError, match="of another training: its first epoch is 0, here it is 3; "):
        train(model, checkpoints=Checkpoints(tmp_path / "first"))


def test_the_same_model_goes_on_with_what_broke_off(tmp_path: Path, whole: Whole) -> None:
    model, checkpoints = new_model("numpy"), Checkpoints(tmp_path, "3 steps")
    for at in (2, 6):
        with pytest.raises(BrokenOffError):
            train(model, [Watch(at)], checkpoints=checkpoints)
    found = made(model, train(model, checkpoints=checkpoints))
    assert found == {name: value for name, value in whole["numpy"][0].items() if name != "log"}
