"""The settings of one run, fixed before it begins and kept beside it."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from typing import Any

from deepen.errors import UsageError
from deepen.groups import Group


@dataclass(frozen=True)
class RunConfig:
    """What `deepen train` does; the defaults are those that bring DeepConvNet on MNIST above 99.5%."""

    model: str
    data: str
    epochs: int = 20
    batch_size: int = 100
    optimizer: str = "adam"
    learning_rate: float | None = None
    """None takes the optimizer's own."""
    schedule: str = "cosine"
    shift: int = 2
    """Training images are moved by up to so many pixels; 0 leaves them as they are."""
    size: int | None = None
    """Height and width that images are brought to; None takes the size that the model was designed for."""
    init: str | None = None
    """A saved or packaged model whose weights the training begins with."""
    freeze: tuple[str, ...] = ()
    """Paths of layers that stay as they are, such as `conv*`."""
    rates: tuple[str, ...] = ()
    """Paths with factors of the learning rate, such as `conv*=0.1`."""
    validation_split: float = 0.1
    seed: int = 0
    engine: str = "auto"
    device: str = "auto"
    runs: str = "runs"
    """The folder in which the run's own folder is made."""

    def __post_init__(self) -> None:
        for name, least in (("epochs", 1), ("batch_size", 1), ("shift", 0), ("seed", 0)):
            if getattr(self, name) < least:
                raise UsageError(f"{name} must be {least} or more, got {getattr(self, name)}")
        if not 0 <= self.validation_split < 1:
            raise UsageError(f"validation_split must be from 0 up to 1, got {self.validation_split}")
        if self.size is not None and self.size < 1:
            raise UsageError(f"size must be 1 or more, got {self.size}")
        _ = self.groups

    @property
    def groups(self) -> tuple[Group, ...]:
        """What `rates` and `freeze` say, as groups of parameters; what is frozen counts most."""
        return (*map(_with_rate, self.rates), *(Group(paths, rate=0) for paths in self.freeze))

    def given(self) -> dict[str, Any]:
        """Return the settings by name, without those that are None or empty."""
        return {name: value for name, value in asdict(self).items() if value is not None and value != ()}

    def to_toml(self) -> str:
        """Return the settings as TOML."""
        # A JSON string, number or truth value is one of TOML as well.
        return "".join(
            f"{name} = {json.dumps(value, ensure_ascii=False)}\n" for name, value in self.given().items()
        )


def _with_rate(text: str) -> Group:
    paths, _, factor = text.rpartition("=")
    try:
        return Group(paths, rate=float(factor))
    except (ValueError, UsageError) as error:
        raise UsageError(f"a rate is a path and a factor, such as conv*=0.1, got {text!r} ({error})") from error
