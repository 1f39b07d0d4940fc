"""The steps of a Keras model, read from its `config.json`; nothing in it is ever run."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any

from deepen.errors import DeepenError, FileFormatError
from deepen.exchange.keras_graph import INPUT, Step, Way, output
from deepen.exchange.keras_layers import check_channels_last, layers_of
from deepen.paths import Shape

Config = dict[str, Any]


def of_config(model: Config, groups: Mapping[str, Mapping[str, Shape]]) -> list[Step]:
    """Return the steps of a model; a layer's name is its group in the file, its settings are Keras' config of it.

    Args:
        model: the content of config.json.
        groups: the shapes of the arrays of each layer, by its group in the file, such as `layers/conv2d`.

    Raises:
        FileFormatError: the model has code of its own, several inputs, layers that are used more than once, or
            layers without a counterpart here.
        KeyError, TypeError, ...: it is no model's description.
    """
    steps = [INPUT]
    end = _Reader(groups, steps).model(model, "layers", (0, ()))
    return [*steps, output(*end)]


_Place = tuple[int, Way]
"""The last step so far, and what lies behind it."""


class _Reader:
    def __init__(self, groups: Mapping[str, Mapping[str, Shape]], steps: list[Step]) -> None:
        self.groups, self.steps = groups, steps

    def model(self, model: Config, place: str, at: _Place) -> _Place:
        """Add the layers of a model that takes what is at a place; return the place where it ends."""
        config, counts = model["config"], Counter[str]()
        ends: dict[str, _Place] = {}
        for layer in config["layers"]:
            kind = snake_case(layer["class_name"])
            group = f"{place}/{kind}_{counts[kind]}" if counts[kind] else f"{place}/{kind}"
            counts[kind] += 1
            name = layer["config"]["name"]
            if kind == "input_layer":
                if counts[kind] > 1:
                    raise FileFormatError("it has several inputs")
                ends[name] = at
            elif model["class_name"] == "Sequential":
                at = self.layer(layer, kind, group, (at,))
            else:
                ends[name] = self.layer(layer, kind, group, tuple(ends[source] for source in _sources(layer)))
        if model["class_name"] == "Sequential":
            return at
        first = config["output_layers"][0]
        return ends[first if isinstance(first, str) else first[0]]

    def layer(self, layer: Config, kind: str, group: str, inputs: tuple[_Place, ...]) -> _Place:
        """Add one layer; return the place where it ends."""
        config, what = layer["config"], f"{layer['class_name']} at {group}"
        if str(layer["module"]).split(".")[0] != "keras" or kind == "lambda":
            raise FileFormatError(f"its {what} is code of its own, which is not run")
        if "layers" in config:
            return self.model(layer, f"{group}/layers", inputs[0])
        steps, ways = zip(*inputs, strict=True)
        shapes = tuple(self.groups.get(group, {}).values())
        try:
            if len(inputs) > 1 and not shapes:
                check_channels_last(config)
                self.steps.append(Step(kind, (), steps, group, ways))
                return len(self.steps) - 1, ()
            found = layers_of(layer["class_name"], config, shapes)
        except DeepenError as error:
            raise FileFormatError(f"its {what}: {error}") from error
        if not shapes:
            return steps[0], (*ways[0], *found)
        self.steps.append(Step(kind, shapes, steps, group, ways, found[0], settings=config))
        return len(self.steps) - 1, found[1:]


def _sources(layer: Config) -> Iterator[str]:
    """Yield the names of the layers whose outputs a layer of a functional model takes, in their order."""
    calls = layer["inbound_nodes"]
    if len(calls) != 1:
        raise FileFormatError(f"its layer {layer['config']['name']} is used {len(calls)} times")
    yield from _tensors(calls[0]["args"])


def _tensors(value: Any) -> Iterator[str]:
    if isinstance(value, dict) and value.get("class_name") == "__keras_tensor__":
        yield str(value["config"]["keras_history"][0])
    elif isinstance(value, list):
        for item in value:
            yield from _tensors(item)


def snake_case(name: str) -> str:
    """Return how a class is called in Keras' files: `BatchNormalization` is `batch_normalization`."""
    return re.sub(r"([a-z])([A-Z])", r"\1_\2", re.sub(r"(.)([A-Z][a-z]+)", r"\1_\2", name)).lower()
