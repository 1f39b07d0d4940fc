"""A compiled program at work: its threads, and the calls into it."""

from __future__ import annotations

import ctypes
import threading
import weakref
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from deepen.arrays import Array
from deepen.engines.native.emit import NAME
from deepen.errors import DataError, DeepenError
from deepen.randomness import Moment

PIXELS = {"uint8": 0, "float32": 1, "float64": 2}
"""The types of images that programs read, as `Pixels` of the templates numbers them."""
NOTHING_LEFT = "the system has no memory or no threads left; use fewer: threads=1"

_POINTER, _WHOLE, _WORD = ctypes.c_void_p, ctypes.c_int64, ctypes.c_uint64


class Arguments(ctypes.Structure):
    """What a program is handed over for a batch: `Arguments` of the templates."""

    _fields_ = (
        ("images", _POINTER),
        ("pixels", _WHOLE),
        ("indices", _POINTER),
        ("count", _WHOLE),
        ("classes", _POINTER),
        ("rows", _POINTER),
        ("seed", _WORD),
        ("epoch", _WORD),
        ("step", _WORD),
        ("position", _WORD),
        ("numbers", _POINTER),
        ("gradients", _POINTER),
        ("statistics", _POINTER),
        ("outputs", _POINTER),
        ("input_gradient", _POINTER),
        ("watched", _POINTER),
        ("loss", ctypes.c_double),
        ("hits", _WHOLE),
    )


class Update(ctypes.Structure):
    """What a program is handed over for a step of the optimizer: `Update` of the templates."""

    _fields_ = (
        ("numbers", _POINTER),
        ("gradients", _POINTER),
        ("statistics", _POINTER),
        ("slot0", _POINTER),
        ("slot1", _POINTER),
        ("average", _POINTER),
        ("first_statistic", _WHOLE),
        ("count", _WHOLE),
        ("step", _WHOLE),
        ("rate", ctypes.c_double),
        ("clip_norm", ctypes.c_double),
        ("average_share", ctypes.c_double),
        ("loss", ctypes.c_double),
        ("finite", _WHOLE),
    )


@dataclass(frozen=True)
class Images:
    """Images for a routine: an array `(M, C, H, W)`, and which of it are the batch (None: all in their order)."""

    pixels: Array
    indices: Array | None
    count: int

    @classmethod
    def all_of(cls, images: Array, dtype: str) -> Images:
        """Return all of an array."""
        return cls(readable(images, dtype), None, len(images))


def readable(images: Array, dtype: str) -> Array:
    """Return images in one of the types that programs read, one after the other in memory."""
    images = np.ascontiguousarray(images)
    known = images.dtype.name in PIXELS and images.dtype.isnative
    return images if known else images.astype(dtype)


class Program:
    """A loaded program with its threads and memory; both go when it is collected.

    Args:
        library: the compiled one, loaded.
        routines: the names of the program's routines, in their order.
        threads: how many threads compute.
        name: of the program; a library can hold several.

    Raises:
        DeepenError: the threads could not be made.
    """

    def __init__(self, library: ctypes.CDLL, routines: Sequence[str], threads: int, name: str = NAME) -> None:
        self._library, self._routines, self._name = library, tuple(routines), name
        self._function("create").restype = ctypes.c_void_p
        self._function("pack").argtypes = (ctypes.c_void_p, ctypes.c_int, ctypes.c_void_p)
        self._handle = ctypes.c_void_p(self._function("create")(threads))
        if not self._handle:
            raise DeepenError(f"the system has no room for {threads} threads; use fewer: threads=1")
        weakref.finalize(self, self._function("destroy"), self._handle)
        # While a program computes, Python's other threads run, and might call it too.
        self._one_caller = threading.Lock()

    def pack(self, routine: str, numbers: Array) -> None:
        """Bring parameters and statistics into the form that a routine computes with."""
        with self._one_caller:
            done = self._function("pack")(self._handle, self._routines.index(routine), _at(numbers))
        if not done:
            raise DeepenError(NOTHING_LEFT)

    def compute(
        self,
        routine: str,
        images: Images,
        targets: Array | None,
        seed: int,
        moment: Moment,
        arrays: Mapping[str, Array],
    ) -> tuple[float, int]:
        """Run a routine and return loss and hits, if it computes them.

        Args:
            routine: its name.
            images: of the batch.
            targets: class numbers `(N,)`, rows `(N, K)`, or None.
            seed: of the training.
            moment: when draws are made.
            arrays: what the routine reads and writes, by the names of `Arguments`' fields.

        Raises:
            DeepenError: there is not enough memory, or not a target for each image.
        """
        words = [word % 2**64 for word in (seed, moment.epoch, moment.step, moment.position)]
        classes = targets if targets is not None and targets.ndim == 1 else None
        arguments = Arguments(
            _at(images.pixels),
            PIXELS[images.pixels.dtype.name],
            _at(images.indices),
            images.count,
            _at(classes),
            _at(targets if classes is None else None),
            *words,
            **{name: _at(array) for name, array in arrays.items()},
        )
        if targets is not None and len(targets) != images.count:
            raise DataError(f"there are {images.count} images, but {len(targets)} targets")
        number = self._routines.index(routine)
        with self._one_caller:
            done = self._function("compute")(self._handle, number, ctypes.byref(arguments))
        if not done:
            raise DeepenError(
                f"there is not enough memory for {images.count} images at a time; use a smaller batch"
            )
        return arguments.loss, arguments.hits

    def update(self, arrays: Mapping[str, Array], **figures: float) -> tuple[float, bool]:
        """Make a step of the optimizer; return the loss with all penalties, and whether all was finite.

        If it was not, nothing has changed.

        Args:
            arrays: what the step reads and writes, by the names of `Update`'s fields.
            figures: the others of its fields.
        """
        pointers = {name: _at(array) for name, array in arrays.items()}
        update = Update(**pointers, count=len(arrays["numbers"]), **figures)
        with self._one_caller:
            done = self._function("update")(self._handle, ctypes.byref(update))
        if not done:
            raise DeepenError(NOTHING_LEFT)
        return update.loss, bool(update.finite)

    def _function(self, what: str) -> Any:
        found: Callable[..., Any] = getattr(self._library, f"{self._name}_{what}")
        return found


def _at(array: Array | None) -> int | None:
    return None if array is None else array.ctypes.data
