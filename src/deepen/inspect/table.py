"""Tables as a terminal, a text and a notebook show them."""

from __future__ import annotations

import io
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from html import escape
from typing import TYPE_CHECKING, Literal

from deepen.wording import columns as width_of

if TYPE_CHECKING:
    from rich.console import Console


@dataclass(frozen=True)
class Column:
    """A column's head, and how its cells are set."""

    head: str
    align: Literal["left", "right"] = "right"
    spare: int = 0
    """A terminal that is too narrow does without the highest of these first, and then without the last column."""
    wraps: int = 0
    """How narrow it may become by breaking its texts between words; 0 breaks none."""
    note: str = ""
    """A line below the table that explains it, where it is shown."""


@dataclass(frozen=True)
class Table:
    """Rows of text under a head, with a line above and lines below."""

    columns: tuple[Column, ...]
    rows: tuple[tuple[str, ...], ...]
    title: str = ""
    notes: tuple[str, ...] = ()
    rules: frozenset[int] = frozenset()
    """Numbers of the rows that a line is drawn below, besides the last one."""

    def show(self) -> None:
        """Print the table: in colour and no wider than the terminal; as plain text where there is none."""
        from rich.console import Console

        console = Console(highlight=False, force_jupyter=False)
        if not console.is_terminal:
            print(self, flush=True)
            return
        kept = self._fitting(console.width)
        self._print(console, kept)
        if left_out := [column.head for i, column in enumerate(self.columns) if i not in kept]:
            console.print(f"left out, for want of room: {', '.join(left_out)}", style="dim")

    def __str__(self) -> str:
        """Return the table as plain text, as wide as it has to be."""
        from rich.console import Console

        file = io.StringIO()
        everything = list(range(len(self.columns)))
        width = max(self._wide(everything), *map(width_of, (self.title, *self._notes(everything))))
        console = Console(file=file, width=width, color_system=None, highlight=False, force_jupyter=False)
        self._print(console, everything)
        return file.getvalue().rstrip("\n")

    def as_html(self) -> str:
        """Return the table for a notebook."""
        head = "".join(_html("th", column, column.head) for column in self.columns)
        rows = []
        for number, row in enumerate(self.rows):
            cells = "".join(_html("td", *each) for each in zip(self.columns, row, strict=True))
            rule = ' style="border-bottom: 1px solid"' if number in self.rules else ""
            rows.append(f"<tr{rule}>{cells}</tr>")
        caption = f"<caption>{escape(self.title)}</caption>" if self.title else ""
        body, below = "".join(rows), self._notes(range(len(self.columns)))
        notes = "".join(f"<div>{escape(note)}</div>" for note in below)
        inside = f"{caption}<thead><tr>{head}</tr></thead><tbody>{body}</tbody>"
        return f'<table cellpadding="6">{inside}</table>{notes}'

    def _print(self, console: Console, kept: list[int]) -> None:
        from rich.table import Table as RichTable
        from rich.text import Text

        table = RichTable()
        narrow = self._wide(kept) > console.width
        for i in kept:
            column, least = self.columns[i], self._widths[i][0]
            style = "green" if column.align == "right" else ""
            broken = narrow and least < width_of(column.head)
            head = Text(column.head.replace("-", "-\n") if broken else column.head)
            table.add_column(head, justify=column.align, style=style, min_width=least, overflow="fold")
        for number, row in enumerate(self.rows):
            cells = [Text(row[i]) for i in kept]
            for cell in cells:
                cell.highlight_regex(r"\(.*\)", "cyan")
            table.add_row(*cells, end_section=number in self.rules)
        if self.title:
            console.print(Text(self.title, "bold"))
        console.print(table)
        for note in self._notes(kept):
            console.print(Text(note))

    def _notes(self, kept: Iterable[int]) -> list[str]:
        """Return the lines below, with those that explain the columns that are shown."""
        return [*self.notes, *(self.columns[i].note for i in kept if self.columns[i].note)]

    def _fitting(self, width: int) -> list[int]:
        """Return the numbers of the columns that a terminal has room for; the first one always stays."""
        kept = list(range(len(self.columns)))
        for each in sorted(kept[1:], key=lambda i: (-self.columns[i].spare, -i)):
            if self._wide(kept, wrapped=True) > width:
                kept.remove(each)
        return kept

    def _wide(self, kept: Iterable[int], *, wrapped: bool = False) -> int:
        """Return how wide some columns are together, with the lines around and between them."""
        return 1 + sum(self._widths[i][0 if wrapped else 1] + 3 for i in kept)

    @cached_property
    def _widths(self) -> list[tuple[int, int]]:
        """How narrow each column can be, and how wide it is in one line."""
        return [self._widths_of(number) for number in range(len(self.columns))]

    def _widths_of(self, number: int) -> tuple[int, int]:
        column, texts = self.columns[number], [self.columns[number].head, *(row[number] for row in self.rows)]
        widest = max(map(width_of, texts))
        if not column.wraps:
            return widest, widest
        words = (word for text in texts for word in text.replace("-", "- ").split() or [""])
        longest = max(map(width_of, words))
        return min(widest, max(column.wraps, longest)), widest


def _html(tag: str, column: Column, text: str) -> str:
    return f'<{tag} style="text-align: {column.align}">{escape(text)}</{tag}>'


def amount(count: float) -> str:
    """Return a number of bytes in three digits: `784 B`, `50.2 kB`, `575 MB`, in powers of 1,000."""
    for unit in ("B", "kB", "MB", "GB"):
        if count < 999.5:
            return f"{count:.3g} {unit}"
        count /= 1000
    return f"{count:.3g} TB"


def joined(shape: tuple[int, ...]) -> str:
    """Return the shape of images as `3×32×32`."""
    return "×".join(map(str, shape))
