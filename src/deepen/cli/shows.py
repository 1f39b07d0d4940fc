"""The commands that show what there is: data sets, recipes, this machine."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import click

from deepen.cli.group import as_json, cli, drawable, print_json, show, table


@cli.command()
@click.argument("name", required=False)
@click.option(
    "--augment",
    multiple=True,
    metavar="RECIPE",
    help="Draw images as a training with this recipe will see them, or with augmentations such as rotation=10.",
)
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    callback=drawable,
    help="The picture to draw with --augment, a PNG file.",
)
@click.option("--size", type=click.IntRange(min=1), help="Height and width that images are brought to for that.")
@click.option("--seed", type=click.IntRange(min=0), help="The seed of that training; 0 unless given.")
@as_json
def data(
    name: str | None,
    augment: tuple[str, ...],
    out: Path | None,
    size: int | None,
    seed: int | None,
    as_json: bool,
) -> None:
    """List the data sets; with NAME, or a folder of pictures, look at one and count its classes."""
    if augment or (out, size, seed) != (None, None, None):
        if name is None or not augment or out is None:
            raise click.UsageError(
                "to see augmented images: deepen data NAME --augment RECIPE --out FILE.png; --size and --seed are "
                "for that alone"
            )
        _draw_augmented(name, augment, out, size, seed or 0, as_json)
    elif name is None:
        _list_data_sets(as_json)
    else:
        _look_at(name, as_json)


def _list_data_sets(as_json: bool) -> None:
    from dataclasses import asdict

    from deepen import data as data_sets

    rows = [{**asdict(data_sets.facts(each)), "where": _where(each)} for each in data_sets.names()]
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


def _look_at(name: str, as_json: bool) -> None:
    from dataclasses import asdict

    from deepen import data as data_sets

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


def _draw_augmented(
    name: str, given: tuple[str, ...], out: Path, size: int | None, seed: int, as_json: bool
) -> None:
    from deepen import data as data_sets
    from deepen.report.augmented import augmented

    texts = _augmentations(name, given)
    source = data_sets.source(name, seed=seed)
    dataset = source.load() if size is None else source.load(size, size)
    augmented(dataset, texts, seed, out)
    shape = dataset.facts.input_shape
    if as_json:
        print_json({"data": name, "augment": texts, "input_shape": shape, "picture": str(out.resolve())})
    else:
        show(f"the picture, of images of {shape[2]}×{shape[1]}: {out.resolve()}")


@cli.command()
@as_json
def doctor(as_json: bool) -> None:
    """Say what this machine computes with, and which data sets it has."""
    from deepen import data as data_sets
    from deepen import engines
    from deepen.engines.native import cache
    from deepen.environment import environment

    choice, training = engines.choose(), engines.choose(purpose="train")
    found: dict[str, Any] = {
        **environment(),
        "engine": f"{choice} ({choice.reason})",
        "training engine": f"{training} ({training.reason})",
        "threads": str(_threads(training.engine)),
        "programs": str(cache.place()),
        **{f"data {name}": _where(name) or "is downloaded at its first use" for name in data_sets.names()},
    }
    if as_json:
        print_json(found)
    else:
        table(("", ""), list(found.items()))


def _augmentations(data: str, given: tuple[str, ...]) -> tuple[str, ...]:
    """Return the augmentations that are given, or those of the recipe that is."""
    from deepen import text_form
    from deepen.config import RunConfig
    from deepen.data.augment import AUGMENTATIONS
    from deepen.training import recipes as known

    if len(given) > 1 or text_form.split(given[0])[0] in AUGMENTATIONS:
        return given
    # What a recipe leaves open is as in a training without one.
    return RunConfig(**{**known.load(given[0]).settings, "model": "", "data": data}).augment


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
        said = ". ".join(filter(None, (recipe.title, recipe.about.strip())))
        show(": ".join(filter(None, (recipe.name, said))), *(f"  {each}" for each in recipe.measured))
        if name:
            source = [f"  source: {recipe.source}"] if recipe.source else []
            show(*source, *(f"  {key} = {value}" for key, value in recipe.settings.items()))


def _where(name: str) -> str | None:
    from deepen import data as data_sets

    return _path(data_sets.find(name))


def _path(found: Path | None) -> str | None:
    return None if found is None else str(found)


def _threads(engine: str) -> int | None:
    """Return how many threads an engine takes, unless it is told."""
    if engine == "torch":
        import torch

        return torch.get_num_threads()
    if engine == "native":
        from deepen.engines.native.threads import usable_cores

        return usable_cores()
    return os.cpu_count()
