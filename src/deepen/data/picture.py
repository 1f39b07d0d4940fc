"""How a picture file becomes a network's input; a model file states it, so that `predict` keeps it."""

from __future__ import annotations

import os
import threading
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
from PIL import Image, ImageOps, UnidentifiedImageError

from deepen.arrays import Array
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

# Warning filters belong to the whole process: two threads that change them at once would leave them changed.
_filters = threading.Lock()


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
    and cropped at the centre. Of an animation the first frame counts.

    Raises:
        DataError: there is no such file, or it is no picture that can be read; path and reason are given.
    """
    path = Path(path)
    if path.is_dir():
        raise DataError(f"{path} is a folder; give the path of one picture file")
    try:
        with path.open("rb") as file, _quiet():
            return _convert(file, rules)
    except FileNotFoundError as error:
        raise DataError(f"{path} does not exist; check the path, seen from {Path.cwd()}") from error
    except PermissionError as error:
        raise DataError(f"{path} cannot be read: {error.strerror}; check its permissions") from error
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise DataError(
            f"{path} has too many pixels: at most {Image.MAX_IMAGE_PIXELS or 0:,} are read; scale it down first"
        ) from error
    except UnidentifiedImageError as error:
        raise DataError(f"{path} is not a picture of a known format; save it as PNG or JPEG") from error
    # A damaged picture can make Pillow's decoders raise nearly anything (SyntaxError, struct.error, …).
    except Exception as error:
        raise DataError(f"{path} cannot be read as a picture ({error}); save it anew as PNG or JPEG") from error


@contextmanager
def _quiet() -> Iterator[None]:
    """Silence Pillow's remarks on imperfect files, but let none pass that is suspiciously large."""
    with _filters, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        warnings.simplefilter("error", Image.DecompressionBombWarning)
        yield


def _convert(file: Any, rules: PictureRules) -> Array:
    with Image.open(file) as opened:
        upright = ImageOps.exif_transpose(_eight_bits(opened))
    # Colours come before the scaling: the numbers of a palette cannot be averaged.
    picture = _over_white(upright).convert(_MODES[rules.mode])
    height, width = rules.size
    fitted = ImageOps.fit(picture, (width, height), Image.Resampling.BILINEAR)
    pixels = np.asarray(fitted)
    return pixels[np.newaxis].copy() if pixels.ndim == 2 else np.ascontiguousarray(pixels.transpose(2, 0, 1))


def _eight_bits(picture: Image.Image) -> Image.Image:
    """Return a picture of more than 8 bits per pixel scaled to 8; Pillow itself would clip it at 255."""
    if picture.mode not in ("I", "F") and not picture.mode.startswith("I;16"):
        return picture
    # Up to Pillow 11, 16-bit PNG came as "I"; PGM does still. Elsewhere "I" and "F" may mean any range.
    if picture.mode in ("I", "F") and (picture.mode, picture.format) not in (("I", "PNG"), ("I", "PPM")):
        raise DataError("its pixels are 32-bit numbers, whose black and white are unknown")
    values = np.asarray(picture).astype(np.float64)
    transparent = picture.info.get("transparency")
    if transparent is not None:
        values[values == transparent] = 65535
    scaled = Image.fromarray(np.rint(values / 257).astype(np.uint8))
    scaled.info["exif"] = picture.getexif().tobytes()
    return scaled


def _over_white(picture: Image.Image) -> Image.Image:
    if not picture.has_transparency_data:
        return picture
    layer = picture.convert("RGBA")
    return Image.alpha_composite(Image.new("RGBA", layer.size, "white"), layer)
