"""Checks that what a config file says is of the kind and in the range that a setting has."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, NamedTuple

from napari_refvae.errors import InvalidSpecError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

__all__ = ["Range", "check_settings", "check_tables"]


class Range(NamedTuple):
    """What a number may be: from ``least`` to ``most``, the ends included unless ``open`` says otherwise."""

    least: float = -math.inf
    most: float = math.inf
    open: bool = False

    def holds(self, value: float) -> bool:
        """Whether a number lies inside."""
        return self.least < value < self.most if self.open else self.least <= value <= self.most

    def __str__(self) -> str:
        if self.most == math.inf:
            return f"above {self.least:g}" if self.open else f"at least {self.least:g}"
        return f"{'strictly ' if self.open else ''}between {self.least:g} and {self.most:g}"


def check_settings(settings: Any, ranges: Mapping[str, Range], usual: Range) -> None:
    """Refuse settings of a dataclass that are not of their kind, or numbers that are out of their range.

    Parameters
    ----------
    settings
        Fields annotated ``int``, ``float``, ``bool`` and ``str`` are checked; a whole number serves as a float.
    ranges
        Those of some fields.
    usual
        That of all other numbers.

    Raises
    ------
    InvalidSpecError
        If one is refused; it is named.
    """
    kinds = {name: field.type for name, field in type(settings).__dataclass_fields__.items()}
    for name, kind in kinds.items():
        value, range_ = getattr(settings, name), ranges.get(name, usual)
        if kind not in CHECKS:
            continue
        if not CHECKS[kind](value):
            raise InvalidSpecError(f"expected {WORDS[kind]} for {name} in the config; got {value!r}")
        if kind in ("int", "float") and not range_.holds(value):
            raise InvalidSpecError(f"expected {name} {range_} in the config; got {value!r}")


def check_tables(values: Any, name: str) -> None:
    """Refuse what should be a table of settings in a config file, and is none.

    Raises
    ------
    InvalidSpecError
        If it is none.
    """
    if not isinstance(values, dict):
        raise InvalidSpecError(f"expected a table for {name} in the config; got {values!r}")


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


CHECKS: dict[str, Callable[[object], bool]] = {
    "int": lambda value: isinstance(value, int) and not isinstance(value, bool),
    "float": _is_number,
    "bool": lambda value: isinstance(value, bool),
    "str": lambda value: isinstance(value, str),
}
"""Whether a value is of the kind that a field's annotation names."""

WORDS = {"int": "a whole number", "float": "a finite number", "bool": "true or false", "str": "a word"}
