"""How many threads a program gets."""

from __future__ import annotations

import os
from math import ceil
from pathlib import Path

_QUOTA = Path("/sys/fs/cgroup/cpu.max")
"""How much time a container may use: microseconds out of so many, or the word max."""


def usable_cores() -> int:
    """Return how many cores this process may use, or the number in `$OMP_NUM_THREADS`, which PyTorch heeds too."""
    asked = os.environ.get("OMP_NUM_THREADS", "")
    if asked.isdecimal() and int(asked) > 0:
        return int(asked)
    # Elsewhere than on Linux a process is not bound to some of the cores.
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return min(cores, _quota() or cores)


def _quota() -> int | None:
    try:
        time, period = map(int, _QUOTA.read_text(encoding="ascii").split())
    except (OSError, ValueError):
        return None
    return max(1, ceil(time / period))
