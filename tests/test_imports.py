"""Imports go one way, and what is heavy is loaded only where it is used."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import deepen

ROOT = Path(deepen.__file__).parent
FILES = sorted(ROOT.rglob("*.py"))

# Each room may use itself and those before it.
ROOMS = [
    [
        "errors",
        "arrays",
        "textbook",
        "paths",
        "context",
        "description",
        "text_form",
        "fields",
        "randomness",
        "inputs",
        "lettering",
        "files",
        "folders",
        "pretrained",
        "wording",
    ],
    ["spec"],
    ["initializers", "regularizers", "constraints", "groups"],
    ["layers", "losses", "optimizers", "schedules", "metrics", "calibration", "data"],
    ["engines", "models", "config", "inspect"],
    ["training", "report", "environment", "model_file", "model_content", "transfer", "exchange"],
    ["network"],
    ["weighted"],
    ["model"],
    ["runs", "keras", "preparation", "ensemble", "ensemble_config"],
    ["outcome"],
    ["run_report"],
    ["job"],
    ["ensemble_job"],
    ["cli"],
    ["__main__"],
]
LEVEL = {room: level for level, rooms in enumerate(ROOMS) for room in rooms}


def room_of(path: Path) -> str:
    return path.relative_to(ROOT).parts[0].removesuffix(".py")


def imports(path: Path, *, at_once_only: bool = False) -> set[str]:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    places = tree.body if at_once_only else list(ast.walk(tree))
    found: set[str] = set()
    for node in places:
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found |= {node.module} | {f"{node.module}.{alias.name}" for alias in node.names}
    return found


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_imports_go_one_way(path: Path) -> None:
    room = room_of(path)
    if room == "__init__":
        return
    used = {name.split(".")[1] for name in imports(path) if name.startswith("deepen.")} - {"__version__"}
    for other in used:
        assert other in LEVEL, f"{path.name} imports deepen.{other}, which no room is named"
        assert other == room or LEVEL[other] <= LEVEL[room], f"{room} imports {other}, which comes after it"


def test_every_room_is_in_the_plan() -> None:
    assert {room_of(path) for path in FILES} - {"__init__"} == set(LEVEL)


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_torch_is_imported_by_its_engine_alone(path: Path) -> None:
    if any(name.split(".")[0] == "torch" for name in imports(path, at_once_only=True)):
        assert path.parent.name == "engines"
        assert path.name.startswith("torch_")


@pytest.mark.parametrize("layers", ["models", "data", "layers"])
def test_descriptions_and_data_need_no_engine(layers: str) -> None:
    code = f"import sys, deepen.{layers}; print([m for m in sys.modules if m.startswith('deepen.engines')])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


@pytest.mark.parametrize("code", ["import deepen", "import deepen.cli", "import deepen; deepen.layers"])
def test_nothing_heavy_is_loaded_before_its_time(code: str) -> None:
    heavy = "{'torch', 'matplotlib', 'rich', 'PIL'}"
    more = "" if "layers" in code else " | {'numpy'}"
    probe = f"{code}\nimport sys; print(sorted(({heavy}{more}) & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", probe], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_public_names_exist_and_are_those_that_types_see() -> None:
    for name in deepen.__all__:
        assert getattr(deepen, name) is not None
    tree = ast.parse((ROOT / "__init__.py").read_text(encoding="utf-8"))
    seen = {
        alias.name
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("deepen")
        for alias in node.names
    }
    assert seen == set(deepen.__all__)
    with pytest.raises(AttributeError, match="no attribute 'Modle'"):
        _ = deepen.Modle


def test_files_stay_small() -> None:
    assert {
        path.name: n for path in FILES if (n := len(path.read_text(encoding="utf-8").splitlines())) > 350
    } == {}
