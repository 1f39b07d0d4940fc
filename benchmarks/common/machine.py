"""What a result file says of the machine, of the versions and of what else the machine did."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from datetime import date
from pathlib import Path
from typing import Any

from common.contest import PEERS
from deepen.engines.native.compiler import find_compiler
from deepen.engines.native.threads import usable_cores
from deepen.environment import environment

RESULTS = Path(__file__).parents[1] / "results"
PACKAGES = ("torch", "tensorflow-cpu", "keras", "jax", "onnxruntime", "numpy")


def facts() -> dict[str, Any]:
    """Return date, command, machine and versions, and how busy the machine is at the start."""
    return {
        "date": date.today().isoformat(),
        "command": f"python benchmarks/{Path(sys.argv[0]).name} {' '.join(sys.argv[1:])}".rstrip(),
        "environment": {**environment(), "compiler": str(find_compiler())},
        "peers": peers_versions(),
        "threads": usable_cores(),
        "load_average_before": load_average(),
    }


def peers_versions() -> dict[str, str]:
    """Return the versions in the peers' environment; empty where there is none."""
    if not PEERS.exists():
        return {}
    ask = "import json, sys; from importlib.metadata import version; " + (
        "print(json.dumps({name: version(name) for name in sys.argv[1:]}))"
    )
    done = subprocess.run([PEERS, "-c", ask, *PACKAGES], check=True, stdout=subprocess.PIPE, text=True)
    return json.loads(done.stdout)


def load_average() -> list[float]:
    """Return how many processes wanted to compute over the last 1, 5 and 15 minutes."""
    return [round(x, 2) for x in os.getloadavg()] if hasattr(os, "getloadavg") else []


def write(path: Path, found: dict[str, Any]) -> None:
    """Write a result file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    text = json.dumps({**found, "load_average_after": load_average()}, indent=1, ensure_ascii=False)
    path.write_text(text + "\n", encoding="utf-8")
    print(f"see {path}")
