"""The marks that a diagram is drawn with, as SVG elements: lines, texts, boxes and bars."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

from deepen import lettering

INK, QUIET, FRAME, PAPER, TINT = "#24292f", "#57606a", "#c3cad2", "#ffffff", "#f6f8fa"

FONT = 11
LINE = 14
"""The height of a line of text."""
SLANT = (0.42, 0.3)
"""Where the far edge of a map lies, in widths of the map: to the right, and up."""
BAR = 8
"""How thick a bar of features is."""
RADIUS = 7
"""Of the circle with the plus."""


def number(value: float) -> str:
    """Write a coordinate to a tenth of a pixel."""
    return f"{value:.1f}".removesuffix(".0")


def at(x: float, y: float, svg: str) -> str:
    """Move marks to a place."""
    return f'<g transform="translate({number(x)} {number(y)})">{svg}</g>'


def width(text: str, size: float = FONT) -> float:
    """Return how much room a text takes at most."""
    return size * lettering.width(text)


def widest(lines: Sequence[str]) -> float:
    """Return how much room lines take that stand below each other."""
    return max(map(width, lines), default=0)


def escaped(text: str) -> str:
    """Return a text as XML, with a space for each sign that cannot be shown."""
    return escape("".join(sign if sign.isprintable() or sign == "\n" else " " for sign in text))


def write(x: float, y: float, text: str, *, fill: str = INK, size: float = FONT, anchor: str = "middle") -> str:
    """Write a text on the line at y; bold where it has the colour of ink."""
    weight = ' font-weight="600"' if fill == INK else ""
    place = f'x="{number(x)}" y="{number(y)}"'
    return f'<text {place} font-size="{size}" text-anchor="{anchor}" fill="{fill}"{weight}>{escaped(text)}</text>'


def lines(path: str, dashed: bool = False) -> str:
    """Draw a path of lines."""
    dashes = ' stroke-dasharray="4 3"' if dashed else ""
    return f'<path d="{path}" fill="none" stroke="{QUIET}" stroke-width="1.3"{dashes}/>'


def line(start: float, end: float, y: float = 0) -> str:
    """Draw a line to the right."""
    return lines(f"M{number(start)} {number(y)}H{number(end)}") if end > start else ""


def arrow(start: float, end: float) -> str:
    """Draw an arrow to the right."""
    head = f'<path d="M{number(end)} 0l-7 -3.5v7z" fill="{QUIET}"/>'
    return line(start, end - 6) + head


def plus(x: float) -> str:
    """Draw the sum of two ways."""
    circle = f'<circle cx="{number(x)}" cy="0" r="{RADIUS}" fill="{PAPER}" stroke="{QUIET}" stroke-width="1.3"/>'
    return circle + lines(f"M{number(x - 4)} 0h8m-4 -4v8")


def frame(y: float, w: float, h: float) -> str:
    """Draw a frame that begins at x = 0."""
    place = f'x="0" y="{number(y)}" width="{number(w)}" height="{number(h)}"'
    return f'<rect class="frame" {place} rx="6" fill="{TINT}" stroke="{FRAME}"/>'


def bar(length: float, colour: str) -> str:
    """Draw features."""
    return f'<rect width="{BAR}" height="{number(length)}" fill="{colour}" stroke="{INK}" stroke-width="0.7"/>'


def box(thickness: float, height: float, depth: float, colour: str) -> str:
    """Draw maps as a box, the first map in front on the right; its corner above left is that of its bounds."""
    t, h, (right, up) = number(thickness), number(height), (number(depth * part) for part in SLANT)
    faces = (
        (f"M0 {up}h{t}v{h}h-{t}z", 1.0),
        (f"M0 {up}l{right} -{up}h{t}l-{right} {up}z", 0.3),
        (f"M{t} {up}l{right} -{up}v{h}l-{right} {up}z", 0.6),
    )
    drawn = "".join(f'<path d="{path}" fill="{colour}" fill-opacity="{share:g}"/>' for path, share in faces)
    return f'<g stroke="{INK}" stroke-width="0.7" stroke-linejoin="round">{drawn}</g>'
