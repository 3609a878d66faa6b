"""The references of a run: one to choose, and as many more as one likes; layers, files, the image itself, or none."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

from napari.layers import Image
from psygnal import Signal
from qtpy.QtCore import QMimeData, Qt
from qtpy.QtWidgets import QFileDialog, QHBoxLayout, QMenu, QPushButton, QVBoxLayout, QWidget

from napari_refvae.spec import PriorReference, SelfReference
from napari_refvae.widget.form.choices import ChoiceBox
from napari_refvae.widget.form.eliding import ElidedLabel
from napari_refvae.widget.form.layout import field_grid, label, small_button
from napari_refvae.widget.form.matching import MatchingField
from napari_refvae.widget.form.previews import Preview, file_picture, layer_picture
from napari_refvae.widget.results.layers import LayerPlane, is_result

if TYPE_CHECKING:
    from collections.abc import Sequence

    from qtpy.QtGui import QImage

    from napari_refvae.spec import Reference


__all__ = ["CHIP", "FILES", "SELF_REFERENCE", "ReferenceItem", "ReferenceList", "fix_reference", "read_choice"]

ReferenceItem: TypeAlias = Image | Path | PriorReference | SelfReference
"""What can be chosen as a reference: a layer, a file, no reference, or the image itself."""

NO_REFERENCE = ("(none)", PriorReference())
SELF_REFERENCE = ("(image itself)", SelfReference())
FILES = "Images (*.png *.jpg *.jpeg *.tif *.tiff *.bmp *.webp);;All files (*)"
LAYER_DRAG = "application/x-list-index"  # what napari's layer list calls a layer that is dragged
CHIP = 26  # pixels


class ReferenceList(QWidget):
    """Chooses references; accepts image files and layers that are dropped on it.

    Parameters
    ----------
    preview
        Pixels of the first reference's picture.

    Attributes
    ----------
    matching
        Whether detail is copied from them; whoever knows image and model says where it can be.
    """

    changed = Signal()

    def __init__(self, preview: int) -> None:
        super().__init__()
        self.box = ChoiceBox(
            "An image whose texture the invented detail should resemble; its size and content are free.\n"
            "Drop an image file or a layer here, too."
        )
        self.matching = MatchingField()
        self._layers: list[Image] = []
        self._files: list[Path] = []
        self._more: list[ReferenceItem] = []
        self._decoded: dict[Path, tuple[int, QImage | None]] = {}  # files' pictures, and when the files were written
        self._point: Sequence[float] | None = None
        self._preview = Preview(preview)
        self._chips = QVBoxLayout()
        self._shown: list[QWidget] = []  # chips, as `_more`
        self._names: list[str] = []  # on them
        self._pictures: list[Preview] = []  # theirs
        self.setAcceptDrops(True)
        self._lay_out()
        self.box.changed.connect(self._chosen)
        self.matching.changed.connect(lambda *_: self.changed.emit())
        self.offer_layers([])

    def _lay_out(self) -> None:
        self._add = QPushButton("Add another ...")
        self._add.setToolTip("Each reference gets its own samples")
        self._add.clicked.connect(self._show_menu)
        self._chips.setSpacing(2)
        grid = field_grid(self, [("Reference", self.box.native), ("", self._add)])
        grid.addWidget(self._preview, 0, 2, 2, 1, Qt.AlignmentFlag.AlignTop)
        grid.addLayout(self._chips, 2, 1, 1, 2)
        grid.addWidget(label("Matching"), 3, 0)
        grid.addWidget(self.matching.native, 3, 1, 1, 2)

    @property
    def choices(self) -> list[ReferenceItem]:
        """All references, the first one first."""
        return [self.box.value, *self._more]

    @property
    def layers(self) -> list[Image]:
        """The layers among them."""
        return [one for one in self.choices if isinstance(one, Image)]

    def add(self, choice: ReferenceItem) -> None:
        """Add a layer, file or kind; it becomes the first reference where there was none. Twice counts once."""
        if choice in self.choices:
            return
        if isinstance(choice, Path) and choice not in self._files:
            self._files.append(choice)
            self._refill(self.box.value)
        if isinstance(self.box.value, PriorReference):
            self.box.value = choice
            return
        self._more.append(choice)
        self._rebuild()
        self.changed.emit()

    def remove(self, choice: ReferenceItem) -> None:
        """Take a further reference out."""
        self._more = [other for other in self._more if other is not choice]
        self._rebuild()
        self.changed.emit()

    def offer_layers(self, layers: Sequence[Image]) -> list[str]:
        """Offer these layers, and return the names of chosen ones that are gone; gone ones become none."""
        gone = [one.name for one in self.layers if one not in layers]
        self._layers = list(layers)
        first = self.box.value
        self._refill(PriorReference() if first is None or first not in [*layers, *self._fixed] else first)
        self._more = [one for one in self._more if not isinstance(one, Image) or one in layers]
        if [_name(choice) for choice in self._more] != self._names:
            self._rebuild()
        return gone

    def show_pictures(self, point: Sequence[float] | None) -> None:
        """Draw all pictures anew; of stacks the plane at a point of the world."""
        self._point = point
        self._draw(self._preview, self.box.value)
        for row, choice in enumerate(self._more):
            self._draw(self._pictures[row], choice)

    @property
    def _fixed(self) -> list[ReferenceItem]:
        return [PriorReference(), SelfReference(), *self._files]

    def _refill(self, chosen: ReferenceItem) -> None:
        files = [(path.name, path) for path in self._files]
        layers = [(layer.name, layer) for layer in self._layers]
        self.box.offer([NO_REFERENCE, SELF_REFERENCE, *layers, *files], chosen)

    def _chosen(self) -> None:
        """The first one was chosen: it is not a further one as well."""
        self._more = [choice for choice in self._more if choice != self.box.value]
        self._rebuild()
        self.changed.emit()

    def _rebuild(self) -> None:
        for chip in self._shown:
            self._chips.removeWidget(chip)
            chip.deleteLater()
        self._pictures = [Preview(CHIP) for _ in self._more]
        self._names = [_name(choice) for choice in self._more]
        self._shown = [self._chip(*each) for each in zip(self._more, self._pictures, strict=True)]
        for chip in self._shown:
            self._chips.addWidget(chip)
        self.show_pictures(self._point)

    def _chip(self, choice: ReferenceItem, picture: Preview) -> QWidget:
        chip = QWidget()
        row = QHBoxLayout(chip)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(6)
        name = ElidedLabel(_name(choice))
        name.setToolTip(str(choice) if isinstance(choice, Path) else _name(choice))
        gone = small_button("\N{MULTIPLICATION SIGN}", "Take this reference out", lambda: self.remove(choice))
        row.addWidget(picture)
        row.addWidget(name, 1)
        row.addWidget(gone)
        return chip

    def _draw(self, preview: Preview, choice: ReferenceItem) -> None:
        if isinstance(choice, Image):
            preview.show_picture(layer_picture(choice, self._point))
        elif isinstance(choice, Path):
            preview.show_picture(self._file_picture(choice), choice.suffix[1:5])
        else:
            preview.show_picture(None, "self" if isinstance(choice, SelfReference) else "none")

    def _file_picture(self, path: Path) -> QImage | None:
        """Decoded once, and anew when the file has changed; None for one that is gone."""
        try:
            written = path.stat().st_mtime_ns
        except OSError:
            return None
        if self._decoded.get(path, (None, None))[0] != written:
            self._decoded[path] = written, file_picture(path)
        return self._decoded[path][1]

    def _show_menu(self) -> None:
        menu = QMenu(self)
        menu.addAction("Image files ...", self._ask_for_files)
        menu.addSeparator()
        for name, choice in [SELF_REFERENCE, *((layer.name, layer) for layer in self._layers)]:
            if choice not in self.choices:
                menu.addAction(name, lambda choice=choice: self.add(choice))
        menu.exec_(self._add.mapToGlobal(self._add.rect().bottomLeft()))

    def _ask_for_files(self) -> None:
        names, _ = QFileDialog.getOpenFileNames(self, "References", "", FILES)
        for name in names:
            self.add(Path(name))

    def dragEnterEvent(self, event: Any) -> None:  # noqa: N802 (Qt's name)
        """Accept what can be a reference."""
        if self._dropped(event.mimeData()):
            event.acceptProposedAction()

    def dropEvent(self, event: Any) -> None:  # noqa: N802 (Qt's name)
        """Add files and layers; the layer list must not think that its layer has moved here."""
        for choice in self._dropped(event.mimeData()):
            self.add(choice)
        event.setDropAction(Qt.DropAction.IgnoreAction)
        event.accept()

    def _dropped(self, mime: QMimeData) -> list[ReferenceItem]:
        """Files and layers of what is dragged."""
        if mime.hasFormat(LAYER_DRAG):
            items: list[Any] = getattr(mime, "items", [])
            return [item for item in items if isinstance(item, Image) and not is_result(item)]
        return [Path(url.toLocalFile()) for url in mime.urls() if url.isLocalFile()]


def fix_reference(choice: ReferenceItem, point: Sequence[float] | None = None) -> LayerPlane | Path | Reference:
    """A choice as it is now: of a layer the plane that is shown, perhaps to be read later; a path, or the kind.

    Main thread only.
    """
    return LayerPlane.of(choice, point).held() if isinstance(choice, Image) else choice


def read_choice(choice: ReferenceItem, point: Sequence[float] | None = None) -> Reference | Path:
    """What the engine takes: a copy of a layer's shown plane, a path, or the kind. Main thread only.

    Raises
    ------
    InvalidInputError
        If a layer cannot be read, or its values cannot be used.
    """
    return LayerPlane.of(choice, point).reference() if isinstance(choice, Image) else choice


def _name(choice: ReferenceItem) -> str:
    if isinstance(choice, Path | Image):
        return str(choice.name)
    return SELF_REFERENCE[0] if isinstance(choice, SelfReference) else NO_REFERENCE[0]
