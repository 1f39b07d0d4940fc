"""The command that looks for a learning rate before a training."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click

from deepen.cli import settings, using
from deepen.cli.group import as_json, cli, drawable, print_json, show


@cli.command("lr-find")
@click.argument("model")
@click.option("--data", required=True, help="A data set by name (see `deepen data`), or a folder of pictures.")
@click.option(
    "--steps", type=click.IntRange(min=20), default=100, show_default=True, help="How many rates to try."
)
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    callback=drawable,
    default="lr_find.png",
    show_default=True,
    help="The picture to draw, a PNG file.",
)
@settings.options
@as_json
def lr_find(model: str, data: str, steps: int, out: Path, as_json: bool, **options: Any) -> None:
    """Try learning rates from 1e-7 to 10 on MODEL and suggest one.

    The other options are those of `deepen train`: the search sees the images that a training with them would
    learn from.

    MODEL is a name from `deepen models`.
    """
    from deepen.data import stratified_split
    from deepen.preparation import prepare
    from deepen.report.lr_find import lr_curve
    from deepen.runs import model_path
    from deepen.training import lr_finder

    config = settings.config(model, data, options)
    prepared = prepare(config)
    compiled, dataset = prepared.model, prepared.load()
    if config.init:
        compiled.load_weights(model_path(config.init))
    print(f"trying {steps} rates on {compiled.engine.name} on {compiled.engine.device}", file=sys.stderr)
    x, y = dataset.train_images, dataset.train_labels
    if prepared.validation_split:
        learned, _ = stratified_split(y, prepared.validation_split, compiled.seed)
        x, y = x[learned], y[learned]
    found = lr_finder.lr_find(compiled, x, y, batch_size=config.batch_size, steps=steps)
    lr_curve(found.rates, found.losses, found.smoothed, found.suggestion, out)
    line = None
    if found.suggestion is not None:
        chosen = settings.given(options) | {"learning_rate": f"{found.suggestion:.2g}"}
        line = " ".join([using.program(), "train", *map(shlex.quote, [model, "--data", data, *_words(chosen)])])
    if as_json:
        print_json({"model": model, "data": data, **found.to_data(), "train": line, "plot": str(out.resolve())})
        return
    show(str(found))
    if line is not None:
        show("", "try next:", f"  {line}")
    show("", f"the picture: {out.resolve()}")


def _words(given: dict[str, Any]) -> Iterator[str]:
    """Yield the options of a training as they are written on the command line."""
    for option in click.get_current_context().command.params:
        value = given.get(option.name or "")
        for one in value if isinstance(value, tuple) else () if value is None else (value,):
            yield option.opts[0]
            if one is not True:
                yield str(one)
