"""The tables of networks in the documentation are those that the code and the measurements give."""

from __future__ import annotations

import importlib.util
import re
from pathlib import Path
from typing import Any

import pytest

from deepen import models
from deepen.inspect.summary import summarize

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
        assert "<!-- trained -->" in text
        assert tables.filled(text) == text, f"{page.name}: run python docs/make_tables.py"


def test_pictures_are_up_to_date(tables: Any) -> None:
    for path, picture in tables.pictures().items():
        assert path.read_text(encoding="utf-8") == picture, f"{path.name}: run python docs/make_tables.py"
        assert f"images/{path.name}" in TEXT


def test_every_architecture_has_its_words() -> None:
    prose = re.sub(r"<!-- (\w+) -->.*?<!-- /\1 -->", "", TEXT, flags=re.DOTALL)
    missing = {name for name in models.names() if f"`{name}`" not in prose}
    assert missing == set()


def test_every_small_network_was_trained(tables: Any) -> None:
    small = {
        name
        for name in models.names()
        if summarize(models.build(name), models.entry(name).input_shape).multiply_adds < 100e6
    }
    assert set(re.findall(r"^\| `(\w+)`", tables.trained(), re.MULTILINE)) == small
