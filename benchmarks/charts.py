"""Draw the results of the measurements as charts for the documentation.

    python benchmarks/charts.py

Each picture says which result file it was drawn from, by that file's SHA-256, so that a test can tell an old one.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import matplotlib

matplotlib.use("svg")

from matplotlib import pyplot as plt
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator, NullLocator

ROOT = Path(__file__).parents[1]
RESULTS, PICTURES = ROOT / "benchmarks" / "results", ROOT / "docs" / "images"
STYLE = {
    "svg.hashsalt": "deepen",
    "svg.fonttype": "none",
    "font.family": "sans-serif",
    "font.size": 9,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "figure.facecolor": "white",
}
OWN, PEER = "#2f6f9f", "#b9bfc6"
LINES = {"native": OWN, "torch": "#c8783c"}
GROWS = {
    "batch": "images in a batch",
    "threads": "threads",
    "side": "height and width of the images",
    "depth": "layers of the residual network",
    "images": "images in the data set",
}


def speed(found: dict[str, Any]) -> Figure:
    """Draw the images per second of every contender, a panel for each network, training above inference."""
    kinds = [kind for kind in ("training", "inference") if found[kind]]
    networks = list(found["training"])
    heights = [max(len(each["images_per_second"]) for each in found[kind].values()) for kind in kinds]
    size = (3.1 * len(networks) + 1.6, 0.24 * sum(heights) + 1.6)
    figure, axes = plt.subplots(
        len(kinds), len(networks), figsize=size, squeeze=False, layout="constrained", height_ratios=heights
    )
    for row, kind in zip(axes, kinds, strict=True):
        names = list(dict.fromkeys(name for each in found[kind].values() for name in each["images_per_second"]))
        for ax, network in zip(row, networks, strict=True):
            bars(
                ax,
                names,
                {name: each["median"] for name, each in found[kind][network]["images_per_second"].items()},
            )
            ax.set_title(f"{network}, {kind}", fontsize=9)
        for ax in row[1:]:
            ax.set_yticklabels([])
    figure.supxlabel(f"images per second, {conditions(found)}", fontsize=8)
    return figure


def bars(ax: Any, names: list[str], values: dict[str, float]) -> None:
    """Draw a bar for each name; one without a value has none."""
    places = range(len(names))
    widths = [values.get(name, 0) for name in names]
    ax.barh(places, widths, color=[OWN if name.startswith("deepen") else PEER for name in names], height=0.7)
    for place, width in zip(places, widths, strict=True):
        ax.text(width, place, f" {width:,.0f}" if width else " –", va="center", fontsize=7.5)
    ax.set_yticks(places, names)
    ax.invert_yaxis()
    ax.set_xlim(0, 1.22 * max(widths))
    ax.set_xticks([])
    ax.spines["bottom"].set_visible(False)


def time_to_accuracy(found: dict[str, Any]) -> Figure:
    """Draw the accuracies over the training time, on a logarithmic axis; a line is a seed."""
    figure, ax = plt.subplots(figsize=(8, 5), layout="constrained")
    for place, (name, each) in enumerate(found["contenders"].items()):
        for number, run in enumerate(each["runs"]):
            label = name + (", extrapolated" if each.get("extrapolated") else "")
            dashes = "--" if each.get("extrapolated") else "-"
            shown = {"label": label} if number == 0 else {}
            errors = [100 * (1 - accuracy) for accuracy in run["accuracies"]]
            ax.plot(run["seconds"], errors, dashes, color=f"C{place}", marker=".", linewidth=1.2, **shown)
    for goal in next(iter(found["contenders"].values()))["median_seconds"]:
        level = 100 - float(goal.rstrip("%"))
        ax.axhline(level, color="#999999", linewidth=0.6)
        ax.text(1.0, level, f" {goal}", transform=ax.get_yaxis_transform(), va="center", fontsize=8)
    ax.set(
        xscale="log",
        yscale="log",
        ylabel="errors on the test set, in %",
        xlabel=f"seconds of training, {conditions(found)}",
    )
    figure.legend(loc="outside lower center", ncols=2, frameon=False, fontsize=8)
    return figure


def growth(found: dict[str, Any]) -> Figure:
    """Draw images per second and memory, a column for each thing that grows."""
    axes_of = list(found["growth"])
    figure, axes = plt.subplots(
        2, len(axes_of), figsize=(2.7 * len(axes_of) + 0.6, 4.6), squeeze=False, layout="constrained"
    )
    for column, axis in zip(axes.T, axes_of, strict=True):
        points = found["growth"][axis]
        sizes = [point["size"] for point in points]
        for engine, color in LINES.items():
            column[0].plot(sizes, [point[engine]["median"] for point in points], ".-", color=color, label=engine)
            memory = [point[engine]["peak_bytes"] / 2**20 for point in points]
            column[1].plot(sizes, memory, ".-", color=color, label=engine)
        for ax in column:
            ax.set_xscale("log")
            ax.set_xticks(sizes, [f"{size:,}" for size in sizes], rotation=45, fontsize=7)
            ax.minorticks_off()
        column[0].set_yscale("log")
        column[0].yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
        column[0].yaxis.set_major_formatter("{x:,.0f}")
        column[0].yaxis.set_minor_locator(NullLocator())
        column[1].set_ylim(bottom=0)
        column[0].set_title(f"{points[0]['network'].rstrip('0123456789')}: {GROWS[axis]}", fontsize=8)
    axes[0][0].set_ylabel("images per second")
    axes[1][0].set_ylabel("peak memory, MiB")
    axes[0][0].legend(frameon=False, title="engine", fontsize=8)
    figure.supxlabel(f"training, {conditions(found)}", fontsize=8)
    return figure


def conditions(found: dict[str, Any]) -> str:
    """Return on what a measurement was made."""
    return f"{found['threads']} cores of {found['environment']['processor']}, {found['date']}"


CHARTS: dict[str, Callable[[dict[str, Any]], Figure]] = {
    "speed": speed,
    "time_to_accuracy": time_to_accuracy,
    "growth": growth,
}


def digest(result: Path) -> str:
    """Return what a picture says of the file that it was drawn from."""
    return f"{result.name} {hashlib.sha256(result.read_bytes()).hexdigest()}"


def draw(name: str, result: Path, picture: Path) -> None:
    """Draw one chart."""
    with plt.rc_context(STYLE):
        figure = CHARTS[name](json.loads(result.read_text(encoding="utf-8")))
        figure.savefig(picture, metadata={"Date": None, "Source": digest(result)})
        plt.close(figure)


def main() -> None:
    for name in CHARTS:
        result, picture = RESULTS / f"{name}.json", PICTURES / f"{name}.svg"
        if result.exists():
            draw(name, result, picture)
            print(f"see {picture}")


if __name__ == "__main__":
    main()
