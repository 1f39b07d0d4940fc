"""The equations of each kind of layer, in the notation of its docstring."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from deepen import layers
from deepen.inspect.explain.explanation import Line, Text, same
from deepen.inspect.explain.kinds import is_known
from deepen.inspect.explain.writing import pair, product, size
from deepen.layers.activation import activation
from deepen.layers.lenet5 import DigitCodes, Signs
from deepen.layers.windows import Windows
from deepen.paths import Shape
from deepen.spec import Layer

FORWARD, BACKWARD, HERE = Text("forward", "前向"), Text("backward", "反向"), Text("here", "此处")

Words = str | Text


@dataclass(frozen=True)
class Equations:
    """How a kind of layer computes its output, and its gradients from that of the output."""

    forward: tuple[Words, ...]
    backward: tuple[Words, ...]
    here: Callable[[Any, Shape], str] = lambda layer, shape: ""
    """What the letters stand for in a layer."""


def equations(layer: Layer, input_shape: Shape) -> list[Line]:
    """Return the equations of a layer and of its activation; nothing for a layer that is not the library's own.

    With an activation, the layer gives z, and the activation y = f(z); without one z is y.
    """
    if not is_known(layer):
        return []
    found = _of_kind(layer)
    forward, backward = list(map(_text, found.forward)), list(map(_text, found.backward))
    here = [found.here(layer, input_shape)]
    if not getattr(layer, "use_bias", True):
        forward = [_replaced(text, r"b\[f\] \+ | \+ b$", "") for text in forward]
        backward = [text for text in backward if not text.en.startswith("db")]
    if hasattr(layer, "activation"):
        # What is written as f(z) comes after z, and its gradient before all others.
        forward = [_replaced(text, r"f\((.*)\)$", r"\1") for text in forward]
        backward = [text for text in backward if not text.en.startswith("dz = ")]
        if layer.activation:
            f = activation(layer.activation)
            own = EQUATIONS[type(f)]
            forward = [_replaced(text, "^y", "z") for text in forward] + list(map(_of_z, own.forward))
            backward = [*map(_of_z, own.backward), *backward]
            here.append(own.here(f, ()))
        else:
            backward = [_replaced(text, "dz", "dy") for text in backward]
    letters = ", ".join(filter(None, here))
    return [
        *(Line(text, FORWARD) for text in forward),
        *(Line(text, BACKWARD) for text in backward),
        *([Line(same(letters), HERE)] if letters else []),
        *([Line(_codes(layer), Text("codes w", "编码 w"))] if isinstance(layer, layers.RBF) else []),
    ]


def _codes(layer: layers.RBF) -> Text:
    """Return what the codes are at first, and whether they stay so."""
    match layer.codes_initializer:
        case DigitCodes():
            text = Text("the 7×12 bitmaps of the digits", "数字的 7×12 点阵图")
        case Signs():
            text = Text("random ±1", "随机的 ±1")
        case other:
            text = same(type(other).__name__)
    if layer.trainable:
        return text.then(Text(" at first; they learn", "（初始值），可学习"))
    return text.then(Text("; they stay fixed, without a gradient", "；固定不变，没有梯度"))


def _of_kind(layer: Layer) -> Equations:
    match layer:
        case layers.Residual(shortcut=None):
            return Equations(("y = body(x) + x",), ("dx = body'(dy) + dy",))
        case layers.RBF(trainable=False):
            return Equations(EQUATIONS[layers.RBF].forward, EQUATIONS[layers.RBF].backward[:1])
        case layers.Parallel(merge="add"):
            return Equations(("y = b₁(x) + b₂(x) + …",), EQUATIONS[layers.Parallel].backward)
    return EQUATIONS[type(layer)]


def _of_z(words: Words) -> Text:
    """Return an equation of an activation with z in place of x: `dx = dy · y` becomes `dz = dy · y`."""
    text = _text(words)
    return Text(*(re.sub(r"(?<![A-Za-z])(d?)x(?![A-Za-z])", r"\1z", each).replace("ˣ", "ᶻ") for each in text))


def _replaced(text: Text, pattern: str, by: str) -> Text:
    return Text(*(re.sub(pattern, by, each) for each in text))


def _text(words: Words) -> Text:
    return words if isinstance(words, Text) else same(words)


def _where(en: str, otherwise: str, zh: str) -> Text:
    """Return an equation that holds on one side, and what holds elsewhere."""
    equation = en.split(" where ")[0]
    return Text(f"{en}, else {otherwise}", f"{zh}处 {equation}，否则为 {otherwise}")


def _window(layer: Any, shape: Shape) -> str:
    windows = Windows.over(layer, *shape[1:])
    return f"KH×KW = {size(windows.size)}, s = {pair(windows.stride)}, p = {pair(windows.before)}"


def _convolution(layer: Any, shape: Shape) -> str:
    groups = f", G = {layer.groups}" if layer.groups > 1 else ""
    d = pair(layer.dilation)
    return f"C = {shape[0]}, filters = {layer.filters}, {_window(layer, shape)}, d = {d}{groups}"


def _partial(layer: Any, shape: Shape) -> str:
    # Without spaces inside of the brackets, so that lines break between filters.
    seen = ", ".join(f"({','.join(map(str, maps))})" for maps in layer.connections)
    return f"{_window(layer, shape)}, connections = {seen}"


def _resized(layer: Any, shape: Shape) -> str:
    return f"A: {layer.size[0]}×{shape[1]}, B: {layer.size[1]}×{shape[2]}"


def _fields(**letters: str) -> Callable[[Any, Shape], str]:
    """Return what writes fields of a layer under their letters."""

    def here(layer: Any, shape: Shape) -> str:
        values = ((letter, getattr(layer, field)) for field, letter in letters.items())
        return ", ".join(f"{letter} = {_value(value)}" for letter, value in values)

    return here


def _value(value: Any) -> str:
    if isinstance(value, tuple):
        written = ", ".join(map(_value, value))
        return written if len(value) == 1 else f"({written})"
    return f"{value:g}"


_NORMALIZED = ("y = γ · x̂ + β", "x̂ = (x − μ) / √(σ² + ε)")

EQUATIONS: dict[type[Layer], Equations] = {
    layers.ActivityRegularization: Equations(
        ("y = x", Text("add R(x) / N to the loss while training", "训练时在损失上加 R(x) / N")),
        ("dx = dy + (dR/dx) / N",),
    ),
    layers.AveragePooling2D: Equations(
        ("y[n,c,i,j] = Σ(u,v) x[n, c, i·s+u−p, j·s+v−p] / m[i,j]",),
        (Text("each of them receives dy[n,c,i,j] / m[i,j]", "窗口内 m[i,j] 个像素各得 dy[n,c,i,j] / m[i,j]"),),
        _window,
    ),
    layers.BatchNormalization: Equations(
        _NORMALIZED,
        ("dγ = Σ dy·x̂", "dβ = Σ dy", "dx = γ / √(σ² + ε) · (dy − dβ/m − x̂ · dγ/m)"),
        lambda layer, shape: (
            f"m = {'·'.join(filter(None, ('N', product(shape[1:]))))}, "
            + _fields(epsilon="ε", momentum="momentum")(layer, shape)
        ),
    ),
    layers.ChannelPadding: Equations(
        ("(N, C, H, W) → (N, channels, H, W)",), (Text("dx is dy without them", "dx 即去掉所补各图的 dy"),)
    ),
    layers.Conv2D: Equations(
        ("y[n,f,i,j] = b[f] + Σ(c,u,v) x[n, c, i·s+u·d−p, j·s+v·d−p] · k[f,c,u,v]",),
        (
            "db[f] = Σ(n,i,j) dz[n,f,i,j]",
            "dk[f,c,u,v] = Σ(n,i,j) dz[n,f,i,j] · x[n, c, i·s+u·d−p, j·s+v·d−p]",
            Text(
                "dx gets dz[n,f,i,j] · k[f,c,u,v] at each place that was read",
                "dx：每个被卷积核读到的位置各累加 dz[n,f,i,j] · k[f,c,u,v]",
            ),
        ),
        _convolution,
    ),
    layers.Dense: Equations(
        ("y = x · Wᵀ + b",),
        ("dx = dz · W", "dW = dzᵀ · x", "db = Σₙ dz"),
        lambda layer, shape: f"W: {layer.units}×{shape[0]}",
    ),
    layers.Dropout: Equations(
        ("y = x · m / (1 − rate)", Text("Evaluation: y = x", "评估时：y = x")),
        ("dx = dy · m / (1 − rate)",),
        _fields(rate="rate"),
    ),
    layers.ELU: Equations(
        (_where("y = x where x > 0", "α (eˣ − 1)", "x > 0 "),),
        (_where("dx = dy where y > 0", "dy · (y + α)", "y > 0 "),),
        _fields(alpha="α"),
    ),
    layers.Flatten: Equations(
        ("(N, C, H, W) → (N, C·H·W)",), (Text("the gradient in the shape of x", "把梯度还原成 x 的形状"),)
    ),
    layers.GELU: Equations(
        ("y = x · Φ(x)", "Φ(x) = (1 + erf(x/√2)) / 2"),
        ("dx = dy · (Φ(x) + x · φ(x))", "φ(x) = e^(−x²/2) / √(2π)"),
    ),
    layers.GlobalAveragePooling2D: Equations(
        ("y[n,c] = Σ(i,j) x[n,c,i,j] / (H·W)",),
        (Text("every pixel receives dy[n,c] / (H·W)", "每个像素得 dy[n,c] / (H·W)"),),
        lambda layer, shape: f"H·W = {product(shape[1:])}",
    ),
    layers.GlobalMaxPooling2D: Equations(
        ("y[n,c] = max(i,j) x[n,c,i,j]",),
        (Text("the gradient goes to the first maximum alone", "梯度只传给第一个最大值"),),
    ),
    layers.GroupNormalization: Equations(
        _NORMALIZED,
        (
            "dγ = Σ dy·x̂",
            "dβ = Σ dy",
            "dx̂ = γ · dy",
            "dx = (dx̂ − mean(dx̂) − x̂ · mean(dx̂·x̂)) / √(σ² + ε)",
        ),
        _fields(groups="groups", epsilon="ε"),
    ),
    layers.LeakyReLU: Equations(
        (_where("y = x where x > 0", "a·x", "x > 0 "),),
        (_where("dx = dy where y > 0", "a·dy", "y > 0 "),),
        _fields(slope="a"),
    ),
    layers.LocalResponseNormalization: Equations(
        ("y[c] = x[c] / s[c]^β", "s[c] = k + α Σⱼ x[j]²"),
        ("dx[j] = dy[j] / s[j]^β − 2αβ · x[j] Σ_c dy[c] · x[c] / s[c]^(β+1)",),
        _fields(size="size", k="k", alpha="α", beta="β"),
    ),
    layers.MaxPooling2D: Equations(
        ("y[n,c,i,j] = max(u,v) x[n, c, i·s+u−p, j·s+v−p]",),
        (Text("The gradient goes to the maximum alone", "梯度只传给最大值所在的像素"),),
        _window,
    ),
    layers.MinPooling2D: Equations(
        ("min x = −max(−x)",),
        (Text("the gradient goes to the first minimum alone", "梯度只传给第一个最小值"),),
        _window,
    ),
    layers.Normalize: Equations(("y = (x − mean) / std",), ("dx = dy / std",), _fields(mean="mean", std="std")),
    layers.OriginalDropout: Equations(
        ("y = x · m", Text("Evaluation: y = x · (1 − rate)", "评估时：y = x · (1 − rate)")),
        ("dx = dy · m",),
        _fields(rate="rate"),
    ),
    layers.Parallel: Equations(("y = [b₁(x), b₂(x), …]",), ("dx = Σ bᵢ'(dyᵢ)",)),
    layers.PartialConv2D: Equations(
        ("y[n,f,i,j] = b[f] + Σ(c ∈ connections[f], u, v) x[n, c, i·s+u−p, j·s+v−p] · k[pair(f,c),u,v]",),
        (
            "db[f] = Σ(n,i,j) dz[n,f,i,j]",
            "dk[pair(f,c),u,v] = Σ(n,i,j) dz[n,f,i,j] · x[n, c, i·s+u−p, j·s+v−p]",
            Text(
                "dx gets dz[n,f,i,j] · k[pair(f,c),u,v] at each place that was read",
                "dx：每个被卷积核读到的位置各累加 dz[n,f,i,j] · k[pair(f,c),u,v]",
            ),
        ),
        _partial,
    ),
    layers.RBF: Equations(
        ("y[k] = −Σᵢ (x[i] − w[k,i])²",),
        ("dx[i] = −2 Σₖ dy[k] (x[i] − w[k,i])", "dw[k,i] = 2 Σₙ dy[n,k] (x[n,i] − w[k,i])"),
    ),
    layers.ReLU: Equations(("y = max(x, 0)",), (_where("dx = dy where y > 0", "0", "y > 0 "),)),
    layers.Residual: Equations(("y = body(x) + shortcut(x)",), ("dx = body'(dy) + shortcut'(dy)",)),
    layers.Resize: Equations(("y = A · x · Bᵀ",), ("dx = Aᵀ · dy · B",), _resized),
    layers.ScaledTanh: Equations(("y = A · tanh(S·x), A = 1.7159, S = 2/3",), ("dx = dy · S · (A − y²/A)",)),
    layers.Sequential: Equations(("y = fₙ(… f₂(f₁(x)))",), ("dx = f₁'(… fₙ'(dy))",)),
    layers.SideOutput: Equations(
        (
            "y = x",
            Text("the loss becomes L(network) + weight · L(head(x))", "损失变为 L(network) + weight · L(head(x))"),
        ),
        ("dx = dy + weight · head'(dL)",),
        _fields(weight="weight"),
    ),
    layers.Sigmoid: Equations(("y = 1 / (1 + e⁻ˣ)",), ("dx = dy · y · (1 − y)",)),
    layers.Softmax: Equations(("yₖ = eˣₖ / Σⱼ eˣⱼ",), ("dx = y ⊙ (dy − Σⱼ dyⱼ yⱼ)",)),
    layers.SumPooling2D: Equations(
        ("y[n,c,i,j] = Σ(u,v) x[n, c, i·s+u−p, j·s+v−p]",),
        (Text("each pixel receives dy[n,c,i,j]", "每个像素得 dy[n,c,i,j]"),),
        _window,
    ),
    layers.Tanh: Equations(("y = tanh(x)",), ("dx = dy · (1 − y²)",)),
    layers.TrainablePooling2D: Equations(
        ("y = f(a[c] · pool(x) + b[c])",),
        (
            "dz = f'(dy)",
            "da[c] = Σ dz · pool(x)",
            "db[c] = Σ dz",
            Text("the pooling receives a[c] · dz", "池化得到 a[c] · dz"),
        ),
        _window,
    ),
    layers.ZeroPadding2D: Equations(
        ("(N, C, H, W) → (N, C, top + H + bottom, left + W + right)",),
        (Text("dx is dy without them", "dx 即去掉所补零的 dy"),),
    ),
}
