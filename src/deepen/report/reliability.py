"""The reliability diagram: how often a model is right, by how sure it is."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from deepen.calibration import Calibration
from deepen.report.canvas import (
    BLUE,
    FAINT,
    FRAME,
    QUIET,
    STRETCHED,
    VERMILION,
    new_figure,
    save,
    style,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes

SURE = 0.9
"""Above this mean confidence nearly all images are in the last corner: both axes are stretched towards it."""


def reliability(calibration: Calibration, path: Path) -> None:
    """Draw the accuracy of each bin over its mean confidence, and below it how many images the bin has.

    On the diagonal a model is right as often as it says. A grey bar is what chance allows there, two standard
    deviations to both sides, which for a bin of few images is a lot; a gap that is larger is coloured.

    Source: Guo et al., "On calibration of modern neural networks", 2017, figure 1.
    """
    with style():
        figure = new_figure(4.8, 6)
        figure.set_layout_engine("constrained")
        above, below = figure.subplots(2, 1, sharex=True, height_ratios=(4, 1))
        above.set_title(f"Calibration error: {100 * calibration.error:.1f} percentage points", loc="left", pad=10)
        stretched = calibration.confidence > SURE
        _percentages(above, stretched)
        _draw_bins(above, calibration)
        _draw_counts(below, calibration)
        below.set_xlabel("confidence (%, stretched towards 100)" if stretched else "confidence (%)")
        above.set_ylabel("accuracy (%, stretched towards 100)" if stretched else "accuracy (%)")
        save(figure, path)


def _percentages(axes: Axes, stretched: bool) -> None:
    """Let both axes run from 0 to 100% in the same way, so that the diagonal is straight."""
    if stretched:
        axes.set_xscale("function", functions=STRETCHED)
        axes.set_yscale("function", functions=STRETCHED)
    ticks = (0, 50, 80, 90, 95, 98, 99.5, 100) if stretched else (0, 20, 40, 60, 80, 100)
    labels = [f"{tick:g}" for tick in ticks]
    axes.set_xticks(ticks, labels)
    axes.set_yticks(ticks, labels)
    axes.set(xlim=(0, 100), ylim=(0, 100))
    axes.set_box_aspect(1)
    axes.grid()
    axes.plot([0, 100], [0, 100], color=FRAME, linewidth=1, linestyle="--")
    axes.text(0.03, 0.97, "not sure enough", color=QUIET, transform=axes.transAxes, va="top", zorder=5)
    axes.text(0.97, 0.03, "too sure", color=QUIET, transform=axes.transAxes, ha="right", zorder=5)


def _draw_bins(axes: Axes, calibration: Calibration) -> None:
    confidences, accuracies = 100 * calibration.confidences, 100 * calibration.accuracies
    allowed = 200 * np.sqrt(calibration.variances) / calibration.counts
    low, high = np.maximum(confidences - allowed, 0), np.minimum(confidences + allowed, 100)
    axes.vlines(confidences, low, high, color=FAINT, linewidth=7)
    gaps = np.where(abs(accuracies - confidences) > allowed, VERMILION, FRAME)
    axes.vlines(confidences, confidences, accuracies, color=gaps, zorder=3)
    share = calibration.counts / calibration.count
    axes.scatter(confidences, accuracies, 20 + 130 * share, color=BLUE, clip_on=False, zorder=4)


def _draw_counts(axes: Axes, calibration: Calibration) -> None:
    from matplotlib.ticker import NullLocator

    axes.vlines(100 * calibration.confidences, 0.5, calibration.counts, color=BLUE, linewidth=7, clip_on=False)
    # A bin of one image is still there beside one of thousands.
    axes.set_yscale("log")
    axes.set_ylim(bottom=0.5)
    axes.yaxis.set_minor_locator(NullLocator())
    axes.yaxis.set_major_formatter(lambda value, _: f"{value:,.0f}" if value >= 1 else "")
    axes.set_ylabel("images")
    axes.grid(axis="y")
