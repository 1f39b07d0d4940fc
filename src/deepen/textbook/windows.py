"""Where a window stops on its way over a map: the loop that the books' convolution and pooling share."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from deepen.arrays import Array
from deepen.errors import ShapeError
from deepen.textbook.shapes import Pair, pair
from deepen.textbook.sizes import output_size


def output_shape(maps: Pair, window: Pair, stride: int | Pair = 1, pad: int | Pair = 0) -> Pair:
    """Return (OH, OW): how many windows fit over maps `(H, W)`, one above the other and side by side."""
    oh, ow = map(output_size, maps, pair("window", window), pair("stride", stride), pair("pad", pad, least=0))
    return oh, ow


def stops(
    maps: Pair, window: Pair, stride: int | Pair = 1, pad: int | Pair = 0
) -> Iterator[tuple[int, int, slice, slice]]:
    """Yield each output's row i and column j, with the rows and columns of real pixels under its window.

    The window begins at `(i·s − p, j·s − p)`; where it reaches beyond the map, it is cut off.

    Raises:
        ShapeError: no window fits, or one may lie in the padding altogether.
    """
    (fh, fw), (sh, sw), (ph, pw) = pair("window", window), pair("stride", stride), pair("pad", pad, least=0)
    if ph >= fh or pw >= fw:
        raise ShapeError(
            "a window", f"of {fh}×{fw} may see no pixel with pad {(ph, pw)}; pad by less than its size"
        )
    for i, j in np.ndindex(output_shape(maps, window, stride, pad)):
        top, left = i * sh - ph, j * sw - pw
        yield i, j, slice(max(top, 0), top + fh), slice(max(left, 0), left + fw)


def zero_pad(x: Array, pad: int | Pair) -> Array:
    """Put P rows and columns of zeros around the last two axes."""
    (ph, pw), others = pair("pad", pad, least=0), [(0, 0)] * (x.ndim - 2)
    return np.pad(x, [*others, (ph, ph), (pw, pw)])


def crop(padded: Array, pad: int | Pair) -> Array:
    """Undo `zero_pad`."""
    (ph, pw), (h, w) = pair("pad", pad, least=0), padded.shape[-2:]
    return padded[..., ph : h - ph, pw : w - pw]
