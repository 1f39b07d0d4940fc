"""The options of a training: the fields of RunConfig, from the command line and from a recipe."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import MISSING, fields
from typing import Any, TypeVar

import click

from deepen.config import RunConfig

Command = TypeVar("Command", bound=Callable[..., Any])

NONE = "none"
"""The word for None, where that is the default."""

_DEFAULTS = {field.name: field.default for field in fields(RunConfig) if field.default is not MISSING}


def setting(name: str, help: str, kind: type | None = None, flag: str = "") -> Callable[[Command], Command]:
    """Make the option of a field of RunConfig; a kind is needed where its default is None or ()."""
    default = _DEFAULTS[name]
    shown = " ".join(map(str, default)) if isinstance(default, tuple) else default
    more: dict[str, Any] = {"type": kind or type(default), "multiple": isinstance(default, tuple)}
    if default is False:
        more = {"is_flag": True}
    elif default is None:
        more = _or_none(click.types.convert_type(kind))
    elif shown not in (None, ""):
        help = f"{help}  [default: {shown}]"
    # Nothing by default: a recipe is heard before RunConfig is.
    return click.option(flag or f"--{name.replace('_', '-')}", name, default=None, help=help, **more)


def _or_none(kind: Any) -> dict[str, Any]:
    """Return what makes an option take values of a kind, or the word none."""

    def converted(ctx: click.Context, option: click.Parameter, text: str | None) -> Any:
        return text if text in (None, NONE) else kind.convert(text, option, ctx)

    return {"metavar": kind.name.upper(), "callback": converted}


_OPTIONS = (
    click.option(
        "--recipe",
        help="Settings by the name of a recipe (see `deepen recipes`) or from a TOML file. Other options override "
        "it; 'none' sets those without a default back, as in '--dropout none'.",
    ),
    setting("epochs", "How many times to go through the training images."),
    setting("batch_size", "Images in a step."),
    setting(
        "optimizer",
        "sgd, momentum, nesterov, adagrad, rmsprop, adam or adamw, as in 'adam clip_norm=1 average=0.999 "
        "accumulate=2 weight_decay=1e-4'.",
    ),
    setting("learning_rate", "The highest of the schedule; the optimizer's own unless given.", float),
    setting(
        "schedule", "constant, step, exponential, cosine, one_cycle, or warmup, as in 'warmup=2 then=cosine'."
    ),
    setting(
        "loss",
        "What is made small, as in 'cross_entropy label_smoothing=0.1'; the model's own unless given.",
        str,
    ),
    setting("class_weights", "'balanced' lets every class count the same.", str),
    setting(
        "augment",
        "Vary the training images, as in 'rotation=10'; may be repeated; 'none' leaves them. There are shift, "
        "crop, flip, alternating_flip, rotation, scale, shear, affine, elastic, cutout, erasing, brightness, "
        "contrast, color, mixup and cutmix.",
        str,
    ),
    setting("l2", "Strength of an L2 penalty on all kernels.", float),
    setting("dropout", "Rate of all dropout layers; the network's own unless given.", float),
    setting("width", "What the model's channels and hidden units are multiplied by, such as 0.5."),
    setting("size", "Height and width of the images; the model's own unless given.", int),
    setting("init", "Begin with the weights of a saved MODEL, as far as they fit.", str),
    setting("freeze", "Leave layers as they are, such as 'conv*'; may be repeated.", str),
    setting(
        "rates",
        "Train layers at a factor of the learning rate, such as 'conv*=0.1'; may be repeated.",
        str,
        "--rate",
    ),
    setting("validation_split", "Share of the training images that is held out."),
    setting("patience", "Stop when the validation loss has not fallen for so many epochs.", int),
    setting("health", "Record how activations, gradients and updates develop, and warn of what goes wrong."),
    setting("tensorboard", "Write the figures of each epoch for TensorBoard, too."),
    setting("checkpoint", "How often to save what --resume goes on from: '500 steps', '10 minutes', '1 epoch'."),
    setting("workers", "Threads that make batches ahead of their steps."),
    setting("seed", "Decides first weights, order, dropout and augmentation."),
    setting("data_seed", "Decides which pictures of a folder are held out; the seed unless given.", int),
    setting("engine", "auto, numpy, torch or native; native compiles the network, and auto does so on a CPU."),
    setting("device", "auto, cpu or cuda."),
    setting("threads", "How many threads compute, in the engines native and torch; all cores unless given.", int),
    setting("runs", "The folder in which the run gets its own folder."),
)


def options(command: Command) -> Command:
    """Give a command all options of a training."""
    for option in reversed(_OPTIONS):
        command = option(command)
    return command


def given(found: dict[str, Any]) -> dict[str, Any]:
    """Return the options that were given on the command line."""
    return {
        name: value for name, value in found.items() if value is not None and value != () and value is not False
    }


def refuse(found: dict[str, Any]) -> None:
    """Make sure that nothing was given beside --resume, which goes on with the settings that there are.

    Raises:
        click.UsageError: something was.
    """
    names = {option.name: option.opts[0] for option in click.get_current_context().command.params}
    if extra := [names[name] if names[name].startswith("-") else name.upper() for name in given(found)]:
        raise click.UsageError(f"--resume goes on with the settings that there are; leave out {', '.join(extra)}")


def config(model: str, data: str, found: dict[str, Any]) -> RunConfig:
    """Return the settings of a run: those that are given, then those of the recipe, then the defaults.

    Raises:
        UnknownNameError: there is no such recipe, or it has a setting that does not exist.
        UsageError: a setting is out of range.
    """
    from deepen.training import recipes

    own = given(found)
    recipe = recipes.load(own["recipe"]).settings if "recipe" in own else {}
    own = {name: None if value == NONE and _DEFAULTS[name] is None else value for name, value in own.items()}
    return RunConfig(**{**recipe, **own, "model": model, "data": data})
