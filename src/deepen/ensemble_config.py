"""The settings of an ensemble's training, fixed before it begins and kept beside it."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from deepen import losses, models
from deepen.config import RunConfig, read_toml
from deepen.ensemble import checked_average
from deepen.errors import FileFormatError, UsageError
from deepen.fields import fits


@dataclass(frozen=True)
class EnsembleConfig:
    """What `deepen ensemble train` does.

    Args:
        average: what of the members is averaged, "probabilities" or "logits".
        members: the settings of each; no two the same, and all measured on the same test images.

    Raises:
        UsageError: the members cannot make an ensemble.
    """

    average: str
    members: tuple[RunConfig, ...]

    def __post_init__(self) -> None:
        checked_average(self.average)
        if len(self.members) < 2:
            raise UsageError(
                f"an ensemble has two members or more, got {len(self.members)}; ask for more seeds or more recipes"
            )
        if len(set(self.members)) < len(self.members):
            raise UsageError("two members have the same settings and would be the same; is a recipe named twice?")
        if len({(member.model, member.data, member.split) for member in self.members}) > 1:
            raise UsageError("the members of an ensemble have the same model, data and data_seed")
        for member in self.members:
            loss = losses.loss(member.loss or models.entry(member.model).loss)
            if self.average == "probabilities" and loss.on_logits and not loss.probabilistic:
                raise UsageError(
                    f"{type(loss).__name__} gives scores, not probabilities; the average "
                    '"logits" takes the mean of the scores'
                )

    @classmethod
    def of(cls, recipes: Sequence[RunConfig], seeds: int, average: str) -> EnsembleConfig:
        """Return an ensemble with members of so many seeds for each of the settings, counted up from theirs.

        Raises:
            UsageError: the members cannot make an ensemble.
        """
        return cls(
            average,
            tuple(
                # Who is in the test is drawn once, so that no member has learned what another is measured on.
                replace(base, seed=base.seed + i, data_seed=base.split)
                for base in recipes
                for i in range(seeds)
            ),
        )

    def to_toml(self) -> str:
        """Return the settings as TOML."""
        members = (f"\n[[members]]\n{member.to_toml()}" for member in self.members)
        return f"average = {json.dumps(self.average)}\n{''.join(members)}"

    @classmethod
    def from_toml(cls, text: str) -> EnsembleConfig:
        """Return the settings that `to_toml` wrote.

        Raises:
            FileFormatError: it is no such text.
            UsageError: a setting is not known, or out of range.
        """
        table = read_toml(text)
        if table.keys() != {"average", "members"} or not fits(table["members"], tuple[dict[str, Any], ...]):
            raise FileFormatError(
                f"the settings of an ensemble are its average and its members, got {', '.join(table) or 'nothing'}"
            )
        return cls(table["average"], tuple(map(RunConfig.from_table, table["members"])))
