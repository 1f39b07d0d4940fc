"""How a picture file becomes a network's input; a model file states it, so that `predict` keeps it."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from deepen.arrays import Array
from deepen.data.decoding import PictureError, decode, quiet
from deepen.data.parallel import for_pictures
from deepen.errors import DataError, DeepenError, FileFormatError, UnknownNameError

# What every picture goes through. Files say it, so that a later rule cannot pass for this one.
_FIXED_RULES = {
    "alpha": "over white",
    "crop": "centre",
    "resize": "shorter side, bilinear, antialiased",
    "rotation": "exif",
}
_MODES = {"grey": "L", "rgb": "RGB"}
_CHOSEN_RULES = ("mode", "size")


@dataclass(frozen=True)
class PictureRules:
    """The size `(H, W)` and the colours, `"grey"` or `"rgb"`, into which pictures are brought.

    Raises:
        DataError: the size is not two positive integers.
        UnknownNameError: the mode is neither of the two.
    """

    size: tuple[int, int]
    mode: Literal["grey", "rgb"]

    def __post_init__(self) -> None:
        size = tuple(self.size) if isinstance(self.size, (list, tuple)) else ()
        if len(size) != 2 or any(type(side) is not int or side < 1 for side in size):
            raise DataError(f"a picture's size must be two positive integers (H, W), but is {self.size!r}")
        # A tuple, because what a file holds here may not even be hashable.
        if self.mode not in tuple(_MODES):
            raise UnknownNameError("picture mode", self.mode, _MODES)
        object.__setattr__(self, "size", size)

    @classmethod
    def for_shape(cls, input_shape: tuple[int, ...]) -> PictureRules | None:
        """Return the rules that make images of `(C, H, W)`; None where no grey or RGB picture has such a shape."""
        if len(input_shape) != 3 or input_shape[0] not in (1, 3):
            return None
        return cls((input_shape[1], input_shape[2]), "grey" if input_shape[0] == 1 else "rgb")

    @property
    def pillow_mode(self) -> str:
        """Pillow's name for the mode."""
        return _MODES[self.mode]

    def to_data(self) -> dict[str, Any]:
        """Return the rules as plain data, keys in order, those that every picture follows included."""
        chosen = {"mode": self.mode, "size": list(self.size)}
        return dict(sorted({**_FIXED_RULES, **chosen}.items()))

    @classmethod
    def from_data(cls, data: Mapping[str, Any]) -> PictureRules:
        """Return the rules that `to_data` wrote.

        Raises:
            FileFormatError: a rule is missing, or is one that this version does not follow.
            UnknownNameError: there is a rule of another name.
        """
        if not isinstance(data, Mapping):
            raise FileFormatError(f"picture rules must be a table of names, but are {data!r}")
        names = (*_FIXED_RULES, *_CHOSEN_RULES)
        for name in data:
            if name not in names:
                raise UnknownNameError("picture rule", name, names)
        for name in names:
            if name not in data:
                raise FileFormatError(f"the picture rules lack {name!r}")
        for name, rule in _FIXED_RULES.items():
            if data[name] != rule:
                raise FileFormatError(
                    f"the picture rule {name!r} is {data[name]!r}, but this version of deepen knows only {rule!r}"
                )
        try:
            return cls(size=data["size"], mode=data["mode"])
        except DeepenError as error:
            raise FileFormatError(f"picture rules: {error}") from error


def read_picture(path: str | os.PathLike[str], rules: PictureRules) -> Array:
    """Return a picture file as uint8 `(C, H, W)`, C being 1 for grey and 3 for RGB.

    The picture is turned as its EXIF data says, laid over white where it is transparent, brought to 8 bits
    and to the colours of the rules (colour profiles are not applied), scaled so that its shorter side fits,
    and cropped at the centre. Of an animation the first frame counts. A JPEG file of several times that size
    is decoded at a half, a quarter or an eighth, never below three times the size.

    Raises:
        DataError: there is no such file, or it is no picture that can be read; path and reason are given.
    """
    path = Path(path)
    if path.is_dir():
        raise DataError(f"{path} is a folder; give the path of one picture file")
    with quiet():
        return decode(path, rules.size, rules.pillow_mode)


def read_pictures(
    paths: Sequence[Path], rules: PictureRules, images: Array, threads: int
) -> tuple[list[int], list[PictureError]]:
    """Fill uint8 `images` `(N, C, H, W)` with pictures, each as `read_picture` reads it, in so many threads.

    Returns:
        The numbers of the pictures that could be read, which lie in this order at the beginning of `images`,
        and why the others cannot be read.
    """

    def fill(number: int) -> PictureError | None:
        try:
            images[number] = decode(paths[number], rules.size, rules.pillow_mode)
        except PictureError as error:
            return error
        return None

    outcomes = for_pictures(fill, range(len(paths)), "decoding", threads)
    read = [number for number, error in enumerate(outcomes) if error is None]
    # Gaps are closed in place: the images may have no room for a second array.
    for place, number in enumerate(read):
        if place != number:
            images[place] = images[number]
    return read, [error for error in outcomes if error is not None]
