"""Model: a network with its weights, as Keras' readers know it: compile, fit, evaluate, predict, save, load."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from deepen import (
    engines,
    losses,
    optimizers,
    schedules,
    spec,
)
from deepen.arrays import Array
from deepen.data.augment import Augmentation, augmentations_of
from deepen.engines.base import EVALUATION_BATCH, Setup, fresh_state
from deepen.groups import Group
from deepen.groups import checked as checked_groups
from deepen.inputs import as_images, as_pair, warn_of_large
from deepen.layers import Normalize
from deepen.losses import Loss
from deepen.metrics import checked as checked_metrics
from deepen.optimizers import Optimizer
from deepen.schedules import Schedule
from deepen.training.callbacks import Callback, checked
from deepen.training.evaluation import Evaluation, measured, outputs_of
from deepen.training.held_out import hold_out
from deepen.training.history import History
from deepen.training.identity import keeper_of
from deepen.training.keeper import Checkpoints
from deepen.training.loop import Plan, train
from deepen.training.progress import Progress
from deepen.weighted import WeightedNetwork


class Model(WeightedNetwork):
    """A network for one shape of images, with its weights.

    Args:
        network: the layers, in order, or one layer that holds them all.
        input_shape: `(C, H, W)` of the images.
        classes: the names of the classes; their numbers where not given.
        name: what tables and files call it.
        seed: decides the first weights, the order of the images and what dropout drops.

    Raises:
        ShapeError: the layers do not fit together for this shape; the error names the one that does not.
    """

    _metrics: tuple[str, ...] = ("accuracy",)
    _epochs = 0

    def compile(
        self,
        optimizer: str | Optimizer = "adam",
        loss: str | Loss | None = None,
        metrics: Sequence[str] = ("accuracy",),
        *,
        augmentations: Sequence[str | Augmentation] = (),
        groups: Sequence[Group] = (),
        engine: str = "auto",
        device: str = "auto",
        threads: int | None = None,
    ) -> None:
        """Choose how to train and where; weights that are there stay, the optimizer starts anew.

        Args:
            optimizer: by name, or an object with settings of one's own.
            loss: by name or as an object; the model's own unless given, for most the cross-entropy. A softmax
                at the end of the network is made part of it.
            metrics: names of what is measured besides the loss.
            augmentations: vary the training images, in this order; as objects, or as texts such as "shift=2".
            groups: which parameters are trained slower, with another decay, or not at all.
            engine: "numpy", "torch", "native", or "auto": on a CPU the network is compiled into a program of its
                own where there is a C++ compiler, else it is PyTorch where that is installed.
            device: "cpu", "cuda", or "auto" for a GPU where there is one.
            threads: how many compute, in the engines native and torch; as many as there are cores unless given.

        Raises:
            UnknownNameError: a name is not known.
            MissingExtraError: the engine is not installed.
            MissingCompilerError: the engine is "native" and there is no compiler.
        """
        self._metrics = checked_metrics(metrics)
        choice = engines.choose(engine, device, "train", threads)
        kept = self._weights()
        self._setup = Setup(
            self.network,
            self.input_shape,
            self._setup.loss if loss is None else losses.loss(loss),
            optimizers.optimizer(optimizer),
            self.seed,
            augmentations=augmentations_of(augmentations),
            groups=checked_groups(groups),
        )
        self._choice, self._engine, self._epochs = engines.settled(choice, self._setup), None, 0
        self._state = None if kept is None else fresh_state(self._setup, *kept)

    @property
    def rates(self) -> dict[str, float]:
        """The factor of the learning rate of each parameter; what is frozen has 0."""
        return {path: factor for path, (factor, _) in self._setup.paces.items()}

    def fit(
        self,
        x: Any,
        y: Any,
        *,
        batch_size: int = 32,
        epochs: int = 1,
        validation_split: float = 0.0,
        validation_data: tuple[Any, Any] | None = None,
        callbacks: Sequence[Callback] | None = (),
        schedule: str | Schedule = "constant",
        checkpoints: Checkpoints | None = None,
        workers: int = 0,
        verbose: int = 1,
    ) -> History:
        """Train, and return what each epoch reached; a second call goes on where the first one ended.

        Args:
            x: images `(N, C, H, W)`, or `(N, H, W)` where they are grey; uint8 or floats.
            y: class numbers `(N,)`, one-hot rows `(N, K)`, or rows of probabilities.
            batch_size: images in a step; the last step of an epoch takes what is left.
            epochs: how many times to go through the images.
            validation_split: the share that is held out; shuffled, stratified and seeded.
            validation_data: images and labels to validate on instead.
            callbacks: watch the training, and may stop it after an epoch.
            schedule: how the learning rate changes from step to step, by name or as an object.
            checkpoints: where to keep what an interrupted training needs to go on as if nothing had happened: call
                `fit` of the same model once more with the same folder.
            workers: threads that make batches ahead of their steps; they change nothing but the time.
            verbose: 0 prints nothing, anything else shows the progress on stderr.

        Raises:
            DataError: images or labels are not what the network takes.
            NonFiniteError: a loss or a gradient was NaN or infinite; the weights are those before that step.
            UsageError: a setting is out of range, or the checkpoints are of another training.
            FileFormatError: all checkpoints are damaged.
            KeyboardInterrupt: Ctrl-C was pressed; the step under way was finished.
        """
        images, labels = self._pair((x, y))
        if not isinstance(next(spec.walk(self.network, self.input_shape)).layer, Normalize):
            warn_of_large(images)
        given = None if validation_data is None else self._pair(validation_data)
        indices, held_out = hold_out(images, labels, validation_split, given, self.seed)
        plan = Plan(epochs, batch_size, schedules.schedule(schedule), self._epochs, workers)
        watchers = checked(callbacks)

        self._choose_for_training()
        engine = self.engine
        engine.bind(np.ascontiguousarray(images), labels)
        if verbose:
            print(f"engine: {self.choice} ({self.choice.reason})", file=sys.stderr)
            watchers.insert(0, Progress())

        def validate() -> Mapping[str, float]:
            return {} if held_out is None else self._measured(*held_out).as_figures("val_")

        used = (images, labels, indices)
        history, keeper = History(), keeper_of(checkpoints, engine, plan, self._metrics, used, held_out)
        try:
            return train(engine, indices, plan, validate, watchers, history, keeper, self.save)
        except BaseException:
            if keeper is not None and keeper.checkpoints.files:
                history = History()  # the same call goes on where it broke off
            raise
        finally:  # what follows has other orders and draws than what was
            self._epochs += len(history.epoch)

    def evaluate(
        self, x: Any, y: Any, *, batch_size: int = EVALUATION_BATCH, views: str | None = None, verbose: int = 0
    ) -> Evaluation:
        """Return loss, metrics and confusion matrix over all images, without dropout.

        Args:
            x: images, as for `fit`.
            y: labels, as for `fit`.
            batch_size: how many images are computed at a time; it does not change the result.
            views: look at every image in several ways, such as "flip" or "shift", and take the mean of the logits.
            verbose: anything but 0 prints the result to stderr.

        Raises:
            DataError: images or labels are not what the network takes.
        """
        found = self._measured(*self._pair((x, y)), batch_size, views)
        if verbose:
            print(f"loss {found.loss:.4f}  accuracy {found.accuracy:.2%}", file=sys.stderr)
        return found

    def predict(self, x: Any, *, batch_size: int = EVALUATION_BATCH, views: str | None = None) -> Array:
        """Return the probabilities of the classes, `(N, K)`; scores where the loss knows no probabilities.

        `views` is as for `evaluate`.

        Raises:
            DataError: the images are not what the network takes.
        """
        outputs = outputs_of(self.engine, as_images(x, self.input_shape), batch_size, views)
        return self._setup.loss.prediction(outputs)

    @property
    def gives_probabilities(self) -> bool:
        """Whether `predict` returns probabilities, and not the scores of a loss that knows none."""
        return self._setup.gives_probabilities

    def __call__(self, x: Any) -> Array:
        """Do as `predict` does."""
        return self.predict(x)

    def _pair(self, given: Any) -> tuple[Array, Array]:
        return as_pair(given, self.input_shape, len(self.classes))

    def _measured(
        self, images: Array, labels: Array, batch_size: int = EVALUATION_BATCH, views: str | None = None
    ) -> Evaluation:
        outputs = outputs_of(self.engine, images, batch_size, views)
        return measured(self.engine, outputs, labels, self._metrics, batch_size)
