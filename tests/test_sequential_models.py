"""What papers say of AlexNet, VGG, NiN and the smallest networks, besides the counts in the table of facts."""

from __future__ import annotations

from math import prod

import pytest

from deepen import models, spec
from deepen.initializers import Normal
from deepen.layers import BatchNormalization, Conv2D, Dense, OriginalDropout
from deepen.paths import Shape
from deepen.spec import Node


def leaves(name: str, kind: type | tuple[type, ...]) -> list[Node]:
    nodes = spec.walk(models.build(name), models.entry(name).input_shape)
    return [node for node in nodes if isinstance(node.layer, kind)]


def parameters(name: str, classes: int, input_shape: Shape) -> int:
    return sum(param.size for param in spec.parameters(models.build(name, classes), input_shape).values())


def test_the_linear_classifier_is_the_score_function() -> None:
    """10 × 3,072 weights and 10 numbers b for pictures of 32×32 in colour."""
    assert parameters("linear", 10, (3, 32, 32)) == 10 * 3072 + 10


def test_every_width_of_the_linear_classifier_is_the_same() -> None:
    assert models.build("linear", width=0.5) == models.build("linear")


@pytest.mark.parametrize(
    ("name", "count"), [("vgg11", 132_863_336), ("alexnet_torchvision", 61_100_840), ("vgg19_bn", 143_678_248)]
)
def test_counts_for_imagenet_are_torchvisions(name: str, count: int) -> None:
    assert parameters(name, 1000, (3, 224, 224)) == count


def test_alexnets_neurons() -> None:
    """Section 3.5 gives 253,440 for the first layer, but 55·55·96 is 290,400; only that leads to the others."""
    counts = [prod(node.output_shape) for node in leaves("alexnet", (Conv2D, Dense))]
    assert counts == [290_400, 186_624, 64_896, 64_896, 43_264, 4096, 4096, 1000]


def test_alexnets_towers_meet_in_the_third_convolution() -> None:
    assert [node.layer.groups for node in leaves("alexnet", Conv2D)] == [1, 2, 1, 2, 2]


def test_alexnet_starts_as_its_paper_says() -> None:
    found = [node.layer.params(node.input_shape) for node in leaves("alexnet", (Conv2D, Dense))]
    biases = [params["bias"].initializer.sample((1,), 0, "").item() for params in found]
    assert biases == [0, 1, 0, 1, 1, 1, 1, 0]
    assert {params["kernel"].initializer for params in found} == {Normal(0.01)}


def test_alexnets_dropout_is_of_its_time() -> None:
    assert [node.path for node in leaves("alexnet", OriginalDropout)] == ["dropout1", "dropout2"]


@pytest.mark.parametrize("form", ["", "_bn", "_32"])
@pytest.mark.parametrize("depth", [11, 13, 16, 19])
def test_vggs_number_counts_the_papers_layers_with_weights(depth: int, form: str) -> None:
    convolutions, dense = leaves(f"vgg{depth}{form}", Conv2D), leaves(f"vgg{depth}{form}", Dense)
    assert len(convolutions) + 3 == depth
    assert len(dense) == (1 if form == "_32" else 3)
    assert len(leaves(f"vgg{depth}{form}", BatchNormalization)) == (len(convolutions) if form else 0)


def test_vggs_layers_are_named_by_stage() -> None:
    paths = [node.path for node in leaves("vgg11_bn", (Conv2D, BatchNormalization, Dense))]
    assert paths[:4] == ["stage1.conv1", "stage1.norm1", "stage2.conv1", "stage2.norm1"]
    assert paths[-5:] == ["stage5.conv2", "stage5.norm2", "dense1", "dense2", "dense3"]


def test_vgg_32_leaves_one_pixel() -> None:
    assert [node.input_shape for node in leaves("vgg16_32", Dense)] == [(512,)]


@pytest.mark.parametrize(
    ("name", "sizes"),
    [
        ("nin", [(96, 54, 54), (256, 26, 26), (384, 12, 12), (10, 5, 5)]),
        ("nin_32", [(96, 32, 32), (192, 16, 16), (10, 8, 8)]),
    ],
)
def test_nins_maps(name: str, sizes: list[Shape]) -> None:
    """Each convolution is followed by two of 1×1; the last maps are one for each class."""
    found = leaves(name, Conv2D)
    assert [node.output_shape for node in found[2::3]] == sizes
    assert {node.layer.kernel_size for index, node in enumerate(found) if index % 3} == {(1, 1)}
