"""How counts, lists and file names read in a remark or an error."""

from __future__ import annotations

from collections.abc import Sequence


def counted(count: int, noun: str) -> str:
    """Return `"1 picture"` or `"2,000 pictures"`."""
    return f"{count:,} {noun}" if count == 1 else f"{count:,} {noun}s"


def listed(items: Sequence[str], separator: str = ", ", most: int = 10) -> str:
    """Return the first items, and how many more there are."""
    more = [f"and {len(items) - most:,} more"] if len(items) > most else []
    return separator.join([*items[:most], *more])


def printable(name: str) -> str:
    """Return a file's name with bytes that are no UTF-8 spelled out."""
    return name.encode("utf-8", "backslashreplace").decode()
