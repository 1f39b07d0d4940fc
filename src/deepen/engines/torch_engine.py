"""The engine for GPUs and for speed without a compiler: PyTorch, on the CPU or CUDA."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from deepen import randomness
from deepen.arrays import Array
from deepen.context import Context, Pass
from deepen.data.augment import vary_all
from deepen.engines.base import (
    EVALUATION_BATCH,
    INPUT,
    Batch,
    Engine,
    Setup,
    State,
    batches,
    initial_state,
)
from deepen.engines.diagnosis import not_finite
from deepen.engines.torch_memory import keep_freed_memory
from deepen.engines.torch_network import TorchNetwork
from deepen.paths import Shape
from deepen.randomness import Moment, purpose_key


@dataclass(frozen=True)
class TorchResult:
    """The result of a step, on the device until it is read."""

    loss: Tensor
    hits: Tensor
    sound: Tensor
    explain: Callable[[], Exception]

    def read(self) -> tuple[float, int]:
        # One transfer for all three: each one waits for the device.
        sound, loss, hits = torch.stack([self.sound.double(), self.loss.double(), self.hits.double()]).tolist()
        if not sound:
            raise self.explain()
        return loss, int(hits)


@dataclass(frozen=True)
class Found:
    """What the passes of a step give, besides the gradients."""

    loss: Any
    outputs: Tensor
    updates: dict[str, Any]
    """New values of the running statistics."""


class TorchEngine(Engine):
    """Computes with PyTorch."""

    name = "torch"

    def __init__(
        self, setup: Setup, device: str = "cpu", state: State | None = None, threads: int | None = None
    ) -> None:
        super().__init__(setup)
        if threads is not None:
            torch.set_num_threads(threads)  # for the whole process: PyTorch has no other way
        self.device = device
        state = initial_state(setup) if state is None else state
        self.module = TorchNetwork(setup, state).to(device, memory_format=torch.channels_last)  # type: ignore[call-overload]
        # What evaluation uses: the moving average, where there is one.
        self._evaluated = self.module
        if state.average:
            self._evaluated = TorchNetwork(setup, State(*state.evaluated, {})).requires_grad_(False)
            self._evaluated.to(device, memory_format=torch.channels_last)
        self._trainable = [self.module.at(path) for path in setup.trainable]
        # torch.optim refuses an empty list; a network without parameters can still be evaluated.
        self._optimizer = setup.optimizer.torch(torch.optim, self._groups()) if self._trainable else None
        self._steps = torch.zeros((), dtype=torch.int64, device=device)
        self._dtype = getattr(torch, setup.dtype)
        # On a GPU nobody waits to see whether a step was sound; a flag there stops the steps after it.
        self._waits = device == "cpu" or not setup.optimizer.fused
        self._sound = torch.ones((), dtype=torch.bool, device=device)
        self.load_state(state)

    def bind(self, images: Array, labels: Array) -> None:
        if self.device == "cpu":
            keep_freed_memory()
        self._images, self._labels = (_tensor(array).to(self.device) for array in (images, labels))

    def bound_images(self, indices: Array) -> Array:
        return _array(self._images[torch.from_numpy(indices).to(self.device)])

    def bound_labels(self, indices: Array) -> Array:
        return _array(self._labels[torch.from_numpy(indices).to(self.device)])

    @torch.no_grad()
    def batch(self, indices: Array, moment: Moment) -> Batch:
        # From ordinary memory this copies a few hundred bytes and does not wait for the device.
        index = torch.from_numpy(indices).to(self.device, non_blocking=True)
        return self._batch(self._images[index], self._labels[index], indices, moment)

    def train_on(self, batch: Batch, learning_rate: float) -> TorchResult:
        self.module.zero_grad(set_to_none=True)
        found = self._gradients(batch)
        self._sound = self._sound & _finite(found.loss, [p.grad for p in self._trainable])
        if self._waits and not self._sound:
            raise self._explain(batch.indices, batch.moment)
        self._update(learning_rate)
        self.module.adopt(found.updates, self._sound)
        self._move_average()
        with torch.no_grad():
            targets = batch.targets
            right = found.outputs.argmax(1) == (targets if targets.ndim == 1 else targets.argmax(1))
        # The result waits to be read; it must not keep the batch in memory.
        indices, moment = batch.indices, batch.moment
        return TorchResult(found.loss, right.sum(), self._sound, lambda: self._explain(indices, moment))

    def _gradients(self, batch: Batch) -> Found:
        """Compute the gradients of a step, in as many parts as the optimizer says."""
        losses, outputs, updates = [], [], list[dict[str, Tensor]]()
        parts = list(batch.parts(self.setup.optimizer.accumulate))
        for part, share, moment in parts:
            run = self._training_pass(moment)
            y = self.module(batch.images[part], run)
            loss = self._objective(y, batch.targets[part], run)
            if len(parts) > 1:
                loss = share * loss
            loss.backward()
            losses.append(loss.detach())
            outputs.append(y.detach())
            updates.append(
                {path: share * value for path, value in run.updates.items()} if len(parts) > 1 else run.updates
            )
        for parameter in self._trainable:
            if parameter.grad is None:  # it had no part in the loss; optimizers still decay it
                parameter.grad = torch.zeros_like(parameter)
        together = {path: sum(each[path] for each in updates) for path in updates[0]}
        return Found(sum(losses), torch.cat(outputs), together)

    def outputs(self, images: Array, batch_size: int = EVALUATION_BATCH) -> Array:
        with torch.no_grad():
            parts = [
                self._evaluated(self._tensor(images[part]), Pass()) for part in batches(len(images), batch_size)
            ]
        return _array(torch.cat(parts))

    def activations(self, images: Array, paths: Collection[str]) -> dict[str, Array]:
        self.check_paths(paths)
        run = Pass(watch=set(paths))
        with torch.no_grad():
            weights = self._evaluated
            self.setup.network.torch_forward(F, self._tensor(images), weights, Context(run, "", weights))
        return {path: _array(run.outputs[path]) for path in paths}

    def gradients(
        self,
        images: Array,
        labels: Array,
        with_respect_to: Iterable[str] | None = None,
        moment: Moment | None = None,
    ) -> dict[str, Array]:
        wanted = self.wanted(with_respect_to)
        if moment is None:
            module, passes = self._evaluated, [(slice(None), 1.0, Pass())]
            x, targets = self._tensor(images), self._targets(_tensor(labels).to(self.device))
        else:
            inputs, answers = (_tensor(array).to(self.device) for array in (images, labels))
            batch = self._batch(inputs, answers, np.arange(len(images)), moment)
            parts = batch.parts(self.setup.optimizer.accumulate)
            module, passes = self.module, [(part, share, self._training_pass(at)) for part, share, at in parts]
            x, targets = batch.images, batch.targets
        # The averaged weights are not trained, but their gradients may be asked for.
        sources = [x.requires_grad_() if name == INPUT else module.at(name).requires_grad_() for name in wanted]
        loss = sum(share * self._objective(module(x[i], run), targets[i], run) for i, share, run in passes)
        found = torch.autograd.grad(loss, sources, materialize_grads=True)
        return {name: _array(gradient) for name, gradient in zip(wanted, found, strict=True)}

    @property
    def threads(self) -> int:
        return torch.get_num_threads()

    def state(self) -> State:
        parameters = {path: _array(self.module.at(path)) for path in self.setup.parameters}
        statistics = {path: _array(self.module.at(path)) for path in self.setup.statistics}
        slots = {
            slot: {path: _array(self._kept(p)[theirs]) for path, p in self._named_trainable()}
            for slot, theirs in self.setup.optimizer.slots.items()
        }
        average = {}
        if self._evaluated is not self.module:
            average = {path: _array(self._evaluated.at(path)) for path in (*parameters, *statistics)}
        return State(parameters, statistics, slots, int(self._steps), average)

    @torch.no_grad()
    def load_state(self, state: State) -> None:
        for path, array in state.parameters.items():
            self.module.at(path).copy_(torch.from_numpy(array))
        for path, array in state.statistics.items():
            self.module.at(path).copy_(torch.from_numpy(array))
        for path, array in state.average.items():
            self._evaluated.at(path).copy_(torch.from_numpy(array))
        for path, p in self._named_trainable():
            kept = self._kept(p)
            kept["step"] = torch.tensor(float(state.steps), device=self.device)
            for slot, theirs in self.setup.optimizer.slots.items():
                kept[theirs] = torch.zeros_like(p).copy_(torch.from_numpy(state.slots[slot][path]))
        self._steps.fill_(state.steps)
        self._sound = torch.ones_like(self._sound)

    def _named_trainable(self) -> Iterator[tuple[str, Any]]:
        return zip(self.setup.trainable, self._trainable, strict=True)

    def _kept(self, parameter: Any) -> dict[str, Any]:
        """Return what torch's optimizer keeps for a parameter."""
        assert self._optimizer is not None, "nothing to train"
        kept: dict[str, Any] = self._optimizer.state[parameter]
        return kept

    def _groups(self) -> list[dict[str, Any]]:
        """Return the trainable tensors for torch's optimizer, grouped by how they are trained."""
        groups: dict[tuple[float, float], list[Any]] = {}
        for path, parameter in self._named_trainable():
            groups.setdefault(self.setup.paces[path], []).append(parameter)
        return [
            {"params": tensors, "weight_decay": decay, "factor": factor}
            for (factor, decay), tensors in groups.items()
        ]

    def _objective(self, outputs: Tensor, targets: Tensor, run: Pass) -> Any:
        """Return what the step makes small: the loss, those of side outputs, and penalties while training."""
        loss = self.setup.loss.torch_forward(F, outputs, targets)
        for side in run.emitted:
            loss = loss + side.weight * self.setup.loss.torch_forward(F, side.outputs, targets)
        if run.training:
            weights = [r.value(self.module.at(path)) for path, r in self.setup.regularizers.items()]
            for penalty in (*run.penalties, *weights):
                loss = loss + penalty
        return loss

    def _update(self, learning_rate: float) -> None:
        assert self._optimizer is not None, "nothing to train"
        for p in self._trainable:
            # Fused optimizers want gradients laid out like their parameters, axes of length 1 included.
            if p.grad is not None and p.grad.stride() != p.stride():
                p.grad = torch.empty_like(p).copy_(p.grad)
        for group in self._optimizer.param_groups:
            group["lr"] = learning_rate * group["factor"]
        if clip := self.setup.optimizer.clip_norm:
            torch.nn.utils.clip_grad_norm_(self._trainable, clip, foreach=True)
        if not self._waits:
            # The hook that gradient scaling uses: a fused optimizer skips the step where this is 1.
            self._optimizer.found_inf = (~self._sound).float()
        self._optimizer.step()
        self._steps += self._sound
        self._constrain()

    @torch.no_grad()
    def _constrain(self) -> None:
        for path, constraint in self.setup.constraints.items():
            parameter = self.module.at(path)
            parameter.copy_(torch.where(self._sound, constraint.project(parameter), parameter))

    @torch.no_grad()
    def _move_average(self) -> None:
        if self._evaluated is self.module:
            return
        # As `Optimizer.averaging`, but the number of steps stays on the device.
        t = self._steps.double()
        share = torch.where(self._sound, 1 - (t / (t + 9)).clamp(max=self.setup.optimizer.average), 0)
        for path in (*self.setup.parameters, *self.setup.statistics):
            w, average = self.module.at(path), self._evaluated.at(path)
            average.lerp_(w, share.to(w.dtype))

    def _training_pass(self, moment: Moment) -> Pass:
        seed = self.setup.seed

        def from_numpy(purpose: str, shape: Shape) -> Tensor:
            return torch.from_numpy(randomness.uniform(seed, purpose, moment, shape))

        def on_device(purpose: str, shape: Shape) -> Tensor:
            key = purpose_key(f"{seed} {purpose} {moment.epoch} {moment.step} {moment.position}")
            generator = torch.Generator(self.device).manual_seed(key % 2**63)
            return torch.rand(shape, generator=generator, device=self.device)

        draw = from_numpy if self.device == "cpu" else on_device
        return Pass(True, draw, epoch=moment.epoch, frozen=self.setup.frozen)

    def _explain(self, indices: Array, moment: Moment) -> Exception:
        batch, state = self.batch(indices, moment), self.state()
        self._sound = torch.ones_like(self._sound)
        return not_finite(self.setup, state, Batch(indices, moment, _array(batch.images), _array(batch.targets)))

    def _tensor(self, images: Array) -> Tensor:
        return self._scaled(_tensor(images).to(self.device))

    def _scaled(self, images: Tensor) -> Tensor:
        x = images.to(self._dtype)
        if images.dtype == torch.uint8:
            x = x.div_(255)
        return x.contiguous(memory_format=torch.channels_last) if x.ndim == 4 else x

    def _batch(self, images: Tensor, labels: Tensor, indices: Array, moment: Moment) -> Batch:
        """Return images on the device as a step takes them."""
        x, targets = self._scaled(images), self._targets(labels)
        if not self.setup.augmentations:
            return Batch(indices, moment, x, targets)
        if self.setup.mixes and targets.ndim == 1:
            targets = F.one_hot(targets, self.setup.classes).to(self._dtype)
        x, targets = vary_all(self.setup.augmentations, x, targets, self.setup.seed, indices, moment, F)
        return Batch(indices, moment, x.contiguous(memory_format=torch.channels_last), targets)

    def _targets(self, labels: Tensor) -> Tensor:
        return labels.long() if labels.ndim == 1 else labels.to(self._dtype)


def _finite(loss: Tensor, gradients: list[Any]) -> Tensor:
    """Return whether the loss and all gradients are finite, as a scalar on the device."""
    largest = torch._foreach_norm([loss.detach(), *gradients], float("inf"))
    return torch.stack(list(largest)).isfinite().all()


def _tensor(array: Array) -> Tensor:
    """Return a tensor on the CPU, sharing memory unless torch refuses it, as it does read-only arrays."""
    array = np.ascontiguousarray(array)
    return torch.from_numpy(array if array.flags.writeable else array.copy())


def _array(tensor: Tensor) -> Array:
    array: Array = tensor.detach().cpu().contiguous().numpy()
    # A copy, so that what the engine does later does not show.
    return array.copy()
