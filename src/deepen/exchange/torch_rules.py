"""How a naming of modules is written down: as a function, or as rules from our paths to its names."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from deepen.paths import Shape
from deepen.spec import Layer, walk


@dataclass(frozen=True)
class Module:
    """What a layer is in a PyTorch network."""

    name: str
    """Its dotted path there; `.weight` and the like follow."""
    maps: Shape | None = None
    """Of a dense layer that is a convolution there: the maps `(C, H, W)` that its kernel covers."""


Naming = Callable[[Layer, Shape], Mapping[str, Module] | None]
"""Gives the modules by the paths of the layers that they are here; None for a network that has no such names."""


def own(network: Layer, input_shape: Shape) -> dict[str, Module]:
    """Name every layer by its own path, as a PyTorch network does whose modules are nested and named alike."""
    return {node.path: Module(node.path) for node in walk(network, input_shape)}


def by_rules(rules: Mapping[str, str]) -> Naming:
    """Make a naming of rules such as `{"stage{s}.block{b}.conv{c}": "layer{s}.{b-1}.conv{c}"}`.

    A field stands for a number (`{letter}` for a letter), `{b-1}` for the number before it: our names count from
    1, PyTorch's lists from 0. The first rule that fits a layer's whole path names it. The naming is for networks
    that have a rule for every layer with arrays, and a layer for every rule.
    """
    patterns = {_pattern(path): name for path, name in rules.items()}

    def naming(network: Layer, input_shape: Shape) -> dict[str, Module] | None:
        modules, used = {}, set()
        for node in walk(network, input_shape):
            if node.layer.params(node.input_shape) or node.layer.statistics(node.input_shape):
                fit = next((found for pattern in patterns if (found := pattern.fullmatch(node.path))), None)
                if fit is None:
                    return None
                used.add(fit.re)
                modules[node.path] = Module(_filled(patterns[fit.re], fit))
        return modules if len(used) == len(patterns) else None

    return naming


def _pattern(path: str) -> re.Pattern[str]:
    def field(found: re.Match[str]) -> str:
        return rf"(?P<{found[1]}>{'[a-z]' if found[1] == 'letter' else '[0-9]+'})"

    return re.compile(re.sub(r"\{(\w+)\}", field, path.replace(".", r"\.")))


def _filled(name: str, values: re.Match[str]) -> str:
    def value(found: re.Match[str]) -> str:
        return str(int(values[found[1]]) - 1) if found[2] else values[found[1]]

    return re.sub(r"\{(\w+)(-1)?\}", value, name)
