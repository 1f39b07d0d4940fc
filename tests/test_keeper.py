"""Which checkpoints are made, which stay, and which one a training goes on from."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from deepen.engines.base import Setup, State
from deepen.errors import FileFormatError, UsageError
from deepen.layers import Dense
from deepen.optimizers import SGD
from deepen.training import keeper as module
from deepen.training.checkpoint import Position
from deepen.training.history import History
from deepen.training.keeper import Checkpoints, Keeper

SETUP = Setup(Dense(1), (1,), optimizer=SGD())
MACHINE = {"engine": "numpy", "device": "cpu", "threads": 2}


def keeper(folder: Path, every: str = "1 epoch", **identity: Any) -> Keeper:
    return Keeper(Checkpoints(folder, every), {"seed": 0, "network": "n" * 200, **identity}, MACHINE)


def state(epoch: int) -> State:
    return State({"kernel": np.array([[epoch]], np.float32), "bias": np.zeros(1, np.float32)}, {}, {})


def save(kept: Keeper, epoch: int, step: int = 0) -> Path:
    """Make a checkpoint whose weight is the epoch."""
    kept.save(state(epoch), Position(epoch, step), History(list(range(epoch)), {"loss": [0.5] * epoch}))
    return Path(kept.checkpoints.folder) / f"epoch{epoch:06d}-step{step:08d}.safetensors"


def damage(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[-1] ^= 1
    path.write_bytes(data)


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_nothing_is_there_at_first(tmp_path: Path) -> None:
    assert keeper(tmp_path / "new").newest(SETUP) is None
    assert not (tmp_path / "new").exists()


def test_the_newest_is_taken_and_two_stay(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    kept = keeper(tmp_path)
    paths = [save(kept, epoch, step) for epoch, step in ((0, 0), (0, 999), (1, 5), (9, 99999), (10, 0))]
    assert names(tmp_path) == [path.name for path in paths[-2:]]
    found = keeper(tmp_path).newest(SETUP)
    assert found is not None
    assert found.position == Position(10)
    assert found.state.parameters["kernel"].tolist() == [[10]]
    assert capsys.readouterr().err == f"deepen: the training goes on after epoch 10 ({paths[-1].name})\n"


def test_that_a_training_has_only_begun_is_not_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    save(keeper(tmp_path), 0)
    assert keeper(tmp_path).newest(SETUP) is not None
    assert capsys.readouterr().err == ""


def test_a_complete_training_is_said_to_be(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    keeper(tmp_path).save(state(3), Position(3, over=True), History([0, 1, 2], {}))
    found = keeper(tmp_path).newest(SETUP)
    assert found is not None
    assert found.position.over
    assert "deepen: the training is complete (epoch000003-step00000000.safetensors)" in capsys.readouterr().err


def test_damaged_ones_are_named_and_passed_over(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    kept = keeper(tmp_path)
    sound, broken = save(kept, 1), save(kept, 2)
    damage(broken)
    found = keeper(tmp_path).newest(SETUP)
    assert found is not None
    assert found.position == Position(1)
    said = capsys.readouterr().err
    assert f"{broken} is damaged: its checksum does not fit" in said
    assert f"goes on after epoch 1 ({sound.name})" in said


def test_all_damaged_is_an_error_that_names_them(tmp_path: Path) -> None:
    kept = keeper(tmp_path)
    for path in (save(kept, 1), save(kept, 2)):
        damage(path)
    with pytest.raises(FileFormatError, match=r"all checkpoints in .* are damaged: epoch000001-.*, epoch000002-"):
        keeper(tmp_path).newest(SETUP)


def test_damaged_ones_take_no_sound_ones_place(tmp_path: Path) -> None:
    kept = keeper(tmp_path)
    for path in (save(kept, 8), save(kept, 9)):
        damage(path)
    sound = [save(kept, 1), save(kept, 2), save(kept, 3)]
    assert not sound[0].exists()
    assert sound[1].exists()
    damage(sound[2])
    found = keeper(tmp_path).newest(SETUP)
    assert found is not None
    assert found.position == Position(2)
    # Once training is past them they go the way of the old ones.
    last = [save(kept, 10), save(kept, 11)]
    assert names(tmp_path) == [path.name for path in last]


def test_what_a_kill_left_behind_is_removed_and_what_is_no_checkpoint_stays(tmp_path: Path) -> None:
    kept = keeper(tmp_path)
    save(kept, 1)
    for name in (".epoch000002-step00000000.safetensors.01234567", "notes.txt", "other.safetensors"):
        (tmp_path / name).touch()
    found = keeper(tmp_path).newest(SETUP)
    assert found is not None
    save(kept, 2)
    save(kept, 3)
    assert names(tmp_path) == [
        "epoch000002-step00000000.safetensors",
        "epoch000003-step00000000.safetensors",
        "notes.txt",
        "other.safetensors",
    ]


@given(
    st.integers(1, 10**9 - 1),
    st.sampled_from(["step", "minute", "epoch"]),
    st.sampled_from(["", "s"]),
    st.integers(0, 3),
    st.integers(0, 2),
)
def test_intervals(number: int, unit: str, plural: str, between: int, around: int) -> None:
    text = " " * around + str(number) + " " * between + unit + plural + " " * around
    assert Checkpoints("folder", text).interval == (number, unit)


@given(st.floats(0.001, 1000).map(lambda number: f"{number:.3f}"))
def test_minutes_may_be_parts(number: str) -> None:
    assert Checkpoints("folder", f"{number} minutes").interval == (float(number), "minute")


@pytest.mark.parametrize(
    "text",
    [
        "",
        "5",
        "steps",
        "0 steps",
        "0.0 minutes",
        "-1 steps",
        "1.5 epochs",
        "1.5 steps",
        "1 hour",
        "1 stepss",
        500,
        None,
    ],
)
def test_what_is_no_interval(text: Any) -> None:
    with pytest.raises(UsageError, match=f'^checkpoints come every so many .*, as in "500 steps"; got {text!r}$'):
        Checkpoints("folder", text)


def test_every_so_many_steps(tmp_path: Path) -> None:
    kept = keeper(tmp_path, "3 steps")
    # Steps of the whole training count, wherever its epochs begin.
    assert [done for done in range(1, 10) if kept.due(Position(7, done % 4), done)] == [3, 6, 9]


def test_every_so_many_epochs(tmp_path: Path) -> None:
    kept = keeper(tmp_path, "2 epochs")
    positions = [Position(epoch, step) for epoch in range(1, 5) for step in range(3)]
    assert [position for position in positions if kept.due(position, 1)] == [Position(2), Position(4)]


def test_every_so_many_minutes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    now = 1000.0
    monkeypatch.setattr(module.time, "monotonic", lambda: now)
    kept = keeper(tmp_path, "1.5 minutes")
    save(kept, 0)
    now += 89
    assert not kept.due(Position(0, 1), 1)
    now += 1
    assert kept.due(Position(0, 2), 2)
    save(kept, 0, 2)
    assert not kept.due(Position(0, 3), 3)


@pytest.mark.parametrize(
    ("identity", "text"),
    [
        ({"seed": 1}, "its seed is 0, here it is 1"),
        ({"network": "m" * 200}, "its network differs"),
        ({"new": True}, "its new is None, here it is True"),
    ],
)
def test_another_training_is_refused(tmp_path: Path, identity: dict[str, Any], text: str) -> None:
    path = save(keeper(tmp_path), 1)
    with pytest.raises(UsageError) as raised:
        keeper(tmp_path, **identity).newest(SETUP)
    assert str(raised.value) == (
        f"{path} is of another training: {text}; go on with what it was begun with, or name another folder for "
        "checkpoints"
    )


def test_another_machine_is_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    save(keeper(tmp_path), 1)
    kept = keeper(tmp_path)
    kept.machine = {**MACHINE, "engine": "torch", "threads": 4}
    assert kept.newest(SETUP) is not None
    assert (
        "deepen: the last digits may differ from those of an uninterrupted training: engine was numpy, is torch; "
        "threads was 2, is 4\n"
    ) in capsys.readouterr().err


def test_a_folder_that_cannot_be_made_is_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "file").touch()
    kept = keeper(tmp_path / "file" / "checkpoints")
    assert kept.newest(SETUP) is None
    path = save(kept, 1)
    said = capsys.readouterr().err
    assert said == f"deepen: cannot write {path}: Not a directory; there is no checkpoint yet\n"


@pytest.mark.parametrize("wrong", [{"kernel": np.ones((2, 1), np.float32)}, {"other": np.ones(1, np.float32)}])
def test_a_state_of_other_layers_is_named(tmp_path: Path, wrong: dict[str, Any]) -> None:
    kept = keeper(tmp_path)
    arrays = {"kernel": np.ones((1, 1), np.float32), "bias": np.ones(1, np.float32), **wrong}
    kept.save(State(arrays, {}, {}), Position(1), History())
    with pytest.raises(FileFormatError, match=r"epoch000001-.* does not fit the network: (kernel|other) "):
        kept.newest(SETUP)


def test_on_a_gpu_no_byte_is_promised(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    kept = keeper(tmp_path)
    kept.machine = {**MACHINE, "device": "cuda"}
    save(kept, 1)
    assert kept.newest(SETUP) is not None
    assert "may differ from those of an uninterrupted training: a GPU may add" in capsys.readouterr().err


@pytest.mark.parametrize("folder", [None, 3])
def test_a_folder_is_a_path(folder: Any) -> None:
    with pytest.raises(UsageError, match=r'the folder is a path, as in Checkpoints\("folder"\)'):
        Checkpoints(folder)
