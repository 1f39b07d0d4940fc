"""What every augmentation keeps to, in both arithmetics."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from augmenting import EXAMPLES, context, noise
from deepen import engines
from deepen.arrays import Array
from deepen.data.augment import AUGMENTATIONS, Augmentation, Mixture, Shift, augmentation
from deepen.data.augment.color import _Blend
from deepen.data.augment.warp import _Part
from deepen.description import from_data, to_data
from deepen.engines import Choice, Engine, Setup
from deepen.engines.numpy_engine import NumpyEngine
from deepen.errors import DeepenError, UnknownNameError
from deepen.layers import Dense, Flatten, Sequential
from deepen.randomness import Moment

MOMENT = Moment(3, 5)
SHAPES = [(1, 28, 28), (3, 32, 32), (3, 9, 14)]
CASES = [
    pytest.param(augmentation(text), shape, id=f"{name}-{shape[0]}x{shape[1]}x{shape[2]}")
    for name, text in EXAMPLES.items()
    for shape in SHAPES
    if name != "color" or shape[0] == 3
]
EACH = [pytest.param(augmentation(text), id=name) for name, text in EXAMPLES.items()]
NOT_MIXING = [case for case in EACH if not isinstance(case.values[0], Mixture)]


def by_numpy(step: Augmentation, x: Array, moment: Moment = MOMENT, first: int = 0, seed: int = 0) -> list[Array]:
    ctx = context(range(first, first + len(x)), moment, seed)
    return list(step.mix(x, labels(x), ctx)) if isinstance(step, Mixture) else [step.forward(x, ctx)]


def by_torch(step: Augmentation, x: Array) -> list[Any]:
    ctx, tensor = context(range(len(x)), MOMENT, as_=torch.from_numpy), torch.from_numpy(x)
    if isinstance(step, Mixture):
        return list(step.torch_mix(F, tensor, torch.from_numpy(labels(x)), ctx))
    return [step.torch_forward(F, tensor, ctx)]


def labels(x: Array) -> Array:
    return np.eye(4, dtype=x.dtype)[np.arange(len(x)) % 4]


def test_each_has_an_example() -> None:
    assert EXAMPLES.keys() == AUGMENTATIONS.keys()
    assert {name: type(augmentation(text)) for name, text in EXAMPLES.items()} == AUGMENTATIONS


@pytest.mark.parametrize(("step", "shape"), CASES)
def test_engines_vary_alike(step: Augmentation, shape: tuple[int, ...]) -> None:
    x = noise(25, *shape)
    ours, theirs = by_numpy(step, x), by_torch(step, x)
    assert (ours[0] != x).any()
    for mine, other in zip(ours, theirs, strict=True):
        assert other.dtype == torch.float32
        np.testing.assert_allclose(mine, other.numpy(), rtol=0, atol=1e-5)


@pytest.mark.parametrize("step", EACH)
def test_in_float64_engines_differ_by_rounding_alone(step: Augmentation) -> None:
    x = noise(25, 3, 9, 14, dtype="float64")
    for mine, other in zip(by_numpy(step, x), by_torch(step, x), strict=True):
        np.testing.assert_allclose(mine, other.numpy(), rtol=0, atol=1e-12)


@pytest.mark.parametrize(("step", "shape"), CASES)
def test_type_and_shape_stay_and_x_is_not_written_to(step: Augmentation, shape: tuple[int, ...]) -> None:
    x = noise(6, *shape)
    before = x.copy()
    by_torch(step, x)
    assert (x == before).all()
    x.flags.writeable = False
    y = by_numpy(step, x)[0]
    assert y.shape == x.shape
    assert y.dtype == np.float32


@pytest.mark.parametrize("step", EACH)
def test_memory_order_does_not_matter(step: Augmentation) -> None:
    x = noise(12, 3, 8, 9)
    plain = by_numpy(step, x)[0]
    np.testing.assert_allclose(by_numpy(step, np.asfortranarray(x))[0], plain, rtol=0, atol=1e-6)


@pytest.mark.parametrize("step", EACH)
def test_the_torch_pass_stays_on_the_device(step: Augmentation) -> None:
    # A meta tensor has no values: what looks at one, or meets a constant of the CPU, fails.
    x = torch.empty((5, 3, 8, 9), device="meta")
    ctx = context(range(5), as_=lambda draws: torch.from_numpy(draws).to("meta"))
    if isinstance(step, Mixture):
        y, targets = step.torch_mix(F, x, torch.empty((5, 4), device="meta"), ctx)
        assert (targets.shape, targets.device.type) == ((5, 4), "meta")
    else:
        y = step.torch_forward(F, x, ctx)
    assert (y.shape, y.dtype, y.device.type) == (x.shape, torch.float32, "meta")


@pytest.mark.parametrize("step", EACH)
def test_draws_depend_on_seed_and_moment_alone(step: Augmentation) -> None:
    x = noise(20, 3, 12, 12)
    y = by_numpy(step, x)[0]
    assert (by_numpy(step, x)[0] == y).all()
    assert (by_numpy(step, x, seed=1)[0] != y).any()
    assert (by_numpy(step, x, moment=Moment(4, 5))[0] != y).any()


@pytest.mark.parametrize("step", NOT_MIXING)
def test_a_part_of_a_batch_is_varied_as_in_the_whole(step: Augmentation) -> None:
    x = noise(100, 3, 9, 8)
    part = by_numpy(step, x[40:80], Moment(3, 5, position=40), first=40)[0]
    np.testing.assert_allclose(part, by_numpy(step, x)[0][40:80], rtol=0, atol=1e-6)


@pytest.mark.parametrize(
    "text",
    [
        "flip=0",
        "rotation=0",
        "scale=0",
        "shear=0",
        "affine",
        "elastic=0",
        "erasing=0",
        "brightness=0",
        "contrast=0",
        "color=0",
        "mixup=1e-9",
    ],
)
def test_without_strength_images_stay_as_they_are(text: str) -> None:
    step, x = augmentation(text), noise(20, 3, 9, 14)
    # Beta(alpha, alpha) with a tiny alpha is 0 or 1: an image stays, or its partner takes its place.
    kept = np.array([(y == image).all() or (y == other).all() for y, image, other in mixed(step, x)])
    assert kept.all()
    np.testing.assert_allclose(by_numpy(step, x)[0], by_torch(step, x)[0].numpy(), rtol=0, atol=1e-5)


def mixed(step: Augmentation, x: Array) -> Any:
    others = x[::-1] if isinstance(step, Mixture) else x
    return zip(by_numpy(step, x)[0], x, others, strict=True)


@pytest.mark.parametrize("step", EACH)
def test_they_are_plain_data(step: Augmentation) -> None:
    assert from_data(to_data(step), Augmentation) == step


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("shift=0", "Shift: the pixels must be a whole number, 1 or more, got 0"),
        ("shift=1.5", "Shift: the pixels must be a whole number, 1 or more, got 1.5"),
        ("crop=true", "Crop: the pixels must be a whole number, 1 or more, got True"),
        ("flip=1.2", "Flip: the share must be from 0 to 1, got 1.2"),
        ("rotation=-5", "Rotation: the degrees must be 0 or more, got -5.0"),
        ("scale=1", "Scale: the strength must be from 0 up to, not including, 1, got 1.0"),
        ("shear=-1", "Shear: the strength must be from 0 to 1, got -1.0"),
        ("shear=20", "Shear: the strength must be from 0 to 1, got 20.0"),
        ("affine scale=2", "Affine: the scale must be from 0 up to, not including, 1, got 2.0"),
        ("affine shift=x", "Affine: the shift must be a number, got 'x'"),
        ("elastic sigma=0", "Elastic: the sigma must be above 0, got 0.0"),
        ("cutout=0", "Cutout: the size must be a whole number, 1 or more, got 0"),
        ("erasing=2", "Erasing: the share must be from 0 to 1, got 2.0"),
        ("erasing area=0.2", r"Erasing: the area must be two numbers, as in \(0.02, 0.4\), got 0.2"),
        (
            "erasing area=0.4,0.1",
            r"Erasing: the area must be from above 0 up to 1, the least first, got \(0.4, 0.1\)",
        ),
        ("erasing ratio=3", "Erasing: the ratio must be at most 1, for the least one, got 3.0"),
        ("brightness=1", "Brightness: the strength must be from 0 up to, not including, 1, got 1.0"),
        ("mixup=0", "Mixup: the alpha must be above 0, got 0.0"),
        ("cutmix=0", "CutMix: the alpha must be above 0, got 0.0"),
        ("rotation", "augmentation rotation: give its degrees, as in rotation=VALUE"),
    ],
)
def test_wrong_fields(text: str, message: str) -> None:
    with pytest.raises(DeepenError, match=f"^{message}$"):
        augmentation(text)


def test_numpy_numbers_become_pythons() -> None:
    assert type(AUGMENTATIONS["rotation"](np.float32(3)).degrees) is float  # type: ignore[call-arg, attr-defined]
    assert type(Shift(np.int64(3)).pixels) is int  # type: ignore[arg-type]


def test_a_name_that_is_nearly_right() -> None:
    with pytest.raises(UnknownNameError, match="rotation"):
        augmentation("rotatoin=5")


@pytest.mark.parametrize(
    ("text", "shape", "message"),
    [
        (
            "color=0.2",
            (1, 28, 28),
            r"Color needs images in colour \(RGB\), but these are \(1, 28, 28\); use brightness",
        ),
        (
            "crop=4",
            (1, 28, 4),
            r"Crop cannot mirror 4 pixels of images \(1, 28, 4\); the most is 3, and Shift takes any",
        ),
    ],
)
def test_images_that_cannot_be_varied_so(text: str, shape: tuple[int, ...], message: str) -> None:
    step = augmentation(text)
    with pytest.raises(DeepenError, match=message):
        step.check(shape)
    with pytest.raises(DeepenError, match=message):
        Setup(Sequential([Flatten(), Dense(3)]), shape, augmentations=(step,))


def test_there_is_none_in_evaluation() -> None:
    network = Sequential([Flatten(), Dense(3)])
    x, classes = noise(5, 1, 4, 4), np.zeros(5, np.int64)
    plain, varied = (NumpyEngine(Setup(network, (1, 4, 4), augmentations=steps)) for steps in [(), (Shift(2),)])
    assert (plain.outputs(x) == varied.outputs(x)).all()
    assert (plain.gradients(x, classes)["dense1.kernel"] == varied.gradients(x, classes)["dense1.kernel"]).all()
    trained = varied.gradients(x, classes, moment=Moment())["dense1.kernel"]
    assert (plain.gradients(x, classes, moment=Moment())["dense1.kernel"] != trained).any()


def test_an_own_augmentation_says_what_it_lacks() -> None:
    class Nothing(Augmentation):
        pass

    class NoMixture(Mixture):
        pass

    class NoBlend(_Blend):
        strength = 0.5

    class NoPart(_Part):
        pass

    x = noise(1, 1, 2, 2)
    for made, what in ((Nothing(), "vary"), (NoMixture(), "mixed"), (NoBlend(), "faded"), (NoPart(), "_affine")):
        with pytest.raises(DeepenError, match=f"^{type(made).__name__} lacks {what}$"):
            by_numpy(made, x)


# As engines make batches


DEVICES = [
    "cpu",
    pytest.param(
        "cuda", marks=pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no CUDA device")
    ),
]


def bound(step: Augmentation, engine: str, device: str = "cpu") -> Engine:
    made = engines.create(
        Setup(Sequential([Flatten(), Dense(3)]), (3, 9, 14), seed=5, augmentations=(step,)),
        Choice(engine, device, "test"),
    )
    made.bind(np.random.default_rng(0).integers(0, 256, (40, 3, 9, 14), dtype=np.uint8), np.arange(40) % 3)
    return made


def batch(engine: Engine) -> tuple[Array, Array]:
    """Return images and targets of a batch, in NumPy."""
    made = engine.batch(np.arange(39, 7, -2), Moment(3, 5))
    return _numpy(made.images), _numpy(made.targets)


def _numpy(array: Any) -> Array:
    found: Array = array.numpy(force=True) if isinstance(array, torch.Tensor) else array
    return found


@pytest.mark.parametrize("step", EACH)
@pytest.mark.parametrize("device", DEVICES)
def test_batches_are_the_same_in_every_engine(step: Augmentation, device: str) -> None:
    for mine, other in zip(batch(bound(step, "numpy")), batch(bound(step, "torch", device)), strict=True):
        np.testing.assert_allclose(mine, other, rtol=0, atol=1e-5)


@pytest.mark.parametrize("step", EACH)
@pytest.mark.parametrize("engine", ["numpy", "torch"])
def test_a_batch_made_in_a_thread_is_the_same_byte_for_byte(step: Augmentation, engine: str) -> None:
    made = bound(step, engine)
    with ThreadPoolExecutor(1) as thread:
        images, targets = thread.submit(batch, made).result()
    again = batch(made)
    assert (images.tobytes(), targets.tobytes()) == (again[0].tobytes(), again[1].tobytes())
