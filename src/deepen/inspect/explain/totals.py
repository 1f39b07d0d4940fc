"""The sums of a network or a block: a term for each of the layers that it is made of."""

from __future__ import annotations

from collections.abc import Callable

from deepen.inspect.arithmetic import Figures
from deepen.inspect.explain import counts
from deepen.inspect.explain.explanation import Line, Text, same
from deepen.inspect.explain.places import Plan, inside
from deepen.inspect.explain.writing import equation, number, total
from deepen.spec import Node

Count = Callable[[Figures], int]


def totals(plan: Plan, place: Node) -> list[Line]:
    """Return parameters, multiply-adds, memory and, for a network like LeNet-5, connections of a container.

    What is no container is its own sum.
    Heads of side outputs cost multiply-adds and memory only while training: they are left out, but in themselves.
    """
    rows: list[tuple[Text, Count]] = [
        (counts.PARAMETERS, lambda each: learned(each, trainable=True)),
        (counts.FIXED, lambda each: learned(each, trainable=False)),
        (counts.STATISTICS, _statistics),
        (counts.MULTIPLY_ADDS, lambda each: each.multiply_adds),
        *([(counts.CONNECTIONS, _connections)] if counts.counts_connections(plan.places) else []),
        (counts.MEMORY, lambda each: each.activation_bytes),
    ]
    members = [place]
    # A block of one layer, such as a head, is made of what that one is made of.
    while len(members) == 1 and (parts := inside(members[0])):
        members = parts
    in_a_head = all(each.for_training_only for each in plan.below(place.path))
    lines = []
    for label, count in rows:
        kept = label in (counts.PARAMETERS, counts.FIXED, counts.STATISTICS) or in_a_head
        sums = [
            sum(count(each) for each in plan.below(member.path) if kept or not each.for_training_only)
            for member in members
        ]
        terms = list(map(number, filter(None, sums)))
        if terms:
            lines.append(Line(same(equation(total(terms), sum(sums))), label))
    return lines


def learned(each: Figures, *, trainable: bool = True) -> int:
    """Return how many numbers of a leaf training learns, or leaves as they are."""
    params = each.node.layer.params(each.node.input_shape).values()
    return sum(param.size for param in params if param.trainable is trainable)


def _statistics(each: Figures) -> int:
    return sum(param.size for param in each.node.layer.statistics(each.node.input_shape).values())


def _connections(each: Figures) -> int:
    found = counts.connections(each.node.layer, each.node.input_shape)
    return found[1] if found else 0
