"""Weights as Keras 3 saves them: in a `.weights.h5`, or in a `.keras` with the description of the model."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from deepen.arrays import Array
from deepen.errors import DataError
from deepen.exchange import keras_match, keras_storage
from deepen.exchange.fit import held
from deepen.exchange.keras_config import config_of
from deepen.exchange.keras_graph import Step, of_network
from deepen.exchange.keras_layout import Tensor
from deepen.files import write_atomically
from deepen.layers import Sequential
from deepen.paths import Shape
from deepen.spec import Layer, parameters, statistics

# Double precision, a copy at low precision and the two averages of an optimizer stay below.
_BYTES_PER_NUMBER = 64
_ROOM = 64 * 2**20


def read(path: Path, network: Layer, input_shape: Shape) -> dict[str, Array]:
    """Return all parameters and running statistics of a network from a file of Keras', by their paths here.

    In a `.keras` a layer is told from others by what it computes from and what is made of it. A `.weights.h5` only
    numbers the layers of each kind: a network with branches can be read from it if no two of its layers have
    arrays of the same shapes. It does not say either that Keras' batch normalization has ε = 0.001 unless told
    otherwise; outputs are equal only if `BatchNormalization(epsilon=0.001)` stands here as well.

    Raises:
        DataError: the file cannot be read, has other tensors than the network, other strides or another ε, or does
            not tell which tensor is which; or Keras has no layer like one of the network's.
        FileFormatError: it is no such file, is damaged, or has code or numbers elsewhere.
        MissingExtraError: h5py is not installed.
    """
    arrays = {**parameters(network, input_shape), **statistics(network, input_shape)}
    stored = keras_storage.load(path, _ROOM + _BYTES_PER_NUMBER * sum(param.size for param in arrays.values()))
    depthwise = any("/depthwise_conv2d" in name for name in stored.shapes)
    ours = of_network(network, input_shape, depthwise)
    expected = _arrays(keras_match.groups(ours, stored))
    held({name: tensor.shape for name, tensor in expected.items()}, stored.shapes, path)
    return {tensor.path: tensor.from_keras(stored.read(name)) for name, tensor in expected.items()}


def write(path: Path, network: Layer, input_shape: Shape, arrays: Mapping[str, Array]) -> None:
    """Write parameters and running statistics as a Keras model of the same layers, one behind the other, has them.

    `model.load_weights` takes a `.weights.h5`, `keras.models.load_model` opens a `.keras`. A convolution with a
    group for each channel is Keras' DepthwiseConv2D.

    Raises:
        DataError: the file cannot be written, the network has branches, or Keras has no layer like one of its.
        MissingExtraError: h5py is not installed.
    """
    ours = of_network(network, input_shape, depthwise=True)
    if not _without_branches(network):
        raise DataError(
            f"cannot write {path}: the network has branches, and Keras' names for them depend on the model there; "
            "write a .safetensors instead"
        )
    config = config_of(network, input_shape) if path.suffix == ".keras" else None
    content = {
        name: tensor.to_keras(arrays[tensor.path]) for name, tensor in _arrays(keras_match.named(ours)).items()
    }
    data = keras_storage.dump(content, config)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        write_atomically(path, data)
    except OSError as error:
        raise DataError(f"cannot write {path}: {error.strerror or error}") from error


def _without_branches(layer: Layer) -> bool:
    if isinstance(layer, Sequential):
        return all(map(_without_branches, layer.layers))
    return not layer.container


def _arrays(groups: Mapping[str, Step]) -> dict[str, Tensor]:
    """Return the arrays of layers by their names in a file, given the layers by their groups."""
    return {f"{group}/vars/{i}": array for group, step in groups.items() for i, array in enumerate(step.arrays)}
