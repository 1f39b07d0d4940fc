"""A file with a layer and a model of one's own, and command lines that run it."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from deepen import description
from deepen.cli import main
from deepen.models import registry

OWN = """
from dataclasses import dataclass
import numpy as np
import deepen
from deepen.layers import Dense, Flatten, Sequential


@deepen.register
@dataclass(frozen=True)
class Leaky(deepen.Layer):
    slope: float = 0.1

    def output_shape(self, input_shape):
        return input_shape

    def forward(self, x, params, ctx):
        return np.where(x > 0, x, x * x.dtype.type(self.slope)), x

    def backward(self, dy, params, cache):
        return np.where(cache > 0, dy, dy * dy.dtype.type(self.slope)), {}

    def torch_forward(self, F, x, params, ctx):
        return F.leaky_relu(x, self.slope)


@deepen.models.model("own", title="A model of one's own", year=2026, input_shape=(1, 8, 8))
def own(classes=10):
    return Sequential([Flatten(), Dense(16), Leaky(), Dense(classes)])
"""

Call = Callable[..., tuple[int, str, str]]


def forget_files_of(folder: Path) -> None:
    """Forget the modules that lie in a folder, with what they have registered."""
    modules = {
        n for n, module in sys.modules.items() if str(getattr(module, "__file__", "")).startswith(str(folder))
    }
    for name in [name for name, cls in description._registry.items() if cls.__module__ in modules]:
        del description._registry[name]
    for name in [name for name, entry in registry._entries.items() if entry.build.__module__ in modules]:
        del registry._entries[name]
    for name in modules:
        del sys.modules[name]
    sys.path[:] = [place for place in sys.path if not place.startswith(str(folder))]


def command_line(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Call]:
    """Yield what runs a command line; what files in the folder register is forgotten afterwards."""
    monkeypatch.setattr(sys, "path", [*sys.path])

    def call(*arguments: object) -> tuple[int, str, str]:
        with pytest.raises(SystemExit) as ended:
            main([str(argument) for argument in arguments])
        captured = capsys.readouterr()
        return int(ended.value.code or 0), captured.out, captured.err

    yield call
    forget_files_of(tmp_path)
