"""What this machine computes with: said by `deepen doctor` and kept beside every run."""

from __future__ import annotations

import os
import platform
import sys
from importlib import metadata
from pathlib import Path

from deepen import __version__

PACKAGES = ("numpy", "torch", "pillow", "safetensors", "matplotlib")


def environment() -> dict[str, str]:
    """Return versions, processor and cores of this machine; packages that are missing say so."""
    return {
        "deepen": __version__,
        "python": sys.version.split()[0],
        **{name: _version(name) for name in PACKAGES},
        "system": platform.platform(),
        "processor": _processor(),
        "cores": str(os.cpu_count()),
    }


def _version(package: str) -> str:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return "not installed"


def _processor() -> str:
    table = Path("/proc/cpuinfo")
    if table.exists():
        for line in table.read_text(errors="replace").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()
