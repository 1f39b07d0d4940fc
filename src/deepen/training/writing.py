"""Writing beside a training: what cannot be written is said, and the training goes on."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager

from deepen.errors import DataError
from deepen.wording import say


@contextmanager
def going_on(path: str | os.PathLike[str]) -> Iterator[None]:
    """Say on stderr that the file cannot be written, where that happens inside: no reason to lose a training."""
    try:
        yield
    except OSError as error:
        say(f"cannot write {os.fspath(path)}: {error.strerror or error}; training goes on")
    except DataError as error:  # names the file itself
        say(f"{error}; training goes on")
