"""The command line: progress goes to stderr, results to stdout."""

from __future__ import annotations

import sys
from collections.abc import Sequence

import click

from deepen.cli import runs, shows
from deepen.cli.group import cli
from deepen.errors import DeepenError, UnknownNameError

__all__ = ["cli", "main", "runs", "shows"]


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command line and exit: 0, 1 (data or files), 2 (usage), or 130 (interrupted)."""
    try:
        sys.exit(cli.main(arguments, prog_name="deepen", standalone_mode=False) or 0)
    except click.ClickException as error:
        error.show()
        sys.exit(error.exit_code)
    except UnknownNameError as error:
        print(f"deepen: {error}", file=sys.stderr)
        sys.exit(2)
    except DeepenError as error:
        print(f"deepen: {error}", file=sys.stderr)
        sys.exit(1)
    except (click.Abort, KeyboardInterrupt):
        print("deepen: interrupted", file=sys.stderr)
        sys.exit(130)
