"""What an engine is to compute: the same in every engine."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import Literal

from deepen import spec
from deepen.data.augment import Augmentation, Mixture
from deepen.errors import DeepenError, ShapeError, UsageError
from deepen.groups import Group
from deepen.layers.combine import split_softmax
from deepen.layers.side import as_logits, side_outputs
from deepen.losses import Loss, SoftmaxCrossEntropy
from deepen.optimizers import Adam, Optimizer
from deepen.paths import Shape
from deepen.spec import Constraint, Layer, Param, Regularizer


@dataclass(frozen=True)
class Setup:
    """Everything that an engine computes: fixed for its life, and the same in every engine."""

    network: Layer
    input_shape: Shape
    loss: Loss = field(default_factory=SoftmaxCrossEntropy)
    optimizer: Optimizer = field(default_factory=Adam)
    seed: int = 0
    dtype: Literal["float32", "float64"] = "float32"
    augmentations: tuple[Augmentation, ...] = ()
    """What varies the images of training steps, in order."""
    groups: tuple[Group, ...] = ()
    """Which parameters are trained in their own way."""

    def __post_init__(self) -> None:
        outputs = self.network.output_shape(self.input_shape)
        for path, head in side_outputs(self.network, self.input_shape):
            if head.output_shape != outputs:
                problem = f"has a head that gives {head.output_shape}, but the network gives {outputs}"
                raise ShapeError("SideOutput", f"{problem}; let both end in as many classes", path)
        if len(outputs) == 1:
            self.loss.check(outputs[0])
        for augmentation in self.augmentations:
            augmentation.check(self.input_shape)
        for group in self.groups:
            group.check(self.parameters)
        if self.groups and not self.trainable and any(param.trainable for param in self.parameters.values()):
            raise UsageError("everything is frozen, so that there is nothing to learn; freeze less")

    @cached_property
    def loss_network(self) -> Layer:
        """The network as the loss takes it: without a final softmax where that works on logits."""
        return as_logits(self.network) if self.loss.on_logits else self.network

    @cached_property
    def gives_probabilities(self) -> bool:
        """Whether predictions are probabilities: by the loss, or because the network itself ends in them."""
        return self.loss.probabilistic or (not self.loss.on_logits and split_softmax(self.network)[1])

    def check_learns(self) -> None:
        """Make sure that there is something to train.

        Raises:
            DeepenError: the network has no parameter to learn.
        """
        if not self.trainable:
            raise DeepenError("the network has no parameter to learn; give it a layer such as Conv2D or Dense")

    @property
    def mixes(self) -> bool:
        """Whether training mixes images and their labels, which are then rows of probabilities."""
        return any(isinstance(step, Mixture) for step in self.augmentations)

    @cached_property
    def classes(self) -> int:
        """How many outputs the network gives for an image."""
        return self.network.output_shape(self.input_shape)[0]

    @cached_property
    def parameters(self) -> dict[str, Param]:
        """The parameters by path, trainable and fixed."""
        return spec.parameters(self.network, self.input_shape)

    @cached_property
    def statistics(self) -> dict[str, Param]:
        """The running statistics by path."""
        return spec.statistics(self.network, self.input_shape)

    @cached_property
    def trainable(self) -> list[str]:
        """The paths of the parameters that training changes."""
        return [path for path, param in self.parameters.items() if param.trainable and not self._frozen(path)]

    @cached_property
    def frozen(self) -> frozenset[str]:
        """The paths of the layers that compute as in evaluation: they, or all of their parts, are frozen."""
        if not any(group.frozen for group in self.groups):
            return frozenset()
        learning = [path for path, param in self.parameters.items() if param.trainable]
        found = set()
        for layer in spec.layer_paths(self.network, self.input_shape):
            own = [path for path in learning if path.startswith(f"{layer}.")]
            if self._frozen(layer) or (own and all(map(self._frozen, own))):
                found.add(layer)
        return frozenset(found)

    @cached_property
    def regularizers(self) -> dict[str, Regularizer]:
        """The penalties on parameters that training changes, by path."""
        found = {path: self.parameters[path].regularizer for path in self.trainable}
        return {path: regularizer for path, regularizer in found.items() if regularizer is not None}

    @cached_property
    def constraints(self) -> dict[str, Constraint]:
        """What parameters that training changes have to keep to, by path."""
        found = {path: self.parameters[path].constraint for path in self.trainable}
        return {path: constraint for path, constraint in found.items() if constraint is not None}

    @cached_property
    def paces(self) -> dict[str, tuple[float, float]]:
        """The factor of each parameter's learning rate, and its weight decay, by path."""
        found = {}
        for path, param in self.parameters.items():
            group, decay = self._group(path), self.optimizer.weight_decay
            if group is not None and group.decay is not None:
                decay = group.decay
            found[path] = (1.0 if group is None else group.rate), (decay if param.decay else 0.0)
        return found

    def _group(self, path: str) -> Group | None:
        return next((group for group in reversed(self.groups) if group.holds(path)), None)

    def _frozen(self, path: str) -> bool:
        group = self._group(path)
        return group is not None and group.frozen
