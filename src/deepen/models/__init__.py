"""The models by name; importing them enters them in the registry."""

from deepen.models import resnet_cifar
from deepen.models.deepconvnet import deepconvnet
from deepen.models.keras_mnist import keras_mnist
from deepen.models.lenet import lenet
from deepen.models.registry import Entry, Reported, build, entry, model, names

__all__ = [
    "Entry",
    "Reported",
    "build",
    "deepconvnet",
    "entry",
    "keras_mnist",
    "lenet",
    "model",
    "names",
    "resnet_cifar",
]
