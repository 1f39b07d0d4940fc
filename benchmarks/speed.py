"""Measure how many images per second deepen and its peers train on, and how many they compute in inference.

    make bench-speed
    python benchmarks/speed.py --rounds 7

All contenders of a network live at the same time, each in its own process, and take turns in every round: a
turn is a second of training, or half a second of inference, after a fifth of that which does not count. They see
the same images, train with Adam in batches of the same size, in float32 (the textbook's script: in float64), on
all cores. The processor's own limit is measured in the same rounds. A network's step is counted as the
multiply-adds of direct convolution, forward and twice backward, but for the gradient with respect to the images,
which nobody computes. Each contender's code is a file in contenders/.

Of CIFAR-10 a folder of pictures will do as well: --cifar10 FOLDER.
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

from common import images, machine
from common.contest import Entrant, Player, against, figures, play
from common.task import Task
from deepen import models
from deepen.engines.native.threads import usable_cores
from deepen.inspect.arithmetic import figures as costs

SECONDS, INFERENCE_SECONDS = 1.0, 0.5
IMAGES = 20_000
"""How many of a data set's images are trained on."""
INFERENCE_BATCH = 256

MNIST, CIFAR = ("deepconvnet", "lenet", "keras_mnist"), ("resnet20",)
NATIVE, PEAK = "deepen, native engine", "multiply-adds in registers"


@dataclass(frozen=True)
class Ground:
    """What a network is measured on."""

    data: str
    batch: int
    augment: Sequence[str]


GROUNDS = {
    **dict.fromkeys(MNIST, Ground("mnist", 100, ("shift=2",))),
    **dict.fromkeys(CIFAR, Ground("cifar10", 128, ("crop=4", "flip"))),
}


def keras(name: str, backend: str, **options: Any) -> Entrant:
    """Return Keras on one of its backends."""
    return Entrant(name, "keras_fit", options, {"KERAS_BACKEND": backend, "TF_CPP_MIN_LOG_LEVEL": "2"})


def own(engine: str, **options: Any) -> Entrant:
    """Return one of deepen's engines."""
    varied = ", augmented" if "augment" in options else ""
    options |= {"engine": engine}
    return Entrant(f"deepen, {engine} engine{varied}", "deepen_library", options, is_peer=False)


def trainers(ground: Ground) -> list[Entrant]:
    """Return who trains."""
    return [
        Entrant(PEAK, "fma_peak", is_peer=False),
        own("native"),
        own("native", augment=ground.augment),
        own("torch"),
        own("torch", augment=ground.augment),
        own("numpy"),
        Entrant("textbook script", "textbook_script", is_peer=False, networks=("deepconvnet",)),
        Entrant("PyTorch, as documented", "pytorch_documented"),
        Entrant("PyTorch, tuned", "pytorch_tuned"),
        Entrant("PyTorch, tuned and compiled", "pytorch_tuned", {"compiled": True}),
        keras("Keras on TensorFlow", "tensorflow"),
        keras("Keras on TensorFlow, tuned", "tensorflow", steps_per_execution=10),
        keras("Keras on PyTorch", "torch"),
        Entrant("JAX", "jax_step"),
    ]


def predictors() -> list[Entrant]:
    """Return who computes outputs."""
    return [
        own("native"),
        own("torch"),
        Entrant("PyTorch, tuned", "pytorch_tuned"),
        Entrant("PyTorch, tuned and compiled", "pytorch_tuned", {"compiled": True}),
        Entrant("ONNX Runtime", "onnx_runtime"),
    ]


def step_flops(network: str) -> int:
    """Return the operations of training on one image, a multiply-add counted as two."""
    layers = [each.multiply_adds for each in costs(models.build(network), models.entry(network).input_shape)]
    first = next(each for each in layers if each)
    return 2 * (3 * sum(layers) - first)


def checked(players: Sequence[Player]) -> Sequence[Player]:
    """Return the players, once it is sure that all have the same network."""
    found = {player.entrant.name: player.facts["parameters"] for player in players}
    if len({count for count in found.values() if count is not None}) > 1:
        raise SystemExit(f"these are different networks: {found}")
    return players


def trained(network: str, task: Task, rounds: int) -> dict[str, Any]:
    """Return what training a network gave."""
    peak, *players = checked(play(trainers(GROUNDS[network]), "train", task, rounds, SECONDS))
    native, flops = players[0], step_flops(network)
    shares = [rate * flops / 1e9 / limit for rate, limit in zip(native.rates, peak.rates, strict=True)]
    return {
        **compared(players, task),
        "flops_per_image": flops,
        "peak_gflops": figures(peak),
        "share_of_peak": {
            "median": round(median(shares), 3),
            "min": round(min(shares), 3),
            "max": round(max(shares), 3),
        },
    }


def compared(players: Sequence[Player], task: Task) -> dict[str, Any]:
    """Return the figures of all, and how many times as fast the native engine is, like compared with like."""
    own = {player.entrant.augmented: player for player in players if player.entrant.name.startswith(NATIVE)}
    return {
        "batch_size": task.batch,
        "images_per_second": {player.entrant.name: figures(player) for player in players},
        "native_is_times": {
            player.entrant.name: against(own[player.entrant.augmented], player)
            for player in players
            if player not in own.values()
        },
    }


def table(found: dict[str, Any]) -> str:
    """Return the medians and the ratios, as Markdown."""
    lines = []
    for kind in ("training", "inference"):
        names = list(dict.fromkeys(name for each in found[kind].values() for name in each["images_per_second"]))
        lines += [
            "",
            f"| {kind}, images per second | {' | '.join(found[kind])} |",
            "| --- |" + " ---: |" * len(found[kind]),
        ]
        for name in names:
            cells = [cell(each, name) for each in found[kind].values()]
            lines.append(f"| {name} | {' | '.join(cells)} |")
    shares = [f"{each['share_of_peak']['median']:.0%}" for each in found["training"].values()]
    return "\n".join([*lines, "", f"share of the processor's peak: {', '.join(shares)}"])


def cell(each: dict[str, Any], name: str) -> str:
    """Return a contender's median, and how many times as fast the native engine is."""
    if name not in each["images_per_second"]:
        return "–"
    times = each["native_is_times"].get(name)
    return f"{each['images_per_second'][name]['median']:,.0f}" + (f" ({times['ratio']:.2f}×)" if times else "")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--networks", nargs="+", choices=GROUNDS, default=list(GROUNDS))
    parser.add_argument("--cifar10", default="cifar10", help="the data set, or a folder of its pictures")
    parser.add_argument("--out", type=Path, default=machine.RESULTS / "speed.json")
    arguments = parser.parse_args()
    found = {
        **machine.facts(),
        "seconds_per_turn": [SECONDS, INFERENCE_SECONDS],
        "rounds": arguments.rounds,
        "data": {},
    }
    found |= {"training": {}, "inference": {}}
    where = {"mnist": "mnist", "cifar10": arguments.cifar10}
    with tempfile.TemporaryDirectory() as folder:
        for name in dict.fromkeys(GROUNDS[network].data for network in arguments.networks):
            images.write_data(where[name], Path(folder) / name, IMAGES)
            found["data"][name] = "as published" if where[name] == name else "from a folder of its pictures"
        for network in arguments.networks:
            ground = GROUNDS[network]
            task = Task(network, ground.batch, str(Path(folder) / ground.data), usable_cores())
            found["training"][network] = trained(network, task, arguments.rounds)
            task = Task(network, INFERENCE_BATCH, task.folder, task.threads)
            players = play(predictors(), "predict", task, arguments.rounds, INFERENCE_SECONDS)
            found["inference"][network] = compared(players, task)
    machine.write(arguments.out, found)
    print(table(found))


if __name__ == "__main__":
    main()
