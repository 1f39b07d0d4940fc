"""A disk that is full or fails while a checkpoint is saved costs that checkpoint, and nothing else."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import numpy as np
import pytest

from deepen.layers import Dense, Flatten
from deepen.model import Model
from deepen.training.checkpoint import Checkpoint
from deepen.training.keeper import Checkpoints
from faults import failure, faults

IMAGES = np.random.default_rng(0).random((20, 1, 3, 3), dtype=np.float32)
LABELS = np.arange(20) % 2
EPOCHS = 3


def train(folder: Path, epochs: int = EPOCHS) -> bytes:
    """Train for a moment, and return the weights."""
    model = Model([Flatten(), Dense(2)], (1, 3, 3))
    model.compile("adam", engine="numpy")
    model.fit(
        IMAGES,
        LABELS,
        batch_size=5,
        epochs=epochs,
        schedule="one_cycle",
        checkpoints=Checkpoints(folder),
        verbose=0,
    )
    return b"".join(array.tobytes() for _, array in sorted(model.weights.items()))


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> tuple[bytes, list[str]]:
    """The weights of a training whose disk is sound, and what it called to write its checkpoints."""
    folder = tmp_path_factory.mktemp("undisturbed")
    with faults(folder) as calls:
        return train(folder), calls.names


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EIO], ids=["full disk", "failing disk"])
def test_a_training_goes_on_whatever_fails(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], undisturbed: tuple[bytes, list[str]], code: int
) -> None:
    weights, names = undisturbed
    assert names.count("replace") == EPOCHS + 1
    for at, name in enumerate(names):
        folder = tmp_path / str(at)
        with faults(folder, at, failure(code)):
            assert train(folder) == weights, f"{name} {at}"
        said = capsys.readouterr().err
        if name == "unlink":  # an old checkpoint stays a while longer: nobody has to know
            assert said == ""
        else:
            assert f".safetensors: {os.strerror(code)}; " in said
            assert "training goes on" in said
        found = {path.name: Checkpoint.load(path) for path in folder.glob("*.safetensors")}
        assert max(one.position.epoch for one in found.values()) >= EPOCHS - 1
        assert {path.name for path in folder.iterdir()} == set(found), "something was left behind"
        # Whoever goes on from there comes to the same end.
        assert train(folder) == weights
        capsys.readouterr()


def test_a_disk_that_stays_full_leaves_the_checkpoint_that_was_there(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], undisturbed: tuple[bytes, list[str]]
) -> None:
    def full_from_now_on() -> None:
        calls.at = len(calls.names)
        failure(errno.ENOSPC)()

    first = undisturbed[1].index("fsync", undisturbed[1].index("replace")) + 1
    with faults(tmp_path, first, full_from_now_on) as calls:
        assert train(tmp_path) == undisturbed[0]
    assert [path.name for path in tmp_path.iterdir() if path.suffix] == ["epoch000000-step00000000.safetensors"]
    said = capsys.readouterr().err
    assert said.count("No space left on device; the last checkpoint is epoch000000-step00000000") == EPOCHS
    assert train(tmp_path) == undisturbed[0]


def test_a_disk_that_was_full_from_the_beginning(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], undisturbed: tuple[bytes, list[str]]
) -> None:
    def full_from_now_on() -> None:
        calls.at = len(calls.names)
        failure(errno.ENOSPC)()

    with faults(tmp_path, 0, full_from_now_on) as calls:
        assert train(tmp_path) == undisturbed[0]
    assert not list(tmp_path.iterdir())
    assert "No space left on device; there is no checkpoint yet; training goes on" in capsys.readouterr().err


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
    assert f"goes on from epoch {EPOCHS}" in said
