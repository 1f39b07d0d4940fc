"""Losses: what training makes small. They work on logits."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from deepen.arrays import Array
from deepen.description import Described, by_name, register
from deepen.errors import DeepenError
from deepen.layers.activation import Softmax


class Loss(Described):
    """Base of the losses: the mean over a batch of outputs `(N, K)` and targets `(N,)` or `(N, K)`."""

    def forward(self, outputs: Array, targets: Array) -> tuple[float, Any]:
        """Return the loss, and what the backward pass needs."""
        raise DeepenError(f"{type(self).__name__} lacks a NumPy forward pass")

    def backward(self, cache: Any) -> Array:
        """Return the gradient with respect to the outputs."""
        raise DeepenError(f"{type(self).__name__} lacks a NumPy backward pass")

    def torch_forward(self, F: Any, outputs: Any, targets: Any) -> Any:
        """Compute the loss with PyTorch; `F` is `torch.nn.functional`."""
        raise DeepenError(f"{type(self).__name__} lacks a PyTorch forward pass")

    def prediction(self, outputs: Array) -> Array:
        """Return what `predict` gives for the outputs of the network."""
        return outputs


@register
@dataclass(frozen=True)
class SoftmaxCrossEntropy(Loss):
    """Cross-entropy of the softmax of logits z against targets t: `L = −(1/N) Σₙ Σₖ tₙₖ log pₙₖ`, p = softmax(z).

    Backward: `dz = (p · Σₖ tₙₖ − t) / N`. Targets are class numbers `(N,)`, or probabilities `(N, K)`, such as
    one-hot rows. The logarithm is taken of the sum of exponentials, after the largest logit was subtracted,
    so that nothing overflows.

    Source: Bridle, "Probabilistic interpretation of feedforward classification network outputs", 1990.
    """

    def forward(self, outputs: Array, targets: Array) -> tuple[float, Any]:
        """Return the loss, and (p, t) as the cache."""
        t = one_hot(targets, outputs.shape[1], outputs.dtype) if targets.ndim == 1 else targets
        z = outputs - outputs.max(axis=1, keepdims=True)
        log_p = z - np.log(np.exp(z).sum(axis=1, keepdims=True))
        # A class that is not wanted costs nothing, however unlikely: not 0 · −∞, which is NaN.
        loss = -(t * np.where(t == 0, 0, log_p)).sum() / len(outputs)
        return float(loss), (np.exp(log_p), t)

    def backward(self, cache: Any) -> Array:
        """Return dz."""
        p, t = cache
        dz: Array = (p * t.sum(axis=1, keepdims=True) - t) / len(p)
        return dz

    def torch_forward(self, F: Any, outputs: Any, targets: Any) -> Any:
        """Compute the loss with PyTorch, which takes class numbers and probabilities alike."""
        return F.cross_entropy(outputs, targets)

    def prediction(self, outputs: Array) -> Array:
        """Return the probabilities, `(N, K)`."""
        return Softmax().value(outputs)


def one_hot(labels: Array, classes: int, dtype: Any) -> Array:
    """Turn class numbers `(N,)` into rows `(N, classes)` that are 1 at the class and 0 elsewhere."""
    rows = np.zeros((len(labels), classes), dtype)
    rows[np.arange(len(labels)), labels] = 1
    return rows


LOSSES = {
    "cross_entropy": SoftmaxCrossEntropy,
    "categorical_crossentropy": SoftmaxCrossEntropy,
    "sparse_categorical_crossentropy": SoftmaxCrossEntropy,
}


def loss(given: str | Loss) -> Loss:
    """Return the loss of that name, or the given one itself.

    Raises:
        UnknownNameError: no loss has that name.
    """
    return by_name("loss", Loss, LOSSES, given)
