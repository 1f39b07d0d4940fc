"""The commands that show what there is: a network's layers, data sets, models, this machine."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import click

from deepen.cli.group import as_json, cli, print_json, show, table


@cli.command()
@click.argument("model")
@click.option("--input-shape", help="Channels, height, width, such as 1,28,28; the model's own unless given.")
@click.option("--classes", type=click.IntRange(min=1), default=10, show_default=True)
@as_json
def summary(model: str, input_shape: str | None, classes: int, as_json: bool) -> None:
    """Show the layers of MODEL.

    MODEL is a name from `deepen models`, a model file, a run's folder, or a folder of runs (the newest).
    """
    from deepen import models
    from deepen.inspect.summary import as_text, summarize

    looks_like_a_path = "/" in model or os.sep in model or model.endswith(".safetensors")
    if model in models.names() or not (looks_like_a_path or Path(model).exists()):
        entry = models.entry(model)
        network, shape = entry.build(classes), entry.input_shape
    else:
        from deepen.model import Model
        from deepen.runs import model_path

        loaded = Model.load(model_path(Path(model)), engine="numpy")
        network, shape = loaded.network, loaded.input_shape
    found = summarize(network, _shape(input_shape) if input_shape else shape)
    if as_json:
        print_json(found.to_data())
    else:
        show(as_text(found, model))


@cli.command()
@click.argument("name", required=False)
@as_json
def data(name: str | None, as_json: bool) -> None:
    """List the data sets; with NAME, fetch one and count its classes."""
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
    dataset = data_sets.load(name)
    counts = [
        [int((labels == k).sum()) for k in range(len(dataset.facts.classes))]
        for labels in (dataset.train_labels, dataset.test_labels)
    ]
    row = _facts(dataset.facts) | {"train_counts": counts[0], "test_counts": counts[1]}
    if as_json:
        print_json(row)
        return
    for key in ("title", "source", "licence", "where"):
        show(f"{key}: {row[key]}")
    table(("class", "training", "test"), list(zip(row["classes"], *counts, strict=True)))


@cli.command()
@as_json
def models(as_json: bool) -> None:
    """List the models that `deepen train` knows."""
    from deepen import models as known
    from deepen.inspect.summary import summarize

    rows = []
    for name in known.names():
        entry = known.entry(name)
        parameters = summarize(entry.build(10), entry.input_shape).parameters
        rows.append((name, entry.title, entry.year, entry.input_shape, parameters))
    if as_json:
        keys = ("name", "title", "year", "input_shape", "parameters")
        print_json({"models": [dict(zip(keys, row, strict=True)) for row in rows]})
        return
    table(
        ("name", "title", "year", "input", "parameters (10 classes)"),
        [(n, t, y, "×".join(map(str, shape)), f"{count:,}") for n, t, y, shape, count in rows],
    )


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


def _shape(text: str) -> tuple[int, ...]:
    try:
        shape = tuple(int(part) for part in text.split(","))
    except ValueError:
        shape = ()
    if len(shape) != 3 or min(shape) < 1:
        raise click.UsageError(f"--input-shape is three numbers, such as 1,28,28, got {text!r}")
    return shape


def _facts(facts: Any) -> dict[str, Any]:
    from dataclasses import asdict

    return {**asdict(facts), "where": _where(facts.name)}


def _where(name: str) -> str | None:
    from deepen import data as data_sets

    found = data_sets.find(name)
    return None if found is None else str(found)


def _threads(engine: str) -> int | None:
    if engine == "torch":
        import torch

        return torch.get_num_threads()
    return os.cpu_count()
