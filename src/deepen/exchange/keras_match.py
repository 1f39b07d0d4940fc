"""Which layer in a file of Keras' is which layer of a network."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from math import isclose
from pathlib import Path
from typing import Any, NoReturn

from deepen.errors import DataError, FileFormatError
from deepen.exchange import keras_between
from deepen.exchange.fit import held
from deepen.exchange.keras_graph import Step, by_signature, is_chain, names
from deepen.exchange.keras_layout import KerasTensor
from deepen.exchange.keras_model import of_config
from deepen.exchange.keras_storage import Stored, damage_of
from deepen.paths import Shape
from deepen.wording import listed

_BIAS = "Keras' layer has no bias, so give the one here use_bias=False"
_SCALE = "Keras' layer needs scale=True and center=True"
_CURES = {
    "conv2d": _BIAS,
    "depthwise_conv2d": _BIAS,
    "dense": _BIAS,
    "batch_normalization": _SCALE,
    "group_normalization": _SCALE,
}
"""What to do where Keras' layer has fewer arrays."""


def groups(ours: Sequence[Step], stored: Stored, input_shape: Shape) -> dict[str, Step]:
    """Return the layers of a network by their groups in a file, once the arrays are known to have equal shapes.

    Raises:
        DataError: the file does not hold the layers of this network, or does not tell which is which.
        FileFormatError: the model's description is damaged, or has code of its own.
    """
    if stored.config is not None:
        return _by_wiring(ours, stored, stored.config, input_shape)
    if is_chain(ours):
        found = named(ours, nested=any("/layers/" in name for name in stored.shapes))
        _held(found, stored)
        return found
    theirs = [Step(_kind(group), tuple(shapes.values()), name=group) for group, shapes in stored.groups.items()]
    return _matched(ours, theirs, stored, wired=False)


def arrays(found: Mapping[str, Step]) -> dict[str, KerasTensor]:
    """Return the arrays of layers by their names in a file, given the layers by their groups."""
    return {f"{group}/vars/{i}": array for group, step in found.items() for i, array in enumerate(step.arrays)}


def named(ours: Sequence[Step], nested: bool = False) -> dict[str, Step]:
    """Return the layers of a chain by the groups that Keras gives them."""
    return dict(zip(names(ours, nested), (step for step in ours if step.weighted), strict=True))


def _kind(group: str) -> str:
    return re.sub(r"_\d+$", "", group.rpartition("/")[2])


def _by_wiring(
    ours: Sequence[Step], stored: Stored, config: dict[str, Any], input_shape: Shape
) -> dict[str, Step]:
    """Find the layers that are connected alike, and make sure that they and all between them compute alike."""
    try:
        with damage_of(stored.path):
            theirs = of_config(config, stored.groups)
    except FileFormatError as error:
        raise FileFormatError(f"cannot take weights from {stored.path}: {error}") from error
    found = _matched(ours, theirs, stored, wired=True)
    settings = {step.name: step.settings for step in theirs}
    for group, step in found.items():
        _same_settings(step, settings[group], group, stored.path)
    keras_between.check(ours, theirs, input_shape, stored.path)
    return found


def _same_settings(step: Step, settings: Mapping[str, Any], group: str, path: Path) -> None:
    for key, own in step.settings.items():
        other = settings.get(key)
        other = tuple(other) if isinstance(other, list) else other
        # ε of Keras' ResNets is 1.001e-5: what differs by less than a hundredth gives the same outputs.
        if isinstance(own, float) and isinstance(other, float):
            same = isclose(own, other, rel_tol=0.01)
        else:
            same = own == other
        if not same:
            raise DataError(
                f"{step.name} has {key} {own}, but {group} in {path} has {other}, so their outputs would differ; "
                "give both the same"
            )


def _matched(ours: Sequence[Step], theirs: Sequence[Step], stored: Stored, wired: bool) -> dict[str, Step]:
    """Pair the layers of both sides by their signatures."""
    pairs = list(by_signature(ours, theirs, wired))
    if any(len(own) != len(other) for own, other in pairs):
        _refuse(ours, theirs, stored)
    for own, other in pairs:
        if len(own) > 1:
            cure = "their places in the network are alike" if wired else "save the whole model as .keras"
            raise DataError(
                f"{stored.path} does not tell which of {listed([step.name for step in other])} is which of "
                f"{listed([step.name for step in own])}; {cure}"
            )
    return {other[0].name: own[0] for own, other in pairs}


def _held(found: Mapping[str, Step], stored: Stored) -> None:
    """Make sure that the layers in a file have the arrays of those here; say where Keras' have left some out."""
    cures = [
        f"; {group} is {step.name} here: {_CURES[step.kind]}"
        for group, step in found.items()
        if 0 < len(stored.groups.get(group, ())) < len(step.arrays)
    ]
    shapes = {name: tensor.shape for name, tensor in arrays(found).items()}
    held(shapes, stored.shapes, stored.path, "".join(cures[:1]))


def _refuse(ours: Sequence[Step], theirs: Sequence[Step], stored: Stored) -> NoReturn:
    """Say which tensors differ, or that there is no difference but in how the layers are connected."""
    if is_chain(ours):
        _held(named(ours, nested=any("/layers/" in name for name in stored.shapes)), stored)
    unequal = [pair for pair in by_signature(ours, theirs, wired=False) if len(pair[0]) != len(pair[1])]
    held(
        {array.path: array.shape for own, _ in unequal for step in own for array in step.arrays},
        {name: stored.shapes[name] for _, other in unequal for step in other for name in stored.groups[step.name]},
        stored.path,
    )
    raise DataError(f"the layers in {stored.path} are those of this network, but connected in another way")
