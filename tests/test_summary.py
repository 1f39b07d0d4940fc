"""The table of a network's layers."""

from __future__ import annotations

import json

from deepen import models
from deepen.inspect.arithmetic import ReceptiveField
from deepen.inspect.summary import Row, as_text, summarize
from deepen.layers import Dense
from networks import INPUT_SHAPE, NETWORKS


def test_rows_and_totals() -> None:
    found = summarize(models.build("lenet5"), (1, 32, 32))
    field = ReceptiveField((6, 6), (2, 2), (0, 0))
    assert next(row for row in found.layers if row.name == "s2") == Row(
        "s2", "TrainablePooling2D", (6, 14, 14), 12, 0, 4704, field, False
    )
    assert (found.parameters, found.fixed, found.statistics) == (60_000, 840, 0)
    assert (found.multiply_adds, found.model_bytes) == (326_520, 4 * 60_840)
    assert found.activation_bytes == 4 * (1024 + 4704 + 1176 + 1600 + 400 + 120 + 120 + 84 + 10)


def test_json_has_everything() -> None:
    found = json.loads(json.dumps(summarize(models.build("deepconvnet"), (1, 28, 28)).to_data()))
    assert list(found) == [
        "input_shape", "layers", "parameters", "fixed", "statistics", "multiply_adds", "activation_bytes",
        "model_bytes",
    ]  # fmt: skip
    assert found["layers"][0] == {
        "name": "conv1",
        "type": "Conv2D",
        "output_shape": [16, 28, 28],
        "parameters": 160,
        "multiply_adds": 112_896,
        "activation_bytes": 50_176,
        "receptive_field": {"size": [3, 3], "stride": [1, 1], "offset": [-1, -1]},
        "for_training_only": False,
    }
    assert (found["parameters"], found["multiply_adds"]) == (123_552, 8_772_340)


def test_as_text() -> None:
    text = as_text(summarize(NETWORKS["graph"], INPUT_SHAPE), "graph")
    assert "graph: input (N, 2, 10, 10)" in text
    assert "block.shortcut (Conv2D)" in text
    assert "running statistics    24" in text
    assert len({len(line) for line in text.splitlines() if "Conv2D" in line}) == 1


def test_without_a_title() -> None:
    found = summarize(NETWORKS["plain"], INPUT_SHAPE)
    assert str(found).startswith("input (N, 2, 10, 10)\n")
    assert "fixed" not in str(found)
    assert repr(found) == "<Summary of 8 layers: 399 parameters>"
    assert found.as_html().startswith('<table cellpadding="6"><caption>input (N, 2, 10, 10)</caption>')


def test_heads_are_marked_and_left_out_of_what_an_image_costs() -> None:
    found = summarize(NETWORKS["penalized"], INPUT_SHAPE)
    lines = str(found).splitlines()
    assert [line.split()[1] for line in lines if " * " in line] == [
        "side.head.conv1", "side.head.flatten1", "side.head.dense1",
    ]  # fmt: skip
    assert lines[-2].startswith("*: for training only")
    assert lines[-1].startswith("receptive field: height×width")
    kept = [row for row in found.layers if "head" not in row.name]
    assert found.multiply_adds == sum(row.multiply_adds for row in kept)
    assert found.activation_bytes == sum(row.activation_bytes for row in kept)
    assert found.parameters > sum(row.parameters for row in kept)


def test_stages_are_set_apart() -> None:
    lines = str(summarize(models.build("resnet20"), (3, 32, 32))).splitlines()
    firsts = [lines[number + 1].split()[1] for number, line in enumerate(lines) if line.startswith("├")]
    assert firsts == ["stage1.block1.conv1", "stage2.block1.conv1", "stage3.block1.conv1", "pool1"]


def test_features_have_no_receptive_field() -> None:
    text = str(summarize(Dense(3), (4,)))
    assert (
        text.splitlines()[4]
        == "│ Dense        │ (N, 3)       │         15 │            12 │        12 B │ –               │"
    )
