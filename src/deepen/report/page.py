"""The page of a run: one HTML file that stands beside its pictures and needs nothing else."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape
from importlib.resources import files
from pathlib import Path
from string import Template
from urllib.parse import quote

from PIL import Image

from deepen.report.canvas import DPI

CSS_PIXELS_PER_INCH = 96


@dataclass(frozen=True)
class Table:
    """Rows under a heading, each with its name first."""

    heading: str
    columns: Sequence[str]
    rows: Sequence[Sequence[object]]
    last: Sequence[object]
    """The row that sums up the others."""
    numbers: int
    """So many columns at the end hold numbers."""


def write_page(
    folder: Path,
    *,
    title: str,
    headline: Sequence[tuple[str, str]],
    warnings: Sequence[str] = (),
    figures: Sequence[tuple[str, str]],
    commands: Sequence[str],
    tables: Sequence[Table],
    facts: Mapping[str, Mapping[str, str]],
) -> Path:
    """Write `report.html` into the folder and return its path; what is empty is left out of the page.

    Args:
        folder: Where the pictures lie already.
        title: Name of the run.
        headline: Pairs of a word and the figure that it names, the most important first.
        warnings: What a reader of the headline has to know before relying on it.
        figures: Pairs of a picture's file name in the folder and its caption.
        commands: What to try next, one line each.
        tables: What there is to look up; those without rows are left out.
        facts: Heading → what is to be kept, by name.
    """
    template = Template(files("deepen.report").joinpath("page.html").read_text(encoding="utf-8"))
    page = template.substitute(
        title=escape(title),
        headline=_headline(headline),
        warnings="\n".join(f'<p class="warning" role="note">{escape(warning)}</p>' for warning in warnings),
        figures="\n".join(_figure(folder, name, caption) for name, caption in figures),
        commands=_section("Try next", "\n".join(f"<pre><code>{escape(line)}</code></pre>" for line in commands)),
        tables="\n".join(_section(table.heading, _table(table)) for table in tables),
        facts="\n".join(_section(heading, _facts(values)) for heading, values in facts.items()),
    )
    path = folder / "report.html"
    # Names of folders, and so of classes, may hold bytes that are no characters.
    path.write_text(page, encoding="utf-8", errors="replace", newline="\n")
    return path


def _section(heading: str, content: str) -> str:
    return f"<section>\n<h2>{escape(heading)}</h2>\n{content}\n</section>" if content else ""


def _headline(headline: Sequence[tuple[str, str]]) -> str:
    tiles = "\n".join(f"<div><dt>{escape(word)}</dt><dd>{escape(figure)}</dd></div>" for word, figure in headline)
    return f'<dl class="headline">\n{tiles}\n</dl>' if tiles else ""


def _figure(folder: Path, name: str, caption: str) -> str:
    with Image.open(folder / name) as image:
        # The size as drawn: crisp on a fine screen, and the page does not jump while it loads.
        width, height = (round(side * CSS_PIXELS_PER_INCH / DPI) for side in image.size)
    link, text = escape(quote(name)), escape(caption)
    return (
        f'<figure>\n<a href="{link}"><img src="{link}" width="{width}" height="{height}" alt="{text}"></a>\n'
        f"<figcaption>{text}</figcaption>\n</figure>"
    )


def _table(table: Table) -> str:
    if not table.rows:
        return ""

    def row(cells: Sequence[object], kind: str = "td") -> str:
        names, numbers = cells[: -table.numbers], cells[-table.numbers :]
        left = "".join(f"<{kind}>{_text(cell)}</{kind}>" for cell in names)
        right = "".join(f'<{kind} class="number">{_text(cell)}</{kind}>' for cell in numbers)
        return f"<tr>{left}{right}</tr>"

    body = "\n".join(map(row, table.rows))
    return (
        '<div class="wide">\n<table class="rows">\n'
        f"<thead>{row(table.columns, 'th')}</thead>\n"
        f"<tbody>\n{body}\n</tbody>\n"
        f"<tfoot>{row(table.last)}</tfoot>\n"
        "</table>\n</div>"
    )


def _facts(facts: Mapping[str, str]) -> str:
    rows = "\n".join(
        f'<tr><th scope="row">{escape(name)}</th><td>{escape(value)}</td></tr>' for name, value in facts.items()
    )
    return f'<div class="wide">\n<table>\n<tbody>\n{rows}\n</tbody>\n</table>\n</div>' if rows else ""


def _text(value: object) -> str:
    """Write a shape as 32 × 26 × 26 and a count as 1,234."""
    if isinstance(value, tuple | list):
        return " × ".join(map(_text, value))
    return f"{value:,}" if isinstance(value, int) else escape(str(value))
