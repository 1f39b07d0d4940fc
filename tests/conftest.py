"""What several test files need."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import settings
from matplotlib.figure import Figure

# Timings decide no test, and the same tests fail here and there.
settings.register_profile("deepen", deadline=None, derandomize=True)
settings.load_profile("deepen")


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
