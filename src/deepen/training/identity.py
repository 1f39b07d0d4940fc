"""What makes a training the one that it is, so that checkpoints of another one are refused."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Any

import numpy as np

from deepen.arrays import Array
from deepen.description import to_data
from deepen.engines.base import Engine, Setup
from deepen.environment import environment
from deepen.errors import UsageError
from deepen.training.keeper import Checkpoints, Keeper
from deepen.training.loop import Plan


def identity(
    setup: Setup, plan: Plan, metrics: Sequence[str], training: Sequence[Array], validation: Sequence[Array] | None
) -> dict[str, Any]:
    """Return what the outcome of a training depends on, but for first weights, callbacks and the machine.

    Args:
        setup: what the engine computes.
        plan: epochs, batch size, schedule.
        metrics: the names of what is measured.
        training: all images and labels, and the indices of those to train on.
        validation: images and labels, if there are any.
    """
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


def keeper_of(
    checkpoints: Checkpoints | None,
    engine: Engine,
    plan: Plan,
    metrics: Sequence[str],
    training: Sequence[Array],
    validation: Sequence[Array] | None,
) -> Keeper | None:
    """Return what keeps the checkpoints of a training, if any are wanted; the data is as for `identity`.

    Raises:
        UsageError: what is given is no `Checkpoints`.
    """
    if checkpoints is None:
        return None
    if not isinstance(checkpoints, Checkpoints):
        raise UsageError(
            f'checkpoints say where they are kept, as in Checkpoints("folder"), got {checkpoints!r:.80}'
        )
    return Keeper(checkpoints, identity(engine.setup, plan, metrics, training, validation), machine(engine))


def machine(engine: Engine) -> dict[str, Any]:
    """Return what decides the last digits of a result."""
    versions = {name: value for name, value in environment().items() if name in ("processor", engine.name)}
    return {"engine": engine.name, "device": engine.device, "threads": engine.threads, **versions}


def _fingerprint(arrays: Sequence[Array]) -> str:
    digest = hashlib.sha256()
    for array in arrays:
        digest.update(f"{array.dtype.str} {array.shape}".encode())
        digest.update(np.ascontiguousarray(array).data)
    return digest.hexdigest()
