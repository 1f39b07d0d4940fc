"""The report of a run says what was found, and what it is worth."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from html import unescape
from pathlib import Path

import numpy as np
import pytest
from matplotlib.figure import Figure
from PIL import Image

from deepen import run_report
from deepen.arrays import Array
from deepen.config import RunConfig
from deepen.data import Dataset, Facts
from deepen.engines import Choice
from deepen.inspect.summary import summarize
from deepen.layers import Dense, Flatten
from deepen.metrics import confusion_matrix
from deepen.model import Model
from deepen.outcome import Outcome
from deepen.training.evaluation import Evaluation
from deepen.training.history import History

HISTORY = {"loss": 1.0, "val_loss": 1.0, "accuracy": 0.5, "seconds": 2.0, "images_per_second": 100.0}


@dataclass
class Run:
    """A run that gave these outputs `(N, K)` for test images of these classes."""

    folder: Path
    outputs: Array
    labels: Array
    loss: str = "cross_entropy"
    classes: Sequence[str] = ()
    image_shape: tuple[int, int, int] = (1, 4, 4)
    remarks: tuple[str, ...] = ()
    history: dict[str, float] = field(default_factory=lambda: HISTORY)
    config: RunConfig = field(
        default_factory=lambda: RunConfig("lenet", "/home/me/photos", freeze=("conv*", "bn*"))
    )

    def page(self) -> str:
        """Write the report, and return the page's text with a bar between the elements."""
        count, k = self.outputs.shape
        classes = tuple(self.classes) or tuple(map(str, range(k)))
        facts = Facts("photos", "Photos", self.image_shape, classes, count, count, "", "")
        images = np.random.default_rng(0).integers(0, 256, (count, *self.image_shape), dtype=np.uint8)
        model = Model([Flatten(), Dense(k)], self.image_shape, classes=classes)
        model.compile(loss=self.loss, engine="numpy")
        history = History()
        history.add(0, self.history)
        confusion = confusion_matrix(self.outputs, self.labels)
        test = Evaluation(0.3, {"accuracy": 0.0}, count, self.outputs, confusion, self.labels)
        summary = summarize(model.network, model.input_shape)
        choice = Choice("numpy", "cpu", "asked for")
        outcome = Outcome(self.config, model, summary, self.folder, choice, history, test, remarks=self.remarks)
        run_report.write({}, Dataset(facts, images, self.labels, images, self.labels), outcome)
        html = (self.folder / "report.html").read_text(encoding="utf-8").partition("<h1>")[2]
        return unescape(re.sub(r"(<[^>]*>|\n)+", "|", html))


def answers(says: float, right: int, classes: int = 4, images: int = 100) -> tuple[Array, Array]:
    """Return probabilities whose largest is `says`, and labels of which the first `right` ones are met."""
    predicted = np.arange(images) % classes
    outputs = np.full((images, classes), (1 - says) / (classes - 1), np.float32)
    outputs[np.arange(images), predicted] = says
    labels = np.where(np.arange(images) < right, predicted, (predicted + 1) % classes)
    return outputs, labels


def test_each_class_has_its_figures(tmp_path: Path) -> None:
    outputs = np.eye(3)[[0, 0, 1, 1, 1]]
    page = Run(tmp_path, outputs, np.array([0, 1, 1, 1, 1]), classes=("猫", "a <b>", "unseen")).page()
    assert "|Classes|class|images|precision|recall|F1|" in page
    assert "|猫|1|50.0%|100.0%|66.7%|" in page
    assert "|a <b>|4|100.0%|75.0%|85.7%|" in page
    assert "|unseen|0|–|–|–|" in page
    # Over the two that occur: (1/2 + 1) / 2, (1 + 3/4) / 2, (2/3 + 6/7) / 2
    assert "|mean of the classes|75.0%|87.5%|76.2%|" in page


def test_what_was_found_in_the_data_is_kept(tmp_path: Path) -> None:
    page = Run(tmp_path, np.eye(3), np.arange(3), remarks=("left out: 1 of 9", "20% were drawn")).page()
    assert "|training images|3|test images|3|held out of the training images|10%|" in page
    assert "|found|left out: 1 of 9|20% were drawn|" in page


def test_nothing_is_said_to_be_held_out_where_nothing_was(tmp_path: Path) -> None:
    page = Run(
        tmp_path, np.eye(3), np.arange(3), history={k: v for k, v in HISTORY.items() if k != "val_loss"}
    ).page()
    assert "held out" not in page


def test_of_very_many_classes_the_worst_are_shown(tmp_path: Path) -> None:
    predicted = np.arange(250)
    page = Run(tmp_path, np.eye(250)[predicted], np.where(predicted < 2, 2, predicted)).page()
    assert "|Classes: the 200 of 250 with the lowest F1|" in page
    # Class 2 has three images, one of them found; 0 and 1 have none, and all others are right.
    assert "|F1|2|3|100.0%|33.3%|50.0%|3|1|" in page
    assert "|201|1|100.0%|100.0%|100.0%|mean" in page


def test_a_model_that_is_too_sure_is_pointed_out_at_the_top(tmp_path: Path) -> None:
    page = Run(tmp_path, *answers(says=0.97, right=60)).page()
    says = "says 97% on average, is right 60% of the time: too sure."
    warning = f"|Its probabilities are not calibrated. The model {says}"
    assert warning in page
    assert page.index("test accuracy") < page.index(warning) < page.index("Loss and accuracy of each epoch")
    assert f"It {says}" in page
    assert (tmp_path / "reliability.png").is_file()


def test_a_calibrated_model_says_so_below_its_diagram_alone(tmp_path: Path) -> None:
    page = Run(tmp_path, *answers(says=0.9, right=90)).page()
    assert "not calibrated" not in page
    assert "It says 90% on average, is right 90% of the time: well calibrated." in page


def test_scores_have_mistakes_but_no_calibration(tmp_path: Path, figures: list[Figure]) -> None:
    outputs = np.array([[5.0, -9.0], [7.0, -9.0], [6.0, -9.0], [-9.0, 3.0]])
    page = Run(tmp_path, outputs, np.array([1, 1, 0, 0]), loss="hinge", classes=("cat", "dog")).page()
    assert "calibrat" not in page
    assert not (tmp_path / "reliability.png").exists()
    # The largest score first.
    assert [axes.get_xlabel() for axes in figures[-1].axes] == ["dog → cat", "dog → cat", "cat → dog"]
    assert (tmp_path / "mistakes.png").is_file()


@pytest.mark.parametrize(("classes", "shown"), [(10, False), (11, True)])
def test_top_5_accuracy_is_for_many_classes(tmp_path: Path, classes: int, shown: bool) -> None:
    page = Run(tmp_path, *answers(0.5, 50, classes)).page()
    assert ("|top-5 accuracy|" in page) == shown


def test_no_mistake_is_no_picture_and_only_then_100_percent(tmp_path: Path) -> None:
    assert "|test accuracy|100.00%|" in Run(tmp_path, *answers(0.99, 100)).page()
    assert not (tmp_path / "mistakes.png").exists()
    images = 30_000
    page = Run(tmp_path, *answers(0.99, images - 1, classes=2, images=images)).page()
    assert "|test accuracy|99.99%|" in page
    assert "|0|15,001|100.0%|99.9%|99.9%|" in page


def test_the_title_names_the_data_and_lists_are_written_out(tmp_path: Path) -> None:
    page = Run(tmp_path, *answers(0.9, 90)).page()
    assert page.startswith("lenet on photos|")
    assert "|freeze|conv*, bn*|" in page


@pytest.mark.parametrize("image_shape", [(1, 28, 28), (3, 32, 32), (3, 128, 128), (3, 60, 90)])
def test_mistakes_are_shown_no_larger_than_their_places(
    tmp_path: Path, figures: list[Figure], image_shape: tuple[int, int, int]
) -> None:
    names = ("German shepherd dog", "Siberian husky", "狼", "a dingo that has a very long name indeed")
    Run(tmp_path, *answers(0.9, 96), classes=names, image_shape=image_shape).page()
    # 1.5 inches at 150 pixels for each of four
    with Image.open(tmp_path / "mistakes.png") as picture:
        assert picture.width == 4 * 225
    captions = [axes.get_xlabel() for axes in figures[-1].axes]
    # What does not fit into one line breaks at the arrow.
    assert captions[0] == "Siberian husky\n→ German shep…rd dog"
    assert captions[3] == "German shepherd dog\n→ a dingo tha…indeed"
