"""The figures that the pictures of a run are drawn on: one style, no global state, the same bytes each time."""

from __future__ import annotations

from contextlib import AbstractContextManager
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from deepen.report.fonts import DEFAULT_FONT

# matplotlib takes a second to load: it is imported when something is drawn. pyplot, which keeps every figure
# and looks for a display, is not used at all.
if TYPE_CHECKING:
    from matplotlib.figure import Figure

DPI = 150
INK, QUIET, FRAME, FAINT = "#24292f", "#656d76", "#8c959f", "#e4e7eb"
# Okabe and Ito's blue and vermilion: told apart with every kind of colour blindness.
BLUE, VERMILION = "#0072b2", "#d55e00"

STRETCHED = (lambda share: -np.cbrt(100 - share), lambda place: 100 + place**3)
"""A scale of percentages, there and back, that has room near 100: the cube root of what is missing.

Its logarithm would have no place for 100% itself.
"""


def style() -> AbstractContextManager[None]:
    """Draw in the house style, whatever the user's matplotlibrc says, until the context ends."""
    from matplotlib import style as styles

    house = {
        "font.family": DEFAULT_FONT,
        "font.size": 9,
        "text.color": INK,
        "axes.labelcolor": INK,
        "axes.edgecolor": FRAME,
        "axes.linewidth": 0.8,
        "axes.spines.top": False,
        "axes.spines.right": False,
        "axes.titlesize": 11,
        "axes.titleweight": "bold",
        "axes.formatter.useoffset": False,
        "axes.axisbelow": True,
        "xtick.color": FRAME,
        "ytick.color": FRAME,
        "xtick.labelcolor": INK,
        "ytick.labelcolor": INK,
        "grid.color": FAINT,
        "legend.frameon": False,
        "legend.borderaxespad": 0.1,
        "lines.linewidth": 1.6,
        "lines.markersize": 4,
    }
    return styles.context(["default", house])


def new_figure(width: float, height: float) -> Figure:
    """Return an empty figure of so many inches that is drawn in memory."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure((width, height), DPI)
    FigureCanvasAgg(figure)
    return figure


def save(figure: Figure, path: Path, *, tight: bool = False) -> None:
    """Write the figure as PNG; `tight` makes the picture as large as what is drawn in and around the figure."""
    figure.savefig(
        path,
        format="png",
        dpi=DPI,
        bbox_inches="tight" if tight else None,
        pad_inches=0.12,
        # Without matplotlib's version in it the file depends on the data alone.
        metadata={"Software": None},
        pil_kwargs={"optimize": True},
    )
