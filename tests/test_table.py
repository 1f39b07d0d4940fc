"""Tables: in a terminal, as text, in a notebook."""

from __future__ import annotations

import re

import pytest

from deepen.inspect.table import Column, Table, amount

TABLE = Table(
    (
        Column("layer", "left"),
        Column("parameters"),
        Column("cost", spare=1),
        Column("sees", "left", spare=2, note="sees: what it sees"),
    ),
    (("conv1 (Conv2D)", "1,516", "0", "[red]all"), ("猫", "7", "12", "<b>")),
    title="A & B",
    notes=("total  1,523",),
    rules=frozenset({0}),
)


@pytest.fixture
def terminal(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """Lets stdout pass for a terminal that knows colours."""
    for name in ("NO_COLOR", "COLORTERM", "LINES"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("TERM", "xterm-256color")
    return monkeypatch


def test_text_is_plain_and_as_wide_as_it_has_to_be() -> None:
    assert str(TABLE).splitlines() == [
        "A & B",
        "┏━━━━━━━━━━━━━━━━┳━━━━━━━━━━━━┳━━━━━━┳━━━━━━━━━━┓",
        "┃ layer          ┃ parameters ┃ cost ┃ sees     ┃",
        "┡━━━━━━━━━━━━━━━━╇━━━━━━━━━━━━╇━━━━━━╇━━━━━━━━━━┩",
        "│ conv1 (Conv2D) │      1,516 │    0 │ [red]all │",
        "├────────────────┼────────────┼──────┼──────────┤",
        "│ 猫             │          7 │   12 │ <b>      │",
        "└────────────────┴────────────┴──────┴──────────┘",
        "total  1,523",
        "sees: what it sees",
    ]


def test_a_pipe_gets_the_text(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("FORCE_COLOR", raising=False)
    monkeypatch.setenv("COLUMNS", "20")
    TABLE.show()
    assert capsys.readouterr().out == f"{TABLE}\n"


def test_a_terminal_gets_colours(terminal: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    terminal.setenv("COLUMNS", "80")
    TABLE.show()
    out = capsys.readouterr().out
    assert "\x1b[32m" in out
    assert "left out" not in out
    terminal.setenv("NO_COLOR", "1")
    TABLE.show()
    assert "\x1b[32m" not in capsys.readouterr().out


@pytest.mark.parametrize(
    ("width", "heads", "left_out"),
    [
        (49, ["layer", "parameters", "cost", "sees"], ""),
        (48, ["layer", "parameters", "cost"], "sees"),
        (38, ["layer", "parameters", "cost"], "sees"),
        (37, ["layer", "parameters"], "cost, sees"),
        (31, ["layer", "parameters"], "cost, sees"),
        (30, ["layer"], "parameters, cost, sees"),
        (18, ["layer"], "parameters, cost, sees"),
    ],
)
def test_a_narrow_terminal_does_without_columns(
    width: int, heads: list[str], left_out: str, terminal: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    terminal.setenv("COLUMNS", str(width))
    TABLE.show()
    lines = re.sub(r"\x1b\[[0-9;]*m", "", capsys.readouterr().out).splitlines()
    assert lines[2].replace("┃", " ").split() == heads
    assert all(len(line) <= width for line in lines)
    below = " ".join(" ".join(lines[lines.index("total  1,523") + 1 :]).split())
    assert below == (f"left out, for want of room: {left_out}" if left_out else "sees: what it sees")


def test_sentences_are_broken_before_a_column_is_left_out(
    terminal: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    sentence = "top-5 on ImageNet, of seven networks and 144 crops"
    table = Table(
        (Column("name", "left"), Column("reported", "left", spare=1, wraps=28)), (("googlenet", sentence),)
    )
    terminal.setenv("NO_COLOR", "1")
    terminal.setenv("COLUMNS", "44")
    table.show()
    out = capsys.readouterr().out
    assert " ".join(out.replace("│", " ").split()).count("googlenet top-5 on ImageNet, of seven networks and") == 1
    terminal.setenv("COLUMNS", "43")
    table.show()
    assert "ImageNet" not in capsys.readouterr().out


def test_a_notebook_gets_html_in_which_everything_is_escaped() -> None:
    assert TABLE.as_html() == (
        '<table cellpadding="6"><caption>A &amp; B</caption><thead><tr>'
        '<th style="text-align: left">layer</th><th style="text-align: right">parameters</th>'
        '<th style="text-align: right">cost</th><th style="text-align: left">sees</th></tr></thead><tbody>'
        '<tr style="border-bottom: 1px solid"><td style="text-align: left">conv1 (Conv2D)</td>'
        '<td style="text-align: right">1,516</td><td style="text-align: right">0</td>'
        '<td style="text-align: left">[red]all</td></tr>'
        '<tr><td style="text-align: left">猫</td><td style="text-align: right">7</td>'
        '<td style="text-align: right">12</td><td style="text-align: left">&lt;b&gt;</td></tr>'
        "</tbody></table><div>total  1,523</div><div>sees: what it sees</div>"
    )


@pytest.mark.parametrize(
    ("count", "text"),
    [
        (0, "0 B"),
        (40, "40 B"),
        (999, "999 B"),
        (1000, "1 kB"),
        (50_176, "50.2 kB"),
        (999_499, "999 kB"),
        (999_500, "1 MB"),
        (574_670_848, "575 MB"),
        (12_345_678_901, "12.3 GB"),
        (2_000_000_000_000, "2 TB"),
    ],
)
def test_amounts(count: int, text: str) -> None:
    assert amount(count) == text
