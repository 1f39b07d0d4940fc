"""Where pixels go: moves, mirrors, turns and bends, against other ways of doing the same."""

from __future__ import annotations

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from augmenting import context, fixed, noise
from deepen.data.augment import Affine, AlternatingFlip, Crop, Elastic, Flip, Rotation, Scale, Shear, Shift
from deepen.data.augment.elastic import total
from deepen.randomness import Moment


def test_shift_moves_each_image_whole() -> None:
    x = np.zeros((200, 2, 9, 7))
    x[:, 0, 4, 3] = 1
    x[:, 1, 4, 3] = 2
    y = Shift(2).forward(x, context())
    n, rows, columns = np.nonzero(y[:, 0])
    assert (n == np.arange(200)).all()
    assert (2 * y[:, 0] == y[:, 1]).all()
    assert {*rows} == {2, 3, 4, 5, 6}
    assert {*columns} == {1, 2, 3, 4, 5}


def test_what_leaves_on_one_side_comes_back_as_zeros_on_the_other() -> None:
    y = Shift(1).forward(np.ones((50, 1, 3, 3)), context())
    assert {float(image.sum()) for image in y} == {4.0, 6.0, 9.0}


def test_shift_draws_as_ever() -> None:
    y = Shift(2).forward(np.arange(1, 26, dtype="float32").reshape(1, 1, 5, 5).repeat(6, axis=0), context())
    assert y[:, 0, 2, 2].tolist() == [13, 6, 1, 11, 24, 25]


def test_crop_is_a_shift_with_a_mirror_beyond_the_border() -> None:
    x = noise(50, 3, 6, 7)
    y, shifted = (step.forward(x, context()) for step in (Crop(3), Shift(3)))
    assert (y[shifted != 0] == shifted[shifted != 0]).all()
    # All draws at their lowest take the upper left corner of the padded image.
    corner = Crop(2).forward(np.arange(16.0).reshape(1, 1, 4, 4), fixed(0))
    assert corner[0, 0].tolist() == [[10, 9, 8, 9], [6, 5, 4, 5], [2, 1, 0, 1], [6, 5, 4, 5]]


def test_flip_mirrors_a_share_of_the_images() -> None:
    x = noise(2000, 1, 2, 3)
    y = Flip(0.3).forward(x, context())
    flipped = (y == x[:, :, :, ::-1]).all(axis=(1, 2, 3))
    assert ((y == x).all(axis=(1, 2, 3)) == ~flipped).all()
    assert abs(flipped.mean() - 0.3) < 0.04
    assert (Flip(1).forward(x, context()) == x[:, :, :, ::-1]).all()


def test_alternating_flip_shows_both_sides_in_any_two_epochs() -> None:
    x, images = noise(500, 1, 2, 3), np.random.default_rng(0).permutation(500)
    epochs = [AlternatingFlip().forward(x, context(images, Moment(epoch, 7))) for epoch in range(4)]
    flipped = np.array([(y != x).any(axis=(1, 2, 3)) for y in epochs])
    assert (flipped[0] == flipped[2]).all()
    assert (flipped[0] == ~flipped[1]).all()
    assert (flipped[1] == flipped[3]).all()
    assert abs(flipped[0].mean() - 0.5) < 0.1


def test_alternating_flip_belongs_to_the_image_wherever_it_stands() -> None:
    x, images = noise(30, 1, 2, 3), np.random.default_rng(0).permutation(30)
    y = AlternatingFlip().forward(x, context(range(30)))
    moved = AlternatingFlip().forward(x[images], context(images, Moment(0, 4)))
    assert (moved == y[images]).all()


@pytest.mark.parametrize("quarters", [-2, -1, 0, 1, 2])
@pytest.mark.parametrize("side", [7, 8])
def test_quarters_of_a_turn(quarters: int, side: int) -> None:
    x = noise(3, 2, side, side, dtype="float64")
    y = Rotation(180).forward(x, fixed(0.5 + quarters / 4))
    np.testing.assert_allclose(y, np.rot90(x, quarters, axes=(2, 3)), rtol=0, atol=1e-12)


def test_a_move_by_whole_pixels() -> None:
    x = noise(2, 3, 8, 6)
    y = Affine(shift=2).forward(x, fixed(0.5, 0.5, 0.5, 1, 0))
    expected = np.zeros_like(x)
    expected[:, :, :-2, 2:] = x[:, :, 2:, :-2]
    np.testing.assert_allclose(y, expected, rtol=0, atol=1e-6)


def test_a_move_by_half_a_pixel_is_the_mean_of_two() -> None:
    x = noise(2, 3, 8, 6, dtype="float64")
    y = Affine(shift=0.5).forward(x, fixed(0.5, 0.5, 0.5, 1, 0.5))
    np.testing.assert_allclose(y[..., 1:], (x[..., 1:] + x[..., :-1]) / 2, atol=1e-12)
    np.testing.assert_allclose(y[..., 0], x[..., 0] / 2, atol=1e-12)


def test_the_middle_of_an_image_doubled() -> None:
    x = noise(1, 1, 9, 9, dtype="float64")
    y = Scale(0.999999).forward(x, fixed(1))
    np.testing.assert_allclose(y[..., ::2, ::2], x[..., 2:7, 2:7], atol=1e-5)
    assert Scale(0.5).forward(np.ones((1, 1, 40, 40)), fixed(0)).sum() == pytest.approx(400)


def test_a_shear_moves_rows() -> None:
    x = noise(1, 1, 5, 9, dtype="float64")
    y = Shear(1).forward(x, fixed(1))
    for row, offset in enumerate([-2, -1, 0, 1, 2]):
        moved = np.roll(x[0, 0, row], offset)
        moved[: max(offset, 0)] = 0
        moved[9 + min(offset, 0) :] = 0
        np.testing.assert_allclose(y[0, 0, row], moved, atol=1e-12)


def test_all_at_once_is_scale_then_shear_then_turn_then_move() -> None:
    side, angle, s, k, right, down = 11, np.radians(20), 1.1, 0.2, 2.0, -1.0
    matrix = np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]]) @ [[1, k], [0, 1]] * s
    inverse = np.linalg.inv(matrix)
    # PyTorch wants where pixels come from, with the image from −1 to 1.
    moves = -inverse @ [[right], [down]] * 2 / side
    theta = torch.from_numpy(np.hstack([inverse, moves]))[None]
    x = noise(1, 2, side, side, dtype="float64")
    grid = F.affine_grid(theta, x.shape, align_corners=False)
    expected = F.grid_sample(torch.from_numpy(x), grid, align_corners=False).numpy()
    step = Affine(rotation=20, scale=0.1, shear=0.2, shift=2)
    y = step.forward(x, fixed(1, 1, 1, 1, 0.25))
    np.testing.assert_allclose(y, expected, atol=1e-9)


def test_parts_are_affine() -> None:
    x = noise(8, 1, 9, 9)
    for part, whole in [
        (Rotation(20), Affine(rotation=20)),
        (Scale(0.2), Affine(scale=0.2)),
        (Shear(0.3), Affine(shear=0.3)),
    ]:
        assert (part.forward(x, context()) == whole.forward(x, context())).all()


def test_turns_stay_in_their_range_and_go_either_way() -> None:
    # A point east of the centre tells the angle.
    x = np.zeros((1000, 1, 41, 41))
    x[:, 0, 20, 36] = 1
    y = Rotation(30).forward(x, context())[:, 0]
    places = np.arange(41) - 20
    mass = y.sum(axis=(1, 2))
    angles = np.degrees(np.arctan2(-(y.sum(2) @ places) / mass, (y.sum(1) @ places) / mass))
    assert -30.5 < angles.min() < -28.5
    assert 28.5 < angles.max() < 30.5
    assert abs(angles.mean()) < 2
    assert angles.std() == pytest.approx(60 / np.sqrt(12), rel=0.05)


def test_elastic_moves_are_as_large_as_said() -> None:
    # On a ramp a pixel's value says where it comes from.
    ramp = np.broadcast_to(np.arange(60.0), (100, 1, 60, 60))
    moves = (Elastic(20, 4).forward(ramp, context()) - ramp)[:, 0, 10:50, 10:50]
    assert moves.std() == pytest.approx(0.163 * 20 / 4, rel=0.1)
    assert abs(moves.mean()) < 0.1
    # Neighbours move together: a Gaussian over itself is one of √2 its deviation.
    together = np.mean(moves[..., 1:] * moves[..., :-1]) / moves.var()
    assert together == pytest.approx(np.exp(-1 / (4 * 4**2)), abs=0.01)


def test_elastic_fields_are_the_convolution_with_a_gaussian() -> None:
    h, w, sigma = 6, 9, 1.5
    offsets = np.arange(-20, 21)
    kernel = np.exp(-(offsets**2) / (2 * sigma**2))
    kernel /= kernel.sum()
    impulse = np.zeros((h, w))
    impulse[2, 3] = 1
    rows = np.apply_along_axis(lambda line: np.convolve(line, kernel)[20 : 20 + h], 0, impulse)
    expected = np.apply_along_axis(lambda line: np.convolve(line, kernel)[20 : 20 + w], 1, rows)
    step, like = Elastic(1, sigma), np.zeros(1)
    found = step._gaussian(np, h, like) @ impulse @ step._gaussian(np, w, like)
    np.testing.assert_allclose(found, expected, atol=1e-12)


@pytest.mark.parametrize("sigma", [1e-9, 0.3, 1.0, 1.99, 2.0, 4.0, 30.0])
def test_the_sum_of_a_gaussian_is_exact(sigma: float) -> None:
    places = np.arange(-2000, 2001)
    with np.errstate(over="ignore"):
        assert total(sigma) == pytest.approx(np.exp(-0.5 * (places / sigma) ** 2).sum(), rel=1e-14)


def test_a_huge_sigma_takes_no_time() -> None:
    # A sum over all places within reach would have 1.6e11 terms.
    x = noise(2, 1, 8, 8)
    assert np.abs(Elastic(alpha=1, sigma=1e10).forward(x, context()) - x).max() < 1e-6
