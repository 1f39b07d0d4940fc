"""A disk that fails at any one of the calls by which files and folders get to it, or at all from one on."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any
from unittest.mock import patch

from faults import Calls, failure, faults


@contextmanager
def disk(folder: Path, at: int | None = None, act: Callable[[], object] = lambda: None) -> Iterator[Calls]:
    """Watch as `faults` does, and the making of folders too; one that is there already costs the disk nothing."""
    with faults(folder, at, act) as calls, ExitStack() as patches:

        def mkdir(path: Any, *args: Any, **kwargs: Any) -> None:
            if Path(path).is_relative_to(folder) and not Path(path).exists():
                calls.begin("mkdir")
            plain_mkdir(path, *args, **kwargs)

        plain_mkdir = os.mkdir
        patches.enter_context(patch.object(os, "mkdir", mkdir))
        for place, name in ((Path, "open"), *((os, name) for name in ("mkdir", "replace", "rename", "unlink"))):
            patches.enter_context(patch.object(place, name, _naming(getattr(place, name))))
        yield calls


def _naming(call: Callable[..., Any]) -> Callable[..., Any]:
    """Return a call on a path whose errors name it, as the system's do; those of a write or an fsync do not."""

    def named(path: Any, *args: Any, **kwargs: Any) -> Any:
        try:
            return call(path, *args, **kwargs)
        except OSError as error:
            error.filename = error.filename or str(path)
            raise

    return named


@contextmanager
def filling_disk(folder: Path, at: int, act: Callable[[], object] = lambda: None) -> Iterator[Calls]:
    """Watch as `disk` does; from the call of number `at` on the disk is full, and before that call comes `act`."""

    def full() -> None:
        if len(calls.names) - 1 == at:
            act()
        calls.at = len(calls.names)
        failure(errno.ENOSPC)()

    with disk(folder, at, full) as calls:
        yield calls
