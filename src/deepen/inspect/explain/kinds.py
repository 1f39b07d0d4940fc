"""What each kind of layer does, in words and with its own numbers."""

from __future__ import annotations

from collections.abc import Callable
from inspect import getdoc
from typing import Any

from deepen import layers
from deepen.inspect.explain.explanation import NOTHING, Text, same
from deepen.inspect.explain.writing import number, pair, size
from deepen.paths import Shape
from deepen.spec import Layer
from deepen.wording import counted


def is_known(layer: Layer) -> bool:
    """Return whether a layer is the library's own; what is derived from one may compute something else."""
    return type(layer) in KINDS


def kind(layer: Layer, input_shape: Shape) -> Text:
    """Return what a layer does; of a layer that is not the library's own, the first paragraph of its docstring."""
    if not is_known(layer):
        # A dataclass without a docstring is given one by Python: its own call.
        first = " ".join((getdoc(type(layer)) or "").split("\n\n")[0].split()).removesuffix(".")
        return same(type(layer).__name__ if first.startswith(f"{type(layer).__name__}(") else first)
    function = getattr(layer, "activation", None)
    behind = Text(f", then {function}", f"，再经 {function}") if function else NOTHING
    return KINDS[type(layer)](layer, input_shape).then(behind)


def _convolution(layer: Any, shape: Shape) -> Text:
    window = size(layer.window)
    if layer.groups == 1:
        seen = Text(f" over {counted(shape[0], 'channel')}", f"，各覆盖 {number(shape[0])} 个通道")
    else:
        split = f"{number(shape[0])}/{layer.groups} = {number(shape[0] // layer.groups)}"
        seen = Text(
            f" in {layer.groups} groups, each over {split} channels",
            f"，分为 {layer.groups} 组，各覆盖 {split} 个通道",
        )
    text = Text(
        f"convolution, {counted(layer.filters, 'kernel')} of {window}",
        f"卷积：{number(layer.filters)} 个 {window} 卷积核",
    )
    return text.then(seen).then(_steps(layer))


def _partial(layer: Any, shape: Shape) -> Text:
    filters, window = len(layer.connections), size(layer.window)
    return Text(
        f"convolution by a table, {counted(filters, 'filter')} with {window} kernels, each over some of "
        f"{counted(shape[0], 'channel')}",
        f"按连接表卷积：{number(filters)} 个滤波器，卷积核 {window}，各只覆盖 {number(shape[0])} 个通道中的一部分",
    ).then(_steps(layer))


def _steps(layer: Any) -> Text:
    """Return stride, padding and dilation where they are not the plain ones."""
    text = NOTHING
    if layer.stride != (1, 1):
        text = text.then(Text(f", stride {pair(layer.stride)}", f"，步幅 {pair(layer.stride)}"))
    if isinstance(layer.padding, str):
        text = text.then(Text(f', padding "{layer.padding}"', f'，填充 "{layer.padding}"'))
    elif layer.padding != (0, 0):
        text = text.then(Text(f", padding {pair(layer.padding)}", f"，填充 {pair(layer.padding)}"))
    dilation = getattr(layer, "dilation", (1, 1))
    if dilation != (1, 1):
        text = text.then(Text(f", dilation {pair(dilation)}", f"，膨胀 {pair(dilation)}"))
    if getattr(layer, "ceil_mode", False):
        text = text.then(Text(", rounding up", "，向上取整"))
    return text


def _pooling(en: str, zh: str) -> Callable[[Any, Shape], Text]:
    def describe(layer: Any, shape: Shape) -> Text:
        window = size(layer.window)
        return Text(f"{en} of each {window} window", f"{zh}：每个 {window} 窗口").then(_steps(layer))

    return describe


POOLED = {"sum": "和", "average": "平均值", "max": "最大值", "min": "最小值"}


def _trainable_pooling(layer: Any, shape: Shape) -> Text:
    window = size(layer.window)
    text = Text(
        f"trainable pooling, the {layer.pooling} of each {window} window times a coefficient plus a bias",
        f"可训练的池化：每个 {window} 窗口的{POOLED[layer.pooling]}乘以系数再加偏置",
    )
    return text.then(_steps(layer))


def _global(en: str, zh: str) -> Callable[[Any, Shape], Text]:
    def describe(layer: Any, shape: Shape) -> Text:
        window = size(shape[1:])
        maps = counted(shape[0], "map")
        return Text(
            f"{en} of each of {maps} of {window}", f"{zh}：{number(shape[0])} 张 {window} 的特征图各得一个数"
        )

    return describe


def _plain(en: str, zh: str) -> Callable[[Any, Shape], Text]:
    return lambda layer, shape: Text(en, zh)


def _dense(layer: Any, shape: Shape) -> Text:
    inputs, units = number(shape[0]), number(layer.units)
    return Text(
        f"fully connected, {counted(shape[0], 'input')} to {counted(layer.units, 'unit')}",
        f"全连接：{inputs} 个输入到 {units} 个单元",
    )


def _rbf(layer: Any, shape: Shape) -> Text:
    inputs, units = number(shape[0]), number(layer.units)
    return Text(
        f"radial basis functions, distances of {counted(shape[0], 'feature')} from {counted(layer.units, 'code')}",
        f"径向基函数：{inputs} 个特征到 {units} 个编码的距离",
    )


def _local_response(layer: Any, shape: Shape) -> Text:
    return Text(
        f"local response normalization over {counted(layer.size, 'neighbouring channel')}",
        f"局部响应归一化：相邻 {layer.size} 个通道",
    )


def _group_normalization(layer: Any, shape: Shape) -> Text:
    return Text(f"group normalization in {counted(layer.groups, 'group')}", f"组归一化：分为 {layer.groups} 组")


def _dropout(en: str, zh: str) -> Callable[[Any, Shape], Text]:
    return lambda layer, shape: Text(
        f"{en}, a share of {layer.rate:g} is dropped", f"{zh}：丢弃比例 {layer.rate:g}"
    )


def _zeros(layer: Any, shape: Shape) -> Text:
    (top, bottom), (left, right) = layer.sides
    return Text(
        f"zeros around the maps: {top} above, {bottom} below, {left} left, {right} right",
        f"特征图四周补零：上 {top}，下 {bottom}，左 {left}，右 {right}",
    )


def _channel_padding(layer: Any, shape: Shape) -> Text:
    return Text(
        f"maps of zeros up to {counted(layer.channels, 'channel')}", f"补全零特征图至 {layer.channels} 个通道"
    )


RESIZED = {"bilinear": "双线性插值", "nearest": "最近邻插值"}


def _resize(layer: Any, shape: Shape) -> Text:
    return Text(
        f"resizing to {size(layer.size)}, {layer.mode}", f"缩放到 {size(layer.size)}：{RESIZED[layer.mode]}"
    )


def _residual(layer: Any, shape: Shape) -> Text:
    if layer.shortcut is None:
        return Text("residual block, the shortcut is the identity", "残差块：捷径为恒等映射")
    return Text("residual block with a shortcut of its own layers", "残差块：捷径上带有其他层")


def _parallel(layer: Any, shape: Shape) -> Text:
    count = len(layer.branches)
    branches = "1 branch" if count == 1 else f"{count} branches side by side"
    if layer.merge == "concat":
        return Text(f"{branches}, joined along the channels", f"{count} 条并行分支，沿通道拼接")
    return Text(f"{branches}, added", f"{count} 条并行分支，相加")


def _sequential(layer: Any, shape: Shape) -> Text:
    count = len(layer.layers)
    if not count:
        return Text("the input as it is", "输入原样通过")
    if count == 1:
        return Text("1 layer", "1 层")
    return Text(f"{count} layers one after the other", f"{count} 层依次相接")


def _side(layer: Any, shape: Shape) -> Text:
    return Text(
        f"side output, its head is trained with weight {layer.weight:g} and left out afterwards",
        f"辅助输出：其分类头训练时权重为 {layer.weight:g}，之后略去",
    )


Describe = Callable[[Any, Shape], Text]

KINDS: dict[type[Layer], Describe] = {
    layers.ActivityRegularization: _plain("a penalty on the activations", "对激活值的惩罚"),
    layers.AveragePooling2D: _pooling("mean", "平均池化"),
    layers.BatchNormalization: _plain("batch normalization of each channel", "批量归一化：逐通道"),
    layers.ChannelPadding: _channel_padding,
    layers.Conv2D: _convolution,
    layers.Dense: _dense,
    layers.Dropout: _dropout("dropout", "随机失活（dropout）"),
    layers.ELU: _plain("exponential linear unit", "指数线性单元（ELU）"),
    layers.Flatten: _plain("all maps in one row", "展平：所有特征图排成一行"),
    layers.GELU: _plain("Gaussian error linear unit", "高斯误差线性单元（GELU）"),
    layers.GlobalAveragePooling2D: _global("mean", "全局平均池化"),
    layers.GlobalMaxPooling2D: _global("maximum", "全局最大池化"),
    layers.GroupNormalization: _group_normalization,
    layers.LeakyReLU: _plain("leaky rectified linear unit", "带泄漏的修正线性单元（Leaky ReLU）"),
    layers.LocalResponseNormalization: _local_response,
    layers.MaxPooling2D: _pooling("maximum", "最大池化"),
    layers.MinPooling2D: _pooling("minimum", "最小池化"),
    layers.Normalize: _plain("normalization by fixed numbers", "按固定的均值与标准差归一化"),
    layers.OriginalDropout: _dropout("dropout in its original form", "原始形式的随机失活（dropout）"),
    layers.Parallel: _parallel,
    layers.PartialConv2D: _partial,
    layers.RBF: _rbf,
    layers.ReLU: _plain("rectified linear unit", "修正线性单元（ReLU）"),
    layers.Residual: _residual,
    layers.Resize: _resize,
    layers.ScaledTanh: _plain("scaled hyperbolic tangent", "带缩放的双曲正切"),
    layers.Sequential: _sequential,
    layers.SideOutput: _side,
    layers.Sigmoid: _plain("logistic function", "sigmoid 函数"),
    layers.Softmax: _plain("probabilities", "softmax：化为概率"),
    layers.SumPooling2D: _pooling("sum", "求和池化"),
    layers.Tanh: _plain("hyperbolic tangent", "双曲正切"),
    layers.TrainablePooling2D: _trainable_pooling,
    layers.ZeroPadding2D: _zeros,
}
"""For each kind what to say of a layer, given the shape that comes in."""
