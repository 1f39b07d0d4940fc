"""The settings of one run, fixed before it begins and kept beside it."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from math import inf
from typing import Any, get_type_hints

from deepen.errors import FileFormatError, UnknownNameError, UsageError
from deepen.fields import fits, in_words
from deepen.groups import Group

_LEAST = {
    **{"epochs": 1, "batch_size": 1, "size": 1, "patience": 1, "threads": 1},
    **{"seed": 0, "data_seed": 0, "workers": 0, "l2": 0},
}


@dataclass(frozen=True)
class RunConfig:
    """What `deepen train` does; the defaults are those that bring DeepConvNet on MNIST above 99.5%."""

    model: str
    data: str
    epochs: int = 20
    batch_size: int = 100
    recipe: str | None = None
    """Where settings came from that were not given by themselves."""
    optimizer: str = "adam"
    learning_rate: float | None = None
    """None takes the optimizer's own."""
    loss: str | None = None
    """None takes the model's own."""
    class_weights: str | None = None
    """"balanced" lets every class count the same, however many images it has."""
    schedule: str = "cosine"
    augment: tuple[str, ...] = ("shift=2",)
    """What varies the training images, in this order."""
    l2: float | None = None
    """The strength of a penalty on all kernels."""
    dropout: float | None = None
    """The rate of all dropout layers; None leaves the network's own."""
    width: float = 1.0
    """What the model's channels and hidden units are multiplied by."""
    size: int | None = None
    """Height and width that images are brought to; None takes the size that the model was designed for."""
    init: str | None = None
    """A saved or packaged model whose weights the training begins with."""
    freeze: tuple[str, ...] = ()
    """Paths of layers that stay as they are, such as `conv*`."""
    rates: tuple[str, ...] = ()
    """Paths with factors of the learning rate, such as `conv*=0.1`."""
    validation_split: float = 0.1
    patience: int | None = None
    """Stop when the validation loss has not fallen for so many epochs."""
    health: bool = False
    """Record how activations, gradients and updates develop."""
    tensorboard: bool = False
    """Write the figures of each epoch for TensorBoard."""
    checkpoint: str = "1 epoch"
    """How often a checkpoint is made."""
    workers: int = 0
    """Threads that make batches ahead of their steps."""
    seed: int = 0
    data_seed: int | None = None
    """Decides which pictures of a folder are the test's; None takes the seed."""
    engine: str = "auto"
    device: str = "auto"
    threads: int | None = None
    """How many threads compute, in the engines native and torch; None takes as many as there are cores."""
    runs: str = "runs"
    """The folder in which the run's own folder is made."""

    def __post_init__(self) -> None:
        for name, hint in get_type_hints(RunConfig).items():
            value = getattr(self, name)
            if not fits(value, hint):
                raise UsageError(f"{name} must be {in_words(hint)}, got {value!r:.80}")
            # Names of files may hold bytes that are no characters; a file of settings may not.
            if isinstance(value, str) and any("\ud800" <= sign <= "\udfff" for sign in value):
                raise UsageError(f"{name} must be UTF-8, got {value!r}")
        for name, least in _LEAST.items():
            value = getattr(self, name)
            if value is not None and value < least:
                raise UsageError(f"{name} must be {least} or more, got {value}")
        for name in ("validation_split", "dropout"):
            value = getattr(self, name)
            if value is not None and not 0 <= value < 1:
                raise UsageError(f"{name} must be from 0 up to 1, got {value}")
        if not 0 < self.width < inf:
            raise UsageError(f"width must be a finite number above 0, got {self.width}")
        if self.class_weights not in (None, "balanced"):
            raise UsageError(f'class_weights is "balanced" or not given, got {self.class_weights!r}')
        if "none" in self.augment:
            if len(self.augment) > 1:
                raise UsageError(
                    f"augment: none leaves the images as they are and stands alone, got {self.augment}"
                )
            object.__setattr__(self, "augment", ())
        _ = self.groups

    @property
    def groups(self) -> tuple[Group, ...]:
        """What `rates` and `freeze` say, as groups of parameters; what is frozen counts most."""
        return (*map(_with_rate, self.rates), *(Group(paths, rate=0) for paths in self.freeze))

    @property
    def split(self) -> int:
        """The seed that decides which pictures of a folder are held out."""
        return self.seed if self.data_seed is None else self.data_seed

    def given(self) -> dict[str, Any]:
        """Return the settings by name, without those that are None, or empty as they would be anyway."""
        defaults = {field.name: field.default for field in fields(self)}
        return {
            name: value
            for name, value in asdict(self).items()
            if value is not None and (value != () or defaults[name] != ())
        }

    def to_toml(self) -> str:
        """Return the settings as TOML."""
        # JSON is TOML here, but for one character that TOML wants escaped.
        lines = (f"{name} = {json.dumps(value, ensure_ascii=False)}\n" for name, value in self.given().items())
        return "".join(lines).replace("\x7f", "\\u007f")

    @classmethod
    def from_toml(cls, text: str) -> RunConfig:
        """Return the settings that `to_toml` wrote.

        Raises:
            FileFormatError: it is no TOML, or a setting is missing.
            UnknownNameError: there is no such setting.
            UsageError: a value is of the wrong type or out of range.
        """
        return cls.from_table(read_toml(text))

    @classmethod
    def from_table(cls, table: Mapping[str, Any]) -> RunConfig:
        """Return the settings that stand in a table of TOML; raises what `from_toml` does."""
        known = {field.name for field in fields(cls)}
        for name in table:
            if name not in known:
                raise UnknownNameError("setting", name, known)
        if missing := [name for name in ("model", "data") if name not in table]:
            raise FileFormatError(f"the settings lack {' and '.join(missing)}")
        settings: dict[str, Any] = {}
        for name, value in table.items():
            settings[name] = tuple(value) if isinstance(value, list) else value
        return cls(**settings)


def read_toml(text: str) -> dict[str, Any]:
    """Return the table that a text of settings is.

    Raises:
        FileFormatError: it is no TOML.
    """
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise FileFormatError(f"the settings are no TOML: {error}") from error


def _with_rate(text: str) -> Group:
    paths, _, factor = text.rpartition("=")
    try:
        return Group(paths, rate=float(factor))
    except (ValueError, UsageError) as error:
        raise UsageError(f"a rate is a path and a factor, such as conv*=0.1, got {text!r} ({error})") from error
