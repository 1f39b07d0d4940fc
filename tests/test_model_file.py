"""Model files: what was saved is read back, damage is found, and saving harms nothing."""

from __future__ import annotations

import errno
import json
import os
import pickle
from pathlib import Path

import numpy as np
import pytest
import safetensors.numpy
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as st_numpy

from deepen import model_file
from deepen.arrays import Array
from deepen.errors import DataError, FileFormatError
from deepen.files import write_atomically

CONTENT = {"name": '模型 "quoted" \\ \x1f', "classes": ["a", "b"], "figures": {"accuracy": 0.9951}}
ARRAYS = {"conv1.kernel": np.arange(12, dtype=np.float32).reshape(2, 3, 2), "conv1.bias": np.zeros(2, np.float32)}


@given(
    st.dictionaries(
        st.text("abc.", min_size=1, max_size=5),
        st_numpy.arrays(st.sampled_from(["f4", "f8", "i8"]), st_numpy.array_shapes(min_dims=0, min_side=0)),
        max_size=4,
    ),
    st.dictionaries(st.text(max_size=5), st.text() | st.integers(-(2**53), 2**53) | st.none() | st.booleans()),
)
@settings(max_examples=50)
def test_there_and_back(tmp_path_factory: pytest.TempPathFactory, arrays: dict[str, Array], more: object) -> None:
    path = tmp_path_factory.mktemp("model") / "m.safetensors"
    model_file.save(path, arrays, {"more": more})
    found, content = model_file.load(path)
    assert content == {"more": more, "format": 1}
    assert found.keys() == arrays.keys()
    for name, array in arrays.items():
        assert found[name].dtype == array.dtype
        assert found[name].shape == array.shape
        assert found[name].tobytes() == array.tobytes()


def test_every_flipped_bit_is_found(tmp_path: Path) -> None:
    path = tmp_path / "m.safetensors"
    model_file.save(path, ARRAYS, CONTENT)
    good = path.read_bytes()
    for byte in range(len(good)):
        for bit in range(8):
            damaged = bytearray(good)
            damaged[byte] ^= 1 << bit
            path.write_bytes(damaged)
            with pytest.raises(FileFormatError, match=r"m\.safetensors"):
                model_file.load(path)


def test_every_cut_is_found(tmp_path: Path) -> None:
    path = tmp_path / "m.safetensors"
    model_file.save(path, ARRAYS, CONTENT)
    good = path.read_bytes()
    for length in range(len(good)):
        path.write_bytes(good[:length])
        with pytest.raises(FileFormatError):
            model_file.load(path)
    path.write_bytes(good + b"\0")
    with pytest.raises(FileFormatError):
        model_file.load(path)


@pytest.mark.parametrize(
    "data",
    [
        pickle.dumps({"conv1.kernel": [1]}),
        b"",
        b"\x89PNG\r\n\x1a\n",
        (2).to_bytes(8, "little") + b"{}",
        (2**63).to_bytes(8, "little"),
        json.dumps({}).encode(),
    ],
    ids=["pickle", "empty", "png", "safetensors without deepen", "huge header", "json"],
)
def test_other_files_are_refused(tmp_path: Path, data: bytes) -> None:
    path = tmp_path / "other"
    path.write_bytes(data)
    with pytest.raises(FileFormatError, match="damaged, or is no model that deepen saved"):
        model_file.load(path)


def test_a_newer_format_is_said_to_be_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "m.safetensors"
    monkeypatch.setattr(model_file, "FORMAT", 2)
    model_file.save(path, ARRAYS, CONTENT)
    monkeypatch.setattr(model_file, "FORMAT", 1)
    with pytest.raises(FileFormatError, match="format 2, this deepen reads up to 1; update deepen"):
        model_file.load(path)


@pytest.mark.parametrize(
    "text", ['{"format":1,"sha256":"x","a":NaN}', '{"format":1,"sha256":"x","a":"\\ud800"}', "[]"]
)
def test_strange_descriptions(tmp_path: Path, text: str) -> None:
    path = tmp_path / "m.safetensors"
    path.write_bytes(safetensors.numpy.save({}, metadata={"deepen": text}))
    with pytest.raises(FileFormatError, match="damaged, or is no model that deepen saved"):
        model_file.load(path)


def test_content_that_is_no_plain_data_is_refused(tmp_path: Path) -> None:
    for value in (float("nan"), object(), np.float32(1)):
        with pytest.raises(DataError, match="no plain data"):
            model_file.save(tmp_path / "m", ARRAYS, {"figures": value})
    assert not list(tmp_path.iterdir())


def test_missing_files_and_folders(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="cannot read"):
        model_file.load(tmp_path / "nothing")
    with pytest.raises(DataError, match="is a folder; give the file of a model in it"):
        model_file.load(tmp_path)


@pytest.mark.parametrize("call", ["fsync", "replace"])
def test_a_full_disk_leaves_the_old_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, call: str) -> None:
    path = tmp_path / "m.safetensors"
    model_file.save(path, ARRAYS, CONTENT)
    good = path.read_bytes()

    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, call, full)
    with pytest.raises(DataError, match=r"cannot write .*m\.safetensors: No space left"):
        model_file.save(path, ARRAYS, {"name": "new"})
    assert path.read_bytes() == good
    assert [entry.name for entry in tmp_path.iterdir()] == ["m.safetensors"]


def test_a_file_has_the_rights_that_files_have(tmp_path: Path) -> None:
    write_atomically(tmp_path / "a", b"x")
    (tmp_path / "b").write_bytes(b"x")
    assert (tmp_path / "a").stat().st_mode == (tmp_path / "b").stat().st_mode
