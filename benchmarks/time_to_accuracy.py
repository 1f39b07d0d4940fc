"""Measure how long it takes to reach 99.0%, 99.2% and 99.5% on MNIST's test set, on this CPU.

    make bench-accuracy
    python benchmarks/time_to_accuracy.py --seeds 2

The clock is the same for all: it counts the epochs' training steps, and neither the evaluation after each epoch
nor what comes before the first step (imports, data, the compiler, Keras' tracing), which is stated apart. The test
set is looked at after each epoch, and nothing is chosen by it.

The textbook's script would take hours: its epochs are taken from deepen's native engine with the textbook's own
settings, its time is those epochs' images over its measured rate, and the results say so.
"""

from __future__ import annotations

import argparse
import tempfile
from itertools import accumulate
from pathlib import Path
from statistics import median
from typing import Any

from common import images, machine
from common.contest import Entrant, figures, learn, play
from common.task import Task
from deepen.engines.native.threads import usable_cores
from deepen.optimizers import optimizer
from deepen.training import recipes

GOALS = (0.990, 0.992, 0.995)
SCRIPT = {
    "epochs": 15,
    "batch_size": 128,
    "optimizer": "adam",
    "schedule": "constant",
    "augment": [],
    "validation_split": 0.0,
}
"""The settings of examples/keras_script.py."""


def own(name: str, engine: str, **options: Any) -> Entrant:
    """Return one of deepen's engines."""
    return Entrant(name, "deepen_library", {"engine": engine, **options}, is_peer=False)


def fast_settings() -> dict[str, Any]:
    """Return deepen's recipe as plain numbers, for a peer that follows it."""
    settings = dict(recipes.load("fast").settings)
    (shift,) = settings["augment"]
    assert settings["schedule"] == "one_cycle"
    return {
        **{name: settings[name] for name in ("epochs", "batch_size", "dropout")},
        "rate": optimizer(settings["optimizer"]).learning_rate,
        "shift": int(shift.removeprefix("shift=")),
    }


def entrants() -> list[tuple[Entrant, str]]:
    """Return who trains which network."""
    backend = {"KERAS_BACKEND": "tensorflow", "TF_CPP_MIN_LOG_LEVEL": "2"}
    return [
        (own("deepen, native engine, recipe fast", "native", recipe="fast"), "deepconvnet"),
        (own("deepen, torch engine, recipe fast", "torch", recipe="fast"), "deepconvnet"),
        (Entrant("PyTorch, tuned, recipe fast", "pytorch_tuned", {"settings": fast_settings()}), "deepconvnet"),
        (own("deepen, native engine, Keras' example", "native", settings=SCRIPT, left_out=0.1), "keras_mnist"),
        (Entrant("Keras on TensorFlow, its example", "keras_fit", {}, backend), "keras_mnist"),
        (own("deepen, native engine, recipe textbook", "native", recipe="textbook"), "deepconvnet"),
    ]


def run(entrant: Entrant, task: Task) -> dict[str, Any]:
    """Return a training from the beginning to the end."""
    with tempfile.TemporaryDirectory() as cache:
        begun, *epochs = learn(entrant.with_own_cache(cache), task)
    seconds = [round(total, 2) for total in accumulate(epoch["seconds"] for epoch in epochs)]
    accuracies = [epoch["accuracy"] for epoch in epochs]
    found = {
        "seed": task.seed,
        "seconds_to_begin": round(begun["seconds_to_begin"], 2),
        "seconds": seconds,
        "accuracies": accuracies,
        "reached": reached(seconds, accuracies),
    }
    print(f"{entrant.name}, seed {task.seed}: {accuracies[-1]:.2%} after {seconds[-1]:.0f} s", flush=True)
    return found


def reached(seconds: list[float], accuracies: list[float]) -> dict[str, float | None]:
    """Return when each goal was first reached."""
    pairs = list(zip(seconds, accuracies, strict=True))
    return {f"{goal:.1%}": next((when for when, got in pairs if got >= goal), None) for goal in GOALS}


def summary(runs: list[dict[str, Any]]) -> dict[str, Any]:
    """Return the median time to each goal over the seeds; None where a seed has not reached it."""
    found = {}
    for goal in (f"{goal:.1%}" for goal in GOALS):
        times = [each["reached"][goal] for each in runs]
        found[goal] = None if None in times else round(median(times), 2)
    return {"median_seconds": found, "runs": runs}


def extrapolated(like: dict[str, Any], rate: float, count: int) -> dict[str, Any]:
    """Return how long the textbook's script would take for the epochs that another took with its settings."""
    runs = []
    for each in like["runs"]:
        seconds = [round(count * (epoch + 1) / rate, 2) for epoch in range(len(each["accuracies"]))]
        taken = {"seed": each["seed"], "seconds": seconds, "accuracies": each["accuracies"]}
        runs.append({**taken, "reached": reached(seconds, each["accuracies"])})
    return {"extrapolated": True, **summary(runs)}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, default=2)
    parser.add_argument("--images", type=int, help="train on so many images only, to try the script")
    parser.add_argument("--out", type=Path, default=machine.RESULTS / "time_to_accuracy.json")
    arguments = parser.parse_args()
    found: dict[str, Any] = {**machine.facts(), "contenders": {}}
    contenders = found["contenders"]
    with tempfile.TemporaryDirectory() as folder:
        images.write_data("mnist", Path(folder), arguments.images)
        for entrant, network in entrants():
            tasks = [Task(network, 100, folder, usable_cores(), seed) for seed in range(arguments.seeds)]
            contenders[entrant.name] = summary([run(entrant, task) for task in tasks])
        script = Entrant("textbook script", "textbook_script", is_peer=False)
        (player,) = play([script], "train", Task("deepconvnet", 100, folder, usable_cores()), 3, 4.0)
        found["textbook_script_images_per_second"] = figures(player)
        count = len(tasks[0].images())
        like = contenders[entrants()[-1][0].name]
        contenders["textbook script"] = extrapolated(like, median(player.rates), count)
    machine.write(arguments.out, found)
    print(table(found))


def table(found: dict[str, Any]) -> str:
    """Return the seconds to each goal, as Markdown."""
    goals = [f"{goal:.1%}" for goal in GOALS]
    lines = [f"| seconds to | {' | '.join(goals)} |", "| --- |" + " ---: |" * len(goals)]
    for name, each in found["contenders"].items():
        sign = "about " if each.get("extrapolated") else ""
        times = [each["median_seconds"][goal] for goal in goals]
        cells = ["not reached by all" if time is None else f"{sign}{time:,.0f}" for time in times]
        lines.append(f"| {name} | {' | '.join(cells)} |")
    return "\n".join(lines)


if __name__ == "__main__":
    main()
