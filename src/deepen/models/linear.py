"""The linear classifier: a score for each class that is a weighted sum of all pixels."""

from __future__ import annotations

from deepen.layers import Dense, Flatten, Sequential
from deepen.models.registry import Accuracy, model


@model("linear", title="Linear classifier", year=1998, input_shape=(1, 28, 28), reported=Accuracy(88.0, "MNIST"))
def linear(classes: int = 10, width: float = 1.0) -> Sequential:
    """Make the network, `s = W x + b`: 784·10 + 10 = 7,850 parameters for 1×28×28 and ten classes.

    For colour pictures of 32×32, x has 3,072 numbers, and W and b together 30,730. There are no hidden units, so
    that every width is the same.

    Source: LeCun et al., "Gradient-based learning applied to document recognition", 1998, section III.C.1, the
    baseline (trained there with other targets and loss); the score function of CS231n, "Linear classification".
    """
    return Sequential([Flatten(), Dense(classes)])
