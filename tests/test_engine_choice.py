"""Which engine and device are taken, and what is said where they are not to be had."""

from __future__ import annotations

import sys
from types import SimpleNamespace
from typing import Any

import pytest
import torch

from deepen import Model, engines
from deepen.engines import Choice, Setup, State
from deepen.engines.native import compiler as native
from deepen.engines.numpy_engine import NumpyEngine
from deepen.errors import (
    DeepenError,
    MissingCompilerError,
    MissingExtraError,
    NativeError,
    UnknownNameError,
    UsageError,
)
from networks import INPUT_SHAPE, NETWORKS

SETUP = Setup(NETWORKS["plain"], INPUT_SHAPE)
GCC = native.Compiler(("g++",), "GCC", "g++ (Debian 12.2.0-14) 12.2.0")


class Compiled(NumpyEngine):
    name = "native"

    def __init__(self, setup: Setup, state: State | None = None, threads: int | None = None) -> None:
        super().__init__(setup, state)
        self.asked = threads


@pytest.fixture
def found(monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine without CUDA, where a compiler is found, and an engine that needs none."""
    monkeypatch.setattr(native, "find_compiler", lambda: GCC)
    monkeypatch.setattr(engines, "_cuda_available", lambda: False)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    can(monkeypatch, None)


def can(monkeypatch: pytest.MonkeyPatch, problem: str | None) -> None:
    module: Any = SimpleNamespace(NativeEngine=Compiled, unsupported=lambda setup: problem)
    monkeypatch.setitem(sys.modules, "deepen.engines.native.engine", module)


@pytest.mark.parametrize(
    ("torch_there", "asked", "expected"),
    [
        (True, ("auto", "auto"), "torch"),
        (False, ("auto", "auto"), "numpy"),
        (True, ("numpy", "auto"), "numpy"),
        (True, ("auto", "cpu"), "torch"),
        (True, ("auto", "auto", "train"), "torch"),
        (False, ("auto", "cpu", "train"), "numpy"),
    ],
)
def test_choice_of_the_engine(
    monkeypatch: pytest.MonkeyPatch, torch_there: bool, asked: tuple[Any, ...], expected: str
) -> None:
    monkeypatch.setattr(engines, "torch_installed", lambda: torch_there)
    choice = engines.choose(*asked)
    assert choice.engine == expected
    assert choice.reason
    assert engines.create(SETUP, choice).name == expected


def test_wrong_choices(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(UnknownNameError, match="did you mean 'torch'"):
        engines.choose("torhc")
    for device in ("gpu", "cpu:0", "auto:1", "cuda:x"):
        with pytest.raises(UnknownNameError, match=f"unknown device '{device}'"):
            engines.choose("torch", device)
    for engine in ("numpy", "native"):
        with pytest.raises(DeepenError, match=f"{engine} engine computes on the cpu"):
            engines.choose(engine, "cuda")
    with pytest.raises(MissingCompilerError, match=r'pip install "deepen\[native\]"'):
        engines.choose("native")
    monkeypatch.setattr(engines, "torch_installed", lambda: False)
    with pytest.raises(MissingExtraError, match=r'pip install "deepen\[torch\]"'):
        engines.choose("torch")
    for purpose in ("predict", "train"):
        with pytest.raises(MissingExtraError):
            engines.choose("auto", "cuda", purpose)


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a CUDA device")
def test_no_cuda() -> None:
    with pytest.raises(DeepenError, match='use device="cpu"'):
        engines.choose("torch", "cuda")


@pytest.mark.usefixtures("found")
def test_a_training_on_a_cpu_is_compiled() -> None:
    choice = engines.choose(purpose="train")
    assert str(choice) == "native on cpu"
    assert choice.reason == "GCC 12.2.0 compiles the network"
    assert engines.create(SETUP, choice).name == "native"
    assert engines.choose().engine == "torch"
    assert engines.choose("native").reason == "asked for"


@pytest.mark.usefixtures("found")
def test_a_gpu_is_preferred(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engines, "_cuda_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    assert str(engines.choose(purpose="train")) == "torch on cuda"
    assert str(engines.choose(device="cpu", purpose="train")) == "native on cpu"


@pytest.mark.usefixtures("found")
def test_what_cannot_be_compiled_goes_to_the_next_engine(monkeypatch: pytest.MonkeyPatch) -> None:
    can(monkeypatch, "the native engine has no rule for Leaky (leaky1)")
    automatic = engines.choose(purpose="train")
    choice = engines.settled(automatic, SETUP)
    assert choice.engine == "torch"
    assert choice.reason == "PyTorch is installed; the native engine has no rule for Leaky (leaky1)"
    assert engines.create(SETUP, automatic).name == "torch"
    asked = engines.choose("native", purpose="train")
    assert engines.settled(asked, SETUP) is asked


def test_why_no_network_is_compiled(monkeypatch: pytest.MonkeyPatch) -> None:
    assert engines.choose(purpose="train").reason == "PyTorch is installed"  # DEEPEN_CXX says none
    monkeypatch.delenv("DEEPEN_CXX")
    monkeypatch.setattr(native, "find_compiler", lambda: None)
    assert engines.choose(purpose="train").reason == (
        'PyTorch is installed; a C++ compiler makes training faster: install g++, or pip install "deepen[native]"'
    )

    def fails() -> None:
        raise NativeError("CXX names 'cl', which is no program here")

    monkeypatch.setattr(native, "find_compiler", fails)
    choice = engines.choose(purpose="train")
    assert choice.engine == "torch"
    assert choice.reason.endswith("; no network is compiled: CXX names 'cl', which is no program here")
    with pytest.raises(NativeError):
        engines.choose("native")


@pytest.mark.usefixtures("found")
def test_a_model_takes_another_engine_for_its_training() -> None:
    x, y = torch.rand(12, *INPUT_SHAPE).numpy(), torch.arange(12).numpy() % 3
    model = Model(NETWORKS["plain"], INPUT_SHAPE)
    before = model.predict(x)
    assert model.engine.name == "torch"
    model._choose_for_training()
    assert model.choice.engine == model.engine.name == "native"
    assert model.predict(x) == pytest.approx(before, abs=1e-5)
    model.fit(x, y, verbose=0)
    engine = model.engine
    model.fit(x, y, verbose=0)
    assert model.engine is engine


@pytest.mark.usefixtures("found")
def test_a_model_keeps_the_engine_that_was_asked_for() -> None:
    x, y = torch.rand(12, *INPUT_SHAPE).numpy(), torch.arange(12).numpy() % 3
    for engine in ("numpy", "torch"):
        model = Model(NETWORKS["plain"], INPUT_SHAPE)
        model.compile(engine=engine)
        model.fit(x, y, verbose=0)
        assert model.choice == Choice(engine, "cpu", "asked for", purpose="train")
        assert model.engine.name == engine
    model.compile()
    assert model.engine.name == "native"


def test_threads_are_handed_on(found: None) -> None:
    model = Model(NETWORKS["plain"], INPUT_SHAPE)
    model.compile(threads=3)
    engine = model.engine
    assert isinstance(engine, Compiled)
    assert engine.asked == 3


def test_threads_that_cannot_be(found: None) -> None:
    with pytest.raises(UsageError, match="threads must be a whole number, 1 or more, got 0"):
        engines.choose(threads=0)
    with pytest.raises(UsageError, match="not 2; set OMP_NUM_THREADS"):
        engines.create(SETUP, engines.choose("numpy", threads=2))
