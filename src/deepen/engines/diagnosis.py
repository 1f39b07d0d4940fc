"""Where a step went wrong: it is replayed in NumPy, and the first layer that is not finite is named."""

from __future__ import annotations

import numpy as np

from deepen import spec
from deepen.arrays import Array
from deepen.engines.base import Setup, State
from deepen.errors import NonFiniteError
from deepen.randomness import Moment


def not_finite(setup: Setup, state: State, images: Array, labels: Array, moment: Moment) -> NonFiniteError:
    """Return the error for a step on these images whose loss or gradients were NaN or infinite.

    Args:
        setup: what the engine computes.
        state: the state before the step.
        images: the images of the step, `(N, C, H, W)`.
        labels: their labels.
        moment: the moment of the step.
    """
    where = _first_not_finite(setup, state, images, labels, moment)
    return NonFiniteError(
        f"training stopped in epoch {moment.epoch + 1}, step {moment.step + 1}: {where}; the weights are those "
        "before this step; try a lower learning rate, or look at the data"
    )


def _first_not_finite(setup: Setup, state: State, images: Array, labels: Array, moment: Moment) -> str:
    from deepen.engines.numpy_engine import compute_gradients, training_pass

    if not np.isfinite(images).all():
        return "the images themselves hold NaN or infinity"
    paths = [node.path for node in spec.walk(setup.loss_network, setup.input_shape)]
    run = training_pass(setup, moment)
    run.watch = paths
    found = compute_gradients(setup, state, images, labels, run)
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
