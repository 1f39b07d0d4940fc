"""A network with its weights: where they are, where they come from, and how they are kept."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Self

from deepen import engines, exchange, losses, model_file, models, pretrained, transfer
from deepen.arrays import Array
from deepen.data.picture import PictureRules
from deepen.engines.base import Engine, Setup, State, fresh_state
from deepen.errors import DeepenError, FileFormatError, UsageError
from deepen.model_content import OTHER_KINDS, ModelContent, weights_of
from deepen.network import Network
from deepen.paths import Shape
from deepen.spec import Layer
from deepen.transfer import Transfer


class WeightedNetwork(Network):
    """A network for one shape of images, with its weights and the engine that computes with them.

    Args:
        network: the layers, in order, or one layer that holds them all.
        input_shape: `(C, H, W)` of the images.
        classes: the names of the classes; their numbers where not given.
        name: what tables and files call it.
        seed: decides the first weights.

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
        super().__init__(network, input_shape, classes=classes, name=name)
        if not isinstance(seed, int) or not 0 <= seed < 2**64:
            raise UsageError(f"the seed must be a whole number from 0 up, got {seed!r}")
        self.seed = seed
        self.picture = PictureRules.for_shape(self.input_shape)
        """How a picture file becomes an image, kept in the model's file; None where no picture has this shape."""
        self.figures: dict[str, Any] = {}
        """What the training reached; kept in the model's file."""
        self._setup = Setup(self.network, self.input_shape, seed=seed)
        self._choice: engines.Choice | None = None
        self._engine: Engine | None = None
        self._state: State | None = None

    @classmethod
    def named(cls, model: str, /, **settings: Any) -> Self:
        """Return one of the models that `deepen models` lists, with its own loss; see `Network.named`."""
        made = super().named(model, **settings)
        made._setup = replace(made._setup, loss=losses.loss(models.entry(model).loss))
        return made

    @property
    def engine(self) -> Engine:
        """The engine that computes this model; made at its first use."""
        if self._engine is None:
            self._engine = engines.create(self._setup, self.choice, self._state)
            self._state = None
        return self._engine

    @property
    def choice(self) -> engines.Choice:
        """The engine and device that compute this model, and why; chosen at their first use."""
        if self._choice is None:
            self._choice = engines.choose()
        return self._choice

    @property
    def weights(self) -> dict[str, Array]:
        """A copy of the parameters by path, such as `conv1.kernel`."""
        return self.engine.state().evaluated[0]

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

    def import_weights(self, path: str | os.PathLike[str]) -> None:
        """Take the weights of the same network from PyTorch or Keras; the figures of a training are forgotten.

        Args:
            path: a PyTorch `state_dict` saved as `.safetensors`, with the names of torchvision, of timm or of this
                network; or Keras weights, `.weights.h5` or `.keras`.

        Raises:
            DataError: the file cannot be read, is a model of deepen, or has other tensors than this network, or a
                `.keras` computes otherwise; the error names what differs.
            FileFormatError: it is none of these files, or it is damaged.
            MissingExtraError: h5py, which reads Keras weights, is not installed.
        """
        self._engine, self._state = None, exchange.take(self._setup, self._weights(), Path(path))
        self.figures = {}

    def export_weights(self, path: str | os.PathLike[str], names: str | None = None) -> Path:
        """Write the weights for PyTorch (`.safetensors`) or Keras (`.weights.h5` or `.keras`).

        Args:
            path: where to; its ending says for which.
            names: for PyTorch "torchvision", "timm" or "deepen"; torchvision's unless given, where it has a
                network that begins like this one, else the network's own.

        Raises:
            DataError: the file cannot be written, a model of deepen is there, or the network cannot be told in
                that form.
            UsageError: the ending is none of these.
            MissingExtraError: h5py, which writes Keras weights, is not installed.
        """
        exchange.write(Path(path), self.network, self.input_shape, self.arrays(), names)
        return Path(path)

    def save(self, path: str | os.PathLike[str]) -> Path:
        """Write description, weights, class names, picture rules and figures to one file, `*.safetensors`.

        Raises:
            DataError: the file cannot be written; what was there before is unharmed.
        """
        model_file.save(Path(path), self.arrays(), self.content().to_data())
        return Path(path)

    @classmethod
    def load(cls, path: str | os.PathLike[str], *, engine: str = "auto", device: str = "auto") -> Self:
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
    def from_content(cls, content: ModelContent, arrays: Mapping[str, Array], choice: engines.Choice) -> Self:
        """Return the model that a file describes, with the file's arrays; both are held against each other."""
        model = cls(
            content.network, content.input_shape, classes=content.classes, name=content.name, seed=content.seed
        )
        model.figures = content.figures
        model._setup = Setup(model.network, model.input_shape, content.loss, seed=model.seed)
        model._state = fresh_state(model._setup, *weights_of(model._setup, arrays))
        model._choice = choice
        return model

    def _choose_for_training(self) -> None:
        """Choose the engine anew where it was not asked for: a training is worth more preparation."""
        old = self._choice
        if old is not None and (old.purpose == "train" or not old.automatic):
            return
        device, threads = ("auto", None) if old is None else (old.device, old.threads)
        self._choice = engines.settled(engines.choose("auto", device, "train", threads), self._setup)
        if self._engine is not None and self._engine.name != self._choice.engine:
            self._state, self._engine = self._engine.state(), None

    def _weights(self) -> tuple[dict[str, Array], dict[str, Array]] | None:
        """Return parameters and statistics if they are more than the first weights of the seed."""
        if self._engine is None and self._state is None:
            return None
        return (self._state or self.engine.state()).evaluated
