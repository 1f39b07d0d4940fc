"""What stands on the board: sections of lines, each in English and in Chinese."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

from deepen.wording import columns, padded


class Text(NamedTuple):
    """The same said in both languages; formulas in it are the same, number by number."""

    en: str
    zh: str

    def then(self, other: Text) -> Text:
        """Return this text with another one behind it."""
        return Text(self.en + other.en, self.zh + other.zh)


LANGUAGES = Text._fields

NOTHING = Text("", "")


def headed(name: str, text: Text) -> Text:
    """Return a text behind a name; in Chinese behind a comma, for the text may have a colon of its own."""
    return Text(f"{name}: {text.en}", f"{name}，{text.zh}")


def same(text: str) -> Text:
    """Return what needs no translation, such as a formula or a path."""
    return Text(text, text)


@dataclass(frozen=True)
class Line:
    """A sentence or a formula, and what it is about."""

    text: Text
    label: Text = NOTHING


@dataclass(frozen=True)
class Section:
    """Lines under a heading; without any, the heading says it all."""

    heading: Text
    lines: tuple[Line, ...] = ()
    layer: str = ""
    """Path of the layer that it is about; empty for the whole network."""


class Row(NamedTuple):
    """A line as it is written: the text, what stands before it in the column of the labels, and what it is."""

    text: str
    label: str = ""
    role: Literal["title", "heading", "line"] = "line"


@dataclass(frozen=True, repr=False)
class Explanation:
    """A network or a layer of it, explained; `str()` writes it in its language."""

    title: str
    sections: tuple[Section, ...]
    language: str = "en"

    def __repr__(self) -> str:
        return f"<Explanation of {self.title}>"

    def said(self, text: Text) -> str:
        """Return a text in this explanation's language."""
        return str(getattr(text, self.language))

    def rows(self) -> Iterator[Row]:
        """Yield what is written line by line, empty lines too."""
        yield Row(self.title, role="title")
        lines_before = True
        for section in self.sections:
            # Headings that say it all stand close together.
            if section.lines or lines_before:
                yield Row("")
            yield Row(self.said(section.heading), role="heading")
            yield from self._lines(section)
            lines_before = bool(section.lines)

    def _lines(self, section: Section) -> Iterator[Row]:
        """Yield the lines of a section, the labels in a column of their own."""
        width = max((columns(self.said(line.label)) for line in section.lines), default=0)
        above = ""
        for line in section.lines:
            label = self.said(line.label)
            # What several lines are about stands before the first of them.
            shown = padded("" if label == above else label, width)
            yield Row(self.said(line.text), f"  {shown}  " if label else "  ")
            above = label

    def __str__(self) -> str:
        return "\n".join(row.label + row.text for row in self.rows())

    def to_data(self) -> dict[str, Any]:
        """Return what JSON shows of it."""
        sections = [
            {
                "heading": self.said(section.heading),
                "layer": section.layer,
                "lines": [
                    {"label": self.said(line.label), "text": self.said(line.text)} for line in section.lines
                ],
            }
            for section in self.sections
        ]
        return {"title": self.title, "language": self.language, "sections": sections}

    def _repr_markdown_(self) -> str:
        parts = [f"## {_literal(self.title)}"]
        for section in self.sections:
            parts.append(f"**{_literal(self.said(section.heading))}**")
            items = [(self.said(line.label), self.said(line.text)) for line in section.lines]
            parts.append(
                "\n".join(
                    f"- {f'*{_literal(label)}*: ' if label else ''}{_literal(text)}" for label, text in items
                )
            )
        return "\n\n".join(filter(None, parts))


def _literal(text: str) -> str:
    """Return a text with the signs that Markdown would read as its own spelled out."""
    return "".join(f"\\{sign}" if sign in "\\`*_[]<>#|$~" else sign for sign in text)
