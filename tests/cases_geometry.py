"""Rows of the case table: convolution and pooling in all their forms, padding, resizing, and LeNet-5's layers."""

from __future__ import annotations

from case import Case
from deepen.layers import (
    RBF,
    AveragePooling2D,
    ChannelPadding,
    Conv2D,
    Flatten,
    GlobalAveragePooling2D,
    GlobalMaxPooling2D,
    MaxPooling2D,
    MinPooling2D,
    PartialConv2D,
    Resize,
    Sequential,
    SumPooling2D,
    TrainablePooling2D,
    ZeroPadding2D,
)

TABLE = ((0, 2), (1,), (2, 1, 0), (0, 3))

CASES_GEOMETRY: dict[str, Case] = {
    "conv dilated": Case(
        Conv2D(3, 3, padding=1, dilation=2), (2, 6, 5), (3, 4, 3), (2, 2, 5), "3×3 window (dilated to 5×5)"
    ),
    "conv dilated strided": Case(
        Conv2D(2, (2, 3), (2, 1), (1, 2), "tanh", dilation=(3, 2)), (2, 6, 4), (2, 3, 4), (72,), "maps"
    ),
    "conv dilated same": Case(
        Conv2D(2, (3, 2), padding="same", dilation=(2, 3)), (2, 5, 4), (2, 5, 4), (72,), "maps"
    ),
    "conv dilated single channel": Case(
        Conv2D(3, 2, dilation=2), (1, 5, 4), (3, 3, 2), (1, 2, 4), "dilated to 3×3"
    ),
    "conv grouped": Case(
        Conv2D(6, 3, padding=1, groups=2),
        (4, 4, 3),
        (6, 4, 3),
        (3, 4, 3),
        "cannot divide 3 channels into 2 groups",
    ),
    "conv grouped strided": Case(
        Conv2D(4, 3, 2, activation="softmax", groups=2),
        (4, 5, 7),
        (4, 2, 3),
        (5, 5, 7),
        "cannot divide 5 channels",
    ),
    "conv grouped dilated no bias": Case(
        Conv2D(3, 2, dilation=2, groups=3, use_bias=False), (6, 4, 5), (3, 2, 3), (4, 4, 4), "into 3 groups"
    ),
    "conv depthwise": Case(
        Conv2D(3, 3, padding="same", groups=3), (3, 4, 4), (3, 4, 4), (2, 4, 4), "into 3 groups"
    ),
    "conv depthwise multiplied": Case(
        Conv2D(6, 3, stride=2, padding=1, groups=3), (3, 5, 4), (6, 3, 2), (4, 5, 4), "choose groups that divide"
    ),
    "partial conv": Case(
        PartialConv2D(TABLE, 3), (4, 5, 4), (4, 3, 2), (3, 5, 4), "filter 3 sees map 3, but the input (3, 5, 4)"
    ),
    "partial conv of more maps": Case(
        PartialConv2D(TABLE, (2, 3), 2, 1, "sigmoid"), (6, 5, 4), (4, 3, 2), (4, 5, 0), "2×3 window"
    ),
    "partial conv no bias": Case(
        PartialConv2D(((1, 0),), 2, padding="same", use_bias=False), (2, 3, 3), (1, 3, 3), (18,), "expects maps"
    ),
    "max pool ceil": Case(MaxPooling2D(3, 2, ceil_mode=True), (2, 6, 8), (2, 3, 4), (24,), "maps"),
    "max pool ceil padded": Case(MaxPooling2D(3, 2, 1, ceil_mode=True), (2, 6, 4), (2, 4, 3), (24,), "maps"),
    "max pool ceil starts outside": Case(
        MaxPooling2D(2, 2, 1, ceil_mode=True), (2, 3, 5), (2, 2, 3), (24,), "maps"
    ),
    "min pool": Case(MinPooling2D(), (3, 6, 4), (3, 3, 2), (3, 1, 4), "2×2"),
    "min pool overlapping": Case(MinPooling2D(3, stride=2, padding=1), (2, 7, 6), (2, 4, 3), (24,), "maps"),
    "min pool ceil": Case(MinPooling2D((3, 2), 2, ceil_mode=True), (2, 6, 5), (2, 3, 3), (24,), "maps"),
    "average pool overlapping": Case(AveragePooling2D(3, stride=1), (2, 5, 4), (2, 3, 2), (24,), "maps"),
    "average pool ceil": Case(AveragePooling2D(3, 2, ceil_mode=True), (2, 6, 8), (2, 3, 4), (24,), "maps"),
    "average pool ceil padded": Case(
        AveragePooling2D(3, 2, 1, ceil_mode=True), (2, 6, 4), (2, 4, 3), (24,), "maps"
    ),
    "average pool deep padding": Case(AveragePooling2D(3, 2, 2), (2, 4, 5), (2, 3, 4), (2, 9), "maps"),
    "sum pool": Case(SumPooling2D(), (3, 6, 4), (3, 3, 2), (3, 1, 4), "2×2"),
    "sum pool ceil padded": Case(SumPooling2D(3, 2, 1, ceil_mode=True), (2, 6, 4), (2, 4, 3), (24,), "maps"),
    "sum pool same": Case(SumPooling2D(2, padding="same"), (2, 5, 5), (2, 3, 3), (24,), "maps"),
    "trainable pool": Case(TrainablePooling2D(), (3, 6, 4), (3, 3, 2), (3, 1, 4), "2×2"),
    "trainable pool scaled tanh": Case(
        TrainablePooling2D(activation="scaled_tanh"), (2, 4, 5), (2, 2, 2), (9,), "maps"
    ),
    "trainable pool average": Case(
        TrainablePooling2D(3, 2, 1, pooling="average", activation="gelu"), (2, 5, 4), (2, 3, 2), (9,), "maps"
    ),
    "trainable pool max": Case(TrainablePooling2D(3, 2, 0, True, "max"), (2, 6, 4), (2, 3, 2), (9,), "maps"),
    "trainable pool min": Case(TrainablePooling2D(2, pooling="min"), (2, 4, 4), (2, 2, 2), (9,), "maps"),
    "global average pool": Case(GlobalAveragePooling2D(), (3, 4, 2), (3,), (24,), "expects maps"),
    "global max pool": Case(GlobalMaxPooling2D(), (3, 4, 2), (3,), (24,), "expects maps"),
    "zero padding": Case(ZeroPadding2D(2), (2, 3, 4), (2, 7, 8), (24,), "expects maps"),
    "zero padding one-sided": Case(ZeroPadding2D(((0, 1), (2, 0))), (2, 3, 4), (2, 4, 6), (24,), "maps"),
    "zero padding of nothing": Case(ZeroPadding2D(0), (2, 3, 4), (2, 3, 4), (24,), "maps"),
    "channel padding": Case(ChannelPadding(5), (2, 3, 4), (5, 3, 4), (6, 3, 4), "has 6 already"),
    "channel padding of nothing": Case(ChannelPadding(2), (2, 3, 4), (2, 3, 4), (24,), "expects maps"),
    "resize larger": Case(Resize((7, 5)), (2, 3, 4), (2, 7, 5), (24,), "expects maps"),
    "resize smaller": Case(Resize((2, 3)), (2, 5, 8), (2, 2, 3), (24,), "maps"),
    "resize from one pixel": Case(Resize(3), (2, 1, 1), (2, 3, 3), (24,), "maps"),
    "resize nearest": Case(Resize((7, 2), "nearest"), (2, 3, 5), (2, 7, 2), (24,), "maps"),
    "rbf": Case(RBF(4), (5,), (4,), (2, 3, 3), "put Flatten before it"),
    "rbf trainable": Case(RBF(3, trainable=True), (6,), (3,), (2, 3), "put Flatten before it"),
    "lenet-5 in small": Case(
        Sequential(
            [
                Conv2D(4, 3, activation="scaled_tanh"),
                TrainablePooling2D(activation="scaled_tanh"),
                PartialConv2D(TABLE, 2, activation="scaled_tanh"),
                Flatten(),
                RBF(3),
            ]
        ),
        (1, 8, 8),
        (3,),
        (64,),
        "conv1 expects maps",
    ),
}
