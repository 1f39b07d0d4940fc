"""Measure how speed and memory grow: with the batch, the threads, the images' side, the depth, and the data set.

    make bench-growth
    python benchmarks/growth.py --rounds 3

Each point is a process of its own for each engine, native and torch, which take turns. Memory is the most that the
process has had, Python, libraries and images included; the time to begin has the compiler's in it.
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from common import machine
from common.contest import Entrant, figures, play
from common.images import write_part
from common.task import Array, Task
from deepen import data
from deepen.data import Dataset
from deepen.engines.native.threads import usable_cores

ENGINES = ("native", "torch")
SECONDS = 0.5
AXES = ("batch", "threads", "side", "depth", "images")
IMAGES = 2048
"""How many images lie in memory where their number is not what grows."""
CORES = usable_cores()


def tasks(axis: str, digits: Dataset, folder: Path) -> Iterator[tuple[int, Task]]:
    """Yield how large the axis is, and what is trained then; the images are made for it."""

    def task(network: str, batch: int, images: Array, threads: int = CORES) -> Task:
        write_part(folder, "train", images, np.resize(digits.train_labels, len(images)))
        return Task(network, batch, str(folder), threads)

    few = digits.train_images[:IMAGES]
    if axis == "batch":
        for batch in (1, 4, 16, 64, 256, 1024):
            yield batch, task("deepconvnet", batch, few)
    elif axis == "threads":
        for threads in range(1, CORES + 1):
            yield threads, task("deepconvnet", 100, few, threads)
    elif axis == "side":
        for side in (28, 56, 112, 224):
            yield side, task("deepconvnet", 32, enlarged(few[:256], side))
    elif axis == "depth":
        for depth in (20, 32, 44, 56, 110):
            yield depth, task(f"resnet{depth}", 128, np.repeat(enlarged(few, 32), 3, axis=1))
    else:
        for count in (1_000, 10_000, 100_000, 400_000):
            yield count, task("deepconvnet", 100, np.resize(digits.train_images, (count, 1, 28, 28)))


def enlarged(images: Array, side: int) -> Array:
    """Return the images with their pixels repeated, `side` of them in a row; what they show does not matter."""
    places = np.arange(side) * images.shape[2] // side
    return images[:, :, places][:, :, :, places]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--axes", nargs="+", choices=AXES, default=AXES)
    parser.add_argument("--out", type=Path, default=machine.RESULTS / "growth.json")
    arguments = parser.parse_args()
    entrants = [Entrant(name, "deepen_library", {"engine": name}, is_peer=False) for name in ENGINES]
    found: dict[str, Any] = {**machine.facts(), "seconds_per_turn": SECONDS, "growth": {}}
    digits = data.load("mnist")
    for axis in arguments.axes:
        with tempfile.TemporaryDirectory() as folder:
            own = [entrant.with_own_cache(Path(folder) / "cache") for entrant in entrants]
            for size, task in tasks(axis, digits, Path(folder)):
                players = play(own, "train", task, arguments.rounds, SECONDS)
                shown = {player.entrant.name: figures(player) for player in players}
                point = {"size": size, "network": task.network, "batch_size": task.batch, **shown}
                found["growth"].setdefault(axis, []).append(point)
                print(line(axis, point), flush=True)
    machine.write(arguments.out, found)


def line(axis: str, point: dict[str, Any]) -> str:
    """Return a point for reading."""
    engines = (
        f"{name} {point[name]['median']:,.0f} images/s, {point[name]['peak_bytes'] / 2**20:,.0f} MiB"
        for name in ENGINES
    )
    return f"{axis} {point['size']:,}: {'; '.join(engines)}"


if __name__ == "__main__":
    main()
