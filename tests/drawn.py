"""A diagram read back from its file: where everything lies."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from unicodedata import east_asian_width
from xml.etree import ElementTree
from xml.etree.ElementTree import Element

SVG = "{http://www.w3.org/2000/svg}"


@dataclass(frozen=True)
class Rectangle:
    """Where something lies in the picture, and what it is."""

    left: float
    top: float
    right: float
    bottom: float
    what: str

    def meets(self, other: Rectangle) -> bool:
        # A tenth of a pixel is what coordinates are rounded to, at each of the nested moves.
        slack = 0.5
        across = self.left < other.right - slack and other.left < self.right - slack
        return across and self.top < other.bottom - slack and other.top < self.bottom - slack

    def holds(self, other: Rectangle) -> bool:
        across = self.left <= other.left and other.right <= self.right
        return across and self.top <= other.top and other.bottom <= self.bottom


@dataclass
class Picture:
    """What a diagram consists of, read back from its file."""

    size: tuple[float, float]
    texts: list[Rectangle] = field(default_factory=list)
    boxes: list[Rectangle] = field(default_factory=list)
    frames: list[Rectangle] = field(default_factory=list)
    lines: list[Rectangle] = field(default_factory=list)
    hints: list[str] = field(default_factory=list)

    @property
    def words(self) -> list[str]:
        return [text.what for text in self.texts]


def read(svg: str) -> Picture:
    root = ElementTree.fromstring(svg)
    _, _, width, height = map(float, root.attrib["viewBox"].split())
    picture = Picture((width, height))
    for child in root:
        if child.tag == f"{SVG}g":
            look(child, 0, 0, picture)
    return picture


def look(element: Element, x: float, y: float, picture: Picture) -> None:
    if moved := re.fullmatch(r"translate\((\S+) (\S+)\)", element.get("transform", "")):
        x, y = x + float(moved[1]), y + float(moved[2])
    if element.tag == f"{SVG}text":
        picture.texts.append(text_at(element, x, y))
    elif element.tag == f"{SVG}title":
        picture.hints += (element.text or "").splitlines()
    elif "data-shape" in element.attrib:
        picture.boxes.append(box_at(element, x, y))
        return
    elif element.get("class") == "frame":
        left, top, width, height = (float(element.attrib[key]) for key in ("x", "y", "width", "height"))
        picture.frames.append(Rectangle(x + left, y + top, x + left + width, y + top + height, "frame"))
    elif element.tag == f"{SVG}path" and element.get("fill") == "none":
        picture.lines += segments(element.attrib["d"], x, y)
    for child in element:
        look(child, x, y, picture)


def text_at(element: Element, x: float, y: float) -> Rectangle:
    text, size = element.text or "", float(element.attrib["font-size"])
    # The mean width of a sign in the fonts that browsers have for sans-serif.
    width = size * sum(1 if east_asian_width(sign) in "WF" else 0.6 for sign in text)
    left = x + float(element.attrib["x"]) - (width / 2 if element.get("text-anchor") == "middle" else 0)
    bottom = y + float(element.attrib["y"]) + 0.2 * size
    return Rectangle(left, bottom - size, left + width, bottom, text)


def box_at(element: Element, x: float, y: float) -> Rectangle:
    """Return the bounds of a box or a bar."""
    (inner,) = element
    moved = re.fullmatch(r"translate\((\S+) (\S+)\)", inner.attrib["transform"])
    assert moved
    x, y = x + float(moved[1]), y + float(moved[2])
    shape = element.attrib["data-shape"]
    if (bar := inner.find(f"{SVG}rect")) is not None:
        return Rectangle(x, y, x + float(bar.attrib["width"]), y + float(bar.attrib["height"]), shape)
    thickness, height, right, up = extents(inner)
    return Rectangle(x, y, x + thickness + right, y + height + up, shape)


def extents(box: Element) -> tuple[float, float, float, float]:
    """Return thickness and height of a box, and how far its far edge lies to the right and above."""
    front, top, _ = (path.attrib["d"] for path in box.iter(f"{SVG}path"))
    face = re.fullmatch(r"M0 (\S+)h(\S+)v(\S+)h-\S+z", front)
    roof = re.match(r"M0 \S+?l(\S+) -(\S+)h", top)
    assert face
    assert roof
    return float(face[2]), float(face[3]), float(roof[1]), float(roof[2])


def segments(path: str, x: float, y: float) -> Iterator[Rectangle]:
    """Yield the straight lines of a path."""
    here = (0.0, 0.0)
    for command, numbers in re.findall(r"([MHVqhmv])([^A-Za-z]*)", path):
        values = [float(value) for value in numbers.split()]
        match command:
            case "M":
                there = (values[0], values[1])
            case "H":
                there = (values[0], here[1])
            case "V":
                there = (here[0], values[0])
            case "q":
                there = (here[0] + values[2], here[1] + values[3])
            case _:  # the cross in a circle
                return
        if command in "HV":
            (left, right), (top, bottom) = (sorted(ends) for ends in zip(here, there, strict=True))
            yield Rectangle(x + left - 0.6, y + top - 0.6, x + right + 0.6, y + bottom + 0.6, "line")
        here = there
