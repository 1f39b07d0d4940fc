"""The example of a layer of one's own does what its first lines say."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
EXAMPLE = ROOT / "examples" / "own_layer.py"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "examples").mkdir()
    shutil.copy(EXAMPLE, tmp_path / "examples")
    return tmp_path


def run(command: str, folder: Path) -> str:
    """Run a line of the example's first lines, and return what it prints."""
    assert f"\n    {command}\n" in EXAMPLE.read_text(encoding="utf-8")
    program, *arguments = command.split()
    start = [sys.executable] if program == "python" else [sys.executable, "-m", program]
    environment = {**os.environ, "PYTHONPATH": str(ROOT / "src")}
    done = subprocess.run(
        [*start, *arguments], cwd=folder, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_the_script_checks_the_layer_and_trains_it(folder: Path) -> None:
    out = run("python examples/own_layer.py", folder)
    assert "\nright: agrees with PyTorch and finite differences\n" in out
    accuracy = re.search(r"test accuracy ([\d.]+)%", out)
    assert accuracy is not None
    assert float(accuracy[1]) > 85


def test_the_command_that_checks(folder: Path) -> None:
    out = run("deepen --import examples/own_layer.py check prelu_net", folder)
    assert "prelu1 (PReLU)" in out
    assert out.endswith("\n5 of 5 layers agree with PyTorch and finite differences\n")


def test_the_command_that_trains(folder: Path) -> None:
    train = "train prelu_net --data digits --epochs 5 --augment none --batch-size 32"
    out = run(f"deepen --import examples/own_layer.py {train}", folder)
    accuracy = re.search(r"test accuracy ([\d.]+)%", out)
    assert accuracy is not None
    assert float(accuracy[1]) > 75
    assert len(list((folder / "runs").glob("*-prelu_net-digits/model.safetensors"))) == 1
