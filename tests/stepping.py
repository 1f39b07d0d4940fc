"""What tests of training steps share: images with something to learn, and the engines to learn it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from deepen.arrays import Array
from deepen.engines import ENGINES, Engine, Setup, State
from deepen.engines.native.engine import NativeEngine
from deepen.engines.numpy_engine import NumpyEngine
from deepen.engines.torch_engine import TorchEngine
from deepen.randomness import Moment
from deepen.spec import Layer
from networks import CLASSES, INPUT_SHAPE, NETWORKS

Make = Callable[..., Engine]

BOTH: list[Make] = [NumpyEngine, TorchEngine]
each_network = pytest.mark.parametrize("network", NETWORKS.values(), ids=NETWORKS.keys())
# Fixtures of these names make sure that there is a compiler where one is needed.
each_engine = pytest.mark.parametrize("make", [*BOTH, NativeEngine], ids=ENGINES, indirect=True)
each_other = pytest.mark.parametrize("other", [TorchEngine, NativeEngine], ids=ENGINES[1:], indirect=True)
"""The engines that NumPy's is the judge of."""
each_engine_by_name = pytest.mark.parametrize("engine", ENGINES, indirect=True)


def images(count: int = 64, seed: int = 0) -> tuple[Array, Array]:
    rng = np.random.default_rng(seed)
    x, y = rng.integers(0, 256, (count, *INPUT_SHAPE), dtype=np.uint8), rng.integers(0, CLASSES, count)
    for image, label in zip(x, y, strict=True):
        image[:, 2 * label : 2 * label + 2] |= 128  # something to learn: a brighter band
    return x, y


def setup(network: Layer, **more: Any) -> Setup:
    return Setup(network, INPUT_SHAPE, seed=3, **more)


def run(engine: Engine, steps: int, first: int = 0, rate: float = 0.01) -> list[tuple[float, int]]:
    x, y = images()
    engine.bind(x, y)
    found = []
    for step in range(first, first + steps):
        indices = np.arange(step * 16, step * 16 + 16) % len(x)
        found.append(engine.step(indices, Moment(step // 4, step % 4), rate).read())
    return found


def arrays(state: State) -> dict[str, Array]:
    """Return all arrays of a state by a name of their own."""
    kept = {f"{slot} of {path}": array for slot, of in state.slots.items() for path, array in of.items()}
    average = {f"average of {path}": array for path, array in state.average.items()}
    return {**state.parameters, **state.statistics, **kept, **average}


def same_bytes(a: dict[str, Array], b: dict[str, Array]) -> bool:
    return a.keys() == b.keys() and all(a[name].tobytes() == b[name].tobytes() for name in a)
