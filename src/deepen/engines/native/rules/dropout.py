"""Dropout: in training a mask and a factor, in evaluation a factor at most."""

from __future__ import annotations

from deepen.engines.native.graph import Value
from deepen.engines.native.lowering import Lowering, rule
from deepen.layers.dropout import Dropout, OriginalDropout


@rule(Dropout)
def dropout(lowering: Lowering, layer: Dropout, path: str, x: Value) -> Value:
    """Scale up what stays while training; in evaluation everything stays as it is."""
    if not lowering.trains(path):
        return x
    return _dropped(lowering, layer, path, x, 1 / (1 - layer.rate))


@rule(OriginalDropout)
def original_dropout(lowering: Lowering, layer: OriginalDropout, path: str, x: Value) -> Value:
    """Leave what stays as it is while training; scale everything down in evaluation."""
    if lowering.trains(path):
        return _dropped(lowering, layer, path, x, 1.0)
    kernel, constants = "Pointwise<{x}, {y}, Scaled<{constants}>>", {"factor": 1 - layer.rate}
    return lowering.add(path, kernel, "pointwise.hpp", x, x.shape, reads="y", constants=constants)


def _dropped(lowering: Lowering, layer: Dropout, path: str, x: Value, scale: float) -> Value:
    if layer.rate == 0:
        return x
    kernel = f"Dropout<{{x}}, {{y}}, {lowering.key(path):#x}ULL, {{constants}}>"
    constants = {"rate": layer.rate, "scale": scale}
    return lowering.add(path, kernel, "dropout.hpp", x, x.shape, reads="", keeps=True, constants=constants)
