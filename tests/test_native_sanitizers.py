"""The native tests once more: with every access to memory watched, and for processors with narrower vectors."""

from __future__ import annotations

import os
import platform
import subprocess
import sys
from pathlib import Path

import pytest

from deepen.engines.native.compiler import Compiler
from native_networks import drawn, special
from native_unit import Unit
from test_native_layers import check, of_cases

pytestmark = pytest.mark.slow

HERE = Path(__file__).parent
TESTS = ["test_native_layers.py", "test_native_losses.py"]
SANITIZERS = ["-fsanitize=address,undefined", "-fno-sanitize-recover=all", "-g1"]
WARNINGS = ["-Wall", "-Wextra", "-Werror"]


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="the sanitizer has to be loaded before Python")
def test_no_kernel_leaves_its_memory(compiler: Compiler, tmp_path: Path) -> None:
    if compiler.kind != "GCC":
        pytest.skip("the sanitizer is looked for where GCC has it")
    # The library of C++ comes along, so that the sanitizer finds there what it watches.
    libraries = [_library(compiler, name) for name in ("libasan.so", "libstdc++.so")]
    if not all(Path(library).is_absolute() for library in libraries):
        pytest.skip("the compiler has no sanitizer")
    script = tmp_path / "g++"
    call = " ".join(["exec", *compiler.command, *SANITIZERS, *WARNINGS])
    # The compiler itself need not be watched.
    script.write_text(f'#!/bin/sh\nunset LD_PRELOAD\n{call} "$@"\n', encoding="utf-8")
    script.chmod(0o755)
    surroundings = {
        **os.environ,
        "CXX": str(script),
        "DEEPEN_CACHE": str(tmp_path),
        "LD_PRELOAD": " ".join(libraries),
        "ASAN_OPTIONS": "detect_leaks=0",  # what Python leaves behind at its end is no leak of ours
        "PYTHONMALLOC": "malloc",  # Python's own allocator would hide what lies side by side
    }
    options = ["-s", "-x", "-m", "not slow", "-p", "no:cacheprovider"]
    tests = [str(HERE / name) for name in TESTS]
    run = subprocess.run(
        [sys.executable, "-m", "pytest", *options, *tests],
        env=surroundings,
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 0, run.stdout[-3000:] + run.stderr[:6000]
    assert "skipped" not in run.stdout


def _library(compiler: Compiler, name: str) -> str:
    """Return where a library of the compiler is, or the name alone where it has none."""
    call = [*compiler.command, f"-print-file-name={name}"]
    return subprocess.run(call, capture_output=True, text=True, check=True).stdout.strip()


@pytest.mark.skipif(
    platform.machine().lower() not in ("x86_64", "amd64"), reason="these are kinds of x86 processors"
)
@pytest.mark.parametrize("processor", ["haswell", "x86-64"])
@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_narrower_vectors_agree(compiler: Compiler, processor: str, dtype: str) -> None:
    setups = {**of_cases(dtype), **special(dtype), **drawn(0, dtype)}
    unit = Unit(setups, compiler, options=("-O1", f"-march={processor}"))
    for name in unit.setups:
        check(unit, name)
