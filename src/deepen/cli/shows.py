"""The commands that show what there is: a network's layers, data sets, models, this machine."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import click

from deepen.cli.group import as_json, cli, print_json, show, table
from deepen.cli.networks import classes_option, input_shape_option, network_of


@cli.command()
@click.argument("model")
@input_shape_option
@classes_option
@as_json
def summary(model: str, input_shape: str | None, classes: int, as_json: bool) -> None:
    """Show the layers of MODEL.

    MODEL is a name from `deepen models`, a model file, a run's folder, or a folder of runs (the newest).
    """
    from deepen.inspect.summary import as_text, summarize

    found = summarize(*network_of(model, input_shape, classes))
    if as_json:
        print_json(found.to_data())
    else:
        show(as_text(found, model))


@cli.command()
@click.argument("name", required=False)
@as_json
def data(name: str | None, as_json: bool) -> None:
    """List the data sets; with NAME, or a folder of pictures, look at one and count its classes."""
    from dataclasses import asdict

    from deepen import data as data_sets

    if name is None:
        rows = [_facts(data_sets.facts(each)) for each in data_sets.names()]
        if as_json:
            print_json({"data": rows})
            return
        table(
            ("name", "image", "classes", "training", "test", "where"),
            [
                (
                    row["name"],
                    "×".join(map(str, row["input_shape"])),
                    len(row["classes"]),
                    f"{row['train_count']:,}",
                    f"{row['test_count']:,}",
                    row["where"] or "is downloaded at its first use",
                )
                for row in rows
            ],
        )
        return
    source = data_sets.source(name)
    # Only decoding shows which pictures of a folder a training would leave out; for that a small size will do.
    dataset = source.load() if source.counts is None else source.load(8, 8)
    counts, remarks = dataset.counts, (*source.remarks, *dataset.remarks)
    facts = asdict(dataset.facts) | {"input_shape": source.facts.input_shape, "where": _path(source.find())}
    if as_json:
        words = {"training": "train_counts", "validation": "validation_counts", "test": "test_counts"}
        print_json(facts | {words[part]: list(found) for part, found in counts.items()} | {"remarks": remarks})
        return
    for key in ("title", "source", "licence", "where"):
        show(f"{key}: {facts[key]}")
    show(*remarks)
    table(("class", *counts), list(zip(facts["classes"], *counts.values(), strict=True)))


@cli.command()
@as_json
def models(as_json: bool) -> None:
    """List the models that `deepen train` knows."""
    from deepen import models as known
    from deepen import pretrained
    from deepen.inspect.summary import summarize

    rows = []
    for name in known.names():
        entry = known.entry(name)
        parameters = summarize(entry.build(10), entry.input_shape).parameters
        rows.append((name, entry.title, entry.year, entry.input_shape, parameters))
    if as_json:
        keys = ("name", "title", "year", "input_shape", "parameters")
        models = [dict(zip(keys, row, strict=True)) for row in rows]
        print_json({"models": models, "trained": pretrained.names()})
        return
    table(
        ("name", "title", "year", "input", "parameters (10 classes)"),
        [(n, t, y, "×".join(map(str, shape)), f"{count:,}") for n, t, y, shape, count in rows],
    )
    show("", f"trained, for predict, evaluate and train --init: {', '.join(pretrained.names())}")


@cli.command()
@as_json
def doctor(as_json: bool) -> None:
    """Say what this machine computes with, and which data sets it has."""
    from deepen import data as data_sets
    from deepen import engines
    from deepen.environment import environment

    choice = engines.choose()
    found: dict[str, Any] = {
        **environment(),
        "engine": f"{choice} ({choice.reason})",
        "threads": str(_threads(choice.engine)),
        **{f"data {name}": _where(name) or "is downloaded at its first use" for name in data_sets.names()},
    }
    if as_json:
        print_json(found)
    else:
        table(("", ""), list(found.items()))


def _facts(facts: Any) -> dict[str, Any]:
    from dataclasses import asdict

    return {**asdict(facts), "where": _where(facts.name)}


def _where(name: str) -> str | None:
    from deepen import data as data_sets

    return _path(data_sets.find(name))


def _path(found: Path | None) -> str | None:
    return None if found is None else str(found)


def _threads(engine: str) -> int | None:
    if engine == "torch":
        import torch

        return torch.get_num_threads()
    return os.cpu_count()
