"""The textbook's NumPy script (textbook.py): its trainer draws its batches with replacement."""

from __future__ import annotations

import numpy as np

from common.task import RATE, Runner, Task, by_steps
from textbook import Textbook


def train(task: Task) -> Runner:
    """Train DeepConvNet, the network that the script has."""
    network, x, labels = Textbook(rate=RATE), task.scaled(), task.labels()

    def step() -> None:
        batch = network.rng.integers(len(x), size=task.batch)
        network.step(x[batch], labels[batch])

    return by_steps(step, task.batch, sum(np.size(array) for array in network.parameters))
