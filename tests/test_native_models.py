"""Whole models, compiled: gradients and steps are those of NumPy."""

from __future__ import annotations

import numpy as np
import pytest

from deepen import losses, models
from deepen.engines import Engine, Setup
from deepen.engines.native.engine import NativeEngine
from deepen.engines.numpy_engine import NumpyEngine
from deepen.optimizers import Momentum
from deepen.randomness import Moment
from harness import difference
from stepping import arrays
from test_models import reduced

FAST = ["deepconvnet", "keras_mnist", "lenet", "lenet5", "nin_32", "preact_resnet20"]
"""One of each kind, of those that are compiled quickly."""
OTHERS = [name for name in models.names() if name not in FAST]

pytestmark = pytest.mark.usefixtures("compiler")


@pytest.mark.parametrize("name", [*FAST, *(pytest.param(name, marks=pytest.mark.slow) for name in OTHERS)])
def test_a_model_is_what_it_is_in_numpy(name: str) -> None:
    network, shape = reduced(name)
    loss, optimizer = losses.loss(models.entry(name).loss), Momentum(0.001)
    settings = Setup(network, shape, loss, optimizer, dtype="float64")
    rng = np.random.default_rng(0)
    x, y = rng.random((5, *shape)), rng.integers(0, 10, 5)
    judge, native = NumpyEngine(settings), NativeEngine(settings)
    assert difference(judge.outputs(x), native.outputs(x)) < 1e-10
    expected, found = (engine.gradients(x, y, moment=Moment()) for engine in (judge, native))
    largest = max(abs(gradient).max() for gradient in expected.values())
    for path, gradient in expected.items():
        # A bias before batch normalization has gradient 0, and rounding beside it.
        assert abs(gradient - found[path]).max() < 1e-10 * largest, path

    def trained(engine: Engine) -> list[tuple[float, int]]:
        engine.bind(x, y)
        return [engine.step(np.arange(count), Moment(0, count), 0.001).read() for count in (5, 4, 3)]

    results = trained(judge), trained(native)
    assert difference(*[[value for value, _ in each] for each in results]) < 1e-8
    assert [hits for _, hits in results[0]] == [hits for _, hits in results[1]]
    ours, theirs = arrays(native.state()), arrays(judge.state())
    largest = max(abs(array).max() for array in theirs.values())
    for path, array in theirs.items():
        assert abs(array - ours[path]).max() < 1e-8 * largest, path
