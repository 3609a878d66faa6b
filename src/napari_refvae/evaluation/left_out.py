"""Originals that cannot be used are named and left out, so that hours of work are not lost to one file."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from napari_refvae.engine.device import is_out_of_memory
from napari_refvae.errors import InvalidInputError, OutOfMemoryError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

__all__ = ["LeftOut"]


class LeftOut:
    """What was left out, and why.

    Parameters
    ----------
    say
        Called with one line for each.

    Attributes
    ----------
    reasons
        Of each original, by its name.
    """

    def __init__(self, say: Callable[[str], None] = lambda line: None) -> None:
        self.say = say
        self.reasons: dict[str, str] = {}

    @contextmanager
    def naming(self, name: str) -> Iterator[None]:
        """Leave an original out if what is done with it in the block says that it cannot be used."""
        try:
            yield
        except (InvalidInputError, OutOfMemoryError, RuntimeError, MemoryError) as error:
            if isinstance(error, RuntimeError) and not is_out_of_memory(error):
                raise
            self.reasons[name] = str(error) or "out of memory"
            self.say(f"left out {name}: {self.reasons[name]}")

    def refuse_if_all(self, total: int) -> None:
        """Refuse a folder of ``total`` originals of which none was used.

        Raises
        ------
        InvalidInputError
            If it is so.
        """
        if len(self.reasons) == total:
            name, reason = next(iter(self.reasons.items()))
            raise InvalidInputError(f"none of the {total} originals could be used; {name}: {reason}")
