"""The engines: different arithmetics for the same description, and the choice between them."""

from __future__ import annotations

import importlib.util
import re
from dataclasses import dataclass

from deepen.engines.base import Engine, Setup, State
from deepen.errors import DeepenError, MissingExtraError, UnknownNameError, UsageError

__all__ = ["ENGINES", "Choice", "Engine", "Setup", "State", "choose", "create", "torch_installed"]

ENGINES = ("numpy", "torch")
DEVICES = ("auto", "cpu", "cuda")
"""Besides, `cuda:N` is the GPU of that number."""


@dataclass(frozen=True)
class Choice:
    """The engine and device to compute with, and why."""

    engine: str
    device: str
    reason: str

    def __str__(self) -> str:
        return f"{self.engine} on {self.device}"


def torch_installed() -> bool:
    """Return whether PyTorch can be imported, without importing it."""
    return importlib.util.find_spec("torch") is not None


def choose(engine: str = "auto", device: str = "auto") -> Choice:
    """Decide on engine and device: PyTorch where it is installed, else NumPy; CUDA where there is one.

    Raises:
        UnknownNameError: there is no such engine or device.
        MissingExtraError: PyTorch was asked for and is not installed.
        UsageError: the engine cannot compute on such a device.
        DeepenError: there is no such device here.
    """
    if engine not in ("auto", *ENGINES):
        raise UnknownNameError("engine", engine, ("auto", *ENGINES))
    if device not in DEVICES and not re.fullmatch(r"cuda:\d+", device):
        raise UnknownNameError("device", device, DEVICES)
    reason = "asked for"
    if engine == "auto":
        engine, reason = _automatic(device)
    if engine == "numpy":
        if device not in ("auto", "cpu"):
            raise UsageError(f'the numpy engine computes on the cpu, not on {device}; use engine="torch"')
        return Choice(engine, "cpu", reason)
    if not torch_installed():
        raise MissingExtraError("PyTorch", "torch")
    return Choice(engine, _torch_device(device), reason)


def _automatic(device: str) -> tuple[str, str]:
    if torch_installed():
        return "torch", "PyTorch is installed"
    if device not in ("auto", "cpu"):
        raise MissingExtraError("PyTorch", "torch")
    return "numpy", 'PyTorch is not installed; pip install "deepen[torch]" trains faster'


def _torch_device(device: str) -> str:
    import torch

    if device == "auto":
        return "cuda" if torch.cuda.is_available() else "cpu"
    count = torch.cuda.device_count()
    if device.startswith("cuda") and int(device.partition(":")[2] or 0) >= count:
        raise DeepenError(f'PyTorch finds {count} CUDA devices, none for {device!r}; use device="cpu"')
    return device


def create(setup: Setup, choice: Choice | None = None, state: State | None = None) -> Engine:
    """Make the engine that was chosen, in the given state, or else with its first weights."""
    choice = choice or choose()
    if choice.engine == "torch":
        from deepen.engines.torch_engine import TorchEngine

        return TorchEngine(setup, choice.device, state)
    from deepen.engines.numpy_engine import NumpyEngine

    return NumpyEngine(setup, state)
