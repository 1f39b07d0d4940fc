"""All models by name, the oldest first: what they are for, what they cost, and what their papers report."""

from __future__ import annotations

import re

from deepen import models
from deepen.inspect.summary import Summary, summarize
from deepen.inspect.table import Column, Table, joined
from deepen.models import Entry
from deepen.models.registry import place


def catalogue() -> list[tuple[Entry, Summary]]:
    """Return all models with their summaries, for as many classes as each was designed for.

    Those of one file are a family and stand together; the oldest family comes first.
    """
    entries = [models.entry(name) for name in models.names()]
    first: dict[str, int] = {}
    for entry in entries:
        family = place(entry.build)[0]
        first[family] = min(first.get(family, entry.year), entry.year)

    def order(entry: Entry) -> tuple[int, str, list[tuple[str, int]]]:
        family = place(entry.build)[0]
        # Numbers in names count as numbers: resnet18 stands before resnet101.
        words = [(letters, int(digits or 0)) for letters, digits in re.findall(r"(\D+)(\d*)", entry.name)]
        return first[family], family, words

    entries.sort(key=order)
    return [(entry, summarize(models.build(entry.name), entry.input_shape)) for entry in entries]


def as_table(listed: list[tuple[Entry, Summary]], note: str) -> Table:
    """Return the models as rows, with a line below."""
    columns = (
        Column("name", "left"),
        Column("title", "left", spare=5, wraps=24),
        Column("year", spare=3),
        Column("input", "left", spare=2),
        Column("classes", spare=6),
        Column("parameters"),
        Column("multiply-adds", spare=1),
        Column("accuracy in its paper", "left", spare=4, wraps=24),
    )
    cells = [
        (
            entry.name,
            entry.title,
            str(entry.year),
            joined(entry.input_shape),
            f"{entry.classes:,}",
            f"{summary.parameters:,}",
            f"{summary.multiply_adds:,}",
            str(entry.reported or "–"),
        )
        for entry, summary in listed
    ]
    return Table(columns, tuple(cells), notes=(note,))
