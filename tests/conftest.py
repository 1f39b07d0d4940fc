"""What several test files need."""

from __future__ import annotations

from typing import Any

import pytest
from matplotlib.figure import Figure


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
