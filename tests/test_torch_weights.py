"""PyTorch's weights, judged by twins of the networks in plain torch.nn."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
import safetensors.numpy
import safetensors.torch
import torch
from torch import nn

import torch_twins as twins
from deepen import models
from deepen.arrays import Array
from deepen.engines import Setup
from deepen.engines.base import fresh_state
from deepen.exchange import torch_file
from deepen.exchange.torch_names import counters, named
from deepen.model_content import weights_of
from deepen.paths import Shape
from deepen.spec import Layer
from harness import difference
from stepping import Make, each_engine
from test_models import each_model, reduced
from torch_files import random_arrays, saved


def lenet(width: float, classes: int) -> nn.Module:
    a, b, c, d = (round(n * width) for n in (6, 16, 120, 84))
    layers = OrderedDict(
        conv1=nn.Conv2d(1, a, 5, padding=2), sigmoid1=nn.Sigmoid(), pool1=nn.AvgPool2d(2),
        conv2=nn.Conv2d(a, b, 5), sigmoid2=nn.Sigmoid(), pool2=nn.AvgPool2d(2),
        flatten=nn.Flatten(),
        dense1=nn.Linear(b * 25, c), sigmoid3=nn.Sigmoid(),
        dense2=nn.Linear(c, d), sigmoid4=nn.Sigmoid(),
        dense3=nn.Linear(d, classes),
    )  # fmt: skip
    return nn.Sequential(layers)


@dataclass(frozen=True)
class Pair:
    """A model here, and a function of width and classes that makes it in PyTorch."""

    model: str
    twin: Callable[[float, int], nn.Module]
    names: str | None = "torchvision"
    width: float = 1 / 16
    size: int = 224

    def made(self, classes: int = 10) -> tuple[Layer, Shape, nn.Module]:
        network = models.build(self.model, classes, self.width)
        shape = (models.entry(self.model).input_shape[0], self.size, self.size)
        return network, shape, randomized(self.twin(self.width, classes))


PAIRS = {
    "own names": Pair("lenet", lenet, None, 0.5, 28),
    "alexnet": Pair("alexnet_torchvision", twins.alexnet),
    "vgg": Pair("vgg11", lambda w, k: twins.vgg(twins.VGG11, w, k)),
    "vgg with norm": Pair("vgg11_bn", lambda w, k: twins.vgg(twins.VGG11, w, k, norm=True)),
    "vgg of timm": Pair("vgg11", lambda w, k: twins.TimmVGG(twins.VGG11, w, k), "timm"),
    "googlenet": Pair("googlenet_torchvision", twins.GoogLeNet, width=1 / 8, size=72),
    "resnet": Pair("resnet18", lambda w, k: twins.ResNet((2, 2, 2, 2), w, k), size=64),
    "resnet of timm": Pair("resnet18", lambda w, k: twins.ResNet((2, 2, 2, 2), w, k), "timm", size=33),
    "bottlenecks": Pair(
        "resnet50_torchvision", lambda w, k: twins.ResNet((3, 4, 6, 3), w, k, bottleneck=True), size=64
    ),
    "densenet": Pair("densenet121", lambda w, k: twins.DenseNet((6, 12, 24, 16), w, k), size=64, width=1 / 8),
}
each_pair = pytest.mark.parametrize("pair", PAIRS.values(), ids=PAIRS.keys())


def randomized(twin: nn.Module) -> nn.Module:
    """Draw whatever PyTorch would begin with zeros and ones as well: scales, shifts, running statistics."""
    draw = torch.Generator().manual_seed(0)
    for name, tensor in twin.state_dict().items():
        if tensor.ndim > 1:
            deviation = (2 / tensor[0].numel()) ** 0.5
            tensor.copy_(deviation * torch.randn(tensor.shape, generator=draw))
        elif name.endswith("num_batches_tracked"):
            tensor.fill_(17)
        else:
            smallest = 0.5 if name.endswith(("var", "weight")) else -0.5
            tensor.copy_(smallest + torch.rand(tensor.shape, generator=draw))
    return twin.eval()


def images(shape: Shape) -> Array:
    return np.random.default_rng(0).random((2, *shape), np.float32)


def of_twin(twin: nn.Module, x: Array) -> Array:
    with torch.no_grad():
        return twin(torch.from_numpy(x)).numpy()


def of_engine(make: Make, network: Layer, shape: Shape, arrays: dict[str, Array], x: Array) -> Array:
    setup = Setup(network, shape)
    engine = make(setup)
    engine.load_state(fresh_state(setup, *weights_of(setup, arrays)))
    return engine.outputs(x)


@each_pair
@each_engine
def test_a_network_computes_what_its_twin_did(pair: Pair, make: Make, tmp_path: Path) -> None:
    network, shape, twin = pair.made()
    arrays = torch_file.read(saved(tmp_path, twin.state_dict()), network, shape)
    x = images(shape)
    assert difference(of_engine(make, network, shape, arrays, x), of_twin(twin, x)) < 1e-5


@each_pair
@each_engine
def test_a_twin_computes_what_the_network_did(pair: Pair, make: Make, tmp_path: Path) -> None:
    network, shape, twin = pair.made()
    arrays, path = random_arrays(network, shape), tmp_path / "new" / "weights.safetensors"
    torch_file.write(path, network, shape, arrays, pair.names)
    tensors = safetensors.torch.load_file(path)
    assert {name: t.dtype for name, t in tensors.items()} == {
        name: t.dtype for name, t in twin.state_dict().items()
    }
    twin.load_state_dict(tensors, strict=True)
    x = images(shape)
    assert difference(of_engine(make, network, shape, arrays, x), of_twin(twin, x)) < 1e-5


@each_pair
def test_there_and_back_is_the_same_file(pair: Pair, tmp_path: Path) -> None:
    network, shape, _ = pair.made()
    first, second = tmp_path / "first.safetensors", tmp_path / "second.safetensors"
    torch_file.write(first, network, shape, random_arrays(network, shape), pair.names)
    torch_file.write(second, network, shape, torch_file.read(first, network, shape), pair.names)
    assert first.read_bytes() == second.read_bytes()


@each_model
def test_every_model_goes_there_and_back_under_its_own_names(name: str, tmp_path: Path) -> None:
    network, shape = reduced(name)
    arrays, path = random_arrays(network, shape), tmp_path / "weights.safetensors"
    torch_file.write(path, network, shape, arrays, "deepen")
    back = torch_file.read(path, network, shape)
    assert back.keys() == arrays.keys()
    assert all((back[ours] == arrays[ours]).all() for ours in arrays)


FULL = {
    "alexnet": ("alexnet_torchvision", "torchvision", twins.alexnet),
    "vgg": ("vgg16", "torchvision", lambda: twins.vgg(twins.VGG16)),
    "vgg with norm": ("vgg16_bn", "torchvision", lambda: twins.vgg(twins.VGG16, norm=True)),
    "vgg of timm": ("vgg16", "timm", lambda: twins.TimmVGG(twins.VGG16)),
    "googlenet": ("googlenet_torchvision", "torchvision", twins.GoogLeNet),
    "resnet": ("resnet34", "timm", lambda: twins.ResNet((3, 4, 6, 3))),
    "bottlenecks": (
        "resnet50_torchvision",
        "torchvision",
        lambda: twins.ResNet((3, 4, 6, 3), bottleneck=True),
    ),
    "densenet": ("densenet121", "torchvision", twins.DenseNet),
}


@pytest.mark.parametrize(("model", "names", "twin"), FULL.values(), ids=FULL.keys())
def test_names_and_shapes_in_full_size(model: str, names: str, twin: Callable[[], nn.Module]) -> None:
    network, shape = models.build(model), models.entry(model).input_shape
    known = named(network, shape, names)
    ours = {each.name: each.shape for each in known.values()} | dict.fromkeys(counters(network, shape, known), ())
    with torch.device("meta"):
        theirs = {name: tuple(tensor.shape) for name, tensor in twin().state_dict().items()}
    assert ours == theirs
