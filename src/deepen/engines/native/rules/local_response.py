"""Local response normalization."""

from __future__ import annotations

from deepen.engines.native.graph import Value
from deepen.engines.native.lowering import Lowering, rule
from deepen.layers.local_response import LocalResponseNormalization


@rule(LocalResponseNormalization)
def local_response(lowering: Lowering, layer: LocalResponseNormalization, path: str, x: Value) -> Value:
    """One kernel, which computes the strengths again on its way back."""
    return lowering.add(
        path,
        f"LocalResponseNormalization<{{x}}, {{y}}, {layer.size}, {{constants}}>",
        "local_response.hpp",
        x,
        x.shape,
        reads="x",
        constants={"alpha": layer.alpha, "beta": layer.beta, "k": layer.k},
    )
