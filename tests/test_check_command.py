"""`deepen check`: its table, its exit code, and what it says of a layer that cannot be run."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from command_line import OWN, Call
from deepen.cli import checks
from deepen.inspect import check as check_module
from deepen.inspect.check import CheckResult
from deepen.paths import Shape
from deepen.spec import Layer


@pytest.mark.parametrize("model", ["lenet", "keras_mnist", "deepconvnet"])
def test_the_models_are_right(call: Call, model: str) -> None:
    code, out, _ = call("check", model)
    lines = out.splitlines()
    assert code == 0
    assert lines[0].startswith("layer (type)")
    assert lines[1].startswith("conv1 (Conv2D)")
    assert all(line.endswith("agrees") for line in lines[1:-2])
    count = len(lines) - 3
    assert lines[-1] == f"{count} of {count} layers agree with PyTorch and finite differences"


def test_the_three_ways_to_a_number_stand_side_by_side(call: Call) -> None:
    _, out, _ = call("check", "lenet")
    head, *rows = [re.split(" {2,}", line) for line in out.split("\n\n")[0].splitlines()]
    assert head[1:5] == ["furthest off", "NumPy", "PyTorch", "finite differences"]
    for row in rows:
        numbers = [float(cell) for cell in row[2:5]]
        assert numbers == pytest.approx([numbers[0]] * 3, rel=1e-4)
    assert max(map(len, out.splitlines())) < 140


def test_check_as_json(call: Call) -> None:
    code, out, _ = call("check", "lenet", "--input-shape", "3,28,28", "--classes", "4", "--json")
    found = json.loads(out)
    assert code == 0
    assert (found["model"], found["passed"]) == ("lenet", True)
    first, last = found["layers"][0], found["layers"][-1]
    assert (first["path"], first["type"], first["input_shape"]) == ("conv1", "Conv2D", [3, 28, 28])
    assert {row["array"] for row in last["rows"]} == {"y", "dx", "kernel", "bias"}
    assert all(row["passed"] for row in last["rows"])


def test_a_wrong_layer_is_an_exit_code_and_a_table(call: Call, own: Path) -> None:
    wrong = OWN.replace("dy * dy.dtype.type(self.slope)", "dy").replace('"own"', '"wrong"')
    own.write_text(wrong, encoding="utf-8")
    code, out, _ = call("--import", own, "check", "wrong")
    assert code == 1
    (row,) = [line for line in out.splitlines() if line.startswith("layer1 (Leaky)")]
    assert row.endswith("DISAGREES")
    assert "\nlayer1:\nLeaky: input (N, 16)\n" in out
    assert out.endswith("\n3 of 4 layers agree with PyTorch and finite differences\n")
    code, out, _ = call("--import", own, "check", "wrong", "--json")
    found: dict[str, Any] = json.loads(out)
    assert (code, found["passed"]) == (1, False)
    assert [layer["path"] for layer in found["layers"] if not layer["passed"]] == ["layer1"]


BLOCKS = """
import deepen
from deepen.layers import Conv2D, Dense, Flatten, Parallel, ReLU, Residual, Sequential, SideOutput


class Halved(Residual):
    def backward(self, dy, params, cache):
        dx, gradients = super().backward(dy, params, cache)
        return dx / 2, gradients


class Named(Sequential):
    pass


@deepen.models.model("blocks", title="Of blocks", year=2026, input_shape=(1, 5, 5))
def blocks(classes=10):
    def block(kind):
        return kind(Sequential([Conv2D(2, 3, padding=1), ReLU()]))

    return Sequential(
        [
            Parallel([Sequential([Conv2D(1, 1)]), Conv2D(1, 3, padding=1)]),
            block(Residual),
            block(Residual),
            block(Halved),
            SideOutput(Sequential([Flatten(), Dense(classes)])),
            Named([Flatten(), Dense(classes)]),
        ]
    )
"""


def test_blocks_are_checked_after_what_is_in_them(
    call: Call, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    checked: list[tuple[str, int]] = []
    plain = check_module.check

    def counted(layer: Layer, input_shape: Shape, *, entries: int) -> CheckResult:
        checked.append((type(layer).__name__, entries))
        return plain(layer, input_shape, entries=entries)

    monkeypatch.setattr(check_module, "check", counted)
    (tmp_path / "blocks.py").write_text(BLOCKS, encoding="utf-8")
    code, out, _ = call("--import", tmp_path / "blocks.py", "check", "blocks")
    rows = [line.split("  ")[0] for line in out.split("\n\n")[0].splitlines()]
    assert rows[1:] == [
        "parallel1.branch1.conv1 (Conv2D)",
        "parallel1.branch2 (Conv2D)",
        "parallel1 (Parallel)",
        "residual1.conv1 (Conv2D)",
        "residual1.relu1 (ReLU)",
        "residual1 (Residual)",
        "residual2.conv1 (Conv2D)",
        "residual2.relu1 (ReLU)",
        "residual2 (Residual)",
        "residual3.conv1 (Conv2D)",
        "residual3.relu1 (ReLU)",
        "residual3 (Halved)",
        "side1.head.flatten1 (Flatten)",
        "side1.head.dense1 (Dense)",
        "side1 (SideOutput)",
        "block1.flatten1 (Flatten)",
        "block1.dense1 (Dense)",
        "block1 (Named)",
    ]
    assert code == 1
    assert out.endswith("\n17 of 18 layers agree with PyTorch and finite differences\n")
    assert "\nresidual3:\nHalved: input (N, 2, 5, 5)\n" in out
    assert [name for name, entries in checked if entries == checks.ENTRIES_OF_BLOCKS] == [
        "Parallel", "Residual", "Halved", "SideOutput", "Named",
    ]  # fmt: skip


def test_a_network_of_one_layer_goes_by_its_model_s_name(call: Call, own: Path) -> None:
    own.write_text(OWN[: OWN.index("    return Sequential")] + "    return Leaky()\n", encoding="utf-8")
    code, out, _ = call("--import", own, "check", "own")
    assert (code, out.splitlines()[1].startswith("own (Leaky)")) == (0, True)


def test_a_layer_that_raises_is_one_line(call: Call, own: Path) -> None:
    own.write_text(OWN.replace("np.where(cache", "np.where(cash"), encoding="utf-8")
    code, out, err = call("--import", own, "check", "own")
    assert (code, out) == (1, "")
    line = 1 + OWN[: OWN.index("np.where(cache")].count("\n")
    raised = "Leaky.backward raised NameError: name 'cash' is not defined"
    assert err == f"deepen: layer1 cannot be checked: {own}, line {line}: {raised}\n"


def test_a_layer_that_returns_something_else_is_one_line(call: Call, own: Path) -> None:
    own.write_text(OWN.replace("self.slope)), {}", "self.slope))"), encoding="utf-8")
    code, out, err = call("--import", own, "check", "own")
    assert (code, out) == (1, "")
    line = 1 + OWN[: OWN.index("def backward")].count("\n")
    says = "Leaky.backward must return (dx, {parameter: gradient}), got an array of shape (3, 16)"
    assert err == f"deepen: layer1 cannot be checked: {own}, line {line}: {says}\n"
