"""The command that writes out the arithmetic of a network."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import click

from deepen.cli.group import as_json, cli, print_json, show
from deepen.cli.networks import classes_option, diagram_option, drawn, input_shape_option, network_of, width_option
from deepen.wording import columns

if TYPE_CHECKING:
    from deepen.inspect.explain import Explanation

STYLES = {"title": "bold", "heading": "bold cyan", "line": ""}

MIN_WIDTH = 20
"""Columns that a text has at least, however wide its label is."""


PIECES = re.compile(
    r"（?(?:[\u4e00-\u9fff]|[^\s\u4e00-\u9fff（，。：；、）]+|[，。：；、）])[，。：；、）]*\s*|\s+|（"
)
"""What stays together on a line: a word or formula, or one Chinese character, with the punctuation at it."""


@cli.command()
@click.argument("model")
@click.argument("layer", required=False)
@click.option("--lang", type=click.Choice(("en", "zh")), help="English or Chinese; the locale's unless given.")
@input_shape_option
@classes_option
@width_option
@diagram_option
@as_json
def explain(
    model: str,
    layer: str | None,
    lang: str | None,
    input_shape: str | None,
    classes: int | None,
    width: float,
    diagram: Path | None,
    as_json: bool,
) -> None:
    """Write out the arithmetic of MODEL, or of its LAYER, with its own numbers, as on a board.

    Output sizes, parameters, multiply-adds, receptive field step by step, and the equations of the layer, forward
    and backward. LAYER is a path, such as conv1, or that of a block, such as stage1.block1.

    MODEL is a name from `deepen models`, a model file, a run's folder, or a folder of runs (the newest).
    """
    from deepen.inspect.explain import explain as explained

    network, shape = network_of(model, input_shape, classes, width)
    found = explained(network, shape, layer, lang or language(os.environ), model)
    picture = drawn(diagram, network, shape, model)
    if as_json:
        print_json(found.to_data() | picture)
        return
    _show(found)
    if picture:
        show("", f"the diagram: {picture['diagram']}")


def language(environment: Mapping[str, str]) -> str:
    """Return the language that the locale asks for: the first of POSIX's variables that is set decides."""
    locale = next(filter(None, map(environment.get, ("LC_ALL", "LC_MESSAGES", "LANG"))), "")
    return "zh" if locale.startswith("zh") else "en"


def _show(explanation: Explanation) -> None:
    """Print an explanation: on a terminal with headings in colour and fitted to its width, else as plain text."""
    from rich.console import Console
    from rich.text import Text

    console = Console(highlight=False, force_jupyter=False)
    if not console.is_terminal:
        show(str(explanation))
        return
    for row in explanation.rows():
        indent = columns(row.label)
        # On a narrow terminal the label may take most of the line; the text then has to make do with the width.
        lines = wrapped(row.text, max(console.width - indent, MIN_WIDTH))
        console.print(Text(row.label) + Text(("\n" + " " * indent).join(lines), STYLES[row.role]))


def wrapped(text: str, width: int) -> list[str]:
    """Return a text in lines of at most so many columns, broken at spaces and between Chinese characters.

    A word is broken only where it is wider than a line.
    """
    lines: list[str] = []
    line = ""
    for piece in PIECES.findall(text):
        for part in piece if columns(piece.rstrip()) > width else [piece]:
            if columns((line + part).rstrip()) > width:
                lines.append(line.rstrip())
                line = ""
            line += part
    return [*lines, line.rstrip()]
