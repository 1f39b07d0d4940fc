"""Networks varied as studies of regularization do: the same network, with an L2 penalty or another dropout."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from deepen.errors import UsageError
from deepen.layers.combine import Sequential
from deepen.layers.dense import Dense
from deepen.layers.dropout import Dropout
from deepen.regularizers import L2
from deepen.spec import Layer


def with_l2(network: Layer, strength: float) -> Layer:
    """Return the network with `L2(strength)` on every kernel that has no regularizer of its own.

    Raises:
        UsageError: there is no such kernel, or the strength is negative.
    """
    penalty = L2(strength)

    def change(layer: Layer) -> Layer:
        if getattr(layer, "kernel_regularizer", penalty) is not None:
            return layer
        return replace(layer, kernel_regularizer=penalty)  # type: ignore[call-arg]

    varied = _everywhere(network, change)
    if varied == network:
        raise UsageError(
            "an L2 penalty has nothing to act on: the network has no layer with a kernel, such as Conv2D or "
            "Dense, or each has a regularizer of its own already"
        )
    return varied


def with_dropout(network: Layer, rate: float) -> Layer:
    """Return the network with this rate in all its `Dropout` layers; 0 keeps everything.

    A network without one gets one before its last dense layer (of those that stand in a `Sequential` outside
    residuals, branches and side outputs). The other layers keep their paths, so that saved weights still fit.

    Raises:
        UsageError: there is no dropout and no dense layer to put one before, or the rate is not from 0 up to 1.
    """
    dropouts: list[Dropout] = []

    def change(layer: Layer) -> Layer:
        if not isinstance(layer, Dropout):
            return layer
        dropouts.append(layer)
        return replace(layer, rate=rate)

    varied = _everywhere(network, change)
    if dropouts:
        return varied
    added = _before_last_dense(network, Dropout(rate))
    if added is None:
        raise UsageError(
            "the network has no Dropout layer whose rate could be set, and no Dense layer in a Sequential before "
            "which there could be one; put a Dropout into its description"
        )
    return added


def _everywhere(layer: Layer, change: Callable[[Layer], Layer]) -> Layer:
    """Return a layer with `change` made to all that it is made of, and to itself."""

    def changed(value: Any) -> Any:
        if isinstance(value, Layer):
            return _everywhere(value, change)
        return tuple(map(changed, value)) if isinstance(value, tuple) else value

    given = {field.name: getattr(layer, field.name) for field in dataclasses.fields(layer)}
    return change(replace(layer, **{name: changed(value) for name, value in given.items()}))


def _before_last_dense(layer: Layer, new: Layer) -> Layer | None:
    """Return a Sequential with the new layer before its last dense one, or None if it has none."""
    if not isinstance(layer, Sequential):
        return None
    for place, inner in reversed([*enumerate(layer.layers)]):
        before, after = layer.layers[:place], layer.layers[place + 1 :]
        if isinstance(inner, Dense):
            return replace(layer, layers=(*before, new, inner, *after))
        varied = _before_last_dense(inner, new)
        if varied is not None:
            return replace(layer, layers=(*before, varied, *after))
    return None
