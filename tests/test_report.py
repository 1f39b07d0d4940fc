"""The pictures of the report show the data, whatever it is."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

import matplotlib
import numpy as np
import pytest
from matplotlib.figure import Figure
from PIL import Image

from deepen.report import canvas, confusion, drawable, fonts, learning_curves, pictures

HISTORY = {
    "loss": [1.2, 0.5, 0.3],
    "accuracy": [0.6, 0.85, 0.9],
    "val_loss": [0.9, 0.4, 0.35],
    "val_accuracy": [0.7, 0.88, 0.89],
    "seconds": [3.0, 3.0, 3.0],
}
MATRIX = np.array([[50, 2, 0], [1, 40, 0], [0, 7, 30]])
BLUE, VERMILION = (0x00, 0x72, 0xB2), (0xD5, 0x5E, 0x00)


def pixels(path: Path) -> np.ndarray:
    with Image.open(path) as image:
        image.load()
        assert image.format == "PNG"
        assert round(image.info["dpi"][0]) == 150
        return np.asarray(image.convert("RGB"))


def has(picture: np.ndarray, colour: tuple[int, int, int]) -> bool:
    return bool((picture == colour).all(axis=2).any())


@pytest.fixture
def no_cjk_font(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fonts, "CJK_FONTS", ())


# Learning curves


@pytest.mark.parametrize("validated", [True, False])
def test_learning_curves_have_a_colour_for_each_curve(tmp_path: Path, validated: bool) -> None:
    history = {key: values for key, values in HISTORY.items() if validated or not key.startswith("val_")}
    learning_curves(history, tmp_path / "a.png")
    picture = pixels(tmp_path / "a.png")
    assert picture.shape == (555, 1440, 3)
    assert has(picture, BLUE)
    assert has(picture, VERMILION) == validated


def test_a_single_epoch_is_a_marker(tmp_path: Path, figures: list[Figure]) -> None:
    learning_curves({key: values[:1] for key, values in HISTORY.items()}, tmp_path / "a.png")
    assert has(pixels(tmp_path / "a.png"), BLUE)
    assert [tick for axes in figures[0].axes for tick in axes.get_xticks()] == [1, 1]


@pytest.mark.parametrize(
    ("epochs", "ticks"),
    [(2, [1, 2]), (10, list(range(1, 11))), (35, [1, 5, 10, 15, 20, 25, 30, 35]), (200, [1, *range(20, 201, 20)])],
)
def test_epochs_are_whole_and_begin_at_1(
    tmp_path: Path, figures: list[Figure], epochs: int, ticks: list[int]
) -> None:
    learning_curves({"loss": list(np.linspace(2, 1, epochs))}, tmp_path / "a.png")
    (axes,) = figures[0].axes
    assert list(axes.get_xticks()) == ticks
    assert axes.get_xlim() == (1, epochs)
    assert list(axes.lines[0].get_xdata()) == list(range(1, epochs + 1))


@pytest.mark.parametrize(
    "accuracy", [[0.0, 0.1], [0.4, 0.62], [0.113, 0.98, 0.9991], [0.5, 1.0], [1.0], [0.9931], [0.0]]
)
def test_the_accuracy_axis_cuts_nothing_off(tmp_path: Path, figures: list[Figure], accuracy: list[float]) -> None:
    learning_curves({"accuracy": accuracy}, tmp_path / "a.png")
    low, high = figures[0].axes[0].get_ylim()
    assert 0 <= low <= 100 * min(accuracy)
    assert 100 * max(accuracy) <= high <= 100
    np.testing.assert_allclose(figures[0].axes[0].lines[0].get_ydata(), 100 * np.array(accuracy))


def test_the_last_points_of_accuracy_get_a_good_part_of_the_axis(tmp_path: Path, figures: list[Figure]) -> None:
    learning_curves({"accuracy": [0.1, 0.9, 0.98, 0.995]}, tmp_path / "a.png")
    axes = figures[0].axes[0]
    heights = axes.transAxes.inverted().transform(axes.transData.transform([(1, 98), (1, 99.5)]))[:, 1]
    assert heights[1] - heights[0] > 0.08
    assert "stretched" in axes.get_ylabel()


@pytest.mark.parametrize(("loss", "scale"), [([2.3, 0.01], "log"), ([2.3, 1.1], "linear"), ([1, 0.0], "linear")])
def test_a_loss_over_orders_of_magnitude_is_logarithmic(
    tmp_path: Path, figures: list[Figure], loss: list[float], scale: str
) -> None:
    learning_curves({"loss": loss}, tmp_path / "a.png")
    assert figures[0].axes[0].get_yscale() == scale


def test_other_figures_of_the_history_change_nothing(tmp_path: Path) -> None:
    learning_curves(HISTORY, tmp_path / "a.png")
    learning_curves(HISTORY | {"seconds": [900.0], "gpu": [1.0] * 9}, tmp_path / "b.png")
    assert (tmp_path / "a.png").read_bytes() == (tmp_path / "b.png").read_bytes()


@pytest.mark.parametrize(
    "history",
    [{}, {"loss": []}, {"loss": [float("nan")]}, {"loss": [1.0, float("inf"), 2.0], "accuracy": [0.5, 0.5, 0.5]}],
)
def test_a_run_that_went_wrong_still_has_a_picture(tmp_path: Path, history: Mapping[str, Sequence[float]]) -> None:
    learning_curves(history, tmp_path / "a.png")
    assert pixels(tmp_path / "a.png").size


# The confusion matrix


def texts(figure: Figure) -> list[str]:
    return [text.get_text() for text in figure.axes[0].texts]


def test_confusion_shows_counts_rows_and_the_total(tmp_path: Path, figures: list[Figure]) -> None:
    confusion(MATRIX, ["cat", "dog", "bird"], tmp_path / "a.png")
    axes = figures[0].axes[0]
    assert pixels(tmp_path / "a.png").shape[0] > 3.3 * canvas.DPI
    where = {text.get_position(): text.get_text() for text in axes.texts}
    # x is the prediction, y the label
    assert where[1, 0] == "2"
    assert where[0, 1] == "1"
    assert where[1, 2] == "7"
    assert (2, 0) not in where
    assert axes.images[1].get_array()[2, 1] == pytest.approx(100 * 7 / 37)
    assert texts(figures[0])[-4:] == ["96.2%", "97.6%", "81.1%", "right"]
    assert axes.get_title("left") == "92.31% right: 10 mistakes in 130 images"
    assert (axes.get_xlabel(), axes.get_ylabel()) == ("prediction", "label")


def test_the_diagonal_does_not_drown_the_mistakes(tmp_path: Path, figures: list[Figure]) -> None:
    confusion(np.diag([100_000] * 4) + np.eye(4, k=1, dtype=int), list("abcd"), tmp_path / "a.png")
    diagonal, mistakes = figures[0].axes[0].images
    drawn = mistakes.get_array()
    assert np.ma.count(drawn) == 3
    assert mistakes.norm.vmax == drawn.max() < 0.01
    assert np.isfinite(diagonal.get_array()).sum() == 4


def test_a_single_mistake_changes_the_picture(tmp_path: Path) -> None:
    matrix = np.diag([60] * 30)
    names = ["c"] * 30
    confusion(matrix, names, tmp_path / "a.png")
    matrix[3, 20] = 1
    confusion(matrix, names, tmp_path / "b.png")
    before, after = pixels(tmp_path / "a.png"), pixels(tmp_path / "b.png")
    assert before.shape[0] == after.shape[0]
    height, width = (min(sides) for sides in zip(before.shape[:2], after.shape[:2], strict=True))
    # Row 3 and column 20 of 30, in a map of 7.5 inches: more than half of its cell is coloured.
    changed = (before[:height, :width] != after[:height, :width]).any(axis=2)
    assert changed[: height // 3, width // 2 :].sum() > 0.5 * (7.5 * canvas.DPI / 30) ** 2


def test_counts_are_written_up_to_20_classes(tmp_path: Path, figures: list[Figure]) -> None:
    for k in (20, 21):
        confusion(3 * np.eye(k, dtype=int), list("abcdefghijklmnopqrstu"[:k]), tmp_path / f"{k}.png")
    assert texts(figures[0]).count("3") == 20
    assert texts(figures[1]) == []


@pytest.mark.parametrize("k", [1, 2, 101])
def test_any_number_of_classes_is_drawn(tmp_path: Path, figures: list[Figure], k: int) -> None:
    confusion(np.eye(k, dtype=int), [str(i) for i in range(k)], tmp_path / "a.png")
    labels = [label.get_text() for label in figures[0].axes[0].get_yticklabels()]
    assert labels[0] == "0"
    assert min(k, 50) < len(labels) + 1 <= 101


def test_accuracy_is_rounded_to_100_only_without_mistakes(tmp_path: Path, figures: list[Figure]) -> None:
    confusion(np.array([[99_999, 1, 0], [0, 5, 0], [0, 0, 0]]), list("abc"), tmp_path / "a.png")
    assert texts(figures[0])[-4:-1] == ["99.9%", "100.0%", "–"]
    assert figures[0].axes[0].get_title("left").startswith("99.99% right")


def test_long_names_are_shortened_in_the_middle_and_slanted(tmp_path: Path, figures: list[Figure]) -> None:
    names = [f"a very long name of the class number {i}" for i in range(12)]
    confusion(np.eye(12, dtype=int), names, tmp_path / "a.png")
    labels = figures[0].axes[0].get_xticklabels()
    shown = [label.get_text() for label in labels]
    assert shown[11] == "a very long n…ber 11"
    assert len(set(shown)) == 12
    assert {label.get_rotation() for label in labels} == {45}


def test_names_are_not_taken_for_mathematics(tmp_path: Path, figures: list[Figure]) -> None:
    confusion(np.eye(2, dtype=int), [r"$\nonsense{$", "a\nb"], tmp_path / "a.png")
    shown = [label.get_text() for label in figures[0].axes[0].get_xticklabels()]
    assert shown == [r"$\nonsense{$", "a b"]


@pytest.mark.usefixtures("no_cjk_font")
def test_a_name_without_a_font_becomes_its_number_and_the_axis_says_so(
    tmp_path: Path, figures: list[Figure]
) -> None:
    # The last name is that of a folder whose bytes are no UTF-8.
    names = ["猫", "dog", "鸟 bird", "\udcff"]
    assert drawable(names) == ["0", "dog", "2", "3"]
    confusion(np.eye(4, dtype=int), names, tmp_path / "a.png")
    axes = figures[0].axes[0]
    assert [label.get_text() for label in axes.get_xticklabels()] == ["0", "dog", "2", "3"]
    assert "no installed font" in axes.get_xlabel()


def test_a_font_that_has_the_characters_is_used(
    tmp_path: Path, figures: list[Figure], monkeypatch: pytest.MonkeyPatch
) -> None:
    # A stand-in that comes with matplotlib: this letter of the private area is in no other font.
    monkeypatch.setattr(fonts, "CJK_FONTS", ("Not Installed", "STIXNonUnicode"))
    name = "a\ue000"
    assert fonts.cover("a") == (["DejaVu Sans"], set())
    assert fonts.cover(name) == (["DejaVu Sans", "STIXNonUnicode"], set())
    confusion(np.eye(2, dtype=int), [name, "b"], tmp_path / "a.png")
    label = figures[0].axes[0].get_xticklabels()[0]
    assert label.get_text() == name
    assert label.get_fontfamily() == ["DejaVu Sans", "STIXNonUnicode"]


def test_wide_characters_take_the_room_of_two(tmp_path: Path, figures: list[Figure]) -> None:
    names = ["一二三四五六七八九十" * 2, "letters, 20 of them."]
    confusion(np.eye(2, dtype=int), names, tmp_path / "a.png")
    shown = [label.get_text() for label in figures[0].axes[0].get_yticklabels()]
    assert shown == ["一二三四五六七…八九十", "letters, 20 of them."]


# Contact sheets


def test_at_most_24_pictures_are_shown_in_rows_of_6(tmp_path: Path, figures: list[Figure]) -> None:
    images = np.random.default_rng(0).integers(0, 256, (30, 1, 8, 8), dtype=np.uint8)
    pictures(images, [f"{i} for {i + 1}\n99%" for i in range(30)], tmp_path / "a.png")
    axes = figures[0].axes
    assert len(axes) == 24
    assert [a.get_xlabel() for a in axes[:2]] == ["0 for 1\n99%", "1 for 2\n99%"]
    for shown, image in zip(axes, images, strict=False):
        np.testing.assert_array_equal(shown.images[0].get_array(), image[0])
    assert pixels(tmp_path / "a.png").shape[1] == 1350


def test_colours_and_greys_are_those_of_the_images(tmp_path: Path) -> None:
    red = np.zeros((1, 3, 4, 4), np.uint8)
    red[:, 0] = 200
    pictures(red, ["red"], tmp_path / "red.png")
    assert has(pixels(tmp_path / "red.png"), (200, 0, 0))
    # A grey that is the brightest of its image stays grey.
    pictures(np.full((1, 1, 4, 4), 77, np.uint8), ["grey"], tmp_path / "grey.png")
    assert has(pixels(tmp_path / "grey.png"), (77, 77, 77))


def test_no_mistakes_make_a_sheet_that_says_none(tmp_path: Path, figures: list[Figure]) -> None:
    pictures(np.empty((0, 1, 8, 8), np.uint8), [], tmp_path / "a.png")
    assert [text.get_text() for text in figures[0].texts] == ["none"]


@pytest.mark.usefixtures("no_cjk_font")
def test_captions_fit_and_are_taken_literally(tmp_path: Path, figures: list[Figure]) -> None:
    captions = ["$x$ for 猫", "one that is much too long for its picture"]
    pictures(np.zeros((2, 1, 8, 8), np.uint8), captions, tmp_path / "a.png")
    assert [a.get_xlabel() for a in figures[0].axes] == ["$x$ for □", "one that is m…icture"]


def draw_all(folder: Path) -> list[bytes]:
    learning_curves(HISTORY, folder / "curves.png")
    confusion(MATRIX, ["cat", "dog", "bird"], folder / "confusion.png")
    pictures(np.full((2, 3, 8, 8), 99, np.uint8), ["a", "b"], folder / "pictures.png")
    return [path.read_bytes() for path in sorted(folder.glob("*.png"))]


def test_pictures_depend_on_the_data_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = draw_all(tmp_path)
    for key, value in {"font.size": 20.0, "axes.facecolor": "black", "image.cmap": "hot"}.items():
        monkeypatch.setitem(matplotlib.rcParams, key, value)
    # To import pyplot is an error from here on.
    monkeypatch.setitem(sys.modules, "matplotlib.pyplot", None)
    assert draw_all(tmp_path) == first
    assert matplotlib.rcParams["font.size"] == 20
    assert all(b"matplotlib" not in file.lower() for file in first)
    assert max(map(len, first)) < 150_000
