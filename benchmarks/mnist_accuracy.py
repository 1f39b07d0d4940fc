"""Train a model on MNIST with several seeds and write down what the last epochs reached on the test set.

    python benchmarks/mnist_accuracy.py --seeds 3
    python benchmarks/mnist_accuracy.py --seeds 5 --recipe fast

Each seed is one `deepen train` with its default settings or those of a recipe, in a process of its own; what
stands behind `--` is handed on to it. Nothing is chosen by the test set: it is looked at once, after the last
epoch. Of a recipe the table that belongs into its file is printed.
"""

from __future__ import annotations

import argparse
import json
import shlex
import statistics
import subprocess
import sys
import tempfile
from datetime import date
from pathlib import Path
from typing import Any

from deepen.environment import environment

RESULTS = Path(__file__).parent / "results"


def train(model: str, seed: int, extra: list[str]) -> dict[str, Any]:
    """Run one training and return what it printed."""
    with tempfile.TemporaryDirectory() as runs:
        command = [sys.executable, "-m", "deepen", "train", model, "--data", "mnist", "--seed", str(seed)]
        done = subprocess.run(
            [*command, "--runs", runs, "--json", *extra], check=True, stdout=subprocess.PIPE, text=True
        )
    result: dict[str, Any] = json.loads(done.stdout)
    del result["run"]
    return result


def measured(model: str, how: str, found: dict[str, Any]) -> str:
    """Return what a recipe's file says of these runs, and how they were made."""
    runs, machine = found["runs"], found["environment"]
    table = {
        "model": model,
        "data": "mnist",
        "accuracy": round(found["mean_test_accuracy"], 5),
        "deviation": round(found["deviation"], 5),
        "seeds": [run["seed"] for run in runs],
        "epochs": runs[0]["epochs"],
        "seconds": round(statistics.median(run["seconds"] for run in runs), 1),
        "images_per_second": round(statistics.median(run["images_per_second"] for run in runs)),
        "machine": machine["processor"],
        "threads": runs[0]["threads"],
        "engine": f"{runs[0]['engine']} on {runs[0]['device']}",
        "versions": f"deepen {machine['deepen']}, torch {machine['torch']}, numpy {machine['numpy']}",
        "date": found["date"],
        "how": how,
    }
    return "\n".join(["[[measured]]", *(f"{key} = {json.dumps(value)}" for key, value in table.items())])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--model", default="deepconvnet")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--recipe")
    parser.add_argument("extra", nargs="*", help="options for deepen train, behind --")
    arguments = parser.parse_args()
    if arguments.seeds < (2 if arguments.recipe else 1):
        parser.error(f"a recipe's deviation takes two seeds or more, anything else one, got {arguments.seeds}")

    extra = [*(["--recipe", arguments.recipe] if arguments.recipe else []), *arguments.extra]
    results = [train(arguments.model, seed, extra) for seed in range(arguments.seeds)]
    accuracies = [result["test_accuracy"] for result in results]
    found = {
        "date": date.today().isoformat(),
        "command": f"deepen train {arguments.model} --data mnist --seed N {shlex.join(extra)}".rstrip(),
        "environment": environment(),
        "mean_test_accuracy": statistics.mean(accuracies),
        "deviation": statistics.stdev(accuracies) if len(accuracies) > 1 else None,
        "runs": results,
    }
    named = [arguments.model, *([Path(arguments.recipe).stem] if arguments.recipe else [])]
    path = RESULTS / f"mnist_accuracy_{'_'.join(named)}.json"
    path.parent.mkdir(exist_ok=True)
    path.write_text(json.dumps(found, indent=2) + "\n")
    print(f"{arguments.model}: {found['mean_test_accuracy']:.3%}, deviation {found['deviation']}; see {path}")
    if arguments.recipe:
        how = ["python", "benchmarks/mnist_accuracy.py", "--model", arguments.model]
        how += ["--seeds", str(arguments.seeds), "--recipe", arguments.recipe]
        how += ["--", *arguments.extra] if arguments.extra else []
        print(measured(arguments.model, shlex.join(how), found))


if __name__ == "__main__":
    main()
