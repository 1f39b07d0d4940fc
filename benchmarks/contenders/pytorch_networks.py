"""The networks in PyTorch's own modules; `in_place` lets ReLU overwrite what it is given."""

from __future__ import annotations

from collections.abc import Callable

import torch.nn.functional as F
from torch import Tensor, nn


def deepconvnet(in_place: bool, dropout: float = 0.5) -> nn.Module:
    layers, channels = [], 1
    for place, (filters, padding) in enumerate(((16, 1), (16, 1), (32, 1), (32, 2), (64, 1), (64, 1))):
        layers += [nn.Conv2d(channels, filters, 3, padding=padding), nn.ReLU(in_place)]
        layers += [nn.MaxPool2d(2)] if place % 2 else []
        channels = filters
    head = [nn.Linear(64 * 4 * 4, 50), nn.ReLU(in_place), nn.Dropout(dropout), nn.Linear(50, 10)]
    return nn.Sequential(*layers, nn.Flatten(), *head)


def lenet(in_place: bool) -> nn.Module:
    convolutions = [
        *(nn.Conv2d(1, 6, 5, padding=2), nn.Sigmoid(), nn.AvgPool2d(2)),
        *(nn.Conv2d(6, 16, 5), nn.Sigmoid(), nn.AvgPool2d(2)),
    ]
    head = [nn.Linear(400, 120), nn.Sigmoid(), nn.Linear(120, 84), nn.Sigmoid(), nn.Linear(84, 10)]
    return nn.Sequential(*convolutions, nn.Flatten(), *head)


def keras_mnist(in_place: bool) -> nn.Module:
    convolutions = [
        *(nn.Conv2d(1, 32, 3), nn.ReLU(in_place), nn.MaxPool2d(2)),
        *(nn.Conv2d(32, 64, 3), nn.ReLU(in_place), nn.MaxPool2d(2)),
    ]
    return nn.Sequential(*convolutions, nn.Flatten(), nn.Dropout(0.5), nn.Linear(1600, 10))


class Block(nn.Module):
    """Two convolutions beside a shortcut without parameters."""

    def __init__(self, before: int, filters: int, in_place: bool) -> None:
        super().__init__()
        self.stride, self.more = filters // before, filters - before
        self.body = nn.Sequential(
            nn.Conv2d(before, filters, 3, self.stride, padding=1, bias=False),
            nn.BatchNorm2d(filters),
            nn.ReLU(in_place),
            nn.Conv2d(filters, filters, 3, padding=1, bias=False),
            nn.BatchNorm2d(filters),
        )
        self.relu = nn.ReLU(in_place)

    def forward(self, x: Tensor) -> Tensor:
        shortcut = F.pad(x[:, :, :: self.stride, :: self.stride], (0, 0, 0, 0, 0, self.more)) if self.more else x
        return self.relu(self.body(x) + shortcut)


def resnet20(in_place: bool) -> nn.Module:
    layers = [nn.Conv2d(3, 16, 3, padding=1, bias=False), nn.BatchNorm2d(16), nn.ReLU(in_place)]
    before = 16
    for filters in (16, 16, 16, 32, 32, 32, 64, 64, 64):
        layers.append(Block(before, filters, in_place))
        before = filters
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(64, 10))


NETWORKS: dict[str, Callable[..., nn.Module]] = {
    "deepconvnet": deepconvnet,
    "lenet": lenet,
    "keras_mnist": keras_mnist,
    "resnet20": resnet20,
}


def parameters(network: nn.Module) -> int:
    """Return how many numbers are trained."""
    return sum(weight.numel() for weight in network.parameters())
