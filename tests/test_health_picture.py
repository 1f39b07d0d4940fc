"""The picture of a training's health shows every layer, whatever was recorded."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from matplotlib.figure import Figure
from PIL import Image

from deepen.inspect.health import Record
from deepen.report.health import health


def records(layers: int, epochs: int) -> list[Record]:
    return [
        Record(epoch, f"block.conv{i + 1}", 0.1, 0.5 + i, 0.25, 1e-3 * (i + 1), 2.0, 0.002)
        for epoch in range(epochs)
        for i in range(layers)
    ]


def test_each_panel_draws_a_line_for_each_layer(tmp_path: Path, figures: list[Figure]) -> None:
    health(records(3, 4), tmp_path / "a.png")
    *panels, scale = figures[0].axes
    assert [axes.get_title("left") for axes in panels] == [
        "Deviation of activations",
        "Dead ReLU units (%)",
        "Gradient norm",
        "Last update / weights",
    ]
    assert [axes.get_yscale() for axes in panels] == ["log", "linear", "log", "log"]
    assert [len(axes.lines) for axes in panels] == [3] * 4
    drawn = [np.asarray(axes.lines[1].get_ydata()) for axes in panels]
    np.testing.assert_allclose(drawn, [[1.5] * 4, [25.0] * 4, [2e-3] * 4, [1e-3] * 4])
    assert list(np.asarray(panels[0].lines[0].get_xdata())) == [1, 2, 3, 4]
    assert [label.get_text() for label in scale.get_yticklabels()] == ["block.conv1", "block.conv2", "block.conv3"]


def test_many_layers_have_colours_of_their_own_and_some_of_the_names(
    tmp_path: Path, figures: list[Figure]
) -> None:
    health(records(60, 3), tmp_path / "a.png")
    *panels, scale = figures[0].axes
    assert len({line.get_color() for line in panels[0].lines}) == 60
    assert len(scale.get_yticklabels()) == 20
    with Image.open(tmp_path / "a.png") as image:
        assert image.size == (1575, 960)


@pytest.mark.parametrize(
    "change",
    [
        lambda r: Record(r.epoch, r.layer, 0.0, 0.0, None, None, None, None),
        lambda r: Record(r.epoch, r.layer, np.nan, np.inf, 1.0, 0.0, 0.0, 0.0),
        lambda r: r,
    ],
    ids=["nothing", "neither finite nor above 0", "one epoch"],
)
def test_what_cannot_be_drawn_is_left_out(tmp_path: Path, change: Callable[[Record], Record]) -> None:
    health([change(record) for record in records(2, 1)], tmp_path / "a.png")
    assert (tmp_path / "a.png").stat().st_size > 1000


def test_no_records_are_an_empty_picture(tmp_path: Path, figures: list[Figure]) -> None:
    health([], tmp_path / "a.png")
    assert [text.get_text() for axes in figures[0].axes for text in axes.texts] == ["none"] * 4


def test_the_same_records_are_the_same_bytes(tmp_path: Path) -> None:
    for name in ("a.png", "b.png"):
        health(records(2, 1), tmp_path / name)
    assert (tmp_path / "a.png").read_bytes() == (tmp_path / "b.png").read_bytes()
