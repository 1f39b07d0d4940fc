"""The receptive field, step by step from the image to a layer."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import reduce

from deepen.inspect.arithmetic import ReceptiveField
from deepen.inspect.explain.explanation import Line, Text, same
from deepen.inspect.explain.places import inside, placed, ways
from deepen.inspect.explain.writing import by_axis, equation, number, total
from deepen.layers import Sequential
from deepen.paths import Shape
from deepen.spec import Child, Layer, Node

Terms = tuple[list[str], list[str]]
"""What a way adds to the field, for height and width: `(3 − 1)·2`, ..."""


@dataclass(frozen=True)
class Step:
    """One line of the board: the field before, what is added, the field after."""

    path: str
    before: ReceptiveField
    added: Terms
    after: ReceptiveField

    def lines(self) -> list[Line]:
        """Return the step as a line, or as one each for height and width; nothing where nothing changes."""
        if (self.before.size, self.before.stride) == (self.after.size, self.after.stride):
            return []
        return by_axis(same(self.path), self._written)

    def _written(self, axis: int) -> Text:
        size, strides = self.after.size[axis], (self.before.stride[axis], self.after.stride[axis])
        text = same(equation(total([number(self.before.size[axis]), *self.added[axis]]), size))
        if strides[0] == strides[1]:
            return text
        if not strides[1]:
            return text.then(Text("; the same for all positions", "；对所有位置都相同"))
        grown = equation(f"{strides[0]}·{strides[1] // strides[0]}", strides[1])
        return text.then(Text(f"; stride {grown}", f"；步幅 {grown}"))


def steps(network: Node, path: str) -> list[Step]:
    """Return the steps on the way from the image to the output of the layer at a path."""
    found: list[Step] = []
    here, field = network, ReceptiveField()
    while here.path != path:
        children = here.layer.children(here.input_shape)
        for way in ways(here.layer, children) or [list(children)]:
            places = [placed(here.path, child) for child in way]
            leading = [each for each in places if f"{path}.".startswith(f"{each.path}.")]
            if leading:
                for each in places[: places.index(leading[0])]:
                    field = _pass(each, field, found)
                here = leading[0]
                break
    _pass(here, field, found)
    return found


def position(field: ReceptiveField) -> list[Line]:
    """Return which rows and columns of the image a position sees."""
    label = Text("position i sees", "第 i 个位置看到")

    def write(axis: int) -> Text:
        first, stride = field.offset[axis], field.stride[axis]
        last = first + field.size[axis] - 1
        if not stride:
            return Text(
                f"pixels {number(first)} to {number(last)}", f"第 {number(first)} 到 {number(last)} 个像素"
            )
        a, b = (_place(stride, end) for end in (first, last))
        return Text(f"pixels {a} to {b}", f"第 {a} 到 {b} 个像素")

    return by_axis(label, write)


def _place(stride: int, end: int) -> str:
    """Write `4·i − 2`."""
    moving = "i" if stride == 1 else f"{stride}·i"
    return f"{moving} {'−' if end < 0 else '+'} {number(abs(end))}" if end else moving


def _pass(place: Node, field: ReceptiveField, found: list[Step]) -> ReceptiveField:
    """Note the steps through a layer, and return the field behind it."""
    if isinstance(place.layer, Sequential):
        for child in inside(place):
            field = _pass(child, field, found)
        return field
    added, after = _through(place.layer, place.input_shape, field)
    found.append(Step(place.path, field, added, after))
    return after


def _through(layer: Layer, shape: Shape, field: ReceptiveField) -> tuple[Terms, ReceptiveField]:
    """Return what a layer adds, and the field behind it."""
    if layer.container:
        branches = [_chain(way, field) for way in ways(layer, layer.children(shape))]
        return _together(branches, field, layer.output_shape(shape))
    reach = layer.reach(shape)
    if reach is None and len(shape) != 3:
        return ([], []), field
    seen = reach.size if reach else shape[1:]
    height, width = (
        [f"({number(k)} − 1)·{step}"] if k > 1 and step else [] for k, step in zip(seen, field.stride, strict=True)
    )
    return (height, width), field.grown(reach) if reach else field.of_all(shape)


def _chain(way: Sequence[Child], field: ReceptiveField) -> tuple[Terms, ReceptiveField]:
    added: Terms = ([], [])
    for child in way:
        more, field = _through(child.layer, child.input_shape, field)
        added = (added[0] + more[0], added[1] + more[1])
    return added, field


def _together(
    branches: list[tuple[Terms, ReceptiveField]], before: ReceptiveField, maps: Shape
) -> tuple[Terms, ReceptiveField]:
    """Return what branches add together: what the widest one adds, if its field holds those of the others."""
    if not branches:
        return ([], []), before
    united = reduce(lambda a, b: a.united(b, maps), (field for _, field in branches))

    def added(axis: int) -> list[str]:
        terms, widest = max(branches, key=lambda branch: branch[1].size[axis])
        if widest.size[axis] == united.size[axis]:
            return terms[axis]
        return [number(united.size[axis] - before.size[axis])]

    return (added(0), added(1)), united
