"""The process of a contender: it says what it is when it is ready, then computes for as long as each order says.

    python -m common.worker CONTENDER FUNCTION TASK

Orders come as lines on stdin, each a number of seconds; answers are lines of JSON. What libraries print goes to
stderr. Before each measurement a fifth of its time is computed unmeasured: a system may take memory or the full
clock rate away from processes that pause.
"""

from __future__ import annotations

import importlib
import json
import os
import sys
import time
from collections.abc import Callable
from typing import Any

from common.task import Learner, Runner, Task

WARM_UP = 0.2


def main() -> None:
    began = time.perf_counter()
    answers = os.fdopen(os.dup(sys.stdout.fileno()), "w", buffering=1)
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    contender, function, task = sys.argv[1], sys.argv[2], Task(**json.loads(sys.argv[3]))
    if task.threads < len(affinity()):
        os.sched_setaffinity(0, sorted(affinity())[: task.threads])

    def answer(**found: Any) -> None:
        print(json.dumps(found), file=answers)

    work = getattr(importlib.import_module(f"contenders.{contender}"), function)
    if function == "learn":
        learn(work, task, began, answer)
    else:
        take_turns(work(task), began, answer)


def take_turns(runner: Runner, began: float, answer: Callable[..., None]) -> None:
    """Compute when told to, until the orders end."""
    runner.rate(1)  # what is compiled at first use is compiled now
    answer(parameters=runner.parameters, seconds_to_begin=time.perf_counter() - began, peak_bytes=peak_bytes())
    rate = runner.rate(1)
    for line in sys.stdin:
        for seconds in (WARM_UP * float(line), float(line)):
            rate = runner.rate(max(1, round(seconds * rate / runner.per_step)))
        answer(rate=rate, peak_bytes=peak_bytes())


def learn(work: Learner, task: Task, began: float, answer: Callable[..., None]) -> None:
    """Train once, and say when everything is set up and what each epoch has reached."""
    work(
        task,
        lambda: answer(seconds_to_begin=time.perf_counter() - began),
        lambda seconds, accuracy: answer(seconds=seconds, accuracy=accuracy),
    )


def affinity() -> set[int]:
    """Return the cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return os.sched_getaffinity(0)
    return set(range(os.cpu_count() or 1))


def peak_bytes() -> int:
    """Return the most memory that this process has had so far."""
    import resource

    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)


if __name__ == "__main__":
    main()
