"""Weights from elsewhere and for elsewhere: PyTorch's as safetensors, Keras' as HDF5."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from deepen import model_file
from deepen.arrays import Array
from deepen.engines.setup import Setup
from deepen.engines.state import State, begun_with
from deepen.errors import DataError, UsageError
from deepen.paths import Shape
from deepen.spec import Layer

TORCH, KERAS = (".safetensors",), (".weights.h5", ".keras")


def read(path: Path, network: Layer, input_shape: Shape) -> dict[str, Array]:
    """Return parameters and running statistics from a file of PyTorch's or Keras', by their paths here.

    Raises:
        UsageError: the ending of the file is none that is known.
        DataError: the file cannot be read, or has other tensors than the network.
        FileFormatError: it is not what its ending says, or it is damaged.
    """
    from deepen.exchange import keras_file, torch_file

    if _of_torch(path):
        return torch_file.read(path, network, input_shape)
    return keras_file.read(path, network, input_shape)


def write(
    path: Path, network: Layer, input_shape: Shape, arrays: Mapping[str, Array], names: str | None = None
) -> None:
    """Write parameters and running statistics for PyTorch or Keras, as the ending of the file says.

    Raises:
        UsageError: the ending is none that is known, or Keras is to have names of PyTorch's.
        DataError: the file cannot be written, a model of deepen is there, or the network cannot be told in that
            form.
    """
    from deepen.exchange import keras_file, torch_file

    if model_file.is_own(path):
        raise DataError(f"{path} is a model of deepen; give another name for the weights")
    if _of_torch(path):
        torch_file.write(path, network, input_shape, arrays, names)
    elif names is not None:
        raise UsageError(f"names are for PyTorch's weights; Keras has its own, so leave out {names!r}")
    else:
        keras_file.write(path, network, input_shape, arrays)


def take(setup: Setup, weights: tuple[dict[str, Array], dict[str, Array]] | None, path: Path) -> State:
    """Return the state that begins with the weights of a file; what it does not hold stays as it is.

    Args:
        setup: the model that takes.
        weights: its own parameters and statistics; None where they are the first ones of its seed.
        path: the file, as for `read`.

    Raises:
        UsageError, DataError, FileFormatError: as in `read`.
    """
    return begun_with(setup, weights, read(path, setup.network, setup.input_shape))


def _of_torch(path: Path) -> bool:
    if path.name.endswith(TORCH):
        return True
    if path.name.endswith(KERAS):
        return False
    cure = ""
    if path.suffix in (".pt", ".pth", ".bin"):
        cure = (
            "; it is pickled and could run code: turn it into one by safetensors.torch.save_file("
            f'torch.load("{path.name}", weights_only=True), "{path.stem}.safetensors")'
        )
    elif path.suffix in (".h5", ".hdf5"):
        cure = f'; Keras 3 writes the latter by model.save_weights("{path.stem}.weights.h5")'
    raise UsageError(f"{path} is neither {', '.join(TORCH)} (PyTorch) nor {' or '.join(KERAS)} (Keras){cure}")
