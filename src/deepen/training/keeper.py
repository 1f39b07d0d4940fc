"""Keeping checkpoints: where, how often, and which one a training goes on from."""

from __future__ import annotations

import re
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from deepen import files
from deepen.engines.base import Setup, State
from deepen.errors import DataError, FileFormatError, UsageError
from deepen.training.checkpoint import Checkpoint, Position
from deepen.training.history import History
from deepen.wording import say

KEPT = 2
"""How many checkpoints stay: should the newest turn out to be damaged, there is the one before."""

_EVERY = re.compile(r"(\d{1,9}(?:\.\d{1,9})?) *(step|minute|epoch)s?")


@dataclass(frozen=True)
class Checkpoints:
    """Where the checkpoints of a training are kept, and how often one is made.

    Args:
        folder: a training that finds checkpoints of itself there goes on from the newest.
        every: such as "500 steps", "10 minutes" or "1 epoch". One is also made at the beginning, when the training
            is over, and when it is interrupted.

    Raises:
        UsageError: the folder is no path, or `every` no such text.
    """

    folder: str | Path
    every: str = "1 epoch"

    def __post_init__(self) -> None:
        if not isinstance(self.folder, str | Path):
            raise UsageError(
                f'Checkpoints: the folder is a path, as in Checkpoints("folder"), got {self.folder!r}'
            )
        _ = self.interval

    @property
    def files(self) -> list[Path]:
        """The checkpoints that there are, the oldest first."""
        return sorted(Path(self.folder).glob("epoch*-step*.safetensors"))

    @property
    def interval(self) -> tuple[float, str]:
        """The number and the unit."""
        found = _EVERY.fullmatch(self.every.strip()) if isinstance(self.every, str) else None
        if found is None or not float(found[1]) or ("." in found[1] and found[2] != "minute"):
            raise UsageError(
                f'checkpoints come every so many steps, minutes or epochs, as in "500 steps"; got {self.every!r}'
            )
        return float(found[1]), found[2]


@dataclass
class Keeper:
    """Reads and writes the checkpoints of one training."""

    checkpoints: Checkpoints
    identity: Mapping[str, Any]
    """What makes the training this one: a checkpoint of another one is refused."""
    machine: Mapping[str, Any]
    """What it is computed with: with something else the last digits may differ, which is said."""
    _saved: float = field(default_factory=time.monotonic)

    def newest(self, setup: Setup) -> Checkpoint | None:
        """Return the newest sound checkpoint, or None where there is none at all.

        Raises:
            FileFormatError: there are checkpoints, but all of them are damaged.
            UsageError: they are of another training.
        """
        files.remove_leftovers(Path(self.checkpoints.folder))
        paths = self.checkpoints.files
        for path in reversed(paths):
            try:
                found = Checkpoint.load(path)
            except (DataError, FileFormatError) as error:
                say(f"deepen: {error}; the checkpoint before it is looked at")
                continue
            self._compare(path, found)
            try:
                found.check(setup)
            except FileFormatError as error:
                raise FileFormatError(f"{path} does not fit the network: {error}") from error
            self._announce(path, found)
            return found
        if paths:
            names = ", ".join(path.name for path in paths)
            raise FileFormatError(f"all checkpoints in {self.checkpoints.folder} are damaged: {names}")
        return None

    def due(self, position: Position, steps: int) -> bool:
        """Return whether a checkpoint is to be made here, after so many steps in all."""
        number, unit = self.checkpoints.interval
        if unit == "minute":
            return time.monotonic() - self._saved >= 60 * number
        if unit == "epoch":
            return position.step == 0 and position.epoch % int(number) == 0
        return steps % int(number) == 0

    def save(self, state: State, position: Position, history: History) -> None:
        """Write a checkpoint and remove the oldest; where that fails, say so and leave the others as they are."""
        name = f"epoch{position.epoch:06d}-step{position.step:08d}.safetensors"
        try:
            Checkpoint(state, position, history, self.identity, self.machine).save(
                Path(self.checkpoints.folder) / name
            )
        except DataError as error:
            last = self.checkpoints.files
            there = f"the last checkpoint is {last[-1].name}" if last else "there is no checkpoint yet"
            say(f"deepen: {error}; {there}")
        else:
            # One that is newer is damaged, or training would have gone on from it: it takes nobody's place.
            for old in [path for path in self.checkpoints.files if path.name <= name][:-KEPT]:
                with suppress(OSError):
                    old.unlink()
        self._saved = time.monotonic()

    def _announce(self, path: Path, found: Checkpoint) -> None:
        """Say where a training goes on, and what may make it differ from one that was never interrupted."""
        at = found.position
        if at == Position(at.epoch) and not found.history.epoch:
            return
        after = f"step {at.step} of epoch {at.epoch + 1}" if at.step else f"epoch {at.epoch}"
        say(f"deepen: the training {'is complete' if at.over else f'goes on after {after}'} ({path.name})")
        changes = [
            f"{name} was {was}, is {self.machine.get(name)}"
            for name, was in found.machine.items()
            if self.machine.get(name) != was
        ]
        if str(self.machine.get("device")).startswith("cuda"):
            changes.append("a GPU may add numbers in another order each time")
        if changes and not at.over:
            why = "; ".join(changes)
            say(f"deepen: the last digits may differ from those of an uninterrupted training: {why}")

    def _compare(self, path: Path, found: Checkpoint) -> None:
        """Make sure that a checkpoint is one of this training."""
        for name, here in self.identity.items():
            if (there := found.identity.get(name)) != here:
                short = max(len(repr(there)), len(repr(here))) < 60  # no checksums
                change = f"its {name} is {there!r}, here it is {here!r}" if short else f"its {name} differs"
                raise UsageError(
                    f"{path} is of another training: {change}; go on with what it was begun with, or name another "
                    "folder for checkpoints"
                )
