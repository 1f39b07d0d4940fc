"""Pictures of a run, as PNG files: learning curves, the confusion matrix, contact sheets."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from deepen.arrays import Array
from deepen.lettering import percent, shorten, width
from deepen.report.canvas import (
    BLUE,
    DPI,
    FAINT,
    INK,
    QUIET,
    STRETCHED,
    VERMILION,
    new_figure,
    save,
    style,
)
from deepen.report.fonts import cover, drawable

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.colors import Colormap, Normalize
    from matplotlib.figure import Figure

STRETCH = 10
"""A panel whose worst value is this many times as far from perfect as its best one is not drawn linearly."""

DETAILED_CLASSES = 20
"""Up to here a confusion matrix has its counts written into it."""

PICTURES, COLUMNS = 24, 6

CAPTION = 20
"""So many letters fit under a picture of a contact sheet."""


def learning_curves(history: Mapping[str, Sequence[float]], path: Path) -> None:
    """Draw loss and accuracy by epoch, for training and validation; each recorded list is `(epochs,)`."""
    recorded = {
        name: {key: np.asarray(history[key], float) for key in (name, f"val_{name}") if len(history.get(key, ()))}
        for name in ("loss", "accuracy")
    }
    panels = {name: curves for name, curves in recorded.items() if curves}
    with style():
        figure = new_figure(4.8 * max(1, len(panels)), 3.7)
        figure.set_layout_engine("constrained", w_pad=0.12)
        for i, (name, curves) in enumerate(panels.items()):
            axes = figure.add_subplot(1, len(panels), i + 1)
            axes.set_title(name.capitalize(), loc="left", pad=22)
            if name == "accuracy":
                curves = {key: 100 * values for key, values in curves.items()}
            _draw_curves(axes, curves, "{:.2f}%" if name == "accuracy" else "{:.4g}")
            values = np.concatenate(list(curves.values()))
            values = values[np.isfinite(values)]
            if values.size:
                (_accuracy_axis if name == "accuracy" else _loss_axis)(axes, values.min(), values.max())
        save(figure, path)


def _draw_curves(axes: Axes, curves: Mapping[str, Array], form: str) -> None:
    epochs = max(map(len, curves.values()))
    for key, values in curves.items():
        validation = key.startswith("val_")
        axes.plot(
            range(1, len(values) + 1),
            values,
            color=VERMILION if validation else BLUE,
            linestyle="-" if validation else "--",
            marker=("" if epochs > 30 else "o" if validation else "s"),
            # A curve that runs along the frame, at 100%, keeps its full width.
            clip_on=False,
            zorder=3,
            label=f"{'validation' if validation else 'training'} {form.format(values[-1])}",
        )
    axes.set_xlabel("epoch")
    axes.set_xticks(_epoch_ticks(epochs))
    axes.set_xlim(*((1, epochs) if epochs > 1 else (0.5, 1.5)))
    axes.grid(axis="y")
    # Between the title and the panel the legend hides no curve.
    axes.legend(loc="lower left", bbox_to_anchor=(0, 1), ncols=2)


def _epoch_ticks(epochs: int) -> list[int]:
    """About ten whole epochs, the first among them."""
    step = next(s * 10**p for p in range(12) for s in (1, 2, 5) if epochs <= 10 * s * 10**p)
    return [1, *(t for t in range(step, epochs + 1, step) if t > 1 and t - 1 >= step / 2)]


def _loss_axis(axes: Axes, low: float, high: float) -> None:
    from matplotlib.ticker import LogLocator, NullFormatter, NullLocator

    if low > 0 and high > STRETCH * low:
        axes.set_ylabel("loss (logarithmic)")
        axes.set_yscale("log")
        axes.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5) if high < 1000 * low else (1,)))
        axes.yaxis.set_major_formatter(lambda value, _: f"{value:g}")
        axes.yaxis.set_minor_locator(NullLocator())
        axes.yaxis.set_minor_formatter(NullFormatter())
    else:
        axes.set_ylabel("loss")
        if low >= 0:
            axes.set_ylim(bottom=0)


def _accuracy_axis(axes: Axes, low: float, high: float) -> None:
    if 100 - low > STRETCH * (100 - high):
        axes.set_ylabel("accuracy (%, stretched towards 100)")
        axes.set_yscale("function", functions=STRETCHED)
        ticks = (0, 20, 40, 60, 80, 90, 95, 98, 99, 99.5, 99.9, 100)
        axes.set_yticks(ticks, [f"{tick:g}" for tick in ticks])
        axes.set_ylim(max(0, low - 0.1 * (100 - low)), 100)
    else:
        axes.set_ylabel("accuracy (%)")
        # Five points at least, so that chance does not look like mountains.
        room = max(0.08 * (high - low), (5 - (high - low)) / 2)
        axes.set_ylim(max(0, low - room), min(100, high + room))


def confusion(matrix: Array, classes: Sequence[str], path: Path) -> None:
    """Draw counts `(K, K)`, rows = label, columns = prediction, mistakes coloured by their share of the row."""
    counts = np.asarray(matrix)
    k = len(counts)
    names = drawable(classes)
    side = min(max(4.8, 0.45 * k), 1.1 * k) if k <= DETAILED_CLASSES else min(max(7.5, 0.1 * k), 10)
    with style():
        # The figure is the map alone; its surroundings get the room that the names need when it is saved.
        figure = new_figure(side, side)
        axes = figure.add_axes((0, 0, 1, 1))
        norm, colours = _draw_mistakes(axes, counts)
        _name_classes(axes, names)
        if names != [" ".join(name.split()) for name in classes]:
            axes.set_xlabel("prediction\n(a number: no installed font has that class's name)")
        if k <= DETAILED_CLASSES:
            _write_counts(axes, counts, norm)
        right, total = int(counts.trace()), int(counts.sum())
        if right < total:
            _draw_scale(figure, norm, colours, offset=0.75 if k <= DETAILED_CLASSES else 0.15)
        mistakes = "mistake" if total - right == 1 else "mistakes"
        title = f"{percent(right, 2, total)} right: {total - right:,} {mistakes} in {total:,} images"
        axes.set_title(title, loc="left", pad=24 if k <= DETAILED_CLASSES else 10)
        save(figure, path, tight=True)


def _draw_mistakes(axes: Axes, counts: Array) -> tuple[Normalize, Colormap]:
    """Colour the mistakes; the diagonal stays grey, for its counts are hundreds of times larger."""
    from matplotlib import colormaps
    from matplotlib.colors import ListedColormap, PowerNorm

    k = len(counts)
    shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    mistakes = np.ma.masked_where(np.eye(k, dtype=bool) | (counts == 0), 100 * shares)
    # The square root keeps a single mistake visible beside a class that is mostly wrong; white is none.
    norm = PowerNorm(0.5, 0, float(mistakes.max()) if mistakes.count() else 1.0)
    colours = ListedColormap(colormaps["Oranges"](np.linspace(0.15, 1, 256)))
    axes.imshow(np.where(np.eye(k), 1.0, np.nan), cmap=ListedColormap([FAINT]), interpolation="nearest")
    axes.imshow(mistakes, norm=norm, cmap=colours, interpolation="nearest")
    if k <= DETAILED_CLASSES:
        axes.set_xticks(np.arange(1, k) - 0.5, minor=True)
        axes.set_yticks(np.arange(1, k) - 0.5, minor=True)
        axes.grid(which="minor", color=FAINT, linewidth=0.6)
    return norm, colours


def _name_classes(axes: Axes, names: Sequence[str]) -> None:
    k = len(names)
    ticks = range(0, k, -(-k // 100))
    labels = [shorten(names[i], 20) for i in ticks]
    families, _ = cover("".join(labels))
    size = 9 if k <= DETAILED_CLASSES else max(5, min(8, 72 * 7.5 / k))
    axes.set_xticks(ticks, labels, fontsize=size, family=families, parse_math=False)
    axes.set_yticks(ticks, labels, fontsize=size, family=families, parse_math=False)
    axes.spines[:].set_visible(True)
    axes.tick_params(length=0)
    axes.tick_params(which="minor", length=0)
    if max(map(width, labels)) * size > _cell_points(axes, k):
        rotation, va = (45, "top") if k <= DETAILED_CLASSES else (90, "center")
        for label in axes.get_xticklabels():
            label.set(rotation=rotation, rotation_mode="anchor", ha="right", va=va)
    axes.set_xlabel("prediction")
    axes.set_ylabel("label")


def _cell_points(axes: Axes, classes: int) -> float:
    return float(axes.get_window_extent().width) * 72 / DPI / classes


def _write_counts(axes: Axes, counts: Array, norm: Normalize) -> None:
    """Write into the cells the counts that are not zero, and beside each row its share of right ones."""
    k = len(counts)
    size = min(10, _cell_points(axes, k) / (0.75 * len(str(counts.max()))))
    for i, j in np.argwhere(counts):
        share = 100 * counts[i, j] / counts[i].sum()
        dark = i != j and norm(share) > 0.72
        axes.text(j, i, str(counts[i, j]), ha="center", va="center", fontsize=size, color="white" if dark else INK)
    for i, row in enumerate(counts):
        beside = (k - 0.5, i)
        share = percent(int(row[i]), 1, int(row.sum()))
        axes.annotate(share, beside, (6, 0), textcoords="offset points", va="center", color=QUIET)
    axes.annotate("right", (1, 1), (6, 5), "axes fraction", "offset points", color=QUIET)


def _draw_scale(figure: Figure, norm: Normalize, colours: Colormap, offset: float) -> None:
    """Draw the colours' scale so many inches right of the map."""
    from matplotlib.cm import ScalarMappable

    side = figure.get_figwidth()
    height = min(1, 3 / side)
    beside = figure.add_axes((1 + offset / side, 1 - height, 0.14 / side, height))
    bar = figure.colorbar(ScalarMappable(norm, colours), cax=beside)
    bar.set_label("mistakes, % of the label's images")
    bar.outline.set_visible(False)


def pictures(images: Array, captions: Sequence[str], path: Path) -> None:
    """Draw the first 24 of uint8 images `(N, C, H, W)`, in colour if C = 3, each over its caption."""
    shown = [(image, _printable(caption)) for image, caption in zip(images, captions, strict=True)][:PICTURES]
    columns = min(COLUMNS, max(1, len(shown)))
    lines = max([text.count("\n") + 1 for _, text in shown], default=1)
    rows = -(-len(shown) // columns) or 1
    families, _ = cover("".join(text for _, text in shown))
    with style():
        tall = np.clip(images.shape[2] / images.shape[3], 0.3, 3)
        figure = new_figure(1.5 * columns, (1.44 * tall + 0.16 + 0.16 * lines) * rows)
        figure.set_layout_engine("constrained", w_pad=0.05, h_pad=0.03)
        for place, (image, caption) in enumerate(shown):
            axes = figure.add_subplot(rows, columns, place + 1)
            pixels = np.moveaxis(image, 0, -1) if len(image) == 3 else image.mean(axis=0)
            axes.imshow(pixels, cmap="gray", vmin=0, vmax=255)
            axes.set(xticks=[], yticks=[])
            axes.spines[:].set_visible(True)
            axes.set_xlabel(caption, fontsize=8, family=families, parse_math=False)
        if not shown:
            figure.text(0.5, 0.5, "none", ha="center", va="center")
        save(figure, path)


def _printable(caption: str) -> str:
    """The caption with lines that fit under a picture, and boxes for characters that no font has."""
    _, missing = cover(caption)
    text = "".join("□" if c in missing else c for c in caption)
    return "\n".join(shorten(line, CAPTION) for line in text.split("\n"))
