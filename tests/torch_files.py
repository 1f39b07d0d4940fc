"""What tests of PyTorch's weights share: arrays that tell each other apart, and files as PyTorch writes them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import safetensors.torch

from deepen.arrays import Array
from deepen.engines import Setup
from deepen.engines.base import initial_state
from deepen.paths import Shape
from deepen.spec import Layer


def random_arrays(network: Layer, shape: Shape) -> dict[str, Array]:
    rng = np.random.default_rng(1)
    first = initial_state(Setup(network, shape))
    drawn = {**first.parameters, **first.statistics}
    return {path: (a + 0.1 * rng.random(a.shape)).astype("float32") for path, a in drawn.items()}


def saved(folder: Path, tensors: dict[str, Any]) -> Path:
    path = folder / "weights.safetensors"
    safetensors.torch.save_file(tensors, path)
    return path
