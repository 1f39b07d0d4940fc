"""A training that is killed, again and again, ends with the bytes of one that was not."""

from __future__ import annotations

import functools
import random
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from deepen.training.checkpoint import Checkpoint
from kill_worker import EVERY, SAVING, STEPS
from stepping import each_engine_by_name

WORKER = Path(__file__).with_name("kill_worker.py")


@dataclass(frozen=True)
class Whole:
    """What an uninterrupted training made, in how many seconds, with how many calls to write its checkpoints."""

    digest: str
    seconds: float
    calls: int


class Training:
    """A training in a folder, that lives as often as one starts it."""

    def __init__(self, engine: str, workers: int, folder: Path) -> None:
        folder.mkdir()
        self._command = [sys.executable, str(WORKER), engine, str(workers), str(folder)]
        self._folder = folder

    def live(self, seconds: float | None = None, calls: int = -1) -> Whole | None:
        """Start it, and kill it after so many seconds or in a call of that number; None where it was killed."""
        with subprocess.Popen([*self._command, str(calls)], stdout=subprocess.PIPE, text=True) as process:
            assert process.stdout is not None
            assert process.stdout.readline() == "training\n"
            started = time.perf_counter()
            if seconds is not None:
                time.sleep(seconds)
                process.kill()
            written = process.stdout.readline()
            taken = time.perf_counter() - started
            digest = process.stdout.readline().strip()
        assert process.returncode in (0, -9)
        return Whole(digest, taken, int(written)) if process.returncode == 0 else None

    def steps(self) -> list[int]:
        """Return the numbers of the steps that were done, in the order in which they were."""
        path = self._folder / "steps"
        return [int(line) for line in path.read_text().split()] if path.exists() else []

    def saving(self) -> bool:
        """Return whether the last life ended inside a save."""
        return (self._folder / "saves").read_text().split()[-1] == SAVING

    def newest(self) -> int:
        """Return the step of the newest checkpoint, of which every one has to be sound; 0 where there is none."""
        found = [Checkpoint.load(path) for path in (self._folder / "checkpoints").glob("*.safetensors")]
        return max((each.position.epoch * STEPS + each.position.step for each in found), default=0)


@dataclass
class Kills:
    """How many times trainings were killed, and how many of these times inside a save."""

    all: int = 0
    inside: int = 0


Wholes = Callable[[str], Whole]


@pytest.fixture(scope="module")
def wholes(tmp_path_factory: pytest.TempPathFactory) -> Wholes:
    """What each engine makes where nothing interrupts it, without workers: they change nothing."""

    @functools.cache
    def made(engine: str) -> Whole:
        whole = Training(engine, 0, tmp_path_factory.mktemp("whole") / engine).live()
        assert whole is not None
        return whole

    return made


def kill(whole: Whole, engine: str, workers: int, place: Path, at_random: int, in_a_save: int) -> Kills:
    """Kill trainings so many times; each that ends must have made what an uninterrupted one does."""
    rng = random.Random(f"{engine} {workers}")
    kinds = ["moment"] * at_random + ["save"] * in_a_save
    rng.shuffle(kinds)
    kills, ended, training = Kills(), 0, Training(engine, workers, place / "0")
    while kinds:
        before = training.newest(), len(training.steps())
        if kinds[-1] == "moment":
            found = training.live(seconds=rng.uniform(0, whole.seconds / 2))
        else:
            found = training.live(calls=rng.randrange(whole.calls // 2))
        check(training, *before)
        if found is None:
            kills.all += 1
            kills.inside += training.saving()
            # A call before the first save takes away what an earlier kill has left: that was none in a save.
            if kinds[-1] == "moment" or training.saving():
                kinds.pop()
        else:
            # It was over before its end came: another one takes the kill.
            assert found.digest == whole.digest
            ended += 1
            training = Training(engine, workers, place / str(ended))
    before = training.newest(), len(training.steps())
    found = training.live()
    check(training, *before)
    assert found is not None
    assert found.digest == whole.digest
    return kills


def check(training: Training, checkpoint: int, done: int) -> None:
    """Make sure that a life began at the newest checkpoint, left a sound one, and lost at most one interval."""
    steps = training.steps()
    assert steps[done:] == list(range(checkpoint + 1, checkpoint + 1 + len(steps) - done))
    assert training.newest() >= max(steps, default=0) - EVERY


@pytest.mark.parametrize(
    ("engine", "workers", "at_random", "in_a_save"),
    [
        ("numpy", 0, 2, 2),
        ("numpy", 3, 1, 1),
        ("torch", 1, 1, 1),
        ("native", 1, 1, 1),
    ],
    indirect=["engine"],
)
def test_some_kills(
    tmp_path: Path, wholes: Wholes, engine: str, workers: int, at_random: int, in_a_save: int
) -> None:
    kills = kill(wholes(engine), engine, workers, tmp_path, at_random, in_a_save)
    assert kills.all >= at_random + in_a_save
    assert kills.inside >= in_a_save


@pytest.mark.slow
@pytest.mark.parametrize("workers", [0, 1, 3])
@each_engine_by_name
def test_200_kills(
    tmp_path: Path, wholes: Wholes, capsys: pytest.CaptureFixture[str], engine: str, workers: int
) -> None:
    kills = kill(wholes(engine), engine, workers, tmp_path, at_random=20, in_a_save=14)
    with capsys.disabled():
        print(f"\n{engine}, workers {workers}: killed {kills.all} times, {kills.inside} of them inside a save")
    assert kills.all >= 34
    assert kills.inside >= 14
