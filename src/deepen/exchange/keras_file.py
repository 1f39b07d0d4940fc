"""Weights as Keras 3 saves them: in a `.weights.h5`, or in a `.keras` with the description of the model."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from deepen import files
from deepen.arrays import Array
from deepen.errors import DataError
from deepen.exchange import keras_match, keras_storage
from deepen.exchange.keras_config import config_of
from deepen.exchange.keras_graph import of_network
from deepen.layers import Sequential
from deepen.paths import Shape
from deepen.spec import Layer, parameters, statistics

# Double precision, a copy at low precision and the two averages of an optimizer stay below.
_BYTES_PER_NUMBER = 64
_ROOM = 64 * 2**20


def read(path: Path, network: Layer, input_shape: Shape) -> dict[str, Array]:
    """Return all parameters and running statistics of a network from a file of Keras', by their paths here.

    In a `.keras` a layer is told from others by what it computes from and what is made of it; strides, ε, padding,
    activations, poolings and whatever else lies between are held against the network's. Three things are not: what
    only training knows, such as dropout; a softmax at the end, which a loss may have in it; and the size of the
    images that Keras' model was made for.

    A `.weights.h5` only numbers the layers of each kind: a network with branches can be read from it if no two of
    its layers have arrays of the same shapes. Strides, padding, activations, poolings, the place of the channels
    and ε are not in it, so it is for the reader to make them equal: Keras' batch normalization has ε = 0.001
    unless told otherwise, so that `BatchNormalization(epsilon=0.001)` has to stand here, and its padding "same" at
    stride 2 lies otherwise than `padding=1`.

    Raises:
        DataError: the file cannot be read, has other tensors than the network, computes otherwise, or does not
            tell which tensor is which; or Keras has no layer like one of the network's.
        FileFormatError: it is no such file, is damaged, has code or numbers elsewhere, or layers that
            nothing here is like.
        MissingExtraError: h5py is not installed.
    """
    arrays = {**parameters(network, input_shape), **statistics(network, input_shape)}
    stored = keras_storage.load(path, _ROOM + _BYTES_PER_NUMBER * sum(param.size for param in arrays.values()))
    depthwise = any("/depthwise_conv2d" in name for name in stored.shapes)
    ours = of_network(network, input_shape, depthwise)
    expected = keras_match.arrays(keras_match.groups(ours, stored, input_shape))
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
        name: tensor.to_keras(arrays[tensor.path])
        for name, tensor in keras_match.arrays(keras_match.named(ours)).items()
    }
    data = keras_storage.dump(content, config)
    files.write(path, data)


def _without_branches(layer: Layer) -> bool:
    if isinstance(layer, Sequential):
        return all(map(_without_branches, layer.layers))
    return not layer.container
