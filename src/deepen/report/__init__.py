"""The report of a run: pictures of how it learned and where it errs, and a page that shows them."""

from __future__ import annotations

from deepen.lettering import fits, percent
from deepen.report.fonts import drawable
from deepen.report.health import health
from deepen.report.page import Table, write_page
from deepen.report.plots import CAPTION, confusion, learning_curves, pictures
from deepen.report.reliability import reliability

__all__ = [
    "CAPTION",
    "Table",
    "confusion",
    "drawable",
    "fits",
    "health",
    "learning_curves",
    "percent",
    "pictures",
    "reliability",
    "write_page",
]
