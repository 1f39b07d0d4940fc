"""Which tensors PyTorch's files may hold, and under which names."""

from __future__ import annotations

import contextlib
import random
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import safetensors.numpy
import safetensors.torch
import torch

import torch_twins as twins
from deepen import models
from deepen.errors import DataError, FileFormatError, UnknownNameError, UsageError
from deepen.exchange import torch_file
from deepen.exchange.torch_names import named
from deepen.exchange.torch_rules import Module, by_rules
from deepen.layers import (
    RBF,
    BatchNormalization,
    Conv2D,
    Dense,
    Flatten,
    Normalize,
    Residual,
    Sequential,
    TrainablePooling2D,
)
from torch_files import random_arrays, saved

SMALL = Sequential([Conv2D(2, 3), BatchNormalization(), Flatten(), Dense(3)])
SMALL_SHAPE = (1, 5, 5)


def small(**changed: Any) -> dict[str, Any]:
    """Return the tensors of SMALL; None takes one away."""
    tensors = {
        "conv1.weight": torch.ones(2, 1, 3, 3),
        "conv1.bias": torch.ones(2),
        "norm1.weight": torch.ones(2),
        "norm1.bias": torch.ones(2),
        "norm1.running_mean": torch.ones(2),
        "norm1.running_var": torch.ones(2),
        "dense1.weight": torch.ones(3, 18),
        "dense1.bias": torch.tensor([0.5, -2.0, 1 / 3]),
    } | {name.replace("__", "."): tensor for name, tensor in changed.items()}
    return {name: tensor for name, tensor in tensors.items() if tensor is not None}


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32, torch.float64])
def test_all_floats_become_float32(dtype: torch.dtype, tmp_path: Path) -> None:
    tensors = {name: tensor.to(dtype) for name, tensor in small().items()}
    arrays = torch_file.read(saved(tmp_path, tensors), SMALL, SMALL_SHAPE)
    assert {array.dtype for array in arrays.values()} == {np.dtype("float32")}
    assert (arrays["dense1.bias"] == tensors["dense1.bias"].float().numpy()).all()


def test_counters_may_be_there_or_not(tmp_path: Path) -> None:
    counted = small(norm1__num_batches_tracked=torch.tensor(5))
    assert (
        torch_file.read(saved(tmp_path, counted), SMALL, SMALL_SHAPE).keys()
        == torch_file.read(saved(tmp_path, small()), SMALL, SMALL_SHAPE).keys()
    )


def test_own_names_are_paths_with_the_last_part_as_pytorch_has_it() -> None:
    block = Residual(Sequential([Conv2D(4, 1, use_bias=False), BatchNormalization()]), Conv2D(4, 1), name="block1")
    network = Sequential([TrainablePooling2D(2), Sequential([block], name="stage1"), Flatten(), RBF(3)])
    assert {path: tensor.name for path, tensor in named(network, (2, 4, 4), None).items()} == {
        "pool1.coefficient": "pool1.coefficient",
        "pool1.bias": "pool1.bias",
        "stage1.block1.conv1.kernel": "stage1.block1.conv1.weight",
        "stage1.block1.norm1.gamma": "stage1.block1.norm1.weight",
        "stage1.block1.norm1.beta": "stage1.block1.norm1.bias",
        "stage1.block1.norm1.running_mean": "stage1.block1.norm1.running_mean",
        "stage1.block1.norm1.running_variance": "stage1.block1.norm1.running_var",
        "stage1.block1.shortcut.kernel": "stage1.block1.shortcut.weight",
        "stage1.block1.shortcut.bias": "stage1.block1.shortcut.bias",
        "rbf1.codes": "rbf1.codes",
    }


def test_normalization_of_the_images_in_front_changes_no_names() -> None:
    network = models.build("alexnet_torchvision")
    assert isinstance(network, Sequential)
    prepared = Sequential([Normalize((0.485, 0.456, 0.406), (0.229, 0.224, 0.225)), *network.layers])
    shape = models.entry("alexnet_torchvision").input_shape
    assert named(prepared, shape, "torchvision") == named(network, shape, "torchvision")


@pytest.mark.parametrize("names", ["deepen", "torchvision"])
def test_heads_that_the_network_lacks_are_left_out_with_a_warning(names: str, tmp_path: Path) -> None:
    network, shape = models.build("googlenet_torchvision", 10, 1 / 8), (3, 64, 64)
    arrays, path = random_arrays(network, shape), tmp_path / "w.safetensors"
    torch_file.write(path, network, shape, arrays, names)
    tensors = safetensors.torch.load_file(path)
    path = saved(
        tmp_path, tensors | {"aux1.fc2.bias": torch.ones(10), "aux2.conv.bn.num_batches_tracked": torch.tensor(0)}
    )
    with pytest.warns(UserWarning, match="weights.safetensors has auxiliary heads that the network lacks"):
        assert torch_file.read(path, network, shape).keys() == arrays.keys()


def test_what_is_called_like_a_head_in_another_network_is_no_head(tmp_path: Path) -> None:
    path = saved(tmp_path, small(aux1__weight=torch.ones(1)))
    with pytest.raises(DataError, match=r"not used: aux1.weight \(1,\)"):
        torch_file.read(path, SMALL, SMALL_SHAPE)


def test_what_is_not_used_is_sorted(tmp_path: Path) -> None:
    others = {name: torch.ones(1) for name in ("c", "a", "d", "b")}
    with pytest.raises(DataError, match=r"not used: a \(1,\), b \(1,\), c \(1,\), d \(1,\)$"):
        torch_file.read(saved(tmp_path, small() | others), SMALL, SMALL_SHAPE)


def test_what_is_fixed_may_be_missing(tmp_path: Path) -> None:
    network = Sequential([Flatten(), Dense(4), RBF(3)])
    path = saved(tmp_path, {"dense1.weight": torch.ones(4, 25), "dense1.bias": torch.ones(4)})
    assert set(torch_file.read(path, network, (1, 5, 5))) == {"dense1.kernel", "dense1.bias"}
    codes = {"rbf1.codes": torch.ones(3, 4)}
    path = saved(tmp_path, {**safetensors.torch.load_file(path), **codes})
    assert "rbf1.codes" in torch_file.read(path, network, (1, 5, 5))


def test_bottlenecks_of_the_paper_are_not_those_of_torchvision(tmp_path: Path) -> None:
    network, shape = models.build("resnet50", 10, 1 / 16), (3, 64, 64)
    path = tmp_path / "w.safetensors"
    torch_file.write(path, network, shape, random_arrays(network, shape), "deepen")
    torch_file.read(path, network, shape)  # under its own names nothing is to be said
    with pytest.warns(UserWarning, match="the same weights give other outputs; use resnet50_torchvision"):
        torch_file.write(path, network, shape, random_arrays(network, shape), "torchvision")
    with pytest.warns(UserWarning, match="the same weights give other outputs"):
        torch_file.read(path, network, shape)


def test_a_mismatch_names_tensors_and_shapes_as_the_file_has_them(tmp_path: Path) -> None:
    twin = twins.ResNet((2, 2, 2, 2), 1 / 16, classes=1000)
    tensors = twin.state_dict()
    del tensors["layer1.0.bn1.bias"]
    tensors["extra"] = torch.ones(1)
    expected = (
        "the weights in .*weights.safetensors are not those of this network; "
        r"of another shape: fc.weight is \(1000, 32\), the network needs \(10, 32\), "
        r"fc.bias is \(1000,\), the network needs \(10,\); "
        r"missing: layer1.0.bn1.bias \(4,\); not used: extra \(1,\)"
    )
    with pytest.raises(DataError, match=expected):
        torch_file.read(saved(tmp_path, tensors), models.build("resnet18", 10, 1 / 16), (3, 64, 64))


@pytest.mark.parametrize(
    ("changed", "problem"),
    [
        (
            {"conv1__bias": torch.ones(2, dtype=torch.int64)},
            "conv1.bias in .* is of type I64; weights must be F16",
        ),
        ({"conv1__bias": torch.tensor([1.0, np.nan])}, "conv1.bias in .* holds numbers that are not finite"),
        ({"conv1__bias": torch.tensor([1.0, 1e39], dtype=torch.float64)}, "too large for float32"),
        ({"conv1__bias": None}, r"missing: conv1.bias \(2,\)$"),
    ],
)
def test_tensors_that_are_no_weights(changed: dict[str, Any], problem: str, tmp_path: Path) -> None:
    with pytest.raises(DataError, match=problem):
        torch_file.read(saved(tmp_path, small(**changed)), SMALL, SMALL_SHAPE)


def test_files_that_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"cannot read .*none.safetensors: No such file"):
        torch_file.read(tmp_path / "none.safetensors", SMALL, SMALL_SHAPE)
    pickled = tmp_path / "pickled.safetensors"
    torch.save(small(), pickled)
    cure = re.escape("safetensors.torch.save_file(model.state_dict(), path)")
    with pytest.raises(FileFormatError, match=f"pickled.safetensors is damaged, or is no safetensors .*{cure}"):
        torch_file.read(pickled, SMALL, SMALL_SHAPE)


def test_a_damaged_file_is_an_error_or_still_weights(tmp_path: Path) -> None:
    path = saved(tmp_path, small())
    good, dice = path.read_bytes(), random.Random(0)
    header = 8 + int.from_bytes(good[:8], "little")
    for _ in range(200):
        damaged = bytearray(good)
        damaged[dice.randrange(header)] ^= 1 << dice.randrange(8)
        path.write_bytes(damaged[: dice.choice([len(good), dice.randrange(len(good))])])
        with contextlib.suppress(DataError, FileFormatError):
            arrays = torch_file.read(path, SMALL, SMALL_SHAPE)
            assert all(np.isfinite(array).all() for array in arrays.values())


def test_a_file_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(DataError, match=r"cannot write .*file/w.safetensors: "):
        torch_file.write(
            tmp_path / "file" / "w.safetensors", SMALL, SMALL_SHAPE, random_arrays(SMALL, SMALL_SHAPE)
        )


def test_names_that_there_are_not() -> None:
    with pytest.raises(UnknownNameError, match="unknown naming 'torchvison'; did you mean 'torchvision'"):
        named(SMALL, SMALL_SHAPE, "torchvison")
    network = models.build("googlenet")
    with pytest.raises(
        UsageError, match="timm has no network of these layers; use the names of the network itself, 'deepen'"
    ):
        named(network, (3, 224, 224), "timm")


@pytest.mark.parametrize(
    "model",
    [
        "googlenet",
        "alexnet",
        "deepconvnet",
        "wrn16_8",
        "plain20",
        "preact_resnet20",
        "resnet18_d2l",
        "densenet_bc_100_12",
    ],
)
def test_torchvision_has_no_such_network(model: str) -> None:
    with pytest.raises(UsageError, match="torchvision has no network of these layers"):
        named(models.build(model), models.entry(model).input_shape, "torchvision")


@pytest.mark.parametrize(
    ("model", "names"),
    [
        ("resnet18", "torchvision"),
        ("vgg11", "torchvision"),
        ("alexnet_torchvision", "torchvision"),
        ("googlenet_torchvision", "torchvision"),
        ("densenet121", "torchvision"),
        ("keras_mnist", "deepen"),
        ("alexnet_d2l", "deepen"),
        ("googlenet_32", "deepen"),
        ("resnet18_32", "deepen"),
    ],
)
def test_names_are_torchvisions_where_it_knows_the_network(model: str, names: str) -> None:
    network, shape = models.build(model), models.entry(model).input_shape
    assert named(network, shape, None) == named(network, shape, names)


@pytest.mark.parametrize("model", ["alexnet_torchvision", "alexnet_d2l"])
def test_timm_has_no_alexnet(model: str) -> None:
    with pytest.raises(UsageError, match="timm has no network of these layers"):
        named(models.build(model), models.entry(model).input_shape, "timm")


def test_rules() -> None:
    naming = by_rules({"stage{s}.conv{c}": "layer{s}.{c-1}.conv", "block{letter}.dense1": "{letter}.fc"})
    parts = [
        Sequential([Conv2D(1, 1), Conv2D(1, 1)], name="stage12"),
        Sequential([Flatten(), Dense(1)], name="blockb"),
    ]
    assert naming(Sequential(parts), (1, 2, 2)) == {
        "stage12.conv1": Module("layer12.0.conv"),
        "stage12.conv2": Module("layer12.1.conv"),
        "blockb.dense1": Module("b.fc"),
    }
    assert naming(Sequential(parts[:1]), (1, 2, 2)) is None, "a rule that names nothing"
    assert naming(Sequential([*parts, Dense(1)]), (1, 2, 2)) is None, "a layer without a rule"
