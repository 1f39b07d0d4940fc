"""The command that holds every layer and block of a network against PyTorch and finite differences."""

from __future__ import annotations

import inspect
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import click

from deepen.cli.group import as_json, cli, print_json, show, table
from deepen.cli.networks import classes_option, input_shape_option, network_of
from deepen.cli.user_files import what_happened
from deepen.errors import DeepenError

if TYPE_CHECKING:
    from deepen.inspect.check import CheckResult
    from deepen.paths import Shape
    from deepen.spec import Layer, Node

ENTRIES = 8
"""How many entries of each array are held against finite differences one by one."""

ENTRIES_OF_BLOCKS = 2
"""The same for layers made of others: each of their passes is long, and what is in them is checked by itself."""

HEAD = (
    "layer (type)", "furthest off", "NumPy", "PyTorch", "finite differences", "off PyTorch", "off finite", "",
)  # fmt: skip

DIGITS = 6
"""How many digits of the three numbers are shown; what is wrong is shown with more in a table of its own."""


@cli.command()
@click.argument("model")
@input_shape_option
@classes_option
@as_json
def check(model: str, input_shape: str | None, classes: int | None, as_json: bool) -> None:
    """Check the gradients of each layer of MODEL, and exit with 1 if something disagrees.

    Every layer runs by itself, in float64 and on random numbers, in the shape that reaches it, and so does every
    block that adds, joins or branches, after the layers in it. The hand-derived passes are held against PyTorch's
    and against finite differences; the entry that is furthest off is shown in all three.

    MODEL is a name from `deepen models`, a model file, a run's folder, or a folder of runs (the newest).
    """
    from deepen.engines import torch_installed

    results: dict[tuple[Layer, Shape], CheckResult] = {}
    found: list[tuple[Node, CheckResult]] = []
    for node in _to_check(*network_of(model, input_shape, classes), path=""):
        # A block that is repeated is checked once.
        key = replace(node.layer, name=None), node.input_shape
        if key not in results:
            results[key] = _check(node)
        found.append((node, results[key]))
    passed = all(result.passed for _, result in found)
    if as_json:
        layers = [{"path": node.path, **result.to_data()} for node, result in found]
        print_json({"model": model, "passed": passed, "layers": layers})
    else:
        table(HEAD, [_cells(node.path or model, result) for node, result in found])
        for node, result in found:
            if not result.passed:
                show("", f"{node.path or model}:", str(result))
        right = sum(result.passed for _, result in found)
        judges = "PyTorch and finite differences" if torch_installed() else "finite differences alone"
        show("", f"{right} of {len(found)} layers agree with {judges}")
    if not passed:
        sys.exit(1)


def _to_check(layer: Layer, input_shape: Shape, path: str) -> Iterator[Node]:
    """Yield every layer in the order of computation, containers after what is in them.

    A `Sequential` is left out: it has nothing of its own but the chain rule.
    """
    from deepen.layers import Sequential
    from deepen.paths import join
    from deepen.spec import Node

    output_shape = layer.output_shape(input_shape)
    for child in layer.children(input_shape):
        yield from _to_check(child.layer, child.input_shape, join(path, child.name))
    if type(layer) is not Sequential:
        yield Node(path, layer, input_shape, output_shape)


def _check(node: Node) -> CheckResult:
    from deepen.engines.layer_call import LayerCallError
    from deepen.inspect.check import check

    entries = ENTRIES_OF_BLOCKS if node.layer.container else ENTRIES
    try:
        return check(node.layer, node.input_shape, entries=entries)
    except Exception as error:
        happened = what_happened(error, Path(inspect.getfile(type(node.layer))))
        if isinstance(error, LayerCallError) and error.code and error.__cause__ is None:
            # A method that returned something wrong has run to its end: no line of it is in the traceback.
            happened = f"{error.code.co_filename}, line {error.code.co_firstlineno}: {error}"
        raise DeepenError(f"{node.path or type(node.layer).__name__} cannot be checked: {happened}") from error


def _cells(path: str, result: CheckResult) -> tuple[str, ...]:
    from deepen.inspect.check_table import difference, entry, number

    differences = [
        max((value for row in result.rows if (value := getattr(row, judge)) is not None), default=None)
        for judge in ("torch_difference", "finite_difference")
    ]
    worst = max(result.rows, key=lambda row: row.excess)
    return (
        f"{path} ({result.type})",
        f"{worst.array} {entry(worst.entry)}",
        *(number(value, DIGITS) for value in (worst.numpy, worst.torch, worst.finite)),
        *map(difference, differences),
        "agrees" if result.passed else "DISAGREES",
    )
