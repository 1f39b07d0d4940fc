"""What the textbook's functions say of arrays and settings that do not fit."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from deepen import textbook
from deepen.errors import ShapeError, UsageError

X, W, B = np.ones((2, 3, 5, 5)), np.ones((4, 3, 3, 3)), np.ones(4)
DY = np.ones((2, 4, 3, 3))
GREY = "grey images (N, H, W) need a channel axis: x[:, None]; a single map: x[None, None]"


@pytest.mark.parametrize("forward", [textbook.conv_forward_naive, textbook.conv_forward_im2col])
def test_images_filters_and_biases_have_to_fit(forward: Callable[..., Any]) -> None:
    name = forward.__name__
    for arrays, says in [
        ((X[:, 0], W, B), f"{name} expects x (N, C, H, W), got (2, 5, 5); {GREY}"),
        ((X[:, :2], W, B), f"{name} expects w (F, C, FH, FW) with C = 2, as in x, got (4, 3, 3, 3)"),
        ((X, W, B[:3]), f"{name} expects b (F) with F = 4, as in w, got (3,)"),
        ((X, W[0], B), f"{name} expects w (F, C, FH, FW), got (3, 3, 3)"),
    ]:
        with pytest.raises(ShapeError) as caught:
            forward(*arrays)
        assert str(caught.value) == says


def test_a_dictionary_of_settings_is_said_to_be_keyword_arguments() -> None:
    settings = {"stride": 2, "pad": 1}
    with pytest.raises(UsageError) as caught:
        textbook.conv_forward_naive(X, W, B, settings)  # type: ignore[arg-type]
    assert str(caught.value) == (
        "stride must be a whole number or a pair of them, got {'stride': 2, 'pad': 1}; settings are keyword "
        "arguments here: put two stars before the dictionary, as in **conv_param"
    )
    assert textbook.conv_forward_naive(X, W, B, **settings).shape == (2, 4, 3, 3)


def test_settings_of_pooling_may_come_from_a_dictionary() -> None:
    assert textbook.max_pool_forward(X, **{"pool_height": 2, "pool_width": 3, "stride": 1}).shape == (2, 3, 4, 3)


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ({"stride": 0}, "stride must be a whole number, 1 or more, or a pair of them, got 0"),
        ({"stride": 1.5}, "stride must be a whole number, 1 or more, or a pair of them, got 1.5"),
        ({"pad": -1}, "pad must be a whole number, 0 or more, or a pair of them, got -1"),
        ({"pad": (1, 1, 1)}, r"pad must be a whole number, 0 or more, or a pair of them, got \(1, 1, 1\)"),
    ],
)
def test_strides_and_paddings_are_whole(settings: dict[str, Any], says: str) -> None:
    with pytest.raises(UsageError, match=says):
        textbook.conv_forward_naive(X, W, B, **settings)


@pytest.mark.parametrize(
    ("settings", "says"), [((0,), "window must be 1"), ((3, 0), "stride must be 1"), ((3, 1, -1), "pad must be 0")]
)
def test_sizes_along_one_axis(settings: tuple[int, ...], says: str) -> None:
    with pytest.raises(UsageError, match=says):
        textbook.output_size(28, *settings)


def test_names_are_the_books() -> None:
    assert textbook.output_size(28, 5, pad=2) == 28
    assert textbook.im2col(X, 3, 3, stride=1, pad=0).shape == (18, 27)
    assert textbook.conv_forward_naive(X, W, B, stride=2, pad=1).shape == (2, 4, 3, 3)


@pytest.mark.parametrize(
    ("call", "says"),
    [
        (lambda: textbook.conv_backward_naive(DY[:, :3], X, W), r"conv_backward_naive expects dy \(2, 4, 3, 3\)"),
        (lambda: textbook.conv_backward_im2col(DY, X, W, 2), r"conv_backward_im2col expects dy \(2, 4, 2, 2\)"),
        (lambda: textbook.conv_1x1(X, W, B), r"conv_1x1 expects w \(4, 3, 1, 1\)"),
        (lambda: textbook.cross_correlate(X, W), r"cross_correlate expects x \(H, W\), got \(2, 3, 5, 5\)"),
        (lambda: textbook.convolve(X[0, 0], W), r"convolve expects k \(FH, FW\)"),
        (lambda: textbook.im2col(X[0], 3, 3), r"im2col expects x \(N, C, H, W\)"),
        (lambda: textbook.col2im(X[0, 0], X.shape, 3, 3), r"col2im expects columns \(18, 27\)"),
        (lambda: textbook.max_pool_forward(X[0], 2, 2, 2), r"max_pool_forward expects x \(N, C, H, W\)"),
        (lambda: textbook.min_pool_backward(DY, X, 2, 2, 2), r"min_pool_backward expects dy \(2, 3, 2, 2\)"),
        (
            lambda: textbook.average_pool_backward(DY, X, 3, 3, 1),
            r"average_pool_backward expects dy \(2, 3, 3, 3\)",
        ),
        (lambda: textbook.linear_scores(W[0, 0], B, B), r"linear_scores expects x \(D\) with D = 3, as in w"),
        (lambda: textbook.linear_backward(B, W[0, 0], B[:3]), r"linear_backward expects w \(K, D\) with K = 4"),
        (lambda: textbook.affine_forward(X, np.ones((3, 4)), B), r"affine_forward expects w \(D, M\) with D = 75"),
        (lambda: textbook.affine_backward(B, X, np.ones((75, 4))), r"affine_backward expects dy \(N, M\)"),
        (lambda: textbook.softmax_loss(np.ones((2, 3)), np.eye(2, 3)), r"labels.argmax\(axis=1\)"),
        (lambda: textbook.cross_entropy(np.ones((2, 3)), np.zeros(3, int)), r"labels \(N\) with N = 2, as in p"),
        (lambda: textbook.batch_norm_forward(X, B, B), r"batch_norm_forward expects x \(N, D\)"),
    ],
)
def test_arrays_have_to_fit(call: Callable[[], Any], says: str) -> None:
    with pytest.raises(ShapeError, match=says):
        call()


def test_gradients_of_batch_normalization_have_to_fit() -> None:
    _, cache = textbook.batch_norm_forward(W[0, 0], B[:3], B[:3])
    with pytest.raises(ShapeError, match=r"batch_norm_backward expects dy \(N, D\) with N = 3, as in x"):
        textbook.batch_norm_backward(W[0, 0][:2], cache)
