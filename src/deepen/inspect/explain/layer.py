"""One layer on the board, or a block of layers."""

from __future__ import annotations

from collections.abc import Iterator

from deepen.inspect.explain import counts
from deepen.inspect.explain.equations import equations
from deepen.inspect.explain.explanation import NOTHING, Line, Section, Text, headed, same
from deepen.inspect.explain.field import position, steps
from deepen.inspect.explain.kinds import kind
from deepen.inspect.explain.observations import observations
from deepen.inspect.explain.places import Plan, inside
from deepen.inspect.explain.sizes import output_size
from deepen.inspect.explain.totals import totals
from deepen.inspect.explain.writing import equation, size
from deepen.layers import Parallel, Residual, Sequential, SideOutput
from deepen.spec import Node

INPUT, OUTPUT = Text("input", "输入"), Text("output", "输出")

WHY: dict[type, Text] = {
    Residual: Text(
        "the body only has to learn what is to be added to its input; on the way back dy also takes the shortcut, "
        "past all layers of the body",
        "主体只需学习要加到输入上的残差；反向传播时 dy 还沿捷径传回，绕过主体的各层",
    ),
    Parallel: Text(
        "each branch looks at the same input in its own way, and the next layer chooses among all that they found",
        "各分支以各自的方式看同一输入，下一层再从它们得到的全部特征中取舍",
    ),
    SideOutput: Text(
        "gradients of its loss reach the early layers on a short way; the network itself does not know of it",
        "其损失的梯度经较短的路径到达前面的层；网络本身并不知道它",
    ),
}
"""Why there are such blocks."""


def of_layer(plan: Plan, place: Node) -> list[Section]:
    """Return all there is to say of a layer, or of a block of layers."""
    layer, shape = place.layer, place.input_shape
    why = WHY.get(type(layer))
    sizes = [
        Line(same(size(shape)), INPUT),
        *output_size(layer, shape),
        Line(same(size(place.output_shape)), OUTPUT),
        *([Line(why, Text("why", "为何"))] if why else []),
    ]
    members = [Line(reshaped(each), same(each.path)) for each in _members(place)]
    costs = totals(plan, place) if layer.container else cost(plan, place)
    sections = [
        Section(_heading(place), tuple(sizes), place.path),
        Section(Text("Its layers", "其中各层"), tuple(members), place.path),
        Section(Text("What it costs for one image", "每张图像的开销"), tuple(costs), place.path),
        Section(*_field(plan, place), place.path),
        *observations(plan, place.path),
        Section(Text("Equations", "公式"), tuple(equations(layer, shape)), place.path),
    ]
    return [section for section in sections if section.lines]


def reshaped(place: Node) -> Text:
    """Return what a layer does, and what becomes of the shape."""
    shape, after = size(place.input_shape), size(place.output_shape)
    change = shape if shape == after else f"{shape} → {after}"
    return kind(place.layer, place.input_shape).then(Text(f"; {change}", f"；{change}"))


def cost(plan: Plan, place: Node) -> list[Line]:
    """Return the parameters, multiply-adds and memory of a leaf, and its connections in a network like LeNet-5."""
    layer, shape = place.layer, place.input_shape
    lines = [*counts.parameters(layer, shape), *counts.multiply_adds(layer, shape)]
    if counts.counts_connections(plan.places) and (found := counts.connections(layer, shape)):
        lines.append(Line(same(equation(*found)), counts.CONNECTIONS))
    return [*lines, counts.memory(place.output_shape)]


def _field(plan: Plan, place: Node) -> tuple[Text, tuple[Line, ...]]:
    """Return the receptive field, step by step; no lines where the network's input is no image."""
    if len(plan.input_shape) != 3:
        return NOTHING, ()
    rule = Text(
        "a window of k positions sees r + (k − 1)·j pixels, where r and j are size and stride of the field before",
        "k 个位置的窗口看到 r + (k − 1)·j 个像素，r 与 j 是前一层感受野的大小与步幅",
    )
    field = plan.fields[place.path]
    heading = Text(f"Receptive field: {size(field.size)} pixels", f"感受野：{size(field.size)} 个像素")
    return heading, (
        Line(rule),
        *(line for step in steps(plan, place.path) for line in step.lines()),
        *position(field, plan.input_shape, place.output_shape),
    )


def _heading(place: Node) -> Text:
    name = type(place.layer).__name__
    return headed(f"{place.path} ({name})" if place.path else name, kind(place.layer, place.input_shape))


def _members(place: Node) -> Iterator[Node]:
    """Yield the layers of a block, those of a plain sequence in it one by one."""
    for each in inside(place):
        if isinstance(each.layer, Sequential) and each.layer.layers:
            yield from _members(each)
        else:
            yield each
