"""Which engine and device are taken, and what is said where they are not to be had."""

from __future__ import annotations

import pytest
import torch

from deepen import engines
from deepen.engines import Setup
from deepen.errors import DeepenError, MissingExtraError, UnknownNameError
from networks import INPUT_SHAPE, NETWORKS


@pytest.mark.parametrize(
    ("torch_there", "asked", "expected"),
    [
        (True, ("auto", "auto"), "torch"),
        (False, ("auto", "auto"), "numpy"),
        (True, ("numpy", "auto"), "numpy"),
        (True, ("auto", "cpu"), "torch"),
    ],
)
def test_choice_of_the_engine(
    monkeypatch: pytest.MonkeyPatch, torch_there: bool, asked: tuple[str, str], expected: str
) -> None:
    monkeypatch.setattr(engines, "torch_installed", lambda: torch_there)
    choice = engines.choose(*asked)
    assert choice.engine == expected
    assert choice.reason
    assert engines.create(Setup(NETWORKS["plain"], INPUT_SHAPE), choice).name == expected


def test_wrong_choices(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(UnknownNameError, match="did you mean 'torch'"):
        engines.choose("torhc")
    for device in ("gpu", "cpu:0", "auto:1", "cuda:x"):
        with pytest.raises(UnknownNameError, match=f"unknown device '{device}'"):
            engines.choose("torch", device)
    with pytest.raises(DeepenError, match="numpy engine computes on the cpu"):
        engines.choose("numpy", "cuda")
    monkeypatch.setattr(engines, "torch_installed", lambda: False)
    with pytest.raises(MissingExtraError, match=r'pip install "deepen\[torch\]"'):
        engines.choose("torch")
    with pytest.raises(MissingExtraError):
        engines.choose("auto", "cuda")


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a CUDA device")
def test_no_cuda() -> None:
    with pytest.raises(DeepenError, match='use device="cpu"'):
        engines.choose("torch", "cuda")
