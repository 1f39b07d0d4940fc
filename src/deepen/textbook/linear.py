"""The linear classifier: scores, softmax and cross-entropy."""

from __future__ import annotations

import numpy as np

from deepen.arrays import Array
from deepen.textbook.shapes import check_shapes


def linear_scores(w: Array, x: Array, b: Array) -> Array:
    """Score an image for each class: `s = W · x + b`.

    Shapes: W `(K, D)`, x `(D,)`, b and s `(K,)`. For ten classes and a 32×32 picture in colour, W is 10×3072.

    Source: CS231n, "Linear classification", equation 1.
    """
    check_shapes("linear_scores", w=(w, "K D"), x=(x, "D"), b=(b, "K"))
    s: Array = w @ x + b
    return s


def linear_backward(ds: Array, w: Array, x: Array) -> tuple[Array, Array, Array]:
    """Return (dW, dx, db) of the scores: `dW = ds · xᵀ`, `dx = Wᵀ · ds`, `db = ds`."""
    check_shapes("linear_backward", ds=(ds, "K"), w=(w, "K D"), x=(x, "D"))
    return np.outer(ds, x), w.T @ ds, ds


def affine_forward(x: Array, w: Array, b: Array) -> Array:
    """Compute `Y = X · W + b` for a batch of any shape `(N, ...)`, flattened to `(N, D)`.

    Shapes: w `(D, M)`, the transpose of the W of `linear_scores`, b `(M,)`, Y `(N, M)`.

    Source: CS231n, assignment 2, `affine_forward`; Saito, "Deep Learning from Scratch", section 5.6.
    """
    rows = x.reshape(len(x), -1)
    check_shapes("affine_forward", x=(rows, "N D"), w=(w, "D M"), b=(b, "M"))
    y: Array = rows @ w + b
    return y


def affine_backward(dy: Array, x: Array, w: Array) -> tuple[Array, Array, Array]:
    """Return (dx, dw, db): `dX = dY · Wᵀ`, `dW = Xᵀ · dY`, `db = Σₙ dY`; dx has the shape of x."""
    rows = x.reshape(len(x), -1)
    check_shapes("affine_backward", x=(rows, "N D"), w=(w, "D M"), dy=(dy, "N M"))
    return (dy @ w.T).reshape(x.shape), rows.T @ dy, dy.sum(axis=0)


def softmax(z: Array) -> Array:
    """Turn scores into probabilities along the last axis: `p[k] = exp(z[k]) / Σⱼ exp(z[j])`.

    The largest score is subtracted first, which changes nothing but keeps exp from overflowing.

    Source: Saito, "Deep Learning from Scratch", section 3.5; CS231n, "Linear classification", softmax classifier.
    """
    e = np.exp(z - z.max(axis=-1, keepdims=True))
    p: Array = e / e.sum(axis=-1, keepdims=True)
    return p


def cross_entropy(p: Array, labels: Array) -> float:
    """Return `L = −(1/N) Σₙ log p[n, label[n]]` for probabilities `(N, K)` and class numbers `(N,)`."""
    check_shapes("cross_entropy", p=(p, "N K"), labels=(labels, "N"))
    return float(-np.log(p[np.arange(len(p)), labels]).mean())


def softmax_loss(z: Array, labels: Array) -> tuple[float, Array]:
    """Return the cross-entropy of softmax(z), and its gradient `dz = (p − t) / N`, t the one-hot labels.

    Source: CS231n, assignment 2, `softmax_loss`; Saito, "Deep Learning from Scratch", section 5.6.3.
    """
    check_shapes("softmax_loss", z=(z, "N K"), labels=(labels, "N"))
    p = softmax(z)
    dz = p.copy()
    dz[np.arange(len(p)), labels] -= 1
    return cross_entropy(p, labels), dz / len(p)
