"""The page of the report is sound HTML, whatever stands in it."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import pytest
from PIL import Image

from deepen.report import Table, write_page

VOID = {"meta", "img", "link", "br", "hr", "input"}


class Page(HTMLParser):
    """The elements, texts and pictures of a page; an unbalanced tag fails."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str, str]] = []
        self.images: list[dict[str, str]] = []
        self.texts: list[str] = []
        self.feed(path.read_text(encoding="utf-8"))
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += [(tag, name, value or "") for name, value in attrs]
        if tag == "img":
            self.images.append({name: value or "" for name, value in attrs})
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if data.strip():
            self.texts.append(data.strip())


LAYERS = Table(
    "Layers",
    columns=("name", "output", "parameters"),
    rows=[("conv1", (6, 28, 28), 156), ("dense1", (120,), 48_120)],
    last=("all layers", "", 48_276),
    numbers=1,
)


def write(folder: Path, **changed: Any) -> Page:
    Image.new("RGB", (300, 150)).save(folder / "learning curves.png")
    given: dict[str, Any] = {
        "title": "lenet on digits",
        "headline": [("test accuracy", "98.1%"), ("parameters", "61,706")],
        "warnings": ["not to be relied on", "and slow"],
        "figures": [("learning curves.png", "Loss and accuracy")],
        "commands": ["deepen predict model.safetensors 'my photo.jpg'"],
        "tables": [LAYERS],
        "facts": {"Settings": {"epochs": "40"}, "Environment": {"python": "3.11"}},
    }
    path = write_page(folder, **given | changed)
    assert path == folder / "report.html"
    return Page(path)


def test_the_page_shows_everything_it_is_given(tmp_path: Path) -> None:
    page = write(tmp_path)
    for text in ("test accuracy", "98.1%", "epochs", "40", "python", "3.11", "Loss and accuracy"):
        assert text in page.texts
    for text in ("conv1", "6 × 28 × 28", "156", "48,120", "48,276"):
        assert text in page.texts
    assert "deepen predict model.safetensors 'my photo.jpg'" in page.texts
    assert page.texts.count("lenet on digits") == 2
    order = [
        page.texts.index(text)
        for text in ("98.1%", "not to be relied on", "and slow", "Try next", "Layers", "Settings")
    ]
    assert order == sorted(order)


def test_the_numbers_of_a_table_stand_at_the_right(tmp_path: Path) -> None:
    page = write(tmp_path)
    # In the head, two rows and the last one.
    assert [tag for tag, name, value in page.attributes if (name, value) == ("class", "number")] == [
        "th",
        "td",
        "td",
        "td",
    ]


def test_the_page_is_whole_html5(tmp_path: Path) -> None:
    page = write(tmp_path)
    assert (tmp_path / "report.html").read_text(encoding="utf-8").startswith("<!DOCTYPE html>\n")
    assert ("html", "lang", "en") in page.attributes
    assert ("meta", "charset", "utf-8") in page.attributes
    for tag in ("title", "h1", "main"):
        assert page.tags.count(tag) == 1


def test_the_page_needs_nothing_but_its_pictures(tmp_path: Path) -> None:
    page = write(tmp_path)
    assert "script" not in page.tags
    assert "link" not in page.tags
    assert {value for _, name, value in page.attributes if name in ("src", "href")} == {"learning%20curves.png"}
    text = (tmp_path / "report.html").read_text(encoding="utf-8")
    assert not re.search(r"https?:|url\(|@import", text)
    assert str(tmp_path) not in text


def test_every_picture_exists_with_a_text_and_its_size(tmp_path: Path) -> None:
    (image,) = write(tmp_path).images
    assert (tmp_path / unquote(image["src"])).is_file()
    assert image["alt"] == "Loss and accuracy"
    # 300 × 150 pixels at 150 an inch, in CSS pixels of 96 an inch
    assert (image["width"], image["height"]) == ("192", "96")


def test_a_picture_that_is_missing_is_found_at_once(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        write(tmp_path, figures=[("nowhere.png", "")])


def test_what_users_write_stays_text(tmp_path: Path) -> None:
    evil = """<script>alert(1)</script>"'&amp;</td>$title"""
    Image.new("RGB", (3, 3)).save(tmp_path / "a&b#1.png")
    page = write(
        tmp_path,
        title=evil,
        headline=[(evil, evil)],
        warnings=[evil],
        figures=[("a&b#1.png", evil)],
        commands=[evil],
        tables=[Table(evil, (evil, evil), [(evil, evil)], (evil, evil), numbers=1)],
        facts={evil: {evil: evil}},
    )
    assert "script" not in page.tags
    assert page.texts.count(evil) == 2 + 2 + 1 + 1 + 1 + 7 + 3
    assert page.images[0]["alt"] == evil
    assert unquote(page.images[0]["src"]) == "a&b#1.png"
    assert "#" not in page.images[0]["src"]


def test_what_is_empty_is_left_out(tmp_path: Path) -> None:
    page = write(
        tmp_path,
        headline=[],
        warnings=[],
        figures=[],
        commands=[],
        tables=[Table("Layers", ("name",), [], ("all",), numbers=1)],
        facts={"Settings": {}},
    )
    assert not {"table", "dl", "p", "figure", "pre", "h2"}.intersection(page.tags)


def test_a_name_that_is_no_unicode_does_not_stop_the_page(tmp_path: Path) -> None:
    assert "caf?" in write(tmp_path, facts={"Settings": {"folder": "caf\udce9"}}).texts


def test_the_page_is_the_same_bytes_again(tmp_path: Path) -> None:
    write(tmp_path)
    first = (tmp_path / "report.html").read_bytes()
    write(tmp_path)
    assert (tmp_path / "report.html").read_bytes() == first
