"""Every layer, by its rows in the case table: shapes, gradients, engines, JSON, errors."""

from __future__ import annotations

import inspect
import json
from typing import Any

import numpy as np
import pytest

from cases import CASES, Case
from deepen import layers
from deepen.description import from_data, to_data
from deepen.errors import ShapeError
from deepen.spec import Layer
from harness import difference, finite_differences, random_inputs, run_numpy, run_torch

each_case = pytest.mark.parametrize("case", CASES.values(), ids=CASES.keys())
each_mode = pytest.mark.parametrize("training", [True, False], ids=["training", "evaluation"])


def test_every_layer_has_a_case() -> None:
    classes = {cls for _, cls in inspect.getmembers(layers, inspect.isclass) if issubclass(cls, Layer)}
    assert classes == {type(case.layer) for case in CASES.values()}


@each_case
def test_shape_rule_is_what_comes_out(case: Case) -> None:
    given = random_inputs(case.layer, case.input_shape)
    assert case.layer.output_shape(case.input_shape) == case.output_shape
    assert run_numpy(case.layer, given, training=True).y.shape == (3, *case.output_shape)


@each_case
@each_mode
def test_engines_agree(case: Case, training: bool) -> None:
    given = random_inputs(case.layer, case.input_shape)
    ours, theirs = run_numpy(case.layer, given, training), run_torch(case.layer, given, training)
    assert difference(ours.y, theirs.y) < 1e-10
    assert difference(ours.objective, theirs.objective) < 1e-10
    assert difference(ours.dx, theirs.dx) < 1e-10
    assert ours.gradients.keys() == theirs.gradients.keys() == given.parameters.keys()
    for path, gradient in ours.gradients.items():
        assert difference(gradient, theirs.gradients[path]) < 1e-10, path
    assert ours.updates.keys() == theirs.updates.keys()
    for path, value in ours.updates.items():
        assert difference(value, theirs.updates[path]) < 1e-10, path


@each_case
@each_mode
def test_gradients_are_finite_differences(case: Case, training: bool) -> None:
    given = random_inputs(case.layer, case.input_shape)
    result = run_numpy(case.layer, given, training)

    def objective(_: Any) -> float:
        return run_numpy(case.layer, given, training).objective

    assert difference(result.dx, finite_differences(objective, given.x)) < 1e-6
    for path, gradient in result.gradients.items():
        assert difference(gradient, finite_differences(objective, given.parameters[path])) < 1e-6, path


@each_case
def test_nothing_given_is_overwritten(case: Case) -> None:
    given, untouched = (random_inputs(case.layer, case.input_shape) for _ in range(2))
    run_numpy(case.layer, given, training=True)
    assert (given.x == untouched.x).all()
    assert (given.dy == untouched.dy).all()
    for path, array in untouched.parameters.items():
        assert (array == given.parameters[path]).all(), path
    for path, array in untouched.statistics.items():
        assert (array == given.statistics[path]).all(), path


@each_case
def test_float32_stays_float32(case: Case) -> None:
    result = run_numpy(case.layer, random_inputs(case.layer, case.input_shape, dtype="float32"), training=True)
    arrays = [result.y, result.dx, *result.gradients.values(), *result.updates.values()]
    assert {array.dtype for array in arrays} == {np.dtype("float32")}


@each_case
def test_memory_order_of_the_input_does_not_matter(case: Case) -> None:
    given = random_inputs(case.layer, case.input_shape)
    plain = run_numpy(case.layer, given, training=True)
    given.x, given.dy = np.asfortranarray(given.x), np.asfortranarray(given.dy)
    turned = run_numpy(case.layer, given, training=True)
    assert difference(plain.y, turned.y) < 1e-12
    assert difference(plain.dx, turned.dx) < 1e-12


@each_case
def test_json_there_and_back(case: Case) -> None:
    text = json.dumps(to_data(case.layer))
    assert from_data(json.loads(text), Layer) == case.layer


@pytest.mark.parametrize(
    "case", [c for c in CASES.values() if c.wrong_shape], ids=lambda c: type(c.layer).__name__
)
def test_wrong_shape_is_an_error_that_says_what_to_do(case: Case) -> None:
    assert case.wrong_shape is not None
    with pytest.raises(ShapeError) as caught:
        case.layer.output_shape(case.wrong_shape)
    assert case.says in str(caught.value)
