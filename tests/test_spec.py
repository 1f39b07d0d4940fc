"""Descriptions: names, paths, shapes, JSON."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from deepen import models, register, spec
from deepen.description import Described, canonical_json, from_data, to_data
from deepen.errors import DeepenError, FileFormatError, ShapeError, UnknownNameError, UsageError
from deepen.inspect.summary import summarize
from deepen.layers import (
    BatchNormalization,
    Conv2D,
    Dense,
    Dropout,
    Flatten,
    Normalize,
    Parallel,
    ReLU,
    Residual,
    Sequential,
    Softmax,
)
from deepen.layers.combine import split_softmax
from deepen.optimizers import Adam, Optimizer
from deepen.paths import flatten, nest
from deepen.spec import Layer
from networks import INPUT_SHAPE, NETWORKS


def test_paths() -> None:
    found = spec.parameters(NETWORKS["graph"], INPUT_SHAPE)
    assert list(found) == [
        "conv1.kernel",
        "conv1.bias",
        "block.conv1.kernel",
        "block.norm1.gamma",
        "block.norm1.beta",
        "block.last.kernel",
        "block.norm2.gamma",
        "block.norm2.beta",
        "block.shortcut.kernel",
        "block.shortcut.bias",
        "parallel1.branch1.kernel",
        "parallel1.branch1.bias",
        "parallel1.branch2.conv1.kernel",
        "parallel1.branch2.conv1.bias",
        "dense1.kernel",
        "dense1.bias",
    ]
    assert found["block.last.kernel"].shape == (6, 6, 3, 3)
    assert [path for path, param in found.items() if param.decay] == [path for path in found if "kernel" in path]
    assert list(spec.statistics(NETWORKS["graph"], INPUT_SHAPE)) == [
        f"block.norm{i}.running_{what}" for i in (1, 2) for what in ("mean", "variance")
    ]


def test_a_named_layer_renames_no_other() -> None:
    network = Sequential([Conv2D(1, 1), Conv2D(1, 1, name="stem"), Conv2D(1, 1)])
    assert [child.name for child in network.children((1, 2, 2))] == ["conv1", "stem", "conv3"]


@pytest.mark.parametrize(
    "make",
    [
        lambda: Sequential([ReLU(name="a"), ReLU(name="a")]),
        lambda: Sequential([Conv2D(1, 1), Conv2D(1, 1, name="conv1")]),
        lambda: Residual(Sequential([ReLU(name="shortcut")])),
        lambda: Parallel([ReLU(name="branch2"), ReLU()]),
    ],
)
def test_two_layers_of_one_name(make: Any) -> None:
    with pytest.raises(DeepenError, match="two layers of one container are named"):
        make()


@pytest.mark.parametrize("name", ["", "a.b", "1st", "a b"])
def test_names_are_words(name: str) -> None:
    with pytest.raises(DeepenError, match="cannot name a layer"):
        Sequential([ReLU(name=name)])


def test_names_may_be_chinese() -> None:
    assert list(spec.parameters(Sequential([Dense(1, name="全连接")]), (2,))) == ["全连接.kernel", "全连接.bias"]


@pytest.mark.parametrize(
    ("network", "says"),
    [
        (
            Sequential([Sequential([Conv2D(8, 3), Conv2D(8, 5)], name="stage1")]),
            r"stage1\.conv2 cannot fit its 5×5 window into 4×4 maps with padding \(0, 0\)",
        ),
        (
            Sequential([Conv2D(4, 3), Residual(Sequential([Conv2D(8, 1)]), name="block")]),
            r"block cannot add \(4, 4, 4\), which its shortcut gives, to \(8, 4, 4\)",
        ),
        (
            Sequential([Residual(Sequential([Flatten(), Conv2D(8, 1)]), name="block")]),
            r"block\.conv1 expects maps \(channels, height, width\), got \(72,\); put it before Flatten",
        ),
        (
            Sequential([Residual(ReLU(), Sequential([Dense(3)]), name="block")]),
            r"block\.shortcut\.dense1 expects flat features, got \(2, 6, 6\); put Flatten before it",
        ),
        (
            Sequential([Parallel([Conv2D(8, 1), Conv2D(8, 3)], name="inception")]),
            r"inception cannot merge branches that give .* make their height and width the same",
        ),
        (Sequential([Normalize((0.1, 0.2, 0.3), (1, 1, 1))]), r"normalize1 has 3 means"),
    ],
)
def test_a_misfit_names_the_layer_what_it_got_and_the_cure(network: Layer, says: str) -> None:
    for find in (network.output_shape, lambda shape: list(spec.walk(network, shape))):
        with pytest.raises(ShapeError, match=says):
            find((2, 6, 6))


@pytest.mark.parametrize(
    "make", [lambda: Sequential([3]), lambda: Residual("x"), lambda: Parallel([ReLU(), None])]
)
def test_only_layers_are_layers(make: Any) -> None:
    with pytest.raises(DeepenError, match="must be layers"):
        make()


def test_other_wrong_fields() -> None:
    with pytest.raises(DeepenError, match="at least one branch"):
        Parallel([])
    with pytest.raises(DeepenError, match='"concat" or "add"'):
        Parallel([ReLU()], merge="mean")  # type: ignore[arg-type]
    with pytest.raises(DeepenError, match="the rate must be from 0 up to, not including, 1, got 1"):
        Dropout(1)
    with pytest.raises(DeepenError, match="as many deviations as means"):
        Normalize(0.5, (1, 2))
    with pytest.raises(DeepenError, match="the epsilon must be above 0"):
        BatchNormalization(epsilon=0)
    with pytest.raises(DeepenError, match="learning rate must be above 0"):
        Adam(0)


leaves = st.one_of(
    st.builds(Conv2D, st.integers(1, 4), st.integers(1, 3), st.integers(1, 2), st.sampled_from([0, 1, "same"])),
    st.just(ReLU()),
    st.just(BatchNormalization()),
    st.builds(Dropout, st.floats(0, 0.9)),
)
trees = st.recursive(
    leaves,
    lambda inner: st.one_of(
        st.builds(Sequential, st.lists(inner, max_size=3)),
        st.builds(Residual, inner),
        st.builds(Parallel, st.lists(inner, min_size=1, max_size=3), st.sampled_from(["concat", "add"])),
    ),
    max_leaves=8,
)


@given(trees)
def test_any_tree_survives_json(network: Layer) -> None:
    assert from_data(json.loads(canonical_json(to_data(network))), Layer) == network


@given(trees)
def test_any_tree_fits_or_says_why(network: Layer) -> None:
    try:
        shape = network.output_shape((4, 6, 6))
    except ShapeError as error:
        says = str(error)
        assert any(word in says for word in ("cannot fit", "cannot add", "cannot merge")), says
        return
    nodes = list(spec.walk(network, (4, 6, 6)))
    assert len({node.path for node in nodes}) == len(nodes)
    assert all(size > 0 for size in shape)
    assert summarize(network, (4, 6, 6)).parameters == sum(
        param.size for param in spec.parameters(network, (4, 6, 6)).values()
    )


@given(st.dictionaries(st.lists(st.sampled_from("abc"), min_size=2, max_size=2).map(".".join), st.integers()))
def test_nest_and_flatten(flat: dict[str, int]) -> None:
    assert flatten(nest(flat)) == flat


@pytest.mark.parametrize(
    ("data", "error", "says"),
    [
        ({"type": "Conv3D", "filters": 1}, UnknownNameError, "unknown type in the description 'Conv3D'"),
        ({"type": "Dense", "unit": 3}, UnknownNameError, "unknown field of Dense 'unit'; did you mean 'units'"),
        ({"type": "Dense"}, FileFormatError, "not valid"),
        ({"type": "Dense", "units": -3}, DeepenError, "units must be"),
        ({"type": "Adam"}, FileFormatError, "expected a Layer"),
        ({}, UnknownNameError, "unknown type"),
        (["Dense"], FileFormatError, "expected a Layer"),
        (None, FileFormatError, "expected a Layer"),
        ({"type": ["Dense"]}, FileFormatError, "not valid"),
        ({"type": "Sequential", "layers": 5}, DeepenError, "must be layers"),
    ],
)
def test_data_that_describes_no_layer(data: Any, error: type[DeepenError], says: str) -> None:
    with pytest.raises(error, match=says):
        from_data(data, Layer)


def test_deep_nests_are_not_slow() -> None:
    network: Layer = Dense(3)
    for _ in range(60):  # twice the work at each level would take years
        network = Sequential([network])
    assert network.output_shape((2,)) == (3,)
    assert summarize(network, (2,)).parameters == 9


@pytest.mark.parametrize(
    "make",
    [
        lambda: Dense(3, activation=Softmax()),
        lambda: Dense(3, kernel_initializer=Flatten()),
        lambda: Dense(3, kernel_initializer=None),
    ],
)
def test_things_of_another_kind(make: Any) -> None:
    with pytest.raises(UsageError, match="give a name"):
        make()


def test_numbers_of_numpy_become_plain_ones() -> None:
    layers = [
        BatchNormalization(np.float64(0.5), np.float64(1e-3)),
        Dropout(np.float64(0.5)),
        Adam(np.float64(0.1)),
    ]
    assert {type(layers[0].momentum), type(layers[0].epsilon), type(layers[1].rate)} == {float}  # type: ignore[attr-defined]
    assert type(layers[2].learning_rate) is float  # type: ignore[attr-defined]
    assert Conv2D(np.int64(3), np.int32(2)) == Conv2D(3, 2)


def test_a_description_nested_without_end() -> None:
    data: Any = {"type": "ReLU"}
    for _ in range(100_000):
        data = {"type": "Sequential", "layers": [data]}
    with pytest.raises(FileFormatError, match="not valid"):
        from_data(data, Layer)
    while data.get("layers"):  # taken apart by hand: freeing it by recursion would end the interpreter
        data = data["layers"].pop()


def test_registration() -> None:
    with pytest.raises(DeepenError, match="frozen"):

        @register
        class Loose(Described):
            pass

    with pytest.raises(DeepenError, match=r"the name Dense is taken by deepen\.layers\.dense"):

        @register
        @dataclass(frozen=True)
        class Dense(Layer):
            pass

    @dataclass(frozen=True)
    class Stranger(Layer):
        pass

    with pytest.raises(DeepenError, match=r"is not registered; decorate it with @deepen\.register"):
        to_data(Stranger())


def test_a_cell_may_be_run_again() -> None:
    for _ in range(2):

        @register
        @dataclass(frozen=True)
        class MyLayer(Layer):
            width: int = 3

    assert from_data(to_data(MyLayer(4)), Layer) == MyLayer(4)


def test_a_name_given_twice() -> None:
    with pytest.raises(DeepenError, match="there is a model named 'lenet' already"):
        models.model("lenet", title="", year=0, input_shape=(1, 1, 1))(lambda classes: ReLU())


def test_the_softmax_at_the_end_is_split_off() -> None:
    network = Sequential([Sequential([Flatten(), Dense(3, activation="softmax", name="head")])])
    logits, found = split_softmax(network)
    assert found
    assert logits == Sequential([Sequential([Flatten(), Dense(3, name="head")])])
    assert split_softmax(Sequential([Dense(3), Softmax()])) == (Sequential([Dense(3)]), True)
    assert split_softmax(Sequential([Softmax(), Dense(3)])) == (Sequential([Softmax(), Dense(3)]), False)
    assert split_softmax(Sequential()) == (Sequential(), False)


def test_described_objects_of_other_kinds() -> None:
    assert from_data(to_data(Adam(0.01, beta2=0.99)), Optimizer) == Adam(0.01, beta2=0.99)
