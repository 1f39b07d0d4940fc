"""From the bytes of a picture file to pixels, with Pillow: whatever is wrong with a file is one kind of error."""

from __future__ import annotations

import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps, UnidentifiedImageError

from deepen.arrays import Array
from deepen.errors import DataError

# Warning filters belong to the whole process: two threads that change them at once would leave them changed.
_filters = threading.Lock()

_DRAFT_SURPLUS = 3
"""JPEG files can be decoded at a half, a quarter or an eighth; at least so many times the wanted size is kept,
from where on the result of the bilinear scaling does not visibly depend on it."""

_ORIENTATION = 0x0112
_GREY_MODES = ("1", "L", "LA", "La", "I")


class PictureError(DataError):
    """A picture file cannot be read; `reason` goes on where the path ends."""

    def __init__(self, path: Path, reason: str) -> None:
        super().__init__(f"{path} {reason}")
        self.path = path
        self.reason = reason


@contextmanager
def quiet() -> Iterator[None]:
    """Silence Pillow's remarks on imperfect files, but let none pass that is suspiciously large.

    It must be entered around all decoding, once: the filters hold for the threads that are started inside.
    """
    with _filters, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        warnings.simplefilter("error", Image.DecompressionBombWarning)
        yield


def decode(path: Path, size: tuple[int, int], mode: str) -> Array:
    """Return a picture as uint8 `(C, H, W)`, upright, over white, its middle scaled to `size` `(H, W)`.

    Args:
        path: the picture file.
        size: the height and the width that are wanted.
        mode: Pillow's name for the colours that are wanted: `"L"` or `"RGB"`.

    Raises:
        PictureError: there is no such file, or it is no picture that can be read.
    """
    height, width = size
    with _opened(path) as stored:
        # Of the two sides the larger one, because the picture may still have to be turned.
        stored.draft(None, (_DRAFT_SURPLUS * max(size),) * 2)
        upright = ImageOps.exif_transpose(_eight_bits(stored))
        # Colours come before the scaling: the numbers of a palette cannot be averaged.
        picture = _over_white(upright).convert(mode)
        pixels = np.asarray(ImageOps.fit(picture, (width, height), Image.Resampling.BILINEAR))
    return pixels[np.newaxis].copy() if pixels.ndim == 2 else np.ascontiguousarray(pixels.transpose(2, 0, 1))


def look(path: Path) -> tuple[tuple[int, int], bool]:
    """Return a picture's upright size `(H, W)` and whether it is grey, from its header where that says it.

    Raises:
        PictureError: there is no such file, or it is no picture whose header can be read.
    """
    with _opened(path) as stored:
        width, height = stored.size
        # Without this look into `info`, a PNG would be decoded in search of a later EXIF chunk.
        turned = "exif" in stored.info and stored.getexif().get(_ORIENTATION) in (5, 6, 7, 8)
        return (width, height) if turned else (height, width), _grey(stored)


@contextmanager
def _opened(path: Path) -> Iterator[Image.Image]:
    """Open a picture; whatever goes wrong while it is in use becomes a `PictureError`."""
    try:
        with path.open("rb") as file, Image.open(file) as picture:
            yield picture
    except FileNotFoundError as error:
        raise PictureError(path, f"does not exist; check the path, seen from {Path.cwd()}") from error
    except PermissionError as error:
        raise PictureError(path, f"cannot be read: {error.strerror}; check its permissions") from error
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        most = Image.MAX_IMAGE_PIXELS or 0
        raise PictureError(path, f"has too many pixels: at most {most:,} are read; scale it down first") from error
    except UnidentifiedImageError as error:
        raise PictureError(path, "is not a picture of a known format; save it as PNG or JPEG") from error
    # A damaged picture can make Pillow's decoders raise nearly anything (SyntaxError, struct.error, …).
    except Exception as error:
        raise PictureError(path, f"cannot be read as a picture ({error}); save it anew as PNG or JPEG") from error


def _grey(picture: Image.Image) -> bool:
    if picture.mode in ("P", "PA"):
        entries = np.array(picture.getpalette("RGB"), np.uint8).reshape(-1, 3)
        return bool((entries == entries[:, :1]).all())
    return picture.mode in _GREY_MODES or picture.mode.startswith("I;16")


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
