"""The whole picture: pieces in rows, under a title and above a legend."""

from __future__ import annotations

from collections.abc import Sequence

from deepen.inspect.diagram import marks
from deepen.inspect.diagram.marks import LINE, PAPER, QUIET, at, escaped, number
from deepen.inspect.diagram.parts import Flow, Frame, Step, walk
from deepen.inspect.diagram.pieces import COLOURS, GAP, Piece, Scale, beside, piece

ROW = 144 * GAP
"""How wide a row may be, unless a single piece is wider."""
BETWEEN = 20
"""Between rows: room for the line that leads from one to the next."""
MARGIN = 24


def picture(flow: Flow, title: str, facts: str) -> str:
    """Return the SVG text of a flow, under its title and a line of facts."""
    scale = Scale.of([part.shape for part in walk(flow) if isinstance(part, Step) and part.shape])
    rows = [beside(row) for row in _rows(_pieces(flow, scale))]
    legend = _legend(flow)
    inner = max(marks.width(title, 18), marks.width(facts, 12), legend.width, *(row.width for row in rows))
    svg = marks.write(0, 18, title, size=18, anchor="start")
    svg += marks.write(0, 36, facts, size=12, fill=QUIET, anchor="start")
    y, before = 52.0, ""
    for row in rows:
        axis = number(y + row.above)
        if before:
            turn = f"H{number(inner + MARGIN / 2)}V{number(y - BETWEEN / 2)}H{-MARGIN / 2:g}V{axis}H0"
            svg += marks.lines(before + turn)
        svg += "\n" + at(0, y + row.above, row.svg)
        before = f"M{number(row.exit)} {axis}"
        y += row.above + row.below + BETWEEN
    svg += "\n" + at(0, y, legend.svg)
    size = number(inner + 2 * MARGIN), number(y + legend.below + 2 * MARGIN)
    told = f"{facts}. From left to right: {'; '.join(map(str, flow))}."
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {" ".join(size)}" width="{size[0]}" '
            f'height="{size[1]}" role="img" font-family="Helvetica, Arial, sans-serif">',
            f"<title>{escaped(title)}</title>",
            f"<desc>{escaped(told)}</desc>",
            f'<rect width="100%" height="100%" rx="8" fill="{PAPER}"/>',
            at(MARGIN, MARGIN, svg),
            "</svg>\n",
        ]
    )


def _pieces(flow: Flow, scale: Scale) -> list[Piece]:
    """Return the pieces that rows are made of: notes on the line stay with what they lead to."""
    pieces: list[Piece] = []
    held: list[Piece] = []
    for part in flow:
        held.append(piece(part, scale))
        if not isinstance(part, Step) or part.shape:
            pieces.append(beside(held))
            held = []
    return [*pieces, beside(held)] if held else pieces


def _rows(pieces: Sequence[Piece]) -> list[list[Piece]]:
    """Divide pieces into as few rows as go, and these into rows as narrow as go."""
    fewest = len(_filled(pieces, ROW))
    return next(rows for limit in range(0, ROW + 1, GAP) if len(rows := _filled(pieces, limit)) == fewest)


def _filled(pieces: Sequence[Piece], limit: float) -> list[list[Piece]]:
    """Fill one row after the other."""
    rows: list[list[Piece]] = []
    for each in pieces:
        if not rows or sum(held.width + GAP for held in rows[-1]) + each.width > limit:
            rows.append([])
        rows[-1].append(each)
    return rows


def _legend(flow: Flow) -> Piece:
    """Say what colours and sizes mean."""
    parts = list(walk(flow))
    drawn = {part.role for part in parts if isinstance(part, Step) and part.shape}
    x, svg = 0.0, ""
    for role, colour in COLOURS.items():
        if role in drawn:
            svg += at(x, 2, f'<rect width="10" height="10" fill="{colour}"/>')
            svg += marks.write(x + 15, 11, role, fill=QUIET, anchor="start")
            x += marks.width(role) + 30
    told = [
        "To scale: the sides of a box are √height and √width of its maps, its thickness √channels,",
        "and the length of a bar √features. “/2” is a stride of 2.",
    ]
    if any(isinstance(part, Frame) and part.times > 1 for part in parts):
        told.append("A pile of frames stands for as many equal blocks as its title says; the last is drawn.")
    for i, line in enumerate(told, 1):
        svg += marks.write(0, 15 + LINE * i, line, fill=QUIET, anchor="start")
    return Piece(max(x, marks.widest(told)), 0, LINE * len(told) + 15, 0, svg)
