"""Groups of parameters that are trained in their own way: slower, with another decay, or not at all."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase

from deepen import fields
from deepen.description import Described, register
from deepen.errors import UnknownNameError, UsageError
from deepen.paths import owner


@register
@dataclass(frozen=True)
class Group(Described):
    """Train what lies at `paths` with `rate` times the learning rate and a weight decay of its own.

    A rate of 0 freezes: such parameters stay as they are, and frozen layers compute as in evaluation, so that
    batch normalization keeps its statistics. Where several groups name a parameter, the last one counts.

    Args:
        paths: a path, such as `conv1` (with all that is in it) or `dense2.bias`, in which * stands for anything.
        rate: the factor of the learning rate.
        decay: the weight decay in place of the optimizer's; None leaves that. Biases and the parameters of
            normalization are spared in any case.

    Raises:
        UsageError: rate or decay is negative, or the paths are no text.
    """

    paths: str
    rate: float = 1.0
    decay: float | None = None

    def __post_init__(self) -> None:
        if not isinstance(self.paths, str) or not self.paths:
            raise UsageError(f'Group: paths are text, such as "conv*", got {self.paths!r}')
        fields.at_least_0(self, "rate")
        if self.decay is not None:
            fields.at_least_0(self, "decay")

    @property
    def frozen(self) -> bool:
        """Whether the group is not trained at all."""
        return self.rate == 0

    def holds(self, path: str) -> bool:
        """Return whether a layer or parameter, or a layer that it lies in, is meant."""
        parts = path.split(".")
        return any(fnmatchcase(".".join(parts[:depth]), self.paths) for depth in range(1, len(parts) + 1))

    def check(self, parameters: Iterable[str]) -> None:
        """Make sure that the group holds one of these parameters.

        Raises:
            UnknownNameError: it names none.
        """
        known = list(parameters)
        if not any(self.holds(path) for path in known):
            layers = {owner(path) for path in known}
            raise UnknownNameError("layer with parameters", self.paths, layers)


def checked(given: Sequence[Group] | Group) -> tuple[Group, ...]:
    """Return the groups as a tuple.

    Raises:
        UsageError: one is no group.
    """
    groups = tuple(given) if isinstance(given, (list, tuple)) else (given,)
    for group in groups:
        if not isinstance(group, Group):
            raise UsageError(f'groups are objects, such as deepen.Group("conv*", rate=0.1), got {group!r:.80}')
    return groups
