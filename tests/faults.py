"""Making the disk fail, or the process die, at any one of the calls by which files get to the disk."""

from __future__ import annotations

import io
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from unittest.mock import patch


@dataclass
class Calls:
    """What was called so far, in order; the call of number `at` (from 0) does what `act` does before it."""

    at: int | None = None
    act: Callable[[], object] = lambda: None
    names: list[str] = field(default_factory=list)

    def begin(self, name: str) -> None:
        self.names.append(name)
        if len(self.names) - 1 == self.at:
            self.act()


class _File(io.FileIO):
    """A file whose first write takes but half of what it is given, as a system may; after each, one may fail."""

    calls: Calls
    short = True

    def write(self, data: Any) -> int:
        written = super().write(memoryview(data)[: -(-len(data) // 2)] if self.short else data)
        self.short = False
        self.calls.begin("write")
        return written


def failure(code: int) -> Callable[[], object]:
    """Return what raises the system's error of that number."""

    def fail() -> None:
        raise OSError(code, os.strerror(code))

    return fail


@contextmanager
def faults(folder: Path, at: int | None = None, act: Callable[[], object] = lambda: None) -> Iterator[Calls]:
    """Watch what brings files below a folder to the disk; before the call of number `at` comes `act`.

    Opening for writing, writing, fsync (of files and folders), rename and removal count.
    """
    calls = Calls(at, act)
    plain_open, plain_fsync = Path.open, os.fsync

    def opened(self: Path, mode: str = "r", *args: Any, **kwargs: Any) -> Any:
        if "r" in mode or not self.is_relative_to(folder):
            return plain_open(self, mode, *args, **kwargs)
        calls.begin("open")
        if "b" not in mode:
            return plain_open(self, mode, *args, **kwargs)
        raw = _File(self, mode.replace("b", ""))
        raw.calls = calls
        return io.BufferedWriter(raw)

    def synced(handle: int) -> None:
        # What is written by way of a handle is below the folder: nothing else is brought to the disk in the tests.
        calls.begin("fsync")
        plain_fsync(handle)

    def watched(name: str) -> Callable[..., Any]:
        plain = getattr(os, name)

        def call(path: Any, *args: Any, **kwargs: Any) -> Any:
            if Path(path).is_relative_to(folder):
                calls.begin(name)
            return plain(path, *args, **kwargs)

        return call

    with (
        patch.object(Path, "open", opened),
        patch.object(os, "fsync", synced),
        patch.object(os, "replace", watched("replace")),
        patch.object(os, "rename", watched("rename")),
        patch.object(os, "unlink", watched("unlink")),
    ):
        yield calls


def number_of_calls(folder: Path, do: Callable[[], object]) -> int:
    """Return how many calls `do` makes to bring files below a folder to the disk."""
    with faults(folder) as calls:
        do()
    return len(calls.names)
