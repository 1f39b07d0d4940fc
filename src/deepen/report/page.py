"""The page of a run: one HTML file that stands beside its pictures and needs nothing else."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape
from importlib.resources import files
from pathlib import Path
from string import Template
from urllib.parse import quote

from PIL import Image

from deepen.report.canvas import DPI

CSS_PIXELS_PER_INCH = 96


def write_page(
    folder: Path,
    *,
    title: str,
    headline: Sequence[tuple[str, str]],
    settings: Mapping[str, str],
    environment: Mapping[str, str],
    layers: Sequence[Mapping[str, object]],
    figures: Sequence[tuple[str, str]],
    commands: Sequence[str],
) -> Path:
    """Write `report.html` into the folder and return its path; what is empty is left out of the page.

    Args:
        folder: Where the pictures lie already.
        title: Name of the run.
        headline: Pairs of a word and the figure that it names, the most important first.
        settings: What the run was asked to do.
        environment: What it ran on.
        layers: A row for each layer: `name`, `type`, `output_shape`, `parameters`, the last of which are added up.
        figures: Pairs of a picture's file name in the folder and its caption.
        commands: What to try next, one line each.
    """
    template = Template(files("deepen.report").joinpath("page.html").read_text(encoding="utf-8"))
    page = template.substitute(
        title=escape(title),
        headline=_headline(headline),
        figures="\n".join(_figure(folder, name, caption) for name, caption in figures),
        commands=_section("Try next", "\n".join(f"<pre><code>{escape(line)}</code></pre>" for line in commands)),
        layers=_section("Layers", _layers(layers)),
        facts=_facts("Settings", settings) + "\n" + _facts("Environment", environment),
    )
    path = folder / "report.html"
    # Names of folders, and so of classes, may hold bytes that are no characters.
    path.write_text(page, encoding="utf-8", errors="replace", newline="\n")
    return path


def _section(heading: str, content: str) -> str:
    return f"<section>\n<h2>{heading}</h2>\n{content}\n</section>" if content else ""


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


def _layers(layers: Sequence[Mapping[str, object]]) -> str:
    if not layers:
        return ""
    head = "".join(f'<th scope="col">{word}</th>' for word in ("name", "type", "output"))
    rows = "\n".join(
        f"<tr><td>{_text(row['name'])}</td><td>{_text(row['type'])}</td><td>{_text(row['output_shape'])}</td>"
        f'<td class="number">{_text(row["parameters"])}</td></tr>'
        for row in layers
    )
    total = sum(count for row in layers if isinstance(count := row["parameters"], int))
    return (
        '<div class="wide">\n<table class="layers">\n'
        f'<thead><tr>{head}<th scope="col" class="number">parameters</th></tr></thead>\n'
        f"<tbody>\n{rows}\n</tbody>\n"
        f'<tfoot><tr><td colspan="3">all layers</td><td class="number">{total:,}</td></tr></tfoot>\n'
        "</table>\n</div>"
    )


def _facts(heading: str, facts: Mapping[str, str]) -> str:
    if not facts:
        return ""
    rows = "\n".join(
        f'<tr><th scope="row">{escape(name)}</th><td>{escape(value)}</td></tr>' for name, value in facts.items()
    )
    return _section(heading, f'<div class="wide">\n<table>\n<tbody>\n{rows}\n</tbody>\n</table>\n</div>')


def _text(value: object) -> str:
    """Write a shape as 32 × 26 × 26 and a count as 1,234."""
    if isinstance(value, tuple | list):
        return " × ".join(map(_text, value))
    return f"{value:,}" if isinstance(value, int) else escape(str(value))
