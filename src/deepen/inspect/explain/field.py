"""The receptive field, step by step from the image to a layer."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from deepen.inspect.arithmetic import ReceptiveField, ways
from deepen.inspect.explain.explanation import NOTHING, Line, Text, same
from deepen.inspect.explain.places import Plan, called, inside, placed
from deepen.inspect.explain.writing import by_axis, equation, number, total
from deepen.layers import Sequential
from deepen.paths import Shape
from deepen.spec import Node

Terms = tuple[list[str], list[str]]
"""What a way adds to the field, for height and width: `(3 − 1)·2`, ..."""

Fields = Mapping[str, ReceptiveField]
"""The receptive field behind each layer by its path."""


@dataclass(frozen=True)
class Step:
    """One line of the board: the field before, what is added, the field after."""

    layer: str
    before: ReceptiveField
    added: Terms
    after: ReceptiveField

    def lines(self) -> list[Line]:
        """Return the step as a line, or as one each for height and width; nothing where nothing changes."""
        if (self.before.size, self.before.stride) == (self.after.size, self.after.stride):
            return []
        return by_axis(same(self.layer), self._written)

    def _written(self, axis: int) -> Text:
        size, strides = self.after.size[axis], (self.before.stride[axis], self.after.stride[axis])
        text = same(equation(total([number(self.before.size[axis]), *self.added[axis]]), size))
        if strides[0] == strides[1]:
            return text
        if not strides[1]:
            return text.then(Text("; the same for all positions", "；对所有位置都相同"))
        grown = equation(f"{strides[0]}·{strides[1] // strides[0]}", strides[1])
        return text.then(Text(f"; stride {grown}", f"；步幅 {grown}"))


def steps(plan: Plan, path: str) -> list[Step]:
    """Return the steps on the way from the image to the output of the layer at a path."""
    found: list[Step] = []
    here, field = plan.places[0], ReceptiveField()
    while here.path != path:
        children = here.layer.children(here.input_shape)
        for way in ways(here.layer, children) or [list(children)]:
            places = [placed(here.path, child) for child in way]
            leading = [each for each in places if f"{path}.".startswith(f"{each.path}.")]
            if leading:
                for each in places[: places.index(leading[0])]:
                    field = _pass(each, field, plan.fields, found)
                here = leading[0]
                break
    _pass(here, field, plan.fields, found)
    return found


def position(field: ReceptiveField, image: Shape, maps: Shape) -> list[Line]:
    """Return which rows and columns of the image a position of the maps sees, and where it sees beyond them."""
    label = Text("position i sees", "第 i 个位置看到")

    def write(axis: int) -> Text:
        first, stride = field.offset[axis], field.stride[axis]
        last = first + field.size[axis] - 1
        a, b = (_place(stride, end) for end in (first, last))
        if first == last:
            return Text(f"pixel {a} alone", f"只有第 {a} 个像素")
        positions = maps[1 + axis] if len(maps) == 3 else 1
        sees_all = first + stride * (positions - 1) <= 0 and last >= image[1 + axis] - 1
        beyond = _beyond(field.size[axis], image[1 + axis], sees_all=sees_all)
        return Text(f"pixels {a} to {b}", f"第 {a} 到 {b} 个像素").then(beyond)

    return by_axis(label, write)


def _beyond(seen: int, length: int, *, sees_all: bool) -> Text:
    """Return what there is to say of a field that is larger than the image, or sees all of it."""
    if sees_all and seen == length:
        return Text("; all of the image", "；即整幅图像")
    if sees_all:
        return Text(
            f"; all of the image ({number(length)}) and padding around it",
            f"；即整幅图像（{number(length)}）及其四周的填充",
        )
    if seen > length:
        return Text(
            f"; larger than the image ({number(length)}): it reaches beyond it, into the padding",
            f"；比图像（{number(length)}）还大，伸入图像之外的填充",
        )
    return NOTHING


def _place(stride: int, end: int) -> str:
    """Write `4·i − 2`; without a stride the end alone."""
    if not stride:
        return number(end)
    moving = "i" if stride == 1 else f"{stride}·i"
    return f"{moving} {'−' if end < 0 else '+'} {number(abs(end))}" if end else moving


def _pass(place: Node, field: ReceptiveField, fields: Fields, found: list[Step]) -> ReceptiveField:
    """Note the steps through a layer, and return the field behind it."""
    if isinstance(place.layer, Sequential):
        for child in inside(place):
            field = _pass(child, field, fields, found)
    else:
        after = fields[place.path]
        found.append(Step(called(place), field, _added(place, field, fields), after))
        field = after
    return field


def _added(place: Node, before: ReceptiveField, fields: Fields) -> Terms:
    """Return what a layer adds to the field before it."""
    layer, shape = place.layer, place.input_shape
    if layer.container:
        return _of_the_widest(place, before, fields)
    reach = layer.reach(shape)
    if reach is None and len(shape) != 3:
        return [], []
    seen = zip(reach.size if reach else shape[1:], before.stride, strict=True)
    height, width = ([f"({number(k)} − 1)·{step}"] if k > 1 and step else [] for k, step in seen)
    return height, width


def _of_the_widest(place: Node, before: ReceptiveField, fields: Fields) -> Terms:
    """Return what the widest way through a container adds, if its field holds those of the others."""
    found = []
    for way in ways(place.layer, place.layer.children(place.input_shape)):
        terms: Terms = ([], [])
        field = before
        for each in (placed(place.path, child) for child in way):
            more = _added(each, field, fields)
            terms = (terms[0] + more[0], terms[1] + more[1])
            field = fields[each.path]
        found.append((terms, field))
    if not found:
        return [], []

    def along(axis: int) -> list[str]:
        size = fields[place.path].size[axis]
        terms, widest = max(found, key=lambda way: way[1].size[axis])
        return terms[axis] if widest.size[axis] == size else [number(size - before.size[axis])]

    return along(0), along(1)
