"""Write what the documentation shows of networks: tables from counts and measurements, and diagrams.

    python docs/make_tables.py

A table stands between two comments, `<!-- NAME -->` and `<!-- /NAME -->`; what is between them is replaced.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from decimal import ROUND_HALF_UP, Decimal
from pathlib import Path
from typing import Any

from deepen import models
from deepen.inspect.catalogue import catalogue
from deepen.inspect.diagram import diagram
from deepen.inspect.summary import summarize
from deepen.inspect.table import joined

ROOT = Path(__file__).parents[1]
RESULTS = ROOT / "benchmarks" / "results" / "zoo_accuracy.json"
DRAWN = ("lenet5", "alexnet", "vgg16", "googlenet", "resnet18", "densenet121")
PAGES = [ROOT / "docs" / "architectures.md", ROOT / "README.md", ROOT / "README.zh-CN.md"]


def all_models() -> str:
    """Return all models: the images they are for, what they cost, and what their papers report."""
    rows = [
        f"| `{entry.name}` | {entry.title} | {entry.year} | {joined(entry.input_shape)} | {entry.classes:,} "
        f"| {found.parameters:,} | {millions(found.multiply_adds)} | {entry.reported or '–'} |"
        for entry, found in catalogue()
    ]
    head = "| name | network | year | input | classes | parameters | multiply-adds | its paper reports |"
    return "\n".join([head, "| --- | --- | ---: | --- | ---: | ---: | ---: | --- |", *rows])


def trained() -> str:
    """Return what short trainings of the small networks have reached."""
    return _trained("| name | multiply-adds | data | epochs | seeds | test accuracy | its paper reports |")


def trained_in_chinese() -> str:
    """Return the same under a Chinese head."""
    return _trained("| 名称 | 乘加次数 | 数据 | epoch 数 | 种子数 | 测试准确率 | 论文报告 |")


def _trained(head: str) -> str:
    rows = [_trained_row(row) for row in json.loads(RESULTS.read_text(encoding="utf-8"))["rows"]]
    return "\n".join([head, "| --- | ---: | --- | ---: | ---: | ---: | --- |", *rows])


def _trained_row(row: dict[str, Any]) -> str:
    entry = models.entry(row["model"])
    found = summarize(models.build(entry.name), entry.input_shape)
    deviation = "" if row["deviation"] is None else f" ± {percent(row['deviation'])}"
    return (
        f"| `{entry.name}` | {millions(found.multiply_adds)} | {row['data']} | {row['epochs']} "
        f"| {len(row['seeds'])} | {percent(row['mean'])}{deviation} | {entry.reported or '–'} |"
    )


def percent(share: float) -> str:
    """Write a share with two decimals, halves rounded up: the mean of two seeds often ends in one."""
    exact = Decimal(str(round(100 * share, 6)))
    return f"{exact.quantize(Decimal('0.01'), ROUND_HALF_UP)}%"


def commands() -> str:
    """Return how each row of the trained networks was made."""
    rows = json.loads(RESULTS.read_text(encoding="utf-8"))["rows"]
    return "\n".join(["```text", *(row["command"] for row in rows), "```"])


def millions(count: int) -> str:
    """Write a number of multiply-adds in millions, with three digits."""
    value = count / 1e6
    return f"{value:,.0f} M" if value >= 100 else f"{value:.3g} M"


TABLES: dict[str, Callable[[], str]] = {
    "models": all_models,
    "trained": trained,
    "trained-zh": trained_in_chinese,
    "commands": commands,
}


def filled(text: str) -> str:
    """Return a page with its tables made anew."""
    for name, table in TABLES.items():
        start, end = f"<!-- {name} -->\n", f"<!-- /{name} -->"
        if start in text:
            before, _, rest = text.partition(start)
            text = f"{before}{start}{table()}\n{end}{rest.partition(end)[2]}"
    return text


def pictures() -> dict[Path, str]:
    """Return the diagrams, by the file that each stands in."""
    return {
        ROOT / "docs" / "images" / f"{name}.svg": diagram(models.build(name), models.entry(name).input_shape, name)
        for name in DRAWN
    }


if __name__ == "__main__":
    for path, picture in pictures().items():
        path.write_text(picture, encoding="utf-8")
    for page in PAGES:
        page.write_text(filled(page.read_text(encoding="utf-8")), encoding="utf-8")
