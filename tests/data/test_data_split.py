import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from deepen.data import stratified_split
from deepen.data.split import draw_without_copies
from deepen.errors import DataError

labels_of_any_kind = st.lists(st.integers(-3, 12), min_size=2, max_size=200)
fractions = st.floats(0.01, 0.99)
seeds = st.integers(0, 2**63 - 1)


@given(labels=labels_of_any_kind, fraction=fractions, seed=seeds)
def test_the_split_is_exact_stratified_and_complete(labels, fraction, seed):
    wanted = round(len(labels) * fraction)
    assume(0 < wanted < len(labels))
    rest, part = stratified_split(labels, fraction, seed)
    assert len(part) == wanted
    np.testing.assert_array_equal(np.sort(np.concatenate([rest, part])), np.arange(len(labels)))
    for indices in (rest, part):
        assert indices.dtype == np.int64
        assert (np.diff(indices) > 0).all()
    for label in set(labels):
        share = labels.count(label) * wanted / len(labels)
        assert abs(sum(labels[i] == label for i in part) - share) < 1


@given(labels=labels_of_any_kind, seed=seeds)
def test_the_same_seed_gives_the_same_split(labels, seed):
    assume(len(labels) > 2)
    for first, second in zip(
        stratified_split(labels, 0.5, seed), stratified_split(np.array(labels), 0.5, seed), strict=True
    ):
        np.testing.assert_array_equal(first, second)


def test_seeds_give_different_splits():
    labels = np.arange(1000) % 10
    parts = {tuple(stratified_split(labels, 0.1, seed)[1]) for seed in range(5)}
    assert len(parts) == 5


def test_the_part_is_no_tail_but_drawn_from_everywhere():
    _, part = stratified_split(np.zeros(10_000, int), 0.1, 0)
    # 1,000 draws of 10 equal boxes: 100 each, deviation 9.
    boxes = np.bincount(part // 1000, minlength=10)
    assert boxes.min() > 60
    assert boxes.max() < 140


def test_a_tenth_of_mnist_sized_labels_is_exact():
    counts = [5923, 6742, 5958, 6131, 5842, 5421, 5918, 6265, 5851, 5949]
    rest, part = stratified_split(np.repeat(np.arange(10), counts), 0.1, 0)
    assert (len(rest), len(part)) == (54_000, 6_000)


def test_the_largest_remainders_win_and_lower_labels_go_first():
    # Shares of 4 among 3, 3, 3, 1: 1.2, 1.2, 1.2, 0.4; the fourth example comes from the last class.
    labels = np.array([0] * 3 + [1] * 3 + [2] * 3 + [3])
    assert labels[stratified_split(labels, 0.4, 0)[1]].tolist() == [0, 1, 2, 3]
    # Shares of 1 among 2 and 2: 0.5 each.
    assert stratified_split([7, 7, 8, 8], 0.25, 0)[1].max() < 2


@pytest.mark.parametrize("fraction", [0, 1, -0.1, 1.5, 10, float("nan"), float("inf")])
def test_fractions_outside_are_refused(fraction):
    with pytest.raises(DataError, match=f"must lie between 0 and 1, but is {fraction}"):
        stratified_split([0, 1, 0, 1], fraction, 0)


@pytest.mark.parametrize(("fraction", "sizes"), [(0.01, "10 and 0"), (0.99, "0 and 10")])
def test_no_part_may_be_empty(fraction, sizes):
    with pytest.raises(DataError, match=f"splitting {fraction} off 10 examples gives {sizes}, but neither may"):
        stratified_split([0] * 10, fraction, 0)


@pytest.mark.parametrize("labels", [[0.0, 1.0], [[0, 1], [1, 0]], [], ["a", "b"]])
def test_labels_must_be_integers(labels):
    with pytest.raises(DataError, match=r"a split needs integer labels \(N,\), but they are"):
        stratified_split(labels, 0.5, 0)


@given(st.lists(st.sampled_from("abcdefgh"), max_size=40), st.floats(0.01, 0.99), st.integers(0, 3))
def test_copies_are_drawn_together_and_neither_side_is_empty(contents, fraction, seed):
    drawn = draw_without_copies(contents, fraction, seed, "a class")
    assert drawn.shape == (len(contents),)
    taken = {content for content, is_drawn in zip(contents, drawn, strict=True) if is_drawn}
    rest = {content for content, is_drawn in zip(contents, drawn, strict=True) if not is_drawn}
    assert not taken & rest
    if len(set(contents)) > 1:
        assert taken
        assert rest
    else:
        assert not taken


def test_without_copies_the_share_is_exact():
    contents = [str(number) for number in range(50)]
    drawn = draw_without_copies(contents, 0.2, 0, "cats")
    assert drawn.sum() == 10
    assert (draw_without_copies(contents, 0.2, 0, "dogs") != drawn).any()
    assert (draw_without_copies(contents, 0.2, 1, "cats") != drawn).any()
    np.testing.assert_array_equal(draw_without_copies(contents, 0.2, 0, "cats"), drawn)
