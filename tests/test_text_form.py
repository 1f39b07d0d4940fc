"""Described objects as a line of text: one grammar on the command line, in TOML and in Python."""

from __future__ import annotations

from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deepen import text_form
from deepen.errors import DeepenError, UnknownNameError, UsageError
from deepen.schedules import Exponential, Step, schedule


@dataclass(frozen=True)
class Thing:
    size: object
    colour: object
    shine: object = None


@dataclass(frozen=True)
class Empty:
    pass


def thing(text: str) -> Thing:
    name, words = text_form.split(text)
    return text_form.make("thing", name, Thing, words)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("thing=1 colour=2", Thing(1, 2)),
        ("THING=1 colour=2", Thing(1, 2)),
        ("thing colour=2 size=1", Thing(1, 2)),
        ("  thing=-1   colour=1e-3  ", Thing(-1, 0.001)),
        ("thing=1,2 colour=0.5,1", Thing((1, 2), (0.5, 1))),
        ("thing=1, colour=red,3", Thing((1,), ("red", 3))),
        ("thing=true colour=False shine=none", Thing(True, False, None)),
        ("thing=Red colour=a=b", Thing("Red", "a=b")),
    ],
)
def test_words_give_fields(text: str, expected: Thing) -> None:
    assert thing(text) == expected
    assert [type(value) for value in vars(thing(text)).values()] == [type(v) for v in vars(expected).values()]


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("thing", "thing thing: give its size, as in thing=VALUE"),
        ("thing=1", "thing thing: give its colour, as in thing colour=VALUE"),
        ("thing=", "a field is written as name=value without spaces, got '='"),
        ("thing=1 colour", "a field is written as name=value without spaces, got 'colour'"),
        ("thing=1 colour = 2", "a field is written as name=value without spaces, got 'colour'"),
        ("thing=1 size=2", "thing thing: size is given twice"),
        ("thing=1 colour=2 colour=2", "thing thing: colour is given twice"),
    ],
)
def test_what_is_no_field(text: str, problem: str) -> None:
    with pytest.raises(UsageError) as caught:
        thing(text)
    assert problem in str(caught.value)


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("thing colr=1", "unknown field of the thing thing: 'colr'; did you mean 'colour'?"),
        ("thing x=1", "unknown field of the thing thing: 'x'; known: colour, shine, size"),
    ],
)
def test_unknown_fields(text: str, problem: str) -> None:
    with pytest.raises(UnknownNameError) as caught:
        thing(text)
    assert str(caught.value) == problem


@pytest.mark.parametrize(("text", "field"), [("empty=3", ""), ("empty size=3", "size")])
def test_fields_of_what_has_none(text: str, field: str) -> None:
    name, words = text_form.split(text)
    with pytest.raises(UnknownNameError) as caught:
        text_form.make("thing", name, Empty, words)
    assert str(caught.value) == f"unknown field of the thing empty: {field!r}; it has no fields"


@given(st.floats(0, 1, exclude_min=True, exclude_max=True), st.integers(1))
def test_numbers_are_those_that_were_written(decay: float, every: int) -> None:
    assert schedule(f"step={decay!r} every={every}") == Step(decay, every)
    assert schedule(f"exponential={decay!r}") == Exponential(decay)


@given(st.text() | st.text("=, stepvry.19e-nait", max_size=30).map("step{}".format))
def test_any_text_is_a_schedule_or_an_error_of_ours(text: str) -> None:
    try:
        made = schedule(text)
    except DeepenError:
        return
    assert 0 <= made.factor(3, 100, 10) <= 1
