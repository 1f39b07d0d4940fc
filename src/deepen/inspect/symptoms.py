"""What ails a training, told from the records of its health and the curves of its history, in plain words."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate

from deepen.engines.base import Setup
from deepen.inspect.health import Record
from deepen.layers import Parallel, Residual
from deepen.spec import Layer, walk

VANISHING = 1e-5
"""A share of the largest gradient behind a layer. Sigmoids have slopes of 1/4 at most: LeNet's four take the
gradient down to 2e-4 before it begins to learn, and it recovers; twelve in a row take it to 1e-7, and do not."""

EXPLODING = 10.0
"""A gradient so many times as large as the weights: one plain step with rate 0.1 would be as long as they are."""

DEAD = 0.75
"""CS231n's notes find up to 40% of the units dead where the learning rate is too high. Half of them are silent in
the dense layer of a DeepConvNet that learns well, and in plain ReLU networks of 40 layers before the first step:
only above three quarters is it a warning. Layers that died of a huge learning rate have more than nine tenths."""

SMALL, LARGE = 1e-4, 0.1
"""CS231n's notes want updates of about 1e-3 of the weights; ten times less learns slowly. Above a tenth, which is
a hundred times that, a few steps replace all that was learned. Adam begins with some 1e-2, so the upper bound is
wider than the lower."""

RISE, GAP, TIMES = 1.5, 0.1, 10.0
"""Overfitting: the validation loss stays half as high again as its best, or validation lies so far behind
training in accuracy, or half as far with a loss so many times as high. Smaller gaps are common where nearly all is
right already, and do no harm."""

WINDOW = 3
"""So many epochs in a row have to agree before a curve is said to rise, or to stand still."""

STILL = 0.01
"""A curve of accuracy stands still where it has gained less than a point over the window."""

HALF_WAY = 0.5
"""Underfitting: accuracy is closer to that of guessing than to 100%, on the way from the one to the other."""

GUESSING = 0.1
"""No more than a tenth of that way, and nothing has been learned."""

DEEP = 20
"""More layers with kernels than VGG-19 has, the deepest plain network in common use (Simonyan and Zisserman,
2014). Of the plain networks of He et al. (2015, section 4.1), that of 34 layers errs more in training than that
of 18."""


@dataclass(frozen=True)
class Symptom:
    """Something that goes wrong."""

    name: str
    """One of eight: `"vanishing gradients"`, `"dying units"`, `"overfitting"`, ..."""
    layer: str
    """The path of the layer that shows it most, or empty where it is the whole network's."""
    text: str
    """What is seen, and what to do about it."""


@dataclass(frozen=True)
class Background:
    """What the rules have to know of a network beyond its records."""

    chance: float
    """The accuracy of guessing the most frequent class."""
    plain_depth: int = 0
    """How many layers with kernels the network has, if there is no way around any of them; otherwise 0."""


def plain_depth(setup: Setup) -> int:
    """Return how many layers with kernels a network has, or 0 if there are ways around them."""
    if _branches(setup.network, setup.input_shape):
        return 0
    return sum("kernel" in node.layer.params(node.input_shape) for node in walk(setup.network, setup.input_shape))


def _branches(layer: Layer, input_shape: tuple[int, ...]) -> bool:
    children = layer.children(input_shape)
    return isinstance(layer, (Residual, Parallel)) or any(_branches(c.layer, c.input_shape) for c in children)


def symptoms(
    records: Sequence[Record], history: Mapping[str, Sequence[float]], background: Background
) -> list[Symptom]:
    """Return what is seen after the last epoch, causes before what they lead to.

    Args:
        records: of all epochs, in their order.
        history: the figures of the same epochs, by name.
        background: what is known of the network.
    """
    last = [record for record in records if record.epoch == records[-1].epoch]
    causes = [found for rule in _RULES if (found := rule(last))]
    if _skill(history, background.chance) < HALF_WAY:
        causes += _small_updates(records)
        causes += _underfitting(history, background, causes)
    return causes + _overfitting(history)


def _vanishing(last: Sequence[Record]) -> Symptom | None:
    trained = [(record.layer, record.gradient_norm) for record in last if record.gradient_norm is not None]
    # Behind a layer that is dead altogether there is no gradient either; that has a warning of its own.
    if any(record.dead == 1 for record in last):
        return None
    behind = [*accumulate((norm for _, norm in reversed(trained)), max)][::-1]
    faint = [
        (norm / most, layer)
        for (layer, norm), most in zip(trained, behind, strict=True)
        if norm < VANISHING * most
    ]
    if not faint:
        return None
    share, layer = min(faint)
    return Symptom(
        "vanishing gradients",
        layer,
        f"{_named(layer, len(faint))}: the gradient is only {share:.0e} of that of layers behind it, so that it "
        "hardly learns (vanishing gradients); use ReLU instead of sigmoid or tanh, He initialization, batch "
        "normalization or residual connections",
    )


def _exploding(last: Sequence[Record]) -> Symptom | None:
    ratios = {r.layer: r.gradient_norm / r.weight_norm for r in last if r.gradient_norm and r.weight_norm}
    return _largest(
        "exploding gradients",
        {layer: ratio for layer, ratio in ratios.items() if ratio > EXPLODING},
        "the gradient is {:.0f} times as large as the weights (exploding gradients); clip it (clip_norm=1), lower "
        "the learning rate, or add batch normalization",
    )


def _dying(last: Sequence[Record]) -> Symptom | None:
    return _largest(
        "dying units",
        {r.layer: r.dead for r in last if r.dead is not None and r.dead >= DEAD},
        "{:.0%} of its units give 0 for every image of the sample, and learn no more (dying ReLUs); lower the "
        "learning rate, warm it up, or use leaky_relu or elu",
    )


def _large_updates(last: Sequence[Record]) -> Symptom | None:
    ratios = {r.layer: r.update_ratio for r in last if r.update_ratio is not None}
    return _largest(
        "large updates",
        {layer: ratio for layer, ratio in ratios.items() if ratio > LARGE},
        "a single step changes the weights by {:.0%} of their size, where a tenth of a percent is usual (large "
        "updates); lower the learning rate",
    )


_RULES: tuple[Callable[[Sequence[Record]], Symptom | None], ...] = (
    _vanishing,
    _exploding,
    _dying,
    _large_updates,
)


def _largest(name: str, ill: Mapping[str, float], text: str) -> Symptom | None:
    """Return the symptom of the layer with the largest value, if any layer is ill."""
    if not ill:
        return None
    layer = max(ill, key=ill.__getitem__)
    return Symptom(name, layer, f"{_named(layer, len(ill))}: {text.format(ill[layer])}")


def _named(layer: str, ill: int) -> str:
    return layer if ill == 1 else f"{layer}, worst of {ill} layers"


def _small_updates(records: Sequence[Record]) -> list[Symptom]:
    """Judge the largest updates of all epochs: a schedule lets the last ones be small."""
    ratios = [record.update_ratio for record in records if record.update_ratio is not None]
    if not ratios or (most := max(ratios)) >= SMALL:
        return []
    text = (
        f"no step has changed a layer by more than {most:.0e} of its weights, where about 1e-03 is usual (small "
        "updates); raise the learning rate"
    )
    return [Symptom("small updates", "", text)]


def _skill(history: Mapping[str, Sequence[float]], chance: float) -> float:
    """Return how far accuracy has come on the way from guessing, 0, to 100%, 1."""
    last = max(_last(history, "accuracy"), _last(history, "val_accuracy"))
    return (last - chance) / (1 - chance) if chance < 1 else 1.0


def _last(history: Mapping[str, Sequence[float]], name: str) -> float:
    return history[name][-1] if history.get(name) else 0.0


def _underfitting(
    history: Mapping[str, Sequence[float]], background: Background, causes: Sequence[Symptom]
) -> list[Symptom]:
    accuracy = history.get("accuracy", ())
    earlier, recent = accuracy[:-WINDOW], accuracy[-WINDOW:]
    guesses = _skill(history, background.chance) < GUESSING
    if not earlier or not (guesses or max(recent) < max(earlier) + STILL):
        return []
    if background.plain_depth >= DEEP and not causes:
        text = (
            f"training accuracy is only {recent[-1]:.1%}, although gradients reach all {background.plain_depth} "
            "layers and most units are alive: this may be degradation, where more layers make even the training "
            "error larger; to be sure, train a network with half the layers, and if that errs less, add residual "
            "connections"
        )
        return [Symptom("degradation", "", text)]
    if guesses:
        text = (
            f"after {len(accuracy)} epochs training accuracy is {recent[-1]:.1%}, hardly better than guessing "
            f"({background.chance:.1%}): nothing is being learned"
        )
    else:
        text = (
            f"training accuracy has stood at {recent[-1]:.1%} for {WINDOW} epochs, and is still low (underfitting)"
        )
    cure = (
        "see the other warnings for the cause"
        if causes
        else "try another learning rate, less regularization, or a larger network, and check the labels"
    )
    return [Symptom("underfitting", "", f"{text}; {cure}")]


def _overfitting(history: Mapping[str, Sequence[float]]) -> list[Symptom]:
    loss, validation = history.get("loss", ()), history.get("val_loss", ())
    earlier, recent = validation[:-WINDOW], validation[-WINDOW:]
    gap = _last(history, "accuracy") - _last(history, "val_accuracy")
    many_times = _last(history, "val_loss") >= TIMES * _last(history, "loss")
    if earlier and min(recent) >= RISE * min(earlier) and loss[-1] < loss[earlier.index(min(earlier))]:
        best = earlier.index(min(earlier)) + 1
        seen = (
            f"since epoch {best} the validation loss has risen from {min(earlier):.4f} to {recent[-1]:.4f} while "
            "the training loss fell"
        )
    elif history.get("val_accuracy") and gap >= (GAP / 2 if many_times else GAP):
        training, held_out = _last(history, "accuracy"), _last(history, "val_accuracy")
        seen = f"accuracy is {training:.1%} in training, but {held_out:.1%} in validation"
    else:
        return []
    text = f"{seen} (overfitting); use more images, augmentation, dropout, L2, or stop early"
    return [Symptom("overfitting", "", text)]
