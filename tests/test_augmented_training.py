"""Augmentation as the engines train with it: which images and targets come out, and what counts as right."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from deepen import Model
from deepen.arrays import Array
from deepen.data import Shift
from deepen.data.augment import AlternatingFlip, CutMix, Mixture, Mixup
from deepen.engines import Engine
from deepen.engines.numpy_engine import NumpyEngine
from deepen.errors import ShapeError, UnknownNameError, UsageError
from deepen.layers import Dense, Flatten, Sequential
from deepen.losses import one_hot
from deepen.optimizers import Adam, Momentum
from deepen.randomness import Moment
from deepen.spec import Layer
from harness import difference
from networks import CLASSES, INPUT_SHAPE, NETWORKS
from stepping import BOTH, Make, each_engine, each_network, images, run, setup

LINEAR = Sequential([Flatten(), Dense(CLASSES)])
hands_out_images = pytest.mark.parametrize("make", BOTH, ids=["numpy", "torch"])
"""The native engine varies images within its step, so that its batches hold none."""
each_mixture = pytest.mark.parametrize("mixture", [Mixup(1.0), CutMix()], ids=["mixup", "cutmix"])


def made(engine: Engine, labels: Array, indices: Array, moment: Moment) -> tuple[Array, Array]:
    """Return images and targets of a batch, in NumPy."""
    engine.bind(images(len(labels))[0], labels)
    batch = engine.batch(indices, moment)
    return np.asarray(batch.images), np.asarray(batch.targets)


@each_network
@each_mixture
@pytest.mark.parametrize("labels", ["numbers", "rows"])
def test_gradients_of_mixtures_agree(network: Layer, mixture: Mixture, labels: str) -> None:
    x, y = images(9)
    targets = y if labels == "numbers" else one_hot(y, CLASSES, "float64") * 0.8 + 0.04
    settings = setup(network, dtype="float64", augmentations=(Shift(1), mixture))
    names = ["input", *settings.trainable]
    ours, theirs = (make(settings).gradients(x, targets, names, Moment(2, 5)) for make in BOTH)
    for name in names:
        assert difference(ours[name], theirs[name]) < 1e-10, name


@each_mixture
@pytest.mark.parametrize("parts", [1, 3])
def test_training_with_mixtures_agrees(mixture: Mixture, parts: int) -> None:
    optimizer = Momentum(0.02, accumulate=parts)
    settings = setup(NETWORKS["graph"], dtype="float64", optimizer=optimizer, augmentations=(mixture,))
    ours, theirs = (run(make(settings), 40, rate=0.02) for make in BOTH)
    assert difference([loss for loss, _ in ours], [loss for loss, _ in theirs]) < 1e-8
    assert [hits for _, hits in ours] == [hits for _, hits in theirs]


@hands_out_images
@each_mixture
def test_labels_may_be_numbers_or_rows_of_any_type(make: Make, mixture: Mixture) -> None:
    y, indices = images(16)[1], np.arange(16)
    engine = make(setup(LINEAR, augmentations=(mixture,)))
    x, targets = made(engine, y, indices, Moment(1, 2))
    assert targets.dtype == np.float32
    assert targets.sum(axis=1) == pytest.approx(np.ones(16))
    assert ((targets > 0) & (targets < 1)).any()
    for dtype in (np.uint8, np.float32, np.float64):
        again, rows = made(engine, one_hot(y, CLASSES, dtype), indices, Moment(1, 2))
        assert (again == x).all()
        assert (rows == targets).all()


@each_engine
@each_mixture
def test_loss_and_hits_are_those_of_the_mixed_images_and_the_largest_share(make: Make, mixture: Mixture) -> None:
    x, y = images()
    settings = setup(LINEAR, dtype="float64", augmentations=(mixture,))
    engine, judge, others = make(settings), NumpyEngine(settings), 0
    engine.bind(x, y)
    judge.bind(x, y)
    for step in range(8):
        indices, moment = np.arange(step * 8, step * 8 + 8), Moment(0, step)
        batch = judge.batch(indices, moment)
        mixed, targets = batch.images, batch.targets
        outputs = engine.outputs(mixed)
        expected, _ = settings.loss.forward(outputs, targets)
        right = (outputs.argmax(axis=1) == targets.argmax(axis=1)).sum()
        others += int((targets.argmax(axis=1) != y[indices]).sum())
        loss, hits = engine.step(indices, moment, 0.01).read()
        assert loss == pytest.approx(expected, rel=1e-12)
        assert hits == right
    assert others > 5  # else the image's own label would have counted the same


@hands_out_images
def test_a_batch_depends_on_its_images_and_moment_alone(make: Make) -> None:
    """So that batches can be made ahead of their steps."""
    engine = make(setup(NETWORKS["graph"], augmentations=(Shift(1), AlternatingFlip(), Mixup())))
    y, indices = images()[1], np.arange(8, 24)
    first = made(engine, y, indices, Moment(1, 3))
    run(engine, 3)
    again, other = (made(engine, y, indices, Moment(1, step)) for step in (3, 4))
    assert all((a == b).all() for a, b in zip(first, again, strict=True))
    assert (first[0] != other[0]).any()


@hands_out_images
def test_alternating_flip_turns_each_image_in_every_other_epoch_wherever_it_stands(make: Make) -> None:
    x, y = images(40)
    engine = make(setup(LINEAR, augmentations=(AlternatingFlip(),)))
    rng, flips = np.random.default_rng(0), list[Array]()
    for epoch in range(4):
        order, flipped = rng.permutation(40), np.zeros(40, bool)
        for step, indices in enumerate(order.reshape(5, 8)):
            seen = made(engine, y, indices, Moment(epoch, step))[0]
            plain = x[indices].astype(np.float32) / np.float32(255)
            flipped[indices] = (seen == plain[..., ::-1]).all(axis=(1, 2, 3))
            assert (seen[~flipped[indices]] == plain[~flipped[indices]]).all()
        flips.append(flipped)
    assert 8 < flips[0].sum() < 32
    assert (flips[1] == ~flips[0]).all()
    assert (flips[2] == flips[0]).all()
    assert (flips[3] == flips[1]).all()


@each_engine
def test_nothing_varies_in_evaluation(make: Make) -> None:
    varied, plain = (make(setup(LINEAR, augmentations=steps)) for steps in ((Shift(2), Mixup(1.0)), ()))
    x, y = images(9)
    assert varied.evaluate(x, y)[0] == plain.evaluate(x, y)[0]
    ours, theirs = (engine.gradients(x, y) for engine in (varied, plain))
    assert all((ours[path] == theirs[path]).all() for path in theirs)


def model(*augmentations: Any) -> Model:
    made = Model(LINEAR, INPUT_SHAPE)
    made.compile(Adam(0.01), augmentations=augmentations, engine="numpy")
    return made


def test_a_model_takes_augmentations_as_texts_and_as_objects() -> None:
    trained = model("shift=2", CutMix(0.5), "mixup alpha=1")
    assert trained.engine.setup.augmentations == (Shift(2), CutMix(0.5), Mixup(1.0))
    x, y = images()
    before = trained.evaluate(x, y).loss
    trained.fit(x, y, epochs=3, verbose=0)
    assert trained.evaluate(x, y).loss < before


def test_augmentations_that_do_not_fit() -> None:
    with pytest.raises(UnknownNameError, match="unknown augmentation 'shfit'; did you mean 'shift'"):
        model("shfit=2")
    with pytest.raises(UnknownNameError, match="field of the augmentation shift: 'pixel'; did you mean 'pixels'"):
        model("shift pixel=2")
    with pytest.raises(UsageError, match="augmentation: give a name or a Augmentation, got 2"):
        model(2)
    with pytest.raises(ShapeError, match="cannot mirror 10 pixels"):
        model("crop=10")
