"""Convolution as the books define it: by loops, for one map and for batches of many channels."""

from __future__ import annotations

import numpy as np

from deepen.arrays import Array
from deepen.textbook.windows import Pair, crop, output_shape, pad, stops


def cross_correlate(x: Array, k: Array) -> Array:
    """Slide a kernel over a map and sum the products: `y[i,j] = Σ(u,v) x[i+u, j+v] · k[u,v]`.

    Shapes: x `(H, W)`, k `(FH, FW)`, y `(H − FH + 1, W − FW + 1)`. Deep learning calls this convolution.

    Source: d2l, section 7.2.1, `corr2d`.
    """
    y = np.zeros(output_shape(x.shape, k.shape), np.result_type(x, k))
    for i, j, rows, columns in stops(x.shape, k.shape):
        y[i, j] = (x[rows, columns] * k).sum()
    return y


def turn(k: Array) -> Array:
    """Turn kernels by 180°: both of the last two axes run backwards."""
    return k[..., ::-1, ::-1]


def convolve(x: Array, k: Array) -> Array:
    """Convolve in the mathematical sense: `y[i,j] = Σ(u,v) x[u,v] · k[i−u, j−v]`, both zero outside.

    It commutes, which cross-correlation does not. It is the cross-correlation with the turned kernel, of a map
    padded by size − 1; where kernels are learned, the two are therefore equally good.

    Shapes: x `(H, W)`, k `(FH, FW)`, y `(H + FH − 1, W + FW − 1)`.

    Source: Goodfellow et al., "Deep Learning", 2016, section 9.1, equations 9.4 to 9.6; d2l, section 7.2.5.
    """
    fh, fw = k.shape
    y = np.zeros((x.shape[0] + fh - 1, x.shape[1] + fw - 1), np.result_type(x, k))
    for u, v in np.ndindex(*x.shape):
        y[u : u + fh, v : v + fw] += x[u, v] * k
    return y


def conv_forward_naive(x: Array, w: Array, b: Array, stride: int | Pair = 1, padding: int | Pair = 0) -> Array:
    """Cross-correlate images with filters: `y[n,f,i,j] = b[f] + Σ(c,u,v) x̃[n, c, i·s+u, j·s+v] · w[f,c,u,v]`.

    Shapes: x `(N, C, H, W)`, x̃ the same padded by zeros, w `(F, C, FH, FW)`, b `(F,)`, y `(N, F, OH, OW)`.

    Source: CS231n, assignment 2, `conv_forward_naive`.
    """
    padded, window = pad(x, padding), w.shape[2:]
    maps = padded.shape[2:]
    y = np.zeros((len(x), len(w), *output_shape(maps, window, stride)), np.result_type(x, w))
    for n, f in np.ndindex(len(x), len(w)):
        for i, j, rows, columns in stops(maps, window, stride):
            y[n, f, i, j] = (padded[n, :, rows, columns] * w[f]).sum() + b[f]
    return y


def conv_backward_naive(
    dy: Array, x: Array, w: Array, stride: int | Pair = 1, padding: int | Pair = 0
) -> tuple[Array, Array, Array]:
    """Return (dx, dw, db): each output's gradient goes to the pixels, the weights and the bias it was made of.

    `dx̃[n, c, i·s+u, j·s+v] += dy[n,f,i,j] · w[f,c,u,v]`, `dw[f,c,u,v] += dy[n,f,i,j] · x̃[n, c, i·s+u, j·s+v]`,
    `db[f] += dy[n,f,i,j]`.

    Source: CS231n, assignment 2, `conv_backward_naive`.
    """
    padded, window = pad(x, padding), w.shape[2:]
    dpadded, dw, db = np.zeros_like(padded), np.zeros_like(w), np.zeros_like(w, shape=len(w))
    for n, f in np.ndindex(len(x), len(w)):
        for i, j, rows, columns in stops(padded.shape[2:], window, stride):
            d = dy[n, f, i, j]
            dpadded[n, :, rows, columns] += d * w[f]
            dw[f] += d * padded[n, :, rows, columns]
            db[f] += d
    return crop(dpadded, padding), dw, db


def conv_1x1(x: Array, w: Array, b: Array) -> Array:
    """Compute a 1×1 convolution as a dense layer over channels: `y[n,:,i,j] = W · x[n,:,i,j] + b` at each pixel.

    Shapes: x `(N, C, H, W)`, w `(F, C, 1, 1)`, of which W is the matrix `(F, C)`, b `(F,)`, y `(N, F, H, W)`.

    Source: Lin et al., "Network in network", 2014, section 3.1; d2l, section 7.4.3.
    """
    y: Array = (x.transpose(0, 2, 3, 1) @ w[:, :, 0, 0].T + b).transpose(0, 3, 1, 2)
    return y
