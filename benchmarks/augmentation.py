"""Measure what each augmentation costs, and what share of the PyTorch engine's rate those of a recipe cost.

    python benchmarks/augmentation.py --recipe fast --rounds 9 --threads 2

The first part times each augmentation by itself on batches of 100, its draws included, in NumPy and in PyTorch.
The second trains DeepConvNet with all settings of the recipe on images of MNIST's shape: an epoch with its
augmentations and one without them in every round, so that a machine that slows down does so for both. The first
round does not count.
"""

from __future__ import annotations

import argparse
import json
import os
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import date
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F

from deepen import randomness
from deepen.arrays import Array
from deepen.config import RunConfig
from deepen.context import Context, Pass
from deepen.data.augment import Augmentation, Mixture, augmentation
from deepen.engines.base import batches
from deepen.engines.torch_memory import keep_freed_memory
from deepen.environment import environment
from deepen.preparation import prepare
from deepen.randomness import Moment
from deepen.training import recipes

RESULTS = Path(__file__).parent / "results"
BATCH = 100
SHAPES = [(1, 28, 28), (3, 32, 32)]
IMAGES = 2000
"""How many images an epoch of the second part has."""
TEXTS = [
    *("shift=2", "crop=4", "flip", "alternating_flip", "rotation=10", "scale=0.1", "shear=0.1"),
    *("affine rotation=10 scale=0.1 shear=0.1 shift=2", "elastic", "cutout=8", "erasing"),
    *("brightness=0.4", "contrast=0.4", "color=0.4", "mixup", "cutmix"),
]


def milliseconds(work: Callable[[], object], rounds: int) -> float:
    """Return the median time that the work takes."""
    times = []
    for _ in range(rounds + 2):
        start = time.perf_counter()
        work()
        times.append(1000 * (time.perf_counter() - start))
    return median(times[2:])


def context(as_: Callable[[Array], Any]) -> Context:
    """Return a context whose draws come as the engine makes them."""
    moment, images = Moment(1, 2), np.arange(BATCH)
    return Context(
        Pass(
            True,
            lambda purpose, shape: as_(randomness.uniform(0, purpose, moment, shape)),
            lambda purpose, width: as_(randomness.uniform_of_images(0, purpose, images, width)),
        )
    )


def cost(step: Augmentation, shape: tuple[int, ...], rounds: int) -> tuple[float, float]:
    """Return what a batch costs, in milliseconds, with NumPy and with PyTorch."""
    x = np.random.default_rng(0).random((BATCH, *shape), dtype=np.float32)
    rows = np.eye(10, dtype=np.float32)[np.arange(BATCH) % 10]
    # The engine keeps images in this order of memory.
    tensor = torch.from_numpy(x).contiguous(memory_format=torch.channels_last)

    def by_numpy() -> object:
        ctx = context(np.asarray)
        return step.mix(x, rows, ctx) if isinstance(step, Mixture) else step.forward(x, ctx)

    def by_torch() -> object:
        ctx = context(torch.from_numpy)
        if isinstance(step, Mixture):
            return step.torch_mix(F, tensor, torch.from_numpy(rows), ctx)
        return step.torch_forward(F, tensor, ctx)

    return milliseconds(by_numpy, rounds), milliseconds(by_torch, rounds)


def costs(rounds: int) -> dict[str, dict[str, list[float]]]:
    """Return milliseconds with NumPy and PyTorch, by shape and augmentation."""
    found: dict[str, dict[str, list[float]]] = {}
    for shape in SHAPES:
        name = "×".join(map(str, shape))
        print(f"ms per batch of {BATCH} at {name:30}{'NumPy':>8}{'PyTorch':>9}")
        for text in TEXTS:
            if shape[0] == 1 and text.startswith("color"):
                continue
            numpy, pytorch = cost(augmentation(text), shape, rounds)
            found.setdefault(name, {})[text] = [round(numpy, 3), round(pytorch, 3)]
            print(f"{text:53}{numpy:8.2f}{pytorch:9.2f}", flush=True)
    return found


def turn(config: RunConfig, images: Array, labels: Array) -> Callable[[int], float]:
    """Return what trains an epoch as the settings say and gives its images per second."""
    prepared = prepare(config)
    engine, rate = prepared.model.engine, prepared.optimizer.learning_rate
    engine.bind(images, labels)

    def train(epoch: int) -> float:
        order = randomness.permutation(config.seed, "shuffle", len(images), epoch)
        start = time.perf_counter()
        for step, part in enumerate(batches(len(images), config.batch_size)):
            engine.step(order[part], Moment(epoch, step), rate).read()
        return len(images) / (time.perf_counter() - start)

    return train


def share(config: RunConfig, rounds: int) -> dict[str, Any]:
    """Return the images per second with and without augmentations, and by how much these lower the rate."""
    rng = np.random.default_rng(0)
    images = rng.integers(0, 256, (IMAGES, 1, 28, 28), dtype=np.uint8)
    labels = rng.integers(0, 10, IMAGES)
    varied, plain = (turn(each, images, labels) for each in (config, replace(config, augment=())))
    rates = [(varied(epoch), plain(epoch)) for epoch in range(rounds + 1)][1:]
    lost = [1 - with_ / without for with_, without in rates]
    return {
        "settings": config.given(),
        "with": round(median(rate for rate, _ in rates), 1),
        "without": round(median(rate for _, rate in rates), 1),
        "share_of_the_rate": {
            "median": round(median(lost), 4),
            "min": round(min(lost), 4),
            "max": round(max(lost), 4),
        },
    }


def main() -> None:
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--recipe", default="fast", help="whose augmentations are set against a training step")
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--threads", type=int, default=cores, help="all cores unless given")
    parser.add_argument("--out", type=Path, default=RESULTS / "augmentation.json")
    arguments = parser.parse_args()
    recipe, rounds, threads = arguments.recipe, arguments.rounds, arguments.threads
    config = RunConfig(
        **{**recipes.load(recipe).settings, "model": "deepconvnet", "data": "mnist"},
        recipe=recipe,
        engine="torch",
        device="cpu",
    )
    torch.set_num_threads(threads)
    keep_freed_memory()

    machine = environment()
    print(f"{machine['processor']}, {threads} threads, torch {machine['torch']}, numpy {machine['numpy']}")
    found = {
        "date": date.today().isoformat(),
        "command": f"python benchmarks/augmentation.py --recipe {recipe} --rounds {rounds} --threads {threads}",
        "environment": machine,
        "threads": threads,
        "milliseconds_numpy_and_torch": {"batch_size": BATCH, **costs(rounds)},
        "recipe": share(config, rounds),
    }
    arguments.out.parent.mkdir(parents=True, exist_ok=True)
    arguments.out.write_text(json.dumps(found, indent=2, ensure_ascii=False) + "\n")
    rates, lost = found["recipe"], found["recipe"]["share_of_the_rate"]
    print(f"{recipe} ({', '.join(config.augment)}), batches of {config.batch_size}, {threads} threads: ", end="")
    print(f"{rates['with']:,} images per second, {rates['without']:,} without;")
    print(f"{lost['median']:.1%} of the rate ({lost['min']:.1%} to {lost['max']:.1%})")
    print(f"see {arguments.out}")


if __name__ == "__main__":
    main()
