"""What the settings say arrives where it counts, and what is wrong in them is found before there are images."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from deepen import data
from deepen.config import RunConfig
from deepen.data.augment import Cutout, Shift
from deepen.errors import DeepenError, MissingExtraError, UnknownNameError, UsageError
from deepen.layers import Dropout
from deepen.losses import SoftmaxCrossEntropy
from deepen.optimizers import Adam, Momentum
from deepen.preparation import Prepared, prepare
from deepen.regularizers import L2
from deepen.schedules import Cosine, Warmup
from deepen.spec import walk


def prepared(model: str = "lenet", **settings: Any) -> Prepared:
    return prepare(RunConfig(model, "digits", engine="numpy", **settings))


def layers(run: Prepared) -> list[Any]:
    return [node.layer for node in walk(run.model.network, run.model.input_shape)]


def test_the_defaults() -> None:
    run = prepared()
    setup = run.model.engine.setup
    assert (setup.optimizer, run.schedule, setup.augmentations) == (Adam(), Cosine(), (Shift(2),))
    assert setup.loss == SoftmaxCrossEntropy()
    assert not setup.regularizers
    assert run.model.input_shape == (1, 28, 28)


def test_fields_of_what_is_named() -> None:
    run = prepared(
        optimizer="momentum momentum=0.8 clip_norm=1 average=0.99 accumulate=2",
        learning_rate=0.5,
        schedule="warmup=2 then=constant",
        loss="cross_entropy label_smoothing=0.1",
        augment=("cutout=4", "shift=1"),
    )
    setup = run.model.engine.setup
    assert setup.optimizer == Momentum(0.5, momentum=0.8, clip_norm=1, average=0.99, accumulate=2)
    assert setup.loss == SoftmaxCrossEntropy(label_smoothing=0.1)
    assert setup.augmentations == (Cutout(4), Shift(1))
    assert isinstance(run.schedule, Warmup)
    assert [run.schedule.factor(step, 100, 10) for step in (20, 99)] == [1, 1]
    assert run.schedule.factor(0, 100, 10) == 0.1


def test_the_learning_rate_is_the_optimizers_unless_given() -> None:
    assert prepared(optimizer="adam=0.003").optimizer.learning_rate == 0.003
    assert prepared(optimizer="adam=0.003", learning_rate=0.01).optimizer.learning_rate == 0.01


def test_l2_is_a_penalty_on_every_kernel() -> None:
    setup = prepared(l2=0.01).model.engine.setup
    assert setup.regularizers == {path: L2(0.01) for path in setup.parameters if path.endswith("kernel")}


def test_dropout_sets_all_rates() -> None:
    assert {
        layer.rate for layer in layers(prepared("deepconvnet", dropout=0.2)) if isinstance(layer, Dropout)
    } == {0.2}
    # LeNet has none of its own.
    assert not [layer for layer in layers(prepared()) if isinstance(layer, Dropout)]
    assert [layer for layer in layers(prepared(dropout=0.2)) if isinstance(layer, Dropout)] == [Dropout(0.2)]


def test_balanced_classes_are_weighed_by_their_counts() -> None:
    run = prepared(class_weights="balanced")
    dataset = run.load()
    loss = run.model.engine.setup.loss
    assert isinstance(loss, SoftmaxCrossEntropy)
    counts = np.bincount(dataset.train_labels)
    assert np.asarray(loss.class_weights) * counts == pytest.approx(np.full(10, counts.sum() / 10))
    assert run.model.engine.setup.optimizer == run.optimizer


@pytest.mark.parametrize(
    ("settings", "kind", "says"),
    [
        ({"optimizer": "adam beta=1"}, UnknownNameError, "unknown field of the optimizer adam: 'beta'"),
        ({"optimizer": "adam clip_norm=-1"}, UsageError, "clip norm must be above 0"),
        ({"learning_rate": 0}, UsageError, "learning rate must be above 0"),
        ({"schedule": "cosin"}, UnknownNameError, "did you mean 'cosine'?"),
        ({"schedule": "warmup=20 then=cosine", "epochs": 3}, UsageError, "20"),
        ({"schedule": "warmup=2 then=warmup", "epochs": 3}, UsageError, "1 epochs of warm-up leave nothing of 1"),
        # 1437 images without a tenth are one step; six tenths of it are rounded to it.
        ({"schedule": "warmup=0.6", "epochs": 1, "batch_size": 1293}, UsageError, "leave nothing of 1 epochs"),
        (
            {"patience": 3, "validation_split": 0},
            UsageError,
            "nothing of digits is held out for it (the validation",
        ),
        ({"loss": "cross_entropi"}, UnknownNameError, "did you mean 'cross_entropy'?"),
        ({"loss": "hinge", "class_weights": "balanced"}, UsageError, "class weights belong to the cross-entropy"),
        ({"augment": ("rotate=3",)}, UnknownNameError, "did you mean 'rotation'?"),
        ({"augment": ("shift=x",)}, UsageError, "must be a whole number"),
        ({"checkpoint": "2 days"}, UsageError, "every so many steps, minutes or epochs"),
        ({"freeze": ("conv9",)}, UnknownNameError, "unknown layer with parameters 'conv9'"),
        ({"size": 2}, UsageError, "try a larger --size"),
        ({"engine": "jax"}, UnknownNameError, "unknown engine 'jax'"),
    ],
)
def test_what_is_wrong_is_found_before_any_image_is_read(
    monkeypatch: pytest.MonkeyPatch, settings: dict[str, Any], kind: type[DeepenError], says: str
) -> None:
    def never(*_: object) -> None:
        raise AssertionError("the data was read")

    monkeypatch.setattr(type(data.source("digits")), "load", never)
    with pytest.raises(kind) as caught:
        prepare(RunConfig(**{"model": "lenet", "data": "digits", "engine": "numpy", **settings}))
    assert says in str(caught.value)


@pytest.mark.parametrize(("epochs", "batch_size"), [(2, 1293), (1, 1292)])
def test_a_short_warm_up_that_leaves_a_step(epochs: int, batch_size: int) -> None:
    assert prepared(schedule="warmup=0.6", epochs=epochs, batch_size=batch_size).schedule == Warmup(0.6)


def test_patience_needs_a_validation_of_the_folder(tmp_path: Path) -> None:
    def prepared_with(share: float) -> Prepared:
        folder = str(tmp_path)
        return prepare(RunConfig("lenet", folder, engine="numpy", patience=3, validation_split=share))

    draw = np.random.default_rng(0)

    def pictures(part: str) -> None:
        for name in "ab":
            (tmp_path / part / name).mkdir(parents=True)
            for number in range(10):
                pixels = draw.integers(0, 256, (28, 28), np.uint8)
                Image.fromarray(pixels).save(tmp_path / part / name / f"{number}.png")

    pictures("train")
    with pytest.raises(UsageError, match=r"nothing of .* is held out for it \(the validation_split is 0\); hold"):
        prepared_with(0)
    assert prepared_with(0.2).config.patience == 3
    pictures("val")
    assert prepared_with(0).config.patience == 3


def test_a_missing_tensorboard_is_found_before_the_training(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "tensorboard.compat.proto.event_pb2", None)
    with pytest.raises(MissingExtraError, match=r'pip install "deepen\[tensorboard\]"'):
        prepared(tensorboard=True)
