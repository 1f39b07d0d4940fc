"""What becomes of pixels: hidden, lit, coloured, mixed."""

from __future__ import annotations

import math

import numpy as np
import pytest
from PIL import Image, ImageEnhance

from augmenting import context, fixed, noise
from deepen.arrays import Array
from deepen.data.augment import Brightness, Color, Contrast, CutMix, Cutout, Erasing, Mixup
from deepen.data.augment.mix import symmetric_beta


def rectangles(changed: Array) -> Array:
    """Return top, bottom, left and right `(N, 4)` of what is True in `(N, H, W)`: one rectangle in each."""
    edges = []
    for image in changed:
        rows, columns = np.flatnonzero(image.any(1)), np.flatnonzero(image.any(0))
        top, bottom, left, right = rows[0], rows[-1] + 1, columns[0], columns[-1] + 1
        assert image.sum() == (bottom - top) * (right - left)
        edges.append((top, bottom, left, right))
    return np.array(edges)


def test_cutout_hides_one_square_with_its_centre_anywhere() -> None:
    y = Cutout(3).forward(np.ones((2000, 2, 6, 8)), context())
    assert (y[:, 0] == y[:, 1]).all()
    top, bottom, left, right = rectangles(y[:, 0] == 0).T
    assert {*zip(top, bottom, strict=True)} == {(0, 2), (0, 3), (1, 4), (2, 5), (3, 6), (4, 6)}
    assert {*(right - left)} == {2, 3}
    # Each of the 8 columns is as often the centre: the first and the last one cut the square.
    assert np.mean(right - left == 2) == pytest.approx(2 / 8, abs=0.04)


def test_erasing_fills_a_share_of_the_images_with_noise() -> None:
    x = np.full((2000, 3, 32, 32), 2.0)
    y = Erasing(0.3).forward(x, context())
    hidden = y != 2
    assert (hidden == hidden[:, :1]).all()
    assert hidden.any(axis=(1, 2, 3)).mean() == pytest.approx(0.3, abs=0.04)
    values = y[hidden]
    assert 0 <= values.min() < values.max() < 1
    assert values.mean() == pytest.approx(0.5, abs=0.01)
    assert len(np.unique(y[hidden[:, :1].any(axis=(1, 2, 3))][0])) > 30


@pytest.mark.parametrize("sides", [(60, 60), (40, 90)])
def test_erased_rectangles_have_the_area_and_ratio_that_are_asked_for(sides: tuple[int, int]) -> None:
    y = Erasing(1, (0.1, 0.2), 0.5).forward(np.full((1000, 1, *sides), 2.0), context())
    top, bottom, left, right = rectangles(y[:, 0] != 2).T
    height, width = bottom - top, right - left
    area = height * width / (sides[0] * sides[1])
    assert 0.095 < area.min() < 0.105
    assert 0.195 < area.max() < 0.205
    assert area.mean() == pytest.approx(0.15, abs=0.005)
    ratio = height / width
    assert 0.47 < ratio.min() < 0.53
    assert 1.9 < ratio.max() < 2.15
    assert abs(np.log(ratio).mean()) < 0.05
    # Rectangles lie anywhere inside: at the border, but no more often than elsewhere.
    room = sides[0] - height
    assert np.mean(top / room) == pytest.approx(0.5, abs=0.05)
    assert top.min() == 0


def test_erasing_fits_into_narrow_images() -> None:
    y = Erasing(1, (0.3, 0.4)).forward(np.full((200, 1, 100, 4), 2.0), context())
    top, bottom, left, right = rectangles(y[:, 0] != 2).T
    area = (bottom - top) * (right - left) / 400
    assert 0.28 < area.min() < area.max() < 0.42


def test_brightness_multiplies_each_image() -> None:
    x = noise(2000, 1, 2, 2, dtype="float64") + 1
    factors = Brightness(0.4).forward(x, context()) / x
    assert np.ptp(factors, axis=(1, 2, 3)).max() < 1e-12
    each = factors[:, 0, 0, 0]
    assert 0.6 <= each.min() < 0.61
    assert 1.39 < each.max() < 1.4
    assert each.mean() == pytest.approx(1, abs=0.02)


@pytest.mark.parametrize("draw", [0, 0.25, 0.75])
def test_pillow_blends_alike(draw: float) -> None:
    pixels = np.random.default_rng(0).integers(60, 190, (8, 9, 3), dtype=np.uint8)
    x = pixels.transpose(2, 0, 1)[None] / 255
    factor = 1 + (2 * draw - 1) * 0.3
    for step, judge in [(Brightness(0.3), ImageEnhance.Brightness), (Color(0.3), ImageEnhance.Color)]:
        theirs = np.asarray(judge(Image.fromarray(pixels)).enhance(factor))
        ours = step.forward(x, fixed(draw))[0].transpose(1, 2, 0) * 255
        # Pillow rounds the grey image and the result.
        assert abs(ours - theirs).max() < 1.6


def test_contrast_keeps_the_mean_and_scales_the_deviation() -> None:
    x = noise(20, 3, 8, 9, dtype="float64")
    y = Contrast(0.5).forward(x, fixed(0))
    np.testing.assert_allclose(y.mean(axis=(1, 2, 3)), x.mean(axis=(1, 2, 3)))
    np.testing.assert_allclose(y.std(axis=(1, 2, 3)), x.std(axis=(1, 2, 3)) / 2)


def test_color_leaves_grey_pixels_and_the_luminance() -> None:
    grey = np.repeat(noise(5, 1, 4, 4, dtype="float64"), 3, axis=1)
    np.testing.assert_allclose(Color(0.9).forward(grey, context()), grey)
    x = noise(5, 3, 4, 4, dtype="float64")
    weights = np.array([0.299, 0.587, 0.114])
    before, after = (np.einsum("c,nchw->nhw", weights, images) for images in (x, Color(0.9).forward(x, context())))
    np.testing.assert_allclose(after, before)


@pytest.mark.parametrize("alpha", [0.05, 0.2, 0.5, 1.0, 3.0, 40.0])
def test_symmetric_beta_has_the_moments_of_beta(alpha: float) -> None:
    shares = symmetric_beta(np, np.random.default_rng(1).random((200_000, 2)), alpha)
    assert 0 <= shares.min() < shares.max() <= 1
    assert shares.mean() == pytest.approx(0.5, abs=0.003)
    centred = shares - 0.5
    assert shares.var() == pytest.approx(1 / (4 * (2 * alpha + 1)), rel=0.02)
    fourth = 3 / (16 * (2 * alpha + 1) * (2 * alpha + 3))
    assert np.mean(centred**4) == pytest.approx(fourth, rel=0.03)


@pytest.mark.parametrize("alpha", [0.5, 1.0, 2.0])
def test_symmetric_beta_has_the_distribution_of_beta(alpha: float) -> None:
    shares = np.sort(symmetric_beta(np, np.random.default_rng(2).random((50_000, 2)), alpha))
    places = (np.arange(200_000) + 0.5) / 200_000
    density = (places * (1 - places)) ** (alpha - 1) * math.gamma(2 * alpha) / math.gamma(alpha) ** 2
    cumulated = np.interp(shares, places, np.cumsum(density) / 200_000)
    # Kolmogorov and Smirnov: one in 10⁵ samples of this size is farther off.
    assert abs(cumulated - np.arange(1, 50_001) / 50_000).max() < 2.47 / math.sqrt(50_000)


@pytest.mark.parametrize("u", [(0, 0), (0, 0.25), (1 - 2**-24, 0), (1 - 2**-24, 0.25), (2**-24, 0.5)])
def test_symmetric_beta_is_a_share_at_the_edges_of_its_draws(u: tuple[float, float]) -> None:
    for alpha in (1e-9, 1e-3, 1.0, 1e6):
        assert 0 <= symmetric_beta(np, np.array([u], np.float32), alpha)[0] <= 1


def test_mixup_mixes_images_and_labels_alike() -> None:
    x, targets = noise(50, 3, 4, 5, dtype="float64"), np.eye(50)
    y, mixed = Mixup(1).mix(x, targets, context())
    np.testing.assert_allclose(mixed.sum(1), 1)
    np.testing.assert_allclose(y, np.einsum("nm,mchw->nchw", mixed, x))
    kept = mixed.diagonal()
    assert np.ptp(kept) > 0.9
    np.testing.assert_allclose(mixed[:, ::-1].diagonal(), 1 - kept)


def test_cutmix_labels_are_the_shares_of_the_area() -> None:
    x = np.broadcast_to(np.arange(1000.0)[:, None, None, None], (1000, 2, 8, 12))
    y, mixed = CutMix().mix(x, np.eye(1000), context())
    assert (y[:, 0] == y[:, 1]).all()
    own = y[:, 0] == x[:, 0]
    assert (own | (y[:, 0] == x[::-1, 0])).all()
    np.testing.assert_allclose(mixed.diagonal(), own.mean(axis=(1, 2)))
    np.testing.assert_allclose(mixed.sum(1), 1)
    cut = ~own[~own.all(axis=(1, 2))]
    rectangles(cut)
    # A uniform area whose rim may be outside: less than half, everywhere in the image.
    assert 0.2 < 1 - mixed.diagonal().mean() < 0.5
    assert ((cut.mean(axis=0) > 0.1) & (cut.mean(axis=0) < 0.6)).all()


def test_what_stands_in_the_middle_of_a_batch_is_mixed_with_itself() -> None:
    x, targets = noise(1, 1, 4, 4), np.eye(3, dtype=np.float32)[:1]
    for step in (Mixup(1), CutMix()):
        y, mixed = step.mix(x, targets, context())
        np.testing.assert_allclose(y, x, atol=1e-7)
        np.testing.assert_allclose(mixed, targets, atol=1e-7)
        assert mixed.dtype == np.float32
