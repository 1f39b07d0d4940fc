"""Train every architecture below 100 million multiply-adds for a short while, and write down what it reaches.

    DEEPEN_DATA=... python benchmarks/zoo_accuracy.py --cifar10 FOLDER --runs runs-of-the-zoo

Each run is one `deepen train` in a process of its own, on one thread, with the options of its plan below. A run
that stands in the folder of runs already is taken from there, so that the script can be stopped and called again.
Nothing is chosen by the test set: it is looked at once, after the last epoch. CIFAR-10 may be its archive or a
folder of its pictures with train/ and test/, such as its JPEG form, whose accuracies read a little lower.
"""

from __future__ import annotations

import argparse
import csv
import json
import os
import shlex
import statistics
import subprocess
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

from deepen import Model
from deepen.environment import environment

RESULTS = Path(__file__).parent / "results" / "zoo_accuracy.json"
ONE_THREAD = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")


@dataclass(frozen=True)
class Plan:
    """How some of the models are trained."""

    data: str
    options: str
    seeds: int
    models: tuple[str, ...]


RESIDUAL = (
    '--epochs 3 --batch-size 128 --optimizer "momentum=0.1 weight_decay=1e-4" --schedule "warmup=0.5 then=cosine" '
    "--augment crop=4 --augment flip"
)
"""As in the residual networks' paper, section 4.2, but for 3 epochs in place of about 180, and the schedule."""

PLANS = (
    Plan("cifar10", RESIDUAL, 3, ("resnet20", "plain20")),
    Plan("cifar10", RESIDUAL, 1, ("preact_resnet20", "resnet32", "plain32", "resnet44", "plain44")),
)


def trained(plan: Plan, model: str, seed: int, data: str, runs: Path) -> Path:
    """Return the folder of a run, which is trained unless it is there."""
    home = runs / f"{model}-{seed}"
    finished = sorted(home.glob("*/report.html"))
    if not finished:
        command = [
            "train",
            model,
            "--data",
            data,
            *shlex.split(plan.options),
            "--seed",
            str(seed),
            "--data-seed",
            "0",
        ]
        print("deepen", shlex.join(command), flush=True)
        home.mkdir(parents=True, exist_ok=True)
        subprocess.run(
            [sys.executable, "-m", "deepen", *command, "--runs", str(home)],
            check=True,
            env={**os.environ, **ONE_THREAD},
        )
        finished = sorted(home.glob("*/report.html"))
    return finished[-1].parent


def row(plan: Plan, model: str, folders: Iterable[Path], data: str) -> dict[str, Any]:
    """Return what the runs of a model reached and how they were made."""
    accuracies, seconds, machines = [], [], []
    for folder in folders:
        figures = Model.load(folder / "model.safetensors", engine="numpy").figures
        accuracies.append(figures["test_accuracy"])
        with (folder / "metrics.csv").open(encoding="utf-8") as file:
            epochs = list(csv.DictReader(file))
        seconds.append(sum(float(epoch["seconds"]) for epoch in epochs))
        machines.append(json.loads((folder / "environment.json").read_text(encoding="utf-8")))
    return {
        "model": model,
        "data": plan.data if data == plan.data else f"{plan.data}, as a folder of pictures",
        "command": f"deepen train {model} --data {plan.data} {plan.options} --seed N --data-seed 0",
        "epochs": len(epochs),
        "seeds": list(range(len(accuracies))),
        "accuracies": accuracies,
        "mean": statistics.mean(accuracies),
        "deviation": statistics.stdev(accuracies) if len(accuracies) > 1 else None,
        "seconds": round(statistics.median(seconds)),
        "threads": 1,
        "made_with": {key: machines[0][key] for key in ("engine", "deepen", "torch", "numpy", "processor")},
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument(
        "--runs", type=Path, default=Path("runs-of-the-zoo"), help="where the runs are made and found"
    )
    parser.add_argument("--cifar10", default="cifar10", help="the data set, or a folder of its pictures")
    parser.add_argument("--only", nargs="*", help="models to train; all unless given")
    arguments = parser.parse_args()
    where = {"mnist": "mnist", "cifar10": arguments.cifar10}

    rows = []
    for plan in PLANS:
        for model in plan.models:
            if arguments.only and model not in arguments.only:
                continue
            folders = [trained(plan, model, seed, where[plan.data], arguments.runs) for seed in range(plan.seeds)]
            rows.append(row(plan, model, folders, where[plan.data]))
            print(f"{model}: {rows[-1]['mean']:.2%}", flush=True)
    if not arguments.only:
        found = {"date": date.today().isoformat(), "environment": environment(), "rows": rows}
        RESULTS.write_text(json.dumps(found, indent=2) + "\n", encoding="utf-8")
        print(f"see {RESULTS}")


if __name__ == "__main__":
    main()
