"""Ctrl-C on the command line: the run is saved, and `--resume` brings it to the end of one that went through."""

from __future__ import annotations

import csv
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from command_line import OWN

TIMES = {"seconds", "images_per_second"}


def command(folder: Path, *arguments: str) -> list[str]:
    own = folder / "own_layers.py"
    own.write_text(OWN, encoding="utf-8")
    return [sys.executable, "-m", "deepen", "--import", str(own), "train", *arguments]


def train(folder: Path) -> list[str]:
    runs = ["--runs", str(folder / "runs"), "--checkpoint", "30 steps", "--engine", "numpy"]
    return command(folder, "own", "--data", "digits", "--epochs", "6", "--batch-size", "20", *runs)


def only_run(folder: Path) -> Path:
    (run,) = (folder / "runs").iterdir()
    return run


def figures(run: Path) -> list[dict[str, str]]:
    """Return the lines of metrics.csv, without times."""
    with (run / "metrics.csv").open(newline="", encoding="utf-8") as file:
        return [{name: value for name, value in row.items() if name not in TIMES} for row in csv.DictReader(file)]


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run that went through."""
    folder = tmp_path_factory.mktemp("undisturbed")
    subprocess.run(train(folder), check=True, capture_output=True)
    return only_run(folder)


def interrupted(folder: Path) -> str:
    """Start a training, press Ctrl-C in the middle of it, and return what it said."""
    with subprocess.Popen(train(folder), stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True) as process:
        assert process.stderr is not None
        said = ""
        for line in process.stderr:
            said += line
            if line.startswith("epoch 2/6"):
                process.send_signal(signal.SIGINT)
    assert process.returncode == 130, said
    return said


def test_ctrl_c_saves_and_resume_ends_with_the_same_bytes(tmp_path: Path, undisturbed: Path) -> None:
    said = interrupted(tmp_path)
    run = only_run(tmp_path)
    assert "go on with: deepen train --resume" in said
    assert len(figures(run)) < 6
    again = command(tmp_path, "--resume", str(run))
    done = subprocess.run(again, check=True, capture_output=True, text=True)
    assert "the training goes on from epoch" in done.stderr
    assert figures(run) == figures(undisturbed)
    assert (run / "model.safetensors").read_bytes() == (undisturbed / "model.safetensors").read_bytes()
    # Once more: it is complete, and stays as it is.
    done = subprocess.run(again, check=True, capture_output=True, text=True)
    assert "the training is complete" in done.stderr
    assert figures(run) == figures(undisturbed)
    assert (run / "model.safetensors").read_bytes() == (undisturbed / "model.safetensors").read_bytes()
