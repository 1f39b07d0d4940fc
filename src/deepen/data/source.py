"""Where a data set comes from: what is known of it before its pictures are decoded, and how to load it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, Protocol

from deepen.data.dataset import Counts, Dataset, Facts


class Source(Protocol):
    """A data set that can be loaded at a size.

    `remarks` are lines for whoever brought the data, to be shown before training; what is found only while
    decoding is in the remarks of the `Dataset`. `counts` gives the pictures of each class by part, where
    that is known.
    """

    @property
    def facts(self) -> Facts: ...

    @property
    def remarks(self) -> tuple[str, ...]: ...

    @property
    def counts(self) -> Counts | None: ...

    def find(self) -> Path | None:
        """Return the folder in which the data lie now, or None if they would have to be downloaded."""

    def load(self, height: int | None = None, width: int | None = None) -> Dataset:
        """Return the arrays, images brought to `(C, height, width)`; without a size, to that of the facts.

        Raises:
            DataError: files cannot be read, or not be downloaded, or the size is not positive.
            FileFormatError: a file is damaged or is not the published one; it is named.
        """


@dataclass(frozen=True)
class NamedSource:
    """A published data set: its facts, how to read it, and where it lies now."""

    facts: Facts
    read: Callable[[], Dataset]
    find: Callable[[], Path | None]

    remarks: ClassVar[tuple[str, ...]] = ()
    counts: ClassVar[Counts | None] = None

    def load(self, height: int | None = None, width: int | None = None) -> Dataset:
        """Return the arrays, every image scaled to the given size."""
        own = self.facts.input_shape
        return self.read().resized(own[1] if height is None else height, own[2] if width is None else width)
