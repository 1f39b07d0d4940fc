"""Convolution as the books define it: by loops, for one map and for batches of many channels."""

from __future__ import annotations

import numpy as np

from deepen.arrays import Array
from deepen.textbook.shapes import Pair, check_shape, check_shapes
from deepen.textbook.windows import crop, output_shape, stops, zero_pad


def cross_correlate(x: Array, k: Array) -> Array:
    """Slide a kernel over a map and sum the products: `y[i,j] = Σ(u,v) x[i+u, j+v] · k[u,v]`.

    Shapes: x `(H, W)`, k `(FH, FW)`, y `(H − FH + 1, W − FW + 1)`. Deep learning calls this convolution.

    Source: d2l, section 7.2.1, `corr2d`.
    """
    check_shapes("cross_correlate", x=(x, "H W"), k=(k, "FH FW"))
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
    check_shapes("convolve", x=(x, "H W"), k=(k, "FH FW"))
    fh, fw = k.shape
    y = np.zeros((x.shape[0] + fh - 1, x.shape[1] + fw - 1), np.result_type(x, k))
    for u, v in np.ndindex(*x.shape):
        y[u : u + fh, v : v + fw] += x[u, v] * k
    return y


def conv_forward_naive(x: Array, w: Array, b: Array, stride: int | Pair = 1, pad: int | Pair = 0) -> Array:
    """Cross-correlate images with filters: `y[n,f,i,j] = b[f] + Σ(c,u,v) x̃[n, c, i·s+u, j·s+v] · w[f,c,u,v]`.

    Shapes: x `(N, C, H, W)`, x̃ the same padded by zeros, w `(F, C, FH, FW)`, b `(F,)`, y `(N, F, OH, OW)`.
    CS231n hands stride and pad over in a dictionary: `conv_forward_naive(x, w, b, **conv_param)`.

    Raises:
        ShapeError: an array has other axes, w sees other channels than x has, or no window fits.
        UsageError: stride or pad is no whole number and no pair of them.

    Source: CS231n, assignment 2, `conv_forward_naive`.
    """
    check_shapes("conv_forward_naive", x=(x, "N C H W"), w=(w, "F C FH FW"), b=(b, "F"))
    padded, window = zero_pad(x, pad), w.shape[2:]
    maps = padded.shape[2:]
    y = np.zeros((len(x), len(w), *output_shape(maps, window, stride)), np.result_type(x, w))
    for n, f in np.ndindex(len(x), len(w)):
        for i, j, rows, columns in stops(maps, window, stride):
            y[n, f, i, j] = (padded[n, :, rows, columns] * w[f]).sum() + b[f]
    return y


def conv_backward_naive(
    dy: Array, x: Array, w: Array, stride: int | Pair = 1, pad: int | Pair = 0
) -> tuple[Array, Array, Array]:
    """Return (dx, dw, db): each output's gradient goes to the pixels, the weights and the bias it was made of.

    `dx̃[n, c, i·s+u, j·s+v] += dy[n,f,i,j] · w[f,c,u,v]`, `dw[f,c,u,v] += dy[n,f,i,j] · x̃[n, c, i·s+u, j·s+v]`,
    `db[f] += dy[n,f,i,j]`. There is no cache: x, w, stride and pad are given again.

    Raises:
        ShapeError: an array has other axes, or dy has not the shape of the output.

    Source: CS231n, assignment 2, `conv_backward_naive`.
    """
    check_shapes("conv_backward_naive", x=(x, "N C H W"), w=(w, "F C FH FW"))
    padded, window = zero_pad(x, pad), w.shape[2:]
    check_shape("conv_backward_naive", "dy", dy, (len(x), len(w), *output_shape(padded.shape[2:], window, stride)))
    dpadded, dw, db = np.zeros_like(padded), np.zeros_like(w), np.zeros_like(w, shape=len(w))
    for n, f in np.ndindex(len(x), len(w)):
        for i, j, rows, columns in stops(padded.shape[2:], window, stride):
            d = dy[n, f, i, j]
            dpadded[n, :, rows, columns] += d * w[f]
            dw[f] += d * padded[n, :, rows, columns]
            db[f] += d
    return crop(dpadded, pad), dw, db


def conv_1x1(x: Array, w: Array, b: Array) -> Array:
    """Compute a 1×1 convolution as a dense layer over channels: `y[n,:,i,j] = W · x[n,:,i,j] + b` at each pixel.

    Shapes: x `(N, C, H, W)`, w `(F, C, 1, 1)`, of which W is the matrix `(F, C)`, b `(F,)`, y `(N, F, H, W)`.

    Source: Lin et al., "Network in network", 2014, section 3.1; d2l, section 7.4.3.
    """
    check_shapes("conv_1x1", x=(x, "N C H W"), b=(b, "F"))
    check_shape("conv_1x1", "w", w, (len(b), x.shape[1], 1, 1))
    y: Array = (x.transpose(0, 2, 3, 1) @ w[:, :, 0, 0].T + b).transpose(0, 3, 1, 2)
    return y
