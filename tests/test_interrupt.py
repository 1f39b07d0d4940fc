"""Ctrl-C on the command line: the run is saved, and the command that is printed brings it to the end."""

from __future__ import annotations

import csv
import os
import re
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from command_line import OWN

TIMES = {"seconds", "images_per_second"}


PROGRAM = Path(sys.executable).with_name("deepen")
FILE = "own layers.py"
"""A shell has to be told that this is one word."""
ON_PATH = {**os.environ, "PATH": f"{PROGRAM.parent}{os.pathsep}{os.environ['PATH']}"}


def train(folder: Path) -> list[str]:
    (folder / FILE).write_text(OWN, encoding="utf-8")
    own = f"--import|{FILE}|train|own|--data|digits|--epochs|6|--batch-size|20|--engine|numpy"
    return [str(PROGRAM), *own.split("|"), "--checkpoint", "30 steps", "--runs", "my runs"]


def only_run(folder: Path) -> Path:
    (run,) = (folder / "my runs").iterdir()
    return run


def figures(run: Path) -> list[dict[str, str]]:
    """Return the lines of metrics.csv, without times."""
    with (run / "metrics.csv").open(newline="", encoding="utf-8") as file:
        return [{name: value for name, value in row.items() if name not in TIMES} for row in csv.DictReader(file)]


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run that went through."""
    folder = tmp_path_factory.mktemp("undisturbed")
    subprocess.run(train(folder), check=True, capture_output=True, cwd=folder)
    return only_run(folder)


def interrupted(folder: Path, environment: dict[str, str]) -> str:
    """Start a training, press Ctrl-C in the middle of it, and return the command that it prints to go on with."""
    command = train(folder)
    # In the background of a shell Ctrl-C is ignored, and what is started there inherits that.
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    with subprocess.Popen(
        command,
        stderr=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        text=True,
        cwd=folder,
        env=environment,
    ) as process:
        signal.signal(signal.SIGINT, before)
        assert process.stderr is not None
        said = ""
        for line in process.stderr:
            said += line
            if line.startswith("epoch 2/6"):
                process.send_signal(signal.SIGINT)
    assert process.returncode == 130, said
    found = re.search("^go on with: (.*)$", said, re.MULTILINE)
    assert found is not None, said
    return found[1]


def typed(command: str, folder: Path, environment: dict[str, str]) -> str:
    """Run a command as a shell does where it is typed, and return what it says."""
    done = subprocess.run(
        command, shell=True, check=False, capture_output=True, text=True, cwd=folder, env=environment
    )
    assert done.returncode == 0, done.stderr
    return done.stderr


def test_ctrl_c_saves_and_the_printed_command_ends_with_the_same_bytes(tmp_path: Path, undisturbed: Path) -> None:
    command = interrupted(tmp_path, ON_PATH)
    run = only_run(tmp_path)
    assert command == f"deepen --import '{FILE}' train --resume 'my runs/{run.name}'"
    assert len(figures(run)) < 6
    assert "the training goes on after " in typed(command, tmp_path, ON_PATH)
    assert figures(run) == figures(undisturbed)
    assert (run / "model.safetensors").read_bytes() == (undisturbed / "model.safetensors").read_bytes()
    # Once more: it is complete, and stays as it is.
    assert "the training is complete" in typed(command, tmp_path, ON_PATH)
    assert figures(run) == figures(undisturbed)
    assert (run / "model.safetensors").read_bytes() == (undisturbed / "model.safetensors").read_bytes()


def test_the_printed_command_names_a_program_that_is_not_on_the_path(tmp_path: Path) -> None:
    elsewhere = {**os.environ, "PATH": os.defpath}
    if shutil.which("deepen", path=os.defpath):
        pytest.skip("deepen is on every path")
    command = interrupted(tmp_path, elsewhere)
    assert command.startswith(os.path.relpath(PROGRAM, tmp_path))
    typed(f"{command} --help", tmp_path, elsewhere)
