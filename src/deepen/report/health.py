"""The picture of a training's health: each layer over the epochs."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from deepen.arrays import Array
from deepen.inspect.health import Record
from deepen.lettering import shorten
from deepen.report.canvas import new_figure, save, style

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.colors import Colormap

NAMES = 24
"""So many layers have their names beside the scale of colours; of more, every second one, or fewer."""

PANELS: dict[str, tuple[str, Callable[[Record], float | None]]] = {
    "Deviation of activations": ("log", lambda record: record.activation_deviation),
    "Dead ReLU units (%)": ("linear", lambda record: None if record.dead is None else 100 * record.dead),
    "Gradient norm": ("log", lambda record: record.gradient_norm),
    "Last update / weights": ("log", lambda record: record.update_ratio),
}
"""What is drawn: the scale, and the value."""


def health(records: Sequence[Record], path: Path) -> None:
    """Draw deviations, dead units, gradients and updates by epoch, a line for each layer, coloured by depth."""
    from matplotlib import colormaps
    from matplotlib.colors import ListedColormap

    layers = list(dict.fromkeys(record.layer for record in records))
    epochs = sorted({record.epoch for record in records})
    # The yellow end is hard to see on white.
    colours = ListedColormap(colormaps["viridis"](np.linspace(0, 0.92, max(1, len(layers)))))
    with style():
        figure = new_figure(10.5, 6.4)
        figure.set_layout_engine("constrained", w_pad=0.1, h_pad=0.1)
        panels = figure.subplots(2, 2)
        for axes, (title, (scale, value)) in zip(panels.flat, PANELS.items(), strict=True):
            table = np.full((len(layers), len(epochs)), np.nan)
            for record in records:
                found = value(record)
                table[layers.index(record.layer), epochs.index(record.epoch)] = np.nan if found is None else found
            axes.set_title(title, loc="left")
            _draw_layers(axes, table, epochs, scale, colours)
        _name_layers(list(panels.flat), layers, colours)
        save(figure, path)


def _draw_layers(axes: Axes, table: Array, epochs: Sequence[int], scale: str, colours: Colormap) -> None:
    """Draw `(layers, epochs)`; NaN is left out, and on a logarithmic scale 0, too."""
    from matplotlib.ticker import MaxNLocator

    values = np.where(np.isfinite(table) & ((table > 0) | (scale == "linear")), table, np.nan)
    for i, row in enumerate(values):
        # A single epoch is a marker, and so is one between two that are left out.
        axes.plot([e + 1 for e in epochs], row, color=colours(i), linewidth=1.2, marker="o", markersize=2.5)
    axes.set_xlabel("epoch")
    if scale == "linear":
        axes.set_ylim(-2, 102)
    elif np.isfinite(values).any():
        axes.set_yscale("log")
    axes.xaxis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1))
    if np.isnan(values).all():
        axes.set_xticks([])
        axes.text(0.5, 0.5, "none", ha="center", va="center", transform=axes.transAxes)
    axes.grid(axis="y")


def _name_layers(panels: Sequence[Axes], layers: Sequence[str], colours: Colormap) -> None:
    """Draw the scale of the colours, with the first layer on top as in a table."""
    from matplotlib.cm import ScalarMappable
    from matplotlib.colors import Normalize

    count = max(1, len(layers))
    bar = panels[0].figure.colorbar(
        ScalarMappable(Normalize(-0.5, count - 0.5), colours), ax=list(panels), aspect=40, pad=0.02
    )
    shown = range(0, len(layers), -(-count // NAMES))
    bar.set_ticks(list(shown), labels=[shorten(layers[i], 28) for i in shown])
    bar.ax.tick_params(length=0, labelsize=8)
    bar.ax.invert_yaxis()
    bar.outline.set_visible(False)
