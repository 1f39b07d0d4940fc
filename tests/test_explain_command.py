"""The command that explains a network: languages, JSON, colours, errors."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from command_line import OWN, Call, command_line
from deepen.cli import cli
from deepen.cli.explain import language, wrapped
from deepen.inspect.explain import LANGUAGES
from deepen.wording import columns


@pytest.fixture
def call(capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Call]:
    for variable in ("LC_ALL", "LC_MESSAGES", "FORCE_COLOR", "TTY_COMPATIBLE"):
        monkeypatch.delenv(variable, raising=False)
    monkeypatch.setenv("LANG", "en_US.UTF-8")
    yield from command_line(capsys, tmp_path, monkeypatch)


def test_a_network_and_a_layer(call: Call) -> None:
    code, out, err = call("explain", "lenet")
    assert (code, err) == (0, "")
    assert out.startswith("lenet\n\nThe network\n")
    assert "156 + 2,416 + 48,120 + 10,164 + 850 = 61,706" in out
    assert "(5·5·1 + 1)·6 = 156" in call("explain", "lenet", "conv1")[1]
    assert "⌊(64 + 2·2 − 5)/1⌋ + 1 = 64" in call("explain", "lenet", "conv1", "--input-shape", "1,64,64")[1]
    assert "(84 + 1)·3 = 255" in call("explain", "lenet", "dense3", "--classes", 3)[1]
    assert "12 kernels" in call("explain", "lenet", "conv1", "--width", 2)[1]


def test_chinese_by_option_and_by_locale(call: Call, monkeypatch: pytest.MonkeyPatch) -> None:
    assert "感受野" in call("explain", "lenet", "conv1", "--lang", "zh")[1]
    monkeypatch.setenv("LANG", "zh_CN.UTF-8")
    assert "感受野" in call("explain", "lenet", "conv1")[1]
    assert "Receptive field" in call("explain", "lenet", "conv1", "--lang", "en")[1]


@pytest.mark.parametrize(
    ("environment", "found"),
    [
        ({}, "en"),
        ({"LANG": "zh_TW"}, "zh"),
        ({"LANG": "zh_CN.UTF-8", "LC_ALL": "C"}, "en"),
        ({"LANG": "de_DE", "LC_MESSAGES": "zh_CN", "LC_ALL": ""}, "zh"),
    ],
)
def test_the_locale(environment: dict[str, str], found: str) -> None:
    assert language(environment) == found


def test_the_option_offers_what_there_is() -> None:
    (option,) = [option for option in cli.commands["explain"].params if option.name == "lang"]
    assert tuple(getattr(option.type, "choices")) == LANGUAGES  # noqa: B009 - the type in general has none


def test_json(call: Call) -> None:
    found = json.loads(call("explain", "lenet", "conv1", "--json", "--lang", "zh")[1])
    assert (found["title"], found["language"]) == ("lenet: conv1", "zh")
    lines = [line for section in found["sections"] for line in section["lines"]]
    assert {"label": "参数", "text": "(5·5·1 + 1)·6 = 156"} in lines


def test_colours_on_a_terminal_only(call: Call, monkeypatch: pytest.MonkeyPatch) -> None:
    assert "\x1b[" not in call("explain", "lenet", "conv1")[1]
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("COLUMNS", "120")
    out = call("explain", "lenet", "conv1")[1]
    assert "\x1b[1;36mReceptive field: 5×5 pixels" in out
    assert "z[n,f,i,j] = b[f]" in out


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("what", ["", "c3", "f6"])
def test_lines_hang_under_their_text_on_a_narrow_terminal(
    call: Call, monkeypatch: pytest.MonkeyPatch, language: str, what: str
) -> None:
    arguments = ["explain", "lenet5", *filter(None, [what]), "--lang", language]
    plain = call(*arguments)[1]
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("COLUMNS", "60")
    narrow = re.sub("\x1b\\[[0-9;]*m", "", call(*arguments)[1])
    lines = narrow.splitlines()
    assert max(map(columns, lines)) <= 60
    # What is written is the same, but for where lines break.
    assert "".join(narrow.split()) == "".join(plain.split())
    if what == "c3":
        start = lines.index(next(line for line in lines if "connections =" in line))
        assert {line[:8].strip() for line in lines[start + 1 :]} == {""}


@pytest.mark.parametrize(
    ("text", "lines"),
    [
        ("one two three", ["one two", "three"]),
        ("3·3·64 = 576 a", ["3·3·64 =", "576 a"]),
        ("两个相连的卷积核", ["两个相连", "的卷积核"]),
        ("看到四个，像素", ["看到四", "个，像素"]),
        ("共用（同一）个", ["共用（同", "一）个"]),
        ("权重3·3·64为", ["权重", "3·3·64为"]),
        ("abcdefghij", ["abcdefgh", "ij"]),
        ("", [""]),
    ],
)
def test_where_lines_break(text: str, lines: list[str]) -> None:
    assert wrapped(text, 8) == lines


def test_what_is_printed_is_what_an_explanation_says(call: Call, monkeypatch: pytest.MonkeyPatch) -> None:
    plain = call("explain", "resnet20")[1]
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("COLUMNS", "1000")
    coloured = re.sub("\x1b\\[[0-9;]*m", "", call("explain", "resnet20")[1])
    assert coloured == plain


def test_a_diagram_beside(call: Call, tmp_path: Path) -> None:
    path = tmp_path / "lenet.svg"
    out = call("explain", "lenet", "--diagram", path)[1]
    assert out.endswith(f"the diagram: {path}\n")
    assert path.read_text(encoding="utf-8").startswith("<svg")
    found = json.loads(call("explain", "lenet", "--diagram", path, "--json")[1])
    assert found["diagram"] == str(path)
    code, _, err = call("explain", "lenet", "--diagram", tmp_path / "lenet.png")
    assert code == 1
    assert "becomes an SVG file" in err


def test_what_is_not_there(call: Call) -> None:
    code, out, err = call("explain", "lenet", "conv9")
    assert (code, out) == (2, "")
    assert "unknown layer 'conv9'; did you mean 'conv2'?" in err
    assert call("explain", "lennet")[0] == 2
    assert call("explain", "lenet", "--lang", "fr")[0] == 2


def test_a_model_of_ones_own(call: Call, tmp_path: Path) -> None:
    file = tmp_path / "own_explained.py"
    file.write_text(OWN)
    code, out, _ = call("--import", file, "explain", "own")
    assert code == 0
    assert "(64 + 1)·16 = 1,040" in out
    assert "layer1: Leaky; 16" in out
