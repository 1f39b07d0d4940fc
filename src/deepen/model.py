"""Model: a network with its weights, as Keras' readers know it: compile, fit, evaluate, predict, save, load."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from deepen import engines, losses, metrics, model_file, optimizers, pretrained, schedules, spec, transfer
from deepen.arrays import Array
from deepen.data.augment import Augmentation, augmentations_of
from deepen.data.picture import PictureRules
from deepen.data.split import stratified_split
from deepen.engines.base import EVALUATION_BATCH, Engine, Setup, State, fresh_state
from deepen.errors import DataError, DeepenError, FileFormatError, UsageError
from deepen.groups import Group
from deepen.groups import checked as checked_groups
from deepen.inputs import as_class_names, as_images, as_input_shape, as_name, as_pair, warn_of_large
from deepen.inspect.summary import Summary, as_text, summarize
from deepen.layers import Normalize, Sequential
from deepen.losses import Loss
from deepen.metrics import checked as checked_metrics
from deepen.model_content import OTHER_KINDS, ModelContent, weights_of
from deepen.optimizers import Optimizer
from deepen.paths import Shape
from deepen.schedules import Schedule
from deepen.spec import Layer, network_output
from deepen.training.callbacks import Callback, checked
from deepen.training.evaluation import Evaluation, measured, outputs_of
from deepen.training.history import History
from deepen.training.identity import keeper_of
from deepen.training.keeper import Checkpoints
from deepen.training.loop import Plan, train
from deepen.training.progress import Progress
from deepen.transfer import Transfer


class Model:
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

    def __init__(
        self,
        network: Layer | Sequence[Layer],
        input_shape: Shape,
        *,
        classes: Sequence[str] | None = None,
        name: str = "model",
        seed: int = 0,
    ) -> None:
        self.network = network if isinstance(network, Layer) else Sequential(tuple(network))
        self.input_shape = as_input_shape(input_shape)
        output_shape = network_output(self.network, self.input_shape)
        if len(output_shape) != 1:
            raise DeepenError(
                f"the network gives {output_shape} for each image, but a classifier gives one number for each "
                "class; end it with Flatten and Dense"
            )
        self.classes = as_class_names(classes, output_shape[0])
        if not isinstance(seed, int) or not 0 <= seed < 2**64:
            raise UsageError(f"the seed must be a whole number from 0 up, got {seed!r}")
        self.name = as_name(name)
        self.seed = seed
        self.picture = PictureRules.for_shape(self.input_shape)
        """How a picture file becomes an image, kept in the model's file; None where no picture has this shape."""
        self.figures: dict[str, Any] = {}
        """What the training reached; kept in the model's file."""
        self._setup = Setup(self.network, self.input_shape, seed=seed)
        self._metrics: tuple[str, ...] = ("accuracy",)
        self._choice: engines.Choice | None = None
        self._engine: Engine | None = None
        self._state: State | None = None
        self._epochs = 0

    def compile(
        self,
        optimizer: str | Optimizer = "adam",
        loss: str | Loss = "cross_entropy",
        metrics: Sequence[str] = ("accuracy",),
        *,
        augmentations: Sequence[str | Augmentation] = (),
        groups: Sequence[Group] = (),
        engine: str = "auto",
        device: str = "auto",
    ) -> None:
        """Choose how to train and where; weights that are there stay, the optimizer starts anew.

        Args:
            optimizer: by name, or an object with settings of one's own.
            loss: by name or as an object; a softmax at the end of the network is made part of it.
            metrics: names of what is measured besides the loss.
            augmentations: vary the training images, in this order; as objects, or as texts such as "shift=2".
            groups: which parameters are trained slower, with another decay, or not at all.
            engine: "numpy", "torch", or "auto" for PyTorch where it is installed.
            device: "cpu", "cuda", or "auto" for a GPU where there is one.

        Raises:
            UnknownNameError: a name is not known.
            MissingExtraError: the engine is not installed.
        """
        self._metrics = checked_metrics(metrics)
        choice = engines.choose(engine, device)
        kept = self._weights()
        self._setup = Setup(
            self.network,
            self.input_shape,
            losses.loss(loss),
            optimizers.optimizer(optimizer),
            self.seed,
            augmentations=augmentations_of(augmentations),
            groups=checked_groups(groups),
        )
        self._choice, self._engine, self._epochs = choice, None, 0
        self._state = None if kept is None else fresh_state(self._setup, *kept)

    @property
    def engine(self) -> Engine:
        """The engine that computes this model; made at its first use."""
        if self._engine is None:
            self._choice = self._choice or engines.choose()
            self._engine = engines.create(self._setup, self._choice, self._state)
            self._state = None
        return self._engine

    @property
    def weights(self) -> dict[str, Array]:
        """A copy of the parameters by path, such as `conv1.kernel`."""
        return self.engine.state().evaluated[0]

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
        images, labels = self._pair(x, y)
        if not isinstance(next(spec.walk(self.network, self.input_shape)).layer, Normalize):
            warn_of_large(images)
        indices, held_out = np.arange(len(images)), None
        if validation_data is not None:
            if validation_split:
                raise DataError("give validation_split or validation_data, not both")
            held_out = as_pair(validation_data, self.input_shape, len(self.classes))
        elif validation_split:
            indices, part = stratified_split(metrics.classes_of(labels), validation_split, self.seed)
            held_out = images[part], labels[part]
        plan = Plan(epochs, batch_size, schedules.schedule(schedule), self._epochs, workers)
        watchers = checked(callbacks)

        engine = self.engine
        engine.bind(np.ascontiguousarray(images), labels)
        if verbose and self._choice is not None:
            print(f"engine: {self._choice} ({self._choice.reason})", file=sys.stderr)
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
        found = self._measured(*self._pair(x, y), batch_size, views)
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

    def __repr__(self) -> str:
        shape = ", ".join(map(str, self.input_shape))
        return f"<Model {self.name!r}: ({shape}) to {len(self.classes)} classes>"

    @property
    def gives_probabilities(self) -> bool:
        """Whether `predict` returns probabilities, and not the scores of a loss that knows none."""
        return self._setup.gives_probabilities

    def __call__(self, x: Any) -> Array:
        """Do as `predict` does."""
        return self.predict(x)

    def summary(self) -> Summary:
        """Print the table of the layers, and return it."""
        summary = summarize(self.network, self.input_shape)
        print(as_text(summary, self.name))
        return summary

    def load_weights(self, path: str | os.PathLike[str]) -> Transfer:
        """Start from the weights of a saved or packaged model: what has the same path and shape is taken.

        If that model knows other classes, the layer that makes the class scores stays as it is, even where its
        shape would fit. Print what comes back to see what was taken.

        Raises:
            DataError: the file cannot be read, or nothing in it fits.
            UsageError: a layer that is not taken over is frozen.
            FileFormatError: it is no model file, or it is damaged.
        """
        found, state = transfer.take_over(self._setup, self._weights(), pretrained.resolve(path), self.classes)
        self._engine, self._state = None, state
        return found

    def save(self, path: str | os.PathLike[str]) -> Path:
        """Write description, weights, class names, picture rules and figures to one file, `*.safetensors`.

        Raises:
            DataError: the file cannot be written; what was there before is unharmed.
        """
        model_file.save(Path(path), self.arrays(), self.content().to_data())
        return Path(path)

    @classmethod
    def load(cls, path: str | os.PathLike[str], *, engine: str = "auto", device: str = "auto") -> Model:
        """Read a model that `save` wrote, or a packaged one by name; nothing in the file is ever run.

        Raises:
            DataError: the file cannot be read.
            FileFormatError: it is no model file, or it is damaged.
        """
        choice = engines.choose(engine, device)
        arrays, data = model_file.load(pretrained.resolve(path))
        if other := OTHER_KINDS.get(str(data.get("kind"))):
            raise FileFormatError(f"{path} is {other}")
        try:
            return cls.from_content(ModelContent.from_data(data), arrays, choice)
        except (KeyError, TypeError, ValueError, DeepenError) as error:
            raise FileFormatError(f"{path} is no valid model: {error}") from error

    def arrays(self) -> dict[str, Array]:
        """Return a copy of parameters and statistics by path, as evaluation uses them: the arrays of a file."""
        parameters, statistics = self.engine.state().evaluated
        return {**parameters, **statistics}

    def content(self) -> ModelContent:
        """Return what a model's file says besides its arrays."""
        loss, picture = self._setup.loss, self.picture
        shape, classes, figures = self.input_shape, self.classes, self.figures
        return ModelContent(self.name, self.network, shape, classes, loss, picture, figures, self.seed)

    @classmethod
    def from_content(cls, content: ModelContent, arrays: Mapping[str, Array], choice: engines.Choice) -> Model:
        """Return the model that a file describes, with the file's arrays; both are held against each other."""
        model = cls(
            content.network, content.input_shape, classes=content.classes, name=content.name, seed=content.seed
        )
        model.figures = content.figures
        model._setup = Setup(model.network, model.input_shape, content.loss, seed=model.seed)
        model._state = fresh_state(model._setup, *weights_of(model._setup, arrays))
        model._choice = choice
        return model

    def _pair(self, x: Any, y: Any) -> tuple[Array, Array]:
        return as_pair((x, y), self.input_shape, len(self.classes))

    def _measured(
        self, images: Array, labels: Array, batch_size: int = EVALUATION_BATCH, views: str | None = None
    ) -> Evaluation:
        outputs = outputs_of(self.engine, images, batch_size, views)
        return measured(self.engine, outputs, labels, self._metrics, batch_size)

    def _weights(self) -> tuple[dict[str, Array], dict[str, Array]] | None:
        """Return parameters and statistics if they are more than the first weights of the seed."""
        if self._engine is None and self._state is None:
            return None
        return (self._state or self.engine.state()).evaluated
