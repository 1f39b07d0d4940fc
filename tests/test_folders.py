"""Folders of results, whole or not there and never overwritten, and the sealed settings in them."""

from __future__ import annotations

import errno
import re
from datetime import datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deepen import folders, runs
from deepen.config import RunConfig
from deepen.errors import DataError, FileFormatError
from faults import failure, faults, number_of_calls

CONTENTS = {"a.toml": b"a = 1\n", "b.json": b"{}\n"}


def contents_of(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def test_a_folder_has_its_first_files_and_the_time_in_its_name(tmp_path: Path) -> None:
    folder = folders.create(str(tmp_path / "Läufe 运行"), "lenet-digits", CONTENTS)
    assert folder.is_absolute()
    assert re.fullmatch(r"\d{4}-\d\d-\d\d_\d{6}-lenet-digits", folder.name)
    assert contents_of(folder) == CONTENTS
    assert list(folder.parent.iterdir()) == [folder]


def test_a_folder_is_there_with_its_files_or_not_at_all(tmp_path: Path) -> None:
    count = number_of_calls(tmp_path, lambda: folders.create(str(tmp_path / "first"), "x", CONTENTS))
    for at in range(count):
        place = tmp_path / str(at)
        with (
            pytest.raises(DataError, match=f"cannot make a folder in .*{at}: No space left on device"),
            faults(tmp_path, at, failure(errno.ENOSPC)) as calls,
        ):
            folders.create(str(place), "x", CONTENTS)
        for folder in place.iterdir():
            assert calls.names[at:] == ["fsync"], "it is in its place before the rename is on the disk"
            assert contents_of(folder) == CONTENTS


def test_an_interruption_leaves_no_folder_behind(tmp_path: Path) -> None:
    def interrupt() -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt), faults(tmp_path, 3, interrupt):
        folders.create(str(tmp_path), "x", CONTENTS)
    assert not list(tmp_path.iterdir())


def test_a_folder_takes_the_place_of_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Noon(datetime):
        @classmethod
        def now(cls, tz: object = None) -> Noon:
            return cls(2026, 1, 31, 12)

    monkeypatch.setattr(folders, "datetime", Noon)
    (tmp_path / "2026-01-31_120000-x").touch()
    (tmp_path / "2026-01-31_120000-x-3").mkdir()
    (tmp_path / "2026-01-31_120000-x-3" / "mine.txt").touch()
    names = [folders.create(str(tmp_path), "x", CONTENTS).name for _ in range(2)]
    assert names == ["2026-01-31_120000-x-2", "2026-01-31_120000-x-4"]
    assert contents_of(tmp_path / "2026-01-31_120000-x-3") == {"mine.txt": b""}


def test_a_place_that_is_a_file(tmp_path: Path) -> None:
    (tmp_path / "runs").touch()
    with pytest.raises(DataError, match=r"cannot make a folder in .*runs: (Not a directory|File exists)"):
        folders.create(str(tmp_path / "runs"), "x", CONTENTS)


@given(st.text(st.characters(exclude_categories=["Cs"])))
def test_sealed_text_there_and_back(tmp_path_factory: pytest.TempPathFactory, text: str) -> None:
    path = tmp_path_factory.getbasetemp() / "sealed.toml"
    path.write_bytes(folders.sealed(text))
    assert folders.read_sealed(path) == text


@pytest.mark.parametrize(
    "change",
    [
        lambda data: data.replace(b"epochs = 3", b"epochs = 4"),
        lambda data: data + b"\n",
        lambda data: data[:-1],
        lambda data: b"\xff" + data,
    ],
)
def test_changed_text_is_refused(tmp_path: Path, change: object) -> None:
    path = tmp_path / "config.toml"
    path.write_bytes(change(folders.sealed("epochs = 3\n")))  # type: ignore[operator]
    with pytest.raises(FileFormatError, match=r"config\.toml was changed or damaged, .*; bring it back as it was"):
        folders.read_sealed(path)


@pytest.mark.parametrize("text", [b"", b"epochs = 3\n", folders.sealed("epochs = 3\n").upper()])
def test_text_without_a_checksum_is_refused(tmp_path: Path, text: bytes) -> None:
    path = tmp_path / "config.toml"
    path.write_bytes(text)
    said = r"config\.toml has no checksum: it was made by an earlier deepen, or changed; it cannot be gone on with"
    with pytest.raises(FileFormatError, match=said):
        folders.read_sealed(path)


def test_the_newest_folder_with_a_file(tmp_path: Path) -> None:
    assert folders.newest(tmp_path, "a.toml") is None
    assert folders.newest(tmp_path / "nothing", "a.toml") is None
    for name in ("2026-01-01_000000-x", "2026-01-31_120000-x", ".2027-01-01_000000-x.0123abcd"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "a.toml").touch()
    (tmp_path / "2028-01-01_000000-x").mkdir()
    assert folders.newest(tmp_path, "a.toml") == tmp_path / "2026-01-31_120000-x"
    assert folders.newest(tmp_path / "2026-01-01_000000-x", "a.toml") == tmp_path / "2026-01-01_000000-x"


def test_sealed_text_that_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"cannot read .*config\.toml: No such file"):
        folders.read_sealed(tmp_path / "config.toml")


def test_settings_of_a_run_there_and_back(tmp_path: Path) -> None:
    config = RunConfig("lenet", "digits", epochs=3, freeze=("conv*",), runs=str(tmp_path / "Läufe 运行"))
    folder = runs.create(config, "digits", {"engine": "numpy"})
    assert contents_of(folder).keys() == {"config.toml", "environment.json"}
    assert runs.read_config(folder) == config


def test_a_folder_without_settings_is_no_run(tmp_path: Path) -> None:
    for folder in (tmp_path, tmp_path / "nothing"):
        with pytest.raises(DataError, match=r"is no run's folder: there is no config\.toml in it"):
            runs.read_config(folder)


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ('model = "lenet"\ndata = "digits"\nwings = 2\n', "wings"),
        ("epochs = 3\n", "model"),
        ("epochs =\n", "TOML"),
    ],
)
def test_settings_of_another_version_are_named(tmp_path: Path, text: str, problem: str) -> None:
    (tmp_path / "config.toml").write_bytes(folders.sealed(text))
    with pytest.raises(
        FileFormatError, match=rf"config\.toml has settings that this deepen does not know: .*{problem}"
    ):
        runs.read_config(tmp_path)
