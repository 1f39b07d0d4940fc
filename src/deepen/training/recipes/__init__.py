"""Recipes: settings of a training that are worth a name, as TOML files that say what they have reached.

A file has a `title`, a line or two `about` it, its `source`, the table `[settings]` with fields of `RunConfig`,
and for each time that it was measured a table `[[measured]]` with the fields of `Measurement`.
"""

from __future__ import annotations

import os
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, get_type_hints

from deepen.config import RunConfig
from deepen.data.augment import augmentations_of
from deepen.errors import UnknownNameError, UsageError
from deepen.fields import fits, in_words
from deepen.losses import loss
from deepen.optimizers import optimizer
from deepen.schedules import schedule

_FOLDER = Path(__file__).parent

_OF_A_RUN = {
    *("model", "data", "size", "init", "freeze", "rates", "seed", "data_seed"),
    *("engine", "device", "threads", "workers", "runs", "recipe", "health", "tensorboard", "checkpoint"),
}
"""Settings that belong to one network, one machine or one run."""


@dataclass(frozen=True)
class Measurement:
    """What a recipe has reached, and how that was found."""

    model: str
    data: str
    accuracy: float
    """Of the test images, from 0 to 1: the mean over the seeds."""
    deviation: float
    """The accuracy's standard deviation over the seeds."""
    seeds: tuple[int, ...]
    epochs: int
    seconds: float
    """What the steps of one training took; loading, validation and test come on top."""
    images_per_second: float
    machine: str
    threads: int
    engine: str
    versions: str
    date: str
    """As in 2026-01-31."""
    how: str
    """The command, or the script."""

    def __str__(self) -> str:
        return (
            f"{self.model} on {self.data}: {self.accuracy:.2%} on the test set (deviation {self.deviation:.2%}, "
            f"{len(self.seeds)} seeds), after {self.epochs} epochs in {self.seconds:.0f} s "
            f"({self.engine}, {self.threads} thread{'s' * (self.threads != 1)}, {self.machine}, {self.date})"
        )


@dataclass(frozen=True)
class Recipe:
    """Settings of a training, where they come from, and what they have reached."""

    name: str
    settings: Mapping[str, Any]
    """Fields of `RunConfig` with their values."""
    measured: tuple[Measurement, ...] = ()
    title: str = ""
    about: str = ""
    source: str = ""


_KEYS = {"title": str, "about": str, "source": str, "settings": dict, "measured": tuple[dict[str, Any], ...]}


def names() -> tuple[str, ...]:
    """Return the names of the recipes that come with the package."""
    return tuple(sorted(path.stem for path in _FOLDER.glob("*.toml")))


def load(given: str | os.PathLike[str]) -> Recipe:
    """Return the recipe of that name, or the one in a file of one's own.

    Whatever is no recipe's name is a file if it ends in `.toml`, is a path through folders, or is there.

    Raises:
        UnknownNameError: there is no such recipe, or a key of the file is unknown; the nearest one is suggested.
        UsageError: the file cannot be read, a value is of the wrong type or out of range or names what does not
            exist, or something is missing.
    """
    path = Path(given)
    if str(given) in names():
        path = _FOLDER / f"{given}.toml"
    elif path.suffix != ".toml" and path.name == str(given) and not path.is_file():
        raise UnknownNameError("recipe", str(given), names())
    content = _read(path)
    if misplaced := [key for key in content if key in get_type_hints(RunConfig)]:
        raise UsageError(f"{path}: {misplaced[0]} is a setting; write it below the line [settings]")
    table = _values(_KEYS, content, str(path))
    if "settings" not in table:
        raise UsageError(f"{path} lacks the table [settings]")
    settings = _settings(table.pop("settings"), f"{path}, [settings]")
    measured = tuple(_measurement(row, f"{path}, [[measured]]") for row in table.pop("measured", ()))
    return Recipe(path.stem, settings, measured, **table)


def _read(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise UsageError(f"the recipe {path} cannot be read: {error.strerror}") from error
    except ValueError as error:  # not UTF-8, or not TOML; the latter says in which line
        raise UsageError(f"{path} is no TOML: {error}") from error


def _settings(table: Mapping[str, Any], where: str) -> dict[str, Any]:
    for key in table:
        if key in _OF_A_RUN:
            raise UsageError(f"{where}: {key} belongs to a single run; give it on the command line instead")
    hints = get_type_hints(RunConfig)
    settings = _values({key: hints[key] for key in hints.keys() - _OF_A_RUN}, table, where)
    try:
        config = RunConfig(model="", data="", **settings)
        # Made only to find out what is wrong in their texts.
        _ = optimizer(config.optimizer), schedule(config.schedule), loss(config.loss or "cross_entropy")
        _ = augmentations_of(config.augment)
    except UsageError as error:
        raise UsageError(f"{where}: {error}") from error
    return settings


def _measurement(table: Mapping[str, Any], where: str) -> Measurement:
    hints = get_type_hints(Measurement)
    values = _values(hints, table, where)
    if missing := [key for key in hints if key not in values]:
        raise UsageError(f"{where} lacks {', '.join(missing)}")
    return Measurement(**values)


def _values(hints: Mapping[str, Any], table: Mapping[str, Any], where: str) -> dict[str, Any]:
    """Return the values of a table, once each is of the type that belongs to its key."""
    for key, value in table.items():
        if key not in hints:
            raise UnknownNameError(f"key in {where}:", key, hints)
        if not fits(value, hints[key]):
            raise UsageError(f"{where}: {key} must be {in_words(hints[key])}, got {value!r:.80}")
    return {key: tuple(value) if isinstance(value, list) else value for key, value in table.items()}
