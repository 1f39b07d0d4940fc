"""Networks varied for studies of regularization: what changes, and that everything else stays."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

import networks
from deepen import models
from deepen.errors import UsageError
from deepen.layers import (
    Conv2D,
    Dense,
    Dropout,
    Flatten,
    GlobalAveragePooling2D,
    MaxPooling2D,
    OriginalDropout,
    Parallel,
    PartialConv2D,
    ReLU,
    Residual,
    Sequential,
    SideOutput,
    Softmax,
)
from deepen.layers.vary import with_dropout, with_l2
from deepen.paths import Shape
from deepen.regularizers import L1, L2
from deepen.spec import Layer, parameters, walk

NESTED = Sequential(
    [
        Residual(Sequential([Conv2D(1, 3, padding=1), Dropout(0.1)]), Conv2D(1, 1)),
        Parallel([Conv2D(2, 1), Sequential([OriginalDropout(0.2), Conv2D(2, 1)])]),
        SideOutput(Sequential([Flatten(), Dropout(0.7), Dense(3)])),
        PartialConv2D(((0, 1), (2, 3)), 3),
        Flatten(),
        Dense(3, kernel_regularizer=L1(0.5)),
        Softmax(),
    ],
    name="nested",
)
SHAPE = (1, 6, 6)


def layers_of(network: Layer, shape: Shape = SHAPE) -> dict[str, Layer]:
    return {node.path: node.layer for node in walk(network, shape)}


def rates(network: Layer) -> Iterator[float]:
    return (layer.rate for layer in layers_of(network).values() if isinstance(layer, Dropout))


def test_l2_holds_every_kernel_that_nothing_holds_yet() -> None:
    varied = with_l2(NESTED, 0.01)
    found = {path: array.regularizer for path, array in parameters(varied, SHAPE).items()}
    kernels = {path for path in found if path.endswith("kernel")}
    assert len(kernels) == 7
    assert found["dense1.kernel"] == L1(0.5)
    assert {found[path] for path in kernels - {"dense1.kernel"}} == {L2(0.01)}
    assert {found[path] for path in found.keys() - kernels} == {None}


def test_dropout_gets_its_rate_wherever_it_is() -> None:
    varied = with_dropout(NESTED, 0.4)
    assert [*rates(varied)] == [0.4, 0.4, 0.4]
    assert [type(layer) for layer in layers_of(varied).values()] == [
        type(layer) for layer in layers_of(NESTED).values()
    ]
    assert [*rates(with_dropout(NESTED, 0))] == [0, 0, 0]


@pytest.mark.parametrize("vary", [with_l2, with_dropout])
@pytest.mark.parametrize("network", [networks.plain(), networks.graph(), NESTED])
def test_paths_stay_so_that_weights_fit(network: Layer, vary: Callable[[Layer, float], Layer]) -> None:
    shape = SHAPE if network is NESTED else networks.INPUT_SHAPE
    before, varied = layers_of(network, shape), vary(network, 0.25)
    assert varied != network
    assert layers_of(varied, shape).keys() == before.keys()


@pytest.mark.parametrize(
    ("network", "places"),
    [
        (models.entry("lenet").build(10), "flatten1 dense1 dense2 dropout1 dense3"),
        (Sequential([Flatten(), Dense(3), Softmax()]), "flatten1 dropout1 dense1 softmax1"),
        (Sequential([Flatten(), Dense(3, "softmax"), Sequential()]), "flatten1 dropout1 dense1"),
        (Sequential([Sequential([Flatten(), Dense(3), ReLU()])]), "block1.dropout1 block1.dense1 block1.relu1"),
        (Sequential([Flatten(), Dense(3), Residual(Dense(3))]), "flatten1 dropout1 dense1 residual1.dense1"),
    ],
)
def test_a_network_without_dropout_gets_it_before_its_last_dense_layer(network: Layer, places: str) -> None:
    shape = (1, 28, 28)
    varied = with_dropout(network, 0.3)
    assert " ".join(layers_of(varied, shape)).endswith(places)
    added = {path: layer for path, layer in layers_of(varied, shape).items() if isinstance(layer, Dropout)}
    assert [layer.rate for layer in added.values()] == [0.3]
    rest = {path: layer for path, layer in layers_of(varied, shape).items() if path not in added}
    assert rest == layers_of(network, shape)


def test_what_has_no_kernel_cannot_be_held_small() -> None:
    for network in (Sequential([MaxPooling2D(2)]), Dense(3, kernel_regularizer="l1")):
        with pytest.raises(UsageError, match="an L2 penalty has nothing to act on"):
            with_l2(network, 0.1)


@pytest.mark.parametrize(
    "network",
    [
        Sequential([Conv2D(3, 1), GlobalAveragePooling2D()]),
        Sequential([SideOutput(Sequential([Flatten(), Dense(3)])), GlobalAveragePooling2D()]),
        Dense(3),
    ],
)
def test_where_dropout_has_no_place(network: Layer) -> None:
    with pytest.raises(UsageError, match="no Dropout layer whose rate could be set, and no Dense layer"):
        with_dropout(network, 0.5)


def test_numbers_out_of_range() -> None:
    with pytest.raises(UsageError, match="L2: the strength must be 0 or more, got -1"):
        with_l2(NESTED, -1)
    for network in (NESTED, models.entry("lenet").build(10)):
        with pytest.raises(UsageError, match="Dropout: the rate must be from 0 up to, not including, 1, got 1"):
            with_dropout(network, 1)
