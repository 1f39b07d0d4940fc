"""Losses: what training makes small. They work on logits, where they do not say otherwise."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cache
from typing import Any, ClassVar

import numpy as np

from deepen import fields
from deepen.arrays import Array
from deepen.description import Described, by_name, register
from deepen.errors import DeepenError, UsageError
from deepen.layers.activation import Softmax


class Loss(Described):
    """Base of the losses: the mean over a batch of outputs `(N, K)` and targets.

    Targets are class numbers `(N,)`, or probabilities `(N, K)`, such as one-hot rows or the mixtures of two.
    """

    on_logits: ClassVar[bool] = True
    """Whether the loss takes logits, so that a softmax at the end of the network is left out in training."""

    probabilistic: ClassVar[bool] = False
    """Whether `prediction` gives probabilities, whatever the outputs are."""

    def forward(self, outputs: Array, targets: Array) -> tuple[float, Any]:
        """Return the loss, and what the backward pass needs."""
        raise DeepenError(f"{type(self).__name__} lacks a NumPy forward pass")

    def backward(self, cache: Any) -> Array:
        """Return the gradient with respect to the outputs."""
        raise DeepenError(f"{type(self).__name__} lacks a NumPy backward pass")

    def torch_forward(self, F: Any, outputs: Any, targets: Any) -> Any:
        """Compute the loss with PyTorch; `F` is `torch.nn.functional`."""
        raise DeepenError(f"{type(self).__name__} lacks a PyTorch forward pass")

    def prediction(self, outputs: Array) -> Array:
        """Return what `predict` gives for the outputs of the network."""
        return outputs

    def check(self, classes: int) -> None:
        """Make sure that the loss can be used with so many classes.

        Raises:
            UsageError: it cannot.
        """


@register
@dataclass(frozen=True)
class SoftmaxCrossEntropy(Loss):
    """Cross-entropy of p = softmax(z), z the logits, against targets t: `L = −(1/N) Σₙ Σₖ wₖ tₙₖ log pₙₖ`.

    Backward: `dz = (p · Σₖ wₖ tₙₖ − w t) / N`. The logarithm is taken of the sum of exponentials, after the
    largest logit was subtracted, so that nothing overflows.

    Args:
        label_smoothing: s, which replaces t by `(1 − s) t + s / K` (Szegedy et al., "Rethinking the Inception
            architecture", 2016, section 7).
        class_weights: w, one for each class; 1 where not given. The mean divides by N, not by the sum of weights.

    Raises:
        UsageError: a field is out of range, or there is not one weight for each class.

    Source: Bridle, "Probabilistic interpretation of feedforward classification network outputs", 1990.
    """

    label_smoothing: float = 0.0
    class_weights: tuple[float, ...] | None = None

    probabilistic: ClassVar[bool] = True

    def __post_init__(self) -> None:
        fields.share(self, "label_smoothing")
        if self.class_weights is not None:
            self.set_field("class_weights", _weights(self.class_weights))

    def forward(self, outputs: Array, targets: Array) -> tuple[float, Any]:
        """Return the loss, and (p, w t) as the cache."""
        t = self._weighted(rows(targets, outputs))
        z = outputs - outputs.max(axis=1, keepdims=True)
        log_p = z - np.log(np.exp(z).sum(axis=1, keepdims=True))
        # A class that is not wanted costs nothing, however unlikely: not 0 · −∞, which is NaN.
        loss = -(t * np.where(t == 0, 0, log_p)).sum() / len(outputs)
        return float(loss), (np.exp(log_p), t)

    def backward(self, cache: Any) -> Array:
        """Return dz."""
        p, t = cache
        dz: Array = (p * t.sum(axis=1, keepdims=True) - t) / len(p)
        return dz

    def torch_forward(self, F: Any, outputs: Any, targets: Any) -> Any:
        """Compute the loss with PyTorch, whose own mean over class numbers would divide by the weights."""
        if not self.label_smoothing and self.class_weights is None:
            return F.cross_entropy(outputs, targets)
        self.check(outputs.shape[1])
        weight = None
        if self.class_weights is not None:
            weight = _torch_weights(F.torch, self.class_weights, outputs.dtype, outputs.device)
        t = torch_rows(F, targets, outputs)
        return F.cross_entropy(outputs, t, weight=weight, label_smoothing=self.label_smoothing)

    def prediction(self, outputs: Array) -> Array:
        """Return the probabilities, `(N, K)`."""
        return Softmax().value(outputs)

    def _weighted(self, t: Array) -> Array:
        """Return the targets, smoothed and weighted."""
        if self.label_smoothing:
            t = (1 - self.label_smoothing) * t + self.label_smoothing / t.shape[1]
        if self.class_weights is not None:
            self.check(t.shape[1])
            t = t * np.asarray(self.class_weights, t.dtype)
        return t

    def check(self, classes: int) -> None:
        if self.class_weights is not None and len(self.class_weights) != classes:
            raise UsageError(
                f"SoftmaxCrossEntropy: give one class weight for each of the {classes} classes, "
                f"got {len(self.class_weights)}"
            )


@register
@dataclass(frozen=True)
class MeanSquaredError(Loss):
    """Mean of the squared differences of outputs y and targets t: `L = 1/(N·K) Σₙ Σₖ (yₙₖ − tₙₖ)²`.

    Backward: `dy = 2 (y − t) / (N·K)`. The mean is over all entries, as in Keras and PyTorch; where a text divides
    by the number of images alone, its loss is K times this one. The outputs are the network's own, after a final
    softmax or sigmoid if there is one.
    """

    on_logits: ClassVar[bool] = False

    def forward(self, outputs: Array, targets: Array) -> tuple[float, Any]:
        """Return the loss, and y − t as the cache."""
        differences = outputs - rows(targets, outputs)
        return float((differences * differences).mean()), differences

    def backward(self, cache: Any) -> Array:
        """Return dy."""
        dy: Array = 2 * cache / cache.size
        return dy

    def torch_forward(self, F: Any, outputs: Any, targets: Any) -> Any:
        return F.mse_loss(outputs, torch_rows(F, targets, outputs))


@register
@dataclass(frozen=True)
class MultiClassHinge(Loss):
    """Support vector machine's loss: each wrong score has to stay a margin Δ below the right one.

    `L = (1/N) Σₙ Σ(j≠y) max(0, sₙⱼ − sₙᵧ + Δ)` for scores s and class y; for targets that are probabilities,
    the expectation of that over y. Backward: a term above 0 adds 1/N to ds at j and subtracts it at y; at exactly
    0 it adds nothing.

    Raises:
        UsageError: the margin is not above 0.

    Source: Weston and Watkins, "Support vector machines for multi-class pattern recognition", 1999; CS231n,
    "Linear classification".
    """

    margin: float = 1.0

    def __post_init__(self) -> None:
        fields.above_0(self, "margin")

    def forward(self, outputs: Array, targets: Array) -> tuple[float, Any]:
        """Return the loss; the cache says for each pair of image and possible class which scores are too high."""
        t = rows(targets, outputs)
        n, y = t.nonzero()
        pairs, share = np.arange(len(n)), t[n, y]
        excess = outputs[n] - outputs[n, y][:, None] + self.margin
        excess[pairs, y] = 0
        loss = (share * np.maximum(excess, 0).sum(axis=1)).sum() / len(outputs)
        return float(loss), (excess > 0, share, n, y, outputs.shape)

    def backward(self, cache: Any) -> Array:
        """Return ds."""
        too_high, share, n, y, shape = cache
        each = too_high * (share / shape[0])[:, None]
        each[np.arange(len(n)), y] = -each.sum(axis=1)
        ds = np.zeros(shape, each.dtype)
        np.add.at(ds, n, each)  # an image stands in as many pairs as it has possible classes
        return ds

    def torch_forward(self, F: Any, outputs: Any, targets: Any) -> Any:
        """Compute the loss with PyTorch, whose own is divided by the number of classes."""
        count, classes = outputs.shape
        if targets.ndim == 1:
            return classes * F.multi_margin_loss(outputs, targets, margin=self.margin)
        # Every class as the right one, (N, right, other): to pick those that have a share would wait for a GPU.
        excess = F.relu(outputs[:, None] - outputs[:, :, None] + self.margin)
        itself = F.torch.eye(classes, dtype=F.torch.bool, device=outputs.device)
        each = excess.masked_fill(itself, 0).sum(dim=2)
        return (targets * each).masked_fill(targets == 0, 0).sum() / count


@register
@dataclass(frozen=True)
class LeNet5Loss(Loss):
    """LeNet-5's own loss for outputs z = −y, where y are squared distances from the codes of the classes.

    `L = (1/N) Σₙ (yₙₜ + log(e⁻ʲ + Σₖ e^−yₙₖ))` for class t: the cross-entropy with one more class of fixed logit
    −j, which stands for "none of these" and keeps classes that are far away from being pushed further.
    Backward: `dz = (p − t) / N` for the K classes, where p is the softmax over all K + 1.
    A prediction is p for the K classes; what it lacks to 1 is the probability of none of these.

    Args:
        j: above 0; the squared distance within which a picture counts as one of the classes. The paper gives no
            value.

    Raises:
        UsageError: j is not above 0.

    Source: LeCun et al., "Gradient-based learning applied to document recognition", 1998, equation 9.
    """

    j: float = 10.0

    probabilistic: ClassVar[bool] = True

    def __post_init__(self) -> None:
        fields.above_0(self, "j")

    def forward(self, outputs: Array, targets: Array) -> tuple[float, Any]:
        """Return the loss, and p and t over K + 1 classes as the cache."""
        t = rows(targets, outputs)
        nothing = np.zeros((len(t), 1), t.dtype)
        return SoftmaxCrossEntropy().forward(self._with_none(outputs), np.concatenate([t, nothing], axis=1))

    def backward(self, cache: Any) -> Array:
        """Return dz."""
        return SoftmaxCrossEntropy().backward(cache)[:, :-1]

    def torch_forward(self, F: Any, outputs: Any, targets: Any) -> Any:
        extended = F.pad(outputs, (0, 1), value=-self.j)
        return F.cross_entropy(extended, targets if targets.ndim == 1 else F.pad(targets, (0, 1)))

    def prediction(self, outputs: Array) -> Array:
        """Return the probabilities of the classes, `(N, K)`."""
        return Softmax().value(self._with_none(outputs))[:, :-1]

    def _with_none(self, outputs: Array) -> Array:
        return np.concatenate([outputs, np.full((len(outputs), 1), -self.j, outputs.dtype)], axis=1)


def balanced(loss: Loss, labels: Array, classes: int) -> Loss:
    """Return the loss with class weights `wₖ = N / (K Nₖ)`, so that every class counts the same in the mean.

    Args:
        loss: a cross-entropy.
        labels: class numbers `(N,)` of the training images.
        classes: K; one without images has the weight 0.

    Raises:
        UsageError: the loss takes no class weights.
    """
    if not isinstance(loss, SoftmaxCrossEntropy):
        raise UsageError(f"class weights belong to the cross-entropy, not to {type(loss).__name__}")
    counts = np.bincount(labels, minlength=classes)
    weights = len(labels) / (classes * np.maximum(counts, 1)) * (counts > 0)
    return replace(loss, class_weights=tuple(weights.tolist()))


def one_hot(labels: Array, classes: int, dtype: Any) -> Array:
    """Turn class numbers `(N,)` into rows `(N, classes)` that are 1 at the class and 0 elsewhere."""
    rows = np.zeros((len(labels), classes), dtype)
    rows[np.arange(len(labels)), labels] = 1
    return rows


def rows(targets: Array, outputs: Array) -> Array:
    """Return targets as rows `(N, K)` of the outputs' type."""
    if targets.ndim == 1:
        return one_hot(targets, outputs.shape[1], outputs.dtype)
    return targets.astype(outputs.dtype, copy=False)


def torch_rows(F: Any, targets: Any, outputs: Any) -> Any:
    """Do the same with PyTorch."""
    return (F.one_hot(targets, outputs.shape[1]) if targets.ndim == 1 else targets).to(outputs.dtype)


@cache
def _torch_weights(torch: Any, weights: tuple[float, ...], dtype: Any, device: Any) -> Any:
    """Return class weights where the loss is computed: brought there once, not at every step."""
    return torch.tensor(weights, dtype=dtype, device=device)


def _weights(given: object) -> tuple[float, ...]:
    weights = tuple(given) if isinstance(given, (tuple, list, np.ndarray)) else ()
    if not all(map(fields.is_number, weights)) or min(weights, default=-1) < 0 or not any(weights):
        raise UsageError(
            "SoftmaxCrossEntropy: class weights are numbers, 0 or more, one for each class and not all 0, "
            f"got {given!r:.80}"
        )
    return tuple(map(float, weights))


LOSSES: dict[str, Callable[[], Loss]] = {
    "cross_entropy": SoftmaxCrossEntropy,
    "categorical_crossentropy": SoftmaxCrossEntropy,
    "sparse_categorical_crossentropy": SoftmaxCrossEntropy,
    "mean_squared_error": MeanSquaredError,
    "mse": MeanSquaredError,
    "hinge": MultiClassHinge,
    "lenet5": LeNet5Loss,
}


def loss(given: str | Loss) -> Loss:
    """Return the loss of that name, or the given one itself.

    Raises:
        UnknownNameError: no loss has that name.
    """
    return by_name("loss", Loss, LOSSES, given)
