"""The commands that bring weights in from PyTorch and Keras, and out to them."""

from __future__ import annotations

from pathlib import Path

import click

from deepen.cli.group import as_json, cli, print_json, show
from deepen.cli.networks import classes_option, input_shape_option, network_of, width_option

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

    MODEL is a name from `deepen models`, or a model file whose network is taken. FILE is a PyTorch state_dict
    saved as .safetensors, with the names of torchvision, of timm or of MODEL itself; or Keras weights, .weights.h5
    or .keras. What a training did to its images before the network saw them belongs into the network: for weights
    of torchvision give --mean 0.485,0.456,0.406 --std 0.229,0.224,0.225.
    """
    from deepen.layers import Normalize, Sequential
    from deepen.model import Model

    network, shape = network_of(model, input_shape, classes, width)
    if (mean is None) != (std is None):
        raise click.UsageError("--mean and --std belong together; give both")
    if mean is not None and std is not None:
        layers = network.layers if isinstance(network, Sequential) else (network,)
        network = Sequential([Normalize(_numbers("--mean", mean), _numbers("--std", std)), *layers])
    made = Model(network, shape, name=Path(model).stem)
    made.import_weights(file)
    made.save(out)
    if as_json:
        print_json({"model": str(out.resolve()), "parameters": sum(w.size for w in made.weights.values())})
    else:
        show(f"the model, with the weights of {file}: {out.resolve()}")


@weights.command("export")
@click.argument("model")
@click.argument("file", type=_FILE)
@click.option("--names", help="For PyTorch: torchvision, timm or deepen; torchvision where it knows the network.")
@as_json
def export(model: str, file: Path, names: str | None, as_json: bool) -> None:
    """Write the weights of MODEL to FILE for PyTorch or Keras.

    MODEL is a model file, a run's folder, a folder of runs (the newest), or a packaged model. FILE ends in
    .safetensors for PyTorch (load_state_dict takes what safetensors.torch.load_file reads), in .weights.h5 or
    .keras for Keras.
    """
    from deepen.model import Model
    from deepen.runs import model_path

    Model.load(model_path(model), engine="numpy").export_weights(file, names)
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
