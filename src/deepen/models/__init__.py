"""The models by name; importing them enters them in the registry."""

from deepen.models.alexnet import alexnet
from deepen.models.deepconvnet import deepconvnet
from deepen.models.densenet import densenet121
from deepen.models.googlenet import googlenet
from deepen.models.keras_mnist import keras_mnist
from deepen.models.lenet import lenet
from deepen.models.lenet5 import lenet5
from deepen.models.linear import linear
from deepen.models.mlp import mlp
from deepen.models.nin import nin
from deepen.models.registry import Entry, Reported, build, entry, model, names
from deepen.models.resnet import resnet
from deepen.models.resnet_cifar import plain, preact_resnet
from deepen.models.resnet_cifar import resnet as resnet_cifar
from deepen.models.simple_convnet import simple_convnet
from deepen.models.three_layer import three_layer
from deepen.models.vgg import vgg
from deepen.models.wide_resnet import wide_resnet

__all__ = [
    "Entry",
    "Reported",
    "alexnet",
    "build",
    "deepconvnet",
    "densenet121",
    "entry",
    "googlenet",
    "keras_mnist",
    "lenet",
    "lenet5",
    "linear",
    "mlp",
    "model",
    "names",
    "nin",
    "plain",
    "preact_resnet",
    "resnet",
    "resnet_cifar",
    "simple_convnet",
    "three_layer",
    "vgg",
    "wide_resnet",
]
