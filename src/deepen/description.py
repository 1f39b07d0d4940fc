"""Objects that are plain data: frozen dataclasses that travel through JSON by a closed registry of names."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from deepen import text_form
from deepen.errors import DeepenError, FileFormatError, UnknownNameError, UsageError

_registry: dict[str, type[Described]] = {}

DescribedClass = TypeVar("DescribedClass", bound="type[Described]")
DescribedT = TypeVar("DescribedT", bound="Described")


class Described:
    """Base of everything that a model file can name: layers, initializers, losses, optimizers, schedules.

    A subclass is a frozen dataclass whose fields are numbers, strings, None, tuples of these, or other
    described objects. It may check and normalize them in `__post_init__` with `set_field`.
    """

    def set_field(self, name: str, value: object) -> None:
        """Replace a field while the frozen object is being made (in `__post_init__` only)."""
        object.__setattr__(self, name, value)


def register(cls: DescribedClass) -> DescribedClass:
    """Let files name this class; use it as a decorator above `@dataclass(frozen=True)`.

    Raises:
        DeepenError: the class is no frozen dataclass itself, whatever its base is, or another class has its name.
    """
    if not isinstance(cls, type):
        raise DeepenError(f"@deepen.register stands above a class, got {cls!r:.80}")
    own = cls.__dict__.get("__dataclass_params__")  # an attribute would be inherited; new fields would be lost
    if own is None or not own.frozen:
        raise DeepenError(
            f"{cls.__name__} is no frozen dataclass itself; write @dataclass(frozen=True) between the line "
            f"@deepen.register and the line class {cls.__name__}"
        )
    known = _registry.get(cls.__name__)
    # A notebook cell that is run again defines its class anew: the same place in the code may replace itself.
    if known is not None and (known.__module__, known.__qualname__) != (cls.__module__, cls.__qualname__):
        raise DeepenError(f"the name {cls.__name__} is taken by {known.__module__}; choose another")
    _registry[cls.__name__] = cls
    return cls


def by_name(
    what: str, kind: type[DescribedT], table: Mapping[str, Callable[[], DescribedT]], given: object
) -> DescribedT:
    """Return `given` itself if it is of that kind, or what a text means by the table: `"adam"`, `"adam=0.003"`.

    Raises:
        UnknownNameError: no such thing has that name, or it has no such field.
        UsageError: it is neither a text nor of that kind, or a field cannot have such a value.
    """
    if isinstance(given, kind):
        return given
    if not isinstance(given, str):
        raise UsageError(f"{what}: give a name or a {kind.__name__}, got {given!r:.80}; names: {', '.join(table)}")
    name, words = text_form.split(given)
    if name not in table:
        raise UnknownNameError(what, name, table)
    return text_form.make(what, name, table[name], words)


def to_data(value: object) -> Any:
    """Turn a described object into what JSON can hold, every field written out."""
    if isinstance(value, Described):
        if _registry.get(type(value).__name__) is not type(value):
            raise DeepenError(f"{type(value).__name__} is not registered; decorate it with @deepen.register")
        fields = {f.name: to_data(getattr(value, f.name)) for f in dataclasses.fields(value)}  # type: ignore[arg-type]
        return {"type": type(value).__name__, **fields}
    if isinstance(value, (tuple, list)):
        return [to_data(item) for item in value]
    return value


def from_data(data: Any, kind: type[DescribedT]) -> DescribedT:
    """Build the described object of class `kind` that `data` stands for.

    Raises:
        FileFormatError: the data does not describe such an object.
        UnknownNameError: a class or a field is not known here.
    """
    try:
        value = _from_data(data)
    except (TypeError, ValueError, AttributeError, RecursionError) as error:
        raise FileFormatError(f"the description is not valid: {error}") from error
    if not isinstance(value, kind):
        raise FileFormatError(f"the description is not valid: expected a {kind.__name__}, got {data!r:.80}")
    return value


def _from_data(data: Any) -> Any:
    if isinstance(data, list):
        return tuple(_from_data(item) for item in data)
    if not isinstance(data, dict):
        return data
    fields = dict(data)
    name = fields.pop("type", None)
    if name not in _registry:
        cure = "a class of your own has to be registered first: import its module, or deepen --import FILE.py ..."
        raise UnknownNameError("type in the description", name, _registry, cure)
    cls = _registry[name]
    known = {field.name for field in dataclasses.fields(cls)}  # type: ignore[arg-type]
    for key in fields:
        if key not in known:
            raise UnknownNameError(f"field of {name}", key, known)
    return cls(**{key: _from_data(item) for key, item in fields.items()})


def canonical_json(value: object) -> str:
    """Write JSON in the one form whose bytes depend on the content alone."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
