"""The command that shows what the native engine makes of a network."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import click

from deepen.cli.group import as_json, cli, print_json, show
from deepen.cli.networks import classes_option, input_shape_option, network_of, width_option
from deepen.wording import say

if TYPE_CHECKING:
    from deepen.engines.native.report import Report, Row
    from deepen.inspect.table import Table

FLOAT_BYTES = 4


@cli.command("compile")
@click.argument("model")
@input_shape_option
@classes_option
@width_option
@click.option("--show", "source", is_flag=True, help="Print the program in C++ too.")
@as_json
def compile_command(
    model: str, input_shape: str | None, classes: int | None, width: float, source: bool, as_json: bool
) -> None:
    """Compile the training of MODEL into a program, and show its plan.

    The program is for the usual loss and optimizer, and is kept in the cache. MODEL is a name from
    `deepen models`, a model file, a run's folder, or a folder of runs (the newest).
    """
    from deepen.engines.native.compiler import compile_program
    from deepen.engines.native.engine import EVALUATE, TRAIN
    from deepen.engines.native.report import report
    from deepen.engines.native.source import plan_routine
    from deepen.engines.native.source import source as source_of
    from deepen.engines.setup import Setup

    network, shape = network_of(model, input_shape, classes, width)
    setup = Setup(network, shape)
    text, started = source_of(setup, (TRAIN, EVALUATE)), time.perf_counter()
    path = compile_program(text, setup.dtype, say)
    seconds = time.perf_counter() - started
    found = report(plan_routine(setup, TRAIN), FLOAT_BYTES)
    if as_json:
        print_json(_data(found, path, seconds) | ({"source": text} if source else {}))
        return
    if source:
        show(text)
    _table(found, model).show()
    show(f"the program: {path} ({seconds:.1f} s)")


def _data(found: Report, path: Any, seconds: float) -> dict[str, Any]:
    from dataclasses import asdict

    return asdict(found) | {
        "multiply_adds": found.multiply_adds,
        "computed": found.computed,
        "program": str(path),
        "seconds": seconds,
    }


def _table(found: Report, title: str) -> Table:
    from deepen.inspect.table import Column, Table, amount

    columns = (
        Column("layer", "left", wraps=16),
        Column("kernel", "left"),
        Column("forth · back to x · back to the parameters", "left", spare=2, wraps=24),
        Column("multiply-adds", note="multiply-adds: of a training step for one image, computed directly"),
        Column("saved", note="saved: how many of them the algorithms do without"),
        Column("output", spare=1),
    )
    saved = _percent(found.computed, found.multiply_adds)
    notes = (
        f"multiply-adds: {found.multiply_adds:,} for an image, of which {saved or 'none'} are saved",
        f"stages between barriers: {found.stages}",
        f"stored for each image of a batch: {amount(found.stored_bytes)}",
    )
    return Table(columns, tuple(map(_cells, found.rows)), title, notes)


def _cells(row: Row) -> tuple[str, ...]:
    from deepen.inspect.table import amount

    products = f"{row.multiply_adds:,}" if row.multiply_adds else ""
    algorithms, saved = " · ".join(row.algorithms), _percent(row.computed, row.multiply_adds)
    return row.layer, row.kernel, algorithms, products, saved, amount(row.output_bytes)


def _percent(computed: int, direct: int) -> str:
    return f"{1 - computed / direct:.0%}" if computed < direct else ""
