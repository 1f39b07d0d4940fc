"""Size and padding arithmetic, and the two halves of convolution that must be each other's transpose."""

from __future__ import annotations

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from hypothesis import assume, given
from hypothesis import strategies as st

from deepen.errors import DeepenError, ShapeError
from deepen.layers import Conv2D, MaxPooling2D
from deepen.layers.windows import Windows
from harness import difference, random_inputs, run_numpy

sizes = st.integers(1, 9)
small = st.integers(1, 4)


@given(sizes, sizes, small, small, small, small, st.integers(0, 3))
def test_sizes_are_those_of_torch(h: int, w: int, kh: int, kw: int, sh: int, sw: int, p: int) -> None:
    layer = Conv2D(2, (kh, kw), stride=(sh, sw), padding=p)
    if h + 2 * p < kh or w + 2 * p < kw:
        with pytest.raises(ShapeError, match="cannot fit"):
            layer.output_shape((1, h, w))
        return
    y = F.conv2d(torch.zeros(1, 1, h, w), torch.zeros(2, 1, kh, kw), stride=(sh, sw), padding=p)
    assert layer.output_shape((1, h, w)) == tuple(y.shape[1:])


@given(sizes, sizes, small, small, small)
def test_same_gives_one_window_for_each_stride(h: int, w: int, kh: int, kw: int, s: int) -> None:
    layer = Conv2D(1, (kh, kw), stride=s, padding="same")
    assert layer.output_shape((1, h, w)) == (1, -(-h // s), -(-w // s))
    windows = Windows.over(layer, h, w)
    for before, after in zip(windows.before, windows.after, strict=True):
        assert after - before in (0, 1)  # the odd one is below and right


@given(st.integers(1, 3), small, sizes, sizes, small, small, small, st.integers(0, 2))
def test_col2im_is_the_transpose_of_im2col(
    n: int, c: int, h: int, w: int, kh: int, kw: int, s: int, p: int
) -> None:
    assume(h + 2 * p >= kh and w + 2 * p >= kw)
    windows = Windows.over(Conv2D(1, (kh, kw), stride=s, padding=p), h, w)
    rng = np.random.default_rng(0)
    x = windows.pad(rng.standard_normal((n, c, h, w)))
    columns = windows.im2col(x)
    assert columns.shape == (n * windows.count[0] * windows.count[1], kh * kw * c)
    other = rng.standard_normal(columns.shape)
    assert (columns * other).sum() == pytest.approx((x * windows.col2im(other, x.shape)).sum(), abs=1e-9)


@given(st.integers(1, 4), small, sizes, sizes, small, small, st.sampled_from([0, 1, 2, "same", "valid"]))
def test_convolution_is_the_sum_in_its_docstring(
    c: int, f: int, h: int, w: int, k: int, s: int, padding: int | str
) -> None:
    layer = Conv2D(f, k, stride=s, padding=padding)
    try:
        _, oh, ow = layer.output_shape((c, h, w))
    except ShapeError:
        assume(False)
    given = random_inputs(layer, (c, h, w), batch=2)
    kernel, bias = given.parameters["kernel"], given.parameters["bias"]
    padded = Windows.over(layer, h, w).pad(given.x)
    expected = np.zeros((2, f, oh, ow))
    for n, i, j in np.ndindex(2, oh, ow):
        window = padded[n, :, i * s : i * s + k, j * s : j * s + k]
        expected[n, :, i, j] = bias + (kernel * window).sum(axis=(1, 2, 3))
    assert difference(run_numpy(layer, given, training=True).y, expected) < 1e-12


def test_ties_go_to_the_first_maximum() -> None:
    layer = MaxPooling2D(2)
    given = random_inputs(layer, (1, 2, 4), batch=1)
    given.x = np.array([[[[5.0, 5, 1, 2], [5, 5, 2, 2]]]])
    given.dy = np.array([[[[3.0, 7]]]])
    assert run_numpy(layer, given, training=True).dx.tolist() == [[[[3, 0, 0, 7], [0, 0, 0, 0]]]]


def test_padding_never_wins_and_zero_is_no_padding() -> None:
    layer = MaxPooling2D(2, stride=1, padding=1)
    given = random_inputs(layer, (1, 1, 1), batch=1)
    given.x[:] = -4
    assert (run_numpy(layer, given, training=True).y == -4).all()


def test_a_nan_is_not_hidden_by_pooling() -> None:
    layer = MaxPooling2D(2)
    for place in range(4):
        given = random_inputs(layer, (1, 2, 2), batch=1)
        given.x.flat[place] = np.nan
        assert np.isnan(run_numpy(layer, given, training=True).y).all(), place


def test_products_get_their_threads_back_after_the_last_pass() -> None:
    from deepen.layers.blocks import _products, one_thread_products

    def threads() -> list[int]:
        return [library["num_threads"] for library in _products()[0].info() if library["user_api"] == "blas"]

    before = threads()
    first, second = one_thread_products(), one_thread_products()
    first.__enter__()
    second.__enter__()
    first.__exit__(None, None, None)
    assert set(threads()) <= {1}
    second.__exit__(None, None, None)
    assert threads() == before


def test_large_batches_are_computed_in_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    layer = Conv2D(3, 3, padding=1)
    given = random_inputs(layer, (2, 6, 6), batch=7)
    whole = run_numpy(layer, given, training=True)
    monkeypatch.setattr("deepen.layers.blocks.BLOCK_BYTES", 2 * 6 * 6 * 18 * 8)
    monkeypatch.setattr("deepen.layers.blocks._products", lambda: (None, 2))
    parts = run_numpy(layer, given, training=True)
    assert difference(whole.y, parts.y) < 1e-12
    assert difference(whole.dx, parts.dx) < 1e-12
    assert difference(whole.gradients["kernel"], parts.gradients["kernel"]) < 1e-12


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (lambda: Conv2D(0, 3), "filters must be a whole number, 1 or more, got 0"),
        (lambda: Conv2D(2.5, 3), "filters must be a whole number"),
        (lambda: Conv2D(True, 3), "filters must be a whole number"),
        (lambda: Conv2D(4, (3, 3, 3)), "kernel_size must be"),
        (lambda: Conv2D(4, 3, stride=0), "stride must be"),
        (lambda: Conv2D(4, 3, padding=-1), "padding must be"),
        (lambda: Conv2D(4, 3, padding="full"), '"same", "valid"'),
        (lambda: Conv2D(4, 3, activation="rellu"), "did you mean 'relu'"),
        (lambda: Conv2D(4, 3, kernel_initializer="he_norml"), "did you mean 'he_normal'"),
        (lambda: MaxPooling2D(0), "pool_size must be"),
    ],
)
def test_wrong_fields(make: object, says: str) -> None:
    with pytest.raises(DeepenError, match=says):
        make()  # type: ignore[operator]


def test_a_window_that_may_lie_in_the_padding() -> None:
    with pytest.raises(ShapeError, match="may hold no pixel"):
        MaxPooling2D(2, stride=1, padding=2).output_shape((1, 3, 3))
