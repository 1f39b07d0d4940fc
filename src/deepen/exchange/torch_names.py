"""What the arrays of a network are called in a PyTorch state_dict, and their shapes there."""

from __future__ import annotations

import warnings
from collections.abc import Collection, Mapping
from dataclasses import dataclass

from deepen.errors import UnknownNameError, UsageError
from deepen.exchange import timm_names, torchvision_names
from deepen.exchange.torch_rules import Naming, own
from deepen.exchange.torchvision_names import begins_alike
from deepen.layers import BatchNormalization
from deepen.layers.kernel import KernelLayer
from deepen.layers.normalization import ScaledNormalization
from deepen.paths import Shape, join
from deepen.spec import Layer, Param, walk

CONVENTIONS: dict[str, tuple[Naming, ...]] = {
    "torchvision": (
        torchvision_names.numbered,
        torchvision_names.googlenet,
        torchvision_names.resnet,
        torchvision_names.densenet,
    ),
    "timm": (timm_names.vgg, torchvision_names.resnet, torchvision_names.densenet),
    "deepen": (own,),
}
"""The namings of each library; the first that knows a network counts."""

# PyTorch's names of what a layer owns; what is not here has the same name there.
_LEAVES: tuple[tuple[type[Layer], dict[str, str]], ...] = (
    (KernelLayer, {"kernel": "weight"}),
    (ScaledNormalization, {"gamma": "weight", "beta": "bias", "running_variance": "running_var"}),
)

COUNTER = "num_batches_tracked"
"""How many batches a normalization has seen; a whole number, without a use where the momentum is fixed."""


@dataclass(frozen=True)
class TorchTensor:
    """One of a network's arrays as a state_dict has it."""

    name: str
    shape: Shape
    param: Param
    """What it is here; the numbers are the same in the same order, only the shape may differ."""


def tensors(network: Layer, input_shape: Shape, naming: Naming) -> dict[str, TorchTensor] | None:
    """Return the parameters and running statistics of a network as a naming has them, if it knows the network."""
    modules = naming(network, input_shape)
    if modules is None:
        return None
    found = {}
    for node in walk(network, input_shape):
        arrays = {**node.layer.params(node.input_shape), **node.layer.statistics(node.input_shape)}
        for name, param in arrays.items():
            module, shape = modules[node.path], param.shape
            if name == "kernel" and module.maps is not None:
                shape = (shape[0], *module.maps)
            found[node.join(name)] = TorchTensor(join(module.name, _leaf(node.layer, name)), shape, param)
    return found


def _leaf(layer: Layer, name: str) -> str:
    return next((names.get(name, name) for kind, names in _LEAVES if isinstance(layer, kind)), name)


def counters(network: Layer, input_shape: Shape, known: Mapping[str, TorchTensor]) -> list[str]:
    """Return what the counters of the batch normalizations are called beside the tensors that are known."""
    norms = [node for node in walk(network, input_shape) if isinstance(node.layer, BatchNormalization)]
    means = [known[node.join("running_mean")].name for node in norms]
    return [mean.removesuffix("running_mean") + COUNTER for mean in means]


def named(network: Layer, input_shape: Shape, names: str | None) -> dict[str, TorchTensor]:
    """Return the tensors of a network under the names of a library.

    Args:
        network: the layers.
        input_shape: of its images.
        names: "torchvision" or "timm" for what those would call the layers, "deepen" for the network's own paths,
            or None for torchvision's where it has a network that begins like this one, else the own ones.

    Raises:
        UnknownNameError: there is no such library.
        UsageError: the library does not know the network.
    """
    if names is not None and names not in CONVENTIONS:
        raise UnknownNameError("naming", names, CONVENTIONS)
    begun_alike = [each for each in CONVENTIONS["torchvision"] if begins_alike(each, network, input_shape)]
    for naming in (*begun_alike, own) if names is None else CONVENTIONS[names]:
        if (found := tensors(network, input_shape, naming)) is not None:
            _warn_of_strides(naming, network, input_shape)
            return found
    raise UsageError(f"{names} has no network of these layers; use the names of the network itself, 'deepen'")


def nearest(network: Layer, input_shape: Shape, names: Collection[str]) -> dict[str, TorchTensor]:
    """Return the tensors of a network under those names that have most in common with a file's."""
    namings = dict.fromkeys(naming for those in CONVENTIONS.values() for naming in those)
    known = {naming: found for naming in namings if (found := tensors(network, input_shape, naming)) is not None}
    best = min(known, key=lambda naming: len({each.name for each in known[naming].values()} ^ set(names)))
    _warn_of_strides(best, network, input_shape)
    return known[best]


def _warn_of_strides(naming: Naming, network: Layer, input_shape: Shape) -> None:
    """Warn of the one difference between networks that neither names nor shapes would show."""
    if naming is torchvision_names.resnet and torchvision_names.halves_in_1x1(network, input_shape):
        warnings.warn(
            "bottlenecks of torchvision and timm halve the maps in their 3×3 convolution, those of this network "
            "in the 1×1 before it: the same weights give other outputs; use resnet50_torchvision or the like",
            stacklevel=4,
        )
