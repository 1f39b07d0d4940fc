"""The reliability diagram shows the bins where they are, however sure the model is."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from matplotlib.axes import Axes
from matplotlib.colors import to_hex
from matplotlib.figure import Figure

from deepen.calibration import Calibration
from deepen.report import canvas, reliability


def bins(confidences: list[float], accuracies: list[float], counts: list[int]) -> Calibration:
    said, found, images = np.array(confidences), np.array(accuracies), np.array(counts)
    return Calibration(said, found, images, images * said * (1 - said))


SPREAD = bins([0.3, 0.5, 0.7], [0.3, 0.4, 0.9], [10, 20, 40])
SURE = bins([0.55, 0.999], [0.5, 0.974], [10, 9_990])


def drawn(calibration: Calibration, path: Path, figures: list[Figure]) -> tuple[Axes, Axes]:
    reliability(calibration, path)
    above, below = figures[-1].axes
    return above, below


def test_each_bin_is_a_dot_at_its_confidence_and_accuracy(tmp_path: Path, figures: list[Figure]) -> None:
    above, below = drawn(SPREAD, tmp_path / "a.png", figures)
    dots = above.collections[-1]
    np.testing.assert_allclose(dots.get_offsets(), [(30, 30), (50, 40), (70, 90)])
    assert list(dots.get_sizes()) == sorted(set(dots.get_sizes()))
    tops = [stick[1] for stick in below.collections[0].get_segments()]
    np.testing.assert_allclose(tops, [(30, 10), (50, 20), (70, 40)])
    # 20/70 of 10 points and 40/70 of 20
    assert above.get_title("left") == "Calibration error: 14.3 percentage points"


def test_only_gaps_beyond_chance_are_coloured(tmp_path: Path, figures: list[Figure]) -> None:
    above, _ = drawn(SPREAD, tmp_path / "a.png", figures)
    allowed, gaps, _ = above.collections
    # Two deviations of 20 images at 50% are 22 points, those of 40 images at 70% 14.5.
    np.testing.assert_allclose(allowed.get_segments()[1][:, 1], [50 - 22.36, 50 + 22.36], atol=0.01)
    assert [to_hex(colour) for colour in gaps.get_colors()] == [canvas.FRAME, canvas.FRAME, canvas.VERMILION]
    np.testing.assert_allclose(gaps.get_segments()[2], [(70, 70), (70, 90)])


def test_the_gap_of_a_model_that_is_sure_of_nearly_everything_can_be_seen(
    tmp_path: Path, figures: list[Figure]
) -> None:
    above, below = drawn(SURE, tmp_path / "a.png", figures)
    place = above.transAxes.inverted().transform(above.transData.transform([(99.9, 99.9), (99.9, 97.4)]))
    assert place[0, 1] - place[1, 1] > 0.15
    assert place[0, 0] == pytest.approx(place[0, 1])  # the diagonal is straight
    assert "stretched" in below.get_xlabel()
    # Ten images are still there beside thousands.
    assert below.get_yscale() == "log"


@pytest.mark.parametrize("calibration", [bins([1.0], [1.0], [1]), bins([0.1], [0.0], [7]), SPREAD])
def test_nothing_is_cut_off(tmp_path: Path, figures: list[Figure], calibration: Calibration) -> None:
    above, below = drawn(calibration, tmp_path / "a.png", figures)
    assert above.get_xlim() == above.get_ylim() == below.get_xlim() == (0, 100)
    low, high = below.get_ylim()
    assert low < calibration.counts.min()
    assert calibration.counts.max() <= high


def test_the_picture_is_the_same_bytes_again(tmp_path: Path) -> None:
    for name in ("a.png", "b.png"):
        reliability(SURE, tmp_path / name)
    assert (tmp_path / "a.png").read_bytes() == (tmp_path / "b.png").read_bytes()
