"""The command line's group, and how its commands print."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import click

from deepen import __version__
from deepen.errors import UnknownNameError
from deepen.wording import columns, padded

as_json = click.option("--json", "as_json", is_flag=True, help="Print exactly one JSON object on stdout.")


def drawable(ctx: click.Context, option: click.Parameter, path: Path | None) -> Path | None:
    """Return where a picture is to be drawn, once it is a PNG file in a folder that is there; a click callback.

    Raises:
        click.BadParameter: it is not.
    """
    if path is not None and (path.suffix.lower() != ".png" or path.is_dir()):
        raise click.BadParameter(f"the picture becomes a PNG file, such as {path.stem}.png; got {path}")
    if path is not None and not path.parent.is_dir():
        raise click.BadParameter(f"there is no folder {path.parent} to draw {path.name} in; make it first")
    return path


class Commands(click.Group):
    """A group that suggests the nearest command for one that does not exist."""

    def resolve_command(self, ctx: click.Context, args: list[str]) -> Any:
        """Find the command, or say which one may be meant."""
        name = args[0]
        if self.get_command(ctx, name) is None and not name.startswith("-"):
            raise UnknownNameError("command", name, self.commands)
        return super().resolve_command(ctx, args)

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command; where an option of the group stands behind it, say that it goes before it."""
        try:
            return super().invoke(ctx)
        except click.NoSuchOption as error:
            for option in self.params:
                if error.option_name in option.opts and error.ctx is not None:
                    usage = " ".join(filter(None, (error.option_name, option.metavar, error.ctx.info_name)))
                    message = f"{error.option_name} goes before the command: {ctx.info_name} {usage} ..."
                    raise click.NoSuchOption(error.option_name, message, ctx=error.ctx) from None
            raise


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(__version__, message="%(prog)s %(version)s")
@click.option(
    "--import",
    "files",
    type=click.Path(path_type=Path),
    multiple=True,
    metavar="FILE.py",
    help="Run a Python file first, for layers and models of your own; may be given more than once.",
)
def cli(files: tuple[Path, ...]) -> None:
    """Convolutional networks you can read, train at full speed, and look inside.

    \b
    deepen train deepconvnet --data digits    train on real digits, at once
    deepen models                             which networks there are
    deepen data                               which data sets there are
    """  # noqa: D301 - click reads the control character \b
    from deepen.cli.user_files import import_file

    for path in files:
        import_file(path)


def show(*lines: str) -> None:
    """Print lines of a result."""
    print(*lines, sep="\n", flush=True)


def print_json(value: dict[str, Any]) -> None:
    """Print one JSON object."""
    print(json.dumps(_finite(value)), flush=True)


def _finite(value: Any) -> Any:
    """Return the value with null for what JSON cannot hold: NaN and infinity."""
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, dict):
        return {key: _finite(item) for key, item in value.items()}
    return [_finite(item) for item in value] if isinstance(value, (list, tuple)) else value


def table(head: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """Print rows under a head, in columns."""
    cells = [list(map(str, row)) for row in (head, *rows)]
    widths = [max(map(columns, column)) for column in zip(*cells, strict=True)]
    lines = ["  ".join(map(padded, row, widths)) for row in cells]
    show(*(line.rstrip() for line in lines if line.strip()))
