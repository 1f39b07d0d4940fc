"""Weights of another model as first weights: what fits is taken, and what was not is said."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from deepen import model_file
from deepen.arrays import Array
from deepen.engines.setup import Setup
from deepen.engines.state import State, begun_with
from deepen.errors import DataError, UsageError
from deepen.layers import Sequential, SideOutput
from deepen.layers.side import side_outputs
from deepen.paths import Shape, join, owner
from deepen.spec import Layer


@dataclass(frozen=True)
class Transfer:
    """Which arrays were taken over, which start anew and why, and which found no place."""

    taken: tuple[str, ...]
    fresh: Mapping[str, str]
    """Path → why the model's own first values stay."""
    left: tuple[str, ...]
    """Paths in the source that this model does not have."""

    def __str__(self) -> str:
        count = len(self.taken) + len(self.fresh)
        lines = [f"taken over: {len(self.taken)} of {count} arrays, {_brief(self.taken)}"]
        lines += [f"new: {path}, {why}" for path, why in self.fresh.items()]
        if self.left:
            lines.append(f"not used: {_brief(self.left)}")
        return "\n".join(lines)


def take_over(
    setup: Setup,
    weights: tuple[dict[str, Array], dict[str, Array]] | None,
    path: Path,
    classes: Sequence[str],
) -> tuple[Transfer, State]:
    """Return what of a saved model fits, and the state that begins with it.

    Args:
        setup: the model that takes.
        weights: its own parameters and statistics; None where they are the first ones of its seed.
        path: the file of the other model.
        classes: the class names of the model that takes.

    Raises:
        DataError: the file cannot be read, or nothing in it fits.
        UsageError: a layer that is not taken over is frozen.
        FileFormatError: it is no model file, or it is damaged.
    """
    arrays, content = model_file.load(path)
    found = plan(setup, arrays, content.get("classes") == list(classes))
    if not found.taken:
        raise DataError(f"nothing of {path} fits: it has other layers, or layers of other sizes")
    trained = [path for path, param in setup.parameters.items() if param.trainable]
    if stuck := [path for path in trained if path in found.fresh and path not in setup.trainable]:
        raise UsageError(
            f"{stuck[0]} is frozen, but starts anew, {found.fresh[stuck[0]]}; freeze only what is taken over"
        )
    return found, begun_with(setup, weights, {path: arrays[path] for path in found.taken})


def plan(setup: Setup, arrays: Mapping[str, Array], same_classes: bool) -> Transfer:
    """Return what a model can take of another one's arrays: what lies at the same path in the same shape.

    Args:
        setup: the model that takes.
        arrays: the other one's parameters and statistics by path.
        same_classes: whether both know the same classes in the same order; the head stays new where not.
    """
    fresh: dict[str, str] = {}
    head = set[str]() if same_classes else head_of(setup.network, setup.input_shape)
    for path, param in {**setup.parameters, **setup.statistics}.items():
        if path not in arrays:
            fresh[path] = "which the other model does not have"
        elif arrays[path].shape != param.shape:
            fresh[path] = f"of shape {_shape(param.shape)} here and {_shape(arrays[path].shape)} there"
        elif owner(path) in head:
            fresh[path] = "because the classes are others"
    # A layer is taken whole: an old bias beside a new kernel would be neither.
    renewed = {owner(path): path for path in fresh}
    everything = [*setup.parameters, *setup.statistics]
    fresh |= {
        path: f"as {renewed[owner(path)]} is"
        for path in everything
        if path not in fresh and owner(path) in renewed
    }
    taken = [path for path in everything if path not in fresh]
    # The order of a file's arrays is not that of the layers.
    left = sorted(set(arrays) - set(setup.parameters) - set(setup.statistics))
    return Transfer(tuple(taken), fresh, tuple(left))


def head_of(network: Layer, input_shape: Shape) -> set[str]:
    """Return the paths of the layers that make the class scores.

    They are the last layer that mixes features and those after it, and likewise in the head of each side output.
    """
    found, _ = _end(network, input_shape, "")
    for path, head in side_outputs(network, input_shape):
        found |= _end(head.layer, head.input_shape, join(path, head.name))[0]
    return found


def _end(layer: Layer, input_shape: Shape, path: str) -> tuple[set[str], bool]:
    """Return the layers at the end of a part of a network, and whether one of them mixes features."""
    if not layer.container:
        return {path}, any(len(param.shape) > 1 for param in layer.params(input_shape).values())
    if isinstance(layer, SideOutput):
        return set(), False
    found, mixes = set[str](), False
    for child in reversed(layer.children(input_shape)):
        inner, inner_mixes = _end(child.layer, child.input_shape, join(path, child.name))
        found, mixes = found | inner, mixes or inner_mixes
        if mixes and isinstance(layer, Sequential):
            break
    return found, mixes


def _shape(shape: Shape) -> str:
    return "×".join(map(str, shape))


def _brief(paths: tuple[str, ...]) -> str:
    return ", ".join(paths) if len(paths) <= 4 else f"{paths[0]}, {paths[1]}, … {paths[-1]}"
