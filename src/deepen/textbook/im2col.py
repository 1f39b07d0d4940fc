"""Convolution as one matrix product: every window written out as a row."""

from __future__ import annotations

import numpy as np

from deepen.arrays import Array
from deepen.textbook.windows import Pair, crop, output_shape, pad, stops


def im2col(x: Array, window: int | Pair, stride: int | Pair = 1, padding: int | Pair = 0) -> Array:
    """Write each window of images as a row: `(N, C, H, W)` → `(N·OH·OW, C·FH·FW)`.

    A pixel stands in as many rows as windows cover it. CS231n's `X_col` is the transpose: a window per column.

    Source: Saito, "Deep Learning from Scratch", section 7.4.2; CS231n, "Convolutional networks", implementation as
    matrix multiplication.
    """
    padded = pad(x, padding)
    # (OH·OW, N, C·FH·FW): a stop of the window for all images at once.
    windows = [
        padded[:, :, rows, columns].reshape(len(x), -1)
        for _, _, rows, columns in stops(padded.shape[2:], window, stride)
    ]
    return np.stack(windows, axis=1).reshape(len(x) * len(windows), -1)


def col2im(
    columns: Array, shape: tuple[int, ...], window: int | Pair, stride: int | Pair = 1, padding: int | Pair = 0
) -> Array:
    """Add each row back to where its window was, in images of `shape` `(N, C, H, W)`.

    This is im2col's transpose, not its inverse: a pixel that lay under several windows gets the sum.
    """
    padded = pad(np.zeros(shape, columns.dtype), padding)
    oh, ow = output_shape(padded.shape[2:], window, stride)
    by_stop = columns.reshape(len(padded), oh, ow, -1)
    for i, j, rows, cols in stops(padded.shape[2:], window, stride):
        here = padded[:, :, rows, cols]
        here += by_stop[:, i, j].reshape(here.shape)
    return crop(padded, padding)


def conv_forward_im2col(x: Array, w: Array, b: Array, stride: int | Pair = 1, padding: int | Pair = 0) -> Array:
    """Compute `conv_forward_naive` as `im2col(x) · Wᵀ + b`, W the filters as rows `(F, C·FH·FW)`.

    Source: Saito, "Deep Learning from Scratch", section 7.4.3.
    """
    oh, ow = output_shape(x.shape[2:], w.shape[2:], stride, padding)
    y = im2col(x, w.shape[2:], stride, padding) @ w.reshape(len(w), -1).T + b
    return y.reshape(len(x), oh, ow, len(w)).transpose(0, 3, 1, 2)


def conv_backward_im2col(
    dy: Array, x: Array, w: Array, stride: int | Pair = 1, padding: int | Pair = 0
) -> tuple[Array, Array, Array]:
    """Return (dx, dw, db) of that product: `dx = col2im(dY · W)`, `dW = dYᵀ · im2col(x)`, `db = Σ dY`.

    dY is dy `(N, F, OH, OW)` with a row per window, `(N·OH·OW, F)`.
    """
    matrix = dy.transpose(0, 2, 3, 1).reshape(-1, len(w))
    columns = im2col(x, w.shape[2:], stride, padding)
    dcolumns = matrix @ w.reshape(len(w), -1)
    dx = col2im(dcolumns, x.shape, w.shape[2:], stride, padding)
    return dx, (matrix.T @ columns).reshape(w.shape), matrix.sum(axis=0)
