"""Augmentation: what varies the training images."""

from __future__ import annotations

from collections.abc import Sequence

from deepen.data.augment.base import Augmentation, Mixture
from deepen.data.augment.color import Brightness, Color, Contrast
from deepen.data.augment.elastic import Elastic
from deepen.data.augment.erase import Cutout, Erasing
from deepen.data.augment.flip import AlternatingFlip, Flip
from deepen.data.augment.mix import CutMix, Mixup
from deepen.data.augment.pipeline import vary_all
from deepen.data.augment.shift import Crop, Shift
from deepen.data.augment.warp import Affine, Rotation, Scale, Shear
from deepen.description import by_name
from deepen.errors import UsageError

__all__ = [
    "AUGMENTATIONS",
    "Affine",
    "AlternatingFlip",
    "Augmentation",
    "Brightness",
    "Color",
    "Contrast",
    "Crop",
    "CutMix",
    "Cutout",
    "Elastic",
    "Erasing",
    "Flip",
    "Mixture",
    "Mixup",
    "Rotation",
    "Scale",
    "Shear",
    "Shift",
    "augmentation",
    "augmentations_of",
    "vary_all",
]

AUGMENTATIONS: dict[str, type[Augmentation]] = {
    "shift": Shift,
    "crop": Crop,
    "flip": Flip,
    "alternating_flip": AlternatingFlip,
    "rotation": Rotation,
    "scale": Scale,
    "shear": Shear,
    "affine": Affine,
    "elastic": Elastic,
    "cutout": Cutout,
    "erasing": Erasing,
    "brightness": Brightness,
    "contrast": Contrast,
    "color": Color,
    "mixup": Mixup,
    "cutmix": CutMix,
}


def augmentation(given: str | Augmentation) -> Augmentation:
    """Return the augmentation that a text such as `"shift=2"` means, or the given one itself.

    Raises:
        UnknownNameError: no augmentation has that name.
        UsageError: it has no such field, or the field cannot have such a value.
    """
    return by_name("augmentation", Augmentation, AUGMENTATIONS, given)


def augmentations_of(given: Sequence[str | Augmentation]) -> tuple[Augmentation, ...]:
    """Return the augmentations that a list of texts and objects means.

    Raises:
        UsageError: it is no list, or something in it is no augmentation.
    """
    if isinstance(given, str | Augmentation):
        raise UsageError(f"augmentations come in a list, as in [{given!r}]")
    return tuple(map(augmentation, given))
