"""What training has recorded, epoch by epoch."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field


@dataclass
class History:
    """The figures of each epoch: `history["val_accuracy"][-1]` is the last epoch's.

    `loss` and `accuracy` are means over the training images while the weights changed, dropout on; those that
    begin with `val_` are of the validation images after the epoch. `seconds` is the time that the epoch's
    steps took, `images_per_second` its throughput; neither includes the validation.
    """

    epoch: list[int] = field(default_factory=list)
    history: dict[str, list[float]] = field(default_factory=dict)

    def add(self, epoch: int, figures: Mapping[str, float]) -> None:
        """Append the figures of an epoch (counted from 0)."""
        self.epoch.append(epoch)
        for name, value in figures.items():
            self.history.setdefault(name, []).append(value)

    def rows(self) -> Iterator[tuple[int, dict[str, float]]]:
        """Yield every epoch with its figures."""
        for row, epoch in enumerate(self.epoch):
            yield epoch, {name: values[row] for name, values in self.history.items()}

    @property
    def last(self) -> dict[str, float]:
        """The figures of the last epoch."""
        return {name: values[-1] for name, values in self.history.items()}
