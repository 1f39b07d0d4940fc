"""The same numbers everywhere: any part of a draw alone is the part of the whole, and the generator is Philox."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from deepen import randomness
from deepen.context import Context, Pass
from deepen.randomness import Moment

MASK = 2**64 - 1


def philox(counter: list[int], key: list[int]) -> list[int]:
    """Philox 4x64 with 10 rounds, written down from the paper."""
    c, (k0, k1) = list(counter), key
    for _ in range(10):
        a, b = 0xD2E7470EE14C6C93 * c[0], 0xCA5A826395121157 * c[2]
        c = [(b >> 64) ^ c[1] ^ k0, b & MASK, (a >> 64) ^ c[3] ^ k1, a & MASK]
        k0, k1 = (k0 + 0x9E3779B97F4A7C15) & MASK, (k1 + 0xBB67AE8584CAA73B) & MASK
    return c


def test_words_are_philox_at_the_next_counter() -> None:
    found = randomness.words(seed=5, purpose="conv1", moment=Moment(epoch=3, step=7), first_block=11, blocks=2)
    key = [5, randomness.purpose_key("conv1")]
    assert found.tolist() == philox([12, 0, 7, 3], key) + philox([13, 0, 7, 3], key)


def test_uniform_is_made_of_halves_lower_first() -> None:
    found = randomness.uniform(0, "drop", Moment(), (1, 8))
    words = randomness.words(0, "drop", Moment(), 0, 1)
    halves = [half for word in words.tolist() for half in (word & 0xFFFFFFFF, word >> 32)]
    assert found[0].tolist() == [(half >> 8) * 2.0**-24 for half in halves]
    assert found.dtype == np.float32


@given(st.integers(1, 6), st.integers(0, 5), st.lists(st.integers(1, 5), max_size=3))
def test_a_part_of_the_batch_draws_its_part(count: int, start: int, rest: list[int]) -> None:
    whole = randomness.uniform(1, "p", Moment(2, 3), (start + count, *rest))
    part = randomness.uniform(1, "p", Moment(2, 3, position=start), (count, *rest))
    assert (whole[start:] == part).all()


@pytest.mark.parametrize(
    "other",
    [(2, "p", Moment(1, 1)), (1, "q", Moment(1, 1)), (1, "p", Moment(2, 1)), (1, "p", Moment(1, 2))],
    ids=["seed", "purpose", "epoch", "step"],
)
def test_every_part_of_the_key_counts(other: tuple[int, str, Moment]) -> None:
    first = randomness.uniform(1, "p", Moment(1, 1), (4, 100))
    assert abs(np.corrcoef(first.ravel(), randomness.uniform(*other, (4, 100)).ravel())[0, 1]) < 0.2


@given(st.lists(st.integers(0, 5000), min_size=1, max_size=20), st.integers(1, 9))
def test_what_belongs_to_an_image_depends_on_its_number_alone(numbers: list[int], width: int) -> None:
    found = randomness.uniform_of_images(1, "p", np.array(numbers), width)
    assert found.shape == (len(numbers), width)
    assert found.dtype == np.float32
    for number, row in zip(numbers, found, strict=True):
        assert (row == randomness.uniform_of_images(1, "p", np.array([number]), width)[0]).all()


def test_images_seeds_and_purposes_have_numbers_of_their_own() -> None:
    every = np.arange(3000)
    found = [
        randomness.uniform_of_images(seed, purpose, every, 1) for seed, purpose in [(1, "p"), (2, "p"), (1, "q")]
    ]
    assert (abs(np.corrcoef([u.ravel() for u in found]) - np.eye(3)) < 0.1).all()
    assert len(np.unique(found[0])) > 2990
    assert np.histogram(found[0], 4)[0] == pytest.approx(np.full(4, 750), rel=0.1)


def test_numbers_of_images_can_be_written_to() -> None:
    first = randomness.uniform_of_images(1, "w", np.arange(4), 2)
    kept = first.copy()
    first[:] = 0
    assert (randomness.uniform_of_images(1, "w", np.arange(4), 2) == kept).all()


def test_uniform_is_uniform() -> None:
    u = randomness.uniform(0, "u", Moment(), (1000, 100))
    assert 0 <= u.min() < 1e-4
    assert 1 - 1e-4 < u.max() < 1
    assert np.histogram(u, 10)[0] == pytest.approx(np.full(10, 10_000), rel=0.05)


def test_normal_is_normal() -> None:
    z = randomness.normal(0, "z", 99_999)
    assert len(z) == 99_999
    assert z.mean() == pytest.approx(0, abs=0.02)
    assert z.std() == pytest.approx(1, abs=0.02)
    assert (abs(z) < 1.959964).mean() == pytest.approx(0.95, abs=0.005)
    assert np.isfinite(z).all()


@given(st.integers(0, 300), st.integers(0, 5))
def test_permutation(length: int, epoch: int) -> None:
    assert sorted(randomness.permutation(0, "shuffle", length, epoch).tolist()) == list(range(length))


def test_every_epoch_has_an_order_of_its_own() -> None:
    orders = [randomness.permutation(0, "shuffle", 50, epoch).tolist() for epoch in range(5)]
    assert len({tuple(order) for order in orders}) == 5
    assert orders[0] == randomness.permutation(0, "shuffle", 50, 0).tolist()


def test_a_layer_that_draws_twice_draws_anew_and_no_name_meets_another_purpose() -> None:
    purposes: list[str] = []

    def draw(purpose: str, shape: tuple[int, ...]) -> None:
        purposes.append(purpose)

    for path in ("shuffle", "split"):
        context = Context(Pass(True, draw), path)
        context.uniform((2,))
        context.uniform((2,))
    assert len(set(purposes) | {"shuffle", "split", "initial shuffle"}) == 7
    again = Context(Pass(True, draw), "shuffle")
    again.uniform((2,))
    assert purposes[-1] == purposes[0]
