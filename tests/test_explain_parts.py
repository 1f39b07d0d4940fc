"""What explanations say of the parts of a network: what there is to see in them, and what they see."""

from __future__ import annotations

import re

import pytest

from deepen.layers import RBF, Conv2D, GlobalAveragePooling2D, Sequential
from deepen.spec import Layer
from explained import line_of, said


@pytest.mark.parametrize(
    ("model", "part", "lines"),
    [
        (
            "vgg16",
            "stage1.conv2",
            [
                "two 3×3 kernels in a row see 5×5 pixels, as one 5×5 kernel does: 1 + 2·(3 − 1) = 5",
                "2·3·3 = 18 instead of 5·5 = 25",
                "from 64 channels to as many: 2·3·3·64·64 = 73,728 weights instead of 5·5·64·64 = 102,400",
                "the run here: stage1.conv1, stage1.conv2",
            ],
        ),
        ("vgg16", "stage1", ["2·3·3 = 18 instead of 5·5 = 25"]),
        ("vgg16", "stage4.conv1", ["three 3×3 kernels in a row", "3·3·3 = 27 instead of 7·7 = 49"]),
        (
            "googlenet",
            "inception3a.branch2.conv1",
            ["1×1 convolution: inception3a.branch2.conv1", "192·96 = 18,432", "129,024 / 221,184 ≈ 58.3%"],
        ),
        ("googlenet", "inception3a", ["dense layer over the channels", "Bottleneck: inception3a.branch3.conv1"]),
        ("resnet20", "stage1.block1.conv1", ["shortcut: the identity  stage1.block1", "dy arrives as it is"]),
        ("resnet20", "stage2.block1.conv1", ["dx = body'(dy) + shortcut'(dy): dy also"]),
        ("resnet20", "stage2", ["blocks                               2 + 1 = 3"]),
        ("lenet5", "c3", ["2,416 − 1,516 = 900"]),
        ("lenet5", "c5", ["c5 is a dense layer"]),
        ("resnet20", "pool1", ["(64·8·8 + 1)·10 = 40,970"]),
    ],
)
def test_what_there_is_to_see_in_a_part(model: str, part: str, lines: list[str]) -> None:
    text = said(model, part)
    for line in lines:
        assert line in text
    assert "Where the weights" not in text


def test_what_other_parts_have_is_not_said_of_this_one() -> None:
    assert "three 3×3" not in said("vgg16", "stage1")
    assert "1×1 convolution:" not in said("googlenet", "inception3a.branch2.conv2")
    assert "Residual connections" not in said("resnet20", "conv1")
    assert "saves" not in said("lenet5", "c1")


def test_runs_of_every_length_are_said() -> None:
    text = said("vgg16")
    assert "two 3×3 kernels in a row see 5×5 pixels" in text
    assert "three 3×3 kernels in a row see 7×7 pixels" in text
    assert "such runs here: 3, the first is stage3.conv1, stage3.conv2, stage3.conv3" in text
    assert "three" not in said("vgg19")
    assert "four 3×3 kernels in a row see 9×9 pixels" in said("vgg19")


@pytest.mark.parametrize(
    ("network", "part", "seen"),
    [
        (Sequential([Conv2D(1, 1)]), "conv1", "pixel i alone"),
        (Sequential([Conv2D(1, 1, 2)]), "conv1", "pixel 2·i alone"),
        (Sequential([Conv2D(1, 8)]), "conv1", "pixels i to i + 7; all of the image"),
        (Sequential([GlobalAveragePooling2D()]), "pool1", "pixels 0 to 7; all of the image"),
        (Sequential([Conv2D(1, 10, padding=1)]), "conv1", "pixels i − 1 to i + 8; all of the image (8) and "),
        (Sequential([Conv2D(1, 9, padding=4)]), "conv1", "pixels i − 4 to i + 4; larger than the image (8): it "),
        (Sequential([Conv2D(1, 3)]), "conv1", "pixels i to i + 2"),
    ],
)
def test_what_a_position_sees(network: Layer, part: str, seen: str) -> None:
    found = line_of(said(network, part, (1, 8, 8)), "position i sees")
    assert found.startswith(seen)
    assert ";" in seen or found == seen


def test_the_receptive_field_of_each_layer_of_a_network() -> None:
    text = said("lenet5")
    assert re.findall(r"receptive field +(\d\S+, stride \d+)", text) == [
        *("5×5, stride 1", "6×6, stride 2", "14×14, stride 2", "16×16, stride 4", "32×32, stride 4")
    ]
    residual = said("resnet20")
    assert (
        "stage2.block2.conv1 … stage2.block2.norm2: as in stage2.block1; receptive field 29×29, stride 2"
        in residual
    )
    assert "sees 81×81 pixels of 32×32: it reaches beyond the image" in residual


def test_codes_are_said() -> None:
    fixed = said("lenet5", "rbf1")
    assert line_of(fixed, "codes w") == "the 7×12 bitmaps of the digits; they stay fixed, without a gradient"
    assert "dw[k,i]" not in fixed
    random = said(Sequential([RBF(3)]), "rbf1", (5,))
    assert line_of(random, "codes w") == "random ±1; they stay fixed, without a gradient"
    learning = said(Sequential([RBF(3, trainable=True)]), "rbf1", (5,))
    assert line_of(learning, "codes w") == "random ±1 at first; they learn"
    assert "dw[k,i]" in learning
