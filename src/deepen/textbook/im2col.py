"""Convolution as one matrix product: every window written out as a row."""

from __future__ import annotations

import numpy as np

from deepen.arrays import Array
from deepen.textbook.shapes import Pair, check_shape, check_shapes
from deepen.textbook.windows import crop, output_shape, stops, zero_pad


def im2col(x: Array, filter_h: int, filter_w: int, stride: int | Pair = 1, pad: int | Pair = 0) -> Array:
    """Write each window FH×FW of images as a row: `(N, C, H, W)` → `(N·OH·OW, C·FH·FW)`.

    A pixel stands in as many rows as windows cover it. CS231n's `X_col` is the transpose: a window per column.

    Source: Saito, "Deep Learning from Scratch", section 7.4.2; CS231n, "Convolutional networks", implementation as
    matrix multiplication.
    """
    check_shapes("im2col", x=(x, "N C H W"))
    padded = zero_pad(x, pad)
    # (OH·OW, N, C·FH·FW): a stop of the window for all images at once.
    windows = [
        padded[:, :, rows, columns].reshape(len(x), -1)
        for _, _, rows, columns in stops(padded.shape[2:], (filter_h, filter_w), stride)
    ]
    return np.stack(windows, axis=1).reshape(len(x) * len(windows), -1)


def col2im(
    columns: Array,
    shape: tuple[int, ...],
    filter_h: int,
    filter_w: int,
    stride: int | Pair = 1,
    pad: int | Pair = 0,
) -> Array:
    """Add each row back to where its window was, in images of `shape` `(N, C, H, W)`.

    This is im2col's transpose, not its inverse: a pixel that lay under several windows gets the sum.
    """
    padded, window = zero_pad(np.zeros(shape, columns.dtype), pad), (filter_h, filter_w)
    check_shapes("col2im", images=(padded, "N C H W"))
    n, c, *maps = padded.shape
    oh, ow = output_shape((maps[0], maps[1]), window, stride)
    check_shape("col2im", "columns", columns, (n * oh * ow, c * filter_h * filter_w))
    by_stop = columns.reshape(n, oh, ow, -1)
    for i, j, rows, cols in stops(padded.shape[2:], window, stride):
        here = padded[:, :, rows, cols]
        here += by_stop[:, i, j].reshape(here.shape)
    return crop(padded, pad)


def conv_forward_im2col(x: Array, w: Array, b: Array, stride: int | Pair = 1, pad: int | Pair = 0) -> Array:
    """Compute `conv_forward_naive` as `im2col(x) · Wᵀ + b`, W the filters as rows `(F, C·FH·FW)`.

    Source: Saito, "Deep Learning from Scratch", section 7.4.3.
    """
    check_shapes("conv_forward_im2col", x=(x, "N C H W"), w=(w, "F C FH FW"), b=(b, "F"))
    fh, fw = w.shape[2:]
    oh, ow = output_shape(x.shape[2:], (fh, fw), stride, pad)
    y = im2col(x, fh, fw, stride, pad) @ w.reshape(len(w), -1).T + b
    return y.reshape(len(x), oh, ow, len(w)).transpose(0, 3, 1, 2)


def conv_backward_im2col(
    dy: Array, x: Array, w: Array, stride: int | Pair = 1, pad: int | Pair = 0
) -> tuple[Array, Array, Array]:
    """Return (dx, dw, db) of that product: `dx = col2im(dY · W)`, `dW = dYᵀ · im2col(x)`, `db = Σ dY`.

    dY is dy `(N, F, OH, OW)` with a row per window, `(N·OH·OW, F)`.
    """
    check_shapes("conv_backward_im2col", x=(x, "N C H W"), w=(w, "F C FH FW"))
    fh, fw = w.shape[2:]
    maps = output_shape(x.shape[2:], (fh, fw), stride, pad)
    check_shape("conv_backward_im2col", "dy", dy, (len(x), len(w), *maps))
    matrix = dy.transpose(0, 2, 3, 1).reshape(-1, len(w))
    columns = im2col(x, fh, fw, stride, pad)
    dcolumns = matrix @ w.reshape(len(w), -1)
    dx = col2im(dcolumns, x.shape, fh, fw, stride, pad)
    return dx, (matrix.T @ columns).reshape(w.shape), matrix.sum(axis=0)
