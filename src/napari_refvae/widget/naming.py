"""Names of layers in sentences."""

from __future__ import annotations

from difflib import get_close_matches
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["name_candidates"]

FEW = 5
"""So many names are all said."""

CLOSEST = 3
"""Of more, so many that resemble what was asked for."""


def name_candidates(asked: str, names: Sequence[str]) -> str:
    """The names that may have been meant, quoted: all of a few, of many those most like ``asked``, however little."""
    if not names:
        return "(no layer is open)"
    if len(names) <= FEW:
        return ", ".join(map(repr, names))
    lowered = {name.lower(): name for name in reversed(names)}
    close = [lowered[name] for name in get_close_matches(asked.lower(), lowered, n=CLOSEST, cutoff=0.0)]
    return f"{', '.join(map(repr, close))} and {len(names) - len(close)} more"
