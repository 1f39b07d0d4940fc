"""Rectangles in images: drawn places, and which pixels lie inside."""

from __future__ import annotations

from typing import Any


def place(xp: Any, u: Any, count: Any) -> Any:
    """Turn uniform numbers `(N,)` into whole ones from 0 to count − 1, each as likely."""
    return xp.asarray(xp.asarray(u, dtype=xp.float64) * count, dtype=xp.int64)


def box(xp: Any, sides: tuple[int, int], top: Any, bottom: Any, left: Any, right: Any) -> Any:
    """Return which pixels `(N, 1, H, W)` lie in the rows from `top` up to `bottom`, and columns likewise.

    The edges are `(N,)`; the bottom row and the right column do not belong to it.
    """
    rows, columns = (xp.arange(length, device=top.device) for length in sides)
    in_rows = (rows >= top[:, None]) & (rows < bottom[:, None])
    in_columns = (columns >= left[:, None]) & (columns < right[:, None])
    return (in_rows[:, :, None] & in_columns[:, None, :])[:, None]
