"""The peer: DeepConvNet trained as a from-scratch textbook script in NumPy trains it.

It stands for the many scripts that follow K. Saito, "Deep Learning from Scratch" (O'Reilly Japan, 2016,
sections 5 to 8), written anew here with the same arithmetic in the same order, so that speeds can be compared
on any machine: float64 throughout; convolution and pooling as matrices of windows, filled and added back by
loops over the kernel's rows and columns; a mask for ReLU; Adam with both corrections folded into the rate.

Known defects of that form, here on purpose because they are part of what is compared:

- every step runs a second forward pass, with other units dropped, only to log the loss;
- dropout stands behind both dense layers, so behind the logits too, and scales at evaluation, not in training;
- the logarithm in the loss is taken of p + 1e-7, Adam's small number is outside of its correction (and 1e-7);
- ReLU's backward pass overwrites the gradient that it was handed;
- batches are drawn with replacement, so that an epoch misses about a third of the images.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import pairwise
from typing import Any

import numpy as np

from deepen.arrays import Array

CONVOLUTIONS = ((16, 1), (16, 1), (32, 1), (32, 2), (64, 1), (64, 1))
"""Filters and padding of the 3×3 convolutions; a 2×2 max pooling stands behind every second one."""
HIDDEN, CLASSES = 50, 10
FLATTENED = 64 * 4 * 4
LOG_FLOOR = 1e-7

Backward = Callable[[Array], tuple[Array, tuple[Array, ...]]]
"""Takes dy, returns dx and the gradients of the layer's own parameters."""
Layer = tuple[Array, Backward]
"""What a layer returns: y, and the way back."""


def places(kernel: int, stride: int, rows: int, columns: int) -> Iterator[tuple[int, int, Any]]:
    """Yield each position in a window with the slice of the images that lies there in all windows."""
    for i in range(kernel):
        for j in range(kernel):
            yield i, j, np.s_[:, :, i : i + stride * rows : stride, j : j + stride * columns : stride]


def to_columns(x: Array, kernel: int, stride: int, pad: int) -> Array:
    """Write each window of x `(N, C, H, W)` as a row: `(N·OH·OW, C·kernel·kernel)`."""
    n, c, h, w = x.shape
    rows, columns = ((side + 2 * pad - kernel) // stride + 1 for side in (h, w))
    padded = np.pad(x, ((0, 0), (0, 0), (pad, pad), (pad, pad)))
    windows = np.empty((n, c, kernel, kernel, rows, columns))
    for i, j, here in places(kernel, stride, rows, columns):
        windows[:, :, i, j] = padded[here]
    return windows.transpose(0, 4, 5, 1, 2, 3).reshape(n * rows * columns, -1)


def from_columns(matrix: Array, shape: tuple[int, ...], kernel: int, stride: int, pad: int) -> Array:
    """Add each row back to where its window was: the transpose of `to_columns`."""
    n, c, h, w = shape
    rows, columns = ((side + 2 * pad - kernel) // stride + 1 for side in (h, w))
    windows = matrix.reshape(n, rows, columns, c, kernel, kernel).transpose(0, 3, 4, 5, 1, 2)
    padded = np.zeros((n, c, h + 2 * pad, w + 2 * pad))
    for i, j, here in places(kernel, stride, rows, columns):
        padded[here] += windows[:, :, i, j]
    return padded[:, :, pad : pad + h, pad : pad + w]


def convolution(x: Array, kernel: Array, bias: Array, pad: int) -> Layer:
    """Convolve x with kernels `(filters, C, 3, 3)`, stride 1."""
    n, _, h, w = x.shape
    filters, size = len(kernel), kernel.shape[2]
    columns, matrix = to_columns(x, size, 1, pad), kernel.reshape(filters, -1).T
    y = columns @ matrix + bias
    rows = h + 2 * pad - size + 1

    def backward(dy: Array) -> tuple[Array, tuple[Array, ...]]:
        dy = dy.transpose(0, 2, 3, 1).reshape(-1, filters)
        dkernel = (columns.T @ dy).T.reshape(kernel.shape)
        return from_columns(dy @ matrix.T, x.shape, size, 1, pad), (dkernel, dy.sum(axis=0))

    return y.reshape(n, rows, w + 2 * pad - size + 1, filters).transpose(0, 3, 1, 2), backward


def pooling(x: Array, size: int = 2) -> Layer:
    """Take the maximum of each window; windows lie side by side."""
    n, c, h, w = x.shape
    windows = to_columns(x, size, size, 0).reshape(-1, size * size)
    where = windows.argmax(axis=1)
    y = windows.max(axis=1).reshape(n, h // size, w // size, c)

    def backward(dy: Array) -> tuple[Array, tuple[Array, ...]]:
        spread = np.zeros((dy.size, size * size))
        spread[np.arange(dy.size), where] = dy.transpose(0, 2, 3, 1).ravel()
        return from_columns(spread, x.shape, size, size, 0), ()

    return y.transpose(0, 3, 1, 2), backward


def relu(x: Array) -> Layer:
    """Set what is not positive to zero."""
    off = x <= 0
    y = x.copy()
    y[off] = 0

    def backward(dy: Array) -> tuple[Array, tuple[Array, ...]]:
        dy[off] = 0
        return dy, ()

    return y, backward


def dense(x: Array, weight: Array, bias: Array) -> Layer:
    """Multiply flattened x by a weight `(inputs, units)`."""
    flat = x.reshape(len(x), -1)

    def backward(dy: Array) -> tuple[Array, tuple[Array, ...]]:
        return (dy @ weight.T).reshape(x.shape), (flat.T @ dy, dy.sum(axis=0))

    return flat @ weight + bias, backward


class Textbook:
    """The network with its parameters (weight, bias, weight, bias, …), Adam's arrays, and a training step."""

    def __init__(self, seed: int = 0, dropout: float = 0.5, rate: float = 0.001) -> None:
        self.rng = np.random.default_rng(seed)
        self.dropout, self.rate, self.steps = dropout, rate, 0
        channels = (1, *(filters for filters, _ in CONVOLUTIONS))
        shapes = [(after, before, 3, 3) for before, after in pairwise(channels)]
        inputs = [9 * before for before in channels[:-1]] + [FLATTENED, HIDDEN]
        self.parameters: list[Array] = []
        for shape, count in zip([*shapes, (FLATTENED, HIDDEN), (HIDDEN, CLASSES)], inputs, strict=True):
            units = shape[0] if len(shape) == 4 else shape[1]
            self.parameters += [np.sqrt(2 / count) * self.rng.standard_normal(shape), np.zeros(units)]
        self.means = [np.zeros_like(p) for p in self.parameters]
        self.squares = [np.zeros_like(p) for p in self.parameters]

    def logits(self, x: Array, training: bool) -> tuple[Array, list[Backward]]:
        """Return the outputs, and the way back through each layer, in the order of the layers."""
        tape: list[Backward] = []

        def through(layer: Layer) -> Array:
            tape.append(layer[1])
            return layer[0]

        pairs = list(zip(self.parameters[::2], self.parameters[1::2], strict=True))
        for place, (_, pad) in enumerate(CONVOLUTIONS):
            x = through(relu(through(convolution(x, *pairs[place], pad))))
            if place % 2:
                x = through(pooling(x))
        x = through(relu(through(dense(x, *pairs[-2]))))
        x = through(self.drop(x, training))
        return through(self.drop(through(dense(x, *pairs[-1])), training)), tape

    def drop(self, x: Array, training: bool) -> Layer:
        """Drop units in training; scale by the share that is kept otherwise."""
        kept = self.rng.random(x.shape) > self.dropout if training else 1 - self.dropout
        return x * kept, lambda dy: (dy * kept, ())

    def loss(self, x: Array, labels: Array) -> tuple[float, Array, list[Backward]]:
        """Return the mean cross-entropy of a training pass, the probabilities, and the way back."""
        z, tape = self.logits(x, training=True)
        powers = np.exp(z - z.max(axis=1, keepdims=True))
        p = powers / powers.sum(axis=1, keepdims=True)
        return float(-np.log(p[np.arange(len(p)), labels] + LOG_FLOOR).mean()), p, tape

    def gradients(self, x: Array, labels: Array) -> list[Array]:
        """Return the gradients of the loss, in the order of the parameters."""
        _, p, tape = self.loss(x, labels)
        p[np.arange(len(p)), labels] -= 1
        dy, gradients = p / len(p), list[Array]()
        for backward in reversed(tape):
            dy, own = backward(dy)
            gradients = [*own, *gradients]
        return gradients

    def step(self, x: Array, labels: Array) -> float:
        """Train on a batch; return the loss of a second forward pass."""
        gradients = self.gradients(x, labels)
        self.steps += 1
        rate = self.rate * np.sqrt(1 - 0.999**self.steps) / (1 - 0.9**self.steps)
        for w, g, m, v in zip(self.parameters, gradients, self.means, self.squares, strict=True):
            m += 0.1 * (g - m)
            v += 0.001 * (g**2 - v)
            w -= rate * m / (np.sqrt(v) + 1e-7)
        return self.loss(x, labels)[0]
