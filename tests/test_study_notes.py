"""The table of the study notes' building blocks names only what exists."""

from __future__ import annotations

import importlib
import re
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[1]
TEXT = (ROOT / "docs" / "study_notes.md").read_text(encoding="utf-8")
ROWS = [
    [cell.strip() for cell in line.strip("|\n").split(" | ")]
    for line in TEXT.splitlines()
    if line.startswith("|") and "`tests/" in line
]


def find(name: str) -> Any:
    """Return what a dotted name such as `deepen.layers.Conv2D` stands for."""
    module, parts = "deepen", name.split(".")[1:]
    found: Any = importlib.import_module(module)
    for part in parts:
        try:
            found = getattr(found, part)
        except AttributeError:
            module = f"{found.__name__}.{part}"
            found = importlib.import_module(module)
    return found


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row[0][:40])
def test_code_and_test_of_every_block_exist(row: list[str]) -> None:
    block, notes, code, test = row
    assert block
    assert set(notes.split()) <= set("abcde")
    names = re.findall(r"`(deepen[\w.]+)`", code)
    assert names
    for name in names:
        assert find(name) is not None
    for path in re.findall(r"`(tests/[\w/.]+)`", test):
        assert "def test_" in (ROOT / path).read_text(encoding="utf-8")


def test_every_note_and_every_part_is_there() -> None:
    assert len(ROWS) > 50
    assert {note for row in ROWS for note in row[1].split()} == set("abcde")
