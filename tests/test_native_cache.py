"""Programs are kept where nobody else can write, and made again where anything about them changed."""

from __future__ import annotations

import errno
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from deepen.engines.native import cache
from deepen.errors import NativeError


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A cache of one's own, empty."""
    monkeypatch.setenv("DEEPEN_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache" / "programs"


@pytest.fixture
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Where programs go that cannot be kept."""
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    cache._temporary.cache_clear()
    yield tmp_path
    cache._temporary.cache_clear()


def made(folder: Path) -> list[Path]:
    return sorted(path for path in folder.iterdir() if path.name[0] != ".")


def make(text: str = "made") -> Path:
    def write(folder: Path) -> None:
        (folder / "file").write_text(text, encoding="utf-8")

    return cache.kept("key", write)


def text() -> str:
    return (make("made anew") / "file").read_text(encoding="utf-8")


def test_where(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("DEEPEN_CACHE", raising=False)
    assert cache.place().parts[-2:] == ("deepen", "programs")
    monkeypatch.setenv("DEEPEN_CACHE", str(tmp_path))
    assert make() == tmp_path / "programs" / "key"


@pytest.mark.parametrize("damage", ["empty", "cut", "changed", "gone", "more", "no checksums", "a file"])
def test_what_has_changed_is_made_anew(place: Path, damage: str) -> None:
    folder = make()
    file = folder / "file"
    assert text() == "made"
    if damage == "a file":
        cache.forget("key")
        folder.write_bytes(b"")
    elif damage in ("gone", "no checksums"):
        (file if damage == "gone" else folder / "checksums").unlink()
    elif damage == "more":
        (folder / "another").write_bytes(b"")
    else:
        file.write_text({"empty": "", "cut": "mad", "changed": "mode"}[damage], encoding="utf-8")
    assert text() == "made anew"
    assert made(place) == [folder]


def test_what_fails_leaves_nothing(place: Path) -> None:
    def fails(folder: Path) -> None:
        (folder / "file").write_bytes(b"half of it")
        raise NativeError("it failed")

    with pytest.raises(NativeError):
        cache.kept("key", fails)
    assert list(place.iterdir()) == []


def test_of_two_that_make_the_same_the_first_stays(place: Path) -> None:
    def slow(folder: Path) -> None:
        (folder / "file").write_text("slow", encoding="utf-8")
        make("quick")

    assert (cache.kept("key", slow) / "file").read_text(encoding="utf-8") == "quick"
    assert [path.name for path in place.iterdir()] == ["key"]


@pytest.mark.skipif(os.name != "posix", reason="modes are POSIX'")
def test_a_place_where_others_can_write_is_refused(place: Path) -> None:
    make()
    assert place.stat().st_mode & 0o777 == 0o700
    for folder, mode in ((place, 0o770), (place, 0o707), (place.parent, 0o777)):
        before = folder.stat().st_mode
        folder.chmod(mode)
        with pytest.raises(NativeError, match=r"other users could put programs of theirs into .*DEEPEN_CACHE"):
            make()
        folder.chmod(before)
    place.parent.chmod(0o1777)  # as /tmp is
    assert text() == "made"


@pytest.mark.skipif(os.name != "posix", reason="owners are POSIX'")
def test_a_stranger_s_place_is_refused(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    make()
    owner = place.stat().st_uid
    monkeypatch.setattr(os, "geteuid", lambda: owner + 1)
    if owner == 0:  # the system's own
        assert text() == "made"
        os.chown(place, 12345, -1)
    with pytest.raises(NativeError, match="other users could put"):
        make()


def test_without_room_it_is_kept_for_a_while(
    place: Path, elsewhere: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plain = cache.shutil.disk_usage

    def full(path: Path) -> object:
        free = 0 if path == place else plain(path).free
        return type("Usage", (), {"free": free})

    monkeypatch.setattr(cache.shutil, "disk_usage", full)
    folder = make()
    assert folder.parent.name.startswith("deepen-programs-")
    assert make("again") == folder
    assert text() == "made"
    assert list(place.iterdir()) == []


def test_a_place_that_cannot_be_made(elsewhere: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    monkeypatch.setenv("DEEPEN_CACHE", str(tmp_path / "file"))
    assert make().parent.name.startswith("deepen-programs-")


def test_a_place_that_cannot_be_written(place: Path, elsewhere: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    plain = cache.tempfile.mkdtemp

    def refuses(suffix: str | None = None, prefix: str | None = None, dir: Path | None = None) -> str:
        if dir == place:
            raise OSError(errno.EROFS, "Read-only file system")
        return plain(suffix, prefix, dir)

    kept_already = make()
    monkeypatch.setattr(cache.tempfile, "mkdtemp", refuses)
    assert make() == kept_already
    cache.forget("key")
    assert make().parent.name.startswith("deepen-programs-")


def test_temporary_ones_go_with_the_process(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    code = "from deepen.engines.native import cache\nprint(cache.kept('key', lambda folder: None))"
    environment = {**os.environ, "DEEPEN_CACHE": str(tmp_path / "file"), "TMPDIR": str(tmp_path)}
    done = subprocess.run(
        [sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True
    )
    assert Path(done.stdout.strip()).name == "key"
    assert not Path(done.stdout.strip()).parent.exists()


def test_old_ones_go(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cache, "MOST_PROGRAMS", 4)
    days = {"a": 1, "b": 2, "c": 3, "d": 4, "old": 91, "older": 200, ".key.abcd": 2, ".key.efgh": 0}
    for name, age in days.items():
        (place / name).mkdir(mode=0o700, parents=True)
        os.utime(place / name, (0, time.time() - age * 24 * 60 * 60))
    place.chmod(0o700)
    make()
    assert sorted(path.name for path in place.iterdir()) == [".key.efgh", "a", "b", "c", "key"]


def test_what_is_used_stays(place: Path) -> None:
    folder = make()
    os.utime(folder, (0, 0))
    make()
    assert folder.stat().st_mtime > time.time() - 60
