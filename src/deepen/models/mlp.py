"""The multilayer perceptron: fully connected layers only."""

from __future__ import annotations

from deepen.layers import Dense, Flatten, Sequential
from deepen.models.registry import Accuracy, model, scaled


@model("mlp", title="Multilayer perceptron", year=1998, input_shape=(1, 28, 28), reported=Accuracy(96.95, "MNIST"))
def mlp(classes: int = 10, width: float = 1.0) -> Sequential:
    """Make the network, 784–300–100–10: 235,500 + 30,100 + 1,010 = 266,610 parameters for 1×28×28.

    Source: LeCun et al., "Gradient-based learning applied to document recognition", 1998, section III.C.6: the
    first of its networks with two hidden layers, known as LeNet-300-100. Changed since: ReLU and He
    initialization in place of the scaled tanh.
    """
    return Sequential(
        [
            Flatten(),
            Dense(scaled(300, width), activation="relu"),
            Dense(scaled(100, width), activation="relu"),
            Dense(classes),
        ]
    )
