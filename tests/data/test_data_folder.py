import os
import sys

import numpy as np
import pytest
from pictures import animals, copy, fill, picture
from PIL import Image

from deepen import data
from deepen.data import PictureRules, decoding, read_picture, storage, survey
from deepen.data.folder import open_folder
from deepen.errors import DataError


def test_the_images_are_those_that_read_picture_gives(tmp_path):
    root = animals(tmp_path, 10, 5)
    source = open_folder(root)
    assert source.facts.input_shape == (3, 6, 8)
    assert source.counts == {"training": (8, 4), "test": (2, 1)}
    found = source.load(4, 4)
    assert found.facts.input_shape == (3, 4, 4)
    assert found.counts == source.counts
    assert found.remarks == ()
    for part, images, labels in (
        ("training", found.train_images, found.train_labels),
        ("test", found.test_images, found.test_labels),
    ):
        pictures = [p for p in source.pictures if p.part == part]
        assert labels.tolist() == [source.facts.classes.index(p.path.parent.name) for p in pictures]
        expected = [read_picture(p.path, PictureRules((4, 4), "rgb")) for p in pictures]
        np.testing.assert_array_equal(images, expected)


def test_without_a_size_the_median_one_is_taken(tmp_path):
    animals(tmp_path, 2, 2, size=(10, 20))
    fill(tmp_path / "cats", 1, first=2000, size=(12, 18))
    assert open_folder(tmp_path).load().train_images.shape[1:] == (3, 10, 20)


def test_given_parts_are_kept(tmp_path):
    animals(tmp_path / "train", 3, 2)
    fill(tmp_path / "val" / "cats", 2, first=50)
    fill(tmp_path / "test" / "dogs", 1, first=60)
    source = open_folder(tmp_path)
    assert source.counts == {"training": (3, 2), "validation": (2, 0), "test": (0, 1)}
    assert source.facts.validation_count == 2
    found = source.load()
    assert found.counts == source.counts
    assert found.validation_images.shape == (2, 3, 6, 8)
    np.testing.assert_array_equal(
        found.validation_images[1], np.asarray(picture(51)).transpose(2, 0, 1), strict=True
    )
    np.testing.assert_array_equal(found.test_images[0], np.asarray(picture(60)).transpose(2, 0, 1), strict=True)


def test_without_a_validation_part_there_is_none(tmp_path):
    found = open_folder(animals(tmp_path)).load()
    assert found.validation_images is None
    assert found.validation_labels is None


MODES = {
    "L": ("L", "a.png", 1),
    "1": ("1", "a.png", 1),
    "LA": ("LA", "a.png", 1),
    "grey JPEG": ("L", "a.jpg", 1),
    "grey GIF": ("L", "a.gif", 1),
    "16 bits": ("I;16", "a.png", 1),
    "palette": ("P", "a.png", 3),
    "RGB": ("RGB", "a.png", 3),
    "alpha": ("RGBA", "a.webp", 3),
    "CMYK": ("CMYK", "a.jpg", 3),
    "BMP": ("RGB", "a.BMP", 3),
}


@pytest.mark.parametrize("case", MODES)
def test_one_picture_in_colour_makes_all_of_them_colour(tmp_path, case):
    mode, name, channels = MODES[case]
    animals(tmp_path, 3, 3, mode="L")
    made = picture(9, mode="L") if mode == "I;16" else picture(9, mode=mode)
    if mode == "I;16":
        made = Image.fromarray(np.asarray(made).astype(np.uint16) * 257)
    made.save(tmp_path / "cats" / name)
    source = open_folder(tmp_path)
    assert source.facts.input_shape[0] == channels
    assert source.load().train_images.shape[1] == channels
    assert source.facts.train_count + source.facts.test_count == 7


def test_a_palette_of_greys_is_grey(tmp_path):
    animals(tmp_path, 3, 3, mode="L")
    grey = Image.new("P", (8, 6), 1)
    grey.putpalette([0, 0, 0, 200, 200, 200])
    grey.save(tmp_path / "cats" / "a.png")
    assert open_folder(tmp_path).facts.input_shape[0] == 1


@pytest.mark.parametrize("suffix", [".png", ".jpg"])
def test_sizes_are_those_of_the_upright_picture(tmp_path, suffix):
    exif = Image.Exif()
    exif[0x0112] = 6
    for name in ("cats", "dogs"):
        for path in fill(tmp_path / name, 2, first=len(name) + ord(name[0])):
            picture(ord(name[0]) + int(path.stem), size=(10, 40)).save(path.with_suffix(suffix), exif=exif)
            if suffix != path.suffix:
                path.unlink()
    assert open_folder(tmp_path).facts.input_shape == (3, 40, 10)


def test_names_in_chinese(tmp_path):
    root = tmp_path / "我的 照片"
    fill(root / "猫", 3, first=0, suffix="只.jpg")
    fill(root / "狗", 3, first=10, suffix="只.jpg")
    found = open_folder(root).load()
    assert found.facts.name == "我的 照片"
    assert found.facts.classes == ("狗", "猫")
    assert found.counts == {"training": (2, 2), "test": (1, 1)}


def test_a_few_unreadable_files_are_left_out_and_said(tmp_path):
    animals(tmp_path, 20, 20)
    (tmp_path / "cats" / "broken.jpg").write_bytes(b"no picture")
    source = open_folder(tmp_path)
    assert source.facts.train_count + source.facts.test_count == 40
    assert source.remarks == ("20% of each class were drawn for the test, with seed 0",)
    assert source.load().remarks == (
        "left out: 1 of 41 pictures cannot be read:\n"
        "  cats/broken.jpg  is not a picture of a known format; save it as PNG or JPEG",
    )


def cut(path):
    """Let a picture end early: its header can still be read."""
    path.write_bytes(path.read_bytes()[:-60])


def test_files_that_break_while_decoding_are_left_out_too(tmp_path):
    animals(tmp_path / "train", 20, 20)
    fill(tmp_path / "val" / "cats", 4, first=50)
    fill(tmp_path / "test" / "dogs", 4, first=60)
    for name in ("train/cats/0003.png", "val/cats/0051.png"):
        cut(tmp_path / name)
    source = open_folder(tmp_path)
    assert source.facts.train_count == 40
    found = source.load()
    assert found.facts.train_count == 39
    assert found.counts == {"training": (19, 20), "validation": (3, 0), "test": (0, 4)}
    head, *rows = found.remarks[0].splitlines()
    assert head == "left out: 2 of 48 pictures cannot be read:"
    assert rows[0].startswith("  train/cats/0003.png  cannot be read as a picture (")
    assert rows[1].startswith("  val/cats/0051.png    cannot be read as a picture (")
    # Every other picture is still where its label is.
    for images, expected in (
        (found.train_images, [0, 1, 2, *range(4, 20), *range(1000, 1020)]),
        (found.validation_images, [50, 52, 53]),
        (found.test_images, range(60, 64)),
    ):
        np.testing.assert_array_equal(
            images, [np.asarray(picture(number)).transpose(2, 0, 1) for number in expected], strict=True
        )


def test_one_table_has_all_unreadable_files_in_columns(tmp_path):
    for name, first in (("猫", 0), ("dogs", 1000)):
        fill(tmp_path / name, 20, first)
    cut(tmp_path / "dogs" / "1003.png")
    (tmp_path / "猫" / "0.png").write_bytes(b"no picture")
    source = open_folder(tmp_path)
    assert "cannot be read" not in " ".join(source.remarks)
    head, *rows = source.load().remarks[0].splitlines()
    assert head == "left out: 2 of 41 pictures cannot be read:"
    assert rows[0].startswith("  dogs/1003.png  cannot be read as a picture (")
    assert rows[1].startswith("  猫/0.png       is not a picture of a known format")


@pytest.mark.parametrize("opens", [True, False])
def test_many_unreadable_files_are_an_error_that_names_all_of_them(tmp_path, opens):
    fill(tmp_path / "cats", 20)
    fill(tmp_path / "dogs", 18, first=100)
    damaged = ["cats/0000.png", "cats/0001.png", "dogs/0100.png"]
    cut(tmp_path / damaged[0])
    for name in damaged[1:]:
        cut(tmp_path / name) if opens else (tmp_path / name).write_bytes(b"")
    # Where the headers alone are too many, the others are in the table all the same.
    with pytest.raises(DataError, match=r"3 of 38 pictures cannot be read, more than 5%; mend or") as caught:
        open_folder(tmp_path).load() if opens else open_folder(tmp_path)
    assert [row.split()[0] for row in str(caught.value).splitlines()[1:]] == damaged


def test_a_folder_in_which_no_file_is_a_picture(tmp_path):
    for name in ("cats", "dogs"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "1.png").write_bytes(b"no picture")
    with pytest.raises(DataError, match="2 of 2 pictures cannot be read"):
        open_folder(tmp_path)


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux takes any bytes for a name")
def test_a_path_that_is_no_text_is_refused(tmp_path):
    root = animals(tmp_path / os.fsdecode(b"caf\xe9") / "photos")
    with pytest.raises(DataError, match=r"path of the folder .*caf\\udce9/photos is not UTF-8; rename or move"):
        open_folder(root)


def test_a_class_must_keep_a_readable_picture(tmp_path):
    fill(tmp_path / "cats", 60)
    fill(tmp_path / "dogs", 1, first=100)
    cut(tmp_path / "dogs" / "0100.png")
    with pytest.raises(DataError, match="has no readable training pictures of dogs; add some"):
        open_folder(tmp_path).load()


def test_a_test_needs_pictures(tmp_path):
    animals(tmp_path / "photos", 1, 1)
    with pytest.raises(
        DataError, match="has no pictures for the test; add some to the folder test, or, where there"
    ):
        open_folder(tmp_path / "photos")
    animals(tmp_path / "parts" / "train", 3, 3)
    fill(tmp_path / "parts" / "test", 3, first=50)
    with pytest.raises(DataError, match="has no pictures for the test"):
        open_folder(tmp_path / "parts")


def test_copies_in_two_parts_or_classes_are_said(tmp_path):
    animals(tmp_path / "train", 3, 3)
    animals(tmp_path / "test", 0, 0)
    fill(tmp_path / "test" / "cats", 1, first=50)
    copy(tmp_path / "train/cats/0001.png", tmp_path / "test/cats/x.png")
    copy(tmp_path / "train/dogs/1002.png", tmp_path / "train/cats/y.png")
    assert open_folder(tmp_path).remarks[-2:] == (
        "the same picture in two parts flatters the figures; keep one of them (found 1): "
        "train/cats/0001.png = test/cats/x.png",
        "the same picture in two classes is wrong in one of them (found 1): "
        "train/cats/y.png = train/dogs/1002.png",
    )


def test_files_of_the_same_length_are_no_copies(tmp_path):
    animals(tmp_path, 5, 5, suffix=".bmp")
    assert len({path.stat().st_size for path in tmp_path.rglob("*.bmp")}) == 1
    assert open_folder(tmp_path).remarks == ("20% of each class were drawn for the test, with seed 0",)


def test_sizes_far_from_the_rest_are_said(tmp_path):
    animals(tmp_path, 6, 6, size=(20, 30))
    for name, size in (("large", (121, 80)), ("small", (4, 9)), ("long", (20, 100)), ("fine", (40, 100))):
        picture(9, size=size).save(tmp_path / "dogs" / f"{name}.png")
    assert open_folder(tmp_path).remarks[-1] == (
        "3 pictures of a size or shape far from the rest, whose median is 30×20 pixels (width × height): "
        "dogs/large.png (80×121), dogs/long.png (100×20), dogs/small.png (9×4)"
    )


def test_pictures_may_lie_in_a_file(tmp_path, monkeypatch):
    animals(tmp_path / "photos", 20, 20)
    cut(tmp_path / "photos" / "cats" / "0003.png")
    expected = open_folder(tmp_path / "photos").load()
    monkeypatch.setenv("DEEPEN_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(storage, "available_memory", lambda: 0)
    found = open_folder(tmp_path / "photos").load()
    assert isinstance(found.train_images, np.memmap)
    assert isinstance(found.test_images, np.memmap)
    np.testing.assert_array_equal(found.train_images, expected.train_images)
    np.testing.assert_array_equal(found.test_images, expected.test_images)


def test_every_entry_point_takes_a_folder(tmp_path):
    root = animals(tmp_path / "photos")
    assert data.load(str(root)).facts == data.facts(str(root))
    counts = data.source(root, seed=3, test_split=0.4, validation_split=0.4).counts
    assert counts == {"training": (2, 2), "validation": (1, 1), "test": (2, 2)}


def test_the_colours_can_be_chosen(tmp_path):
    grey = open_folder(animals(tmp_path / "grey", mode="L"))
    colour = open_folder(animals(tmp_path / "colour"))
    for source, own in ((grey, 1), (colour, 3)):
        assert source.load().facts.input_shape == (own, 6, 8)
        for channels, mode in ((1, "grey"), (3, "rgb")):
            found = source.load(4, 5, channels)
            assert found.facts.input_shape == (channels, 4, 5)
            first = read_picture(source.pictures[0].path, PictureRules((4, 5), mode))
            np.testing.assert_array_equal(found.train_images[0], first, strict=True)
    with pytest.raises(DataError, match=r"decoded into 1 channel \(grey\) or 3 \(RGB\), not into 2"):
        grey.load(channels=2)


def test_a_file_that_vanishes_after_its_header_is_unreadable(tmp_path, monkeypatch):
    animals(tmp_path, 20, 20)
    copy(tmp_path / "cats" / "0003.png", tmp_path / "cats" / "gone.png")

    def look_and_lose(path):
        found = decoding.look(path)
        if path.name == "gone.png":
            path.unlink()
        return found

    monkeypatch.setattr(survey, "look", look_and_lose)
    source = open_folder(tmp_path)
    assert source.facts.train_count + source.facts.test_count == 40
    assert source.load().remarks == (
        "left out: 1 of 41 pictures cannot be read:\n  cats/gone.png  cannot be read: No such file or directory",
    )
