"""Errors that a user can cause: each says what was given, what was expected, where, and what to do."""

from __future__ import annotations

import difflib
from collections.abc import Iterable


class DeepenError(Exception):
    """Base of every error that a user of deepen can cause."""


class UsageError(DeepenError):
    """A setting is out of range, or settings do not go together."""


class ShapeError(DeepenError):
    """A layer cannot take the shape it is given; `path` names the layer, or its class where it has none."""

    def __init__(self, layer: str, problem: str, path: str = "") -> None:
        super().__init__(f"{path or layer} {problem}")
        self.layer = layer
        self.problem = problem
        self.path = path

    def within(self, name: str) -> ShapeError:
        """Return the same error as seen from the container that calls the layer `name`."""
        return ShapeError(self.layer, self.problem, f"{name}.{self.path}" if self.path else name)


class DataError(DeepenError):
    """Images, labels or a data set are not what training needs."""


class FileFormatError(DeepenError):
    """A file is damaged, or is not of the format it should have."""


class NonFiniteError(DeepenError):
    """A loss or a gradient became NaN or infinite; the weights are those before that step."""


class MissingExtraError(DeepenError):
    """A feature needs an optional dependency that is not installed."""

    def __init__(self, feature: str, extra: str) -> None:
        super().__init__(f'{feature} is not installed; install it with: pip install "deepen[{extra}]"')


class NativeError(DeepenError):
    """A network could not be compiled into a program of its own, or the program not be loaded."""


class MissingCompilerError(NativeError):
    """The native engine was asked for, and this machine has no C++ compiler."""

    def __init__(self) -> None:
        super().__init__(
            "the native engine needs a C++ compiler, and there is none; install g++ or clang++ with your system's "
            'tools, or one that pip knows: pip install "deepen[native]"'
        )


class UnknownNameError(UsageError):
    """A name is not among those that exist; the nearest one is suggested."""

    def __init__(self, what: str, name: object, known: Iterable[str], cure: str = "") -> None:
        names = sorted(known)
        near = difflib.get_close_matches(str(name).lower(), names, n=1)
        hint = f"did you mean {near[0]!r}?" if near else cure or f"known: {', '.join(names)}"
        super().__init__(f"unknown {what} {name!r}; {hint}")
