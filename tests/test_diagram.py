"""Diagrams are to scale, legible and complete, whatever the network."""

from __future__ import annotations

import re
from itertools import combinations
from math import sqrt
from pathlib import Path
from xml.etree import ElementTree

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from deepen import models
from deepen.errors import DataError, ShapeError
from deepen.inspect.diagram import diagram, draw
from deepen.layers import (
    AveragePooling2D,
    BatchNormalization,
    Conv2D,
    Dense,
    Dropout,
    Flatten,
    GlobalAveragePooling2D,
    MaxPooling2D,
    Normalize,
    Parallel,
    ReLU,
    Residual,
    Sequential,
    SideOutput,
    ZeroPadding2D,
)
from deepen.spec import Layer, walk
from drawn import Picture, Rectangle, extents, read

SHOWN = ("linear", "lenet", "lenet5", "alexnet", "vgg16", "googlenet_aux", "resnet18", "resnet110", "densenet121")


def check(svg: str) -> Picture:
    """Make sure that nothing lies over anything else, crosses a text or is cut off."""
    picture = read(svg)
    marks = [*picture.texts, *picture.boxes]
    page = Rectangle(0, 0, *picture.size, "page")
    assert [(a.what, b.what) for a, b in combinations(marks, 2) if a.meets(b)] == []
    assert [text.what for text in picture.texts for line in picture.lines if text.meets(line)] == []
    assert [mark.what for mark in marks for frame in picture.frames if frame.meets(mark) > frame.holds(mark)] == []
    assert [mark.what for mark in (*marks, *picture.frames, *picture.lines) if not page.holds(mark)] == []
    return picture


def shown(*layers: Layer) -> Picture:
    """Draw layers one after the other for maps of 4×8×8."""
    return check(diagram(Sequential(layers), (4, 8, 8), "network"))


def convolution(filters: int = 4, stride: int = 1, name: str | None = None) -> Conv2D:
    return Conv2D(filters, 3, stride, padding=1, name=name)


def residual(filters: int = 4, name: str | None = None) -> Residual:
    return Residual(Sequential([convolution(filters), BatchNormalization()]), name=name)


# Whole networks


@pytest.mark.parametrize("name", SHOWN)
def test_nothing_overlaps(name: str) -> None:
    entry = models.entry(name)
    picture = check(diagram(models.build(name), entry.input_shape, entry.title))
    assert entry.title in picture.words
    # As wide as a page can show without making its letters too small.
    assert picture.size[0] <= 1200


@pytest.mark.parametrize("name", ["linear", "lenet", "lenet5", "alexnet", "vgg16", "googlenet_aux", "wrn16_8"])
def test_every_layer_can_be_pointed_at(name: str) -> None:
    network, shape = models.build(name), models.entry(name).input_shape
    hints = read(diagram(network, shape, name)).hints
    counted = [re.fullmatch(r"(\S+): \w+, \S+, ([\d,]+) parameters?", hint) for hint in hints]
    counts = {hint[1]: int(hint[2].replace(",", "")) for hint in counted if hint}
    nodes = [(node.path, node.layer.params(node.input_shape)) for node in walk(network, shape)]
    assert counts == {path: sum(param.size for param in params.values()) for path, params in nodes if params}


@pytest.mark.parametrize("name", ["lenet", "alexnet", "googlenet_aux", "densenet121"])
def test_boxes_are_to_scale(name: str) -> None:
    root = ElementTree.fromstring(diagram(models.build(name), models.entry(name).input_shape, name))
    sides, thicknesses = set(), set()
    for element in root.iter():
        if "data-shape" not in element.attrib:
            continue
        shape = tuple(map(int, element.attrib["data-shape"].split("×")))
        if len(shape) == 1:
            ((bar,),) = element
            thicknesses.add((shape[0], float(bar.attrib["height"])))
        else:
            thickness, height, right, up = extents(element[0])
            thicknesses.add((shape[0], thickness))
            sides |= {(shape[1], height), (shape[2], right / 0.42), (shape[2], up / 0.3)}
    for seen in (sides, thicknesses):
        size, pixels = max(seen)
        unit = pixels / sqrt(size)
        assert len(seen) > 2
        assert all(pixels == pytest.approx(unit * sqrt(size), abs=0.3) for size, pixels in seen)


def test_it_can_be_read_aloud() -> None:
    root = ElementTree.fromstring(diagram(models.build("lenet"), (1, 28, 28), "LeNet"))
    title, description = root[0].text, root[1].text or ""
    assert root.attrib["role"] == "img"
    assert title == "LeNet"
    assert description.startswith(
        "61,706 parameters, 416,520 multiply-adds. From left to right: input; conv1: conv 5×5"
    )


@pytest.mark.parametrize("title", ["<b>&\"'</b>", "a\x00b\x1b\ud800", "网络 " * 30, "x" * 200])
def test_any_title_is_drawn_whole(title: str) -> None:
    svg = diagram(Dense(2), (3,), title)
    svg.encode()
    assert check(svg).words[0] == "".join(sign if sign.isprintable() else " " for sign in title)


# How layers are shown


def test_a_step_says_kernel_stride_groups_and_activation() -> None:
    words = shown(Conv2D(6, (3, 1), (2, 1), activation="relu", groups=2, dilation=2)).words
    assert {"conv1", "conv 3×1 /2×1", "dilated 2", "2 groups", "relu", "6×2×8"} <= set(words)


def test_pointwise_layers_are_notes_on_the_layer_before() -> None:
    picture = shown(
        Normalize(0.5, 0.5), convolution(), BatchNormalization(), ReLU(), Dropout(0.5), Flatten(), Dense(3)
    )
    assert {"normalize1", "norm1", "relu1", "dropout1", "flatten1"} <= set(picture.words)
    assert [box.what for box in picture.boxes] == ["4×8×8", "4×8×8", "3"]


def test_layers_that_only_change_the_shape_are_boxes_of_another_colour() -> None:
    picture = shown(ZeroPadding2D(1), GlobalAveragePooling2D())
    assert [box.what for box in picture.boxes] == ["4×8×8", "4×10×10", "4"]
    assert {"input", "other", "pooling"} <= set(picture.words)
    assert "convolution" not in picture.words


def test_equal_blocks_in_a_row_are_drawn_once() -> None:
    picture = shown(residual(), ReLU(), residual(), ReLU(), residual(), ReLU(), convolution())
    assert "residual1 … residual3 × 3" in picture.words
    assert "relu3" in picture.words
    assert [box.what for box in picture.boxes] == ["4×8×8"] * 3
    assert any(text.startswith("A pile of frames") for text in picture.words)


@pytest.mark.parametrize(
    "layers",
    [
        (residual(), residual(), ReLU()),
        (Sequential([convolution(2)]), Sequential([convolution(3)])),
        (Sequential([convolution(), MaxPooling2D(2)]), Sequential([convolution(), MaxPooling2D(2)])),
        (convolution(), convolution()),
    ],
    ids=["one with an activation", "other filters", "other maps", "no containers"],
)
def test_what_differs_is_drawn_each_time(layers: tuple[Layer, ...]) -> None:
    assert not any("×" in text and "…" in text for text in shown(*layers).words)


def test_growing_blocks_are_equal() -> None:
    growing = [Parallel([Sequential(), convolution(2)]) for _ in range(3)]
    picture = shown(*growing)
    assert "parallel1 … parallel3 × 3" in picture.words
    assert [box.what for box in picture.boxes] == ["4×8×8", "2×8×8", "10×8×8"]


def test_a_shortcut_says_what_lies_on_it() -> None:
    around = Sequential([Conv2D(6, 1, stride=2), BatchNormalization()])
    picture = shown(Residual(convolution(6, stride=2), around, name="block"))
    assert {"block", "conv1: conv 1×1 /2, norm1"} <= set(picture.words)
    assert "block.shortcut.conv1: Conv2D, 6×4×4, 30 parameters" in picture.hints


def test_a_side_output_says_that_it_is_for_training() -> None:
    head = Sequential([AveragePooling2D(4), Flatten(), Dense(3)])
    picture = shown(convolution(), SideOutput(head, 0.3, name="aux"), convolution())
    assert "aux: in training only, weight 0.3" in picture.words
    assert {"3", "4×2×2"} <= {box.what for box in picture.boxes}


def test_branches_that_are_added_have_no_box_of_their_own() -> None:
    branches = [convolution(name="左"), Sequential([convolution(), ReLU()], name="右")]
    picture = shown(Parallel(branches, merge="add"), ReLU())
    assert {"左", "右.conv1", "relu1"} <= set(picture.words)
    assert len(picture.boxes) == 3


@pytest.mark.parametrize(
    "name", ["第一个很长很长的卷积层", "a_name_that_somebody_has_found_worth_writing_out_in_full"]
)
def test_names_are_never_cut(name: str) -> None:
    around = Residual(convolution(name=name), name=f"{name}_2")
    picture = shown(convolution(name=name), around, Dropout(0.2, name=f"{name}_3"))
    assert picture.words.count(name) == 2
    assert {f"{name}_2", f"{name}_3"} <= set(picture.words)


LEAVES = st.sampled_from(
    [
        convolution(),
        BatchNormalization(),
        ReLU(),
        Dropout(0.2),
        Conv2D(4, 1, activation="relu"),
        MaxPooling2D(3, 1, 1),
    ]
)
NETWORKS = st.recursive(
    LEAVES,
    lambda inside: st.one_of(
        st.lists(inside, max_size=4).map(Sequential),
        st.lists(inside, min_size=1, max_size=3).map(lambda branches: Parallel(branches, merge="add")),
        inside.map(Residual),
        inside.map(lambda layer: Residual(convolution(), layer)),
        inside.map(lambda layer: SideOutput(Sequential([layer, GlobalAveragePooling2D()]))),
    ),
    max_leaves=12,
)


@settings(deadline=None, max_examples=60)
@given(NETWORKS)
def test_any_network_is_legible(network: Layer) -> None:
    check(diagram(network, (4, 8, 8), "network"))


# The file


def test_draw_writes_what_diagram_returns(tmp_path: Path) -> None:
    draw(models.build("lenet"), (1, 28, 28), "LeNet", tmp_path / "a.SVG")
    assert (tmp_path / "a.SVG").read_bytes() == diagram(models.build("lenet"), (1, 28, 28), "LeNet").encode()


def test_a_path_without_svg_is_refused_before_anything_is_done(tmp_path: Path) -> None:
    path = tmp_path / "a.png"
    with pytest.raises(DataError) as caught:
        draw(models.build("lenet"), (1, 2, 2), "LeNet", path)
    assert str(caught.value) == f"the diagram becomes an SVG file, such as a.svg; got {path}"


def test_folders_are_made_and_a_file_that_cannot_be_written_is_one_error(tmp_path: Path) -> None:
    path = tmp_path / "file" / "a.svg"
    path.parent.touch()
    with pytest.raises(DataError) as caught:
        draw(models.build("lenet"), (1, 28, 28), "LeNet", path)
    assert str(caught.value) == f"cannot write {path}: File exists"
    draw(models.build("lenet"), (1, 28, 28), "LeNet", tmp_path / "new" / "a.svg")
    assert (tmp_path / "new" / "a.svg").is_file()


def test_a_network_that_does_not_fit_is_an_error() -> None:
    with pytest.raises(ShapeError, match=r"^conv2 cannot fit its 5×5 window"):
        diagram(models.build("lenet"), (1, 8, 8), "LeNet")
