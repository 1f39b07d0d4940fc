"""The tables of networks in the documentation are those that the code and the measurements give."""

from __future__ import annotations

import importlib
import importlib.util
import re
from pathlib import Path
from typing import Any

import pytest

from deepen import models
from deepen.inspect.catalogue import catalogue

ROOT = Path(__file__).parents[1]
TEXT = (ROOT / "docs" / "architectures.md").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def tables() -> Any:
    spec = importlib.util.spec_from_file_location("make_tables", ROOT / "docs" / "make_tables.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_tables_are_up_to_date(tables: Any) -> None:
    for page in tables.PAGES:
        text = page.read_text(encoding="utf-8")
        assert "<!-- trained" in text
        assert tables.filled(text) == text, f"{page.name}: run python docs/make_tables.py"


def test_pictures_are_up_to_date(tables: Any) -> None:
    for path, picture in tables.pictures().items():
        assert path.read_text(encoding="utf-8") == picture, f"{path.name}: run python docs/make_tables.py"
        assert f"images/{path.name}" in TEXT


def test_every_architecture_has_its_words() -> None:
    prose = re.sub(r"<!-- ([\w-]+) -->.*?<!-- /\1 -->", "", TEXT, flags=re.DOTALL)
    missing = {name for name in models.names() if f"`{name}`" not in prose}
    assert missing == set()


def small_networks() -> set[str]:
    return {entry.name for entry, found in catalogue() if found.multiply_adds < 100e6}


def test_every_small_network_was_trained(tables: Any) -> None:
    assert set(re.findall(r"^\| `(\w+)`", tables.trained(), re.MULTILINE)) == small_networks()


def test_the_benchmark_has_a_plan_for_every_small_network(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(ROOT / "benchmarks")
    zoo = importlib.import_module("zoo_accuracy")
    planned = [model for plan in zoo.PLANS for model in plan.models]
    assert sorted(planned) == sorted(small_networks())
