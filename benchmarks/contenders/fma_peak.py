"""The processor's own limit: multiply-adds of float32 in registers, in GFLOP/s (a multiply-add counts as two)."""

from __future__ import annotations

import ctypes
import time
from pathlib import Path

from common.task import Runner, Task
from deepen.engines.native.compiler import load_program

BILLIONS = 10.0
"""Of operations in a step, on each thread."""


def train(task: Task) -> Runner:
    """Compute on all threads, with the compiler that makes deepen's programs."""
    compute = load_program(Path(__file__).with_suffix(".cpp").read_text(encoding="utf-8"), "float32").compute
    compute.restype, compute.argtypes = ctypes.c_double, (ctypes.c_int, ctypes.c_double)

    def rate(steps: int) -> float:
        start = time.perf_counter()
        compute(task.threads, steps * BILLIONS)
        return steps * BILLIONS * task.threads / (time.perf_counter() - start)

    return Runner(rate, BILLIONS * task.threads)
