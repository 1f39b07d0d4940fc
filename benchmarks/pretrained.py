"""Train the models that come with the package, as `deepen train` does, and put them there.

    python benchmarks/pretrained.py

The settings were chosen by the accuracy on held-out training images; the test set is looked at once, after the
last epoch. What was reached is written into each model's file and into the README beside them.
"""

from __future__ import annotations

import hashlib
import tempfile
from dataclasses import replace
from datetime import date
from pathlib import Path

from deepen import job, pretrained
from deepen.config import RunConfig
from deepen.environment import environment
from deepen.model import Model

FOLDER = Path(pretrained.__file__).parent
RUNS = [
    RunConfig("deepconvnet", "mnist"),
    RunConfig("lenet", "mnist", learning_rate=0.005, augment=("shift=1",)),
]


def train(config: RunConfig) -> Path:
    """Train one model and return its file in the package."""
    path = FOLDER / f"{config.model}@{config.data}.safetensors"
    with tempfile.TemporaryDirectory() as runs:
        outcome = job.train(replace(config, runs=runs))
        outcome.model.figures |= {
            "made": date.today().isoformat(),
            "made_with": {"engine": str(outcome.choice), **environment()},
        }
        return outcome.model.save(path)


def row(path: Path) -> str:
    """Return the table row of a packaged model."""
    model = Model.load(path, engine="numpy")
    figures = model.figures
    settings = ", ".join([figures["optimizer"], figures["schedule"], *figures["augment"]])
    right = round(figures["test_accuracy"] * figures["test_count"])
    return (
        f"| `{path.stem}` | {figures['test_accuracy']:.2%} ({right:,} of {figures['test_count']:,}) "
        f"| {figures['epochs']} epochs, batch {figures['batch_size']}, {settings}, seed {figures['seed']} "
        f"| {path.stat().st_size:,} | `{hashlib.sha256(path.read_bytes()).hexdigest()}` |"
    )


def table(paths: list[Path]) -> str:
    """Return the README of the packaged models."""
    made = Model.load(paths[0], engine="numpy").figures
    machine = made["made_with"]
    lines = [
        "# Trained models in the package",
        "",
        "Made by `python benchmarks/pretrained.py` on "
        f"{made['made']}, with PyTorch {machine['torch']} on {machine['cores']} cores of "
        f"{machine['processor']}. A tenth of the",
        "training images was held out; the test set was looked at once, after the last epoch.",
        "",
        "| name | accuracy on the test set | settings | bytes | SHA-256 |",
        "| --- | --- | --- | ---: | --- |",
        *map(row, paths),
        "",
        "MNIST is by Y. LeCun and C. Cortes (CC BY-SA 3.0). The same code and seed, on another processor or with",
        "another number of threads, may round differently and reach a figure that differs in the last digits.",
    ]
    return "\n".join(lines) + "\n"


def main() -> None:
    text = table([train(config) for config in RUNS])
    (FOLDER / "README.md").write_text(text, encoding="utf-8")
    print(text)


if __name__ == "__main__":
    main()
