"""A folder of pictures as a data set: `folder/<class>/photo.jpg`, or that below `train/`, `val/` and `test/`.

Where there is no `test/`, a share of each class is drawn for it, copies of a picture always together, and likewise
for the validation where that is wanted. A draw depends on the seed and on the names of classes and readable files,
on nothing else.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median, median_low

import numpy as np

from deepen import files
from deepen.arrays import Array
from deepen.data import findings
from deepen.data.dataset import Counts, Dataset, Facts, counts_of
from deepen.data.decoding import PictureError
from deepen.data.draws import draw_part
from deepen.data.parallel import threads_for
from deepen.data.picture import PictureRules, read_pictures
from deepen.data.scan import PARTS, scan
from deepen.data.storage import room_for
from deepen.data.survey import Picture, survey
from deepen.errors import DataError
from deepen.wording import listed, printable

_ONE_PIXEL = PictureRules((1, 1), "grey")


@dataclass(frozen=True)
class FolderSource:
    """The pictures of a folder, looked at but not yet decoded, and the files whose header cannot be read.

    These are in no remark here: only `load` knows all files that cannot be read.
    """

    root: Path
    facts: Facts
    pictures: list[Picture]
    unreadable: list[PictureError]
    remarks: tuple[str, ...]

    @property
    def counts(self) -> Counts:
        """How many pictures of each class every part has, of those whose header can be read."""
        present = {part: labels for part, labels in _labels(self.pictures).items() if len(labels)}
        return counts_of(present, len(self.facts.classes))

    def find(self) -> Path:
        """Return the folder."""
        return self.root

    def load(self, height: int | None = None, width: int | None = None, channels: int | None = None) -> Dataset:
        """Decode every picture once, as `read_picture` does, into one array in memory or in a file.

        The remarks of the result name all files that cannot be read, by their header or by their pixels.
        One channel is grey, three are RGB; without a number, pictures that are all grey stay so.

        Raises:
            DataError: more than 5% of the files cannot be read, a class has no readable training picture left,
                the pictures take more room than there is, the size is not positive, or there are neither one
                nor three channels.
        """
        own_channels, own_height, own_width = self.facts.input_shape
        shape = (
            own_channels if channels is None else channels,
            own_height if height is None else height,
            own_width if width is None else width,
        )
        rules = PictureRules.for_shape(shape)
        if rules is None:
            raise DataError(f"pictures are decoded into 1 channel (grey) or 3 (RGB), not into {shape[0]}")
        images = room_for((len(self.pictures), *shape))
        read, failed = _decode(self.pictures, rules, images)
        count = len(self.unreadable) + len(self.pictures)
        remarks = findings.unreadable([*self.unreadable, *failed], count, self.root)
        pictures = [self.pictures[number] for number in read]
        facts = _facts(self.root, self.facts.classes, pictures, shape)
        return _dataset(facts, images, pictures, remarks)


def open_folder(root: Path, seed: int = 0, test_split: float = 0.2, validation_split: float = 0.0) -> FolderSource:
    """Return a folder of pictures as a data set, every file looked at.

    Args:
        root: the folder.
        seed: of the draws; the same seed gives the same test part, with or without a validation part.
        test_split: the share of each class for the test, where the folder has no test part of its own.
        validation_split: the share of the other training pictures of each class for the validation, where the
            folder has no validation part of its own; 0 for none.

    Raises:
        DataError: the folder is not laid out by classes, a part or a class has no readable picture, more than
            5% of the files have no readable header, the path is not UTF-8, or a share is not between 0 and 1.
    """
    if not 0 < test_split < 1:
        raise DataError(f"the share of test pictures must lie between 0 and 1, but is {test_split}")
    if not 0 <= validation_split < 1:
        raise DataError(
            f"the share of validation pictures must be 0 or lie between 0 and 1, but is {validation_split}"
        )
    root = files.expanded(root).resolve()
    if str(root) != printable(str(root)):
        # Settings, reports and model files name the folder, and hold only text.
        raise DataError(f"the path of the folder {printable(str(root))} is not UTF-8; rename or move the folder")
    listing = scan(root)
    pictures, unreadable = survey(listing.files)
    if findings.too_many(unreadable, len(listing.files)):
        # There will be no training, but whoever mends the files wants to know all of them.
        _, failed = _decode(pictures, _ONE_PIXEL, np.empty((len(pictures), 1, 1, 1), np.uint8))
        findings.unreadable([*unreadable, *failed], len(listing.files), root)
    remarks = [*listing.remarks]
    if not listing.has_test:
        pictures, said = draw_part(pictures, listing.classes, "test", test_split, seed)
        remarks += said
    if validation_split and not any(picture.part == "validation" for picture in pictures):
        pictures, said = draw_part(pictures, listing.classes, "validation", validation_split, seed)
        remarks += said
    remarks += [*findings.copies(pictures, root), *findings.odd_sizes(pictures, root)]
    shape = (
        1 if all(picture.grey for picture in pictures) else 3,
        median_low(picture.size[0] for picture in pictures),
        median_low(picture.size[1] for picture in pictures),
    )
    facts = _facts(root, listing.classes, pictures, shape)
    return FolderSource(root, facts, pictures, unreadable, tuple(remarks))


def _decode(
    pictures: Sequence[Picture], rules: PictureRules, images: Array
) -> tuple[list[int], list[PictureError]]:
    threads = threads_for(int(median(max(picture.size) for picture in pictures)) if pictures else 0)
    return read_pictures([picture.path for picture in pictures], rules, images, threads)


def _facts(
    root: Path, classes: tuple[str, ...], pictures: Sequence[Picture], input_shape: tuple[int, int, int]
) -> Facts:
    """Return the facts, once every class has something to learn from and the test something to look at."""
    labels = _labels(pictures)
    trained = set(labels["training"].tolist())
    if lacking := [name for label, name in enumerate(classes) if label not in trained]:
        raise DataError(f"{root} has no readable training pictures of {listed(lacking)}; add some")
    if not len(labels["test"]):
        raise DataError(
            f"{root} has no pictures for the test; add some to the folder test, or, where there is none, "
            "at least two different ones to a class"
        )
    return Facts(
        name=root.name,
        title=f"Pictures in the folder {root.name}",
        input_shape=input_shape,
        classes=classes,
        train_count=len(labels["training"]),
        test_count=len(labels["test"]),
        source=str(root),
        licence="not known",
        validation_count=len(labels["validation"]),
    )


def _dataset(facts: Facts, images: Array, pictures: Sequence[Picture], remarks: Sequence[str]) -> Dataset:
    """Cut the images, which lie in the order of the parts, into these."""
    labels = _labels(pictures)
    before_validation, before_test = facts.train_count, facts.train_count + facts.validation_count
    has_validation = facts.validation_count > 0
    return Dataset(
        facts,
        images[:before_validation],
        labels["training"],
        images[before_test : len(pictures)],
        labels["test"],
        images[before_validation:before_test] if has_validation else None,
        labels["validation"] if has_validation else None,
        tuple(remarks),
    )


def _labels(pictures: Sequence[Picture]) -> dict[str, Array]:
    """Return the int64 labels of each part."""
    return {part: np.array([p.label for p in pictures if p.part == part], np.int64) for part in PARTS}
