"""A checkpoint's file: everything there and back, bit for bit, and nothing else taken for one."""

from __future__ import annotations

import dataclasses
import math
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from deepen import model_file
from deepen.engines.base import State
from deepen.errors import DataError, FileFormatError
from deepen.layers import Dense, Flatten
from deepen.model import Model
from deepen.training.checkpoint import Checkpoint, Position
from deepen.training.history import History

FLOATS = st.floats(width=64)
STATE = State(
    parameters={"dense1.kernel": np.array([[1.5, math.nan]], np.float32), "dense1.bias": np.zeros(0, np.float32)},
    statistics={"norm1.mean": np.array([-0.0, math.inf])},
    slots={"first": {"dense1.kernel": np.full((1, 2), 1e-45, np.float32)}, "second": {}},
    steps=2**40,
    average={"dense1.kernel": np.ones((1, 2), np.float32)},
)
HISTORY = History([3, 4], {"val_loss": [math.nan, -math.inf], "a/b": [0.1, 5e-324]})


AT = Position(5)


def checkpoint(position: Position = AT, history: History = HISTORY) -> Checkpoint:
    return Checkpoint(STATE, position, history, {"seed": 2**64 - 1, "类": ["图"]}, {"threads": 2})


def bits(value: object) -> object:
    """What is equal only where every bit is."""
    if isinstance(value, np.ndarray):
        return value.dtype.str, value.shape, value.tobytes()
    if isinstance(value, float):
        return value.hex()
    if isinstance(value, dict):
        return {name: bits(each) for name, each in value.items()}
    if isinstance(value, list):
        return [bits(each) for each in value]
    return value


def test_everything_comes_back(tmp_path: Path) -> None:
    checkpoint().save(tmp_path / "c.safetensors")
    found, expected = Checkpoint.load(tmp_path / "c.safetensors"), checkpoint()
    # A slot for no parameter has nothing to be kept.
    del expected.state.slots["second"]
    for part in dataclasses.fields(State):
        assert bits(getattr(found.state, part.name)) == bits(getattr(expected.state, part.name)), part.name
    assert bits(found.history.history) == bits(HISTORY.history)
    assert list(found.history.history) == ["val_loss", "a/b"], "columns keep their order"
    assert found.history.epoch == [3, 4]
    assert (found.identity, found.machine) == (expected.identity, expected.machine)


@given(
    st.builds(
        Position,
        epoch=st.integers(0, 10**6),
        step=st.integers(0, 10**8),
        over=st.booleans(),
        loss=FLOATS,
        hits=st.integers(0, 2**53),
        images=st.integers(0, 2**53),
        seconds=FLOATS,
    )
)
def test_positions_come_back(tmp_path_factory: pytest.TempPathFactory, position: Position) -> None:
    path = tmp_path_factory.getbasetemp() / "position.safetensors"
    checkpoint(position).save(path)
    found = Checkpoint.load(path).position
    assert bits(dataclasses.asdict(found)) == bits(dataclasses.asdict(position))


@given(st.dictionaries(st.text(st.characters(exclude_categories=["Cs"])), FLOATS, max_size=4))
def test_figures_come_back(tmp_path_factory: pytest.TempPathFactory, figures: dict[str, float]) -> None:
    path = tmp_path_factory.getbasetemp() / "figures.safetensors"
    history = History()
    history.add(0, figures)
    checkpoint(history=history).save(path)
    found = Checkpoint.load(path).history
    # NaN is NaN, whatever its bits: figures are read by people.
    assert repr(found) == repr(history)


def test_equal_checkpoints_are_equal_bytes(tmp_path: Path) -> None:
    first, second = tmp_path / "1.safetensors", tmp_path / "2.safetensors"
    checkpoint().save(first)
    turned = dataclasses.replace(STATE, parameters=dict(reversed(STATE.parameters.items())))
    dataclasses.replace(checkpoint(), state=turned).save(second)
    assert first.read_bytes() == second.read_bytes()
    checkpoint(Position(5, 1)).save(second)
    assert first.read_bytes() != second.read_bytes()


def test_a_checkpoint_is_no_model(tmp_path: Path) -> None:
    path = tmp_path / "c.safetensors"
    checkpoint().save(path)
    with pytest.raises(
        FileFormatError, match=r"c\.safetensors is a checkpoint, not a model; .*`deepen train --resume RUN`"
    ):
        Model.load(path, engine="numpy")


def test_a_model_is_no_checkpoint(tmp_path: Path) -> None:
    path = Model([Flatten(), Dense(2)], (1, 2, 2)).save(tmp_path / "m.safetensors")
    with pytest.raises(FileFormatError, match=r"m\.safetensors is no checkpoint$"):
        Checkpoint.load(path)


def test_a_file_that_lacks_something_is_named(tmp_path: Path) -> None:
    path = tmp_path / "c.safetensors"
    checkpoint().save(path)
    arrays, content = model_file.load(path)
    for name in ("epoch", "over", "updates", "history_figures", "machine"):
        model_file.save(path, arrays, {key: value for key, value in content.items() if key != name})
        with pytest.raises(FileFormatError, match=rf"c\.safetensors is no valid checkpoint: KeyError\('{name}'\)"):
            Checkpoint.load(path)
    for name in ("sums", "figures/val_loss"):
        model_file.save(path, {key: value for key, value in arrays.items() if key != name}, content)
        with pytest.raises(FileFormatError, match=r"c\.safetensors is no valid checkpoint: KeyError"):
            Checkpoint.load(path)


@pytest.mark.parametrize("size", [0, 7, 100, -1])
def test_a_part_of_a_file_is_named(tmp_path: Path, size: int) -> None:
    path = tmp_path / "c.safetensors"
    checkpoint().save(path)
    path.write_bytes(path.read_bytes()[:size])
    with pytest.raises(FileFormatError, match=r"c\.safetensors is damaged"):
        Checkpoint.load(path)


def test_no_file(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"cannot read .*c\.safetensors: No such file"):
        Checkpoint.load(tmp_path / "c.safetensors")
