"""The engines: different arithmetics for the same description, and the choice between them."""

from __future__ import annotations

import importlib.util
from dataclasses import dataclass

from deepen.engines.base import Engine, Setup, State
from deepen.errors import DeepenError, MissingExtraError, UnknownNameError

__all__ = ["ENGINES", "Choice", "Engine", "Setup", "State", "choose", "create", "torch_installed"]

ENGINES = ("numpy", "torch")
DEVICES = ("auto", "cpu", "cuda")


@dataclass(frozen=True)
class Choice:
    """The engine and device to compute with, and why."""

    engine: str
    device: str
    reason: str


def torch_installed() -> bool:
    """Return whether PyTorch can be imported, without importing it."""
    return importlib.util.find_spec("torch") is not None


def choose(engine: str = "auto", device: str = "auto") -> Choice:
    """Decide on engine and device: PyTorch where it is installed, else NumPy; CUDA where there is one.

    Raises:
        UnknownNameError: there is no such engine or device.
        MissingExtraError: PyTorch was asked for and is not installed.
        DeepenError: the engine cannot compute on the device.
    """
    if engine not in ("auto", *ENGINES):
        raise UnknownNameError("engine", engine, ("auto", *ENGINES))
    if device.split(":")[0] not in DEVICES:
        raise UnknownNameError("device", device, DEVICES)
    reason = "asked for"
    if engine == "auto":
        engine, reason = _automatic(device)
    if engine == "numpy":
        if device not in ("auto", "cpu"):
            raise DeepenError(f'the numpy engine computes on the cpu, not on {device}; use engine="torch"')
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
    if device.startswith("cuda") and not torch.cuda.is_available():
        raise DeepenError(f'PyTorch finds no CUDA device for {device!r}; use device="cpu"')
    return device


def create(setup: Setup, choice: Choice | None = None) -> Engine:
    """Make the engine that was chosen, with its first weights."""
    choice = choice or choose()
    if choice.engine == "torch":
        from deepen.engines.torch_engine import TorchEngine

        return TorchEngine(setup, choice.device)
    from deepen.engines.numpy_engine import NumpyEngine

    return NumpyEngine(setup)
