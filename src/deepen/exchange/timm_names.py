"""The names that timm gives where they are not torchvision's: those of VGG."""

from __future__ import annotations

from deepen.exchange.torch_rules import Module
from deepen.exchange.torchvision_names import numbered
from deepen.layers import Conv2D, Dense, Flatten
from deepen.paths import Shape
from deepen.spec import Layer, walk


def vgg(network: Layer, input_shape: Shape) -> dict[str, Module] | None:
    """Name VGG's modules: the first two dense layers are convolutions there, the first one of 7×7.

    What is numbered alike but has other kernels than 3×3 is AlexNet, which timm does not have.
    """
    modules = numbered(network, input_shape)
    nodes = list(walk(network, input_shape))
    if modules is None or any(isinstance(node.layer, Conv2D) and node.layer.window != (3, 3) for node in nodes):
        return None
    (flatten,) = (node for node in nodes if isinstance(node.layer, Flatten))
    first, second, last = (node for node in nodes if isinstance(node.layer, Dense))
    return modules | {
        first.path: Module("pre_logits.fc1", maps=flatten.input_shape),
        second.path: Module("pre_logits.fc2", maps=(*second.input_shape, 1, 1)),
        last.path: Module("head.fc"),
    }
