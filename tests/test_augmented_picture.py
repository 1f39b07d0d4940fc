"""The picture of augmented images shows what the network will see."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from matplotlib.figure import Figure
from PIL import Image

from deepen import data
from deepen.arrays import Array
from deepen.data import Dataset, Facts
from deepen.data.augment import Augmentation, Flip, Mixup, augmentation
from deepen.engines import Setup
from deepen.engines.numpy_engine import NumpyEngine
from deepen.errors import ShapeError, UnknownNameError, UsageError
from deepen.layers import Dense, Flatten, Sequential
from deepen.randomness import Moment
from deepen.report.augmented import augmented


def colours(count: int = 9) -> Dataset:
    images = np.random.default_rng(0).integers(0, 256, (count, 3, 6, 8), dtype=np.uint8)
    facts = Facts("noise", "Noise", (3, 6, 8), ("ape", "bee", "cat"), count, 0, "", "")
    return Dataset(facts, images, np.arange(count) // 5, images[:0], np.zeros(0, np.int64))


def shown(figure: Figure) -> list[Array]:
    return [np.asarray(axes.images[0].get_array()) for axes in figure.axes]


def captions(figure: Figure) -> list[str]:
    return [axes.get_xlabel() for axes in figure.axes]


def test_rows_begin_with_the_original(tmp_path: Path, figures: list[Figure]) -> None:
    dataset = colours()
    augmented(dataset, [Flip(1)], 0, tmp_path / "a.png", images=3)
    images = shown(figures[0])
    assert len(images) == 3 * 8
    assert captions(figures[0]) == ["ape", *[""] * 7, "bee", *[""] * 7, "ape", *[""] * 7]
    for row in range(3):
        original, *variants = images[8 * row : 8 * row + 8]
        assert any(np.allclose(original, image.transpose(1, 2, 0) / 255) for image in dataset.train_images)
        assert all((variant == original[:, ::-1]).all() for variant in variants)


def test_there_is_one_of_each_class_before_a_second_one(tmp_path: Path, figures: list[Figure]) -> None:
    augmented(colours(), [], 0, tmp_path / "a.png", images=4)
    assert captions(figures[0])[::8] == ["ape", "bee", "ape", "bee"]


def test_mixed_images_stand_over_their_shares(tmp_path: Path, figures: list[Figure]) -> None:
    augmented(colours(), [Mixup(50)], 0, tmp_path / "a.png", images=2)
    first, second = (captions(figures[0])[start : start + 8] for start in (0, 8))
    assert (first[0], second[0]) == ("ape", "bee")
    for caption in first[1:] + second[1:]:
        lines = caption.split("\n")
        assert {line.split()[1] for line in lines} == {"ape", "bee"}
        assert sum(int(line.split("%")[0]) for line in lines) in (100, 101)


def test_the_file_depends_on_the_seed_alone(tmp_path: Path) -> None:
    dataset, files = data.load("digits"), []
    for seed in (0, 0, 1):
        files.append(tmp_path / f"{len(files)}.png")
        augmented(dataset, ["shift=1", "rotation=20"], seed, files[-1], images=2)
    contents = [file.read_bytes() for file in files]
    assert contents[0] == contents[1] != contents[2]
    with Image.open(files[0]) as picture:
        assert picture.format == "PNG"


@pytest.mark.parametrize(
    "texts",
    [["flip", "flip"], ["alternating_flip"], ["shift=1", "mixup=1", "erasing"]],
    ids=["twice the same", "draws of images", "mixed"],
)
def test_it_is_what_an_engine_computes_with(tmp_path: Path, figures: list[Figure], texts: list[str]) -> None:
    dataset, seed = colours(), 4
    augmented(dataset, texts, seed, tmp_path / "a.png", images=9)
    drawn = shown(figures[0])
    # The originals say which image is in which row.
    plain = np.moveaxis(dataset.train_images, 1, -1) / np.float32(255)
    chosen = np.array([np.abs(plain - original).max(axis=(1, 2, 3)).argmin() for original in drawn[::8]])
    assert sorted(chosen) == list(range(9))
    steps: tuple[Augmentation, ...] = tuple(map(augmentation, texts))
    engine = NumpyEngine(Setup(Sequential([Flatten(), Dense(3)]), (3, 6, 8), seed=seed, augmentations=steps))
    engine.bind(dataset.train_images, dataset.train_labels)
    for epoch in range(7):
        batch = engine.batch(chosen, Moment(epoch)).images
        assert (np.clip(np.moveaxis(batch, 1, -1), 0, 1) == np.array(drawn[1 + epoch :: 8])).all()
    assert any((image != drawn[0]).any() for image in drawn[1:8])


def test_mistakes(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="noise: there are no training images to draw"):
        augmented(colours(0), [], 0, tmp_path / "a.png")
    with pytest.raises(UnknownNameError, match="shift"):
        augmented(colours(), ["shfit=2"], 0, tmp_path / "a.png")
    with pytest.raises(ShapeError, match=r"cannot mirror 6 pixels of images \(3, 6, 8\)"):
        augmented(colours(), ["crop=6"], 0, tmp_path / "a.png")
