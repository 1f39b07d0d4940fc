"""The arithmetic of a network, written out with its own numbers as on a board: no arrays, no engine."""

from __future__ import annotations

from deepen.errors import UnknownNameError
from deepen.inspect.explain.explanation import LANGUAGES, Explanation, Line, Section, Text
from deepen.inspect.explain.layer import of_layer
from deepen.inspect.explain.network import of_network
from deepen.inspect.explain.places import Plan
from deepen.paths import Shape
from deepen.spec import Layer

__all__ = ["LANGUAGES", "Explanation", "Line", "Section", "Text", "explain"]


def explain(
    network: Layer, input_shape: Shape, layer: str | None = None, language: str = "en", title: str = "network"
) -> Explanation:
    """Return the arithmetic of a network, or of the layer at a path, for one shape of images `(C, H, W)`.

    Args:
        network: the description.
        input_shape: of one image.
        layer: a path, such as `stage1.block1.conv1`, of a layer or of a block; the whole network unless given.
        language: "en" or "zh".
        title: what the explanation calls the network.

    Raises:
        ShapeError: a layer cannot take the shape that reaches it.
        UnknownNameError: there is no such layer or language.
    """
    if language not in LANGUAGES:
        raise UnknownNameError("language", language, LANGUAGES)
    plan = Plan(network, input_shape)
    if layer is None:
        return Explanation(title, tuple(of_network(plan)), language)
    places = {place.path: place for place in plan.places if place.path}
    if layer not in places:
        raise UnknownNameError("layer", layer, places, cure="`deepen summary` lists the layers with their paths")
    return Explanation(f"{title}: {layer}", tuple(of_layer(plan, places[layer])), language)
