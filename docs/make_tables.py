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
MEASURED = ROOT / "benchmarks" / "results"
RESULTS = MEASURED / "zoo_accuracy.json"
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


def speed() -> str:
    """Return how many images a second the contenders train on and classify, below their picture."""
    share = "the native engine's share of the processor's peak"
    return _speed("training", "inference", share, "Images per second")


def speed_in_chinese() -> str:
    """Return the same under Chinese heads."""
    return _speed("训练", "推理", "native 引擎占处理器峰值的比例", "每秒图像数")


def _speed(training: str, inference: str, share: str, title: str) -> str:
    found = measured("speed")
    parts = [f"![{title}](docs/images/speed.svg)"]
    for head, kind in ((training, "training"), (inference, "inference")):
        each = found[kind]
        names = dict.fromkeys(name for one in each.values() for name in one["images_per_second"])
        rows = [[name, *(_speed_cell(one, name) for one in each.values())] for name in names]
        if kind == "training":
            rows.append([share, *(f"{one['share_of_peak']['median']:.0%}" for one in each.values())])
        parts.append(_rows([head, *(f"`{network}`" for network in each)], rows))
    return "\n\n".join(parts)


def _speed_cell(one: dict[str, Any], name: str) -> str:
    if name not in one["images_per_second"]:
        return "–"
    rate, times = f"{one['images_per_second'][name]['median']:,.0f}", one["native_is_times"].get(name)
    return f"{rate} ({times['ratio']:.1f}×)" if times else rate


def time_to_accuracy() -> str:
    """Return how many seconds the contenders train until an accuracy, below their picture."""
    return _time_to_accuracy("seconds to", "extrapolated", "not by all", "Errors over the seconds of training")


def time_to_accuracy_in_chinese() -> str:
    """Return the same under Chinese heads."""
    return _time_to_accuracy("秒数", "推算", "并非都达到", "训练秒数与错误率")


def _time_to_accuracy(head: str, extrapolated: str, never: str, title: str) -> str:
    contenders = measured("time_to_accuracy")["contenders"]
    goals = list(next(iter(contenders.values()))["median_seconds"])
    rows = []
    for name, each in contenders.items():
        label = f"{name} ({extrapolated})" if each.get("extrapolated") else name
        seconds = (each["median_seconds"][goal] for goal in goals)
        rows.append([label, *(never if time is None else f"{time:,.0f}" for time in seconds)])
    return f"![{title}](docs/images/time_to_accuracy.svg)\n\n{_rows([head, *goals], rows)}"


def growth() -> str:
    """Return the picture of how speed and memory grow."""
    return "![Speed and memory by batch, threads, side, depth and images](docs/images/growth.svg)"


def growth_in_chinese() -> str:
    """Return the same with a Chinese text."""
    return "![随批大小、线程数、边长、深度和图像数变化的速度与内存](docs/images/growth.svg)"


def _rows(head: list[str], rows: list[list[str]]) -> str:
    lines = [head, ["---", *["---:"] * (len(head) - 1)], *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def measured(name: str) -> dict[str, Any]:
    """Return what a measurement in the repository has found."""
    found: dict[str, Any] = json.loads((MEASURED / f"{name}.json").read_text(encoding="utf-8"))
    return found


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
    "speed": speed,
    "speed-zh": speed_in_chinese,
    "accuracy-time": time_to_accuracy,
    "accuracy-time-zh": time_to_accuracy_in_chinese,
    "growth": growth,
    "growth-zh": growth_in_chinese,
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
