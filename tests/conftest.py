"""What several test files need."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings
from matplotlib.figure import Figure

from command_line import OWN, Call, command_line
from deepen.engines.native.compiler import Compiler, find_compiler
from deepen.engines.native.engine import NativeEngine

# Trainings of the suite are too short to be compiled; the tests of the native engine ask for the `compiler`.
os.environ["DEEPEN_CXX"] = "none"

# Timings decide no test, and the same tests fail here and there.
settings.register_profile("deepen", deadline=None, derandomize=True)
settings.load_profile("deepen")


@pytest.fixture(scope="module")
def compiler() -> Iterator[Compiler]:
    """The compiler of this machine, which is there to be found."""
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("DEEPEN_CXX")
        found = find_compiler()
        if found is None:
            pytest.skip("there is no C++ compiler")
        yield found


@pytest.fixture(scope="module")
def make(request: pytest.FixtureRequest) -> Any:
    """The class of an engine."""
    return _computing(request)


@pytest.fixture(scope="module")
def other(request: pytest.FixtureRequest) -> Any:
    """The class of another engine."""
    return _computing(request)


@pytest.fixture(scope="module")
def engine(request: pytest.FixtureRequest) -> Any:
    """The name of an engine."""
    return _computing(request)


def _computing(request: pytest.FixtureRequest) -> Any:
    """Return what a test is parametrized with; where it is the native engine, once there is a compiler."""
    if request.param in ("native", NativeEngine):
        request.getfixturevalue("compiler")
    return request.param


@pytest.fixture
def call(capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Call]:
    """Runs a command line: exit code, stdout, stderr."""
    yield from command_line(capsys, tmp_path, monkeypatch)


@pytest.fixture
def own(tmp_path: Path) -> Path:
    """A file with a layer and a model of one's own."""
    file = tmp_path / "own_layers.py"
    file.write_text(OWN, encoding="utf-8")
    return file


@pytest.fixture
def figures(monkeypatch: pytest.MonkeyPatch) -> list[Figure]:
    """The figures that are saved, to look at what is written in them."""
    found = []
    plain = Figure.savefig

    def savefig(self: Figure, *args: Any, **kwargs: Any) -> None:
        found.append(self)
        plain(self, *args, **kwargs)

    monkeypatch.setattr(Figure, "savefig", savefig)
    return found
