"""Constraints: what parameters have to keep to; they are brought back after each step."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from deepen import fields
from deepen.description import by_name, register
from deepen.spec import Constraint


@register
@dataclass(frozen=True)
class MaxNorm(Constraint):
    """Hold the weights that feed each unit or filter to a length of at most c: `w ← w · min(1, c / ‖w‖)`.

    The norm is taken over all axes but the first one; of a bias over all of it.

    Raises:
        UsageError: the length is not above 0.

    Source: Srivastava et al., "Dropout", JMLR 2014, section 5.1.
    """

    length: float = 2.0

    def __post_init__(self) -> None:
        fields.above_0(self, "length")

    def project(self, w: Any) -> Any:
        rows = w.reshape(len(w) if w.ndim > 1 else 1, -1)
        lengths = ((rows * rows).sum(1) ** 0.5).reshape(-1, *(1,) * (w.ndim - 1))
        # Whatever is short enough is multiplied by exactly 1.
        return w * (self.length / lengths.clip(self.length, None))


CONSTRAINTS: dict[str, type[Constraint]] = {"max_norm": MaxNorm}


def constraint(given: str | Constraint | None) -> Constraint | None:
    """Return the constraint of that name with its usual settings, the given one itself, or None for none.

    Raises:
        UnknownNameError: no constraint has that name.
    """
    return None if given is None else by_name("constraint", Constraint, CONSTRAINTS, given)
