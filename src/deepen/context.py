"""What a layer may touch beyond its parameters during one pass; the same class in every engine."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from typing import Any

from deepen.paths import Shape, Tree, below, join


@dataclass
class Emitted:
    """A side output of a training pass: logits `(N, K)` that the loss is computed on as well."""

    outputs: Any
    weight: float
    """The factor of its loss in the objective."""
    gradient: Any = None
    """The objective's gradient with respect to the outputs; the NumPy engine sets it before the way back."""


@dataclass
class Pass:
    """One run of a batch through a network: how it is made, and what it leaves behind."""

    training: bool = False
    draw: Callable[[str, Shape], Any] | None = None
    """Uniform numbers in [0, 1) of a batch's shape, for a purpose."""
    draw_of_images: Callable[[str, int], Any] | None = None
    """Uniform numbers `(N, width)` that every image of the batch keeps in all epochs, for a purpose."""
    epoch: int = 0
    """From 0."""
    draws: Counter[str] = field(default_factory=Counter)
    """How many draws each path has made in this pass."""
    watch: Collection[str] = ()
    """Paths of the layers whose outputs are to be kept."""
    frozen: Collection[str] = ()
    """Paths of the layers that compute as in evaluation, whatever the pass is for."""
    updates: dict[str, Any] = field(default_factory=dict)
    """New values of running statistics by path; the engine adopts them when the step succeeds."""
    outputs: dict[str, Any] = field(default_factory=dict)
    emitted: list[Emitted] = field(default_factory=list)
    """Side outputs, in the order of computation."""
    penalties: list[Any] = field(default_factory=list)
    """Numbers that are added to the loss."""


@dataclass(frozen=True)
class Context:
    """A layer's view of a pass."""

    run: Pass
    path: str = ""
    statistics: Tree = field(default_factory=dict[str, Any])

    @property
    def training(self) -> bool:
        """Whether the pass trains this layer (dropout drops, batch normalization uses the batch)."""
        return self.run.training and self.path not in self.run.frozen

    def update(self, name: str, value: Any) -> None:
        """Ask for a new value of one of this layer's running statistics."""
        self.run.updates[join(self.path, name)] = value

    def uniform(self, shape: Shape) -> Any:
        """Return numbers in [0, 1) of a batch's shape `(N, ...)`, new ones at each call and step."""
        assert self.run.draw is not None, "a training pass needs randomness"
        number = self.run.draws[self.path]
        self.run.draws[self.path] += 1
        # No path holds a space, so no layer's name can meet another purpose, such as "shuffle".
        return self.run.draw(f"draw {number} {self.path}", shape)

    def uniform_of_images(self, width: int) -> Any:
        """Return numbers in [0, 1) of shape `(N, width)` that belong to the images: the same in every epoch."""
        assert self.run.draw_of_images is not None, "a training pass needs randomness"
        return self.run.draw_of_images(f"of images {self.path}", width)

    @property
    def epoch(self) -> int:
        """The epoch of the pass, from 0."""
        return self.run.epoch

    def emit(self, outputs: Any, weight: float) -> Emitted:
        """Let the loss be computed on these outputs `(N, K)` as well, and added with this weight."""
        emitted = Emitted(outputs, weight)
        self.run.emitted.append(emitted)
        return emitted

    def penalize(self, value: Any) -> None:
        """Add a number to the loss of this pass; in NumPy the layer's own way back adds its gradient."""
        self.run.penalties.append(value)

    def child(self, name: str) -> Context:
        """Return the context of the child layer `name`."""
        return Context(self.run, join(self.path, name), below(self.statistics, name))

    @property
    def watched(self) -> bool:
        """Whether this layer's output, or that of a layer inside it, is to be kept."""
        return any(path == self.path or path.startswith(f"{self.path}.") for path in self.run.watch)

    def seen(self, y: Any) -> Any:
        """Keep the layer's output if it is watched, and return it."""
        if self.path in self.run.watch:
            self.run.outputs[self.path] = y
        return y
