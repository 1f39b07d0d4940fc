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
from dataclasses import dataclass
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

ALEXNET = RESIDUAL.replace("momentum=0.1 weight_decay=1e-4", "momentum=0.01 weight_decay=5e-4")
"""With the rate and the decay of AlexNet's paper, section 5."""

PLANS = (
    Plan("mnist", "--epochs 10 --optimizer adam=0.003 --augment none", 2, ("linear",)),
    Plan("mnist", "--epochs 10 --augment none", 2, ("mlp",)),
    Plan("mnist", "--epochs 20 --optimizer adam=0.003 --augment none", 2, ("lenet", "lenet5", "lenet5_28")),
    Plan("mnist", "--epochs 10", 2, ("simple_convnet",)),
    Plan("mnist", "--epochs 10 --optimizer adam=0.003", 2, ("keras_mnist",)),
    Plan("mnist", "--recipe fast", 2, ("deepconvnet",)),
    Plan("cifar10", "--epochs 10 --augment crop=4 --augment flip", 1, ("three_layer",)),
    Plan("cifar10", ALEXNET, 1, ("alexnet_32",)),
    Plan("cifar10", RESIDUAL, 2, ("resnet20", "plain20")),
    Plan("cifar10", RESIDUAL, 1, ("preact_resnet20", "resnet32", "plain32", "resnet44", "plain44")),
)
"""Where adam has a rate, a few epochs on images held out of the training set chose it; the rest is the papers'."""


def trained(plan: Plan, model: str, seed: int, data: str, runs: Path) -> dict[str, Any]:
    """Return what a run reached and how it was made; it is trained unless it is there with the same command."""
    home = runs / f"{model}-{seed}"
    words = [model, "--data", plan.data, *shlex.split(plan.options), "--seed", str(seed), "--data-seed", "0"]
    command = shlex.join(["deepen", "train", *words])
    how = home / "command.txt"
    if not how.is_file() or how.read_text(encoding="utf-8") != command or not [*home.glob("*/report.html")]:
        print(command, flush=True)
        home.mkdir(parents=True, exist_ok=True)
        words[2] = data
        called = [sys.executable, "-m", "deepen", "train", *words, "--runs", str(home)]
        subprocess.run(called, check=True, env={**os.environ, **ONE_THREAD})
        how.write_text(command, encoding="utf-8")
    folder = max(home.glob("*/report.html")).parent
    with (folder / "metrics.csv").open(encoding="utf-8") as file:
        epochs = list(csv.DictReader(file))
    machine = json.loads((folder / "environment.json").read_text(encoding="utf-8"))
    return {
        "accuracy": Model.load(folder / "model.safetensors", engine="numpy").figures["test_accuracy"],
        "epochs": len(epochs),
        "seconds": sum(float(epoch["seconds"]) for epoch in epochs),
        "date": folder.name.partition("_")[0],
        "made_with": {key: machine[key] for key in ("engine", "deepen", "torch", "numpy", "processor")},
    }


def row(plan: Plan, model: str, found: list[dict[str, Any]], data: str) -> dict[str, Any]:
    """Return what the runs of a model reached, and how they were made."""
    accuracies = [run["accuracy"] for run in found]
    makers = {json.dumps(run["made_with"]) for run in found}
    if len(makers) > 1:
        raise SystemExit(f"the runs of {model} were made by different machines or versions: {makers}")
    return {
        "model": model,
        "data": plan.data if data == plan.data else f"{plan.data} (JPEG)",
        "command": f"deepen train {model} --data {plan.data} {plan.options} --seed N --data-seed 0",
        "epochs": found[0]["epochs"],
        "seeds": list(range(len(found))),
        "accuracies": accuracies,
        "mean": statistics.mean(accuracies),
        "deviation": statistics.stdev(accuracies) if len(found) > 1 else None,
        "seconds": round(statistics.median(run["seconds"] for run in found)),
        "threads": 1,
        "date": max(run["date"] for run in found),
        "made_with": found[0]["made_with"],
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument(
        "--runs", type=Path, default=Path("runs-of-the-zoo"), help="where the runs are made and found"
    )
    parser.add_argument("--cifar10", default="cifar10", help="the data set, or a folder of its pictures")
    arguments = parser.parse_args()
    where = {"mnist": "mnist", "cifar10": arguments.cifar10}

    rows = []
    for plan in PLANS:
        for model in plan.models:
            data = where[plan.data]
            found = [trained(plan, model, seed, data, arguments.runs) for seed in range(plan.seeds)]
            rows.append(row(plan, model, found, data))
            print(f"{model}: {rows[-1]['mean']:.2%}", flush=True)
    RESULTS.write_text(json.dumps({"environment": environment(), "rows": rows}, indent=2) + "\n", encoding="utf-8")
    print(f"see {RESULTS}")


if __name__ == "__main__":
    main()
