"""An exploration: its steps, undo and redo, and the file that it goes into."""

from __future__ import annotations

import base64
import binascii
import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from napari_refvae.errors import InvalidInputError, InvalidSpecError, UnreadableFileError
from napari_refvae.explore.recording import recipe_from_dict
from napari_refvae.imageio.writing import write_text

if TYPE_CHECKING:
    from collections.abc import Mapping

    from napari_refvae.explore.recipes import Recipe

__all__ = ["FORMAT", "Exploration", "Step"]

FORMAT = "napari-refvae-explorations/1"


@dataclass(frozen=True, slots=True)
class Step:
    """One sample that was looked at.

    Attributes
    ----------
    recipe
        What makes it again.
    name
        For people.
    parent
        Number of the step that it came from; None for a beginning.
    thumbnail
        A small PNG, or nothing.
    """

    recipe: Recipe
    name: str
    parent: int | None = None
    thumbnail: bytes = b""


class Exploration:
    """The steps of one exploration, none of which is ever lost: undo moves between them.

    Parameters
    ----------
    identity
        `Session.identity`: model, input and references with their hashes.
    """

    def __init__(self, identity: Mapping[str, Any]) -> None:
        self.identity = dict(identity)
        self._steps: list[Step] = []
        self._visited: list[int] = []
        self._at = 0  # so many of the visits are not undone

    @property
    def steps(self) -> tuple[Step, ...]:
        """All of them, in the order in which they were made."""
        return tuple(self._steps)

    @property
    def current(self) -> int | None:
        """Number of the step that shows; None before the first."""
        return self._visited[self._at - 1] if self._at else None

    @property
    def can_undo(self) -> bool:
        """Whether a step showed before this one."""
        return self._at > 1

    @property
    def can_redo(self) -> bool:
        """Whether the last thing done was an undo."""
        return self._at < len(self._visited)

    def add(self, recipe: Recipe, name: str, thumbnail: bytes = b"", *, show: bool = True) -> Step:
        """Make a step from the one that shows; it shows then, and what was undone cannot be redone.

        Without ``show`` it is there to be applied, and what shows stays.
        """
        self._steps.append(Step(recipe, name, self.current, thumbnail))
        if show:
            self.apply(len(self._steps) - 1)
        return self._steps[-1]

    def apply(self, number: int) -> Step:
        """Show any step again; that can be undone too.

        Raises
        ------
        InvalidSpecError
            If there is no such step.
        """
        if not 0 <= number < len(self._steps):
            raise InvalidSpecError(f"expected the number of a step, below {len(self._steps)}; got {number}")
        self._visited = [*self._visited[: self._at], number]
        self._at += 1
        return self._steps[number]

    def undo(self) -> Step:
        """Show what showed before.

        Raises
        ------
        InvalidSpecError
            If nothing did; see `can_undo`.
        """
        if not self.can_undo:
            raise InvalidSpecError("there is no step before this one to go back to")
        self._at -= 1
        return self._steps[self._visited[self._at - 1]]

    def redo(self) -> Step:
        """Take an undo back.

        Raises
        ------
        InvalidSpecError
            If there is none; see `can_redo`.
        """
        if not self.can_redo:
            raise InvalidSpecError("nothing was undone that could be done again")
        self._at += 1
        return self._steps[self._visited[self._at - 1]]

    def save(self, path: Path | str) -> None:
        """Write one JSON file, whole or not at all; a file of that name is replaced.

        Raises
        ------
        OutputError
            If it cannot be written.
        """
        write_text(Path(path), json.dumps(self.as_dict(), indent=1))

    def as_dict(self) -> dict[str, Any]:
        """JSON-ready: what `save` writes."""
        steps = [
            {
                "name": step.name,
                "parent": step.parent,
                "recipe": step.recipe.as_dict(),
                "thumbnail": base64.b64encode(step.thumbnail).decode("ascii"),
            }
            for step in self._steps
        ]
        return {
            **self.identity,
            "format": FORMAT,
            "steps": steps,
            "visited": self._visited,
            "shown": self._at,
        }

    @classmethod
    def load(cls, path: Path | str) -> Exploration:
        """Read what `save` wrote.

        Raises
        ------
        UnreadableFileError
            If there is no such file, or it is no JSON.
        InvalidInputError
            If it is JSON of another kind, or damaged.
        """
        try:
            entry = json.loads(Path(path).read_text("utf-8"))
        except (OSError, ValueError, RecursionError) as error:
            raise UnreadableFileError(f"expected an exploration (JSON) at {path}; cannot read it ({error})") from error
        found = entry.get("format") if isinstance(entry, dict) else type(entry).__name__
        if found != FORMAT:
            raise InvalidInputError(f"expected an exploration of format {FORMAT} at {path}; got {found!r}")
        try:
            return cls._from_entry(entry)
        except (KeyError, TypeError, ValueError, AttributeError, RecursionError, binascii.Error) as error:
            raise InvalidInputError(f"the exploration {path} is damaged ({error}); use an unedited one") from error

    @classmethod
    def _from_entry(cls, entry: dict[str, Any]) -> Exploration:
        own = ("steps", "visited", "shown")
        made = cls({key: value for key, value in entry.items() if key not in own})
        for number, step in enumerate(entry["steps"]):
            if step["parent"] is not None and step["parent"] not in range(number):
                raise InvalidInputError(f"step {number} comes from a step {step['parent']!r} that is not before it")
            thumbnail = base64.b64decode(step["thumbnail"], validate=True)
            made._steps.append(Step(recipe_from_dict(step["recipe"]), str(step["name"]), step["parent"], thumbnail))
        made._visited, made._at = [int(number) for number in entry["visited"]], int(entry["shown"])
        if not all(number in range(len(made._steps)) for number in made._visited):
            raise InvalidInputError("a step is shown that is not there")
        if not min(1, len(made._visited)) <= made._at <= len(made._visited):
            raise InvalidInputError("more is undone than was done")
        return made
