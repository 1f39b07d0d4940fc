"""Where a step went wrong: it is replayed in NumPy, and the first layer that is not finite is named."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from deepen import spec
from deepen.context import Pass
from deepen.engines.base import Batch, Setup, State
from deepen.errors import NonFiniteError

if TYPE_CHECKING:
    from deepen.engines.numpy_engine import Gradients

CURE = (
    "try a lower learning rate, a schedule that warms up, or an optimizer with clip_norm=1; "
    "or look at the data: values far beyond 1 want a Normalize layer"
)


def not_finite(setup: Setup, state: State, batch: Batch) -> NonFiniteError:
    """Return the error for a step whose loss or gradients were NaN or infinite.

    Args:
        setup: what the engine computes.
        state: the state before the step.
        batch: what the step was made on, as NumPy arrays.
    """
    where, cure = _first_not_finite(setup, state, batch)
    return NonFiniteError(
        f"training stopped in epoch {batch.moment.epoch + 1}, step {batch.moment.step + 1}: {where}; the weights "
        f"are those before this step; {cure}"
    )


def _first_not_finite(setup: Setup, state: State, batch: Batch) -> tuple[str, str]:
    """Return what is the first that is not finite, and what to do about it."""
    from deepen.engines.numpy_engine import compute_gradients, training_pass

    if not np.isfinite(batch.images).all():
        return "the images themselves hold NaN or infinity", "take them out of the data"
    if not np.isfinite(batch.targets).all():
        return "the labels themselves hold NaN or infinity", "take them out of the data"
    paths = [node.path for node in spec.walk(setup.loss_network, setup.input_shape)]
    run = training_pass(setup, batch.moment)
    run.watch = paths
    found = compute_gradients(setup, state, batch.images, batch.targets, run)
    return _place(setup, state, found, run, paths), CURE


def _place(setup: Setup, state: State, found: Gradients, run: Pass, paths: list[str]) -> str:
    for path in paths:
        # A network that is a single layer has no path; the head of a frozen side output is not computed.
        output = run.outputs.get(path) if path else found.outputs
        if output is not None and not np.isfinite(output).all():
            return f"the output of {path or 'the network'} is the first that is NaN or infinite"
    for path, regularizer in setup.regularizers.items():
        with np.errstate(all="ignore"):
            penalty = regularizer.value(state.parameters[path])
        if not np.isfinite(penalty):
            return f"the penalty on {path} is NaN or infinite"
    if not np.isfinite(found.loss):
        return "the loss is NaN or infinite"
    # On the way back the last layer comes first.
    for path in reversed(setup.trainable):
        if not np.isfinite(found.parameters[path]).all():
            return f"the gradient of {path} is the first that is NaN or infinite"
    return "the loss or a gradient was NaN or infinite, but is finite when computed again in NumPy"
