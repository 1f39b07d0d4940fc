"""What the case table cannot say of windows, poolings, resizing and LeNet-5's layers."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from hypothesis import assume, given
from hypothesis import strategies as st

from deepen.arrays import Array
from deepen.constraints import MaxNorm
from deepen.context import Context, Pass
from deepen.errors import DeepenError, ShapeError
from deepen.initializers import HeNormal
from deepen.layers import (
    RBF,
    AveragePooling2D,
    Conv2D,
    GlobalMaxPooling2D,
    MaxPooling2D,
    MinPooling2D,
    PartialConv2D,
    Resize,
    SumPooling2D,
    TrainablePooling2D,
    ZeroPadding2D,
)
from deepen.layers.lenet5 import Signs
from deepen.layers.partial_conv import C3_CONNECTIONS
from deepen.spec import Layer, parameters
from harness import difference, random_inputs, run_numpy, run_torch

sizes = st.integers(1, 10)
small = st.integers(1, 4)
pairs = st.tuples(small, small)


def values(layer: Layer, x: Any, dy: Any = None) -> tuple[Array, Array]:
    """Return y and dx of a layer without parameters."""
    given = random_inputs(layer, np.shape(x)[1:], batch=len(x))
    given.x = np.array(x, float)
    given.dy = given.dy if dy is None else np.array(dy, float)
    result = run_numpy(layer, given, training=True)
    return result.y, result.dx


@given(sizes, sizes, pairs, pairs, st.tuples(st.integers(0, 2), st.integers(0, 2)), st.booleans())
def test_poolings_are_those_of_torch(
    h: int, w: int, size: tuple[int, int], stride: tuple[int, int], padding: tuple[int, int], ceil_mode: bool
) -> None:
    assume(all(2 * p <= k for p, k in zip(padding, size, strict=True)))
    x = np.random.default_rng(0).standard_normal((2, 3, h, w))
    how = {"stride": stride, "padding": padding, "ceil_mode": ceil_mode}

    def check(kind: type[Layer], theirs: Callable[[Any], Any]) -> None:
        layer = kind(size, **how)  # type: ignore[call-arg]
        try:
            expected = theirs(torch.from_numpy(x)).numpy()
        except RuntimeError:
            with pytest.raises(ShapeError, match="cannot fit"):
                layer.output_shape((3, h, w))
            return
        assert layer.output_shape((3, h, w)) == expected.shape[1:]
        assert difference(values(layer, x)[0], expected) < 1e-12

    check(MaxPooling2D, lambda x: F.max_pool2d(x, size, **how))
    check(MinPooling2D, lambda x: -F.max_pool2d(-x, size, **how))
    check(SumPooling2D, lambda x: F.avg_pool2d(x, size, **how, divisor_override=1))
    check(AveragePooling2D, lambda x: F.avg_pool2d(x, size, **how, count_include_pad=False))


@given(sizes, sizes, pairs, st.sampled_from([0, 1, 2, 3, "same", "valid"]), small, st.booleans())
def test_poolings_pad_alike_in_both_engines(
    h: int, w: int, size: tuple[int, int], padding: int | str, stride: int, ceil_mode: bool
) -> None:
    for kind in (MaxPooling2D, MinPooling2D, SumPooling2D, AveragePooling2D):
        layer = kind(size, stride, padding, ceil_mode)
        try:
            layer.output_shape((2, h, w))
        except ShapeError:
            return
        given = random_inputs(layer, (2, h, w))
        ours, theirs = run_numpy(layer, given, True), run_torch(layer, given, True)
        assert difference(ours.y, theirs.y) < 1e-12
        assert difference(ours.dx, theirs.dx) < 1e-12


@given(sizes, sizes, pairs, pairs, pairs, st.integers(0, 3), st.sampled_from([(1, 2), (2, 1), (2, 2), (3, 1)]))
def test_dilated_and_grouped_convolutions_are_those_of_torch(
    h: int,
    w: int,
    size: tuple[int, int],
    stride: tuple[int, int],
    dilation: tuple[int, int],
    padding: int,
    groups_and_share: tuple[int, int],
) -> None:
    groups, share = groups_and_share
    layer = Conv2D(2 * groups, size, stride, padding, dilation=dilation, groups=groups)
    if any(n + 2 * padding < (k - 1) * d + 1 for n, k, d in zip((h, w), size, dilation, strict=True)):
        with pytest.raises(ShapeError, match="cannot fit"):
            layer.output_shape((groups * share, h, w))
        return
    given = random_inputs(layer, (groups * share, h, w), batch=2)
    ours, theirs = run_numpy(layer, given, True), run_torch(layer, given, True)
    assert difference(ours.y, theirs.y) < 1e-12
    assert difference(ours.dx, theirs.dx) < 1e-12
    assert difference(ours.gradients["kernel"], theirs.gradients["kernel"]) < 1e-12


@given(sizes, sizes, pairs, small)
def test_ceil_mode_leaves_no_pixel_out(h: int, w: int, size: tuple[int, int], stride: int) -> None:
    assume(stride <= min(size) and h >= size[0] and w >= size[1])
    layer = SumPooling2D(size, stride, ceil_mode=True)
    _, windows_over = values(layer, np.zeros((1, 1, h, w)), np.ones((1, *layer.output_shape((1, h, w)))))
    assert (windows_over > 0).all()


def test_groups_are_convolutions_side_by_side() -> None:
    layer, alone = Conv2D(6, 3, padding=1, groups=2), Conv2D(3, 3, padding=1)
    given = random_inputs(layer, (4, 5, 5))
    part = random_inputs(alone, (2, 5, 5))
    for group in range(2):
        part.x = given.x[:, 2 * group : 2 * group + 2]
        filters = slice(3 * group, 3 * group + 3)
        part.parameters = {path: array[filters] for path, array in given.parameters.items()}
        expected = run_numpy(alone, part, training=True).y
        assert difference(run_numpy(layer, given, training=True).y[:, filters], expected) < 1e-12


def test_ties_go_to_the_first_minimum() -> None:
    y, dx = values(MinPooling2D(), [[[[5, 5, 1, 2], [5, 5, 1, 2]]]], [[[[3, 7]]]])
    assert y.tolist() == [[[[5, 1]]]]
    assert dx.tolist() == [[[[3, 0, 7, 0], [0, 0, 0, 0]]]]


def test_ties_go_to_the_first_maximum_of_a_whole_map() -> None:
    y, dx = values(GlobalMaxPooling2D(), [[[[1, 4], [4, 0]]]], [[3]])
    assert y.tolist() == [[4]]
    assert dx.tolist() == [[[[0, 3], [0, 0]]]]


@pytest.mark.parametrize("layer", [MinPooling2D(), GlobalMaxPooling2D()], ids=lambda layer: type(layer).__name__)
@pytest.mark.parametrize("place", range(4))
def test_a_nan_is_not_hidden(layer: Layer, place: int) -> None:
    x = np.arange(4.0)
    x[place] = np.nan
    assert np.isnan(values(layer, x.reshape(1, 1, 2, 2))[0]).all()


def test_averages_at_the_rim_count_real_pixels_only() -> None:
    y, _ = values(AveragePooling2D(2, ceil_mode=True), np.full((1, 1, 3, 3), 7.0))
    assert y.tolist() == [[[[7, 7], [7, 7]]]]


@given(sizes, sizes, sizes, sizes, st.sampled_from(["bilinear", "nearest"]))
def test_resizing_is_that_of_torch(h: int, w: int, height: int, width: int, mode: str) -> None:
    layer = Resize((height, width), mode)  # type: ignore[arg-type]
    given = random_inputs(layer, (2, h, w))
    ours, theirs = run_numpy(layer, given, True), run_torch(layer, given, True)
    assert difference(ours.y, theirs.y) < 1e-12
    assert difference(ours.dx, theirs.dx) < 1e-12


@given(st.integers(1, 200), st.integers(1, 200))
def test_nearest_pixels_are_those_of_torch_in_float32(length: int, size: int) -> None:
    x = np.arange(length, dtype="float32").reshape(1, 1, 1, length)
    layer = Resize((1, size), "nearest")
    expected = layer.torch_forward(F, torch.from_numpy(x), {}, Context(Pass())).numpy()
    assert (layer.forward(x, {}, Context(Pass()))[0] == expected).all()


def test_resizing_by_hand() -> None:
    x = [[[[0, 4], [8, 12]]]]
    assert values(Resize((2, 4)), x)[0].tolist() == [[[[0, 1, 3, 4], [8, 9, 11, 12]]]]
    assert values(Resize((1, 4), "nearest"), x)[0].tolist() == [[[[8, 8, 12, 12]]]]


@pytest.mark.parametrize(("padding", "sides"), [(2, ((2, 2), (2, 2))), ([1, 3], ((1, 1), (3, 3)))])
def test_zero_padding_is_written_out(padding: Any, sides: object) -> None:
    assert ZeroPadding2D(padding).padding == sides


def test_lenet5_has_the_parameters_of_the_paper() -> None:
    def count(layer: Layer, shape: tuple[int, ...]) -> int:
        return sum(param.size for param in parameters(layer, shape).values() if param.trainable)

    assert count(TrainablePooling2D(), (6, 28, 28)) == 12
    assert count(PartialConv2D(C3_CONNECTIONS, 5), (6, 14, 14)) == 1516
    assert count(TrainablePooling2D(), (16, 10, 10)) == 32
    assert count(RBF(10), (84,)) == 0
    assert parameters(RBF(10), (84,))["codes"].shape == (10, 84)


def test_c3_sees_each_map_of_s2_ten_times() -> None:
    assert Counter(m for seen in C3_CONNECTIONS for m in seen) == dict.fromkeys(range(6), 10)
    assert Counter(map(len, C3_CONNECTIONS)) == {3: 6, 4: 9, 6: 1}


@pytest.mark.parametrize(("pooling", "start"), [("sum", 1 / 6), ("average", 1), ("max", 1), ("min", 1)])
def test_trainable_pooling_starts_as_a_plain_one(pooling: str, start: float) -> None:
    found = parameters(TrainablePooling2D((2, 3), pooling=pooling), (3, 4, 6))
    assert found["coefficient"].initializer.sample((3,), 0, "").tolist() == [start] * 3
    assert found["bias"].initializer.sample((3,), 0, "").tolist() == [0] * 3
    assert not found["bias"].decay


def test_partial_convolution_is_a_convolution_with_zeros() -> None:
    table = ((2, 0), (1,))
    layer, full = PartialConv2D(table, 2, activation="tanh"), Conv2D(2, 2, activation="tanh")
    given, beside = random_inputs(layer, (3, 4, 4)), random_inputs(full, (3, 4, 4))
    first, second, third = given.parameters["kernel"]
    nothing = np.zeros((2, 2))
    beside.parameters["kernel"] = np.array([[second, nothing, first], [nothing, third, nothing]])
    beside.parameters["bias"] = given.parameters["bias"]
    assert difference(run_numpy(layer, given, True).y, run_numpy(full, beside, True).y) < 1e-12


def test_partial_convolution_starts_by_what_each_filter_sees() -> None:
    table = (tuple(range(50)), tuple(range(200)), tuple(range(50)))
    initializer = parameters(PartialConv2D(table, 5), (200, 5, 5))["kernel"].initializer
    kernels = initializer.sample((300, 5, 5), 3, "conv1.kernel")
    few, many, more = kernels[:50], kernels[50:250], kernels[250:]
    assert few.std() == pytest.approx((2 / (50 * 25)) ** 0.5, rel=0.1)
    assert many.std() == pytest.approx((2 / (200 * 25)) ** 0.5, rel=0.1)
    for one, other in [(few, many[:50]), (few, more), (many[:50], more)]:
        assert abs(np.corrcoef(one.ravel(), other.ravel())[0, 1]) < 0.1
    assert (kernels == initializer.sample((300, 5, 5), 3, "conv1.kernel")).all()


def test_partial_convolution_that_sees_all_starts_as_wide_as_a_full_one() -> None:
    initializer = parameters(PartialConv2D(((0, 1, 2),) * 40, 5), (3, 5, 5))["kernel"].initializer
    ours = initializer.sample((120, 5, 5), 0, "conv1.kernel")
    assert ours.std() == pytest.approx(HeNormal().sample((40, 3, 5, 5), 0, "conv1.kernel").std(), rel=0.1)


def test_partial_convolution_is_held_small_as_others_are() -> None:
    layer = PartialConv2D(((0,), (0, 1)), 3, kernel_regularizer="l2", kernel_constraint=MaxNorm(0.5))
    kernel = parameters(layer, (2, 3, 3))["kernel"]
    assert kernel.regularizer is layer.kernel_regularizer
    assert kernel.constraint is not None
    held = kernel.constraint.project(np.ones(kernel.shape, np.float32))
    assert held.dtype == np.float32
    # A filter is as long as all its kernels together.
    assert [np.linalg.norm(held[:1]), np.linalg.norm(held[1:])] == pytest.approx([0.5, 0.5])
    assert torch.equal(kernel.constraint.project(torch.ones(kernel.shape)), torch.from_numpy(held))


def test_the_nearest_code_wins() -> None:
    layer = RBF(2)
    given = random_inputs(layer, (3,), batch=2)
    given.parameters["codes"] = np.array([[1.0, -1, 1], [1, 1, -1]])
    given.x = np.array([[1.0, -1, 1], [0, 1, 0]])
    assert run_numpy(layer, given, training=False).y.tolist() == [[0, -8], [-6, -2]]


@pytest.mark.parametrize("trainable", [False, True])
def test_codes_are_random_signs_that_stay_unless_trained(trainable: bool) -> None:
    codes = parameters(RBF(10, trainable=trainable), (84,))["codes"]
    assert codes.trainable is trainable
    assert not codes.decay
    start = codes.initializer.sample(codes.shape, 0, "rbf1.codes")
    assert sorted(Counter(start.ravel().tolist())) == [-1, 1]
    assert abs(start.mean()) < 0.1
    assert (Signs().sample((10, 84), 0, "rbf1.codes") == start).all()
    assert (Signs().sample((10, 84), 1, "rbf1.codes") != start).any()


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (lambda: MaxPooling2D(2, ceil_mode="yes"), "ceil_mode must be True or False, got 'yes'"),
        (lambda: Conv2D(4, 3, dilation=0), "dilation must be a whole number, 1 or more, or a pair"),
        (lambda: Conv2D(4, 3, groups=0), "groups must be a whole number, 1 or more, got 0"),
        (lambda: Conv2D(4, 3, groups=3), "3 groups cannot share 4 filters evenly; give a number of filters that"),
        (lambda: ZeroPadding2D(-1), r"0 or more, a pair of them, or \(\(top, bottom\), \(left, right\)\), got -1"),
        (lambda: ZeroPadding2D((1, 2, 3)), r"padding must be .* got \(1, 2, 3\)"),
        (lambda: ZeroPadding2D(((1, 2), (3, -4))), "padding must be"),
        (lambda: ZeroPadding2D(((1, 2, 3), (4, 5))), "padding must be"),
        (lambda: ZeroPadding2D(1.5), "padding must be"),
        (lambda: Resize(0), "size must be a whole number, 1 or more"),
        (lambda: Resize(2, "cubic"), 'Resize: mode must be "bilinear" or "nearest", got \'cubic\''),
        (lambda: TrainablePooling2D(pooling="mean"), 'pooling must be "sum" or "average" or .* got \'mean\''),
        (lambda: TrainablePooling2D(activation="rellu"), "did you mean 'relu'"),
        (lambda: PartialConv2D((), 3), r"connections must give each filter the maps .* got \(\)"),
        (lambda: PartialConv2D(((0,), ()), 3), "at least one and none twice"),
        (lambda: PartialConv2D(((0, 1, 0),), 3), "at least one and none twice"),
        (lambda: PartialConv2D(((0, -1),), 3), "numbered from 0"),
        (lambda: PartialConv2D(3, 3), "connections must"),
        (lambda: PartialConv2D(((0,),), 0), "kernel_size must be"),
        (lambda: RBF(0), "units must be a whole number"),
        (lambda: RBF(3, trainable=1), "trainable must be True or False, got 1"),
    ],
)
def test_wrong_fields(make: Callable[[], Layer], says: str) -> None:
    with pytest.raises(DeepenError, match=says):
        make()
