"""Files on the disk: the old one or the new one, whole, whatever fails."""

from __future__ import annotations

import errno
import os
from itertools import groupby
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from deepen import model_file
from deepen.errors import DataError
from deepen.files import expanded, remove_leftovers, write_atomically
from faults import failure, faults, number_of_calls

OLD, NEW = b"old" * 5000, b"new" * 7000  # more than a buffer holds


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A file that is there already, alone in its folder."""
    path = tmp_path / "a.bin"
    path.write_bytes(OLD)
    return path


def test_where_a_tilde_leads(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    assert [expanded(each) for each in ("~", Path("~/a"), "a/~b")] == [tmp_path, tmp_path / "a", Path("a/~b")]
    for path in ("~nosuch/x", Path("~nosuch/x")):
        with pytest.raises(DataError, match=r"there is no user for ~nosuch in ~nosuch/x$"):
            expanded(path)


def test_what_a_write_calls(path: Path) -> None:
    with faults(path.parent) as calls:
        write_atomically(path, NEW)
    assert path.read_bytes() == NEW
    assert [name for name, _ in groupby(calls.names)] == ["open", "write", "fsync", "replace", "fsync"]


@given(st.binary(max_size=30_000))
@settings(max_examples=30)
def test_there_and_back_by_short_writes(tmp_path_factory: pytest.TempPathFactory, data: bytes) -> None:
    path = tmp_path_factory.mktemp("files") / "a"
    with faults(path.parent):
        write_atomically(path, data)
    assert path.read_bytes() == data


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EIO], ids=["full disk", "failing disk"])
def test_whatever_fails_the_old_file_or_the_new_one_is_whole(path: Path, code: int) -> None:
    count = number_of_calls(path.parent, lambda: write_atomically(path, OLD))
    for at in range(count):
        path.write_bytes(OLD)
        with pytest.raises(OSError, match=os.strerror(code)), faults(path.parent, at, failure(code)) as calls:
            write_atomically(path, NEW)
        # The last call brings the rename to the disk, when the new file is in its place.
        assert path.read_bytes() == (NEW if at == count - 1 else OLD), calls.names
        assert list(path.parent.iterdir()) == [path], calls.names


def test_an_interruption_leaves_nothing_behind(path: Path) -> None:
    def interrupt() -> None:
        raise KeyboardInterrupt

    for at in range(number_of_calls(path.parent, lambda: write_atomically(path, OLD)) - 1):
        with pytest.raises(KeyboardInterrupt), faults(path.parent, at, interrupt):
            write_atomically(path, NEW)
        assert path.read_bytes() == OLD
        assert list(path.parent.iterdir()) == [path]


@pytest.mark.parametrize("code", [errno.EINVAL, errno.ENOTSUP, errno.EACCES, errno.EPERM])
def test_a_system_that_cannot_sync_folders_writes_files(path: Path, code: int) -> None:
    last = number_of_calls(path.parent, lambda: write_atomically(path, OLD)) - 1
    with faults(path.parent, last, failure(code)):
        write_atomically(path, NEW)
    assert path.read_bytes() == NEW


def test_a_model_that_cannot_be_written_is_an_error_that_names_it(tmp_path: Path) -> None:
    path = tmp_path / "m.safetensors"
    model_file.save(path, {}, {"name": "old"})
    good = path.read_bytes()
    count = number_of_calls(tmp_path, lambda: model_file.save(path, {}, {"name": "old"}))
    for at in range(count):
        with (
            pytest.raises(DataError, match=r"cannot write .*m\.safetensors: No space left on device"),
            faults(tmp_path, at, failure(errno.ENOSPC)),
        ):
            model_file.save(path, {}, {"name": "new"})
        assert model_file.load(path)[1]["name"] == ("new" if at == count - 1 else "old")
        path.write_bytes(good)


def test_leftovers_are_removed_and_nothing_else(tmp_path: Path) -> None:
    kept = ["a.bin", ".hidden", ".a.bin.0123456", ".a.bin.0123456G", "a.bin.01234567", ".a.bin.01234567.txt"]
    for name in [*kept, ".a.bin.01234567", ".a.bin.89abcdef"]:
        (tmp_path / name).touch()
    (tmp_path / ".folder.01234567").mkdir()
    remove_leftovers(tmp_path)
    remove_leftovers(tmp_path / "no folder")
    assert {path.name for path in tmp_path.iterdir()} == {*kept, ".folder.01234567"}


def test_a_leftover_that_cannot_be_removed_stays(tmp_path: Path) -> None:
    (tmp_path / ".a.bin.01234567").touch()
    with faults(tmp_path, 0, failure(errno.EIO)) as calls:
        remove_leftovers(tmp_path)
    assert calls.names == ["unlink"]


def test_a_killed_write_leaves_what_is_removed(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # What dies does not clean up.
    monkeypatch.setattr(Path, "unlink", lambda self: None)
    with pytest.raises(OSError, match="No space"), faults(path.parent, 3, failure(errno.ENOSPC)):
        write_atomically(path, NEW)
    monkeypatch.undo()
    assert len(list(path.parent.iterdir())) == 2
    remove_leftovers(path.parent)
    assert list(path.parent.iterdir()) == [path]
