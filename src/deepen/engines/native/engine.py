"""The engine for CPUs: a network, its loss and its optimizer compiled into one program."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace

import numpy as np

from deepen import spec
from deepen.arrays import Array
from deepen.engines.base import EVALUATION_BATCH, INPUT, Batch, Engine, Setup, State, batches, initial_state
from deepen.engines.diagnosis import not_finite
from deepen.engines.native.optimizers import Arena
from deepen.engines.native.program import Images, Program, readable
from deepen.engines.native.source import Routine, build, source
from deepen.engines.native.threads import usable_cores
from deepen.engines.numpy_engine import make_batch
from deepen.errors import DataError, UsageError
from deepen.layers.normalization import BatchNormalization
from deepen.losses import one_hot
from deepen.paths import Shape, join
from deepen.randomness import Moment
from deepen.spec import Layer

TRAIN, EVALUATE = Routine("train", training=True, backward=True), Routine("evaluate")


def unsupported(setup: Setup) -> str | None:
    """Return why the engine cannot compute a setup, or None if it can."""
    try:
        source(setup, (TRAIN, EVALUATE))
    except UsageError as error:
        return str(error)
    return None


@dataclass(frozen=True)
class NativeResult:
    """The result of a step, known as soon as it is made."""

    loss: float
    hits: int

    def read(self) -> tuple[float, int]:
        return self.loss, self.hits


class NativeEngine(Engine):
    """Computes with a program that is compiled for this very network.

    The first engine of a description compiles it, which takes seconds; the program is kept for all that follow.

    Args:
        setup: what is computed.
        state: where to begin; None for the first weights.
        threads: how many threads compute; None for as many as there are cores. For the same number results are
            the same, bit for bit.

    Raises:
        UsageError: the setup has something that this engine does not know, such as a layer of one's own.
        DeepenError: there is no C++ compiler, or it failed.
    """

    name = "native"
    device = "cpu"

    def __init__(self, setup: Setup, state: State | None = None, threads: int | None = None) -> None:
        super().__init__(setup)
        self._threads = usable_cores() if threads is None else threads
        self._arena = Arena.of({**setup.parameters, **setup.statistics})
        self._first_statistic = Arena.of(setup.parameters).size
        # Partners of a mixture are sought in the whole batch, of which a part knows nothing.
        self._varies_ahead = setup.mixes and setup.optimizer.accumulate > 1
        self._normalizations = [
            (node, node.layer)
            for node in spec.walk(setup.loss_network, setup.input_shape)
            if isinstance(node.layer, BatchNormalization) and node.path not in setup.frozen
        ]
        self._program = build(self._compiled, (TRAIN, EVALUATE), self._threads)
        self._views: dict[Routine, Program] = {}
        self._numbers, self._gradients, self._statistics = self._zeros(), self._zeros(), self._zeros()
        self._slots = {slot: self._zeros() for slot in setup.optimizer.slots}
        self._average = self._zeros() if setup.optimizer.average else None
        self._steps = 0
        self._evaluation_is_current = False
        self.load_state(initial_state(setup) if state is None else state)

    @property
    def threads(self) -> int:
        return self._threads

    def bind(self, images: Array, labels: Array) -> None:
        _check_as_many(images, labels)
        self._images, self._labels = self._readable(images), labels

    def bound_images(self, indices: Array) -> Array:
        return self._images[indices]

    def bound_labels(self, indices: Array) -> Array:
        return self._labels[indices]

    def batch(self, indices: Array, moment: Moment) -> Batch:
        """Return the batch without images of its own: the step loads and varies them while it computes."""
        if self._varies_ahead:
            return self._varied(self._images[indices], self._labels[indices], indices, moment)
        return Batch(indices, moment, None, self._targets(self._labels[indices], self.setup.mixes))

    def train_on(self, batch: Batch, learning_rate: float) -> NativeResult:
        self._check_values(batch)
        loss, hits = self._gradients_of(batch)
        optimizer, step = self.setup.optimizer, self._steps + 1
        loss, finite = self._program.update(
            {
                "numbers": self._numbers,
                "gradients": self._gradients,
                "statistics": self._statistics,
                **{f"slot{place}": array for place, array in enumerate(self._slots.values())},
                **({} if self._average is None else {"average": self._average}),
            },
            first_statistic=self._first_statistic,
            step=step,
            rate=learning_rate,
            clip_norm=optimizer.clip_norm or 0.0,
            average_share=1 - optimizer.averaging(step),
            loss=loss,
        )
        if not finite:
            raise self._explain(batch)
        self._steps, self._evaluation_is_current = step, False
        return NativeResult(loss, hits)

    def outputs(self, images: Array, batch_size: int = EVALUATION_BATCH) -> Array:
        if not self._evaluation_is_current:
            self._program.pack("evaluate", self._evaluated)
            self._evaluation_is_current = True
        outputs = np.empty((len(images), self.setup.classes), self.setup.dtype)
        seed = self.setup.seed
        for part in batches(len(images), batch_size):
            given = Images.all_of(self._readable(images[part]), self.setup.dtype)
            self._program.compute("evaluate", given, None, seed, Moment(), {"outputs": outputs[part]})
        return outputs

    def activations(self, images: Array, paths: Collection[str]) -> dict[str, Array]:
        self.check_paths(paths)
        if not paths:
            return {}
        # The order decides nothing but the program's text, which should be the same in every process.
        routine = Routine("look", watched=tuple(sorted(set(paths))))
        program, shapes = self._view(routine), self._layer_shapes()
        found = {path: np.empty((len(images), *shapes[path]), self.setup.dtype) for path in routine.watched}
        pointers = np.array([array.ctypes.data for array in found.values()], np.uintp)
        program.pack("look", self._evaluated)
        given = Images.all_of(self._readable(images), self.setup.dtype)
        program.compute("look", given, None, self.setup.seed, Moment(), {"watched": pointers})
        return {path: found[path] for path in paths}

    def gradients(
        self,
        images: Array,
        labels: Array,
        with_respect_to: Iterable[str] | None = None,
        moment: Moment | None = None,
    ) -> dict[str, Array]:
        _check_as_many(images, labels)
        wanted = self.wanted(with_respect_to)
        training = moment is not None
        look = Routine("gradients", training, backward=True, input_gradient=INPUT in wanted)
        routine = TRAIN if training and INPUT not in wanted else look
        places, moment = np.arange(len(images)), moment or Moment()
        if training and self._varies_ahead:
            batch = self._varied(images, labels, places, moment)
        else:
            targets = self._targets(labels, mixed=training and self.setup.mixes)
            batch = Batch(places, moment, self._readable(images), targets)
        if training:
            self._check_values(batch)
        program = self._program if routine == TRAIN else self._view(routine)
        numbers = self._numbers if training else self._evaluated
        program.pack(routine.name, numbers)
        self._gradients[:] = 0
        input_gradient = np.zeros(images.shape, self.setup.dtype)
        extra = {"input_gradient": input_gradient} if INPUT in wanted else {}
        parts = self.setup.optimizer.accumulate if training else 1
        self._gradients_of(batch, program, routine.name, numbers, extra, parts)
        found = {path: array.copy() for path, array in self._arena.views(self._gradients).items()}
        weights = self._arena.views(numbers)
        for path, regularizer in self.setup.regularizers.items() if training else ():
            found[path] += regularizer.gradient(weights[path])
        return {name: input_gradient if name == INPUT else found[name] for name in wanted}

    def state(self) -> State:
        arrays = self._arrays(self._numbers)
        parameters = {path: arrays[path] for path in self.setup.parameters}
        statistics = {path: arrays[path] for path in self.setup.statistics}
        slots = {
            slot: {path: self._arena.views(array)[path].copy() for path in self.setup.trainable}
            for slot, array in self._slots.items()
        }
        average = {} if self._average is None else self._arrays(self._average)
        return State(parameters, statistics, slots, self._steps, average)

    def load_state(self, state: State) -> None:
        self._fill(self._numbers, {**state.parameters, **state.statistics})
        for slot, array in self._slots.items():
            self._fill(array, state.slots[slot])
        if self._average is not None:
            self._fill(self._average, state.average)
        self._steps, self._evaluation_is_current = state.steps, False
        self._program.pack("train", self._numbers)

    @property
    def _evaluated(self) -> Array:
        """The numbers that evaluation computes with."""
        return self._numbers if self._average is None else self._average

    def _gradients_of(
        self,
        batch: Batch,
        program: Program | None = None,
        routine: str = TRAIN.name,
        numbers: Array | None = None,
        extra: Mapping[str, Array] | None = None,
        parts: int | None = None,
    ) -> tuple[float, int]:
        """Compute the gradients of a batch, of bound images where it has none, in parts as the optimizer says."""
        program, numbers = program or self._program, self._numbers if numbers is None else numbers
        arrays = {"numbers": numbers, "gradients": self._gradients, "statistics": self._statistics}
        count = self.setup.optimizer.accumulate if parts is None else parts
        bound = batch.images is None
        images, indices = (self._images, batch.indices) if bound else (batch.images, np.arange(len(batch)))
        loss, hits = 0.0, 0
        # What is frozen writes no statistics, and keeps those that it has.
        before, after = (each[self._first_statistic :] for each in (numbers, self._statistics))
        after[:] = before
        gradients: Array | float = 0.0
        changes: Array | float = 0.0
        for part, share, moment in batch.parts(count):
            inner = {name: array[part] for name, array in (extra or {}).items()}
            places = np.asarray(indices[part], np.int64) % len(images)  # numbers below 0 count from the end
            given = Images(images, places, len(places))
            inputs = given, batch.targets[part], self.setup.seed, moment
            found, right = program.compute(routine, *inputs, {**arrays, **inner})
            loss, hits = loss + share * found, hits + right
            if count > 1:
                gradients = gradients + share * self._gradients
                changes = changes + share * (after - before)
                for array in inner.values():
                    array *= share
        if count > 1:
            self._gradients[:] = gradients
            after[:] = before + changes
        return loss, hits

    def _check_values(self, batch: Batch) -> None:
        """Make sure that every channel that is normalized over the batch, or a part of it, has values enough."""
        for part, _, _ in batch.parts(self.setup.optimizer.accumulate):
            for node, layer in self._normalizations:
                layer.count_values((part.stop - part.start, *node.input_shape), node.path)

    def _layer_shapes(self) -> dict[str, Shape]:
        """Return what each layer gives for one image, by its path."""

        def those(layer: Layer, input_shape: Shape, path: str) -> Iterator[tuple[str, Shape]]:
            for child in layer.children(input_shape):
                here = join(path, child.name)
                yield here, child.output_shape
                yield from those(child.layer, child.input_shape, here)

        return dict(those(self.setup.network, self.setup.input_shape, ""))

    def _view(self, routine: Routine) -> Program:
        """Return a program that shows what training and evaluation do not."""
        if routine not in self._views:
            self._views[routine] = build(self._compiled, (routine,), self._threads)
        return self._views[routine]

    @property
    def _compiled(self) -> Setup:
        """What the program computes."""
        return replace(self.setup, augmentations=()) if self._varies_ahead else self.setup

    def _varied(self, images: Array, labels: Array, indices: Array, moment: Moment) -> Batch:
        """Return a batch that NumPy has made."""
        made = make_batch(self.setup, images, labels, indices, moment)
        return replace(made, images=self._readable(made.images), targets=self._targets(made.targets, True))

    def _explain(self, batch: Batch) -> Exception:
        images, labels = self._images[batch.indices], self._labels[batch.indices]
        made = make_batch(self.setup, images, labels, batch.indices, batch.moment)
        return not_finite(self.setup, self.state(), made)

    def _readable(self, images: Array) -> Array:
        """Return images as programs read them, who take their shape for granted."""
        if images.shape[1:] != self.setup.input_shape:
            wanted = ", ".join(map(str, self.setup.input_shape))
            raise DataError(f"the network takes (N, {wanted}), but the images are {images.shape}")
        return readable(images, self.setup.dtype)

    def _targets(self, labels: Array, mixed: bool) -> Array:
        classes = self.setup.classes
        known = labels.shape[1:] == (classes,) if labels.ndim > 1 else 0 <= labels.min() <= labels.max() < classes
        if not known:
            raise DataError(f"labels are classes from 0 to {classes - 1}, or rows (N, {classes}), got {labels}")
        if labels.ndim == 1 and mixed:
            return one_hot(labels, classes, self.setup.dtype)
        return np.ascontiguousarray(labels, np.int64 if labels.ndim == 1 else self.setup.dtype)

    def _zeros(self) -> Array:
        return np.zeros(self._arena.size, self.setup.dtype)

    def _arrays(self, numbers: Array) -> dict[str, Array]:
        return {path: array.copy() for path, array in self._arena.views(numbers).items()}

    def _fill(self, numbers: Array, arrays: Mapping[str, Array]) -> None:
        views = self._arena.views(numbers)
        for path, array in arrays.items():
            views[path][...] = array


def _check_as_many(images: Array, labels: Array) -> None:
    if len(images) != len(labels):
        raise DataError(f"there are {len(images)} images, but {len(labels)} labels; give one label to an image")
