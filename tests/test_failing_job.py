"""A disk that fails anywhere in a run: it ends as it would have, or says why and can be gone on with."""

from __future__ import annotations

import errno
import os
import signal
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path

import pytest

from command_line import Call
from deepen import job, model_file, runs
from deepen.cli.user_files import import_file
from deepen.config import RunConfig
from deepen.errors import DeepenError
from deepen.training.checkpoint import Checkpoint
from disk import disk, filling_disk
from faults import failure

EPOCHS = 2


@pytest.fixture(autouse=True)
def no_pictures(monkeypatch: pytest.MonkeyPatch) -> None:
    """The pictures of a report take longer than all the rest."""
    monkeypatch.setattr("deepen.run_report._draw", lambda dataset, outcome: [])


def config(folder: Path) -> RunConfig:
    return RunConfig(
        "own", "digits", epochs=EPOCHS, batch_size=300, augment=(), health=True, engine="numpy", runs=str(folder)
    )


def only_run(folder: Path) -> Path | None:
    """Return the run in a folder of runs, None where none was made."""
    found = [path for path in folder.glob("*") if path.name[0] != "."]
    assert len(found) <= 1
    return found[0] if found else None


@dataclass(frozen=True)
class Saved:
    """What a folder of runs holds that nothing may take away again."""

    files: frozenset[str]
    epochs: int
    """How far the newest checkpoint is."""


def saved(folder: Path) -> Saved:
    """Return what was saved, and make sure that all of it is sound."""
    run = only_run(folder)
    if run is None:
        return Saved(frozenset(), -1)
    runs.read_config(run)
    for path in run.glob("*.safetensors"):
        model_file.load(path)
    checkpoints = [Checkpoint.load(path) for path in (run / runs.CHECKPOINTS).glob("[!.]*")]
    names = frozenset(path.name for path in run.iterdir() if path.name[0] != ".")
    return Saved(names, max((each.position.epoch for each in checkpoints), default=-1))


@dataclass(frozen=True)
class Whole:
    """What a run whose disk is sound makes, and by which calls."""

    model: bytes
    calls: list[str]


@pytest.fixture
def whole(own: Path, call: Call, tmp_path: Path) -> Whole:
    """A run that nothing disturbs; `call` forgets the model of one's own when the test is over."""
    import_file(own)
    folder = tmp_path / "whole"
    with disk(folder) as calls:
        outcome = job.train(config(folder))
    assert {"mkdir", "open", "write", "fsync", "replace", "rename", "unlink"} == set(calls.names)
    return Whole((outcome.folder / runs.MODEL).read_bytes(), calls.names)


def finish(folder: Path) -> bytes:
    """Go on with the run, or begin it where there is none yet, and return the model's file."""
    run = only_run(folder)
    outcome = job.train(config(folder)) if run is None else job.resume(run)
    return (outcome.folder / runs.MODEL).read_bytes()


def check(
    folder: Path, whole: Whole, at: int, failing: AbstractContextManager[object], before: list[Saved]
) -> bool:
    """Train while the disk fails, go on where that ends the run, and return whether it did."""
    name, model, error = f"{whole.calls[at]} {at}", b"", None
    with failing:
        try:
            model = (job.train(config(folder)).folder / runs.MODEL).read_bytes()
        except (DeepenError, OSError) as found:
            error = found
    after = saved(folder)
    assert before[0].files <= after.files, name
    assert before[0].epochs <= after.epochs, name
    if error is not None:
        assert str(folder) in str(error), f"{name}: {error!r} names no file"
        model = finish(folder)
        assert saved(folder).epochs == EPOCHS, name
    assert model == whole.model, name
    return error is not None


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EIO], ids=["full disk", "failing disk"])
def test_one_call_fails(tmp_path: Path, whole: Whole, code: int) -> None:
    ends = 0
    # Every call takes its turn with one of the two errors.
    for at in range(code == errno.EIO, len(whole.calls), 2):
        folder, before = tmp_path / str(at), list[Saved]()

        def fail(folder: Path = folder, before: list[Saved] = before) -> None:
            before.append(saved(folder))
            failure(code)()

        ends += check(folder, whole, at, disk(folder, at, fail), before)
    assert 0 < ends < len(whole.calls) / 4


def test_the_disk_stays_full(tmp_path: Path, whole: Whole) -> None:
    for at in range(0, len(whole.calls), 5):
        folder, before = tmp_path / str(at), list[Saved]()

        def look(folder: Path = folder, before: list[Saved] = before) -> None:
            before.append(saved(folder))

        assert check(folder, whole, at, filling_disk(folder, at, look), before), "no model can be saved"


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="the system has no file that is always full")
@pytest.mark.parametrize("name", ["report.html", "examples"])
def test_a_report_that_finds_the_disk_full_is_named(tmp_path: Path, whole: Whole, name: str) -> None:
    run = job.train(config(tmp_path / "runs")).folder
    path = run / name if name == "report.html" else next((run / name).iterdir())
    path.unlink()
    path.symlink_to("/dev/full")
    with pytest.raises(
        DeepenError, match=f"cannot write the report in {run}: No space left on device; go on with: "
    ):
        job.resume(run)
    assert (run / runs.MODEL).read_bytes() == whole.model
    path.unlink()
    assert finish(tmp_path / "runs") == whole.model


def options(folder: Path) -> list[str]:
    """Return the command's words for a training as `config` has it."""
    return (
        f"train own --data digits --epochs {EPOCHS} --batch-size 300 --augment none --health --engine numpy "
        f"--checkpoint 2steps --runs {folder}"
    ).split()


def middle(own: Path, call: Call, folder: Path) -> int:
    """Return the number of a call in the middle of a training, past its first checkpoints."""
    with disk(folder) as calls:
        code, _, said = call("--import", own, *options(folder))
    assert code == 0, said
    return len(calls.names) // 2


@pytest.fixture
def ctrl_c() -> Iterator[Callable[[], None]]:
    """Presses Ctrl-C."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield lambda: os.kill(os.getpid(), signal.SIGINT)
    signal.signal(signal.SIGINT, before)


def test_ctrl_c_where_the_model_cannot_be_saved(
    own: Path, call: Call, tmp_path: Path, ctrl_c: Callable[[], None]
) -> None:
    at, folder = middle(own, call, tmp_path / "whole"), tmp_path / "runs"
    with filling_disk(folder, at, ctrl_c):
        code, out, said = call("--import", own, *options(folder))
    assert (code, out) == (130, "")
    run = only_run(folder)
    assert run is not None
    assert f"cannot write {run / runs.MODEL}: No space left on device" in said
    assert "was saved" not in said
    assert f"train --resume {os.path.relpath(run)}\n" in said
    assert said.endswith("deepen: interrupted\n")
    assert not (run / runs.MODEL).exists()
    code, _, said = call("--import", own, "train", "--resume", run)
    assert code == 0
    assert "the training goes on after " in said
    undisturbed = only_run(tmp_path / "whole")
    assert undisturbed is not None
    assert (run / runs.MODEL).read_bytes() == (undisturbed / runs.MODEL).read_bytes()


def test_a_nan_where_the_model_cannot_be_saved(own: Path, call: Call, tmp_path: Path) -> None:
    def train(folder: Path) -> str:
        code, out, said = call("--import", own, *options(folder), "--optimizer", "sgd=1e30")
        assert (code, out) == (1, "")
        return said

    with disk(tmp_path / "whole") as calls:
        assert "the model as it is was saved" in train(tmp_path / "whole")
    last_file = max(at for at, name in enumerate(calls.names) if name == "open")
    folder = tmp_path / "runs"
    with filling_disk(folder, last_file):
        said = train(folder)
    run = only_run(folder)
    assert run is not None
    assert f"cannot write {run / runs.MODEL}: No space left on device" in said
    last = said.splitlines()[-1]
    assert last.startswith("deepen: training stopped in epoch 1, step ")
    assert "dense" in last
    assert "try a lower learning rate" in last
