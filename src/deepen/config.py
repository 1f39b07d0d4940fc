"""The settings of one run, fixed before it begins and kept beside it."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from typing import Any

from deepen.errors import UsageError


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

    def given(self) -> dict[str, Any]:
        """Return the settings by name, without those that are None."""
        return {name: value for name, value in asdict(self).items() if value is not None}

    def to_toml(self) -> str:
        """Return the settings as TOML."""
        # A JSON string, number or truth value is one of TOML as well.
        return "".join(
            f"{name} = {json.dumps(value, ensure_ascii=False)}\n" for name, value in self.given().items()
        )
