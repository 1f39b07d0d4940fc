"""Every loss, compiled and held against NumPy."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from deepen.engines import Setup
from deepen.engines.native.compiler import Compiler
from deepen.engines.native.losses import loss_type
from deepen.errors import UsageError
from deepen.layers import ScaledTanh, Sequential, SideOutput, Softmax, Tanh
from deepen.losses import LeNet5Loss, Loss, MeanSquaredError, MultiClassHinge, SoftmaxCrossEntropy, one_hot
from deepen.spec import Layer
from native_unit import TRAINED, Given, Unit, distances, draw, judge

pytestmark = pytest.mark.xdist_group("native losses")

CLASSES = 11
WEIGHTS = (1.0, 2.5, 0.0, 0.5, 1.0, 1.0, 3.0, 1.0, 0.25, 1.0, 1.0)
LOSSES: dict[str, Loss] = {
    "cross_entropy": SoftmaxCrossEntropy(),
    "smoothed": SoftmaxCrossEntropy(label_smoothing=0.1),
    "weighted": SoftmaxCrossEntropy(class_weights=WEIGHTS),
    "smoothed_and_weighted": SoftmaxCrossEntropy(0.3, WEIGHTS),
    "mean_squared_error": MeanSquaredError(),
    "hinge": MultiClassHinge(),
    "hinge_with_a_wide_margin": MultiClassHinge(2.5),
    "lenet5": LeNet5Loss(j=2.0),
}
ENDS: dict[str, Layer] = {"tanh": Tanh(), "softmax": Softmax()}
each_loss = pytest.mark.parametrize("name", LOSSES)


@pytest.fixture(scope="module", params=["float64", "float32"])
def unit(compiler: Compiler, request: pytest.FixtureRequest) -> Unit:
    """Networks with outputs at the end and on the way; what a loss gives to either is in the images' gradient."""
    setups = {}
    for name, loss in LOSSES.items():
        for kind, end in ENDS.items():
            network = Sequential([ScaledTanh(), SideOutput(end, 0.3), end])
            setups[f"{name}_{kind}"] = Setup(network, (CLASSES,), loss, dtype=request.param)
    return Unit(setups, compiler)


def check(unit: Unit, name: str, given: Given) -> None:
    within = 1e-10 if unit.dtype == "float64" else 2e-5
    for routine in unit.routines[name]:
        off = distances(unit.run(name, given, routine), judge(unit.setups[name], given, routine))
        assert max(off.values()) < within, (routine.name, off)


@each_loss
@pytest.mark.parametrize("end", ENDS)
def test_losses_agree(unit: Unit, name: str, end: str) -> None:
    given = draw(unit.setups[f"{name}_{end}"], 5)
    numbers = np.array([0, 10, 3, 2, 2])
    for targets in (given.targets, numbers, one_hot(numbers, CLASSES, "float64")):
        check(unit, f"{name}_{end}", replace(given, targets=targets))


@each_loss
def test_one_hot_rows_mean_the_same_as_numbers(unit: Unit, name: str) -> None:
    given, numbers = draw(unit.setups[f"{name}_softmax"], 6), np.array([0, 10, 3, 2, 2, 5])
    by_number, by_row = (
        unit.run(f"{name}_softmax", replace(given, targets=targets), TRAINED)
        for targets in (numbers, one_hot(numbers, CLASSES, "float64"))
    )
    within = 1e-14 if unit.dtype == "float64" else 1e-6
    assert max(distances(by_number, by_row).values()) < within


def test_large_logits_neither_overflow_nor_vanish(unit: Unit) -> None:
    for name in ("cross_entropy_softmax", "smoothed_softmax", "lenet5_softmax"):
        given = draw(unit.setups[name], 4)
        found = unit.run(name, replace(given, images=given.images * 1e30), TRAINED)
        assert all(np.isfinite(array).all() for array in found.arrays().values())


def test_a_loss_of_one_s_own_is_refused() -> None:
    class OwnError(MeanSquaredError):
        pass

    with pytest.raises(UsageError, match="does not know the loss OwnError"):
        loss_type(OwnError())
