"""The models with branches and shortcuts, held against the tables of their papers."""

from __future__ import annotations

import pytest

from deepen import models
from deepen.inspect.arithmetic import figures
from deepen.layers import Sequential, SideOutput
from deepen.models.googlenet import googlenet, googlenet_aux
from deepen.paths import Shape
from deepen.spec import Layer, parameters, walk


def model(name: str) -> tuple[Layer, Shape]:
    return models.build(name), models.entry(name).input_shape


@pytest.mark.parametrize(
    ("name", "printed"),
    [
        (
            "googlenet",
            {
                "conv1": (64, 112, 112),
                "pool1": (64, 56, 56),
                "conv3": (192, 56, 56),
                "pool2": (192, 28, 28),
                "inception3a": (256, 28, 28),
                "inception3b": (480, 28, 28),
                "pool3": (480, 14, 14),
                "inception4a": (512, 14, 14),
                "inception4b": (512, 14, 14),
                "inception4c": (512, 14, 14),
                "inception4d": (528, 14, 14),
                "inception4e": (832, 14, 14),
                "pool4": (832, 7, 7),
                "inception5a": (832, 7, 7),
                "inception5b": (1024, 7, 7),
                "pool5": (1024,),
            },
        ),
        (
            "googlenet_torchvision",
            {"inception3b": (480, 28, 28), "inception4e": (832, 14, 14), "pool4": (832, 7, 7)},
        ),
        ("googlenet_32", {"inception3b": (480, 16, 16), "inception4e": (832, 8, 8), "inception5b": (1024, 4, 4)}),
        (
            "resnet34",
            {
                "conv1": (64, 112, 112),
                "stage1": (64, 56, 56),
                "stage2": (128, 28, 28),
                "stage3": (256, 14, 14),
                "stage4": (512, 7, 7),
            },
        ),
        (
            "resnet50",
            {
                "conv1": (64, 112, 112),
                "stage1": (256, 56, 56),
                "stage2": (512, 28, 28),
                "stage3": (1024, 14, 14),
                "stage4": (2048, 7, 7),
            },
        ),
        ("resnet18_32", {"stage1": (64, 32, 32), "stage2": (128, 16, 16), "stage4": (512, 4, 4)}),
        (
            "wrn28_10",
            {"conv1": (16, 32, 32), "stage1": (160, 32, 32), "stage2": (320, 16, 16), "stage3": (640, 8, 8)},
        ),
        (
            "densenet121",
            {
                "conv1": (64, 112, 112),
                "pool1": (64, 56, 56),
                "stage1": (256, 56, 56),
                "transition1": (128, 28, 28),
                "stage2": (512, 28, 28),
                "transition2": (256, 14, 14),
                "stage3": (1024, 14, 14),
                "transition3": (512, 7, 7),
                "stage4": (1024, 7, 7),
            },
        ),
        ("densenet_bc_100_12", {"stage1": (216, 32, 32), "stage2": (300, 16, 16), "stage3": (342, 8, 8)}),
    ],
)
def test_maps_have_the_sizes_of_the_paper(name: str, printed: dict[str, Shape]) -> None:
    network, shape = model(name)
    found = {child.name: child.output_shape for child in network.children(shape)}
    assert {part: found[part] for part in printed} == printed


def test_inceptions_cost_what_their_paper_says() -> None:
    """Table 1, in millions of operations; for 5a it has 54, but its own filters give 51."""
    printed = {"3a": 128, "3b": 304, "4a": 73, "4b": 88, "4c": 100, "4d": 119, "4e": 170, "5a": 51, "5b": 71}
    cost = dict.fromkeys(printed, 0.0)
    for each in figures(*model("googlenet")):
        block = each.node.path.partition(".")[0].removeprefix("inception")
        if block in cost:
            cost[block] += each.multiply_adds / 1e6
    assert cost == pytest.approx(printed, abs=0.7)


@pytest.mark.parametrize(
    "name",
    [
        "resnet18",
        "resnet34",
        "resnet50",
        "resnet101",
        "resnet152",
        "resnet20",
        "resnet110",
        "plain56",
        "densenet121",
    ],
)
def test_the_number_in_a_name_counts_layers_with_kernels(name: str) -> None:
    """Shortcuts are not counted."""
    kernels = [p for p in parameters(*model(name)) if p.endswith(".kernel") and ".shortcut." not in p]
    assert len(kernels) == int("".join(filter(str.isdigit, name)))


@pytest.mark.parametrize(("name", "depth"), [("wrn16_8", 16), ("wrn40_4", 40), ("wrn28_10", 28)])
def test_wide_networks_count_convolutions(name: str, depth: int) -> None:
    """Those of shortcuts too, but not the dense layer: section 2 of the paper."""
    assert sum(path.endswith(".kernel") and "conv" in path for path in parameters(*model(name))) == depth


def test_heads_are_all_that_the_auxiliary_form_adds() -> None:
    with_heads, without = googlenet_aux(10), googlenet(10)
    heads = [layer for layer in with_heads.layers if isinstance(layer, SideOutput)]
    assert Sequential([layer for layer in with_heads.layers if layer not in heads]) == without
    assert [(head.name, head.weight) for head in heads] == [("aux1", 0.3), ("aux2", 0.3)]
    before = {
        layer.name: earlier.name for earlier, layer in zip(with_heads.layers, with_heads.layers[1:], strict=False)
    }
    assert (before["aux1"], before["aux2"]) == ("inception4a", "inception4d")


@pytest.mark.parametrize(("name", "halving"), [("resnet50", "conv1"), ("resnet50_torchvision", "conv2")])
def test_where_a_bottleneck_halves_the_maps(name: str, halving: str) -> None:
    strides = {node.path: getattr(node.layer, "stride", None) for node in walk(*model(name))}
    for stage in (2, 3, 4):
        block = f"stage{stage}.block1"
        found = [conv for conv in ("conv1", "conv2", "conv3") if strides[f"{block}.{conv}"] == (2, 2)]
        assert found == [halving]
        assert strides[f"{block}.shortcut.conv1"] == (2, 2)


@pytest.mark.parametrize(
    ("name", "path"),
    [
        ("googlenet_aux", "inception3a.branch3.conv2.kernel"),
        ("googlenet_aux", "aux1.head.dense2.bias"),
        ("googlenet_torchvision", "inception5b.branch4.norm1.gamma"),
        ("resnet18", "stage2.block1.shortcut.conv1.kernel"),
        ("resnet18_d2l", "stage2.block1.shortcut.conv1.bias"),
        ("wrn16_8", "stage2.block2.conv1.kernel"),
        ("densenet121", "stage1.layer6.branch2.conv2.kernel"),
    ],
)
def test_names_of_arrays(name: str, path: str) -> None:
    """Files and weights from elsewhere depend on them."""
    assert path in parameters(*model(name))
