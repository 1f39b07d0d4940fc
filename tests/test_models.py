"""Every model by name: its counts, its passes in both engines, its file."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from deepen import Model, losses, models
from deepen.engines import Setup
from deepen.errors import UnknownNameError, UsageError
from deepen.inspect.arithmetic import figures
from deepen.inspect.summary import summarize
from deepen.paths import Shape
from deepen.randomness import Moment
from deepen.spec import Layer
from facts_branches import BRANCHES
from facts_sequential import SEQUENTIAL
from facts_small import SMALL
from harness import difference
from stepping import BOTH

FACTS = {**BRANCHES, **SMALL, **SEQUENTIAL}
each_model = pytest.mark.parametrize("name", models.names())


def test_every_model_has_its_facts() -> None:
    assert set(models.names()) == set(FACTS)


@each_model
def test_counts(name: str) -> None:
    facts, entry = FACTS[name], models.entry(name)
    network, shape = models.build(name, facts.classes), facts.input_shape or entry.input_shape
    found = summarize(network, shape)
    assert found.parameters == facts.parameters
    assert found.fixed == facts.fixed
    assert sum(each.multiply_adds for each in figures(network, shape) if not each.for_training_only) == (
        facts.multiply_adds
    )
    if facts.layers:
        assert tuple(row.parameters for row in found.layers if row.parameters) == facts.layers


def reduced(name: str, classes: int = 10) -> tuple[Layer, Shape]:
    """Return the model at the width and for the images at which its tests run it."""
    facts = FACTS[name]
    return models.build(name, classes, facts.width), facts.size or models.entry(name).input_shape


@each_model
def test_engines_agree(name: str) -> None:
    network, shape = reduced(name)
    settings = Setup(network, shape, losses.loss(models.entry(name).loss), dtype="float64")
    rng = np.random.default_rng(0)
    x, y = rng.random((4, *shape)), rng.integers(0, 10, 4)
    both = [make(settings) for make in BOTH]
    assert difference(*[engine.outputs(x) for engine in both]) < 1e-10
    ours, theirs = (engine.gradients(x, y, moment=Moment()) for engine in both)
    largest = max(abs(gradient).max() for gradient in ours.values())
    for path, gradient in ours.items():
        # A bias before batch normalization has gradient 0, and rounding beside it.
        assert abs(gradient - theirs[path]).max() < 1e-10 * largest, path


@each_model
def test_a_file_brings_the_model_back(name: str, tmp_path: Path) -> None:
    network, shape = reduced(name)
    model = Model(network, shape, name=name, seed=3)
    model.compile(loss=models.entry(name).loss, engine="numpy")
    back = Model.load(model.save(tmp_path / "model.safetensors"), engine="numpy")
    assert back.network == network
    x = np.random.default_rng(0).random((2, *shape), np.float32)
    assert (back.predict(x) == model.predict(x)).all()


@pytest.mark.slow
@each_model
def test_64_images_are_learned_by_heart(name: str) -> None:
    network, shape = reduced(name)
    rng = np.random.default_rng(0)
    x, y = rng.integers(0, 128, (64, *shape), np.uint8), np.arange(64) % 10
    height = shape[1]
    for image, label in zip(x, y, strict=True):  # noise alone is learned too slowly: a bright band for each class
        image[:, label * height // 10 : (label + 1) * height // 10] += 128
    model = Model(network, shape, seed=1)
    model.compile(f"adam={FACTS[name].rate}", models.entry(name).loss)
    for _ in range(20):
        model.fit(x, y, batch_size=16, epochs=10, verbose=0)
        if model.evaluate(x, y).accuracy > 0.95:
            return
    raise AssertionError(f"after 200 epochs {model.evaluate(x, y).accuracy:.0%}")


@each_model
def test_classes_and_width_are_its_own_to_choose(name: str) -> None:
    network, shape = reduced(name, classes=7)
    assert network.output_shape(shape) == (7,)
    shape = models.entry(name).input_shape
    whole, half = (summarize(models.build(name, 7, width), shape).parameters for width in (1, 0.5))
    assert half < 0.75 * whole or name == "linear"


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (lambda: models.resnet_cifar.resnet(25), "6n \\+ 2, such as 20, got 25"),
        (lambda: models.resnet_cifar.preact_resnet(2), "6n \\+ 2"),
        (lambda: models.wide_resnet.wide_resnet(17, 2), "6n \\+ 4, such as 28, got 17"),
        (lambda: models.vgg.vgg(12), "11, 13, 16 or 19 layers, got 12"),
        (lambda: models.resnet.resnet(20), "18, 34, 50, 101 or 152 layers, got 20"),
        (lambda: models.resnet.resnet_torchvision(18), "take `resnet`"),
    ],
)
def test_a_depth_that_there_is_not(make: Callable[[], Layer], says: str) -> None:
    with pytest.raises(UsageError, match=says):
        make()


@pytest.mark.parametrize("classes", [0, 2.5, "abc", True])
def test_classes_that_are_none(classes: Any) -> None:
    with pytest.raises(UsageError, match="classes is how many there are"):
        models.build("lenet", classes)


def test_a_name_that_is_not_there() -> None:
    with pytest.raises(UnknownNameError, match="did you mean 'lenet'"):
        models.build("lennet")


@pytest.mark.parametrize("width", [0, -1, float("nan"), "wide"])
def test_a_width_that_is_none(width: float) -> None:
    with pytest.raises(UsageError, match="must be a finite number above 0"):
        models.build("lenet", width=width)


def test_a_model_of_ones_own_may_have_one_width() -> None:
    @models.model("narrow", title="One width", year=2026, input_shape=(1, 8, 8))
    def narrow(classes: int = 10) -> Layer:
        return models.build("lenet", classes)

    try:
        assert models.build("narrow", 3) == models.build("lenet", 3)
        with pytest.raises(UsageError, match="narrow has one width only"):
            models.build("narrow", 3, width=2)
    finally:
        del models.registry._entries["narrow"]
