"""torchvision's and timm's networks, written plainly in torch.nn with their names of modules, in any width."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod

import torch
from torch import Tensor, nn

VGG11 = ((64,), (128,), (256, 256), (512, 512), (512, 512))
VGG16 = ((64, 64), (128, 128), (256,) * 3, (512,) * 3, (512,) * 3)


INCEPTIONS = {
    "3a": (64, 96, 128, 16, 32, 32),
    "3b": (128, 128, 192, 32, 96, 64),
    "4a": (192, 96, 208, 16, 48, 64),
    "4b": (160, 112, 224, 24, 64, 64),
    "4c": (128, 128, 256, 24, 64, 64),
    "4d": (112, 144, 288, 32, 64, 64),
    "4e": (256, 160, 320, 32, 128, 128),
    "5a": (256, 160, 320, 32, 128, 128),
    "5b": (384, 192, 384, 48, 128, 128),
}


class TwoParts(nn.Module):
    """AlexNet and VGG: maps, then features."""

    def __init__(self, features: nn.Module, classifier: nn.Module) -> None:
        super().__init__()
        self.features, self.classifier = features, classifier

    def forward(self, x: Tensor) -> Tensor:
        return self.classifier(self.features(x).flatten(1))


def alexnet(width: float = 1, classes: int = 1000) -> nn.Module:
    a, b, c, d, hidden = (round(n * width) for n in (64, 192, 384, 256, 4096))
    features = nn.Sequential(
        nn.Conv2d(3, a, 11, 4, 2), nn.ReLU(), nn.MaxPool2d(3, 2),
        nn.Conv2d(a, b, 5, padding=2), nn.ReLU(), nn.MaxPool2d(3, 2),
        nn.Conv2d(b, c, 3, padding=1), nn.ReLU(),
        nn.Conv2d(c, d, 3, padding=1), nn.ReLU(),
        nn.Conv2d(d, d, 3, padding=1), nn.ReLU(), nn.MaxPool2d(3, 2),
    )  # fmt: skip
    classifier = nn.Sequential(
        nn.Dropout(), nn.Linear(d * 36, hidden), nn.ReLU(),
        nn.Dropout(), nn.Linear(hidden, hidden), nn.ReLU(),
        nn.Linear(hidden, classes),
    )  # fmt: skip
    return TwoParts(features, classifier)


def _vgg_features(stages: Sequence[Sequence[int]], width: float, norm: bool) -> nn.Sequential:
    layers: list[nn.Module] = []
    channels = 3
    for stage in stages:
        for filters in (round(n * width) for n in stage):
            layers += [nn.Conv2d(channels, filters, 3, padding=1)]
            layers += [nn.BatchNorm2d(filters), nn.ReLU()] if norm else [nn.ReLU()]
            channels = filters
        layers.append(nn.MaxPool2d(2))
    return nn.Sequential(*layers)


def vgg(
    stages: Sequence[Sequence[int]], width: float = 1, classes: int = 1000, *, norm: bool = False
) -> nn.Module:
    last, hidden = round(stages[-1][-1] * width), round(4096 * width)
    classifier = nn.Sequential(
        nn.Linear(last * 49, hidden), nn.ReLU(), nn.Dropout(),
        nn.Linear(hidden, hidden), nn.ReLU(), nn.Dropout(),
        nn.Linear(hidden, classes),
    )  # fmt: skip
    return TwoParts(_vgg_features(stages, width, norm), classifier)


class TimmVGG(nn.Module):
    """VGG whose dense layers are convolutions, but for the last."""

    def __init__(self, stages: Sequence[Sequence[int]], width: float = 1, classes: int = 1000) -> None:
        super().__init__()
        last, hidden = round(stages[-1][-1] * width), round(4096 * width)
        self.features = _vgg_features(stages, width, norm=False)
        self.pre_logits = nn.Module()
        self.pre_logits.fc1 = nn.Conv2d(last, hidden, 7)
        self.pre_logits.fc2 = nn.Conv2d(hidden, hidden, 1)
        self.head = nn.Module()
        self.head.fc = nn.Linear(hidden, classes)

    def forward(self, x: Tensor) -> Tensor:
        x = self.pre_logits.fc1(self.features(x)).relu()
        x = self.pre_logits.fc2(x).relu()
        return self.head.fc(x.mean((2, 3)))


class Block(nn.Module):
    """A residual block, given (kernel, filters, stride) of each convolution."""

    def __init__(self, channels: int, convolutions: Sequence[tuple[int, int, int]]) -> None:
        super().__init__()
        self.count = len(convolutions)
        inside, filters = channels, 0
        for n, (size, filters, stride) in enumerate(convolutions, 1):
            self.add_module(f"conv{n}", nn.Conv2d(inside, filters, size, stride, size // 2, bias=False))
            self.add_module(f"bn{n}", nn.BatchNorm2d(filters))
            inside = filters
        stride = prod(stride for _, _, stride in convolutions)
        if stride != 1 or channels != filters:
            projection = nn.Conv2d(channels, filters, 1, stride, bias=False)
            self.downsample = nn.Sequential(projection, nn.BatchNorm2d(filters))

    def forward(self, x: Tensor) -> Tensor:
        y = x
        for n in range(1, self.count + 1):
            y = getattr(self, f"bn{n}")(getattr(self, f"conv{n}")(y))
            y = y.relu() if n < self.count else y
        return (y + (self.downsample(x) if hasattr(self, "downsample") else x)).relu()


class ResNet(nn.Module):
    """ResNet for ImageNet; bottlenecks take the stride in the 3×3 convolution."""

    def __init__(
        self, depths: Sequence[int], width: float = 1, classes: int = 1000, *, bottleneck: bool = False
    ) -> None:
        super().__init__()
        channels = round(64 * width)
        self.conv1 = nn.Conv2d(3, channels, 7, 2, 3, bias=False)
        self.bn1 = nn.BatchNorm2d(channels)
        self.stages = len(depths)
        for stage, depth in enumerate(depths, 1):
            filters = round(64 * 2 ** (stage - 1) * width)
            blocks = []
            for number in range(depth):
                stride = 2 if stage > 1 and number == 0 else 1
                if bottleneck:
                    blocks.append(Block(channels, [(1, filters, 1), (3, filters, stride), (1, 4 * filters, 1)]))
                    channels = 4 * filters
                else:
                    blocks.append(Block(channels, [(3, filters, stride), (3, filters, 1)]))
                    channels = filters
            self.add_module(f"layer{stage}", nn.Sequential(*blocks))
        self.fc = nn.Linear(channels, classes)

    def forward(self, x: Tensor) -> Tensor:
        x = nn.functional.max_pool2d(self.bn1(self.conv1(x)).relu(), 3, 2, 1)
        for stage in range(1, self.stages + 1):
            x = getattr(self, f"layer{stage}")(x)
        return self.fc(x.mean((2, 3)))


class ConvNorm(nn.Module):
    def __init__(self, channels: int, filters: int, size: int = 1, stride: int = 1) -> None:
        super().__init__()
        self.conv = nn.Conv2d(channels, filters, size, stride, size // 2, bias=False)
        self.bn = nn.BatchNorm2d(filters, eps=0.001)

    def forward(self, x: Tensor) -> Tensor:
        return self.bn(self.conv(x)).relu()


class Inception(nn.Module):
    def __init__(self, channels: int, filters: Sequence[int]) -> None:
        super().__init__()
        one, reduced, three, narrow, five, pool = filters
        self.branch1 = ConvNorm(channels, one)
        self.branch2 = nn.Sequential(ConvNorm(channels, reduced), ConvNorm(reduced, three, 3))
        self.branch3 = nn.Sequential(ConvNorm(channels, narrow), ConvNorm(narrow, five, 3))
        self.branch4 = nn.Sequential(nn.MaxPool2d(3, 1, 1, ceil_mode=True), ConvNorm(channels, pool))
        self.channels = one + three + five + pool

    def forward(self, x: Tensor) -> Tensor:
        return torch.cat([self.branch1(x), self.branch2(x), self.branch3(x), self.branch4(x)], 1)


class GoogLeNet(nn.Module):
    """Without its auxiliary heads."""

    def __init__(self, width: float = 1, classes: int = 1000) -> None:
        super().__init__()
        a, b = round(64 * width), round(192 * width)
        self.conv1, self.conv2, self.conv3 = ConvNorm(3, a, 7, 2), ConvNorm(a, a), ConvNorm(a, b, 3)
        channels = b
        for name, filters in INCEPTIONS.items():
            block = Inception(channels, [round(n * width) for n in filters])
            self.add_module(f"inception{name}", block)
            channels = block.channels
        self.fc = nn.Linear(channels, classes)

    def forward(self, x: Tensor) -> Tensor:
        halve = nn.MaxPool2d(3, 2, ceil_mode=True)
        x = halve(self.conv3(self.conv2(halve(self.conv1(x)))))
        for name in INCEPTIONS:
            if name == "4a":
                x = halve(x)
            if name == "5a":
                x = nn.functional.max_pool2d(x, 2, 2, ceil_mode=True)
            x = getattr(self, f"inception{name}")(x)
        return self.fc(x.mean((2, 3)))


class DenseLayer(nn.Module):
    def __init__(self, channels: int, growth: int) -> None:
        super().__init__()
        self.norm1, self.conv1 = nn.BatchNorm2d(channels), nn.Conv2d(channels, 4 * growth, 1, bias=False)
        self.norm2, self.conv2 = nn.BatchNorm2d(4 * growth), nn.Conv2d(4 * growth, growth, 3, 1, 1, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        y = self.conv1(self.norm1(x).relu())
        return torch.cat([x, self.conv2(self.norm2(y).relu())], 1)


class DenseNet(nn.Module):
    def __init__(self, depths: Sequence[int] = (6, 12, 24, 16), width: float = 1, classes: int = 1000) -> None:
        super().__init__()
        channels, growth = round(64 * width), round(32 * width)
        features = nn.Sequential()
        features.add_module("conv0", nn.Conv2d(3, channels, 7, 2, 3, bias=False))
        features.add_module("norm0", nn.BatchNorm2d(channels))
        features.add_module("relu0", nn.ReLU())
        features.add_module("pool0", nn.MaxPool2d(3, 2, 1))
        for stage, depth in enumerate(depths, 1):
            block = nn.Sequential()
            for number in range(1, depth + 1):
                block.add_module(f"denselayer{number}", DenseLayer(channels, growth))
                channels += growth
            features.add_module(f"denseblock{stage}", block)
            if stage < len(depths):
                transition = nn.Sequential()
                transition.add_module("norm", nn.BatchNorm2d(channels))
                transition.add_module("relu", nn.ReLU())
                transition.add_module("conv", nn.Conv2d(channels, channels // 2, 1, bias=False))
                transition.add_module("pool", nn.AvgPool2d(2))
                features.add_module(f"transition{stage}", transition)
                channels //= 2
        features.add_module("norm5", nn.BatchNorm2d(channels))
        self.features = features
        self.classifier = nn.Linear(channels, classes)

    def forward(self, x: Tensor) -> Tensor:
        return self.classifier(self.features(x).relu().mean((2, 3)))
