import os
import sys

import pytest
from pictures import animals, fill

from deepen.data.scan import scan
from deepen.data.survey import survey
from deepen.errors import DataError


def found(root):
    """The files of a folder as (path, part, class)."""
    listing = scan(root)
    return [
        (file.path.relative_to(root).as_posix(), file.part, listing.classes[file.label]) for file in listing.files
    ]


def touch(*paths):
    for path in paths:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()


def test_class_folders_are_classes_and_everything_is_sorted(tmp_path):
    touch(
        tmp_path / "b" / "2.png", tmp_path / "b" / "10.JPG", tmp_path / "a" / "x.webp", tmp_path / "猫" / "一.jpeg"
    )
    assert scan(tmp_path).classes == ("a", "b", "猫")
    assert found(tmp_path) == [
        ("a/x.webp", "training", "a"),
        ("b/10.JPG", "training", "b"),
        ("b/2.png", "training", "b"),
        ("猫/一.jpeg", "training", "猫"),
    ]
    assert scan(tmp_path).remarks == ()
    assert not scan(tmp_path).has_test


@pytest.mark.parametrize(
    "parts", [("Train", "val", "TEST"), ("train", "Valid", "test"), ("training", "VALIDATION", "Testing")]
)
def test_parts_have_folders_in_any_letter_case(tmp_path, parts):
    for part in parts:
        touch(tmp_path / part / "a" / "1.png", tmp_path / part / "b" / "1.png")
    assert [part for _, part, _ in found(tmp_path)] == ["training"] * 2 + ["validation"] * 2 + ["test"] * 2
    assert scan(tmp_path).has_test


def test_what_systems_leave_behind_is_passed_over(tmp_path):
    touch(tmp_path / "a" / "1.png", tmp_path / "b" / "1.png")
    for name in (".DS_Store", "._1.png", "Thumbs.db", "desktop.ini", "__MACOSX/1.png", ".hidden/1.png"):
        touch(tmp_path / name, tmp_path / "a" / name)
    assert [path for path, _, _ in found(tmp_path)] == ["a/1.png", "b/1.png"]
    assert scan(tmp_path).remarks == ()


def test_whatever_else_is_left_out_is_said(tmp_path):
    touch(tmp_path / "train/a/1.png", tmp_path / "train/a/deep/er/2.png", tmp_path / "train/b/1.gif")
    touch(
        tmp_path / "test/a/1.bmp", tmp_path / "more/a/1.png", tmp_path / "loose.png", tmp_path / "train/loose.png"
    )
    touch(
        tmp_path / "labels.csv", tmp_path / "train/a/1.HEIC", tmp_path / "train/b/2.heic", tmp_path / "test/a/raw"
    )
    assert [path for path, _, _ in found(tmp_path)] == [
        "train/a/1.png",
        "train/a/deep/er/2.png",
        "train/b/1.gif",
        "test/a/1.bmp",
    ]
    assert scan(tmp_path).remarks == (
        f"{tmp_path / 'test'} holds no pictures of b",
        "pictures in folders below a class were taken as pictures of it: a",
        f"left out: folders beside {tmp_path / 'train'}: more",
        f"left out: 1 picture directly in {tmp_path}, in no folder of a class",
        f"left out: 1 picture directly in {tmp_path / 'train'}, in no folder of a class",
        "left out: files of other kinds (found: 1 × .csv, 2 × .heic, 1 × without an ending; "
        "read are .bmp, .gif, .jpeg, .jpg, .png, .webp; save others as JPEG or PNG)",
    )


def test_pictures_without_class_folders(tmp_path):
    fill(tmp_path, 3)
    with pytest.raises(
        DataError, match=r"holds 3 pictures but no folders of classes; give every class a folder of"
    ):
        scan(tmp_path)


def test_an_empty_folder(tmp_path):
    touch(tmp_path / "1.heic")
    with pytest.raises(
        DataError, match=r"holds no pictures; give every .*cats and .*dogs \(found: 1 × \.heic; read"
    ):
        scan(tmp_path)


def test_a_single_class(tmp_path):
    touch(tmp_path / "cats" / "1.png")
    with pytest.raises(DataError, match=r"has the class 'cats' only, but there must be at least two; give every"):
        scan(tmp_path)


def test_a_folder_around_the_folder(tmp_path):
    animals(tmp_path / "photos")
    with pytest.raises(DataError, match=r"'photos' only, .*; if cats, dogs are the classes, give .*photos$"):
        scan(tmp_path)


def test_an_empty_class_is_named(tmp_path):
    touch(tmp_path / "a" / "1.png", tmp_path / "a" / "1.txt", tmp_path / "b" / "1.heic", tmp_path / "2.heic")
    with pytest.raises(
        DataError, match=r"class folder .*b holds no pictures; add .* remove it \(found: 1 × \.heic; read are"
    ):
        scan(tmp_path)


def test_a_class_that_training_lacks(tmp_path):
    touch(tmp_path / "train/a/1.png", tmp_path / "train/b/1.png", tmp_path / "test/c/1.png")
    with pytest.raises(DataError, match=r"test.c is a class that .*train lacks; rename .* there, which has a, b"):
        scan(tmp_path)


def test_a_test_folder_without_a_train_folder(tmp_path):
    touch(tmp_path / "a/1.png", tmp_path / "b/1.png", tmp_path / "test/1.png")
    with pytest.raises(
        DataError, match=r"has a folder test, but none called train; .* or rename test if it is a cl"
    ):
        scan(tmp_path)


def test_two_folders_for_one_part(tmp_path):
    touch(
        tmp_path / "train/a/1.png",
        tmp_path / "train/b/1.png",
        tmp_path / "val/a/1.png",
        tmp_path / "valid/a/1.png",
    )
    with pytest.raises(
        DataError, match="two folders for the validation part, val and valid; move all of their pic"
    ):
        scan(tmp_path)


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux takes any bytes for a name")
def test_names_that_are_no_text(tmp_path):
    touch(tmp_path / "a" / "1.png", tmp_path / os.fsdecode(b"\xc3\xa8\xd7") / "1.png")
    with pytest.raises(DataError, match=r"the name of the folder .*è\\udcd7 is not UTF-8, as happens to archives"):
        scan(tmp_path)


def test_a_folder_that_cannot_be_read_is_named(tmp_path, monkeypatch):
    animals(tmp_path, 1, 1)

    def refuse(path):
        raise PermissionError(13, "Permission denied", str(path))

    with monkeypatch.context() as patched:
        patched.setattr(os, "scandir", refuse)
        with pytest.raises(
            DataError, match=r"the folder .*cats cannot be read: Permission denied; check its perm"
        ):
            scan(tmp_path)
    with pytest.raises(DataError, match=r"the folder .*nowhere cannot be read: No such file"):
        scan(tmp_path / "nowhere")


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere links to folders may not be allowed")
def test_links_to_folders_are_counted_and_not_followed(tmp_path):
    root = tmp_path / "photos"
    animals(root, 1, 1)
    fill(tmp_path / "more", 2)
    (root / "cats" / "more").symlink_to(tmp_path / "more")
    (root / "dogs" / "round").symlink_to(root)
    (root / "dogs" / ".hidden").symlink_to(root)
    (root / "cats" / "linked.png").symlink_to(tmp_path / "more" / "0000.png")
    assert [path for path, _, _ in found(root)] == ["cats/0000.png", "cats/linked.png", "dogs/1000.png"]
    assert scan(root).remarks == (
        "left out: files of other kinds (found: 2 × link to a folder; read are .bmp, .gif, .jpeg, .jpg, .png, "
        ".webp; save others as JPEG or PNG; links to folders are not followed)",
    )


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere links to folders may not be allowed")
def test_a_class_of_links_only_says_so(tmp_path):
    animals(tmp_path / "photos", 1, 0)
    fill(tmp_path / "more", 2)
    (tmp_path / "photos" / "dogs" / "more").symlink_to(tmp_path / "more")
    with pytest.raises(DataError, match=r"dogs holds no pictures; .*found: 1 × link to a folder; .* not followed"):
        scan(tmp_path / "photos")


@pytest.mark.skipif(sys.platform != "linux", reason="made with names in the file system")
def test_only_regular_files_are_pictures(tmp_path):
    animals(tmp_path, 1, 1)
    os.mkfifo(tmp_path / "cats" / "pipe.png")
    os.mkfifo(tmp_path / "pipe.png")
    (tmp_path / "cats" / "linked.png").symlink_to(tmp_path / "cats" / "pipe.png")
    (tmp_path / "dogs" / "device.png").symlink_to("/dev/zero")
    assert [path for path, _, _ in found(tmp_path)] == ["cats/0000.png", "dogs/1000.png"]
    (remark,) = scan(tmp_path).remarks
    assert remark.startswith("left out: files of other kinds (found: 4 × pipe, socket or device; read are .bmp")


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere links may not be allowed")
def test_a_broken_link_is_a_picture_that_cannot_be_read(tmp_path):
    animals(tmp_path, 20, 1)
    (tmp_path / "cats" / "x.png").symlink_to(tmp_path / "nowhere.png")
    (tmp_path / "dogs" / "round.png").symlink_to("round.png")
    pictures, unreadable = survey(scan(tmp_path).files)
    assert len(pictures) == 21
    assert [error.path.name for error in unreadable] == ["x.png", "round.png"]
