"""The names that torchvision gives to the modules of AlexNet, VGG, GoogLeNet, ResNet and DenseNet."""

from __future__ import annotations

import re
from collections import Counter

from deepen.exchange.torch_rules import Module, Naming, by_rules
from deepen.layers import (
    BatchNormalization,
    Conv2D,
    Dense,
    Dropout,
    Flatten,
    MaxPooling2D,
    Normalize,
    ReLU,
    Sequential,
)
from deepen.paths import Shape
from deepen.spec import Layer, walk

resnet = by_rules(
    {
        "conv1": "conv1",
        "norm1": "bn1",
        "stage{s}.block{b}.conv{c}": "layer{s}.{b-1}.conv{c}",
        "stage{s}.block{b}.norm{c}": "layer{s}.{b-1}.bn{c}",
        "stage{s}.block{b}.shortcut.conv1": "layer{s}.{b-1}.downsample.0",
        "stage{s}.block{b}.shortcut.norm1": "layer{s}.{b-1}.downsample.1",
        "dense1": "fc",
    }
)

googlenet = by_rules(
    {
        "conv{c}": "conv{c}.conv",
        "norm{c}": "conv{c}.bn",
        "inception{n}{letter}.branch1.conv1": "inception{n}{letter}.branch1.conv",
        "inception{n}{letter}.branch1.norm1": "inception{n}{letter}.branch1.bn",
        "inception{n}{letter}.branch4.conv1": "inception{n}{letter}.branch4.1.conv",
        "inception{n}{letter}.branch4.norm1": "inception{n}{letter}.branch4.1.bn",
        "inception{n}{letter}.branch{b}.conv{c}": "inception{n}{letter}.branch{b}.{c-1}.conv",
        "inception{n}{letter}.branch{b}.norm{c}": "inception{n}{letter}.branch{b}.{c-1}.bn",
        "dense1": "fc",
    }
)

densenet = by_rules(
    {
        "conv1": "features.conv0",
        "norm1": "features.norm0",
        "stage{s}.layer{n}.branch2.norm{c}": "features.denseblock{s}.denselayer{n}.norm{c}",
        "stage{s}.layer{n}.branch2.conv{c}": "features.denseblock{s}.denselayer{n}.conv{c}",
        "transition{s}.norm1": "features.transition{s}.norm",
        "transition{s}.conv1": "features.transition{s}.conv",
        "norm2": "features.norm5",
        "dense1": "classifier",
    }
)

_IN_A_ROW = (BatchNormalization, Conv2D, Dense, Dropout, Flatten, MaxPooling2D, Normalize, ReLU)


def numbered(network: Layer, input_shape: Shape) -> dict[str, Module] | None:
    """Number the modules, as in AlexNet and VGG: `features.0` … before the flattening, `classifier.0` … behind it.

    It is for one row of layers with three dense ones and two dropouts. An activation counts as a module of its
    own, also where it is part of a layer here. A first `Normalize` does not count: there it belongs to the
    preparation of the images.
    """
    nodes = list(walk(network, input_shape))
    kinds = Counter(type(node.layer) for node in nodes)
    if not _is_a_row(network) or (kinds[Flatten], kinds[Dense], kinds[Dropout]) != (1, 3, 2):
        return None
    modules: dict[str, Module] = {}
    part, number = "features", 0
    for node in nodes:
        if isinstance(node.layer, Flatten):
            part, number = "classifier", 0
        elif not isinstance(node.layer, Normalize):
            modules[node.path] = Module(f"{part}.{number}")
            number += 2 if getattr(node.layer, "activation", None) else 1
    return modules


def _is_a_row(layer: Layer) -> bool:
    return all(map(_is_a_row, layer.layers)) if isinstance(layer, Sequential) else isinstance(layer, _IN_A_ROW)


_LARGE = ((7, 7), (2, 2), (3, 3))
_BEGINNINGS: dict[Naming, tuple[tuple[object, ...], ...]] = {
    numbered: (((11, 11), (4, 4), (2, 2)), ((3, 3), (1, 1), (1, 1))),
    googlenet: (_LARGE,),
    resnet: (_LARGE,),
    densenet: (_LARGE,),
}


def begins_alike(naming: Naming, network: Layer, input_shape: Shape) -> bool:
    """Return whether the first convolution has the window, stride and padding that it has in torchvision.

    Networks for small pictures, and other people's forms of AlexNet, differ in it, while their layers follow each
    other as torchvision's do.
    """
    first = next((node.layer for node in walk(network, input_shape) if isinstance(node.layer, Conv2D)), None)
    return first is not None and (first.window, first.stride, first.padding) in _BEGINNINGS[naming]


def halves_in_1x1(network: Layer, input_shape: Shape) -> bool:
    """Return whether a 1×1 convolution with a stride is the first of a block, as in the paper's bottlenecks."""
    first = (node.layer for node in walk(network, input_shape) if re.fullmatch(r".*block\d+\.conv1", node.path))
    return any(
        isinstance(conv, Conv2D) and conv.window == (1, 1) and conv.stride not in (1, (1, 1)) for conv in first
    )
