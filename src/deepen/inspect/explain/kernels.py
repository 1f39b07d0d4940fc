"""What there is to see in a network's kernels: small ones in a row, 1×1, bottlenecks, those as large as maps."""

from __future__ import annotations

from itertools import pairwise
from math import prod

from deepen.inspect.explain.explanation import NOTHING, Line, Section, Text, same
from deepen.inspect.explain.places import Plan, called, within
from deepen.inspect.explain.writing import equation, number, product, share, size, total
from deepen.layers import Conv2D
from deepen.layers.activation import Activation
from deepen.spec import Node
from deepen.wording import counted

NUMBERS = {2: Text("two", "两"), 3: Text("three", "三"), 4: Text("four", "四")}


def small(plan: Plan, path: str) -> Section | None:
    """Say why two (three, …) 3×3 kernels in a row see what one 5×5 (7×7, …) sees, with fewer weights."""
    runs = [run for row in plan.rows for run in _runs_of_3x3(row) if _takes_part(path, run)]
    lengths = sorted(set(map(len, runs)))
    lines = [line for n in lengths for line in _small(plan, [run for run in runs if len(run) == n])]
    return Section(Text("Small kernels in a row", "小卷积核的堆叠"), tuple(lines)) if lines else None


def _small(plan: Plan, runs: list[list[Node]]) -> list[Line]:
    """Return what there is to say of runs of one length."""
    count = len(runs[0])
    large = 2 * count + 1
    window, sees = size((large, large)), equation(f"1 + {count}·(3 − 1)", large)
    small_weights, large_weights = equation(f"{count}·3·3", 9 * count), equation(f"{large}·{large}", large**2)
    word = NUMBERS.get(count, same(number(count)))
    active = all(_activated(plan, first, second) for run in runs for first, second in pairwise(run))
    between = Text(", with an activation between each two", "，且每两层之间有一次非线性") if active else NOTHING
    # Both are compared from the channels behind a run to as many: the first kernel may have others before it.
    channels = max(_channels(run[-1])[1] for run in runs)
    ours = equation(product((count, 3, 3, channels, channels)), 9 * count * channels**2)
    theirs = equation(product((large, large, channels, channels)), large**2 * channels**2)
    names = ", ".join(place.path for place in runs[0])
    return [
        Line(
            Text(
                f"{word.en} 3×3 kernels in a row see {window} pixels, as one {window} kernel does: {sees}",
                f"{word.zh}个相连的 3×3 卷积核看到 {window} 个像素，与一个 {window} 卷积核相同：{sees}",
            )
        ),
        Line(
            Text(
                f"weights for each pair of channels: {small_weights} instead of {large_weights}",
                f"每对通道的权重：{small_weights}，而非 {large_weights}",
            ).then(between)
        ),
        Line(
            Text(
                f"from {counted(channels, 'channel')} to as many: {ours} weights instead of {theirs}",
                f"输入输出均为 {number(channels)} 个通道时：{ours} 个权重，而非 {theirs}",
            )
        ),
        Line(Text(f"the run here: {names}", f"此处为：{names}"))
        if len(runs) == 1
        else Line(
            Text(
                f"such runs here: {len(runs)}, the first is {names}",
                f"这样的堆叠共有 {len(runs)} 处，第一处是 {names}",
            )
        ),
    ]


def pointwise(plan: Plan, path: str) -> Section | None:
    """Say what a 1×1 convolution costs, and why it equals a dense layer at each pixel."""
    convolutions = [place for row in plan.rows for place in row if within(path, place)]
    found = [place for place in convolutions if _plain(place, 1) and prod(place.output_shape[1:]) > 1]
    if not found:
        return None
    place = max(found, key=lambda place: place.layer.multiply_adds(place.input_shape))
    before, after = _channels(place)
    positions = prod(place.output_shape[1:])
    weights, work = before * after, before * after * positions
    nine = equation(f"3·3·{product((before, after))}", 9 * weights)
    return Section(
        Text(f"1×1 convolution: {called(place)}", f"1×1 卷积：{called(place)}"),
        (
            Line(
                Text(
                    "at each pixel it is a dense layer over the channels, y[:,i,j] = W · x[:,i,j], with the "
                    "same W everywhere: it mixes channels and looks at no neighbours",
                    "在每个像素上就是通道间的全连接层 y[:,i,j] = W · x[:,i,j]，"
                    "各处共用同一个 W：只混合通道，不看邻居",
                )
            ),
            Line(same(equation(product((*place.output_shape[1:],)), positions)), Text("pixels", "像素")),
            Line(
                Text(
                    f"{equation(product((before, after)), weights)}; a 3×3 kernel has {nine}",
                    f"{equation(product((before, after)), weights)}；3×3 卷积核则为 {nine}",
                ),
                Text("weights", "权重"),
            ),
            Line(
                same(equation(product((before, after, *place.output_shape[1:])), work)),
                Text("multiply-adds", "乘加次数"),
            ),
        ),
    )


def bottleneck(plan: Plan, path: str) -> Section | None:
    """Say what it saves to bring the channels down by a 1×1 convolution before a larger kernel."""
    runs = [run for row in plan.rows for run in _bottlenecks(row) if _takes_part(path, run)]
    found = [(saved, run) for run in runs if (saved := _saved(run)) > 0]
    if not found:
        return None
    _, run = max(found, key=lambda each: each[0])
    middle = run[1].layer
    assert isinstance(middle, Conv2D)
    (before, between), after = _channels(run[0]), _channels(run[-1])[1]
    ours = equation(total(_product(place) for place in run), sum(map(_weights, run)))
    direct = prod(middle.window) * before * after
    theirs = equation(product((*middle.window, before, after)), direct)
    names, window = ", ".join(place.path for place in run), size(middle.window)
    lines = [
        Line(
            Text(
                f"a 1×1 convolution brings {number(before)} channels down to {number(between)} before the "
                f"{window} kernel",
                f"在 {window} 卷积核之前，先用 1×1 卷积把 {number(before)} 个通道降到 {number(between)} 个",
            ),
        ),
        Line(same(ours), Text("weights", "权重")),
        Line(same(theirs), Text(f"one {window} without it", f"不用它，直接 {window}")),
        Line(same(share(sum(map(_weights, run)), direct)), Text("of that", "占后者")),
    ]
    return Section(Text(f"Bottleneck: {names}", f"瓶颈：{names}"), tuple(lines))


def whole_maps(plan: Plan, path: str) -> Section | None:
    """Say of a convolution whose kernel is as large as the maps that it is a dense layer."""
    for place in (place for row in plan.rows for place in row if within(path, place)):
        layer, shape = place.layer, place.input_shape
        assert isinstance(layer, Conv2D)
        if layer.window == shape[1:] != (1, 1) and place.output_shape[1:] == (1, 1) and layer.groups == 1:
            weights = equation(f"{product((*layer.window, shape[0]))}·{number(layer.filters)}", _weights(place))
            return Section(
                Text(f"{called(place)} is a dense layer", f"{called(place)} 就是全连接层"),
                (
                    Line(
                        Text(
                            f"its {size(layer.window)} kernels are as large as the maps, so that they have one "
                            f"position: {weights} weights, one for each input and unit",
                            f"其 {size(layer.window)} 卷积核与特征图一样大，只有一个位置："
                            f"{weights} 个权重，每个输入与单元之间各一个",
                        )
                    ),
                ),
            )
    return None


def _takes_part(path: str, run: list[Node]) -> bool:
    return any(within(path, place) for place in run)


def _channels(place: Node) -> tuple[int, int]:
    return place.input_shape[0], place.output_shape[0]


def _plain(place: Node, kernel: int) -> bool:
    """Return whether a convolution has a square kernel of this size and no groups or dilation."""
    layer = place.layer
    return isinstance(layer, Conv2D) and (layer.window, layer.dilation, layer.groups) == (
        (kernel, kernel),
        (1, 1),
        1,
    )


def _runs_of_3x3(row: list[Node]) -> list[list[Node]]:
    """Return the parts of a row with at least two 3×3 kernels of stride 1 one after the other."""
    runs: list[list[Node]] = [[]]
    for place in row:
        if _plain(place, 3) and isinstance(place.layer, Conv2D) and place.layer.stride == (1, 1):
            runs[-1].append(place)
        else:
            runs.append([])
    return [run for run in runs if len(run) > 1]


def _activated(plan: Plan, first: Node, second: Node) -> bool:
    """Return whether what one convolution gives another goes through an activation."""
    assert isinstance(first.layer, Conv2D)
    leaves = [each.node for each in plan.figures]
    between = leaves[leaves.index(first) + 1 : leaves.index(second)]
    return first.layer.activation is not None or any(isinstance(leaf.layer, Activation) for leaf in between)


def _bottlenecks(row: list[Node]) -> list[list[Node]]:
    """Return the parts of a row that go down in channels by 1×1, through a larger kernel, and perhaps up again."""
    found = []
    for i, (first, second) in enumerate(pairwise(row)):
        before, after = _channels(first)
        layer = second.layer
        if not _plain(first, 1) or after >= before or not isinstance(layer, Conv2D) or prod(layer.window) == 1:
            continue
        if layer.groups == 1:
            third = row[i + 2 : i + 3]
            up = bool(third) and _plain(third[0], 1) and _channels(third[0])[1] > _channels(third[0])[0]
            found.append([first, second, *(third if up else [])])
    return found


def _saved(run: list[Node]) -> int:
    """Return how many weights fewer a bottleneck has than its larger kernel alone, from end to end."""
    middle = run[1].layer
    assert isinstance(middle, Conv2D)
    return prod(middle.window) * _channels(run[0])[0] * _channels(run[-1])[1] - sum(map(_weights, run))


def _product(place: Node) -> str:
    assert isinstance(place.layer, Conv2D)
    return product((*place.layer.window, *_channels(place)))


def _weights(place: Node) -> int:
    assert isinstance(place.layer, Conv2D)
    return prod(place.layer.window) * prod(_channels(place))
