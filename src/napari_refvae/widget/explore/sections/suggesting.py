"""References that fit: a folder or the open layers, ranked, with what they would change."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from qtpy.QtWidgets import QFileDialog, QHBoxLayout, QLabel, QVBoxLayout, QWidget

from napari_refvae.errors import RefVAEError
from napari_refvae.imageio.files import IMAGE_SUFFIXES
from napari_refvae.widget.explore.jobs import rank_references
from napari_refvae.widget.explore.parts import button, column, emptied, note, row
from napari_refvae.widget.explore.sections.base import Section
from napari_refvae.widget.form.references import read_choice

if TYPE_CHECKING:
    from collections.abc import Sequence

    from napari_refvae.explore.suggest import Suggestion
    from napari_refvae.widget.explore.explorer import Explorer
    from napari_refvae.widget.explore.ground import Ground
    from napari_refvae.widget.explore.weights import Weights
    from napari_refvae.widget.form.references import ReferenceItem

__all__ = ["Suggesting"]

SHOWN = 5
ABOUT = "Alike: texture and colours, 1 is equal. Effect: how far it moves samples, in standard deviations."


class Suggesting(Section):
    """Ranks images as references; the best can be added at once.

    Parameters
    ----------
    explorer, ground
        As of `Section`.
    weights
        Where references go.
    """

    def __init__(self, explorer: Explorer, ground: Ground, weights: Weights) -> None:
        super().__init__(explorer, ground)
        self._weights = weights
        self.uses: list[Any] = []  # the buttons of what was found, best first
        self.layers = button("Open layers", "Rank the open image layers", self.rank_layers)
        self.folder = button("A folder ...", "Rank the images of a folder", self._ask)
        self._found = QVBoxLayout()
        column(self, row(self.layers, 1, self.folder, 1), note(ABOUT), self._found)

    @property
    def starters(self) -> list[QWidget]:
        return [self.layers, self.folder]

    def rank_layers(self) -> None:
        """Rank the open image layers but the image itself."""
        self._rank([one for one in self.ground.images if one is not self.ground.layer], "layers beside the image")

    def rank_folder(self, folder: Path | str) -> None:
        """Rank the images in a folder."""
        try:
            files = sorted(path for path in Path(folder).iterdir() if path.suffix.lower() in IMAGE_SUFFIXES)
        except OSError as error:
            self.tell(f"Expected a folder of images; {folder} cannot be read ({error.strerror}): choose another one.")
            return
        self._rank(files, f"images in {Path(folder).name}")

    def _rank(self, choices: Sequence[ReferenceItem], what: str) -> None:
        subject, explorer = self.explorer.subject, self.explorer
        if subject is None or not choices:
            self.tell(f"There are no {what} to choose references from.")
            return
        usable, items = self._read(choices)
        if items:
            explorer.work(
                lambda: rank_references(explorer.desk, subject, items),
                on_result=lambda found: self._show([(usable[number], one) for number, one in found], len(choices)),
            )

    def _read(self, choices: Sequence[ReferenceItem]) -> tuple[list[ReferenceItem], list[Any]]:
        """Those that can be used, and what is read of them; if none can, the reason is said."""
        usable: list[ReferenceItem] = []
        items: list[Any] = []
        refused: RefVAEError | None = None
        for choice in choices:
            try:
                items.append(read_choice(choice, self.ground.viewer.dims.point))
                usable.append(choice)
            except RefVAEError as error:
                refused = error
        if not items:
            self.tell(f"{refused}.")
        return usable, items

    def _show(self, found: Sequence[tuple[ReferenceItem, Suggestion]], asked: int) -> None:
        """The best ones, each with a button that adds it."""
        emptied(self._found)
        self.uses = []
        for choice, one in found[:SHOWN]:
            self._found.addWidget(self._line(one, choice))
        left_out = asked - len(found)
        rest = f" {left_out} cannot be used and {'is' if left_out == 1 else 'are'} left out." if left_out else ""
        self.tell(f"Ranked {len(found)} images; the most alike comes first.{rest}")

    def _line(self, one: Suggestion, choice: ReferenceItem) -> QWidget:
        line = QWidget()
        name = QLabel(one.reference.name)
        name.setMinimumWidth(20)
        use = button("Use", "Add it to the references", lambda: self._weights.add(choice))
        self.uses.append(use)
        layout: QHBoxLayout = row(name, 1, QLabel(f"alike {one.similarity:.2f}, effect {one.effect:.2f}"), use)
        layout.setContentsMargins(0, 0, 0, 0)
        line.setLayout(layout)
        return line

    def _ask(self) -> None:
        folder = QFileDialog.getExistingDirectory(self, "Folder of references")
        if folder:
            self.rank_folder(folder)
