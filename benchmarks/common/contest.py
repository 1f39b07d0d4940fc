"""The contest: contenders in processes of their own, which take turns in every round.

A machine that slows down does so for all of them; thread pools and allocator settings stay apart.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from statistics import median
from typing import Any

from common.task import Task

BENCHMARKS = Path(__file__).parents[1]
PEERS = BENCHMARKS.parent / ".venv-peers" / "bin" / "python"
"""The interpreter of the peers' own environment, as `make bench-peers` makes it."""


@dataclass(frozen=True)
class Entrant:
    """Who takes part: a file in contenders/, with its settings."""

    name: str
    contender: str
    options: dict[str, Any] = field(default_factory=dict)
    environment: dict[str, str] = field(default_factory=dict)
    is_peer: bool = True
    """Whether it lives in the peers' environment, and not in deepen's."""
    networks: Sequence[str] | None = None
    """Those that it can compute; None for all."""

    @property
    def augmented(self) -> bool:
        """Whether it varies the images, so that it is compared with who does so too."""
        return "augment" in self.options

    def with_own_cache(self, folder: str | Path) -> Entrant:
        """Return the entrant with an empty cache of compiled programs, so that it has to compile."""
        return replace(self, environment={**self.environment, "DEEPEN_CACHE": str(folder)})

    def command(self, function: str, task: Task) -> list[str]:
        """Return what starts its process."""
        python = str(PEERS) if self.is_peer else sys.executable
        given = json.dumps(asdict(replace(task, options=self.options)))
        return [python, "-m", "common.worker", self.contender, function, given]

    def start(self, function: str, task: Task) -> subprocess.Popen[str]:
        """Start its process."""
        return subprocess.Popen(
            self.command(function, task),
            cwd=BENCHMARKS,
            env={**os.environ, **self.environment},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            bufsize=1,
        )


class Player:
    """An entrant's process, which computes when it is asked to."""

    def __init__(self, entrant: Entrant, function: str, task: Task) -> None:
        self.entrant, self._process = entrant, entrant.start(function, task)
        self.facts = self._answer()
        self.rates: list[float] = []

    def play(self, seconds: float) -> float:
        """Let it compute for that time; return what it did in a second."""
        assert self._process.stdin is not None
        self._process.stdin.write(f"{seconds}\n")
        found = self._answer()
        self.facts["peak_bytes"] = found["peak_bytes"]
        return float(found["rate"])

    def dismiss(self) -> None:
        """End the process."""
        self._process.communicate()

    def _answer(self) -> dict[str, Any]:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            self.dismiss()
            raise SystemExit(f"{self.entrant.name} has stopped; its own message stands above")
        return json.loads(line)


def play(entrants: Sequence[Entrant], function: str, task: Task, rounds: int, seconds: float) -> list[Player]:
    """Let the entrants take turns; each has its rates then, and its facts."""
    players = []
    for entrant in entrants:
        if entrant.networks is None or task.network in entrant.networks:
            players.append(Player(entrant, function, task))
    for number in range(rounds):
        for player in players:
            player.rates.append(player.play(seconds))
        said = ", ".join(f"{player.entrant.name} {player.rates[-1]:,.0f}" for player in players)
        print(f"{task.network}, {function}, round {number + 1}: {said}", file=sys.stderr, flush=True)
    for player in players:
        player.dismiss()
    return players


def learn(entrant: Entrant, task: Task) -> Iterator[dict[str, float]]:
    """Let an entrant train to the end; yield how long it took to begin, then what each epoch has reached."""
    with entrant.start("learn", task) as process:
        assert process.stdout is not None
        yield from map(json.loads, process.stdout)
    if process.returncode:
        raise SystemExit(f"{entrant.name} has stopped; its own message stands above")


def figures(player: Player) -> dict[str, Any]:
    """Return what a result file says of a player."""
    rates = player.rates
    return {
        "median": shortened(median(rates)),
        "min": shortened(min(rates)),
        "max": shortened(max(rates)),
        "rounds": [shortened(rate) for rate in rates],
        **{name: shortened(value) for name, value in player.facts.items() if value is not None},
    }


def against(mine: Player, theirs: Player) -> dict[str, float]:
    """Return the ratio of the medians, and the least and largest ratio within a round."""
    within = [one / other for one, other in zip(mine.rates, theirs.rates, strict=True)]
    ratio = median(mine.rates) / median(theirs.rates)
    return {"ratio": round(ratio, 3), "min": round(min(within), 3), "max": round(max(within), 3)}


def shortened(value: float) -> float:
    """Return a figure with as many digits as mean something."""
    return value if isinstance(value, int) else float(f"{value:.5g}")
