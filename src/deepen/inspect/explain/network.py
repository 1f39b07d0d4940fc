"""A whole network on the board: what it is, each layer, the sums, and what there is to see in it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from itertools import groupby
from operator import gt

from deepen.inspect.arithmetic import last_maps
from deepen.inspect.explain import counts
from deepen.inspect.explain.explanation import Line, Section, Text, headed, same
from deepen.inspect.explain.layer import cost, reshaped
from deepen.inspect.explain.observations import observations
from deepen.inspect.explain.places import Plan, called, depth, inside
from deepen.inspect.explain.sizes import output_size
from deepen.inspect.explain.totals import learned, totals
from deepen.inspect.explain.writing import pair, size
from deepen.layers import Sequential
from deepen.paths import Shape, owner
from deepen.spec import Layer, Node, Reach
from deepen.wording import counted

FIELD = Text("receptive field", "感受野")


def of_network(plan: Plan) -> list[Section]:
    """Return what there is to say of a network."""
    sums = [*totals(plan, plan.places[0]), *_field(plan)]
    layers = _layers(plan)
    return [_introduction(plan), *layers, Section(Text("In all", "合计"), tuple(sums)), *observations(plan)]


def _introduction(plan: Plan) -> Section:
    shape, output = plan.input_shape, plan.places[0].output_shape
    pixels = (
        Text(
            f"{counted(shape[0], 'channel')} of {size(shape[1:])} pixels",
            f"{shape[0]} 个通道，{size(shape[1:])} 像素",
        )
        if len(shape) == 3
        else _numbers(shape)
    )
    leaves, weighted = len(plan.figures), sum(learned(each) > 0 for each in plan.figures)
    deep = depth(plan.network, shape)
    return Section(
        Text("The network", "网络"),
        (
            Line(pixels, Text("input", "输入")),
            Line(_numbers(output), Text("output", "输出")),
            Line(
                Text(
                    f"{leaves}, {weighted} of them with trainable parameters",
                    f"{leaves} 层，其中 {weighted} 层有可学习的参数",
                ),
                Text("layers", "层"),
            ),
            Line(
                Text(
                    f"{counted(deep, 'layer')} with kernels on the longest way",
                    f"最长路径上带权重的层有 {deep} 层",
                ),
                Text("depth", "深度"),
            ),
        ),
    )


def _numbers(shape: Shape) -> Text:
    return Text(
        counted(shape[0], "number") if len(shape) == 1 else f"{size(shape)} numbers", f"{size(shape)} 个数"
    )


def _layers(plan: Plan) -> list[Section]:
    """Return a section for each layer; what has been said of an equal one is not said again."""
    sections = []
    for (again, _), group in groupby(_once(plan.places[0], {}), key=lambda at: (bool(at[1]), owner(at[0].path))):
        found = list(group)
        sections += [_repeated(plan, found)] if again else [_section(plan, place) for place, _ in found]
    return sections


def _once(place: Node, said: dict[tuple[Layer, Shape], str]) -> Iterator[tuple[Node, str]]:
    """Yield the layers in a place, each with the path of an equal one that came before."""
    # A network that is a plain sequence has been introduced as such.
    if place.path or not isinstance(place.layer, Sequential):
        yield place, ""
    for child in inside(place):
        key = replace(child.layer, name=None), child.input_shape
        if key in said:
            yield child, said[key]
        elif child.layer != Sequential(name=child.layer.name):
            said[key] = child.path
            yield from _once(child, said)


def _repeated(plan: Plan, found: list[tuple[Node, str]]) -> Section:
    """Return what is said of neighbours that are equal to earlier layers: only what they see is another."""
    first, last = found[0][0].path, found[-1][0].path
    these = first if first == last else f"{first} … {last}"
    before = list(dict.fromkeys(path for _, path in found))
    blocks = {owner(path) for path in before}
    if len(before) > 2 and len(blocks) == 1 and (block := blocks.pop()):
        heading = Text(f"{these}: as in {block}", f"{these}：与 {block} 中的相同")
    else:
        heading = Text(f"{these}: as {', '.join(before)}", f"{these}：同 {', '.join(before)}")
    behind = found[-1][0]
    if len(behind.output_shape) == 3 and any(_widens(place) for place, _ in found):
        heading = heading.then(Text("; receptive field ", "；感受野 ")).then(_seen(plan, behind))
    return Section(heading, layer=first)


def _section(plan: Plan, place: Node) -> Section:
    layer, shape = place.layer, place.input_shape
    heading = headed(called(place), reshaped(place))
    lines = output_size(layer, shape)
    if not layer.container:
        lines += [line for line in cost(plan, place) if line.label != counts.MEMORY]
        if len(place.output_shape) == 3 and _widens(place):
            lines.append(Line(_seen(plan, place), FIELD))
    return Section(heading, tuple(lines), place.path)


def _widens(place: Node) -> bool:
    """Return whether a layer of an image's maps, or one in it, sees more than single pixels."""
    if place.layer.container:
        return any(map(_widens, inside(place)))
    return len(place.input_shape) == 3 and place.layer.reach(place.input_shape) != Reach()


def _seen(plan: Plan, place: Node) -> Text:
    """Return the receptive field behind a layer, and how far apart those of neighbours are."""
    field = plan.fields[place.path]
    if field.stride == (0, 0):
        return same(size(field.size))
    return Text(
        f"{size(field.size)}, stride {pair(field.stride)}", f"{size(field.size)}，步幅 {pair(field.stride)}"
    )


def _field(plan: Plan) -> list[Line]:
    """Return what the last maps see of the image."""
    found = last_maps(plan.network, plan.input_shape)
    if found is None:
        return []
    path, field = found
    (maps,) = (place for place in plan.places if place.path == path)
    name, shape = called(maps), size(maps.output_shape)
    seen, image = size(field.size), size(plan.input_shape[1:])
    text = Text(
        f"each position of {name} ({shape}) sees {seen} pixels of {image}",
        f"{name}（{shape}）的每个位置看到 {image} 中的 {seen} 个像素",
    )
    if any(map(gt, field.size, plan.input_shape[1:])):
        text = text.then(Text(": it reaches beyond the image", "，超出了图像"))
    return [Line(text, FIELD)]
