"""How counts, lists, file names and columns read in a line of text."""

from __future__ import annotations

import shlex
import sys
import unicodedata
from collections.abc import Sequence
from pathlib import Path


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


def columns(text: str) -> int:
    """Return how many columns of a terminal a text takes: two for a wide sign such as 猫, none for an accent.

    Source: Unicode Standard Annex 11, East Asian Width.
    """
    return sum(
        0 if unicodedata.combining(sign) else 2 if unicodedata.east_asian_width(sign) in "WF" else 1
        for sign in text
    )


def padded(text: str, width: int) -> str:
    """Return a text with spaces behind it, up to a width in columns of a terminal."""
    return text + " " * (width - columns(text))


def say(*lines: str) -> None:
    """Print lines to stderr, where they do not mix with results."""
    for line in lines:
        print(line, file=sys.stderr, flush=True)


def typed(folder: Path) -> str:
    """Return how a folder is typed on the command line, from the one in which one stands."""
    here = folder.relative_to(Path.cwd()) if folder.is_relative_to(Path.cwd()) else folder
    return shlex.quote(str(here))
