"""Ensembles: several models that decide together."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from deepen import engines, metrics, model_file
from deepen.arrays import Array
from deepen.engines.base import EVALUATION_BATCH
from deepen.errors import DeepenError, FileFormatError, UnknownNameError, UsageError
from deepen.inputs import as_images, as_pair
from deepen.losses import Loss, rows
from deepen.model import Model
from deepen.model_content import ModelContent
from deepen.training.evaluation import Evaluation, outputs_of

AVERAGES = ("probabilities", "logits")
KIND = "ensemble"


@dataclass(frozen=True, repr=False)
class EnsembleEvaluation(Evaluation):
    """What an evaluation found for an ensemble, and for each of its members alone."""

    members: tuple[Evaluation, ...]
    """What each member reaches by itself on the same images, in their order."""

    @cached_property
    def disagreements(self) -> Array:
        """The share of images whose classes two members see differently, `Dᵢⱼ = (1/N) Σₙ [cᵢₙ ≠ cⱼₙ]`, `(M, M)`.

        Source: Fort et al., "Deep ensembles: a loss landscape perspective", 2019. Kuncheva and Whitaker, "Measures
        of diversity in classifier ensembles", 2003, count the images that one gets right and the other wrong.
        """
        classes = np.stack([member.probabilities.argmax(axis=1) for member in self.members])
        return np.array([(classes != own).mean(axis=1) for own in classes])

    @property
    def disagreement(self) -> float:
        """The mean over all pairs of members, from 0 to 1."""
        pairs = np.triu_indices(len(self.members), k=1)
        return float(self.disagreements[pairs].mean())


class Ensemble:
    """Models that decide together: `p = (1/M) Σₘ pₘ`, or of their logits `p = softmax((1/M) Σₘ zₘ)`.

    The second is the geometric mean of the members' probabilities, brought to the sum 1. Members whose loss knows
    no probabilities give scores, whose mean is taken as it is.

    Args:
        members: two models or more, for the same shape of images and the same classes in the same order.
        average: "probabilities", or "logits", for which all members need the same kind of loss.

    Raises:
        UsageError: the members do not go together, or give no probabilities where these are to be averaged.

    Source: Hansen and Salamon, "Neural network ensembles", 1990; Lakshminarayanan et al., "Simple and scalable
    predictive uncertainty estimation using deep ensembles", 2017, section 2.4.
    """

    def __init__(self, members: Sequence[Model], average: str = "probabilities") -> None:
        if not isinstance(members, Sequence):
            raise UsageError(f"the members are a list of models, got {members!r:.80}")
        self.members = tuple(members)
        self.average = checked_average(average)
        if len(self.members) < 2:
            raise UsageError(f"an ensemble has two members or more, got {len(self.members)}")
        for number, member in enumerate(self.members, 1):
            if not isinstance(member, Model):
                raise UsageError(f"members are models, got {member!r:.80}; read files with Model.load")
            self._check(f"member {number}", member)

    def _check(self, who: str, member: Model) -> None:
        """Make sure that a member goes together with the first one."""
        if member.input_shape != self.input_shape:
            raise UsageError(f"{who} takes images {member.input_shape}, but member 1 takes {self.input_shape}")
        if member.classes != self.classes:
            raise UsageError(
                f"{who} knows the classes {', '.join(member.classes):.80}, but member 1 knows "
                f"{', '.join(self.classes):.80}; all members need the same ones in the same order"
            )
        if self.average == "probabilities" and not member.gives_probabilities:
            raise UsageError(
                f"{who} gives scores, not probabilities (its loss is {_kind_of_loss(member)}); "
                'average="logits" takes the mean of the scores'
            )
        own, first = _kind_of_loss(member), _kind_of_loss(self.members[0])
        if self.average == "logits" and own != first:
            raise UsageError(
                f"{who} learned with the loss {own}, member 1 with {first}: "
                'their outputs have no common scale; use average="probabilities"'
            )

    @property
    def input_shape(self) -> tuple[int, ...]:
        """`(C, H, W)` of the images."""
        return self.members[0].input_shape

    @property
    def classes(self) -> tuple[str, ...]:
        """The names of the classes."""
        return self.members[0].classes

    @property
    def gives_probabilities(self) -> bool:
        """Whether `predict` returns probabilities, and not scores."""
        return all(member.gives_probabilities for member in self.members)

    def predict(self, x: Any, *, batch_size: int = EVALUATION_BATCH, views: str | None = None) -> Array:
        """Return the probabilities of the classes, `(N, K)`; scores where the members give scores.

        Args:
            x: images, as for `Model.predict`.
            batch_size: how many images are computed at a time; it does not change the result.
            views: "flip", "shift" or "flip+shift" averages over views of each image as well.

        Raises:
            DataError: the images are not what the members take.
        """
        return self._prediction(self._votes(as_images(x, self.input_shape), batch_size, views).mean(axis=0))

    def evaluate(
        self, x: Any, y: Any, *, batch_size: int = EVALUATION_BATCH, views: str | None = None
    ) -> EnsembleEvaluation:
        """Return what the ensemble and each of its members reach over all images.

        The loss is the cross-entropy of the probabilities, `−(1/N) Σₙ log pₙₜ` for class t, whatever the members
        learned with, or else their own loss of the scores.

        Args:
            x: images, as for `Model.evaluate`.
            y: labels, as for `Model.evaluate`.
            batch_size: how many images are computed at a time; it does not change the result.
            views: as for `predict`.

        Raises:
            DataError: images or labels are not what the members take.
        """
        images, labels = as_pair((x, y), self.input_shape, len(self.classes))
        votes = self._votes(images, batch_size, views)
        together, *singles = (self._evaluation(vote, labels) for vote in (votes.mean(axis=0), *votes))
        return EnsembleEvaluation(**vars(together), members=tuple(singles))

    def __call__(self, x: Any) -> Array:
        """Return the probabilities of the classes, `(N, K)`."""
        return self.predict(x)

    def __len__(self) -> int:
        return len(self.members)

    def __repr__(self) -> str:
        names = ", ".join(dict.fromkeys(member.name for member in self.members))
        return f"<Ensemble of {len(self)} models ({names}), mean of {self.average}>"

    def save(self, path: str | os.PathLike[str]) -> Path:
        """Write all members to one file, `*.safetensors`; equal members give equal bytes.

        Raises:
            DataError: the file cannot be written; what was there before is unharmed.
        """
        arrays = {
            f"member{number}/{name}": array
            for number, member in enumerate(self.members, 1)
            for name, array in member.arrays().items()
        }
        described = [member.content().to_data() for member in self.members]
        model_file.save(Path(path), arrays, {"kind": KIND, "average": self.average, "members": described})
        return Path(path)

    @classmethod
    def load(cls, path: str | os.PathLike[str], *, engine: str = "auto", device: str = "auto") -> Ensemble:
        """Read an ensemble that `save` wrote; nothing in the file is ever run.

        Raises:
            DataError: the file cannot be read.
            FileFormatError: it is no ensemble's file, or it is damaged.
        """
        choice = engines.choose(engine, device)
        arrays, data = model_file.load(Path(path))
        if data.get("kind") != KIND:
            raise FileFormatError(
                f"{path} is no ensemble; single models are for Model.load, `deepen evaluate` and `deepen predict`"
            )
        try:
            contents = [ModelContent.from_data(each) for each in data["members"]]
            parts = _by_member(arrays, len(contents))
            members = [
                Model.from_content(content, part, choice) for content, part in zip(contents, parts, strict=True)
            ]
            return cls(members, data["average"])
        except (KeyError, TypeError, ValueError, DeepenError) as error:
            raise FileFormatError(f"{path} is no valid ensemble: {error}") from error

    def _votes(self, images: Array, batch_size: int, views: str | None) -> Array:
        """Return what each member says of each image, `(M, N, K)`."""
        if self.average == "probabilities":
            return np.stack([each.predict(images, batch_size=batch_size, views=views) for each in self.members])
        return np.stack([outputs_of(each.engine, images, batch_size, views) for each in self.members])

    def _prediction(self, vote: Array) -> Array:
        """Return the probabilities, or scores, for what one says or all do."""
        return vote if self.average == "probabilities" else self._loss.prediction(vote)

    def _evaluation(self, vote: Array, labels: Array) -> Evaluation:
        prediction = self._prediction(vote)
        loss = (
            _cross_entropy(prediction, labels) if self.gives_probabilities else self._loss.forward(vote, labels)[0]
        )
        accuracy = metrics.accuracy(prediction, labels)
        confusion, numbers = metrics.confusion_matrix(prediction, labels), metrics.classes_of(labels)
        return Evaluation(loss, {"accuracy": accuracy}, len(labels), prediction, confusion, numbers)

    @property
    def _loss(self) -> Loss:
        return self.members[0].content().loss


def checked_average(name: str) -> str:
    """Return the name of a way to average.

    Raises:
        UnknownNameError: there is none of that name.
    """
    if name not in AVERAGES:
        raise UnknownNameError("average", name, AVERAGES)
    return name


def _kind_of_loss(member: Model) -> str:
    return type(member.content().loss).__name__


def _cross_entropy(probabilities: Array, labels: Array) -> float:
    """Return `−(1/N) Σₙ Σₖ tₙₖ log pₙₖ`; a probability too small for its type counts as the smallest one."""
    smallest = np.finfo(probabilities.dtype).tiny
    logarithms = np.log(np.maximum(probabilities, smallest))
    return float(-(rows(labels, probabilities) * logarithms).sum() / len(labels))


def _by_member(arrays: Mapping[str, Array], count: int) -> list[dict[str, Array]]:
    """Return the arrays of each member by path."""
    parts: dict[str, dict[str, Array]] = {f"member{number}": {} for number in range(1, count + 1)}
    for name, array in arrays.items():
        member, _, path = name.partition("/")
        if member not in parts:
            raise FileFormatError(f"{name} belongs to no member")
        parts[member][path] = array
    return list(parts.values())
