"""What explanations say of networks, layers and blocks."""

from __future__ import annotations

import re
import subprocess
import sys
from dataclasses import replace

import pytest

from deepen import layers, models
from deepen.errors import ShapeError, UnknownNameError
from deepen.inspect.explain import LANGUAGES, Explanation, explain
from deepen.inspect.explain.equations import EQUATIONS
from deepen.inspect.explain.kinds import KINDS
from deepen.inspect.explain.writing import share
from deepen.layers import (
    RBF,
    AveragePooling2D,
    BatchNormalization,
    Conv2D,
    Dense,
    Flatten,
    GlobalAveragePooling2D,
    MaxPooling2D,
    Parallel,
    ReLU,
    Residual,
    Sequential,
    TrainablePooling2D,
)
from deepen.paths import Shape
from deepen.spec import Layer
from explained import line_of, said


def in_all(model: str, label: str) -> str:
    """Return a total of a whole network."""
    sections = explain(models.build(model), models.entry(model).input_shape).sections
    (sums,) = [section for section in sections if section.heading.en == "In all"]
    (found,) = [line.text.en for line in sums.lines if line.label.en == label]
    return found


@pytest.mark.parametrize("table", [KINDS, EQUATIONS], ids=["kinds", "equations"])
def test_every_layer_has_its_rule(table: dict[type[Layer], object]) -> None:
    assert {layer.__name__ for layer in table} == set(layers.__all__)


def test_lenet5s_c3() -> None:
    text = said("lenet5", "c3")
    assert line_of(text, "output size") == "⌊(14 + 2·0 − 5)/1⌋ + 1 = 10"
    assert line_of(text, "parameters") == "(5·5·3 + 1)·6 + (5·5·4 + 1)·9 + (5·5·6 + 1)·1 = 1,516"
    assert line_of(text, "multiply-adds") == "(5·5·3·6 + 5·5·4·9 + 5·5·6·1)·10·10 = 150,000"
    assert line_of(text, "c3") == "6 + (5 − 1)·2 = 14"


def test_lenet5_counts_connections_as_its_paper_does() -> None:
    assert in_all("lenet5", "connections") == "122,304 + 5,880 + 151,600 + 2,000 + 48,120 + 10,164 + 840 = 340,908"
    assert "connections" not in said("lenet")


def test_an_output_size_as_in_textbooks() -> None:
    assert line_of(said("deepconvnet", "conv2"), "output size") == "⌊(28 + 2·1 − 3)/1⌋ + 1 = 28"


@pytest.mark.parametrize(
    ("layer", "shape", "label", "written"),
    [
        (Conv2D(2, 3, dilation=2), (1, 9, 9), "output size", "⌊(9 + 2·0 − ((3 − 1)·2 + 1))/1⌋ + 1 = 5"),
        (Conv2D(2, 3, 2, "same"), (1, 9, 9), "output size", '⌈9/2⌉ = 5; "same" pads by 1 and 1'),
        (Conv2D(2, 3, padding="valid"), (1, 9, 9), "output size", "⌊(9 + 2·0 − 3)/1⌋ + 1 = 7"),
        (Conv2D(2, 3), (1, 9, 8), "output size, width", "⌊(8 + 2·0 − 3)/1⌋ + 1 = 6"),
        (Conv2D(4, 3, groups=2), (6, 9, 9), "parameters", "(3·3·3 + 1)·4 = 112"),
        (Conv2D(4, 3, use_bias=False), (6, 9, 9), "parameters", "3·3·6·4 = 216"),
        (MaxPooling2D(3, 2, ceil_mode=True), (1, 6, 6), "output size", "⌈(6 + 2·0 − 3)/2⌉ + 1 = 3"),
        (
            MaxPooling2D(2, 2, 1, ceil_mode=True),
            (1, 3, 3),
            "output size",
            "⌈(3 + 2·1 − 2)/2⌉ + 1 − 1 = 2; a window that would begin in the padding behind the maps does not "
            "count",
        ),
        (Flatten(), (16, 5, 5), "output size", "16·5·5 = 400"),
        (BatchNormalization(), (8, 3, 3), "running statistics", "8 + 8 = 16"),
        (BatchNormalization(), (8, 3, 3), "here", "m = N·3·3, ε = 1e-05, momentum = 0.9"),
        (Dense(3, use_bias=False), (5,), "forward", "y = x · Wᵀ"),
        (AveragePooling2D(2), (3, 4, 4), "memory, in bytes", "3·2·2·4 = 48"),
    ],
)
def test_a_line_of_a_layer(layer: Layer, shape: Shape, label: str, written: str) -> None:
    (child,) = Sequential([layer]).children(shape)
    assert line_of(said(Sequential([layer]), child.name, shape), label) == written


def test_the_receptive_field_step_by_step() -> None:
    text = said("resnet20", "stage2.block1.conv1")
    assert line_of(text, "stage1.block2") == "7 + (3 − 1)·1 + (3 − 1)·1 = 11"
    assert line_of(text, "stage2.block1.conv1") == "15 + (3 − 1)·1 = 17; stride 1·2 = 2"
    assert line_of(text, "position i sees") == "pixels 2·i − 8 to 2·i + 8"
    assert "Receptive field" not in said(Sequential([Dense(2)]), "dense1", (3,))


def test_branches_that_see_different_places_unite() -> None:
    # A 1×1 window at the left and one that begins three pixels further right.
    shifted = Sequential([layers.ZeroPadding2D(((0, 0), (3, 0))), Conv2D(1, (1, 4), padding=0)])
    network = Sequential([Parallel([Conv2D(1, (1, 3), padding=(0, 1)), shifted])])
    assert line_of(said(network, "parallel1", (1, 4, 4)), "parallel1, width") == "1 + 4 = 5"


def test_what_sees_one_pixel() -> None:
    network = Sequential([Residual(Conv2D(2, 3, padding=1))])
    assert "Receptive field: 1×1 pixels" in said(network, "residual1.shortcut", (2, 4, 4))


def test_a_block_is_explained() -> None:
    text = said("resnet20", "stage2.block1")
    assert "dx = body'(dy) + shortcut'(dy)" in text
    assert "the body only has to learn what is to be added" in text
    assert line_of(text, "parameters") == "4,608 + 64 + 9,216 + 64 = 13,952"
    assert "dx = body'(dy) + dy" in said("resnet20", "stage1.block1")
    inception = said("googlenet", "inception3a")
    assert line_of(inception, "channels") == "64 + 128 + 32 + 32 = 256"
    assert "inception3a.branch3.conv2" in inception
    added = Sequential([Parallel([Conv2D(2, 1), Conv2D(2, 1)], merge="add")])
    assert line_of(said(added, "parallel1", (3, 4, 4)), "forward") == "y = b₁(x) + b₂(x) + …"


def test_heads_for_training_are_left_out_of_the_cost_but_not_of_their_own() -> None:
    assert in_all("googlenet_aux", "multiply-adds") == in_all("googlenet", "multiply-adds")
    assert in_all("googlenet_aux", "parameters") != in_all("googlenet", "parameters")
    assert re.search(r"multiply-adds +[\d,]+ \+ [\d,]+", said("googlenet_aux", "aux1.head"))
    text = said("googlenet_aux", "aux1")
    assert line_of(text, "parameters") == "65,664 + 2,098,176 + 1,025,000 = 3,188,840"
    assert line_of(text, "multiply-adds") == "1,048,576 + 2,097,152 + 1,024,000 = 4,169,728"


def test_equal_blocks_are_said_once() -> None:
    text = said("resnet110")
    assert "stage1.relu1 … stage1.relu18: as relu1, stage1.block1" in text
    assert text.count("residual block") == 5
    assert len(text.splitlines()) < 140


@pytest.mark.parametrize(
    ("model", "heading", "line"),
    [
        ("lenet5", "Where the weights and the work are", "most in c5: 48,120 / 60,000 = 80.2%"),
        ("lenet5", "What the table of c3 saves", "2,416 − 1,516 = 900"),
        ("lenet5", "c5 is a dense layer", "5·5·16·120 = 48,000 weights"),
        ("vgg16", "Small kernels in a row", "3·3·3 = 27 instead of 7·7 = 49"),
        ("deepconvnet", "Small kernels in a row", "2·3·3 = 18 instead of 5·5 = 25"),
        ("nin", "1×1 convolution: conv5", "256·256·26·26 = 44,302,336"),
        ("resnet50", "Bottleneck: ", "4,456,448 / 37,748,736 ≈ 11.8%"),
        ("googlenet", "Bottleneck: ", "a 1×1 convolution brings"),
        ("resnet20", "Residual connections", "7 2 7 + 2 = 9 with the identity"),
        ("resnet18", "Residual connections", "5 3 5 + 3 = 8 with the identity"),
        ("resnet20", "Global average pooling", "(64·8·8 + 1)·10 = 40,970"),
        ("nin", "Global average pooling", "the means are the scores"),
    ],
)
def test_what_there_is_to_see(model: str, heading: str, line: str) -> None:
    entry = models.entry(model)
    sections = explain(models.build(model), entry.input_shape).sections
    (found,) = [section for section in sections if section.heading.en.startswith(heading)]
    assert line in " ".join(each.text.en for each in found.lines)


def test_what_is_not_there_is_not_said() -> None:
    text = said("mlp")
    for heading in ("Small kernels", "1×1", "Bottleneck", "table", "Residual", "Global", "is a dense layer"):
        assert heading not in text


def test_both_languages() -> None:
    english = explain(models.build("lenet"), (1, 28, 28), "conv1")
    chinese = replace(english, language="zh")
    assert str(chinese) == said("lenet", "conv1", language="zh")
    for word in ("卷积核", "填充", "参数", "乘加次数", "感受野", "步幅", "前向", "反向"):
        assert word in said("resnet20", "conv1", language="zh") + said("lenet", "pool1", language="zh")
    assert LANGUAGES == ("en", "zh")


def test_an_explanation_in_short() -> None:
    assert (
        repr(explain(models.build("lenet5"), (1, 32, 32), "c3", title="lenet5")) == "<Explanation of lenet5: c3>"
    )


def test_chinese_headings_have_one_colon() -> None:
    for model in ("resnet20", "googlenet"):
        entry = models.entry(model)
        network = models.build(model)
        for section in explain(network, entry.input_shape).sections:
            assert section.heading.zh.count("：") <= 1
    assert "conv1 (Conv2D)，卷积：" in said("resnet20", "conv1", language="zh")


def test_forms() -> None:
    found = explain(models.build("lenet"), (1, 28, 28), "conv1", title="lenet")
    data = found.to_data()
    assert (data["title"], data["language"]) == ("lenet: conv1", "en")
    assert data["sections"][0]["layer"] == "conv1"
    assert {"label": "parameters", "text": "(5·5·1 + 1)·6 = 156"} in data["sections"][1]["lines"]
    markdown = found._repr_markdown_()
    assert markdown.startswith("## lenet: conv1\n\n**conv1 (Conv2D)")
    assert "- *parameters*: (5·5·1 + 1)·6 = 156" in markdown
    assert r"z\[n,f,i,j\]" in markdown


def test_a_network_that_is_one_layer() -> None:
    assert "Dense: fully connected, 5 inputs to 3 units; 5 → 3" in said(Dense(3), None, (5,))
    text = said(Conv2D(4, 3), None, (1, 8, 8))
    assert text.endswith(
        "In all\n"
        "  parameters        40\n"
        "  multiply-adds     1,296\n"
        "  memory, in bytes  576\n"
        "  receptive field   each position of Conv2D (4×6×6) sees 3×3 pixels of 8×8"
    )
    assert "depth   1 layer with kernels" in text
    assert "1×1 convolution: Conv2D\n" in said(Conv2D(4, 1), None, (1, 8, 8))


@pytest.mark.parametrize(
    ("network", "seen"),
    [
        (Residual(Conv2D(1, 3, padding=1)), "Residual (1×8×8) sees 3×3"),
        (Parallel([Conv2D(1, 3, padding=1), Conv2D(1, 1)]), "Parallel (2×8×8) sees 3×3"),
        (Sequential([Sequential([Conv2D(1, 3), Flatten(), Dense(2)])]), "block1.conv1 (1×6×6) sees 3×3"),
        (Sequential([Conv2D(1, 3), Conv2D(1, 3)]), "conv2 (1×4×4) sees 5×5"),
    ],
)
def test_what_the_last_maps_see(network: Layer, seen: str) -> None:
    text = said(network, None, (1, 8, 8)).partition("\nIn all")[2]
    assert line_of(text, "receptive field") == f"each position of {seen} pixels of 8×8"


def test_a_network_that_is_one_block_is_introduced() -> None:
    body, shortcut = Conv2D(2, 3, padding=1), Conv2D(2, 1)
    text = said(Residual(body, shortcut), None, (1, 8, 8))
    assert "\nResidual: residual block with a shortcut of its own layers; 1×8×8 → 2×8×8\n" in text
    assert line_of(text, "parameters on shortcuts") == "4"
    branches = said(Parallel([body, shortcut]), None, (1, 8, 8))
    assert "\nParallel: 2 branches side by side, joined along the channels; 1×8×8 → 4×8×8\n" in branches
    assert "\nSequential" not in said("lenet")


def test_activations_between_small_kernels_are_said_where_there_are_any() -> None:
    between = "with an activation between each two"
    for network in (
        Sequential([Conv2D(2, 3, activation="relu"), Conv2D(2, 3)]),
        Sequential([Conv2D(2, 3), BatchNormalization(), ReLU(), Conv2D(2, 3)]),
    ):
        assert between in said(network, None, (2, 8, 8))
    bare = said(Sequential([Conv2D(2, 3), BatchNormalization(), Conv2D(2, 3), ReLU()]), None, (2, 8, 8))
    assert "Small kernels in a row" in bare
    assert between not in bare


@pytest.mark.parametrize(
    ("part", "whole", "written"),
    [
        (12, 48, "12 / 48 = 25%"),
        (5, 5, "5 / 5 = 100%"),
        (8298, 10_001, "8,298 / 10,001 ≈ 83.0%"),
        (1, 10_000_000, "1 / 10,000,000 < 0.1%"),
        (9_999_999, 10_000_000, "9,999,999 / 10,000,000 > 99.9%"),
        (999, 1000, "999 / 1,000 = 99.9%"),
    ],
)
def test_shares(part: int, whole: int, written: str) -> None:
    assert share(part, whole) == written


def test_one_is_no_plural() -> None:
    network = Sequential([Conv2D(1, 3), GlobalAveragePooling2D(), RBF(1)])
    text = said(network, None, (1, 4, 4))
    assert "mean of each of 1 map of" in text
    assert "distances of 1 feature from 1 code;" in text
    assert line_of(text, "output") == "1 number"
    assert not re.search(r"\b1 [a-z]+s\b", text)


def test_words_of_fields_are_translated() -> None:
    for pooling, word in {"sum": "和", "average": "平均值", "max": "最大值", "min": "最小值"}.items():
        text = said(Sequential([TrainablePooling2D(2, pooling=pooling)]), "pool1", (1, 4, 4), "zh")
        assert f"每个 2×2 窗口的{word}乘以系数" in text
    for mode, word in {"bilinear": "双线性插值", "nearest": "最近邻插值"}.items():
        network = Sequential([layers.Resize((8, 8), mode)])  # type: ignore[arg-type]
        assert f"缩放到 8×8：{word}" in said(network, "resize1", (1, 4, 4), "zh")


def test_names_that_are_not_there() -> None:
    with pytest.raises(UnknownNameError, match=r"unknown layer 'stage1.blok1'; did you mean 'stage1.block1'\?"):
        said("resnet20", "stage1.blok1")
    with pytest.raises(UnknownNameError, match="unknown layer '!'; `deepen summary` lists the layers"):
        said("resnet20", "!")
    with pytest.raises(UnknownNameError, match="unknown language 'fr'; known: en, zh"):
        said("lenet", language="fr")
    with pytest.raises(ShapeError, match="conv1 expects maps"):
        said("lenet", shape=(784,))


def test_residual_shortcuts_that_learn_are_counted() -> None:
    block = Residual(Sequential([Conv2D(4, 3, padding=1), ReLU()]), Conv2D(4, 1, use_bias=False))
    network = Sequential([block, GlobalAveragePooling2D(), Dense(2)])
    assert line_of(said(network, None, (2, 6, 6)), "parameters on shortcuts") == "8"


def test_descriptions_are_enough() -> None:
    code = (
        "import sys\nfrom deepen import models\nfrom deepen.inspect.explain import explain\n"
        "str(explain(models.build('vgg19'), (3, 224, 224)))\n"
        "print([m for m in sys.modules if m.startswith('deepen.engines') or m in ('torch', 'matplotlib', 'rich')])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_explanations_are_data() -> None:
    one, other = (explain(models.build("lenet"), (1, 28, 28)) for _ in range(2))
    assert isinstance(one, Explanation)
    assert one == other
