"""Dotted paths, such as `stage2.block1.conv1.kernel`, and the trees that they lead through."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

Shape = tuple[int, ...]
"""The shape of one example, without the batch axis: `(C, H, W)` for maps, `(F,)` for features."""


class Tree(Protocol):
    """Arrays of a layer by name; under the name of a child layer, the tree of that child."""

    def __getitem__(self, name: str, /) -> Any: ...

    def __contains__(self, name: str, /) -> bool: ...


def join(path: str, name: str) -> str:
    """Return the path of `name` below `path`, where the root's path is empty."""
    return f"{path}.{name}" if path else name


def owner(path: str) -> str:
    """Return the path of the layer that an array at `path` belongs to; undoes `join`."""
    return path.rpartition(".")[0]


def below(tree: Tree, name: str) -> Tree:
    """Return the part of a tree under a child's name, empty where the child has no arrays."""
    found: Tree = tree[name] if name in tree else {}  # noqa: SIM401 - torch modules have no get
    return found


def nest(flat: Mapping[str, Any]) -> dict[str, Any]:
    """Turn `{"conv1.kernel": a}` into `{"conv1": {"kernel": a}}`."""
    tree: dict[str, Any] = {}
    for path, value in flat.items():
        *parents, name = path.split(".")
        place = tree
        for parent in parents:
            place = place.setdefault(parent, {})
        place[name] = value
    return tree


def flatten(tree: Mapping[str, Any], path: str = "") -> dict[str, Any]:
    """Undo `nest`."""
    flat: dict[str, Any] = {}
    for name, value in tree.items():
        here = join(path, name)
        flat.update(flatten(value, here) if isinstance(value, Mapping) else {here: value})
    return flat
