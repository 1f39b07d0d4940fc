"""The table of the study notes' building blocks names only what exists, and tests that are about it."""

from __future__ import annotations

import importlib
import inspect
import re
from pathlib import Path
from typing import Any

import pytest

from cases import CASES
from deepen import models, textbook
from test_models import FACTS

ROOT = Path(__file__).parents[1]
TEXT = (ROOT / "docs" / "study_notes.md").read_text(encoding="utf-8")
ROWS = [
    [cell.strip() for cell in line.strip("|\n").split(" | ")]
    for line in TEXT.splitlines()
    if line.startswith("|") and line.count(" | ") == 3 and "`" in line
]
FILES = {path.stem: path.read_text(encoding="utf-8") for path in (ROOT / "tests").rglob("test_*.py")}


def find(name: str) -> Any:
    """Return what a dotted name such as `deepen.layers.Conv2D` stands for; one without dots is a model's."""
    if "." not in name:
        return models.entry(name)
    module, parts = "deepen", name.split(".")[1:]
    found: Any = importlib.import_module(module)
    for part in parts:
        try:
            found = getattr(found, part)
        except AttributeError:
            module = f"{found.__name__}.{part}"
            found = importlib.import_module(module)
    return found


def words(test: str) -> set[str]:
    """Return the words of a test: of the file that a function stands in, or of a row of a table that drives it."""
    if "::" not in test:
        return set(re.findall(r"\w+", repr(CASES[test].layer)))
    file, function = test.split("::")
    assert f"def {function}(" in FILES[file], test
    return set(re.findall(r"\w+", FILES[file])) | (set(FACTS) if file == "test_models" else set())


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row[0][:40])
def test_code_and_test_of_every_block_exist(row: list[str]) -> None:
    block, notes, code, test = row
    assert block
    assert set(notes.split()) <= set("abcde")
    names, tests = (re.findall(r"`([^`]+)`", cell) for cell in (code, test))
    assert names
    assert tests
    tested = [words(test) for test in tests]
    for name in names:
        assert find(name) is not None
        assert any(name.rpartition(".")[2] in each for each in tested), f"no test of the row speaks of {name}"
    about = {name.rpartition(".")[2] for name in names}
    for test, each in zip(tests, tested, strict=True):
        assert about & each, f"{test} speaks of none of {names}"


def test_every_note_and_every_part_is_there() -> None:
    assert len(ROWS) > 60
    assert {note for row in ROWS for note in row[1].split()} == set("abcde")


def test_the_books_names_are_those_of_the_textbook() -> None:
    part = TEXT[TEXT.index("## The books' names") : TEXT.index("## Keras' Conv2D")]
    here = " ".join(line.strip("|").split(" | ")[-1] for line in part.splitlines() if line.startswith("| `"))
    calls = re.findall(r"(?<![.\w])([a-z]\w+)\(([^()`]*)\)", here)
    assert len(calls) > 15
    for name, arguments in calls:
        parameters = inspect.signature(getattr(textbook, name)).parameters
        assert set(re.findall(r"(\w+)=", arguments)) <= set(parameters), name
        assert arguments.count(",") < len(parameters), name
