"""What there is to see in a network, with its own numbers: where its weights are, and what its design saves."""

from __future__ import annotations

from collections.abc import Callable
from math import prod

from deepen.inspect.explain import kernels
from deepen.inspect.explain.counts import MULTIPLY_ADDS, PARAMETERS
from deepen.inspect.explain.explanation import Line, Section, Text, same
from deepen.inspect.explain.places import Plan, called, within
from deepen.inspect.explain.totals import learned
from deepen.inspect.explain.writing import equation, number, product, share, total
from deepen.layers import Conv2D, Dense, GlobalAveragePooling2D, PartialConv2D, Residual
from deepen.paths import join

Observation = Callable[[Plan, str], Section | None]
"""What to say of the layer or block at a path; the empty path is that of the whole network."""


def observations(plan: Plan, path: str = "") -> list[Section]:
    """Return what can be said of a network, or of the layer or block at a path, in the order of the table."""
    return [section for observe in OBSERVATIONS if (section := observe(plan, path)) is not None]


def _heaviest(plan: Plan, path: str) -> Section | None:
    """Say where most of the parameters and most of the multiply-adds of a network are."""
    if path or len(plan.figures) == 1:
        return None
    lines = []
    in_use = [each for each in plan.figures if not each.for_training_only]
    for label, used, count in (
        (PARAMETERS, plan.figures, learned),
        (MULTIPLY_ADDS, in_use, lambda each: each.multiply_adds),
    ):
        whole = sum(map(count, used))
        if not whole:
            continue
        most = max(used, key=count)
        part = share(count(most), whole)
        lines.append(Line(Text(f"most in {most.node.path}: {part}", f"{most.node.path} 最多：{part}"), label))
        for kind, name in (
            ((Conv2D, PartialConv2D), Text("all convolutions", "全部卷积层")),
            (Dense, Text("all dense layers", "全部全连接层")),
        ):
            of_kind = sum(count(each) for each in used if isinstance(each.node.layer, kind))
            if of_kind:
                lines.append(
                    Line(Text(f"{name.en}: {share(of_kind, whole)}", f"{name.zh}：{share(of_kind, whole)}"), label)
                )
    heading = Text("Where the weights and the work are", "参数与计算量在哪里")
    return Section(heading, tuple(lines)) if lines else None


def _table(plan: Plan, path: str) -> Section | None:
    """Say what a table of connections saves against full connection."""
    found = [place for place in plan.places if type(place.layer) is PartialConv2D and within(path, place)]
    if not found:
        return None
    name, layer, maps = called(found[0]), found[0].layer, found[0].input_shape[0]
    assert isinstance(layer, PartialConv2D)
    filters, pairs = len(layer.connections), sum(map(len, layer.connections))
    window, bias = prod(layer.window), int(layer.use_bias)
    full, partial = (window * maps + bias) * filters, window * pairs + bias * filters
    inputs = f"{product((*layer.window, maps))}{' + 1' if bias else ''}"
    all_pairs = equation(f"{maps}·{filters}", maps * filters)
    saved = equation(f"{number(full)} − {number(partial)}", full - partial)
    return Section(
        Text(f"What the table of {name} saves", f"{name} 的连接表省下多少"),
        (
            Line(
                same(equation(f"({inputs})·{filters}", full)),
                Text("every filter sees every map", "每个卷积核看全部特征图"),
            ),
            Line(same(saved), Text("fewer parameters by the table", "按表连接少的参数")),
            Line(
                Text(
                    f"it has {pairs} of {all_pairs} pairs; filters with other inputs cannot learn the same",
                    f"{all_pairs} 对连接中只取 {pairs} 对；输入不同的卷积核不会都学成一样",
                )
            ),
        ),
    )


def _shortcuts(plan: Plan, path: str) -> Section | None:
    """Say what residual connections do to the gradient; of a layer in a block, what the block's does."""
    residual = [place for place in plan.places if type(place.layer) is Residual]
    around_it = [place for place in residual if path.startswith(f"{place.path}.")]
    blocks = [place for place in residual if within(path, place)] or around_it[-1:]
    if not blocks:
        return None
    around = [sum(map(learned, plan.below(join(block.path, "shortcut")))) for block in blocks]
    identities = sum(isinstance(b.layer, Residual) and b.layer.shortcut is None for b in blocks)
    learning = sum(count > 0 for count in around)
    shortcuts = [
        (Text("shortcut: the identity", "捷径为恒等映射"), identities),
        (Text("shortcut: other, without parameters", "其他无参数的捷径"), len(blocks) - identities - learning),
        (Text("shortcut: with parameters", "有参数的捷径"), learning),
    ]
    if len(blocks) == 1:
        lines = [Line(same(called(blocks[0])), label) for label, count in shortcuts if count]
    else:
        lines = [Line(same(number(count)), label) for label, count in shortcuts if count]
        terms = [line.text.en for line in lines]
        lines.append(Line(same(equation(total(terms), len(blocks))), Text("blocks", "残差块")))
    if identities:
        lines.append(
            Line(
                Text(
                    "with the identity y = body(x) + x, so dx = body'(dy) + dy: dy arrives as it is, whatever the "
                    "body does",
                    "恒等映射时 y = body(x) + x，故 dx = body'(dy) + dy：无论主体如何，dy 都原样传到输入",
                )
            )
        )
    elif len(blocks) == 1:
        lines.append(
            Line(
                Text(
                    "y = body(x) + shortcut(x), so dx = body'(dy) + shortcut'(dy): "
                    "dy also reaches the input around the body",
                    "y = body(x) + shortcut(x)，故 dx = body'(dy) + shortcut'(dy)：dy 还绕过主体传到输入",
                )
            )
        )
    if learning:
        learned_there = equation(total(number(count) for count in around if count), sum(around))
        lines.append(Line(same(learned_there), Text("parameters on shortcuts", "捷径上的参数")))
    return Section(Text("Residual connections", "残差连接"), tuple(lines))


def _global_pooling(plan: Plan, path: str) -> Section | None:
    """Say what a dense layer on all pixels would take in place of global average pooling."""
    for each in plan.below(path):
        if type(each.node.layer) is not GlobalAveragePooling2D or each.for_training_only:
            continue
        maps, shape = each.node.input_shape, plan.places[0].output_shape
        if len(shape) != 1 or maps[1:] == (1, 1):
            return None
        classes = shape[0]
        direct = equation(f"({product(maps)} + 1)·{number(classes)}", (prod(maps) + 1) * classes)
        pooled = equation(f"({number(maps[0])} + 1)·{number(classes)}", (maps[0] + 1) * classes)
        lines = [Line(same(direct), Text("a dense layer on all pixels", "对全部像素用全连接层"))]
        if any(isinstance(later.node.layer, Dense) for later in plan.figures[plan.figures.index(each) :]):
            lines.append(Line(same(pooled), Text("a dense layer on the means", "池化后再用全连接层")))
        else:
            lines.append(Line(Text("the means are the scores, without parameters", "各图均值即为得分，无需参数")))
        lines.append(
            Line(
                Text(
                    "the network takes images of any size that its layers allow",
                    "只要各层容得下，任意尺寸的图像均可输入",
                )
            )
        )
        return Section(Text("Global average pooling", "全局平均池化"), tuple(lines))
    return None


OBSERVATIONS: tuple[Observation, ...] = (
    _heaviest,
    kernels.small,
    kernels.pointwise,
    kernels.bottleneck,
    kernels.whole_maps,
    _table,
    _shortcuts,
    _global_pooling,
)
