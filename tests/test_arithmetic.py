"""What a layer costs and sees, against brute force, PyTorch's own counts and published figures."""

from __future__ import annotations

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from hypothesis import assume, given
from hypothesis import strategies as st
from torch.utils.flop_counter import FlopCounterMode

from deepen import models, spec
from deepen.context import Context, Pass
from deepen.errors import ShapeError
from deepen.inspect.arithmetic import ReceptiveField, figures, last_maps, receptive_fields
from deepen.layers import (
    AveragePooling2D,
    Conv2D,
    Dense,
    Flatten,
    GlobalAveragePooling2D,
    GroupNormalization,
    MaxPooling2D,
    Parallel,
    Residual,
    Sequential,
    SideOutput,
    ZeroPadding2D,
)
from deepen.paths import Shape, nest
from deepen.spec import Layer
from networks import INPUT_SHAPE, NETWORKS


def field(size: int, stride: int, offset: int) -> ReceptiveField:
    return ReceptiveField((size, size), (stride, stride), (offset, offset))


def fields_of(name: str) -> dict[str, ReceptiveField]:
    return receptive_fields(models.build(name), models.entry(name).input_shape)


def test_lenet5() -> None:
    fields = fields_of("lenet5")
    found = [fields[path] for path in ("c1", "s2", "c3", "s4", "c5")]
    assert found == [field(5, 1, 0), field(6, 2, 0), field(14, 2, 0), field(16, 4, 0), field(32, 4, 0)]


# Computed from TensorFlow's graphs in the library of Araujo et al., "Computing receptive fields of convolutional
# neural networks", Distill, 2019, https://github.com/google-research/receptive_field. Its residual networks halve
# the maps at the end of a stage, and its paddings of 3×3 poolings differ, so that only what is the same is here.
@pytest.mark.parametrize(
    ("name", "path", "published"),
    [
        ("vgg11", "stage1.pool1", field(4, 2, -1)),
        ("vgg11", "stage3.conv2", field(26, 4, -11)),
        ("vgg11", "stage5", field(150, 32, -59)),
        ("vgg16", "stage1.pool1", field(6, 2, -2)),
        ("vgg16", "stage2", field(16, 4, -6)),
        ("vgg16", "stage4", field(100, 16, -42)),
        ("vgg16", "stage5.conv2", field(164, 16, -74)),
        ("vgg16", "stage5", field(212, 32, -90)),
    ],
)
def test_published_fields(name: str, path: str, published: ReceptiveField) -> None:
    assert fields_of(name)[path] == published


@pytest.mark.parametrize(
    ("name", "sizes", "stride"),
    [
        ("alexnet", {"conv1": 11, "pool1": 19, "conv2": 51, "conv3": 99, "conv5": 163, "pool3": 195}, 32),
        (
            "googlenet",
            {"conv1": 7, "pool1": 11, "conv3": 19, "pool2": 27, "inception3a": 59, "inception3b": 91},
            8,
        ),
        ("resnet50", {"conv1": 7, "stage1": 35, "stage2": 99, "stage3": 291, "stage4": 483}, 32),
        ("resnet101", {"stage3": 835, "stage4": 1027}, 32),
        ("resnet152", {"stage2": 163, "stage3": 1315, "stage4": 1507}, 32),
    ],
)
def test_published_sizes(name: str, sizes: dict[str, int], stride: int) -> None:
    fields = fields_of(name)
    assert {path: fields[path].size for path in sizes} == {path: (size, size) for path, size in sizes.items()}
    *_, last = sizes
    assert fields[last].stride == (stride, stride)


windows = {
    "stride": st.integers(1, 3),
    "padding": st.one_of(st.integers(0, 2), st.sampled_from(["same", "valid"])),
}
leaves = st.one_of(
    st.builds(Conv2D, st.just(1), st.tuples(*[st.integers(1, 4)] * 2), **windows, dilation=st.integers(1, 2)),
    st.builds(MaxPooling2D, st.integers(1, 3), **windows, ceil_mode=st.booleans()),
    st.builds(AveragePooling2D, st.integers(1, 3), **windows, ceil_mode=st.booleans()),
    st.builds(ZeroPadding2D, st.integers(0, 2)),
)
keeping = st.builds(Conv2D, st.just(1), st.sampled_from([1, 3, 5]), st.just(1), st.just("same"))
"""What keeps the maps' size, so that it can stand beside a shortcut."""
trees = st.recursive(
    st.one_of(leaves, keeping),
    lambda inner: st.one_of(
        st.builds(Sequential, st.lists(inner, min_size=1, max_size=4)),
        st.builds(Residual, st.one_of(keeping, inner)),
        st.builds(Parallel, st.lists(st.one_of(keeping, inner), min_size=2, max_size=3)),
    ),
    max_leaves=8,
)


def what_is_seen(network: Layer, input_shape: Shape) -> np.ndarray:
    """Return which pixel changes which position, `(H, W, OH, OW)`: every weight is 1, so that none is hidden."""
    _, h, w = input_shape
    pixels = np.eye(h * w).reshape(h * w, 1, h, w)
    weights = {
        path: np.full(param.shape, float(path.endswith("kernel")))
        for path, param in spec.parameters(network, input_shape).items()
    }
    y, _ = network.forward(pixels, nest(weights), Context(Pass()))
    return (y > 0).any(axis=1).reshape(h, w, *y.shape[2:])


@given(trees)
def test_brute_force(network: Layer) -> None:
    shape = (1, 13, 11)
    try:
        _, *positions = network.output_shape(shape)
    except ShapeError:
        assume(False)
    predicted = receptive_fields(network, shape)[""]
    seen = what_is_seen(network, shape)
    for axis, (length, count) in enumerate(zip(shape[1:], positions, strict=True)):
        along = seen.any(axis=(1 - axis, 3 - axis))
        for i in range(count):
            first = predicted.offset[axis] + i * predicted.stride[axis]
            last = first + predicted.size[axis] - 1
            found = np.flatnonzero(along[:, i])
            assert all(first <= pixel <= last for pixel in found)
            if predicted.stride[axis] and first >= 0 and last < length:  # elsewhere it sees padding
                assert (found[0], found[-1]) == (first, last)


def test_one_field_for_all_positions() -> None:
    drifting = Parallel([Conv2D(1, 3, stride=2, padding=1), Conv2D(1, 9)])
    found = receptive_fields(drifting, (1, 16, 16))
    assert found["branch1"] == field(3, 2, -1)
    assert found["branch2"] == field(9, 1, 0)
    assert found[""] == field(17, 0, -1)
    image = ReceptiveField((8, 6), (0, 0), (0, 0))
    context = Sequential([Residual(Sequential([GroupNormalization(1)])), Conv2D(2, 3, padding=1), Flatten()])
    assert set(receptive_fields(context, (2, 8, 6)).values()) >= {image}
    assert receptive_fields(context, (2, 8, 6))["flatten1"] == image


def test_a_field_is_written_out() -> None:
    assert str(field(14, 2, -6)) == "14×14 /2 @-6"
    assert str(ReceptiveField((5, 3), (2, 1), (-1, 0))) == "5×3 /2×1 @-1,0"
    assert str(field(32, 0, 0)) == "32×32 @0"


def test_an_input_that_is_no_image_has_no_fields() -> None:
    assert receptive_fields(Dense(3), (4,)) == {}
    assert [each.receptive_field for each in figures(Dense(3), (4,))] == [None]


@pytest.mark.parametrize(
    ("network", "input_shape", "expected"),
    [
        (Sequential([Conv2D(2, 3), MaxPooling2D(2), Flatten(), Dense(2)]), (1, 8, 8), ("pool1", field(4, 2, 0))),
        (Sequential([Parallel([Conv2D(1, 5, padding=2), Conv2D(1, 1)]), GlobalAveragePooling2D()]), (1, 8, 8),
         ("parallel1", field(5, 1, -2))),
        (Sequential([Conv2D(1, 3), SideOutput(Sequential([Conv2D(1, 5), Flatten(), Dense(2)])), Flatten()]),
         (1, 8, 8), ("side1", field(3, 1, 0))),
        (Sequential([Sequential([Conv2D(1, 3), Flatten(), Dense(2)])]), (1, 8, 8),
         ("block1.conv1", field(3, 1, 0))),
        (Sequential([Conv2D(1, 3), Conv2D(1, 3)]), (1, 8, 8), ("conv2", field(5, 1, 0))),
        (Residual(Conv2D(1, 3, padding=1)), (1, 8, 8), ("", field(3, 1, -1))),
        (Parallel([Conv2D(1, 3, padding=1), Conv2D(1, 1)]), (1, 8, 8), ("", field(3, 1, -1))),
        (Conv2D(1, 3), (1, 8, 8), ("", field(3, 1, 0))),
        (Sequential([Flatten(), Dense(2)]), (1, 8, 8), None),
        (Dense(2), (4,), None),
    ],
)  # fmt: skip
def test_the_last_maps(network: Layer, input_shape: Shape, expected: tuple[str, ReceptiveField] | None) -> None:
    assert last_maps(network, input_shape) == expected


GROUPED = Sequential([Conv2D(8, 3, groups=2, dilation=2), Conv2D(16, 2, stride=2, groups=8), Flatten(), Dense(3)])


@pytest.mark.parametrize(
    ("network", "input_shape"),
    [
        (NETWORKS["plain"], INPUT_SHAPE),
        (NETWORKS["graph"], INPUT_SHAPE),
        (GROUPED, (4, 12, 12)),
        *((models.build(name, width=0.25), (3, 32, 32)) for name in ("resnet20", "googlenet_32", "vgg11_32")),
    ],
)
def test_multiply_adds_are_those_that_pytorch_counts(network: Layer, input_shape: Shape) -> None:
    params = {path: torch.ones(p.shape) for path, p in spec.parameters(network, input_shape).items()}
    statistics = {path: torch.ones(p.shape) for path, p in spec.statistics(network, input_shape).items()}
    counter = FlopCounterMode(display=False)
    with counter, torch.no_grad():
        x = torch.zeros(1, *input_shape)
        network.torch_forward(F, x, nest(params), Context(Pass(), "", nest(statistics)))
    assert 2 * sum(each.multiply_adds for each in figures(network, input_shape)) == counter.get_total_flops()


def test_multiply_adds_of_lenet5_are_its_connections_without_biases() -> None:
    found = {each.node.path: each.multiply_adds for each in figures(models.build("lenet5"), (1, 32, 32))}
    by_hand = {
        "c1": 122_304 - 6 * 28 * 28,
        "c3": 151_600 - 16 * 10 * 10,
        "c5": 48_120 - 120,
        "f6": 10_164 - 84,
        "rbf1": 840,
    }
    assert {path: count for path, count in found.items() if count} == by_hand


def test_activations_are_the_outputs_as_float32() -> None:
    network = Sequential([Conv2D(6, 3, padding=1), MaxPooling2D(2), Flatten(), Dense(10)])
    assert [each.activation_bytes for each in figures(network, (1, 8, 6))] == [1152, 288, 288, 40]


def test_what_stands_in_a_head_is_for_training_only() -> None:
    found = figures(NETWORKS["penalized"], INPUT_SHAPE)
    assert [each.node.path for each in found if each.for_training_only] == [
        "side.head.conv1",
        "side.head.flatten1",
        "side.head.dense1",
    ]
    leaf = Sequential([SideOutput(Dense(2), name="aux"), Dense(2, name="auxiliary")])
    assert [each.for_training_only for each in figures(leaf, (4,))] == [True, False]
