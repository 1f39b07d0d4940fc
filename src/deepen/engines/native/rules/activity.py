"""Penalties on activations."""

from __future__ import annotations

from deepen.engines.native.graph import Value
from deepen.engines.native.lowering import Lowering, rule
from deepen.errors import UsageError
from deepen.layers.activity import ActivityRegularization
from deepen.regularizers import L1, L2


@rule(ActivityRegularization)
def activity(lowering: Lowering, layer: ActivityRegularization, path: str, x: Value) -> Value:
    """The input itself, penalized while it is trained."""
    if not lowering.trains(path):
        return x
    norm = layer.regularizer
    if type(norm) not in (L1, L2):
        raise UsageError(
            f"the native engine has no rule for the regularizer {type(norm).__name__} ({path or 'the network'}); "
            'use engine="torch" or engine="numpy"'
        )
    assert isinstance(norm, (L1, L2))
    kernel = f"ActivityPenalty<{{x}}, {{y}}, {type(norm).__name__}<{{constants}}>>"
    constants = {"strength": norm.strength}
    return lowering.add(path, kernel, "pointwise.hpp", x, x.shape, reads="y", constants=constants)
