"""The commands that bring weights in from PyTorch and Keras, and out to them."""

from __future__ import annotations

import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import click

from deepen.cli.group import as_json, cli, print_json, show
from deepen.cli.networks import by_name, classes_option, input_shape_option, parsed_shape, width_option

if TYPE_CHECKING:
    from deepen.model import Model

_FILE = click.Path(path_type=Path)


@cli.group()
def weights() -> None:
    """Bring weights in from PyTorch or Keras, and out to them."""


@weights.command("import")
@click.argument("model")
@click.argument("file", type=_FILE)
@click.option("--out", type=_FILE, required=True, help="The model's own file to write, such as model.safetensors.")
@input_shape_option
@classes_option
@width_option
@click.option("--mean", help="What is subtracted from each channel of the images, as in 0.485,0.456,0.406.")
@click.option("--std", help="What they are then divided by, as in 0.229,0.224,0.225.")
@as_json
def import_(
    model: str,
    file: Path,
    out: Path,
    input_shape: str | None,
    classes: int | None,
    width: float,
    mean: str | None,
    std: str | None,
    as_json: bool,
) -> None:
    """Make a model of MODEL with the weights in FILE.

    MODEL is a name from `deepen models`, or a model file, a run's folder, a folder of runs (the newest) or a
    packaged model, of which everything but the weights is taken. FILE is a PyTorch state_dict saved as
    .safetensors, with the names of torchvision, of timm or of MODEL itself; or Keras weights, .weights.h5 or
    .keras. What a training did to its images before the network saw them belongs in the network: for weights of
    torchvision give --mean 0.485,0.456,0.406 --std 0.229,0.224,0.225.
    """
    if (mean is None) != (std is None):
        raise click.UsageError("--mean and --std belong together; give both")
    if out.suffix != ".safetensors":
        raise click.UsageError(f"--out is a model's file, such as {out.stem}.safetensors; got {out}")
    if out.resolve() == file.resolve():
        raise click.UsageError(f"--out is {file} itself, the weights to import; give the model another name")
    made = _model(model, input_shape, classes, width)
    with _notes():
        made.import_weights(file)
    if mean is not None and std is not None:
        made = _normalized(made, _numbers("--mean", mean), _numbers("--std", std))
    made.save(out)
    if as_json:
        print_json({"model": str(out.resolve()), "parameters": sum(w.size for w in made.weights.values())})
    else:
        show(f"the model, with the weights of {file}: {out.resolve()}")


def _model(model: str, input_shape: str | None, classes: int | None, width: float) -> Model:
    from deepen.model import Model
    from deepen.runs import model_path

    if by_name(model):
        shape = parsed_shape(input_shape) if input_shape else None
        return Model.named(model, classes=classes, width=width, input_shape=shape)
    if input_shape is not None or classes is not None or width != 1:
        raise click.UsageError(f"--input-shape, --classes and --width are for models by name; {model} has its own")
    return Model.load(model_path(model), engine="numpy")


def _normalized(model: Model, mean: tuple[float, ...], std: tuple[float, ...]) -> Model:
    """Return a model with a `Normalize` in front of its network."""
    from deepen import engines
    from deepen.layers import Normalize, Sequential
    from deepen.spec import parameters, statistics, walk

    old, shape = model.network, model.input_shape
    first = next(walk(old, shape))
    if isinstance(first.layer, Normalize):
        raise click.UsageError(
            f"{model.name} begins with {first.path or 'a Normalize'}, so leave out --mean and --std: images are "
            "to be normalized once"
        )
    layers = old.layers if isinstance(old, Sequential) else (old,)
    network = Sequential([Normalize(mean, std), *layers])
    # The arrays of a network that was no Sequential have longer paths now; their order is the same.
    arrays, paths = ([*parameters(each, shape), *statistics(each, shape)] for each in (old, network))
    own = model.arrays()
    moved = {path: own[name] for name, path in zip(arrays, paths, strict=True)}
    return type(model).from_content(replace(model.content(), network=network), moved, engines.choose("numpy"))


@contextmanager
def _notes() -> Iterator[None]:
    """Print what is warned of as a line on stderr."""
    with warnings.catch_warnings(record=True, action="always", category=UserWarning) as found:
        yield
    for warning in found:
        print(f"note: {warning.message}", file=sys.stderr)


@weights.command("export")
@click.argument("model")
@click.argument("file", type=_FILE)
@click.option(
    "--names",
    help="For PyTorch: torchvision, timm or deepen; torchvision where its network begins alike, else deepen.",
)
@as_json
def export(model: str, file: Path, names: str | None, as_json: bool) -> None:
    """Write the weights of MODEL to FILE for PyTorch or Keras.

    MODEL is a model file, a run's folder, a folder of runs (the newest), or a packaged model. FILE ends in
    .safetensors for PyTorch (load_state_dict takes what safetensors.torch.load_file reads), in .weights.h5 or
    .keras for Keras.
    """
    from deepen.model import Model
    from deepen.runs import model_path

    loaded = Model.load(model_path(model), engine="numpy")
    with _notes():
        loaded.export_weights(file, names)
    if as_json:
        print_json({"weights": str(file.resolve())})
    else:
        show(f"the weights: {file.resolve()}")


def _numbers(option: str, text: str) -> tuple[float, ...]:
    try:
        return tuple(float(part) for part in text.split(","))
    except ValueError:
        raise click.UsageError(
            f"{option} is a number, or one for each channel, as in 0.5,0.5,0.5; got {text!r}"
        ) from None
