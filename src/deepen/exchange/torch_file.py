"""PyTorch's weights: a state_dict in a safetensors file."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import safetensors
import safetensors.numpy

from deepen import files, model_file
from deepen.arrays import Array
from deepen.errors import DataError, FileFormatError
from deepen.exchange.fit import held
from deepen.exchange.torch_names import COUNTER, counters, named, nearest
from deepen.paths import Shape
from deepen.spec import Layer

HEADS = ("aux1.", "aux2.")
"""Where GoogLeNet's auxiliary heads are, in torchvision's files and in our own networks."""
BLOCKS = "inception"
"""What the paths of its blocks begin with here."""


def read(path: Path, network: Layer, input_shape: Shape) -> dict[str, Array]:
    """Return parameters and running statistics by their paths here, as float32, whatever floats the file has.

    Which names the file has, our own, torchvision's or timm's, is found out from the network and the file. What
    is fixed in the network, such as the codes of an RBF layer, may be missing: then it is not returned. Counters
    of batches are ignored. So are GoogLeNet's auxiliary heads where the network lacks them, with a warning.

    Raises:
        DataError: the file cannot be read, is a model of deepen, its tensors are not those of the network, or
            they hold no finite floats.
        FileFormatError: it is no safetensors file, or it is damaged.
    """
    if model_file.is_own(path):
        raise DataError(f"{path} is a model of deepen: use load_weights, or give it as MODEL to a command")
    found = {name: each for name, each in _opened(path).items() if name.rpartition(".")[2] != COUNTER}
    expected = nearest(network, input_shape, found)
    known = {each.name for each in expected.values()}
    heads = [name for name in found if name.startswith(HEADS) and name not in known]
    if heads and any(ours.startswith(BLOCKS) for ours in expected):
        warnings.warn(f"{path} has auxiliary heads that the network lacks; they are left out", stacklevel=2)
        found = {name: each for name, each in found.items() if name not in heads}
    taken = {ours: each for ours, each in expected.items() if each.param.trainable or each.name in found}
    held(
        {each.name: each.shape for each in taken.values()},
        {name: tuple(each["shape"]) for name, each in found.items()},
        path,
    )
    return {
        ours: _floats(found[each.name], each.name, path).reshape(each.param.shape) for ours, each in taken.items()
    }


def write(
    path: Path, network: Layer, input_shape: Shape, arrays: Mapping[str, Array], names: str | None = None
) -> None:
    """Write a file whose tensors a PyTorch network of the same layers takes by `load_state_dict`.

    The counters of batch normalizations are there as well, at 0, so that the names are those of `state_dict`.

    Args:
        path: where to.
        network: what the arrays belong to.
        input_shape: of its images.
        arrays: parameters and running statistics by their paths here.
        names: as for `torch_names.named`.

    Raises:
        UnknownNameError: there is no such library.
        UsageError: the library does not know the network.
        DataError: the file cannot be written.
    """
    known = named(network, input_shape, names)
    tensors = {each.name: np.ascontiguousarray(arrays[ours]).reshape(each.shape) for ours, each in known.items()}
    tensors |= {name: np.zeros((), np.int64) for name in counters(network, input_shape, known)}
    # "pt" is what readers of safetensors look for to know that it is PyTorch's.
    data = safetensors.numpy.save(tensors, metadata={"format": "pt"})
    files.write(path, data)


def _opened(path: Path) -> dict[str, dict[str, Any]]:
    """Return the tensors of a file by name, each with its type, shape and bytes."""
    try:
        tensors = safetensors.deserialize(path.read_bytes())  # type: ignore[no-untyped-call]
        return dict(tensors)
    except OSError as error:
        raise DataError(f"cannot read {path}: {error.strerror or error}") from error
    except safetensors.SafetensorError as error:
        raise FileFormatError(
            f"{path} is damaged, or is no safetensors file ({error!s:.80}); PyTorch writes one by "
            "safetensors.torch.save_file(model.state_dict(), path)"
        ) from error


def _floats(tensor: Mapping[str, Any], name: str, path: Path) -> Array:
    """Return what a tensor holds as float32, in one row."""
    kind, data = tensor["dtype"], tensor["data"]
    if kind == "BF16":  # the first half of a float32
        values = (np.frombuffer(data, "<u2").astype("<u4") << 16).view("<f4")
    elif kind in ("F16", "F32", "F64"):
        values = np.frombuffer(data, f"<f{int(kind[1:]) // 8}")
    else:
        raise DataError(f"{name} in {path} is of type {kind}; weights must be F16, BF16, F32 or F64")
    with np.errstate(over="ignore"):
        converted = values.astype(np.float32)
    if not np.isfinite(converted).all():
        raise DataError(f"{name} in {path} holds numbers that are not finite, or too large for float32")
    return converted
