"""How counts, lists, file names and columns read."""

from __future__ import annotations

import pytest

from deepen.wording import columns, counted, listed, padded, printable


def test_counts_and_lists() -> None:
    assert [counted(count, "picture") for count in (0, 1, 2000)] == ["0 pictures", "1 picture", "2,000 pictures"]
    assert listed(["a", "b"]) == "a, b"
    assert listed(["a", "b", "c", "d"], "; ", most=2) == "a; b; and 2 more"


def test_names_that_are_no_text_can_be_printed() -> None:
    assert printable("猫\udcff.png") == "猫\\udcff.png"


@pytest.mark.parametrize(
    ("text", "width"),
    [("", 0), ("cat", 3), ("猫", 2), ("ネコ a", 6), ("가", 2), ("Ａ", 2), ("e\u0301", 1), ("é", 1)],
)
def test_wide_signs_take_two_columns(text: str, width: int) -> None:
    assert columns(text) == width
    assert padded(text, 8) == text + " " * (8 - width)
    assert padded(text, 0) == text
