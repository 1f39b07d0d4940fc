"""Which picture files a folder holds, by part and class, from their names alone.

Either `folder/<class>/…`, or `folder/train/<class>/…` (or `training/`) with `val/` (or `valid/`, `validation/`)
and `test/` (or `testing/`) beside it, in any letter case. Folders below a class belong to the class, links to
folders do not: they may lead in a circle. Hidden files and those that systems leave behind are passed over;
everything else that is left out is counted and said.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from deepen.errors import DataError
from deepen.wording import counted, listed, printable

PARTS = ("training", "validation", "test")
SUFFIXES = (".bmp", ".gif", ".jpeg", ".jpg", ".png", ".webp")

_PART_NAMES = {
    "train": "training",
    "training": "training",
    "val": "validation",
    "valid": "validation",
    "validation": "validation",
    "test": "test",
    "testing": "test",
}
_FOLDER_LINK = "link to a folder"
_SYSTEM_NAMES = ("__macosx", "desktop.ini", "thumbs.db")


class File(NamedTuple):
    """A picture file, the part it belongs to, and its class by number."""

    path: Path
    part: str
    label: int


@dataclass(frozen=True)
class Listing:
    """The classes, sorted; the files by part, then class, then path; and what was left out."""

    classes: tuple[str, ...]
    files: list[File]
    has_test: bool
    remarks: tuple[str, ...]


def scan(root: Path) -> Listing:
    """Return the picture files of a folder.

    Raises:
        DataError: the folder is not laid out by classes, has fewer than two, or one without training pictures;
            or a folder cannot be read.
    """
    folders = _part_folders(root)
    others: Counter[str] = Counter()
    loose = {folder: _pictures(_files_in(folder), others) for folder in {root, *folders.values()}}
    parts = {
        part: {each.name: _pictures(_files_below(each), others) for each in _subfolders(folder)}
        for part, folder in folders.items()
    }
    training = folders["training"]
    _check_training(training, parts["training"], loose[training], others)
    for part, folder in folders.items():
        for name in parts[part]:
            if name not in parts["training"]:
                raise DataError(
                    f"{printable(str(folder / name))} is a class that {training} lacks; rename the folder, "
                    f"or add such pictures there, which has {listed(sorted(parts['training']))}"
                )
    classes = tuple(sorted(parts["training"]))
    files = [
        File(path, part, label)
        for part, found in parts.items()
        for label, name in enumerate(classes)
        for path in found.get(name, ())
    ]
    remarks = [*_layout_remarks(root, folders, parts), *_left_out(loose, others)]
    return Listing(classes, files, "test" in folders, tuple(remarks))


def pictures_in(folder: Path) -> list[Path]:
    """Return the visible picture files directly in a folder, sorted.

    Raises:
        DataError: the folder cannot be read.
    """
    return _pictures(_files_in(folder), Counter())


def _part_folders(root: Path) -> dict[str, Path]:
    """Return where the classes of each part lie: in the folder itself, unless it has folders of parts."""
    found: dict[str, Path] = {}
    for folder in _subfolders(root):
        part = _PART_NAMES.get(folder.name.lower())
        if part in found:
            raise DataError(
                f"{root} has two folders for the {part} part, {found[part].name} and {folder.name}; "
                "move all of their pictures into one"
            )
        if part:
            found[part] = folder
    if found and "training" not in found:
        name = next(iter(found.values())).name
        raise DataError(
            f"{root} has a folder {name}, but none called train; move the folders of the classes to "
            f"{root / 'train'}, or rename {name} if it is a class"
        )
    return {part: found[part] for part in PARTS if part in found} or {"training": root}


def _check_training(folder: Path, classes: dict[str, list[Path]], loose: list[Path], others: Counter[str]) -> None:
    layout = f"give every class a folder of its own, such as {folder / 'cats'} and {folder / 'dogs'}"
    if not classes:
        problem = f"{counted(len(loose), 'picture')} but no folders of classes" if loose else "no pictures"
        raise DataError(f"{folder} holds {problem}; {layout}" + _of_other_kinds(others))
    for name in classes:
        if name != printable(name):
            raise DataError(
                f"the name of the folder {printable(str(folder / name))} is not UTF-8, as happens to archives "
                "that come from another system; rename the folder"
            )
    if empty := [name for name, files in classes.items() if not files]:
        inside: Counter[str] = Counter()
        for name in empty:
            _pictures(_files_below(folder / name), inside)
        which = f"folder {folder / empty[0]} holds" if len(empty) == 1 else f"folders {listed(empty)} hold"
        it = "it" if len(empty) == 1 else "them"
        raise DataError(f"the class {which} no pictures; add some, or remove {it}{_of_other_kinds(inside)}")
    if len(classes) == 1:
        (name,) = classes
        inner = [each.name for each in _subfolders(folder / name)]
        cure = f"if {listed(inner)} are the classes, give {folder / name}" if len(inner) > 1 else layout
        raise DataError(f"{folder} has the class {name!r} only, but there must be at least two; {cure}")


def _layout_remarks(
    root: Path, folders: dict[str, Path], parts: dict[str, dict[str, list[Path]]]
) -> Iterator[str]:
    nested = []
    for part, folder in folders.items():
        nested += [name for name, files in parts[part].items() if any(f.parent != folder / name for f in files)]
        if empty := [name for name in sorted(parts["training"]) if not parts[part].get(name)]:
            yield f"{folder} holds no pictures of {listed(empty)}"
    if nested:
        yield f"pictures in folders below a class were taken as pictures of it: {listed(sorted(set(nested)))}"
    beside = [each.name for each in _subfolders(root) if each not in folders.values()]
    if root not in folders.values() and beside:
        yield f"left out: folders beside {folders['training']}: {printable(listed(beside))}"


def _left_out(loose: dict[Path, list[Path]], others: Counter[str]) -> Iterator[str]:
    for folder, files in sorted(loose.items()):
        if files:
            yield f"left out: {counted(len(files), 'picture')} directly in {folder}, in no folder of a class"
    if others:
        yield f"left out: files of other kinds{_of_other_kinds(others)}"


def _of_other_kinds(others: Counter[str]) -> str:
    """Return which other files there are, as the end of a sentence; nothing if there are none."""
    if not others:
        return ""
    counts = listed([f"{count:,} × {suffix}" for suffix, count in sorted(others.items())])
    links = "; links to folders are not followed" if others[_FOLDER_LINK] else ""
    return f" (found: {counts}; read are {', '.join(SUFFIXES)}; save others as JPEG or PNG{links})"


def _pictures(paths: Iterable[Path], others: Counter[str]) -> list[Path]:
    """Return the picture files among what is visible, sorted, and count all else by its kind or ending."""
    found = []
    for path in paths:
        if not _visible(path.name):
            continue
        if not os.path.isfile(path) and os.path.exists(path):
            # To open a pipe would wait for ever. A broken link goes on as a file, which cannot be read.
            others[_FOLDER_LINK if os.path.isdir(path) else "pipe, socket or device"] += 1
        elif path.suffix.lower() in SUFFIXES:
            found.append(path)
        else:
            others[printable(path.suffix.lower()) or "without an ending"] += 1
    return sorted(found, key=Path.as_posix)


def _files_in(folder: Path) -> Iterator[Path]:
    return (path for path in _entries(folder) if not os.path.isdir(path))


def _files_below(folder: Path) -> Iterator[Path]:
    for where, folders, names in os.walk(folder, onerror=_refuse):
        folders[:] = filter(_visible, folders)
        yield from (Path(where, name) for name in names)
        yield from (path for path in (Path(where, name) for name in folders) if path.is_symlink())


def _subfolders(folder: Path) -> list[Path]:
    return [path for path in _entries(folder) if os.path.isdir(path) and _visible(path.name)]


def _entries(folder: Path) -> list[Path]:
    try:
        return sorted(folder.iterdir())
    except OSError as error:
        raise _unreadable(error) from error


def _refuse(error: OSError) -> None:
    raise _unreadable(error) from error


def _unreadable(error: OSError) -> DataError:
    return DataError(f"the folder {error.filename} cannot be read: {error.strerror}; check its permissions")


def _visible(name: str) -> bool:
    return not name.startswith(".") and name.lower() not in _SYSTEM_NAMES
