"""Where a data set comes from: what is known of it before its pictures are decoded, and how to load it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, Protocol

from deepen.data.dataset import Counts, Dataset, Facts
from deepen.errors import DataError
from deepen.wording import counted


class Source(Protocol):
    """A data set that can be loaded at a size.

    `remarks` are lines for whoever brought the data, to be shown before training; the files that cannot be read
    are in the remarks of the `Dataset`. `counts` gives the pictures of each class by part, where that is known.
    """

    @property
    def facts(self) -> Facts: ...

    @property
    def remarks(self) -> tuple[str, ...]: ...

    @property
    def counts(self) -> Counts | None: ...

    def find(self) -> Path | None:
        """Return the folder in which the data lie now, or None if they would have to be downloaded."""

    def load(self, height: int | None = None, width: int | None = None, channels: int | None = None) -> Dataset:
        """Return the arrays, images brought to `(channels, height, width)`; what is not given is as in the facts.

        Raises:
            DataError: files cannot be read, or not be downloaded, or the images cannot have such a shape.
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

    def load(self, height: int | None = None, width: int | None = None, channels: int | None = None) -> Dataset:
        """Return the arrays, every image scaled to the given size; the channels can only be its own."""
        own = self.facts.input_shape
        if channels not in (None, own[0]):
            raise DataError(
                f"the images of {self.facts.name} have {counted(own[0], 'channel')}, but {channels} are wanted; "
                "only the pictures of a folder can be brought to other colours"
            )
        return self.read().resized(own[1] if height is None else height, own[2] if width is None else width)
