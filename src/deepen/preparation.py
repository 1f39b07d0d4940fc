"""What a run needs before there are any images: everything that its settings say, made and checked."""

from __future__ import annotations

from dataclasses import dataclass, replace
from math import ceil

import numpy as np

from deepen import data, engines, models
from deepen.config import RunConfig
from deepen.data.augment import Augmentation, augmentation
from deepen.engines import Choice
from deepen.errors import ShapeError, UsageError
from deepen.layers.vary import with_dropout, with_l2
from deepen.losses import Loss, balanced, loss
from deepen.model import Model
from deepen.optimizers import Optimizer, optimizer
from deepen.schedules import Schedule, schedule
from deepen.training.keeper import Checkpoints
from deepen.training.tensorboard_log import TensorBoard


@dataclass(frozen=True)
class Prepared:
    """A run that is ready for its images."""

    config: RunConfig
    source: data.Source
    model: Model
    optimizer: Optimizer
    loss: Loss
    schedule: Schedule
    augmentations: tuple[Augmentation, ...]

    def compile(self, loss: Loss) -> None:
        """Compile the model with this loss and all other settings."""
        self.model.compile(
            self.optimizer,
            loss,
            augmentations=self.augmentations,
            groups=self.config.groups,
            engine=self.config.engine,
            device=self.config.device,
            threads=self.config.threads,
        )

    @property
    def choice(self) -> Choice:
        """The engine and device to train with."""
        return self.model.choice

    @property
    def validation_split(self) -> float:
        """The share of the loaded images that is still to be held out; a folder's source has drawn it already."""
        return _still_to_draw(self.config, self.source)

    def load(self) -> data.Dataset:
        """Return the data as the network takes it; the loss then weighs the classes, if that is asked for."""
        dataset = self.source.load(*self.model.input_shape[1:])
        if self.config.class_weights:
            self.compile(balanced(self.loss, dataset.train_labels, len(dataset.facts.classes)))
        return dataset


def prepare(config: RunConfig, source: data.Source | None = None) -> Prepared:
    """Make everything that the settings name; the data's source too, unless it is there already.

    Raises:
        UnknownNameError: a name in the settings is not known.
        DeepenError: something does not fit.
    """
    Checkpoints("", config.checkpoint)
    if config.tensorboard:
        TensorBoard("")  # says so where the package for it is not installed
    chosen = optimizer(config.optimizer)
    if config.learning_rate is not None:
        chosen = replace(chosen, learning_rate=config.learning_rate)
    engines.choose(config.engine, config.device, "train")  # says so where it cannot be had
    augmentations = tuple(map(augmentation, config.augment))
    if source is None:
        source = data.source(config.data, seed=config.split, validation_split=config.validation_split)
    if config.patience is not None and not _validates(config, source):
        raise UsageError(
            f"patience looks at the validation, but nothing of {config.data} is held out for it (the "
            f"validation_split is {config.validation_split:g}); hold out a share"
        )
    model = _model(config, source.facts)
    rates, steps = schedule(config.schedule), _epoch_steps(config, source)
    # A schedule that does not fit the number of steps says so when it is asked.
    rates.factor(config.epochs * steps - 1, config.epochs * steps, steps)
    objective = loss(config.loss or models.entry(config.model).loss)
    if config.class_weights:
        balanced(objective, np.arange(len(model.classes)), len(model.classes))  # a loss that takes none says so
    prepared = Prepared(config, source, model, chosen, objective, rates, augmentations)
    prepared.compile(objective)
    return prepared


def _validates(config: RunConfig, source: data.Source) -> bool:
    """Return whether a part of the images is held out: a folder has drawn it, or has one of its own."""
    return _still_to_draw(config, source) > 0 or "validation" in (source.counts or ())


def _still_to_draw(config: RunConfig, source: data.Source) -> float:
    # Of a folder the source draws the validation, copies of a picture together.
    return config.validation_split if source.counts is None else 0.0


def _epoch_steps(config: RunConfig, source: data.Source) -> int:
    """Return how many steps an epoch has, if all images can be read."""
    count = source.facts.train_count
    count -= round(count * _still_to_draw(config, source))
    return max(1, ceil(count / config.batch_size))


def _model(config: RunConfig, facts: data.Facts) -> Model:
    entry = models.entry(config.model)
    height, width = entry.input_shape[1:] if config.size is None else (config.size, config.size)
    network = models.build(config.model, len(facts.classes), config.width)
    shape = (facts.input_shape[0], height, width)
    if config.l2 is not None:
        network = with_l2(network, config.l2)
    if config.dropout is not None:
        network = with_dropout(network, config.dropout)
    try:
        return Model(network, shape, classes=facts.classes, name=config.model, seed=config.seed)
    except ShapeError as error:
        if config.size is None:
            raise
        raise UsageError(
            f"{config.model} cannot take images of {width}×{height} ({error}); try a larger --size"
        ) from error
