"""The textbook's convolution and pooling: judges of each other and of the layers, with numerical gradients."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from deepen import textbook
from deepen.arrays import Array
from deepen.errors import ShapeError
from deepen.layers import AveragePooling2D, Conv2D, Dense, MaxPooling2D
from deepen.layers.windows import Windows
from deepen.spec import parameters
from harness import difference
from judges import assert_same, run, source


class Windowed(NamedTuple):
    """Images, and windows that fit onto them."""

    shape: tuple[int, int, int, int]
    window: tuple[int, int]
    stride: tuple[int, int]
    padding: tuple[int, int]

    @property
    def where(self) -> tuple[tuple[int, int], tuple[int, int]]:
        return self.stride, self.padding


def pairs(least: int, most: int) -> st.SearchStrategy[tuple[int, int]]:
    return st.tuples(st.integers(least, most), st.integers(least, most))


@st.composite
def windowed(draw: st.DrawFn) -> Windowed:
    """Draw a case; padding stays below the window's size, as pooling needs it."""
    kh, kw = draw(pairs(1, 3))
    ph, pw = (draw(st.integers(0, k - 1)) for k in (kh, kw))
    h, w = (draw(st.integers(max(1, k - 2 * p), 6)) for k, p in ((kh, ph), (kw, pw)))
    n, c = draw(pairs(1, 2))
    return Windowed((n, c, h, w), (kh, kw), draw(pairs(1, 3)), (ph, pw))


# Convolution


@given(pairs(1, 6), pairs(1, 4))
def test_true_convolution_is_cross_correlation_with_the_turned_kernel(size: Any, window: Any) -> None:
    draw = source()
    x, k = draw(*size), draw(*window)
    padded = np.pad(x, [(window[0] - 1,) * 2, (window[1] - 1,) * 2])
    assert difference(textbook.convolve(x, k), textbook.cross_correlate(padded, textbook.turn(k))) < 1e-12


@given(pairs(1, 5), pairs(1, 5))
def test_true_convolution_commutes(one: Any, other: Any) -> None:
    draw = source()
    x, k = draw(*one), draw(*other)
    assert difference(textbook.convolve(x, k), textbook.convolve(k, x)) < 1e-12


def test_cross_correlation_does_not_commute() -> None:
    draw = source()
    x, k = draw(3, 3), draw(3, 3)
    k[0, 0] += 1
    full = [textbook.cross_correlate(np.pad(a, 2), b) for a, b in ((x, k), (k, x))]
    assert difference(*full) > 0.01
    assert difference(full[0], textbook.turn(full[1])) < 1e-12


@given(st.integers(1, 9), st.integers(1, 9))
def test_true_convolution_of_rows_is_numpys(one: int, other: int) -> None:
    draw = source()
    x, k = draw(1, one), draw(1, other)
    assert difference(textbook.convolve(x, k)[0], np.convolve(x[0], k[0])) < 1e-12


def test_whole_numbers_meet_fractions_without_being_cut_off() -> None:
    x, k = np.arange(4).reshape(2, 2), np.full((2, 2), 0.25)
    assert textbook.cross_correlate(x, k) == pytest.approx(np.array([[1.5]]))
    assert textbook.average_pool_forward(x[None, None], 2, 2, 2).item() == 1.5


@given(windowed(), st.integers(1, 2))
def test_loops_columns_and_layer_convolve_alike(case: Windowed, filters: int) -> None:
    draw = source()
    x = draw(*case.shape)
    w, b = draw(filters, x.shape[1], *case.window), draw(filters)
    y = textbook.conv_forward_naive(x, w, b, *case.where)
    dy = draw(*y.shape)
    expected = y, *textbook.conv_backward_naive(dy, x, w, *case.where)
    columns = (
        textbook.conv_forward_im2col(x, w, b, *case.where),
        *textbook.conv_backward_im2col(dy, x, w, *case.where),
    )
    assert_same(columns, expected)
    assert_same(run(Conv2D(filters, case.window, *case.where), x, dy, w, b), expected)


def test_convolution_gradients_are_numerical_ones() -> None:
    draw = source()
    x, w, b = draw(2, 2, 5, 4), draw(3, 2, 3, 2), draw(3)
    dy = draw(*textbook.conv_forward_naive(x, w, b, 2, 1).shape)

    def objective(x: Array, w: Array, b: Array) -> float:
        return float((textbook.conv_forward_naive(x, w, b, 2, 1) * dy).sum())

    expected = (
        textbook.numerical_gradient(lambda x: objective(x, w, b), x),
        textbook.numerical_gradient(lambda w: objective(x, w, b), w),
        textbook.numerical_gradient(lambda b: objective(x, w, b), b),
    )
    assert_same(textbook.conv_backward_naive(dy, x, w, 2, 1), expected, tolerance=1e-7)


@given(windowed())
def test_col2im_is_the_transpose_of_im2col(case: Windowed) -> None:
    draw = source()
    x = draw(*case.shape)
    columns = textbook.im2col(x, *case.window, *case.where)
    other = draw(*columns.shape)
    back = textbook.col2im(other, x.shape, *case.window, *case.where)
    assert (columns * other).sum() == pytest.approx((x * back).sum(), abs=1e-9)


@given(windowed())
def test_the_layers_rows_are_im2cols_with_channels_last(case: Windowed) -> None:
    draw = source()
    _, c, h, w = case.shape
    x = draw(*case.shape)
    windows = Windows.over(Conv2D(1, case.window, *case.where), h, w)
    rows = windows.im2col(windows.pad(x)).reshape(-1, *case.window, c).transpose(0, 3, 1, 2)
    assert difference(rows.reshape(len(rows), -1), textbook.im2col(x, *case.window, *case.where)) == 0


def test_a_filter_finds_its_pattern_wherever_it_stands() -> None:
    """A moved picture gives moved maps."""
    draw = source()
    x, w, b = np.zeros((1, 2, 9, 9)), draw(3, 2, 3, 3), draw(3)
    x[:, :, 2:5, 2:5] = draw(2, 3, 3)
    moved = textbook.conv_forward_naive(np.roll(x, (2, 1), axis=(2, 3)), w, b)
    assert difference(moved, np.roll(textbook.conv_forward_naive(x, w, b), (2, 1), axis=(2, 3))) < 1e-12


def test_1x1_convolution_is_a_dense_layer_over_channels() -> None:
    draw = source()
    x, w, b = draw(2, 4, 3, 5), draw(6, 4, 1, 1), draw(6)
    y = textbook.conv_1x1(x, w, b)
    assert difference(y, textbook.conv_forward_naive(x, w, b)) < 1e-12
    pixels = x.transpose(0, 2, 3, 1).reshape(-1, 4)
    dense, *_ = run(Dense(6), pixels, draw(len(pixels), 6), w[:, :, 0, 0], b)
    assert difference(y, dense.reshape(2, 3, 5, 6).transpose(0, 3, 1, 2)) < 1e-12


# Pooling


@given(windowed())
def test_pooling_layers_are_the_loops(case: Windowed) -> None:
    draw = source()
    x, where = draw(*case.shape), (*case.window, *case.where)
    y = textbook.max_pool_forward(x, *where)
    dy = draw(*y.shape)
    assert_same(run(MaxPooling2D(case.window, *case.where), x, dy), (y, textbook.max_pool_backward(dy, x, *where)))
    y = textbook.average_pool_forward(x, *where)
    assert_same(
        run(AveragePooling2D(case.window, *case.where), x, dy), (y, textbook.average_pool_backward(dy, x, *where))
    )


@given(windowed())
def test_a_minimum_is_a_maximum_upside_down(case: Windowed) -> None:
    draw = source()
    x, where = draw(*case.shape), (*case.window, *case.where)
    y = textbook.min_pool_forward(x, *where)
    assert (y == -textbook.max_pool_forward(-x, *where)).all()
    dy = draw(*y.shape)
    assert (textbook.min_pool_backward(dy, x, *where) == textbook.max_pool_backward(dy, -x, *where)).all()


@pytest.mark.parametrize("kind", ["max", "min", "average"])
def test_pooling_gradients_are_numerical_ones(kind: str) -> None:
    draw = source()
    forward, backward = (getattr(textbook, f"{kind}_pool_{way}") for way in ("forward", "backward"))
    # Numbers far apart, so that a small step never changes which one wins.
    x = np.random.default_rng(0).permutation(60).reshape(1, 2, 5, 6) / 10
    dy = draw(*forward(x, 3, 3, 2, 1).shape)
    expected = textbook.numerical_gradient(lambda x: float((forward(x, 3, 3, 2, 1) * dy).sum()), x)
    assert difference(backward(dy, x, 3, 3, 2, 1), expected) < 1e-7


def test_a_tie_goes_to_the_first_maximum() -> None:
    dx = textbook.max_pool_backward(np.ones((1, 1, 1, 1)), np.array([[[[1.0, 2.0], [2.0, 2.0]]]]), 2, 2, 2)
    assert dx.tolist() == [[[[0, 1], [0, 0]]]]


@pytest.mark.parametrize(
    ("window", "padding", "says"),
    [(5, 0, "a window of 5 does not fit into 4 pixels padded by 0"), (2, 2, "of 2×2 may see no pixel")],
)
def test_windows_that_see_nothing(window: int, padding: int, says: str) -> None:
    draw = source()
    with pytest.raises(ShapeError, match=says):
        textbook.max_pool_forward(draw(1, 1, 4, 4), window, window, 1, padding)


# Sizes


@given(windowed())
def test_sizes_are_what_comes_out(case: Windowed) -> None:
    conv, (_, c, *maps) = Conv2D(4, case.window, *case.where), case.shape
    assert conv.output_shape(case.shape[1:])[1:] == tuple(
        map(textbook.output_size, maps, case.window, case.stride, case.padding)
    )
    count = sum(p.size for p in parameters(conv, case.shape[1:]).values())
    assert count == textbook.convolution_parameters(c, 4, *case.window)


def test_dense_parameters_are_what_the_layer_owns() -> None:
    for bias in (True, False):
        count = sum(p.size for p in parameters(Dense(10, use_bias=bias), (3072,)).values())
        assert count == textbook.dense_parameters(3072, 10, bias)


@given(st.lists(st.tuples(st.integers(1, 4), st.integers(1, 3)), min_size=1, max_size=4))
def test_an_output_sees_its_receptive_field(windows: list[tuple[int, int]]) -> None:
    """A row as long as the field gives one output, and one pixel less gives none."""

    def outputs(size: int) -> int:
        for window, stride in windows:
            size = textbook.output_size(size, window, stride)
        return size

    field = textbook.receptive_field(windows)
    assert outputs(field) == 1
    with pytest.raises(ShapeError, match="does not fit"):
        outputs(field - 1)


def test_float32_stays_float32() -> None:
    draw = source()
    x, w, b, dy = (a.astype("float32") for a in (draw(2, 2, 4, 4), draw(3, 2, 3, 3), draw(3), draw(2, 3, 2, 2)))
    flat, gamma = x.reshape(4, 16), x.reshape(4, 16)[0]
    pool = (2, 2, 2)
    half = dy[:, :2]
    y, cache = textbook.batch_norm_forward(flat, gamma, gamma)
    arrays = [
        textbook.cross_correlate(x[0, 0], w[0, 0]),
        textbook.convolve(x[0, 0], w[0, 0]),
        textbook.conv_forward_naive(x, w, b),
        *textbook.conv_backward_naive(dy, x, w),
        textbook.conv_forward_im2col(x, w, b),
        *textbook.conv_backward_im2col(dy, x, w),
        *(getattr(textbook, f"{kind}_pool_forward")(x, *pool) for kind in ("max", "min", "average")),
        *(getattr(textbook, f"{kind}_pool_backward")(half, x, *pool) for kind in ("max", "min", "average")),
        *textbook.dropout_train(x, abs(x), 0.5),
        *textbook.inverted_dropout_train(x, abs(x), 0.5),
        textbook.dropout_test(x, 0.5),
        textbook.softmax_loss(flat, np.zeros(4, int))[1],
        y,
        *textbook.batch_norm_backward(flat, cache),
    ]
    assert {array.dtype for array in arrays} == {np.dtype("float32")}
