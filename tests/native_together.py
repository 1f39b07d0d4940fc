"""Engines whose programs are compiled as one: what they have in common is compiled once."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from ctypes import CDLL

import pytest

from deepen.engines import Setup
from deepen.engines.native import engine
from deepen.engines.native.compiler import load_program
from deepen.engines.native.engine import EVALUATE, TRAIN
from deepen.engines.native.program import Program
from deepen.engines.native.source import Routine, source

CORES = 2


@contextmanager
def together(setups: Iterable[Setup]) -> Iterator[None]:
    """Let native engines of these setups, all of one type of numbers, take their programs from few libraries."""
    texts = {source(setup, (TRAIN, EVALUATE)): setup for setup in setups}
    (dtype,) = {setup.dtype for setup in texts.values()}
    names = {text: f"program{number}" for number, text in enumerate(texts)}
    parts = [part for part in (list(texts)[core::CORES] for core in range(CORES)) if part]
    plain = engine.build

    def compiled(part: list[str]) -> None:
        library = load_program(
            "\n".join(source(texts[text], (TRAIN, EVALUATE), names[text]) for text in part), dtype
        )
        libraries.update(dict.fromkeys(part, library))

    def build(setup: Setup, routines: tuple[Routine, ...], threads: int) -> Program:
        text = source(setup, routines)
        if text not in names:
            return plain(setup, routines, threads)
        return Program(libraries[text], [routine.name for routine in routines], threads, names[text])

    libraries = dict[str, CDLL]()
    with ThreadPoolExecutor(CORES) as pool:
        list(pool.map(compiled, parts))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(engine, "build", build)
        yield
