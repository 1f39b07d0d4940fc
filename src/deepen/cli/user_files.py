"""Python files of the user's own, with layers to register and models to enter, run before a command."""

from __future__ import annotations

import importlib.util
import sys
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.machinery import SourceFileLoader
from pathlib import Path

from deepen.errors import DataError, DeepenError, UsageError


def import_file(path: Path) -> None:
    """Run a Python file as the module of its name; one that has been run already is left as it is.

    It finds the modules beside it.

    Raises:
        DataError: there is no such file.
        UsageError: another module has that name; Python's own count even where the file would be found first.
        DeepenError: the file raises an error; the text names its line.
    """
    path, name = path.resolve(), path.stem.replace(".", "_")
    if not path.is_file():
        raise DataError(f"--import: there is no file {path}")
    if name == "__main__" or name in sys.stdlib_module_names:
        raise UsageError(f"--import: {path.name} has the name of Python's own module {name}; rename the file")
    known = importlib.util.find_spec(name)
    if known is not None and known.origin != str(path):
        raise UsageError(
            f"--import: {path.name} has the name of the module {name} ({known.origin}); rename the file"
        )
    if name in sys.modules:
        return
    spec = importlib.util.spec_from_file_location(name, path, loader=SourceFileLoader(name, str(path)))
    assert spec is not None
    assert spec.loader is not None
    sys.modules[name] = module = importlib.util.module_from_spec(spec)
    try:
        with _found_first(path.parent):
            spec.loader.exec_module(module)
    except (Exception, SystemExit) as error:
        del sys.modules[name]
        raise DeepenError(f"--import: {what_happened(error, path)}") from error


@contextmanager
def _found_first(folder: Path) -> Iterator[None]:
    """Look for modules in a folder first, as `python FILE.py` does; afterwards last, where it hides no library."""
    sys.path.insert(0, str(folder))
    try:
        yield
    finally:
        sys.path.remove(str(folder))
        sys.path.append(str(folder))


def what_happened(error: BaseException, path: Path) -> str:
    """Return the last line of the file at `path` that ran before an error or its cause, and what it says."""
    if isinstance(error, SyntaxError):
        return f"{error.filename}, line {error.lineno}: {type(error).__name__}: {error.msg}"
    raised = [each for each in (error, error.__cause__) if each is not None]
    frames = [frame for each in raised for frame in traceback.extract_tb(each.__traceback__)]
    own = [frame for frame in frames if frame.filename == str(path)]
    place = f"{own[-1].filename}, line {own[-1].lineno}: " if own else ""
    kind = "" if isinstance(error, DeepenError) else f"{type(error).__name__}: "
    return f"{place}{kind}{error}"
