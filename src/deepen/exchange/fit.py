"""Whether the tensors of a file are those that a network has."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from deepen.errors import DataError
from deepen.paths import Shape

SHOWN = 8
"""How many tensors of each kind an error names."""


def held(expected: Mapping[str, Shape], found: Mapping[str, Shape], path: Path, cure: str = "") -> None:
    """Make sure that a file has the tensors that are expected, under the file's own names and in its own layout.

    `cure` is what the error ends with.

    Raises:
        DataError: some are missing, left over, or of another shape; the error names them with their shapes.
    """
    other = [
        f"{name} is {_text(found[name])}, the network needs {_text(shape)}"
        for name, shape in expected.items()
        if name in found and found[name] != shape
    ]
    missing = [f"{name} {_text(shape)}" for name, shape in expected.items() if name not in found]
    extra = [f"{name} {_text(shape)}" for name, shape in sorted(found.items()) if name not in expected]
    problems = [
        f"{title}: {_listed(those)}"
        for title, those in (("of another shape", other), ("missing", missing), ("not used", extra))
        if those
    ]
    if problems:
        raise DataError(f"the weights in {path} are not those of this network; {'; '.join(problems)}{cure}")


def _listed(those: list[str]) -> str:
    more = f" and {len(those) - SHOWN} more" if len(those) > SHOWN else ""
    return ", ".join(those[:SHOWN]) + more


def _text(shape: Shape) -> str:
    return "(" + ", ".join(map(str, shape)) + ("," if len(shape) == 1 else "") + ")"
