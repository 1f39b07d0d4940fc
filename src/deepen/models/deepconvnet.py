"""DeepConvNet: six small convolutions in pairs, the deep network of a well-known textbook."""

from __future__ import annotations

from deepen.layers import Conv2D, Dense, Dropout, Flatten, MaxPooling2D, Sequential
from deepen.models.registry import Accuracy, model, scaled


@model("deepconvnet", title="DeepConvNet", year=2016, input_shape=(1, 28, 28), reported=Accuracy(99.38, "MNIST"))
def deepconvnet(
    classes: int = 10, width: float = 1.0, *, dropout: float = 0.5, logits_dropout: float = 0.0
) -> Sequential:
    """Make the network: 123,552 parameters and 8.77 million multiply-adds for 1×28×28 and ten classes.

    Source: K. Saito, "Deep Learning from Scratch", O'Reilly Japan, 2016, section 8.1: 3×3 kernels, He
    initialization, ReLU, dropout behind both dense layers, Adam. The fourth convolution pads by 2.

    Changed since: the dropout behind the last dense layer is off, because it only disturbs the loss there;
    `logits_dropout=0.5` brings the book's form back.
    """
    layers = [
        _conv(scaled(16, width)),
        _conv(scaled(16, width)),
        MaxPooling2D(2),
        _conv(scaled(32, width)),
        _conv(scaled(32, width), padding=2),
        MaxPooling2D(2),
        _conv(scaled(64, width)),
        _conv(scaled(64, width)),
        MaxPooling2D(2),
        Flatten(),
        Dense(scaled(50, width), activation="relu"),
        Dropout(dropout),
        Dense(classes),
    ]
    return Sequential(layers + ([Dropout(logits_dropout)] if logits_dropout else []))


def _conv(filters: int, padding: int = 1) -> Conv2D:
    return Conv2D(filters, 3, padding=padding, activation="relu", kernel_initializer="he_normal")
