"""The layers, one file per idea: each knows its shapes, its NumPy passes and its PyTorch line."""

from deepen.layers.activation import ELU, GELU, LeakyReLU, ReLU, ScaledTanh, Sigmoid, Softmax, Tanh
from deepen.layers.activity import ActivityRegularization
from deepen.layers.combine import Parallel, Residual, Sequential
from deepen.layers.conv import Conv2D
from deepen.layers.dense import Dense
from deepen.layers.dropout import Dropout, OriginalDropout
from deepen.layers.global_pooling import GlobalAveragePooling2D, GlobalMaxPooling2D
from deepen.layers.lenet5 import RBF, TrainablePooling2D
from deepen.layers.local_response import LocalResponseNormalization
from deepen.layers.normalization import BatchNormalization, GroupNormalization, Normalize
from deepen.layers.partial_conv import PartialConv2D
from deepen.layers.pooling import AveragePooling2D, MaxPooling2D, MinPooling2D, SumPooling2D
from deepen.layers.reshape import ChannelPadding, Flatten, ZeroPadding2D
from deepen.layers.resize import Resize
from deepen.layers.side import SideOutput

__all__ = [
    "ELU",
    "GELU",
    "RBF",
    "ActivityRegularization",
    "AveragePooling2D",
    "BatchNormalization",
    "ChannelPadding",
    "Conv2D",
    "Dense",
    "Dropout",
    "Flatten",
    "GlobalAveragePooling2D",
    "GlobalMaxPooling2D",
    "GroupNormalization",
    "LeakyReLU",
    "LocalResponseNormalization",
    "MaxPooling2D",
    "MinPooling2D",
    "Normalize",
    "OriginalDropout",
    "Parallel",
    "PartialConv2D",
    "ReLU",
    "Residual",
    "Resize",
    "ScaledTanh",
    "Sequential",
    "SideOutput",
    "Sigmoid",
    "Softmax",
    "SumPooling2D",
    "Tanh",
    "TrainablePooling2D",
    "ZeroPadding2D",
]
