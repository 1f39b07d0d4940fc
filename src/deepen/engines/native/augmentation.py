"""From augmentations to the functions of a program that vary an image where it is loaded."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import exp, pi
from typing import Any

from deepen.data.augment import (
    Affine,
    AlternatingFlip,
    Augmentation,
    Brightness,
    Color,
    Contrast,
    Crop,
    CutMix,
    Cutout,
    Elastic,
    Erasing,
    Flip,
    Mixture,
    Mixup,
    Rotation,
    Scale,
    Shear,
    Shift,
)
from deepen.data.augment.elastic import total
from deepen.engines.setup import Setup
from deepen.errors import UsageError
from deepen.paths import Shape
from deepen.randomness import purpose_key


@dataclass(frozen=True)
class Steps:
    """The text of what varies images, and what a program has to know of it.

    A batch that is mixed goes through `mixtures + 1` stretches, with all of its images waiting for each other in
    between: `vary_0`, `mix_0`, `vary_1` and so on.
    """

    headers: tuple[str, ...]
    """The files of the templates that it needs."""
    text: str
    """A namespace `augmentation`: the type `Image`, a canvas, and the functions.

    `vary_k(Image&, const Moment&, Count place, Count index)` varies one image, and
    `mix_k(Image&, const Pair&, const Moment&, Count place)` makes one of two.
    """
    mixtures: int
    """How many of the augmentations mix images."""


@dataclass(frozen=True)
class _Call:
    """What an augmentation is written from."""

    step: Any
    path: str
    shape: Shape

    def key(self, number: int = 0) -> str:
        """Return the key of its draws, as `Context.uniform` forms their purpose."""
        return f"{purpose_key(f'draw {number} {self.path}'):#x}ULL"

    def few(self, count: int) -> str:
        """Return how an image's few numbers are drawn."""
        return f"uniform<{count}>(moment, place, {self.key()})"

    @property
    def gaussian(self) -> str:
        """The name of its struct of weights."""
        return f"Gaussian{self.path.rpartition(' ')[2]}"


def _affine(call: _Call) -> str:
    return _affine_call(call, call.step)


def _affine_call(call: _Call, step: Affine) -> str:
    most = ", ".join(map(repr, (step.rotation * pi / 180, step.scale, step.shear, step.shift)))
    return f"affine(image, {call.few(5)}, {{{most}}});"


def _erasing(call: _Call) -> str:
    step = call.step
    most = ", ".join(map(repr, (*step.area, step.ratio)))
    return f"erasing(image, moment, place, {call.key()}, {call.key(1)}, {step.share!r}, {{{most}}});"


def _alternating_flip(call: _Call) -> str:
    key = f"{purpose_key(f'of images {call.path}'):#x}ULL"
    return f"alternating_flip(image, uniform_of_images<1>(moment, index, {key}), moment.epoch);"


_HEADERS: dict[type[Augmentation], str] = {
    **dict.fromkeys((Shift, Crop, Flip, AlternatingFlip), "augment_shift.hpp"),
    **dict.fromkeys((Affine, Rotation, Scale, Shear, Elastic), "augment_warp.hpp"),
    **dict.fromkeys((Cutout, Erasing), "augment_erase.hpp"),
    **dict.fromkeys((Brightness, Contrast, Color), "augment_color.hpp"),
    **dict.fromkeys((Mixup, CutMix), "augment_mix.hpp"),
}

_CALLS: dict[type[Augmentation], Callable[[_Call], str]] = {
    Shift: lambda call: f"shift(image, {call.few(2)}, {call.step.pixels});",
    Crop: lambda call: f"crop(image, {call.few(2)}, {call.step.pixels});",
    Flip: lambda call: f"flip(image, {call.few(1)}, {call.step.share!r});",
    AlternatingFlip: _alternating_flip,
    Affine: _affine,
    Rotation: lambda call: _affine_call(call, Affine(rotation=call.step.degrees)),
    Scale: lambda call: _affine_call(call, Affine(scale=call.step.strength)),
    Shear: lambda call: _affine_call(call, Affine(shear=call.step.strength)),
    Elastic: lambda call: f"elastic<{call.gaussian}>(image, moment, place, {call.key()}, {call.step.alpha!r});",
    Cutout: lambda call: f"cutout(image, {call.few(2)}, {call.step.size});",
    Erasing: _erasing,
    Brightness: lambda call: f"brightness(image, {call.few(1)}, {call.step.strength!r});",
    Contrast: lambda call: f"contrast(image, {call.few(1)}, {call.step.strength!r});",
    Color: lambda call: f"color(image, {call.few(1)}, {call.step.strength!r});",
    Mixup: lambda call: f"mixup(image, pair, {call.few(2)}, {call.step.alpha!r});",
    CutMix: lambda call: f"cutmix(image, pair, {call.few(4)}, {call.step.alpha!r});",
}


def steps(setup: Setup) -> Steps | None:
    """Return what varies the images of training steps; None where nothing does.

    Raises:
        UsageError: an augmentation is not one of this library's.
    """
    if not setup.augmentations:
        return None
    calls = [_call(setup, place, step) for place, step in enumerate(setup.augmentations)]
    functions, stretch = [], list[str]()
    mixtures = 0
    for call in calls:
        text = _CALLS[type(call.step)](call)
        if isinstance(call.step, Mixture):
            functions += [*_vary(mixtures, stretch), *_mix(mixtures, text)]
            mixtures, stretch = mixtures + 1, []
        else:
            stretch.append(text)
    functions += _vary(mixtures, stretch)
    lines = [
        "namespace augmentation {",
        f"using Image = Canvas<{', '.join(map(str, setup.input_shape))}>;",
        *(_gaussian(call) for call in calls if isinstance(call.step, Elastic)),
        *functions,
        "}  // namespace augmentation",
        "",
    ]
    return Steps(tuple(sorted({_HEADERS[type(call.step)] for call in calls})), "\n".join(lines), mixtures)


def _call(setup: Setup, place: int, step: Augmentation) -> _Call:
    if type(step) not in _CALLS:
        raise UsageError(
            f"the native engine does not know the augmentation {type(step).__name__} (number {place + 1}); "
            'use engine="torch" or engine="numpy"'
        )
    return _Call(step, f"augmentation {place}", setup.input_shape)


def _vary(number: int, calls: Sequence[str]) -> list[str]:
    parameters = ("Image& image", "const Moment& moment", "Count place", "Count index")
    return _function(f"vary_{number}", parameters, calls)


def _mix(number: int, call: str) -> list[str]:
    parameters = ("Image& image", "const Pair& pair", "const Moment& moment", "Count place")
    return _function(f"mix_{number}", parameters, [call])


def _function(name: str, parameters: Sequence[str], calls: Sequence[str]) -> list[str]:
    # Not every function needs every parameter.
    given = ",\n".join(f"    [[maybe_unused]] {parameter}" for parameter in parameters)
    return [f"static NOINLINE void {name}(\n{given}) {{", *(f"  {call}" for call in calls), "}"]


def _gaussian(call: _Call) -> str:
    """Return the weights that smooth one axis, by distance."""
    sigma = call.step.sigma
    weights = [exp(-0.5 * (place / sigma) ** 2) / total(sigma) for place in range(max(call.shape[1:]))]
    values = ", ".join(map(repr, weights))
    return f"struct {call.gaussian} {{\n  static constexpr real weights[] = {{{values}}};\n}};"
