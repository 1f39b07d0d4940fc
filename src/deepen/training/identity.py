"""What makes a training the one that it is, so that checkpoints of another one are refused."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Any

import numpy as np

from deepen.arrays import Array
from deepen.description import to_data
from deepen.engines.base import Engine, Setup
from deepen.training.loop import Plan

Images = tuple[Array, Array]
"""Images and labels."""


def identity(
    setup: Setup, plan: Plan, metrics: Sequence[str], training: Images, validation: Images | None
) -> dict[str, Any]:
    """Return all that the outcome of a training depends on, but for its first weights and the machine."""
    return {
        "network": to_data(setup.network),
        "input shape": list(setup.input_shape),
        "loss": to_data(setup.loss),
        "optimizer": to_data(setup.optimizer),
        "augmentations": to_data(setup.augmentations),
        "groups": to_data(setup.groups),
        "seed": setup.seed,
        "type of numbers": setup.dtype,
        "epochs": plan.epochs,
        "first epoch": plan.first_epoch,
        "batch size": plan.batch_size,
        "schedule": to_data(plan.schedule),
        "metrics": list(metrics),
        "training data": _fingerprint(training),
        "validation data": None if validation is None else _fingerprint(validation),
    }


def machine(engine: Engine) -> dict[str, Any]:
    """Return what decides the last digits of a result."""
    return {"engine": engine.name, "device": engine.device, "threads": engine.threads}


def _fingerprint(data: Images) -> str:
    digest = hashlib.sha256()
    for array in data:
        digest.update(f"{array.dtype.str} {array.shape}".encode())
        digest.update(np.ascontiguousarray(array).data)
    return digest.hexdigest()
