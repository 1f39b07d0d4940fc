"""The command line: progress goes to stderr, results to stdout."""

from __future__ import annotations

import io
import sys
from collections.abc import Sequence

import click

from deepen.cli import checks, ensembles, explain, lr_find, programs, runs, shows, tables, weights
from deepen.cli.group import cli
from deepen.errors import DeepenError, UsageError

__all__ = [
    "checks",
    "cli",
    "ensembles",
    "explain",
    "lr_find",
    "main",
    "programs",
    "runs",
    "shows",
    "tables",
    "weights",
]


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command line and exit: 0, 1 (data or files), 2 (usage), or 130 (interrupted)."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")  # a terminal that lacks a sign shows ? instead of ending
    try:
        sys.exit(cli.main(arguments, prog_name="deepen", standalone_mode=False) or 0)
    except click.ClickException as error:
        error.show()
        sys.exit(error.exit_code)
    except UsageError as error:
        print(f"deepen: {error}", file=sys.stderr)
        sys.exit(2)
    except (DeepenError, OSError) as error:
        print(f"deepen: {error}", file=sys.stderr)
        sys.exit(1)
    except (click.Abort, KeyboardInterrupt):
        print("deepen: interrupted", file=sys.stderr)
        sys.exit(130)
