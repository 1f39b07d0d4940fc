"""The picture of a search for the learning rate: the loss over the rates that were tried."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from deepen.report.canvas import BLUE, FRAME, VERMILION, new_figure, save, style


def lr_curve(
    rates: Sequence[float],
    losses: Sequence[float],
    smoothed: Sequence[float],
    suggestion: float | None,
    path: Path,
) -> None:
    """Draw the loss of each step and the smoothed loss over the learning rate, and a line at the suggestion."""
    with style():
        figure = new_figure(6, 3.7)
        figure.set_layout_engine("constrained")
        axes = figure.add_subplot()
        title = "No clear descent" if suggestion is None else f"Suggested learning rate: {suggestion:.2g}"
        axes.set_title(title, loc="left", pad=22)
        axes.scatter(rates, losses, 9, color=FRAME, linewidths=0, label="each step")
        axes.plot(rates, smoothed, color=BLUE, label="smoothed")
        if suggestion is not None:
            axes.axvline(suggestion, color=VERMILION, linestyle="--", label="suggestion")
        # Where the training diverges the loss leaves the picture: what matters lies below its beginning.
        low, start = min(*losses, *smoothed), max(losses[: 1 + len(losses) // 5])
        room = 0.15 * (start - low) or 0.1
        axes.set_ylim(low - room, start + 3 * room)
        axes.set_xscale("log")
        axes.margins(x=0)
        axes.set_xlabel("learning rate (logarithmic)")
        axes.set_ylabel("loss")
        axes.grid(axis="y")
        axes.legend(loc="lower left", bbox_to_anchor=(0, 1), ncols=3)
        save(figure, path)
