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
@click.option("--augment", metavar="RECIPE", help="Draw images as a training with this recipe will see them.")
@click.option("--out", type=click.Path(path_type=Path), help="The picture to draw with --augment, a PNG file.")
@click.option("--size", type=click.IntRange(min=1), help="Height and width that images are brought to for that.")
@click.option("--seed", type=click.IntRange(min=0), default=0, show_default=True, help="The training's seed.")
@as_json
def data(
    name: str | None, augment: str | None, out: Path | None, size: int | None, seed: int, as_json: bool
) -> None:
    """List the data sets; with NAME, or a folder of pictures, look at one and count its classes."""
    from dataclasses import asdict

    from deepen import data as data_sets

    if (augment is None) != (out is None) or (augment and name is None):
        raise click.UsageError("to see augmented images: deepen data NAME --augment RECIPE --out FILE.png")
    if name is not None and augment is not None and out is not None:
        _draw_augmented(name, augment, out, size, seed)
        if as_json:
            print_json({"data": name, "recipe": augment, "picture": str(out.resolve())})
        else:
            show(f"the picture: {out.resolve()}")
        return
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


@cli.command()
@click.argument("name", required=False)
@as_json
def recipes(name: str | None, as_json: bool) -> None:
    """List the recipes of `deepen train --recipe`; with NAME, or a TOML file, show what is in one."""
    from dataclasses import asdict

    from deepen.training import recipes as known

    found = [known.load(each) for each in ([name] if name else known.names())]
    if as_json:
        print_json({"recipes": [asdict(recipe) for recipe in found]})
        return
    for recipe in found:
        show(f"{recipe.name}: {recipe.title}. {recipe.about}".strip(), *(f"  {each}" for each in recipe.measured))
        if name:
            show(f"  source: {recipe.source}", *(f"  {key} = {value}" for key, value in recipe.settings.items()))


def _draw_augmented(name: str, recipe: str, out: Path, size: int | None, seed: int) -> None:
    from deepen import data as data_sets
    from deepen.config import RunConfig
    from deepen.report.augmented import augmented
    from deepen.training import recipes as known

    source = data_sets.source(name, seed=seed)
    # What a recipe leaves open is as in a training without one.
    texts = RunConfig(**{**known.load(recipe).settings, "model": "", "data": name}).augment
    augmented(source.load() if size is None else source.load(size, size), texts, seed, out)


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
