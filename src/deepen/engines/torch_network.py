"""A described network as a PyTorch module, with its readable parameter paths."""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from deepen.context import Context, Pass
from deepen.engines.base import Setup, State, initial_state
from deepen.paths import Shape
from deepen.spec import Layer


class ArrayTree(nn.Module):
    """A layer's parameters and statistics, and the trees of the layers inside it, by name."""

    def __getitem__(self, name: str) -> Any:
        for group in (self._parameters, self._buffers, self._modules):
            if name in group:
                return group[name]
        raise KeyError(name)

    def __contains__(self, name: str) -> bool:
        return name in self._parameters or name in self._buffers or name in self._modules

    def at(self, path: str) -> Any:
        """Return the tensor at a dotted path."""
        place: Any = self
        for name in path.split("."):
            place = place[name]
        return place

    def place(self, path: str, tensor: Tensor) -> None:
        """Put a parameter or a plain tensor (a statistic) at a dotted path."""
        first, _, rest = path.partition(".")
        # Written into the tables: nn.Module refuses names of its own attributes, which layers may well have.
        if rest:
            self._modules.setdefault(first, ArrayTree()).place(rest, tensor)  # type: ignore[union-attr,operator]
        elif isinstance(tensor, nn.Parameter):
            self._parameters[first] = tensor
        else:
            self._buffers[first] = tensor


class TorchNetwork(ArrayTree):
    """A network as a `torch.nn.Module`: the keys of its `state_dict` are the parameter paths.

    It maps float images `(N, C, H, W)` to logits `(N, K)`, and can be wrapped by DistributedDataParallel.
    Called without a `Pass`, it behaves like any module: `train()` and `eval()` set the mode, dropout draws from
    torch's generator, and running statistics move at once. Side outputs and penalties on activity are left in a
    pass; whoever trains with them hands in a `Pass(training=True, draw=…)` and adds them to the loss.
    """

    def __init__(self, setup: Setup, state: State | None = None) -> None:
        super().__init__()
        self.layer: Layer = setup.loss_network
        self.frozen = setup.frozen
        state = initial_state(setup) if state is None else state
        for path, array in state.parameters.items():
            self.place(path, nn.Parameter(torch.tensor(array), requires_grad=path in setup.trainable))
        for path, array in state.statistics.items():
            self.place(path, torch.tensor(array))

    def forward(self, x: Tensor, run: Pass | None = None) -> Tensor:
        """Return the logits; a given `run` says how the pass is made and gathers what it leaves behind."""

        def draw(_: str, shape: Shape) -> Tensor:
            return torch.rand(shape, device=x.device)

        own = Pass(self.training, draw, frozen=self.frozen) if run is None else run
        y: Tensor = self.layer.torch_forward(F, x, self, Context(own, "", self))
        if run is None:
            self.adopt(own.updates)
        return y

    @torch.no_grad()
    def adopt(self, updates: dict[str, Tensor], allowed: Tensor | None = None) -> None:
        """Take over new running statistics, if `allowed` (a scalar on the device) is true or not given."""
        for path, value in updates.items():
            statistic = self.at(path)
            statistic.copy_(value if allowed is None else torch.where(allowed, value, statistic))
