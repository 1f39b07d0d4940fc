"""Every layer, and layers of all shapes and neighbours, compiled and held against NumPy."""

from __future__ import annotations

import inspect
import re

import pytest

from cases import CASES
from deepen import layers
from deepen.engines import Setup
from deepen.engines.native.compiler import Compiler
from deepen.engines.native.lowering import RULES
from deepen.engines.native.source import source
from deepen.errors import UsageError
from deepen.layers import Dense, Flatten, Sequential
from deepen.layers.side import side_outputs
from deepen.losses import MeanSquaredError
from deepen.spec import Layer
from native_networks import drawn, special
from native_unit import STEP, Unit, distances, draw, judge, steady

pytestmark = pytest.mark.xdist_group("native layers")  # what one process has compiled, another would compile again

WITHIN = {"float64": 1e-10, "float32": 2e-5}
"""How far results may be from NumPy's of float64, relative to the largest number of an array."""


def of_cases(dtype: str) -> dict[str, Setup]:
    """Return a network around each row of the case table."""
    found = {}
    for name, case in CASES.items():
        if len(case.input_shape) in (1, 3):
            heads = [head for _, head in side_outputs(case.layer, case.input_shape)]
            end = [Flatten(), *(Dense(head.output_shape[0]) for head in heads)]
            network = Sequential([case.layer, *end])
            found[key(name)] = Setup(network, case.input_shape, MeanSquaredError(), seed=7, dtype=dtype)
    return found


def key(name: str) -> str:
    """Return a name for C++."""
    return "case_" + re.sub(r"\W", "_", name)


def one_of_each() -> list[str]:
    """Return the names of cases, one for each class of layers."""
    return [*{type(case.layer): name for name, case in CASES.items() if len(case.input_shape) != 2}.values()]


@pytest.fixture(scope="module")
def cases(compiler: Compiler) -> Unit:
    return Unit(of_cases("float64"), compiler)


@pytest.fixture(scope="module")
def some_cases(compiler: Compiler) -> Unit:
    setups = of_cases("float32")
    return Unit({key(name): setups[key(name)] for name in one_of_each()}, compiler)


@pytest.fixture(scope="module", params=["float64", "float32"])
def shapes(compiler: Compiler, request: pytest.FixtureRequest) -> Unit:
    return Unit(drawn(0, request.param), compiler)


@pytest.fixture(scope="module")
def neighbours(compiler: Compiler) -> Unit:
    return Unit(special(), compiler)


def check(unit: Unit, name: str, count: int = 5) -> None:
    """Compare all that a network gives with what NumPy gives, routine by routine."""
    setup, exact = unit.setups[name], unit.dtype == "float64"
    given = draw(setup, count) if exact else steady(setup, count)
    for routine in unit.routines[name]:
        off = distances(unit.run(name, given, routine), judge(setup, given, routine))
        assert max(off.values()) < WITHIN[unit.dtype], (routine.name, off)


def test_every_layer_has_a_rule() -> None:
    classes = {cls for _, cls in inspect.getmembers(layers, inspect.isclass) if issubclass(cls, Layer)}
    assert classes - RULES.keys() == set()


@pytest.mark.parametrize("name", [name for name, case in CASES.items() if len(case.input_shape) != 2])
def test_cases_agree(cases: Unit, name: str) -> None:
    check(cases, key(name))


@pytest.mark.parametrize("name", one_of_each())
def test_cases_agree_in_float32(some_cases: Unit, name: str) -> None:
    check(some_cases, key(name))


def test_what_is_neither_maps_nor_features_is_refused() -> None:
    setup = Setup(Sequential([Flatten(), Dense(2)]), (2, 3))
    with pytest.raises(UsageError, match=r"from maps \(C, H, W\) or features \(F,\), but the images are \(2, 3\)"):
        source(setup, [STEP])


@pytest.mark.parametrize("name", [*special()])
def test_neighbours_agree(neighbours: Unit, name: str) -> None:
    check(neighbours, name)


@pytest.mark.parametrize("name", [*drawn(0)])
def test_shapes_agree(shapes: Unit, name: str) -> None:
    check(shapes, name)


@pytest.mark.parametrize("count", [1, 2, 3, 40])
def test_as_many_images_as_one_likes(neighbours: Unit, count: int) -> None:
    check(neighbours, "both_normalized", count)
    check(neighbours, "side_in_the_middle", count)


@pytest.mark.slow
@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("seed", range(1, 11))
def test_more_shapes_agree(compiler: Compiler, seed: int, dtype: str) -> None:
    unit = Unit(drawn(seed, dtype), compiler, options=())
    for name in unit.setups:
        check(unit, name, count=5 if seed % 2 else 37)


@pytest.mark.slow
@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_all_agree_as_they_are_compiled_for_users(compiler: Compiler, dtype: str) -> None:
    unit = Unit({**of_cases(dtype), **special(dtype)}, compiler, options=())
    for name in unit.setups:
        check(unit, name)
