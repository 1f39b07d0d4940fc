"""LeNet-5 of 1998, held against what its paper counts and draws."""

from __future__ import annotations

from math import prod

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from deepen import Model, models, spec
from deepen.errors import DeepenError, UnknownNameError
from deepen.initializers import Orthogonal
from deepen.layers import RBF, TrainablePooling2D
from deepen.layers.lenet5 import DigitCodes, FanInUniform, Signs
from deepen.layers.partial_conv import C3_CONNECTIONS
from deepen.models.lenet5 import connections
from deepen.spec import Node
from harness import random_inputs, run_numpy

NODES = [
    node
    for node in spec.walk(models.build("lenet5"), (1, 32, 32))
    if node.layer.kind in ("conv", "pool", "dense", "rbf")
]


def paper_connections(node: Node) -> int:
    """Count a layer's connections as the paper does: all that come into its units, a bias being one."""
    if isinstance(node.layer, TrainablePooling2D):
        return prod(node.output_shape) * (4 + 1)
    parameters = sum(param.size for param in node.layer.params(node.input_shape).values())
    return parameters * prod(node.output_shape[1:])


def test_connections_are_the_papers() -> None:
    counts = [paper_connections(node) for node in NODES]
    assert counts == [122_304, 5_880, 151_600, 2_000, 48_120, 10_164, 840]
    assert sum(counts) == 340_908


def test_maps_have_the_papers_sizes() -> None:
    shapes = [node.output_shape for node in NODES]
    assert shapes == [(6, 28, 28), (6, 14, 14), (16, 10, 10), (16, 5, 5), (120, 1, 1), (84,), (10,)]


def test_all_but_the_output_squash() -> None:
    assert [getattr(node.layer, "activation", None) for node in NODES] == ["scaled_tanh"] * 6 + [None]


def test_white_is_minus_a_tenth_and_black_1_175() -> None:
    first = next(spec.walk(models.build("lenet5"), (1, 32, 32))).layer
    given = random_inputs(first, (1, 1, 2))
    given.x = np.array([[[[0.0, 1.0]]]])
    assert run_numpy(first, given, training=False).y.ravel() == pytest.approx([-0.1, 1.175])


def test_the_border_around_28_pixels_is_white() -> None:
    first, second, *_ = spec.walk(models.build("lenet5_28"), (1, 28, 28))
    assert first.output_shape == second.output_shape == (1, 32, 32)
    padded = run_numpy(first.layer, random_inputs(first.layer, (1, 28, 28)), training=False).y
    assert (padded[:, :, [0, 1, 30, 31]] == 0).all()  # what is 0 becomes white behind it
    assert models.build("lenet5_28").layers[1:] == models.build("lenet5").layers


def test_codes_are_pictures_of_the_digits() -> None:
    codes = DigitCodes().sample((10, 84), seed=5, path="rbf1.codes")
    assert set(codes.ravel().tolist()) == {-1, 1}
    assert (codes == DigitCodes().sample((10, 84), seed=6, path="")).all()
    drawn = ["".join(".#"[int(pixel > 0)] for pixel in row) for row in codes[7].reshape(12, 7)]
    assert drawn == [
        *("#######", ".....##", ".....##", "....##.", "...##..", "...##.."),
        *("..##...", "..##...", "..##...", "..##...", ".......", "......."),
    ]


def test_digits_differ_enough_to_be_told_apart() -> None:
    codes = DigitCodes().sample((10, 84), 0, "")
    different = (codes[:, None] != codes).sum(axis=2)
    nearest = min((different[a, b], (a, b)) for a in range(10) for b in range(a))
    assert nearest == (12, (8, 6))  # as similar as they look


def test_the_codes_are_given_to_the_output_layer() -> None:
    model = Model(models.build("lenet5"), (1, 32, 32))
    model.compile(loss="lenet5", engine="numpy")
    assert (model.weights["rbf1.codes"] == DigitCodes().sample((10, 84), 0, "")).all()


@pytest.mark.parametrize("classes", [2, 26])
def test_other_classes_have_random_codes(classes: int) -> None:
    *_, last = spec.walk(models.build("lenet5", classes), (1, 32, 32))
    codes = last.layer.params(last.input_shape)["codes"]
    assert codes.initializer == Signs()
    assert codes.shape == (classes, 84)


def test_codes_of_another_shape_cannot_be_digits() -> None:
    layer = RBF(5, codes_initializer=DigitCodes())
    with pytest.raises(
        DeepenError, match=r"10 classes and 84 features, but rbf1.codes is \(5, 84\); .* random signs"
    ):
        layer.params((84,))["codes"].initializer.sample((5, 84), 0, "rbf1.codes")


def test_codes_may_start_by_name_or_not_at_all() -> None:
    assert RBF(3, codes_initializer="orthogonal").params((4,))["codes"].initializer == Orthogonal()
    with pytest.raises(UnknownNameError, match="did you mean 'orthogonal'"):
        RBF(3, codes_initializer="ortogonal")


def test_weights_start_within_2_4_over_fan_in() -> None:
    start = FanInUniform().sample((84, 120), 0, "dense1.kernel")
    assert 0.0199 < abs(start).max() < 2.4 / 120
    assert abs(start.mean()) < 1e-3
    pairs = NODES[2].layer.params(NODES[2].input_shape)["kernel"]
    kernels = pairs.initializer.sample(pairs.shape, 0, "conv2.kernel")
    assert 2.4 / 150 < abs(kernels[:3]).max() < 2.4 / 75  # a filter that sees three maps
    assert abs(kernels[-6:]).max() < 2.4 / 150  # and the one that sees all six


def test_the_table_of_connections_is_the_papers() -> None:
    assert connections(16, 6) == C3_CONNECTIONS
    assert connections(32, 12)[:2] == ((0, 1, 2, 3, 4, 5),) * 2
    assert connections(8, 3)[0] == (0, 1)
    assert connections(48, 5)[-1] == (0, 1, 2, 3, 4)


@given(st.integers(1, 20), st.integers(1, 12))
def test_every_map_of_any_width_is_seen(filters: int, maps: int) -> None:
    table = connections(filters, maps)
    assert len(table) == filters
    assert all(seen == tuple(sorted(set(seen))) and set(seen) <= set(range(maps)) for seen in table)
    assert all(table)


@pytest.mark.parametrize("width", [0.2, 0.5, 1.5, 3])
def test_any_width_has_a_code_of_84(width: float) -> None:
    network = models.build("lenet5", width=width)
    *_, before, last = spec.walk(network, (1, 32, 32))
    assert before.output_shape == (84,)
    assert last.output_shape == (10,)


def test_the_model_brings_its_loss() -> None:
    assert models.entry("lenet5").loss == models.entry("lenet5_28").loss == "lenet5"
