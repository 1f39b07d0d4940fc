import contextlib
import json
import warnings

import numpy as np
import pytest
from PIL import Image, ImageCms, ImageOps, JpegImagePlugin, PngImagePlugin

from deepen.data import PictureRules, read_picture
from deepen.errors import DataError, FileFormatError, UnknownNameError

GREY = PictureRules((4, 4), "grey")
RGB = PictureRules((4, 4), "rgb")
RAMP = np.arange(16, dtype=np.uint8).reshape(4, 4) * 17


def saved(tmp_path, picture, name="a.png", **options):
    picture.save(tmp_path / name, **options)
    return tmp_path / name


def solid(mode, colour, size=(4, 4)):
    return Image.new(mode, size, colour)


def test_rules_travel_as_plain_data():
    rules = PictureRules((28, 32), "rgb")
    data = rules.to_data()
    assert list(data) == sorted(data)
    assert data["size"] == [28, 32]
    assert PictureRules.from_data(json.loads(json.dumps(data))) == rules


@pytest.mark.parametrize("size", [(28,), (28, 28, 1), (0, 28), (28, -1), (28.0, 28), (True, 28), 28, "ab", None])
def test_sizes_must_be_two_positive_integers(size):
    with pytest.raises(DataError, match=r"must be two positive integers \(H, W\), but is"):
        PictureRules(size, "grey")
    with pytest.raises(FileFormatError, match="picture rules: a picture's size must be two positive integers"):
        PictureRules.from_data({**GREY.to_data(), "size": size})


def test_modes_are_two():
    with pytest.raises(UnknownNameError, match="unknown picture mode 'gray'; did you mean 'grey'"):
        PictureRules((4, 4), "gray")
    for wrong in ("gray", ["grey"], None):
        with pytest.raises(FileFormatError, match="picture rules: unknown picture mode"):
            PictureRules.from_data({**GREY.to_data(), "mode": wrong})


def test_files_with_other_rules_are_refused():
    data = GREY.to_data()
    with pytest.raises(UnknownNameError, match="unknown picture rule 'krop'; did you mean 'crop'"):
        PictureRules.from_data({**data, "krop": "centre"})
    with pytest.raises(FileFormatError, match=r"the picture rule 'crop' is 'none', but .* knows only 'centre'"):
        PictureRules.from_data({**data, "crop": "none"})
    del data["mode"]
    with pytest.raises(FileFormatError, match="the picture rules lack 'mode'"):
        PictureRules.from_data(data)
    with pytest.raises(FileFormatError, match=r"must be a table of names, but are \[28, 28\]"):
        PictureRules.from_data([28, 28])


def test_a_picture_of_the_right_size_is_taken_as_it_is(tmp_path):
    path = saved(tmp_path, Image.fromarray(RAMP))
    grey = read_picture(path, GREY)
    assert (grey.shape, grey.dtype) == ((1, 4, 4), np.uint8)
    assert grey.flags.c_contiguous
    assert grey.flags.writeable
    np.testing.assert_array_equal(grey[0], RAMP)
    np.testing.assert_array_equal(read_picture(str(path), RGB), [RAMP] * 3)


def test_colours_lie_on_the_first_axis(tmp_path):
    pixels = np.random.default_rng(0).integers(0, 256, (4, 4, 3), dtype=np.uint8)
    found = read_picture(saved(tmp_path, Image.fromarray(pixels)), RGB)
    assert found.flags.c_contiguous
    np.testing.assert_array_equal(found, pixels.transpose(2, 0, 1))


def palette(transparency=None):
    picture = Image.new("P", (4, 4), 1)
    picture.putpalette([0, 0, 0, 200, 100, 50, 0, 0, 255])
    if transparency is not None:
        picture.info["transparency"] = transparency
    return picture


def grey16(value, transparent=None):
    picture = Image.fromarray(np.full((4, 4), value, np.uint16))
    return picture, {} if transparent is None else {"transparency": transparent}


# A picture of a single colour in every mode, and that colour as it must come out.
COLOURS = {
    "1 black": (solid("1", 0), "a.png", (0, 0, 0)),
    "1 white": (solid("1", 1), "a.png", (255, 255, 255)),
    "L": (solid("L", 77), "a.png", (77, 77, 77)),
    "LA half": (solid("LA", (0, 128)), "a.png", (127, 127, 127)),
    "LA clear": (solid("LA", (0, 0)), "a.png", (255, 255, 255)),
    "P": (palette(), "a.png", (200, 100, 50)),
    "P clear": (palette(1), "a.png", (255, 255, 255)),
    "P half": (palette(b"\xff\x80\xff"), "a.png", (227, 177, 152)),
    "GIF": (palette(), "a.gif", (200, 100, 50)),
    "RGB": (solid("RGB", (10, 20, 30)), "a.png", (10, 20, 30)),
    "RGBA half": (solid("RGBA", (255, 0, 0, 128)), "a.png", (255, 127, 127)),
    "RGBA clear": (solid("RGBA", (255, 0, 0, 0)), "a.webp", (255, 255, 255)),
    "CMYK tiff": (solid("CMYK", (255, 0, 0, 0)), "a.tiff", (0, 255, 255)),
    "CMYK jpeg": (solid("CMYK", (0, 0, 0, 255)), "a.jpg", (0, 0, 0)),
    "YCbCr": (solid("YCbCr", (128, 128, 128)), "a.jpg", (128, 128, 128)),
    "16 bits black": (grey16(0)[0], "a.png", (0, 0, 0)),
    "16 bits": (grey16(128 * 257)[0], "a.png", (128, 128, 128)),
    "16 bits white": (grey16(65535)[0], "a.png", (255, 255, 255)),
    "16 bits tiff": (grey16(77 * 257)[0], "a.tiff", (77, 77, 77)),
    "16 bits pgm": (grey16(77 * 257)[0], "a.pgm", (77, 77, 77)),
    "BMP": (solid("RGB", (10, 20, 30)), "a.bmp", (10, 20, 30)),
}


@pytest.mark.parametrize("case", COLOURS)
def test_every_mode_gives_its_colour(tmp_path, case):
    picture, name, colour = COLOURS[case]
    path = saved(tmp_path, picture, name)
    found = read_picture(path, RGB)
    assert found.shape == (3, 4, 4)
    for channel, value in zip(found, colour, strict=True):
        assert np.abs(channel.astype(int) - value).max() <= 1, f"{case}: {found[:, 0, 0]}"
    grey = read_picture(path, GREY)
    red, green, blue = colour
    assert abs(int(grey[0, 0, 0]) - (0.299 * red + 0.587 * green + 0.114 * blue)) <= 2


@pytest.mark.parametrize(("mode", "key"), [("L", 77), ("RGB", (10, 20, 30))])
def test_a_transparent_colour_becomes_white(tmp_path, mode, key):
    path = saved(tmp_path, solid(mode, key), transparency=key)
    assert (read_picture(path, RGB) == 255).all()


def test_a_transparent_grey_of_16_bits_becomes_white(tmp_path):
    pixels = np.full((4, 4), 300, np.uint16)
    pixels[0] = 77 * 257
    path = saved(tmp_path, Image.fromarray(pixels), transparency=300)
    found = read_picture(path, GREY)[0]
    assert (found[0] == 77).all()
    assert (found[1:] == 255).all()


def test_palettes_are_resolved_before_scaling(tmp_path):
    picture = Image.new("P", (8, 8))
    picture.putpalette([0, 0, 0, 9, 9, 9, 200, 200, 200])
    picture.putdata([0, 2] * 32)
    # The mean of the entries 0 and 2 is 100, not the entry 1 between them.
    found = read_picture(saved(tmp_path, picture), GREY)
    assert found.mean() == pytest.approx(100, abs=2)


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("kind", ["uint8", "uint16"])
def test_pictures_are_turned_upright(tmp_path, orientation, kind):
    pixels = RAMP if kind == "uint8" else RAMP.astype(np.uint16) * 257
    exif = Image.Exif()
    exif[0x0112] = orientation
    path = saved(tmp_path, Image.fromarray(pixels), exif=exif)
    # By the EXIF specification's table of what the stored rows and columns are.
    upright = {
        1: RAMP,
        2: RAMP[:, ::-1],
        3: RAMP[::-1, ::-1],
        4: RAMP[::-1],
        5: RAMP.T,
        6: RAMP[::-1].T,
        7: RAMP[::-1, ::-1].T,
        8: RAMP.T[::-1],
    }[orientation]
    np.testing.assert_array_equal(read_picture(path, GREY)[0], upright)


@pytest.mark.parametrize("wide", [True, False])
def test_the_middle_stays(tmp_path, wide):
    pixels = np.random.default_rng(0).integers(0, 256, (8, 24), dtype=np.uint8)
    picture = Image.fromarray(pixels if wide else pixels.T.copy())
    scaled = np.asarray(picture.resize((12, 4) if wide else (4, 12), Image.Resampling.BILINEAR))
    expected = scaled[:, 4:8] if wide else scaled[4:8]
    np.testing.assert_array_equal(read_picture(saved(tmp_path, picture), GREY)[0], expected)


def test_scaling_down_is_antialiased(tmp_path):
    # Columns of black and white, each one pixel wide: without antialiasing, only one of the two would be met.
    pixels = np.zeros((64, 64), np.uint8)
    pixels[:, ::2] = 255
    found = read_picture(saved(tmp_path, Image.fromarray(pixels)), GREY)
    assert found.min() > 115
    assert found.max() < 140


def test_other_proportions_scale_and_crop_as_pillow_fits(tmp_path):
    pixels = np.random.default_rng(0).integers(0, 256, (37, 53, 3), dtype=np.uint8)
    picture = Image.fromarray(pixels)
    rules = PictureRules((20, 12), "rgb")
    expected = np.asarray(ImageOps.fit(picture, (12, 20), Image.Resampling.BILINEAR)).transpose(2, 0, 1)
    np.testing.assert_array_equal(read_picture(saved(tmp_path, picture), rules), expected)


def test_a_thin_picture_is_read_too(tmp_path):
    assert read_picture(saved(tmp_path, solid("L", 9, (500, 1))), GREY).tolist() == [[[9] * 4] * 4]


def test_an_animation_shows_its_first_frame(tmp_path):
    frames = [solid("RGB", "red"), solid("RGB", "blue")]
    path = saved(tmp_path, frames[0], "a.gif", save_all=True, append_images=frames[1:])
    assert read_picture(path, RGB)[:, 0, 0].tolist() == [255, 0, 0]


def test_names_in_chinese_are_names(tmp_path):
    path = saved(tmp_path, Image.fromarray(RAMP), "手写数字 七.png")
    np.testing.assert_array_equal(read_picture(path, GREY)[0], RAMP)
    with pytest.raises(DataError, match=r"手写数字 八\.png does not exist"):
        read_picture(tmp_path / "手写数字 八.png", GREY)


def test_no_file_and_no_picture(tmp_path):
    with pytest.raises(DataError, match=r"nothing\.png does not exist; check the path"):
        read_picture(tmp_path / "nothing.png", GREY)
    with pytest.raises(DataError, match=r"is a folder; give the path of one picture file"):
        read_picture(tmp_path, GREY)
    for content in (b"", b"a text"):
        (tmp_path / "a.png").write_bytes(content)
        with pytest.raises(DataError, match=r"a\.png is not a picture of a known format; save it as PNG or JPEG"):
            read_picture(tmp_path / "a.png", GREY)


@pytest.mark.parametrize("name", ["a.png", "a.jpg", "a.gif", "a.bmp", "a.tiff", "a.webp"])
def test_a_picture_that_ends_early_is_an_error(tmp_path, name):
    pixels = np.random.default_rng(0).integers(0, 256, (64, 64, 3), dtype=np.uint8)
    path = saved(tmp_path, Image.fromarray(pixels), name)
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    with pytest.raises(DataError, match=rf"{name} (cannot be read as a picture \(.+\)|is not a picture)"):
        read_picture(path, GREY)


def test_any_damage_gives_a_picture_or_our_error(tmp_path):
    pixels = np.random.default_rng(0).integers(0, 256, (16, 16, 3), dtype=np.uint8)
    for name in ("a.png", "a.jpg", "a.gif", "a.tiff"):
        path = saved(tmp_path, Image.fromarray(pixels), name)
        content = path.read_bytes()
        for position in range(0, min(len(content), 400), 7):
            path.write_bytes(content[:position] + bytes([content[position] ^ 0x55]) + content[position + 1 :])
            with contextlib.suppress(DataError):
                assert read_picture(path, GREY).shape == (1, 4, 4)


def test_numbers_of_unknown_range_are_refused(tmp_path):
    for dtype in (np.int32, np.float32):
        path = saved(tmp_path, Image.fromarray(np.ones((4, 4), dtype)), "a.tiff")
        with pytest.raises(DataError, match=r"32-bit numbers, whose black and white are unknown\); save it anew"):
            read_picture(path, GREY)


@pytest.mark.parametrize("limit", [50, 10])
def test_too_many_pixels_are_refused(tmp_path, monkeypatch, limit):
    path = saved(tmp_path, solid("L", 0, (8, 8)))
    # Pillow warns above its limit, and raises above twice that.
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", limit)
    with pytest.raises(DataError, match=f"a.png has too many pixels: at most {limit} are read; scale it down"):
        read_picture(path, GREY)


def test_no_warning_leaks(tmp_path, monkeypatch):
    def remark(self, *args):
        warnings.warn("Corrupt EXIF data", stacklevel=2)
        return original(self, *args)

    original = PngImagePlugin.PngImageFile.getexif
    monkeypatch.setattr(PngImagePlugin.PngImageFile, "getexif", remark)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        read_picture(saved(tmp_path, Image.fromarray(RAMP)), GREY)
        assert caught == []
        # The caller's own filters are back in force.
        warnings.warn("mine", stacklevel=1)
        assert len(caught) == 1


def test_colour_profiles_change_nothing(tmp_path):
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    path = saved(tmp_path, solid("RGB", (10, 20, 30)), icc_profile=profile)
    assert read_picture(path, RGB)[:, 0, 0].tolist() == [10, 20, 30]


@pytest.mark.parametrize("orientation", [1, 6])
def test_a_large_jpeg_is_decoded_smaller_with_nearly_the_same_result(tmp_path, orientation, monkeypatch):
    coarse = np.random.default_rng(0).integers(0, 256, (12, 9, 3), dtype=np.uint8)
    picture = Image.fromarray(coarse).resize((900, 1200), Image.Resampling.BICUBIC)
    exif = Image.Exif()
    exif[0x0112] = orientation
    path = saved(tmp_path, picture, "a.jpg", quality=95, exif=exif)
    rules = PictureRules((40, 50), "rgb")
    quick = read_picture(path, rules).astype(int)
    monkeypatch.setattr(JpegImagePlugin.JpegImageFile, "draft", lambda self, mode, size: None)
    exact = read_picture(path, rules).astype(int)
    assert (quick != exact).any()
    assert np.abs(quick - exact).max() <= 4
    assert np.abs(quick - exact).mean() < 0.6
