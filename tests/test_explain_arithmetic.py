"""No line of an explanation lies: its arithmetic is computed again, and held against the library."""

from __future__ import annotations

from dataclasses import replace
from math import prod

import pytest

from board import equations, holds, numbers, value
from cases import CASES
from deepen import models
from deepen.inspect.arithmetic import FLOAT_BYTES
from deepen.inspect.explain import Section, explain
from deepen.inspect.explain.layer import of_layer
from deepen.inspect.explain.places import Plan
from deepen.layers import Sequential
from deepen.spec import Node, walk

EXACT = {
    "parameters",
    "fixed parameters",
    "running statistics",
    "multiply-adds",
    "connections",
    "memory, in bytes",
}
"""Labels of lines that are one equation, or its right side alone."""


def check(sections: tuple[Section, ...]) -> int:
    """Hold every equation, and both languages to the same numbers; return how many equations there were."""
    count = 0
    for section in sections:
        for text in (section.heading, *(t for line in section.lines for t in (line.label, line.text))):
            assert numbers(text.en) == numbers(text.zh), text
            assert bool(text.en) == bool(text.zh), text
            for each in text:
                for equation in equations(each):
                    assert holds(equation), f"{section.heading.en}: {equation}"
                    count += 1
    return count


def right_sides(sections: tuple[Section, ...]) -> dict[str, int]:
    """Return what the lines of a layer come to, by their labels."""
    lines = [line for section in sections for line in section.lines if line.label.en in EXACT]
    return {line.label.en: int(value(line.text.en.split(" = ")[-1])) for line in lines}


def check_leaf(place: Node, sections: tuple[Section, ...]) -> None:
    check(sections)
    layer, shape = place.layer, place.input_shape
    found, params = right_sides(sections), layer.params(shape).values()
    for label, trainable in (("parameters", True), ("fixed parameters", False)):
        assert found.get(label, 0) == sum(p.size for p in params if p.trainable is trainable)
    assert found.get("running statistics", 0) == sum(p.size for p in layer.statistics(shape).values())
    assert found.get("multiply-adds", 0) == layer.multiply_adds(shape)
    assert found["memory, in bytes"] == FLOAT_BYTES * prod(place.output_shape)
    after = place.output_shape
    axes = {
        "channels": after[:1],
        "output size": after[1:] or after,
        "output size, height": after[1:2],
        "output size, width": after[2:],
    }
    for line in sections[0].lines:
        if line.label.en in axes:
            written = value(line.text.en.partition(";")[0].split(" = ")[-1])
            assert {written} == set(axes[line.label.en]), (place.path, line.label.en)


def test_the_judge_sees_what_is_wrong() -> None:
    assert equations("so ⌊(28 + 2·1 − 3)/1⌋ + 1 = 28, and stride 1·2 = 2; s = 1, K = 5") == [
        "⌊(28 + 2·1 − 3)/1⌋ + 1 = 28",
        "1·2 = 2",
    ]
    assert holds("⌈(6 − 3)/2⌉ + 1 = 3")
    assert holds("(5·5·3 + 1)·6 + (5·5·4 + 1)·9 + (5·5·6 + 1)·1 = 1,516")
    assert holds("1 / 3 ≈ 33.3%")
    assert holds("1 / 1,001 < 0.1%")
    assert equations("most in dense1: 999,999 / 1,000,000 > 99.9%") == ["999,999 / 1,000,000 > 99.9%"]
    assert not holds("(5·5·3 + 1)·6 = 457")
    assert not holds("1 / 3 ≈ 33.4%")
    assert not holds("1 / 1,000 < 0.1%")
    assert not holds("1 / 3 = 33.3%")


@pytest.mark.parametrize("name", models.names())
def test_every_line_of_every_model(name: str) -> None:
    entry = models.entry(name)
    plan = Plan(models.build(name), entry.input_shape)
    sections = explain(plan.network, plan.input_shape).sections
    assert check(sections) > 0
    described = {section.layer for section in sections if ": as " not in section.heading.en}
    leaves = {
        each.node.path: (replace(each.node.layer, name=None), each.node.input_shape) for each in plan.figures
    }
    assert {leaves[path] for path in described & set(leaves)} == set(leaves.values()), "each kind of layer once"
    # Steps of the receptive field are many in deep networks: some forty layers of each are looked at.
    for figures in plan.figures[:: 1 + len(plan.figures) // 40]:
        sections = tuple(of_layer(plan, figures.node))
        check_leaf(figures.node, sections)
        field = figures.receptive_field
        if field is not None:
            heading = f"Receptive field: {field.size[0]:,}×{field.size[1]:,} pixels"
            assert heading in [section.heading.en for section in sections], figures.node.path


@pytest.mark.parametrize("name", CASES)
def test_every_form_of_every_layer(name: str) -> None:
    case = CASES[name]
    network = Sequential([case.layer])
    check(explain(network, case.input_shape).sections)
    for node in walk(network, case.input_shape):
        check_leaf(node, explain(network, case.input_shape, node.path).sections)
    (child,) = network.children(case.input_shape)
    check(explain(network, case.input_shape, child.name).sections)
