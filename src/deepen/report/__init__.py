"""The report of a run: pictures of how it learned and where it errs, and a page that shows them."""

from __future__ import annotations

from deepen.report.fonts import drawable
from deepen.report.page import write_page
from deepen.report.plots import confusion, learning_curves, pictures

__all__ = ["confusion", "drawable", "learning_curves", "pictures", "write_page"]
