"""How figures and names are written in pictures and on the page."""

from __future__ import annotations

from unicodedata import east_asian_width


def percent(part: float, digits: int, whole: float = 1) -> str:
    """Write a share rounded to so many digits, but 100% only where nothing is missing; of nothing it is a dash."""
    if whole == 0:
        return "–"
    highest = 100.0 if part == whole else 100 - 0.1**digits
    return f"{min(100 * part / whole, highest):.{digits}f}%"


def width(text: str) -> float:
    """Return about how wide the text is, in font sizes."""
    return sum(1.1 if east_asian_width(c) in "WF" else 0.65 for c in text)


def fits(text: str, letters: int) -> bool:
    """Return whether the text is no wider than so many letters."""
    return width(text) <= width("x" * letters)


def shorten(text: str, letters: int) -> str:
    """Leave out the middle of what is wider than so many letters: names of one family differ at their ends."""
    if fits(text, letters):
        return text
    longest = int(width("x" * letters) / width(text) * len(text))
    tail = longest // 3
    return text[: longest - tail - 1].rstrip() + "…" + text[-tail:].lstrip()
