"""The formulas in the documents: each has its names and its place in the code, and what is worked out is right."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from board import holds
from test_study_notes import find

TEXT = (Path(__file__).parents[1] / "docs" / "formulas.md").read_text(encoding="utf-8")
ENTRIES = dict(re.findall(r"^### ([^\n]+)\n(.*?)(?=^##|\Z)", TEXT, re.MULTILINE | re.DOTALL))
EXAMPLES = [
    span
    for paragraph in re.findall(r"^Example: (.*?)\n$", TEXT, re.MULTILINE | re.DOTALL)
    for span in re.findall(r"`([^`]+)`", paragraph)
]


@pytest.mark.parametrize("equation", EXAMPLES)
def test_what_is_worked_out_is_right(equation: str) -> None:
    assert holds(equation)


@pytest.mark.parametrize(
    "wrong",
    ["⌊(28 + 2·0 − 5)/1⌋ + 1 = 28", "1 + 1 = 2 = 3", "√(2/9) ≈ 0.472", "0.5^2 = 1/5", "84·10 = 8,400"],
)
def test_what_is_wrong_is_found(wrong: str) -> None:
    assert not holds(wrong)


@pytest.mark.parametrize("name", ENTRIES)
def test_every_formula_has_two_names_an_equation_and_its_places(name: str) -> None:
    english, chinese = name.split(" · ")
    assert english.isascii() or "×" in english
    assert re.search(r"[一-鿿]", chinese)
    lines = ENTRIES[name].strip("\n").splitlines()
    assert any(line.startswith("    ") for line in lines)
    place = re.fullmatch(r"Code: (`.+`) · Notes: ([a-e](?: [a-e])*|— \(.+\))", lines[-1])
    assert place, lines[-1]
    for code in re.findall(r"`([^`]+)`", place[1]):
        assert find(code) is not None
    notes = place[2].split()
    assert notes[0] == "—" or notes == sorted(set(notes))


def test_every_note_has_formulas() -> None:
    assert len(ENTRIES) > 70
    assert len(EXAMPLES) > 90
    notes = [entry.rpartition("Notes: ")[2].split() for entry in ENTRIES.values()]
    assert set("abcde") <= {note for each in notes for note in each}


def test_the_contents_lead_to_every_part() -> None:
    parts = re.findall(r"^## (.+)$", TEXT, re.MULTILINE)
    anchors = [re.sub(r"[^\w\- ]", "", part.lower()).replace(" ", "-") for part in parts]
    assert re.findall(r"\]\(#([^)]+)\)", TEXT) == anchors
