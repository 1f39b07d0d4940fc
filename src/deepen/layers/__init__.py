"""The layers, one file per idea: each knows its shapes, its NumPy passes and its PyTorch line."""

from deepen.layers.activation import ReLU, Sigmoid, Softmax
from deepen.layers.combine import Parallel, Residual, Sequential
from deepen.layers.conv import Conv2D
from deepen.layers.dense import Dense
from deepen.layers.dropout import Dropout
from deepen.layers.normalization import BatchNormalization, Normalize
from deepen.layers.pooling import AveragePooling2D, MaxPooling2D
from deepen.layers.reshape import Flatten

__all__ = [
    "AveragePooling2D",
    "BatchNormalization",
    "Conv2D",
    "Dense",
    "Dropout",
    "Flatten",
    "MaxPooling2D",
    "Normalize",
    "Parallel",
    "ReLU",
    "Residual",
    "Sequential",
    "Sigmoid",
    "Softmax",
]
