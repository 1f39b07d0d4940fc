"""Train a model on MNIST with several seeds and write down what the last epochs reached on the test set.

    python benchmarks/mnist_accuracy.py --seeds 3

Each seed is one `deepen train` with its default settings, in a process of its own; what stands behind `--` is
handed on to it. Nothing is chosen by the test set: it is looked at once, after the last epoch.
"""

from __future__ import annotations

import argparse
import json
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


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--model", default="deepconvnet")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("extra", nargs="*", help="options for deepen train, behind --")
    arguments = parser.parse_args()

    results = [train(arguments.model, seed, arguments.extra) for seed in range(arguments.seeds)]
    accuracies = [result["test_accuracy"] for result in results]
    found = {
        "date": date.today().isoformat(),
        "command": " ".join(["deepen train", arguments.model, "--data mnist --seed N", *arguments.extra]),
        "environment": environment(),
        "mean_test_accuracy": statistics.mean(accuracies),
        "deviation": statistics.stdev(accuracies) if len(accuracies) > 1 else None,
        "runs": results,
    }
    path = RESULTS / f"mnist_accuracy_{arguments.model}.json"
    path.parent.mkdir(exist_ok=True)
    path.write_text(json.dumps(found, indent=2) + "\n")
    print(f"{arguments.model}: {found['mean_test_accuracy']:.3%}, deviation {found['deviation']}; see {path}")


if __name__ == "__main__":
    main()
