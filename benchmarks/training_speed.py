"""Measure how many images per second DeepConvNet trains on, here and in its peers, at batch 100.

    python benchmarks/training_speed.py --rounds 7

Each contender has a process of its own, which lives through the whole measurement and computes only when it is
told to, for about two seconds of whole steps: thread pools and allocator settings stay apart. The contenders
take turns in every round, so that a machine that slows down does so for all of them. A first round warms up and
does not count, and neither does the first half second of every turn: a system may take memory away from
processes that pause, and getting it back cost the textbook script more than a step where this was written. All
compute in float32, but for the textbook script, which computes in float64. Images are MNIST's where they lie on
this machine already, else the packaged digits, resized.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import os
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from itertools import count
from multiprocessing.connection import Connection
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np

from deepen import data, engines, randomness
from deepen.arrays import Array
from deepen.environment import environment
from deepen.models import deepconvnet
from deepen.randomness import Moment
from textbook import Textbook

RESULTS = Path(__file__).parent / "results"
BATCH = 100
SECONDS = 2.0
SECONDS_TO_WARM_UP = 0.5
RATE = 0.001

Step = Callable[[], object]
TEXTBOOK, PLAIN = "textbook script", "PyTorch, as documented"


def dataset() -> tuple[str, Array, Array]:
    """Return the name, the images `(N, 1, 28, 28)` and the labels to train on."""
    if data.find("mnist") is not None:
        found, name = data.load("mnist"), "MNIST"
    else:
        found, name = data.load("digits").resized(28, 28), "packaged digits, resized to 28 × 28"
    return name, found.train_images, found.train_labels


def textbook(images: Array, labels: Array) -> Step:
    """Train as the textbook's trainer does, on batches that are drawn with replacement."""
    network = Textbook(rate=RATE)
    x = images.astype(np.float32) / np.float32(255)

    def step() -> None:
        batch = network.rng.integers(len(x), size=BATCH)
        network.step(x[batch], labels[batch])

    return step


def deepen_engine(name: str) -> Callable[[Array, Array], Step]:
    """Return what makes the step of one of deepen's engines, as its training loop calls it."""

    def make(images: Array, labels: Array) -> Step:
        setup = engines.Setup(deepconvnet(10), images.shape[1:])
        engine = engines.create(setup, engines.choose(name, "cpu"))
        engine.bind(images, labels)
        order, numbers = randomness.permutation(0, "shuffle", len(images)), count()

        def step() -> None:
            number = next(numbers)
            start = number * BATCH % (len(order) - BATCH)
            engine.step(order[start : start + BATCH], Moment(0, number), RATE).read()

        return step

    return make


def pytorch(tuned: bool) -> Callable[[Array, Array], Step]:
    """Return what makes a step in PyTorch: as its documentation teaches, or with what is known to help a CPU.

    Tuned means channels-last memory, ReLU in place, fused Adam, and an allocator that keeps freed memory.
    """

    def make(images: Array, labels: Array) -> Step:
        import torch
        from torch import nn

        network = pytorch_network(nn, in_place=tuned)
        x, t = torch.from_numpy(images).float() / 255, torch.from_numpy(labels)
        if tuned:
            from deepen.engines.torch_memory import keep_freed_memory

            keep_freed_memory()
            network = network.to(memory_format=torch.channels_last)
            x = x.contiguous(memory_format=torch.channels_last)
        adam = torch.optim.Adam(network.parameters(), lr=RATE, fused=True if tuned else None)
        cross_entropy, order, numbers = nn.CrossEntropyLoss(), torch.randperm(len(x)), count()

        def step() -> None:
            start = next(numbers) * BATCH % (len(order) - BATCH)
            batch = order[start : start + BATCH]
            loss = cross_entropy(network(x[batch]), t[batch])
            adam.zero_grad()
            loss.backward()
            adam.step()

        return step

    return make


def pytorch_network(nn: Any, in_place: bool) -> Any:
    """Make DeepConvNet of PyTorch's own modules."""
    layers, channels = [], 1
    for place, (filters, padding) in enumerate(((16, 1), (16, 1), (32, 1), (32, 2), (64, 1), (64, 1))):
        layers += [nn.Conv2d(channels, filters, 3, padding=padding), nn.ReLU(inplace=in_place)]
        layers += [nn.MaxPool2d(2)] if place % 2 else []
        channels = filters
    head = [nn.Linear(64 * 4 * 4, 50), nn.ReLU(inplace=in_place), nn.Dropout(0.5), nn.Linear(50, 10)]
    return nn.Sequential(*layers, nn.Flatten(), *head)


CONTENDERS: dict[str, Callable[[Array, Array], Step]] = {
    TEXTBOOK: textbook,
    "deepen, numpy engine": deepen_engine("numpy"),
    "deepen, torch engine": deepen_engine("torch"),
    PLAIN: pytorch(tuned=False),
    "PyTorch, tuned": pytorch(tuned=True),
}
NEED_TORCH = tuple(CONTENDERS)[2:]


def work(name: str, orders: Connection) -> None:
    """Be a contender: say when ready, then run steps for as long as each order says, until one says None."""
    _, images, labels = dataset()
    step = CONTENDERS[name](images, labels)
    step()
    orders.send(threads(name))
    while (seconds := orders.recv()) is not None:
        steps_per_second(step, SECONDS_TO_WARM_UP)
        orders.send(steps_per_second(step, seconds) * BATCH)


def steps_per_second(step: Step, seconds: float) -> float:
    """Run whole steps, at least one, until the time is over."""
    steps, start = 0, time.perf_counter()
    while (elapsed := time.perf_counter() - start) < seconds:
        step()
        steps += 1
    return steps / elapsed


def threads(name: str) -> str:
    """Say how many threads a contender computes with."""
    if name in NEED_TORCH:
        import torch

        return str(torch.get_num_threads())
    limits = ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS")
    set_by = next((limit for limit in limits if limit in os.environ), None)
    return f"{os.environ[set_by] if set_by else 'all cores'} in matrix products, 1 elsewhere"


@dataclass
class Contender:
    """A process that computes when it is asked to."""

    name: str

    def __post_init__(self) -> None:
        context = multiprocessing.get_context("spawn")
        self.orders, theirs = context.Pipe()
        self.process = context.Process(target=work, args=(self.name, theirs), daemon=True)
        self.process.start()
        # Only then does the end of the process end the waiting for its answer.
        theirs.close()
        self.threads = str(self.answer())

    def answer(self) -> Any:
        """Wait for what the process has to say."""
        try:
            return self.orders.recv()
        except EOFError:
            raise SystemExit(f"{self.name} has stopped; its own message stands above") from None

    def measure(self, seconds: float) -> float:
        """Return the images per second over that time."""
        self.orders.send(seconds)
        return float(self.answer())

    def dismiss(self) -> None:
        """End the process."""
        self.orders.send(None)
        self.process.join()


def measure(names: list[str], rounds: int) -> tuple[dict[str, list[float]], dict[str, str]]:
    """Return images per second by contender and round, and the threads of each."""
    contenders = [Contender(name) for name in names]
    rates: dict[str, list[float]] = {name: [] for name in names}
    for number in range(rounds + 1):
        found = {contender.name: contender.measure(SECONDS) for contender in contenders}
        label = f"round {number}" if number else "warm-up"
        print(f"{label}: " + ", ".join(f"{name} {rate:,.0f}" for name, rate in found.items()), flush=True)
        if number:
            for name, rate in found.items():
                rates[name].append(rate)
    for contender in contenders:
        contender.dismiss()
    return rates, {contender.name: contender.threads for contender in contenders}


def against(rates: dict[str, list[float]], name: str, peer: str) -> dict[str, float] | None:
    """Return the ratio of the medians, and the least and largest ratio within a round."""
    if peer not in rates:
        return None
    within = [mine / theirs for mine, theirs in zip(rates[name], rates[peer], strict=True)]
    ratio = median(rates[name]) / median(rates[peer])
    return {"ratio": round(ratio, 3), "min": round(min(within), 3), "max": round(max(within), 3)}


def summary(rates: dict[str, list[float]], used: dict[str, str]) -> dict[str, Any]:
    """Return the figures of each contender."""
    return {
        name: {
            "median": round(median(own), 1),
            "min": round(min(own), 1),
            "max": round(max(own), 1),
            "to_textbook_script": against(rates, name, TEXTBOOK),
            "to_plain_pytorch": against(rates, name, PLAIN),
            "threads": used[name],
            "rounds": [round(rate, 1) for rate in own],
        }
        for name, own in rates.items()
    }


def table(figures: dict[str, Any]) -> str:
    """Lay the figures out for reading."""
    lines = [f"{'images per second':24}{'median':>8}{'min':>8}{'max':>8}{'to textbook':>13}{'to PyTorch':>12}"]
    for name, own in figures.items():
        ratios = (own["to_textbook_script"], own["to_plain_pytorch"])
        textbook_ratio, plain_ratio = (f"{r['ratio']:.2f}" if r else "-" for r in ratios)
        speeds = f"{own['median']:8,.0f}{own['min']:8,.0f}{own['max']:8,.0f}"
        lines.append(f"{name:24}{speeds}{textbook_ratio:>13}{plain_ratio:>12}")
    return "\n".join(lines)


def load_average() -> list[float] | None:
    """Return how many processes wanted to compute over the last 1, 5 and 15 minutes, where that is known."""
    return [round(x, 2) for x in os.getloadavg()] if hasattr(os, "getloadavg") else None


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--out", type=Path, default=RESULTS / "training_speed.json")
    arguments = parser.parse_args()
    names = list(CONTENDERS)
    if not engines.torch_installed():
        names = [name for name in names if name not in NEED_TORCH]
        print(f"PyTorch is not installed, so these are left out: {'; '.join(NEED_TORCH)}")

    load_before = load_average()
    rates, used = measure(names, arguments.rounds)
    figures = summary(rates, used)
    found = {
        "date": date.today().isoformat(),
        "command": f"python benchmarks/training_speed.py --rounds {arguments.rounds}",
        "data": dataset()[0],
        "batch_size": BATCH,
        "seconds_per_turn": SECONDS,
        "seconds_to_warm_up": SECONDS_TO_WARM_UP,
        "environment": environment(),
        "usable_cores": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count(),
        "load_average": {"start": load_before, "end": load_average()},
        "images_per_second": figures,
    }
    arguments.out.parent.mkdir(parents=True, exist_ok=True)
    arguments.out.write_text(json.dumps(found, indent=2) + "\n")
    print(table(figures))
    print(f"see {arguments.out}")


if __name__ == "__main__":
    main()
