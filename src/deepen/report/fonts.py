"""Which characters the installed fonts can draw."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

DEFAULT_FONT = "DejaVu Sans"
"""The font that comes with matplotlib."""

CJK_FONTS = (
    "Noto Sans CJK SC",
    "Noto Sans CJK JP",
    "Noto Sans SC",
    "Source Han Sans SC",
    "PingFang SC",
    "PingFang HK",
    "Hiragino Sans GB",
    "Hiragino Sans",
    "Heiti SC",
    "STHeiti",
    "Microsoft YaHei",
    "SimHei",
    "Yu Gothic",
    "Malgun Gothic",
    "WenQuanYi Zen Hei",
    "WenQuanYi Micro Hei",
    "Droid Sans Fallback",
    "Arial Unicode MS",
)
"""Fonts with Chinese, Japanese and Korean characters that systems bring along, the best-looking first."""


def drawable(names: Sequence[str]) -> list[str]:
    """Return K names as they can be drawn, each whose characters no font has replaced by its number."""
    one_line = [" ".join(name.split()) for name in names]
    _, missing = cover("".join(one_line))
    return [str(i) if missing.intersection(name) else name for i, name in enumerate(one_line)]


def cover(text: str) -> tuple[list[str], set[str]]:
    """Return the font families that draw the text together, the default first, and what none of them has."""
    from matplotlib.font_manager import fontManager

    missing = set(text) - {"\n"}
    installed = {entry.name for entry in fontManager.ttflist}
    families = []
    # A CJK font is many megabytes: none is opened before the default one falls short.
    for family in (DEFAULT_FONT, *(name for name in CJK_FONTS if name in installed)):
        found = _drawn_by(family, missing)
        if found or family == DEFAULT_FONT:
            families.append(family)
        missing -= found
        if not missing:
            break
    return families, missing


def _drawn_by(family: str, characters: Iterable[str]) -> set[str]:
    from matplotlib.font_manager import FontProperties, findfont, get_font

    font = get_font(findfont(FontProperties(family=[family])))
    return {c for c in characters if font.get_char_index(ord(c))}
