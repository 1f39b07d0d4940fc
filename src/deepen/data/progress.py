"""A bar on stderr while something takes its time; nothing where stderr is not a terminal."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Literal


@contextmanager
def progress(title: str, total: int | None, unit: Literal["bytes", "pictures"]) -> Iterator[Callable[[int], Any]]:
    """Show a bar on stderr if that is a terminal; what is yielded moves it on by so many units."""
    if not sys.stderr.isatty():
        yield lambda count: None
        return
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        DownloadColumn,
        MofNCompleteColumn,
        Progress,
        ProgressColumn,
        TextColumn,
        TimeRemainingColumn,
        TransferSpeedColumn,
    )

    figures: tuple[ProgressColumn, ...] = (MofNCompleteColumn(), TimeRemainingColumn())
    if unit == "bytes":
        figures = (DownloadColumn(), TransferSpeedColumn())
    with Progress(TextColumn("{task.description}"), BarColumn(), *figures, console=Console(stderr=True)) as bar:
        task = bar.add_task(title, total=total)
        yield lambda count: bar.advance(task, count)
