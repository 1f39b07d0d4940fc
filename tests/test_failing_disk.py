"""A disk that is full or fails while a checkpoint is saved costs that checkpoint, and nothing else."""

from __future__ import annotations

import errno
import functools
import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from deepen.layers import Dense, Flatten
from deepen.model import Model
from deepen.training.checkpoint import Checkpoint
from deepen.training.keeper import Checkpoints
from disk import disk, filling_disk
from faults import failure

IMAGES = np.random.default_rng(0).random((20, 1, 3, 3), dtype=np.float32)
LABELS = np.arange(20) % 2
EPOCHS = 3
SAVES = {"1 epoch": 4, "3 steps": 5}
"""How many checkpoints a training of four steps an epoch makes, the first before its first step."""
FULL, FAILING = errno.ENOSPC, errno.EIO


def train(folder: Path, engine: str = "numpy", every: str = "1 epoch") -> bytes:
    """Train for a moment, and return the weights."""
    model = Model([Flatten(), Dense(2)], (1, 3, 3))
    model.compile("adam", engine=engine, device="cpu")
    model.fit(
        IMAGES,
        LABELS,
        batch_size=5,
        epochs=EPOCHS,
        schedule="one_cycle",
        checkpoints=Checkpoints(folder, every),
        verbose=0,
    )
    return b"".join(array.tobytes() for _, array in sorted(model.weights.items()))


Whole = Callable[[str, str], tuple[bytes, list[str]]]


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Whole:
    """The weights of a training whose disk is sound, and what it called to write its checkpoints."""

    @functools.cache
    def found(engine: str, every: str) -> tuple[bytes, list[str]]:
        folder = tmp_path_factory.mktemp("whole") / "checkpoints"
        with disk(folder) as calls:
            return train(folder, engine, every), calls.names

    return found


@pytest.fixture(scope="module")
def undisturbed(whole: Whole) -> tuple[bytes, list[str]]:
    return whole("numpy", "1 epoch")


@pytest.mark.parametrize(
    ("engine", "every", "code", "stride"),
    [
        ("numpy", "1 epoch", FULL, 1),
        ("numpy", "1 epoch", FAILING, 1),
        ("numpy", "3 steps", FULL, 1),
        # A file takes six calls: a stride of five meets every kind of them.
        ("torch", "3 steps", FAILING, 5),
    ],
)
def test_a_training_goes_on_whatever_fails(
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    whole: Whole,
    engine: str,
    every: str,
    code: int,
    stride: int,
) -> None:
    weights, names = whole(engine, every)
    assert names.count("replace") == SAVES[every]
    assert names.count("mkdir") == 1
    for at, name in list(enumerate(names))[::stride]:
        folder = tmp_path / str(at)
        with disk(folder, at, failure(code)):
            assert train(folder, engine, every) == weights, f"{name} {at}"
        said = capsys.readouterr().err
        if name == "unlink":  # an old checkpoint stays a while longer: nobody has to know
            assert said == ""
        else:
            assert f".safetensors: {os.strerror(code)}; " in said
            assert "; the last checkpoint is epoch0" in said or "; there is no checkpoint yet" in said
        found = {path.name: Checkpoint.load(path) for path in folder.glob("*.safetensors")}
        assert max(one.position.epoch for one in found.values()) >= EPOCHS - 1
        assert {path.name for path in folder.iterdir()} == set(found), "something was left behind"
        # Whoever goes on from there comes to the same end.
        assert train(folder, engine, every) == weights
        capsys.readouterr()


def test_a_disk_that_stays_full_leaves_the_checkpoint_that_was_there(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], undisturbed: tuple[bytes, list[str]]
) -> None:
    first = undisturbed[1].index("fsync", undisturbed[1].index("replace")) + 1
    folder = tmp_path / "checkpoints"
    with filling_disk(folder, first):
        assert train(folder) == undisturbed[0]
    assert [path.name for path in folder.iterdir()] == ["epoch000000-step00000000.safetensors"]
    said = capsys.readouterr().err
    assert said.count("No space left on device; the last checkpoint is epoch000000-step00000000") == EPOCHS
    assert train(folder) == undisturbed[0]


def test_a_disk_that_was_full_from_the_beginning(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], undisturbed: tuple[bytes, list[str]]
) -> None:
    folder = tmp_path / "checkpoints"
    with filling_disk(folder, 0):
        assert train(folder) == undisturbed[0]
    assert not folder.exists()
    assert "No space left on device; there is no checkpoint yet" in capsys.readouterr().err


def test_a_damaged_checkpoint_is_named_and_the_one_before_it_taken(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], undisturbed: tuple[bytes, list[str]]
) -> None:
    train(tmp_path)
    newest = max(tmp_path.iterdir())
    damaged = bytearray(newest.read_bytes())
    damaged[-1] ^= 1
    newest.write_bytes(damaged)
    assert train(tmp_path) == undisturbed[0]
    said = capsys.readouterr().err
    assert f"{newest} is damaged: its checksum does not fit" in said
    assert f"goes on after epoch {EPOCHS - 1} " in said
