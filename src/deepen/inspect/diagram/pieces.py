"""How the parts of a diagram are drawn: each becomes a piece of known size, joined to others on a line."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from math import sqrt
from textwrap import wrap

from deepen.inspect.diagram import marks
from deepen.inspect.diagram.marks import BAR, LINE, QUIET, RADIUS, SLANT, at, number
from deepen.inspect.diagram.parts import Flow, Fork, Frame, Head, Part, Role, Shortcut, Step, shape_text
from deepen.paths import Shape

GAP, PAD, STUB = 8, 10, 16
"""Between pieces, between a frame and what is in it, and of line where a way parts."""
LETTERS = 14
"""After so many letters what a layer does is broken into lines."""

# Okabe and Ito's colours: told apart with every kind of colour blindness.
COLOURS: dict[Role, str] = {
    "input": "#8c959f",
    "convolution": "#0072b2",
    "pooling": "#e69f00",
    "fully connected": "#009e73",
    "joined": "#cc79a7",
    "other": "#f0e442",
}


@dataclass(frozen=True)
class Piece:
    """Marks around a line that comes in at (0, 0), and the room that they take."""

    width: float
    above: float
    below: float
    exit: float
    """Where on the line the next piece is joined on."""
    svg: str


@dataclass(frozen=True)
class Scale:
    """Pixels of the picture for the square root of a size, the same in the whole picture."""

    side: float
    """Of the height and the width of maps."""
    thickness: float
    """Of the number of channels, and of features."""

    @classmethod
    def of(cls, shapes: Sequence[Shape]) -> Scale:
        """Return the scale at which the largest box and the longest bar have a good size."""
        sides = max((size for shape in shapes for size in shape[1:]), default=1)
        channels = max((shape[0] for shape in shapes if len(shape) == 3), default=1)
        features = max((shape[0] for shape in shapes if len(shape) != 3), default=1)
        return cls(min(96 / sqrt(sides), 24), min(44 / sqrt(channels), 100 / sqrt(features), 10))

    def drawn(self, shape: Shape, colour: str) -> tuple[float, float, str]:
        """Return the width, the height and the marks of a box, or of a bar."""
        thickness = self.thickness * sqrt(shape[0])
        if len(shape) != 3:
            return BAR, thickness, marks.bar(thickness, colour)
        height, depth = (self.side * sqrt(size) for size in shape[1:])
        right, up = (depth * share for share in SLANT)
        return thickness + right, height + up, marks.box(thickness, height, depth, colour)


def piece(part: Part, scale: Scale) -> Piece:
    """Draw a part."""
    match part:
        case Step(role="input"):
            return _input(part, scale)
        case Step():
            return _step(part, scale)
        case Fork():
            return _fork(part, scale)
        case Shortcut():
            return _shortcut(part, scale)
        case Head():
            return _head(part, scale)
        case Frame():
            return _framed(str(part), _flow(part.inside, scale), pile=8 if part.times > 1 else 0)


def beside(pieces: Sequence[Piece]) -> Piece:
    """Join pieces on the line; none of them make a piece that takes no room."""
    x, end, svg = 0.0, 0.0, ""
    for each in pieces:
        svg += marks.line(end, x) + at(x, 0, each.svg)
        end, x = x + each.exit, x + each.width + GAP
    above = max((each.above for each in pieces), default=0)
    below = max((each.below for each in pieces), default=0)
    return Piece(max(x - GAP, 0), above, below, end, svg)


def _flow(flow: Flow, scale: Scale) -> Piece:
    return beside([piece(part, scale) for part in flow])


def _input(step: Step, scale: Scale) -> Piece:
    """Draw the box of the input under its name."""
    box = _box(step, scale)
    width = max(box.width, marks.widest((step.name, *step.notes)))
    shift, middle = (width - box.width) / 2, width / 2
    svg = marks.write(middle, -box.above - 5, step.name) + at(shift, 0, box.svg)
    svg += _lines(middle, box.below + LINE - 5, step.notes)
    below = box.below + LINE * len(step.notes)
    return Piece(width, box.above + LINE + 5, below, shift + box.exit, _pointed(step.hint, svg))


def _step(step: Step, scale: Scale) -> Piece:
    """Draw an arrow with the layer above it and notes below, and the box that it leads to."""
    words = wrap(step.what, LETTERS, break_long_words=False)
    label = max(2 * STUB, marks.widest((step.name, *words, *step.notes)) + PAD)
    svg = marks.write(label / 2, -5 - LINE * len(words), step.name) if step.name else ""
    svg += _lines(label / 2, -5 - LINE * (len(words) - 1), words) + _lines(label / 2, LINE + 2, step.notes)
    above, below = LINE * (len(words) + bool(step.name)) + 5.0, LINE * len(step.notes) + 7.0
    if step.shape is None:
        return Piece(label, above, below, label, _pointed(step.hint, svg + marks.line(0, label)))
    box = _box(step, scale)
    svg += marks.arrow(0, label + box.width - box.exit) + at(label, 0, box.svg)
    above, below = max(above, box.above), max(below, box.below)
    return Piece(label + box.width, above, below, label + box.exit, _pointed(step.hint, svg))


def _box(step: Step, scale: Scale) -> Piece:
    """Draw what a step makes, with its shape below."""
    assert step.shape is not None
    width, height, svg = scale.drawn(step.shape, COLOURS[step.role])
    text = shape_text(step.shape)
    room = max(width, marks.width(text) + 4)
    drawn = f'<g data-shape="{text}">{at((room - width) / 2, -height / 2, svg)}</g>'
    written = marks.write(room / 2, height / 2 + LINE - 1, text, fill=QUIET)
    return Piece(room, height / 2, height / 2 + LINE + 4, (room + width) / 2, drawn + written)


def _fork(fork: Fork, scale: Scale) -> Piece:
    """Draw branches below each other, between a line that parts and lines that join."""
    branches = [_flow(branch, scale) for branch in fork.branches]
    merge = STUB + max(branch.width for branch in branches) + STUB / 2
    height = sum(branch.above + branch.below + GAP for branch in branches) - GAP
    top, svg = -height / 2, ""
    for branch in branches:
        y = top + branch.above
        svg += marks.lines(f"M0 0H{STUB / 2:g}V{number(y)}H{STUB}") + at(STUB, y, branch.svg)
        svg += marks.lines(f"M{number(STUB + branch.exit)} {number(y)}H{number(merge)}V0")
        top += branch.above + branch.below + GAP
    end = _sum() if fork.joined is None else _step(fork.joined, scale)
    above, below = max(height / 2, end.above), max(height / 2, end.below)
    return Piece(merge + end.width, above, below, merge + end.exit, svg + at(merge, 0, end.svg))


def _shortcut(shortcut: Shortcut, scale: Scale) -> Piece:
    """Draw an arc over the body, from before it to the plus behind it, and on the arc what lies on that way."""
    body, words = _flow(shortcut.body, scale), [str(part) for part in shortcut.around]
    over, behind, added = body.above + STUB, STUB + body.width, _sum()
    start, end = STUB / 2, behind + added.exit - RADIUS
    arc = f"M{start:g} 0V{number(8 - over)}q0 -8 8 -8H{number(end - 8)}q8 0 8 8V{-RADIUS}"
    svg = marks.line(0, STUB) + at(STUB, 0, body.svg) + marks.line(STUB + body.exit, behind)
    svg += marks.lines(arc) + at(behind, 0, added.svg)
    hint = "\n".join(part.hint for part in shortcut.around if isinstance(part, Step))
    middle, half = (start + end) / 2, marks.widest(words) / 2
    svg += _pointed(hint, _lines(middle, -over - 5 - LINE * (len(words) - 1), words)) if words else ""
    # What is written may be wider than the body.
    shift = max(0, half - middle)
    width = shift + max(behind + added.width, middle + half)
    above, exit_ = over + LINE * len(words) + 5, shift + behind + added.exit
    return Piece(width, above, body.below, exit_, marks.line(0, shift) + at(shift, 0, svg))


def _sum() -> Piece:
    end = 4 + 2 * RADIUS
    return Piece(end, RADIUS, RADIUS, end, marks.line(0, 4) + marks.plus(4 + RADIUS))


def _head(head: Head, scale: Scale) -> Piece:
    """Draw the line that goes on, and below it what branches off."""
    inside = _flow(head.inside, scale)
    y, width = inside.above + GAP, STUB + inside.width
    way = marks.lines(f"M{STUB / 2:g} 0V{number(y)}H{STUB}", dashed=True)
    svg = marks.line(0, width) + way + at(STUB, y, inside.svg)
    return _framed(head.title, Piece(width, 2, y + inside.below, width, svg))


def _framed(title: str, inside: Piece, pile: int = 0) -> Piece:
    """Draw a frame with a title around a piece, on a pile of frames that is so many pixels high."""
    width = max(inside.width, marks.width(title)) + 2 * PAD
    above, below = inside.above + LINE + PAD, inside.below + PAD
    svg = "".join(at(off, -off, marks.frame(-above, width, above + below)) for off in range(pile, -1, -4))
    svg += marks.write(PAD, LINE - above + 1, title, anchor="start")
    svg += marks.line(0, PAD) + at(PAD, 0, inside.svg)
    return Piece(width + pile, above + pile, below, PAD + inside.exit, svg)


def _pointed(hint: str, svg: str) -> str:
    return f"<g><title>{marks.escaped(hint)}</title>{svg}</g>"


def _lines(x: float, y: float, lines: Iterable[str]) -> str:
    """Write quiet lines, centred at x, the first at y."""
    return "".join(marks.write(x, y + LINE * i, line, fill=QUIET) for i, line in enumerate(lines))
