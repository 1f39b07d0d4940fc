import os
import shutil

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pictures import animals, copy, fill

from deepen.data import PictureRules, read_picture
from deepen.data.folder import open_folder
from deepen.errors import DataError


def names(source, part):
    return {p.path.relative_to(source.root).as_posix() for p in source.pictures if p.part == part}


def test_a_test_part_is_drawn_beside_a_given_validation_part(tmp_path):
    animals(tmp_path / "train", 10, 10)
    fill(tmp_path / "valid" / "cats", 3, first=50)
    source = open_folder(tmp_path, test_split=0.3)
    assert source.counts == {"training": (7, 7), "validation": (3, 0), "test": (3, 3)}
    assert source.remarks[-1] == "30% of each class were drawn for the test, with seed 0"


def test_the_draw_depends_on_seed_and_names_only(tmp_path):
    root = animals(tmp_path / "photos", 20, 20)
    first = names(open_folder(root), "test")
    assert len(first) == 8
    assert names(open_folder(root), "test") == first
    assert names(open_folder(root, seed=1), "test") != first
    moved = shutil.copytree(root, tmp_path / "elsewhere")
    fill(moved / "birds", 9, first=500)
    for path in (moved / "cats").iterdir():
        os.utime(path, (0, 0))
    assert {name for name in names(open_folder(moved), "test") if not name.startswith("birds")} == first


@pytest.mark.parametrize("share", [0, 1, -0.5, 1.5])
def test_the_share_lies_between_0_and_1(tmp_path, share):
    with pytest.raises(DataError, match=f"the share of test pictures must lie between 0 and 1, but is {share}"):
        open_folder(animals(tmp_path), test_split=share)


def test_copies_stay_together(tmp_path):
    animals(tmp_path, 12, 12)
    copy(tmp_path / "cats/0003.png", tmp_path / "cats/a.png", tmp_path / "cats/b.png")
    parts = {"training": 0, "test": 0}
    for seed in range(20):
        source = open_folder(tmp_path, seed, test_split=0.5)
        of_copies = {p.part for p in source.pictures if p.path.name in ("0003.png", "a.png", "b.png")}
        assert len(of_copies) == 1
        parts[of_copies.pop()] += 1
    assert min(parts.values()) > 0
    assert source.remarks[-1] == (
        "the same picture more than once in a class counts more than once (found 1): "
        "cats/0003.png = cats/a.png = cats/b.png"
    )


def test_a_picture_of_two_classes_is_never_drawn_for_the_test(tmp_path):
    animals(tmp_path, 3, 3)
    copy(tmp_path / "cats/0001.png", tmp_path / "dogs/copy.png")
    for seed in range(10):
        assert not {"cats/0001.png", "dogs/copy.png"} & names(open_folder(tmp_path, seed), "test")


@settings(max_examples=30)
@given(st.lists(st.integers(1, 9), min_size=1, max_size=3), st.floats(0.05, 0.95), st.integers(0, 5))
def test_every_class_keeps_pictures_in_both_parts(tmp_path_factory, sizes, share, seed):
    root = tmp_path_factory.mktemp("photos")
    for label, count in enumerate([*sizes, 2]):
        fill(root / f"class{label}", count, first=100 * label, size=(2, 2))
    source = open_folder(root, seed, share)
    for count, training, test in zip([*sizes, 2], *source.counts.values(), strict=True):
        assert training + test == count
        assert training >= 1
        assert test >= (count > 1)
        assert abs(test - count * share) <= 1


def test_a_validation_part_is_drawn_and_leaves_the_test_part_alone(tmp_path):
    animals(tmp_path, 20, 10)
    alone = open_folder(tmp_path)
    source = open_folder(tmp_path, validation_split=0.125)
    assert source.counts == {"training": (14, 7), "validation": (2, 1), "test": (4, 2)}
    assert source.facts.validation_count == 3
    assert source.remarks == (
        "20% of each class were drawn for the test, with seed 0",
        "12.5% of the training pictures of each class were drawn for the validation, with seed 0",
    )
    assert names(source, "test") == names(alone, "test")
    assert names(source, "training") | names(source, "validation") == names(alone, "training")
    assert names(open_folder(tmp_path, 1, validation_split=0.125), "validation") != names(source, "validation")


def test_drawn_parts_are_loaded_like_given_ones(tmp_path):
    source = open_folder(animals(tmp_path, 10, 5), validation_split=0.25)
    found = source.load()
    assert found.counts == source.counts == {"training": (6, 3), "validation": (2, 1), "test": (2, 1)}
    expected = [
        read_picture(p.path, PictureRules((6, 8), "rgb")) for p in source.pictures if p.part == "validation"
    ]
    np.testing.assert_array_equal(found.validation_images, expected)
    assert found.validation_labels.tolist() == [0, 0, 1]


def test_a_given_validation_part_is_kept_as_it_is(tmp_path):
    animals(tmp_path / "train", 10, 10)
    fill(tmp_path / "val" / "cats", 1, first=50)
    source = open_folder(tmp_path, validation_split=0.5)
    assert names(source, "validation") == {"val/cats/0050.png"}
    assert len(source.remarks) == 2


def test_a_validation_part_is_drawn_beside_a_given_test_part(tmp_path):
    animals(tmp_path / "train", 10, 10)
    fill(tmp_path / "test" / "cats", 1, first=50)
    source = open_folder(tmp_path, validation_split=0.1)
    assert source.counts == {"training": (9, 9), "validation": (1, 1), "test": (1, 0)}


def test_copies_stay_on_one_side_of_the_validation_too(tmp_path):
    animals(tmp_path, 8, 8)
    copy(tmp_path / "cats/0003.png", tmp_path / "cats/a.png", tmp_path / "cats/b.png")
    found = set()
    for seed in range(20):
        source = open_folder(tmp_path, seed, validation_split=0.5)
        (part,) = {p.part for p in source.pictures if p.path.name in ("0003.png", "a.png", "b.png")}
        found.add(part)
    assert found >= {"training", "validation"}


@pytest.mark.parametrize("share", [-0.1, 1, 1.5, float("nan")])
def test_the_validation_share_is_0_or_between_0_and_1(tmp_path, share):
    with pytest.raises(DataError, match=f"validation pictures must be 0 or lie between 0 and 1, but is {share}"):
        open_folder(animals(tmp_path), validation_split=share)


def test_classes_that_give_no_picture_are_named(tmp_path):
    animals(tmp_path, 5, 2)
    fill(tmp_path / "birds", 1, first=50)
    fill(tmp_path / "fish", 1, first=60)
    copy(tmp_path / "fish/0060.png", tmp_path / "fish/copy.png")
    source = open_folder(tmp_path, validation_split=0.2)
    assert source.counts == {"training": (1, 3, 1, 2), "validation": (0, 1, 0, 0), "test": (0, 1, 1, 0)}
    assert source.remarks[:4] == (
        "20% of each class were drawn for the test, with seed 0",
        "too few different pictures for any to be drawn for the test: birds, fish",
        "20% of the training pictures of each class were drawn for the validation, with seed 0",
        "too few different pictures for any to be drawn for the validation: birds, dogs, fish",
    )


def test_where_nothing_can_be_drawn_there_is_no_validation_part(tmp_path):
    source = open_folder(animals(tmp_path, 2, 2), validation_split=0.1)
    assert source.remarks[1:] == ("too few different pictures for any to be drawn for the validation: cats, dogs",)
    assert source.load().validation is None
