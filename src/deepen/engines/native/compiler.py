"""The C++ compiler of this machine: how it is found, and how a network's program is compiled and loaded."""

from __future__ import annotations

import ctypes
import hashlib
import importlib.util
import json
import os
import platform
import re
import shlex
import shutil
import subprocess
import sys
import threading
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache, lru_cache
from pathlib import Path
from typing import Literal

from deepen.engines.native.cache import check_safe, forget, kept
from deepen.errors import MissingCompilerError, NativeError

NONE = "none"
"""The value of `$DEEPEN_CXX` that says: as if there were no compiler."""

TEMPLATES = Path(__file__).parent / "templates"
LINES = 20
"""How many lines of a compiler's complaint are shown."""

_NAMES = ("c++", "g++", "clang++")
_NUMBERS = {"float32": "float", "float64": "double"}
_X86 = ("x86_64", "amd64")
_PROGRAM = {"win32": "program.dll", "darwin": "program.dylib"}.get(sys.platform, "program.so")
_PROBE = """#include "program.hpp"
#include "update_step.hpp"
extern "C" int works() { return deepen::Memory().reserve(1) ? deepen::Pool(1).threads() : 0; }
"""

Kind = Literal["GCC", "Clang", "Zig"]

_loaded: dict[Path, ctypes.CDLL] = {}
_loading = threading.Lock()


@dataclass(frozen=True)
class Compiler:
    """A C++ compiler that takes the options of GCC and Clang."""

    command: tuple[str, ...]
    kind: Kind
    version: str
    """What it says of itself."""

    def __str__(self) -> str:
        number = re.search(r"\d+(\.\d+)+", re.sub(r"\(.*?\)", "", self.version))
        return f"{self.kind} {number[0]}" if number else self.kind

    def flags(self, dtype: str) -> tuple[str, ...]:
        """Return the options with which it makes a program for this very processor."""
        flags = ["-std=c++17", "-fno-math-errno", "-fno-trapping-math", "-shared"]
        if not any(word.startswith("-O") for word in self.command):
            flags.append("-O2")
        if not any(word.startswith(("-march=", "-mcpu=")) for word in self.command):
            flags.append("-march=native" if platform.machine().lower() in _X86 else "-mcpu=native")
        if sys.platform != "win32":
            flags += ["-fPIC", "-pthread"]
        if sys.platform.startswith("linux"):
            flags += self._own_names()
        return (*flags, f"-I{TEMPLATES}", f"-DDEEPEN_REAL={_NUMBERS[dtype]}")

    def _own_names(self) -> list[str]:
        """Return what lets a program use its own functions and constants, where others are named alike."""
        flags = ["-Wl,-Bsymbolic", *(["-fno-gnu-unique"] if self.kind == "GCC" else [])]
        if self.kind == "Zig":  # it links a C++ library of its own, whose debugging symbols nobody needs
            flags.append("-s")
        elif Path(_output(self.command, "-print-file-name=libstdc++.a")).is_absolute():
            # Python may have loaded an older C++ library than this compiler's.
            flags += ["-static-libstdc++", "-static-libgcc", "-Wl,--exclude-libs,ALL"]
        return flags

    def compile(self, source: str, dtype: str, folder: Path) -> None:
        """Write the source into a folder, and the program that it becomes beside it.

        Raises:
            NativeError: the compiler cannot be run, or does not like the source.
        """
        (folder / "program.cpp").write_text(source, encoding="utf-8")
        command = [*self.command, *self.flags(dtype), "program.cpp", "-o", _PROGRAM]
        # Its own temporary files go where there is room; its complaints are in English, as all else is.
        surroundings = {**os.environ, "TMPDIR": str(folder), "LC_ALL": "C"}
        try:
            done = subprocess.run(
                command, cwd=folder, env=surroundings, stdin=subprocess.DEVNULL, capture_output=True, check=False
            )
        except OSError as error:
            raise NativeError(f"{self.command[0]} cannot be run: {error.strerror or error}") from error
        if done.returncode:
            said = done.stderr.decode(errors="replace").strip().splitlines()[:LINES]
            raise NativeError(
                "\n".join(
                    [
                        f"{self} could not compile the program (exit code {done.returncode}):",
                        *(f"  {line}" for line in said),
                        'compute with engine="torch" or "numpy" instead, or name another compiler in DEEPEN_CXX',
                    ]
                )
            )


def find_compiler() -> Compiler | None:
    """Return a compiler that works, or None where there is none.

    It is the one that `$DEEPEN_CXX` or else `$CXX` names, with options if need be, as in "g++ -march=x86-64-v3";
    else `c++`, `g++` or `clang++`; else the one that comes with the package `ziglang`. `DEEPEN_CXX=none` is as if
    there were none.

    Raises:
        NativeError: the one that is named does not work, or the cache of programs is not safe.
    """
    if unwanted():
        return None
    for variable in ("DEEPEN_CXX", "CXX"):
        if asked := os.environ.get(variable):
            return _named(variable, asked, os.environ.get("PATH"))
    return _first(os.environ.get("PATH"))


def unwanted() -> bool:
    """Return whether `$DEEPEN_CXX` says that no compiler shall be used."""
    return os.environ.get("DEEPEN_CXX") == NONE


def compile_program(source: str, dtype: str, progress: Callable[[str], None] | None = None) -> Path:
    """Return the compiled program of a source in C++; what was compiled before is taken from the cache.

    Args:
        source: the whole program, which includes the templates it needs.
        dtype: the type of its numbers, "float32" or "float64".
        progress: is told before the compiler starts, in a line.

    Raises:
        MissingCompilerError: there is no compiler.
        NativeError: the compiler does not like the source, or the cache of programs is not safe.
    """
    return _compiled(_needed(), source, dtype, progress)


def load(path: Path) -> ctypes.CDLL:
    """Load a compiled program; it stays loaded, and is not loaded twice.

    Raises:
        OSError: the system cannot load it.
    """
    with _loading:
        if path not in _loaded:
            _loaded[path] = ctypes.CDLL(str(path))
        return _loaded[path]


def load_program(source: str, dtype: str, progress: Callable[[str], None] | None = None) -> ctypes.CDLL:
    """Compile a source as `compile_program` does, and load the program.

    Raises:
        NativeError: as for `compile_program`, or the program cannot be loaded.
    """
    return _program(_needed(), source, dtype, progress)


def _needed() -> Compiler:
    compiler = find_compiler()
    if compiler is None:
        raise MissingCompilerError
    return compiler


def _program(
    compiler: Compiler, source: str, dtype: str, progress: Callable[[str], None] | None = None
) -> ctypes.CDLL:
    try:
        return load(_compiled(compiler, source, dtype, progress))
    except OSError:
        # It was made for another system that shares this cache, or has just been removed by another process.
        forget(_key(compiler, source, dtype))
    path = _compiled(compiler, source, dtype, progress)
    try:
        return load(path)
    except OSError as error:
        raise NativeError(
            f"the compiled program cannot be loaded: {error}; let DEEPEN_CACHE name a folder from which programs "
            'may be run, or compute with engine="torch" or "numpy"'
        ) from error


def _compiled(compiler: Compiler, source: str, dtype: str, progress: Callable[[str], None] | None) -> Path:
    def make(folder: Path) -> None:
        if progress:
            first = ", a minute the first time" if compiler.kind == "Zig" else ""
            progress(f"compiling the network ({compiler}), a few seconds{first} ...")
        compiler.compile(source, dtype, folder)

    return kept(_key(compiler, source, dtype), make) / _PROGRAM


def _key(compiler: Compiler, source: str, dtype: str) -> str:
    """Return a hash of all that decides what a program is."""
    templates = [(path.name, path.read_text(encoding="utf-8")) for path in sorted(TEMPLATES.glob("*.hpp"))]
    parts = [source, templates, compiler.command, compiler.version, compiler.flags(dtype), _machine()]
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()[:40]


@cache
def _machine() -> list[str]:
    """Return what tells machines apart that cannot run each other's programs."""
    found = [platform.system(), platform.machine(), platform.processor(), *platform.libc_ver()]
    table = Path("/proc/cpuinfo")
    if table.exists():
        telling = ("model name", "flags", "Features", "CPU implementer", "CPU part")
        lines = table.read_text(encoding="utf-8", errors="replace").splitlines()
        found += sorted({line for line in lines if line.startswith(telling)})
    elif sys.platform == "darwin":
        found.append(_output(("/usr/sbin/sysctl",), "-n", "machdep.cpu.brand_string"))
    return found


@lru_cache
def _named(variable: str, asked: str, search: str | None) -> Compiler:
    """Return the compiler that a variable of the environment names."""
    # A path may have blanks; what else has them is a command with options.
    words = [asked] if shutil.which(asked, path=search) else shlex.split(asked)
    found = shutil.which(words[0], path=search) if words else None
    if found is None:
        raise NativeError(f"{variable} names {asked!r}, which is no program here; name a C++ compiler, or {NONE}")
    try:
        compiler = _described(found, *words[1:])
        _check_works(compiler)
    except NativeError as error:
        raise NativeError(f"{variable} names {asked!r}, which does not work: {error}") from error
    return compiler


@lru_cache
def _first(search: str | None) -> Compiler | None:
    """Return the first compiler that works."""
    check_safe()  # what is wrong with the cache is not to be blamed on the compilers that are tried
    tried = set()
    for name in _NAMES:
        found = shutil.which(name, path=search)
        if found is None or os.path.realpath(found) in tried or not _there(found):
            continue
        tried.add(os.path.realpath(found))
        compiler = _described(found)
        try:
            _check_works(compiler)
        except NativeError:
            continue
        return compiler
    if importlib.util.find_spec("ziglang") is None:
        return None
    from importlib.metadata import version

    # That it works need not be tried, which takes a minute the first time: it brings along all that it needs.
    return Compiler((sys.executable, "-m", "ziglang", "c++"), "Zig", version("ziglang"))


def _there(path: str) -> bool:
    """Return whether a program is more than Apple's stand-in, which would open a window to offer the tools."""
    stand_in = sys.platform == "darwin" and path.startswith("/usr/bin/")
    return not stand_in or bool(_output(("/usr/bin/xcode-select",), "-p"))


def _described(*command: str) -> Compiler:
    said = _output(command, "--version")
    kind: Kind = "Clang" if "clang" in said.lower() else "GCC"
    if any("zig" in Path(word).name for word in command):
        kind = "Zig"
    return Compiler(command, kind, said.partition("\n")[0])


def _check_works(compiler: Compiler) -> None:
    if _program(compiler, _PROBE, "float32").works() != 1:
        raise NativeError(f"{compiler} makes programs that go wrong")


@cache
def _output(command: tuple[str, ...], *arguments: str) -> str:
    """Return what a command prints; nothing where it fails."""
    try:
        done = subprocess.run(
            [*command, *arguments],
            env={**os.environ, "LC_ALL": "C"},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            check=True,
        )
    except (OSError, subprocess.CalledProcessError):
        return ""
    return done.stdout.decode(errors="replace").strip()
