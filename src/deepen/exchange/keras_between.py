"""What two networks compute between their layers with weights, and whether it is the same."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import fields
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from deepen.errors import DataError, DeepenError
from deepen.exchange.keras_graph import ADD, Step, Way, signatures
from deepen.layers import (
    ActivityRegularization,
    AveragePooling2D,
    Conv2D,
    Dropout,
    Flatten,
    MaxPooling2D,
    Normalize,
    ReLU,
    Softmax,
    ZeroPadding2D,
)
from deepen.layers.pooling import Pooling2D
from deepen.layers.windows import Windows
from deepen.paths import Shape
from deepen.spec import Layer


class _Passed(NamedTuple):
    """What an input of a step passes."""

    source: int
    """The signature of the step that it comes from."""
    said: list[str]
    """The computations on its way, in words that are equal where these are."""
    between: str


def check(ours: Sequence[Step], theirs: Sequence[Step], input_shape: Shape, path: Path) -> None:
    """Make sure that networks whose layers with weights correspond compute the same between them.

    Raises:
        DataError: they do not.
    """
    numbers: dict[Any, int] = {}
    own = _passed(ours, signatures(ours, numbers, wired=True), input_shape)
    try:
        other = _passed(theirs, signatures(theirs, numbers, wired=True), input_shape)
    except DeepenError as error:
        raise DataError(f"the model in {path} cannot take images {input_shape}: {error}") from error
    for place, steps in own.items():
        if len(steps) != len(other[place]):
            raise DataError(f"the layers in {path} are those of this network, but connected in another way")
        for inputs, there in zip(steps, other[place], strict=True):
            for passed, its in zip(inputs, there, strict=True):
                if passed.said != its.said:
                    own_part, its_part = _differing(passed.said, its.said)
                    raise DataError(
                        f"{passed.between} the network has {_listed(own_part)}, but the model in {path} has "
                        f"{_listed(its_part)}, so their outputs would differ; give both the same"
                    )


def _differing(ours: Sequence[str], theirs: Sequence[str]) -> tuple[Sequence[str], Sequence[str]]:
    """Return what is left of both without what they begin and end with alike."""
    while ours and theirs and ours[0] == theirs[0]:
        ours, theirs = ours[1:], theirs[1:]
    while ours and theirs and ours[-1] == theirs[-1]:
        ours, theirs = ours[:-1], theirs[:-1]
    return ours, theirs


def _listed(said: Sequence[str]) -> str:
    return ", then ".join(said) or "nothing"


def _passed(
    steps: Sequence[Step], places: Sequence[int], input_shape: Shape
) -> defaultdict[int, list[list[_Passed]]]:
    """Return by the signature of a step what its inputs pass; those of a sum in the order of their signatures."""
    found: defaultdict[int, list[list[_Passed]]] = defaultdict(list)
    shapes: list[Shape] = []
    for step, place in zip(steps, places, strict=True):
        inputs, arriving = [], [input_shape] if step.kind == "input" else []
        for source, way in zip(step.inputs, step.ways, strict=True):
            shape, said = _along(way if step.layer is None else (*way, step.layer), shapes[source])
            # A loss may have the softmax in it.
            if step.kind == "output" and said[-1:] == [_said(Softmax())]:
                said.pop()
            inputs.append(_Passed(places[source], said, f"between {steps[source].name} and {step.name}"))
            arriving.append(shape)
        shapes.append(_merged(step, arriving))
        found[place].append(sorted(inputs) if step.kind == ADD else inputs)
    return found


def _merged(step: Step, shapes: Sequence[Shape]) -> Shape:
    channels = sum(shape[0] for shape in shapes) if step.kind == "concatenate" else shapes[0][0]
    return (channels, *shapes[0][1:])


def _along(way: Way, shape: Shape) -> tuple[Shape, list[str]]:
    """Return the shape at the end of a way, and what is computed on it.

    Zeros around the maps are counted with the padding of the windows that follow: Keras has them in a layer of
    their own where "same" would put them elsewhere. A maximum does not see them behind a ReLU.
    """
    said: list[str] = []
    zeros: list[ZeroPadding2D] = []
    for layer in way:
        if isinstance(layer, ZeroPadding2D):
            zeros.append(layer)
        else:
            behind_relu = said[-1:] == [_said(ReLU())]
            if not (isinstance(layer, Conv2D) or (isinstance(layer, MaxPooling2D) and behind_relu)):
                said += map(_said, zeros)
                zeros = []
            said += _text(layer, shape, zeros)
            zeros = []
        shape = layer.output_shape(shape)
    return shape, [*said, *map(_said, zeros)]


def _text(layer: Layer, shape: Shape, zeros: Sequence[ZeroPadding2D]) -> list[str]:
    """Say what a layer behind zeros computes besides what its weights and Keras' settings say."""
    if type(layer) in (Dropout, ActivityRegularization) or (isinstance(layer, Flatten) and len(shape) == 1):
        return []
    if type(layer) in (Conv2D, MaxPooling2D, AveragePooling2D):
        windows = Windows.over(layer, *shape[1:])
        top, left = (own + sum(each.sides[axis][0] for each in zeros) for axis, own in enumerate(windows.before))
        rows, columns = windows.count
        lie = f"padding {top} above and {left} left for {rows}×{columns} positions"
        if isinstance(layer, Pooling2D):
            return [f"{type(layer).__name__} of {windows.size} at stride {windows.stride} with {lie}"]
        return [lie]
    if isinstance(layer, Normalize):
        mean, std = (np.broadcast_to(values, shape[0]) for values in (layer.mean, layer.std))
        return [f"scale {_short(1 / std)} and offset {_short(-mean / std)}"]
    return [] if layer.params(shape) else [_said(layer)]


def _said(layer: Layer) -> str:
    settings = [f"{each.name}={getattr(layer, each.name)!r}" for each in fields(layer) if each.name != "name"]
    return type(layer).__name__ + (f"({', '.join(settings)})" if settings else "")


def _short(values: Any) -> str:
    return ", ".join(f"{value:.6g}" for value in values)
