"""Numbers that two books print, found again by the textbook's functions and by the library.

Every expected number is copied from its source, none from a run of this code:

- d2l: "Dive into Deep Learning" (d2l.ai), sections as in version 1.0, what its PyTorch code prints;
- Saito: "Deep Learning from Scratch" (O'Reilly, 2016).
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from deepen import textbook
from deepen.arrays import Array
from deepen.layers import AveragePooling2D, Conv2D, Dense, MaxPooling2D, Sequential
from judges import assert_printed, outputs, run


def maps(*channels: Any) -> Array:
    return np.array([channels], "float64")


NINE = np.arange(9.0).reshape(3, 3)
FOUR = np.arange(4.0).reshape(2, 2)
SIXTEEN = np.arange(16.0).reshape(4, 4)


def convolved(x: Array, w: Array) -> list[Any]:
    """Return the textbook's convolution without bias; the library's has to be the same."""
    filters, _, *window = w.shape
    y = textbook.conv_forward_naive(x, w, np.zeros(filters))
    assert (outputs(Conv2D(filters, tuple(window), use_bias=False), x, w) == y).all()
    return y[0].tolist()


def test_d2l_cross_correlation() -> None:
    """Section 7.2.1."""
    printed = [[19, 25], [37, 43]]
    assert textbook.cross_correlate(NINE, FOUR).tolist() == printed
    assert convolved(maps(NINE), maps(FOUR)) == [printed]


def test_d2l_edge_detection() -> None:
    """Section 7.2.3: the kernel finds vertical edges, and none in the transposed picture."""
    picture, kernel = np.ones((6, 8)), np.array([[1.0, -1.0]])
    picture[:, 2:6] = 0
    printed = [[0, 1, 0, 0, 0, -1, 0]] * 6
    assert textbook.cross_correlate(picture, kernel).tolist() == printed
    assert convolved(maps(picture), maps(kernel)) == [printed]
    assert textbook.cross_correlate(picture.T, kernel).tolist() == [[0] * 5] * 8


def test_d2l_channels() -> None:
    """Sections 7.4.1 and 7.4.2."""
    x, k = maps(NINE, NINE + 1), maps(FOUR, FOUR + 1)
    assert convolved(x, k) == [[[56, 72], [104, 120]]]
    printed = [[[56, 72], [104, 120]], [[76, 100], [148, 172]], [[96, 128], [192, 224]]]
    assert convolved(x, np.concatenate([k, k + 1, k + 2])) == printed


@pytest.mark.parametrize(
    ("window", "padding", "stride", "printed"),
    [
        (3, 1, 1, (8, 8)),
        ((5, 3), (2, 1), 1, (8, 8)),
        (3, 1, 2, (4, 4)),
        ((3, 5), (0, 1), (3, 4), (2, 2)),
    ],
)
def test_d2l_padding_and_stride(window: Any, padding: Any, stride: Any, printed: Any) -> None:
    """Section 7.3."""
    assert Conv2D(1, window, stride, padding).output_shape((1, 8, 8)) == (1, *printed)
    y = textbook.conv_forward_naive(np.zeros((1, 1, 8, 8)), np.zeros((1, 1, *pair(window))), [0], stride, padding)
    assert y.shape == (1, 1, *printed)


def pair(value: Any) -> tuple[int, int]:
    return value if isinstance(value, tuple) else (value, value)


@pytest.mark.parametrize(
    ("x", "window", "stride", "padding", "printed"),
    [
        ([NINE], 2, 1, 0, [[[4, 5], [7, 8]]]),
        ([SIXTEEN], 3, 3, 0, [[[10]]]),
        ([SIXTEEN], 3, 2, 1, [[[5, 7], [13, 15]]]),
        ([SIXTEEN], (2, 3), (2, 3), (0, 1), [[[5, 7], [13, 15]]]),
        # An earlier edition pads by (1, 1).
        ([SIXTEEN], (2, 3), (2, 3), (1, 1), [[[1, 3], [9, 11], [13, 15]]]),
        ([SIXTEEN, SIXTEEN + 1], 3, 2, 1, [[[5, 7], [13, 15]], [[6, 8], [14, 16]]]),
        # Saito, section 7.3.
        ([[[1, 2, 1, 0], [0, 1, 2, 3], [3, 0, 1, 2], [2, 4, 0, 1]]], 2, 2, 0, [[[2, 3], [4, 2]]]),
    ],
)
def test_d2l_max_pooling(x: Any, window: Any, stride: Any, padding: Any, printed: Any) -> None:
    """Section 7.5."""
    assert textbook.max_pool_forward(maps(*x), *pair(window), stride, padding)[0].tolist() == printed
    assert outputs(MaxPooling2D(window, stride, padding), maps(*x))[0].tolist() == printed


def test_d2l_average_pooling() -> None:
    """Section 7.5.1."""
    printed = [[[[2, 3], [5, 6]]]]
    assert textbook.average_pool_forward(maps(NINE), 2, 2, 1).tolist() == printed
    assert outputs(AveragePooling2D(2, stride=1), maps(NINE)).tolist() == printed


@pytest.mark.parametrize(
    ("size", "stride", "padding", "printed"),
    [
        (3, 1, 0, [[0, 0, 1], [0, 4, 6], [4, 12, 9]]),
        (1, 1, 1, [[4]]),
        (4, 2, 0, [[0, 0, 0, 1], [0, 0, 2, 3], [0, 2, 0, 3], [4, 6, 6, 9]]),
    ],
)
def test_d2l_transposed_convolution_is_the_way_back(
    size: int, stride: int, padding: int, printed: list[list[int]]
) -> None:
    """Section 14.10: what it computes from Y is a convolution's gradient dx for dy = Y."""
    x, w, dy = np.zeros((1, 1, size, size)), maps(FOUR), maps(FOUR)
    for backward in (textbook.conv_backward_naive, textbook.conv_backward_im2col):
        assert backward(dy, x, w, stride, padding)[0][0, 0].tolist() == printed
    layer = Conv2D(1, 2, stride, padding, use_bias=False)
    assert run(layer, x, dy, w)[1][0, 0].tolist() == printed


# Saito


def test_saito_convolution() -> None:
    """Section 7.2.2."""
    x = maps([[1, 2, 3, 0], [0, 1, 2, 3], [3, 0, 1, 2], [2, 3, 0, 1]])
    assert convolved(x, maps([[2, 0, 1], [0, 1, 2], [1, 0, 2]])) == [[[15, 16], [6, 15]]]


def test_saito_two_small_kernels_see_what_one_large_one_sees() -> None:
    """Section 8.1.3: 5×5 pixels through 18 weights instead of 25."""
    assert textbook.receptive_field([(3, 1), (3, 1)]) == textbook.receptive_field([(5, 1)]) == 5
    assert 2 * textbook.convolution_parameters(1, 1, 3, 3, bias=False) == 18
    assert textbook.convolution_parameters(1, 1, 5, 5, bias=False) == 25


def test_saito_three_layer_network() -> None:
    """Section 3.4.3."""
    network = Sequential([Dense(3, activation="sigmoid"), Dense(2, activation="sigmoid"), Dense(2)])
    w1 = np.array([[0.1, 0.3, 0.5], [0.2, 0.4, 0.6]])
    w2 = np.array([[0.1, 0.4], [0.2, 0.5], [0.3, 0.6]])
    w3 = np.array([[0.1, 0.3], [0.2, 0.4]])
    b1, b = np.array([0.1, 0.2, 0.3]), np.array([0.1, 0.2])
    y = outputs(network, np.array([[1.0, 0.5]]), w1.T, b1, w2.T, b, w3.T, b)
    assert_printed(y, [[0.31682708, 0.69627909]])


@pytest.mark.parametrize(
    ("p", "printed"),
    [
        ([0.1, 0.05, 0.6, 0.0, 0.05, 0.1, 0.0, 0.1, 0.0, 0.0], 0.51082545709933802),
        ([0.1, 0.05, 0.1, 0.0, 0.05, 0.1, 0.0, 0.6, 0.0, 0.0], 2.3025840929945458),
    ],
)
def test_saito_cross_entropy(p: list[float], printed: float) -> None:
    """Section 4.2.2, where 10⁻⁷ is added to each probability."""
    assert_printed(textbook.cross_entropy(np.array([p]) + 1e-7, np.array([2])), printed, digits=14)


@pytest.mark.parametrize(("x", "printed"), [([3, 4], [6, 8]), ([0, 2], [0, 4]), ([3, 0], [6, 0])])
def test_saito_numerical_gradient(x: list[float], printed: list[float]) -> None:
    """Section 4.4: of x₀² + x₁²."""
    assert_printed(textbook.numerical_gradient(lambda x: float((x**2).sum()), np.array(x)), printed)


def test_saito_price_of_apples_and_oranges() -> None:
    """Section 5.4: two apples at 100 and three oranges at 150, with a tax of a tenth."""
    apples, oranges, both, taxed = textbook.Multiply(), textbook.Multiply(), textbook.Add(), textbook.Multiply()
    price = taxed.forward(both.forward(apples.forward(100, 2), oranges.forward(150, 3)), 1.1)
    assert price == pytest.approx(715)
    dsum, dtax = taxed.backward(1)
    dapples, doranges = both.backward(dsum)
    assert apples.backward(dapples) == pytest.approx((2.2, 110))
    assert oranges.backward(doranges) == pytest.approx((3.3, 165))
    assert dtax == 650
