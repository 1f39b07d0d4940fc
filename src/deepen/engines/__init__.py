"""The engines: different arithmetics for the same description, and the choice between them."""

from __future__ import annotations

import importlib.util
import re
import sys
from dataclasses import dataclass, replace
from typing import Literal

from deepen.engines.base import Engine, Setup, State
from deepen.errors import (
    DeepenError,
    MissingCompilerError,
    MissingExtraError,
    NativeError,
    UnknownNameError,
    UsageError,
)
from deepen.fields import is_whole

__all__ = [
    "ENGINES",
    "Choice",
    "Engine",
    "Purpose",
    "Setup",
    "State",
    "choose",
    "create",
    "settled",
    "torch_installed",
]

ENGINES = ("numpy", "torch", "native")
DEVICES = ("auto", "cpu", "cuda")
"""Besides, `cuda:N` is the GPU of that number."""

Purpose = Literal["predict", "train"]


@dataclass(frozen=True)
class Choice:
    """The engine and device to compute with, and why."""

    engine: str
    device: str
    reason: str
    automatic: bool = False
    """Whether nobody has asked for this engine, so that another one may take its place."""
    purpose: Purpose = "predict"
    threads: int | None = None
    """How many threads compute; None lets the engine decide."""

    def __str__(self) -> str:
        return f"{self.engine} on {self.device}"


def torch_installed() -> bool:
    """Return whether PyTorch can be imported, without importing it."""
    return importlib.util.find_spec("torch") is not None


def choose(
    engine: str = "auto", device: str = "auto", purpose: Purpose = "predict", threads: int | None = None
) -> Choice:
    """Decide on engine and device.

    Automatic is PyTorch where it is installed, else NumPy, and CUDA where there is one. For a training on a CPU it
    is the native engine, where there is a compiler.

    Args:
        engine: one of `ENGINES`, or "auto".
        device: "cpu", "cuda", "cuda:N", or "auto".
        purpose: what is to be done.
        threads: how many compute; None lets the engine decide.

    Raises:
        UnknownNameError: there is no such engine or device.
        MissingExtraError: PyTorch was asked for and is not installed.
        MissingCompilerError: the native engine was asked for and there is no compiler.
        UsageError: the engine cannot compute on such a device, or there is no such number of threads.
        DeepenError: there is no such device here, or the compiler that was named does not work.
    """
    if engine not in ("auto", *ENGINES):
        raise UnknownNameError("engine", engine, ("auto", *ENGINES))
    if device not in DEVICES and not re.fullmatch(r"cuda:\d+", device):
        raise UnknownNameError("device", device, DEVICES)
    if threads is not None and (not is_whole(threads) or threads < 1):
        raise UsageError(f"threads must be a whole number, 1 or more, got {threads!r}")
    choice = _automatic(device, purpose) if engine == "auto" else _asked_for(engine, device, purpose)
    return replace(choice, threads=threads)


def _asked_for(engine: str, device: str, purpose: Purpose) -> Choice:
    if engine == "torch":
        if not torch_installed():
            raise MissingExtraError("PyTorch", "torch")
        return Choice(engine, _torch_device(device), "asked for", purpose=purpose)
    if device not in ("auto", "cpu"):
        raise UsageError(f'the {engine} engine computes on the cpu, not on {device}; use engine="torch"')
    if engine == "native":
        from deepen.engines.native.compiler import find_compiler

        if find_compiler() is None:
            raise MissingCompilerError
    return Choice(engine, "cpu", "asked for", purpose=purpose)


def settled(choice: Choice, setup: Setup) -> Choice:
    """Return the choice, or where nobody asked for its engine and it cannot compute a setup, the next one."""
    if choice.engine != "native" or not choice.automatic:
        return choice
    from deepen.engines.native.engine import unsupported

    problem = unsupported(setup)
    if problem is None:
        return choice
    return replace(_without_compiling(choice.device, choice.purpose, problem), threads=choice.threads)


def create(setup: Setup, choice: Choice | None = None, state: State | None = None) -> Engine:
    """Make the engine that was chosen, in the given state, or else with its first weights."""
    choice = settled(choice or choose(), setup)
    if choice.engine == "torch":
        from deepen.engines.torch_engine import TorchEngine

        return TorchEngine(setup, choice.device, state, choice.threads)
    if choice.engine == "native":
        from deepen.engines.native.engine import NativeEngine

        return NativeEngine(setup, state, choice.threads)
    if choice.threads is not None:
        raise UsageError(
            f"the numpy engine takes as many threads as its libraries do, not {choice.threads}; set "
            'OMP_NUM_THREADS before Python starts, or use engine="native" or "torch"'
        )
    from deepen.engines.numpy_engine import NumpyEngine

    return NumpyEngine(setup, state)


def _automatic(device: str, purpose: Purpose) -> Choice:
    if purpose == "predict" or device.startswith("cuda") or (device == "auto" and _cuda_available()):
        return _without_compiling(device, purpose)
    from deepen.engines.native.compiler import find_compiler, unwanted

    try:
        compiler = find_compiler()
    except NativeError as error:
        return _without_compiling(device, purpose, f"no network is compiled: {error}")
    if compiler is None:
        missing = 'a C++ compiler makes training faster: install g++, or pip install "deepen[native]"'
        return _without_compiling(device, purpose, None if unwanted() else missing)
    return Choice("native", "cpu", f"{compiler} compiles the network", automatic=True, purpose=purpose)


def _without_compiling(device: str, purpose: Purpose, why: str | None = None) -> Choice:
    """Choose between PyTorch and NumPy, and say why as well that no program is compiled."""
    if torch_installed():
        engine, reasons = "torch", ["PyTorch is installed"]
        device = _torch_device(device)
    elif device not in ("auto", "cpu"):
        raise MissingExtraError("PyTorch", "torch")
    else:
        engine, reasons = "numpy", ['PyTorch is not installed; pip install "deepen[torch]" trains faster']
        device = "cpu"
    return Choice(engine, device, "; ".join([*reasons, *([why] if why else [])]), automatic=True, purpose=purpose)


def _cuda_available() -> bool:
    """Return whether PyTorch computes on a GPU here; it is not loaded, which takes seconds, if it cannot."""
    if not torch_installed() or sys.platform == "darwin":
        return False
    from importlib.metadata import distributions

    versions = [found.version for found in distributions(name="torch")]
    return not any(version.endswith("+cpu") for version in versions) and _torch_device("auto") == "cuda"


def _torch_device(device: str) -> str:
    import torch

    if device == "auto":
        return "cuda" if torch.cuda.is_available() else "cpu"
    count = torch.cuda.device_count()
    if device.startswith("cuda") and int(device.partition(":")[2] or 0) >= count:
        raise DeepenError(f'PyTorch finds {count} CUDA devices, none for {device!r}; use device="cpu"')
    return device
