"""Explanations as texts, for tests."""

from __future__ import annotations

import re

from deepen import models
from deepen.inspect.explain import explain
from deepen.paths import Shape
from deepen.spec import Layer


def said(network: Layer | str, layer: str | None = None, shape: Shape | None = None, language: str = "en") -> str:
    if isinstance(network, str):
        shape = shape or models.entry(network).input_shape
        network = models.build(network)
    assert shape is not None
    return str(explain(network, shape, layer, language))


def line_of(text: str, label: str) -> str:
    """Return what stands behind a label."""
    (found,) = re.findall(rf"^  {re.escape(label)} {{2,}}(.+)$", text, re.MULTILINE)
    return str(found)
