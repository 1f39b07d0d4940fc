"""The textbook's dropout, gates, linear classifier and normalization, and its numerical gradients."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from deepen import textbook
from deepen.arrays import Array
from deepen.context import Context, Pass
from deepen.layers import ELU, BatchNormalization, Dense, Dropout, ReLU, Sigmoid, Tanh
from deepen.losses import SoftmaxCrossEntropy
from harness import Inputs, difference, run_numpy
from judges import assert_same, run, source

# Dropout


def test_the_layer_is_the_inverted_dropout() -> None:
    draw = source()
    x, dy, draws = draw(4, 50), draw(4, 50), np.random.default_rng(0).random((4, 50))
    expected, mask = textbook.inverted_dropout_train(x, draws, textbook.keep_probability_of(0.3))
    assert 0 < (mask == 0).mean() < 1
    # The layer keeps a unit whose draw is large, the books one whose draw is small.
    layer, training = Dropout(0.3), Context(Pass(training=True, draw=lambda _, shape: 1 - draws))
    y, cache = layer.forward(x, {}, training)
    dx, _ = layer.backward(dy, {}, cache)
    assert_same((y, dx), (expected, textbook.dropout_backward(dy, mask)))


def test_both_dropouts_differ_by_the_probability_alone() -> None:
    draw = source()
    x, draws, keep = draw(3, 20), np.random.default_rng(0).random((3, 20)), 0.7
    y, mask = textbook.dropout_train(x, draws, keep)
    inverted, _ = textbook.inverted_dropout_train(x, draws, keep)
    assert y == pytest.approx(inverted * keep)
    assert set(np.unique(mask)) == {0, 1}


def test_the_test_pass_is_the_mean_of_the_training_passes() -> None:
    x, keep = np.array([[1.0, -2.0, 4.0]]), 0.7
    draws = np.random.default_rng(0).random((20000, 3))
    y, _ = textbook.dropout_train(x, draws, keep)
    assert y.mean(axis=0) == pytest.approx(textbook.dropout_test(x, keep)[0], rel=0.03)
    y, _ = textbook.inverted_dropout_train(x, draws, keep)
    assert y.mean(axis=0) == pytest.approx(x[0], rel=0.03)


@pytest.mark.parametrize(("keep", "left"), [(0.0, 0), (1.0, 12)])
def test_p_is_the_probability_to_keep(keep: float, left: int) -> None:
    y, _ = textbook.dropout_train(np.ones((3, 4)), np.random.default_rng(0).random((3, 4)), keep)
    assert y.sum() == left


# Gates


def test_add_distributes_multiply_switches_max_routes_copy_adds() -> None:
    add, multiply, maximum, copy = textbook.Add(), textbook.Multiply(), textbook.Max(), textbook.Copy()
    assert (add.forward(3, -4), add.backward(2)) == (-1, (2, 2))
    assert (multiply.forward(3, -4), multiply.backward(2)) == (-12, (-8, 6))
    assert (maximum.forward(3, -4), maximum.backward(2)) == (3, (2, 0))
    assert (maximum.forward(3, 3), maximum.backward(2)) == (3, (2, 0))
    assert (copy.forward(3), copy.backward(2, 5)) == ((3, 3), 7)


def test_a_graph_of_gates_has_the_numerical_gradient() -> None:
    """f = max(x y, y + z) · x, where x and y fork."""

    def graph(v: Array) -> tuple[Any, Array]:
        fork_x, fork_y, product, add, larger, last = (
            textbook.Copy(),
            textbook.Copy(),
            textbook.Multiply(),
            textbook.Add(),
            textbook.Max(),
            textbook.Multiply(),
        )
        (x1, x2), (y1, y2) = fork_x.forward(v[0]), fork_y.forward(v[1])
        f = last.forward(larger.forward(product.forward(x1, y1), add.forward(y2, v[2])), x2)
        dm, dx2 = last.backward(1.0)
        dp, ds = larger.backward(dm)
        dx1, dy1 = product.backward(dp)
        dy2, dz = add.backward(ds)
        return f, np.array([fork_x.backward(dx1, dx2), fork_y.backward(dy1, dy2), dz])

    for v in (np.array([2.0, 3.0, -1.0]), np.array([2.0, -3.0, 1.0])):
        expected = textbook.numerical_gradient(lambda v: float(graph(v)[0]), v)
        assert textbook.relative_error(graph(v)[1], expected) < 1e-7


# Linear classifier, normalization


def test_the_dense_layer_is_the_linear_score_function() -> None:
    draw = source()
    w, b = draw(10, 3072), draw(10)
    images, ds = draw(3, 3072), draw(3, 10)
    y, dx, dw, db = run(Dense(10), images, ds, w, b)
    assert difference(y, np.array([textbook.linear_scores(w, x, b) for x in images])) < 1e-12
    each = [textbook.linear_backward(d, w, x) for d, x in zip(ds, images, strict=True)]
    assert_same((dw, dx, db), (sum(g[0] for g in each), np.array([g[1] for g in each]), sum(g[2] for g in each)))


def test_the_dense_layer_is_the_affine_layer_transposed() -> None:
    draw = source()
    x, w, b, dy = draw(4, 2, 3), draw(6, 5), draw(5), draw(4, 5)
    y, dx, dw, db = run(Dense(5), x.reshape(4, 6), dy, w.T, b)
    expected = (textbook.affine_forward(x, w, b), *textbook.affine_backward(dy, x, w))
    assert_same((y, dx.reshape(x.shape), dw.T, db), expected)


def test_the_softmax_loss_is_the_cross_entropy_of_losses() -> None:
    draw = source()
    z, labels = 5 * draw(6, 4), np.array([0, 1, 2, 3, 3, 1])
    loss, dz = textbook.softmax_loss(z, labels)
    value, cache = SoftmaxCrossEntropy().forward(z, labels)
    assert loss == pytest.approx(value, rel=1e-12)
    assert difference(dz, SoftmaxCrossEntropy().backward(cache)) < 1e-12
    expected = textbook.numerical_gradient(lambda z: textbook.softmax_loss(z, labels)[0], z)
    assert difference(dz, expected) < 1e-7


def test_batch_normalization_step_by_step() -> None:
    draw = source()
    x, gamma, beta, dy = draw(5, 3), draw(3), draw(3), draw(5, 3)
    _, cache = textbook.batch_norm_forward(x, gamma, beta)
    found = textbook.batch_norm_backward(dy, cache)

    def objective(x: Array, gamma: Array, beta: Array) -> float:
        return float((textbook.batch_norm_forward(x, gamma, beta)[0] * dy).sum())

    expected = (
        textbook.numerical_gradient(lambda x: objective(x, gamma, beta), x),
        textbook.numerical_gradient(lambda gamma: objective(x, gamma, beta), gamma),
        textbook.numerical_gradient(lambda beta: objective(x, gamma, beta), beta),
    )
    assert_same(found, expected, tolerance=1e-6)


def test_the_layer_normalizes_maps_by_channel() -> None:
    draw = source()
    x, gamma, beta, dy = draw(3, 2, 4, 5), draw(2), draw(2), draw(3, 2, 4, 5)
    given = Inputs(
        x,
        dy,
        {"gamma": gamma, "beta": beta},
        {"running_mean": np.zeros(2), "running_variance": np.ones(2)},
    )
    result = run_numpy(BatchNormalization(), given, training=True)

    def rows(maps: Array) -> Array:
        return maps.transpose(0, 2, 3, 1).reshape(-1, 2)

    y, cache = textbook.batch_norm_forward(rows(x), gamma, beta)
    dx, dgamma, dbeta = textbook.batch_norm_backward(rows(dy), cache)
    assert_same((rows(result.y), rows(result.dx)), (y, dx))
    assert_same((result.gradients["gamma"], result.gradients["beta"]), (dgamma, dbeta))


def test_slopes_vanish_where_activations_are_flat() -> None:
    """A sigmoid's slope is 1/4 at most and tanh's 1; a ReLU has none below 0, where ELU keeps some."""
    x = np.linspace(-4, 4, 9)[None]
    sigmoid, tanh, relu, elu = (
        run(layer, x, np.ones_like(x))[1][0] for layer in (Sigmoid(), Tanh(), ReLU(), ELU())
    )
    assert sigmoid.max() == sigmoid[4] == 0.25
    assert tanh.max() == tanh[4] == 1
    assert relu.tolist() == [0, 0, 0, 0, 0, 1, 1, 1, 1]
    assert (elu > 0).all()


# Numbers


def test_numerical_gradients_leave_x_alone_and_are_float64() -> None:
    x = np.array([1.0, 2.0], "float32")
    assert textbook.numerical_gradient(lambda x: float((x**2).sum()), x) == pytest.approx([2, 4], rel=1e-6)
    assert x.tolist() == [1, 2]


def test_relative_error() -> None:
    assert textbook.relative_error(np.array([1.0, 0.0]), np.array([3.0, 0.0])) == 0.5
