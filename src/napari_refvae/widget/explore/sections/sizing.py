"""The same sample at other sizes: its own down-samplings, projected anew, so consistent too."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qtpy.QtWidgets import QCheckBox, QSpinBox, QWidget

from napari_refvae.widget.explore.jobs import make_sized
from napari_refvae.widget.explore.parts import button, column, note, row, set_quietly
from napari_refvae.widget.explore.placing import layer_over
from napari_refvae.widget.explore.sections.base import Section
from napari_refvae.widget.explore.steering import gives_back, short_name
from napari_refvae.widget.form.layout import label
from napari_refvae.widget.results.layers import METADATA_KEY

if TYPE_CHECKING:
    from collections.abc import Callable

    from napari_refvae.explore.sample import Sample
    from napari_refvae.widget.explore.explorer import Explorer
    from napari_refvae.widget.explore.ground import Ground
    from napari_refvae.widget.explore.subject import Subject

__all__ = ["Sizing"]

SCALES = (2, 4)
FINEST = 8
"""Times the image's size that the fields go up to; a session says what its network cannot do."""

FIRST = 3
KIND = "resized"


class Sizing(Section):
    """Makes the recipe's sample at 2x and 4x, each a sample of a run, or at any size, as a layer alone.

    Parameters
    ----------
    explorer, ground
        As of `Section`.
    """

    def __init__(self, explorer: Explorer, ground: Ground) -> None:
        super().__init__(explorer, ground)
        self.buttons = {
            scale: button(f"{scale}x", f"The same sample, {scale} times as large as the image", self._maker(scale))
            for scale in SCALES
        }
        self.across, self.down = (_pixels(name) for name in ("Width", "Height"))
        self.tied = QCheckBox("Keep proportions")
        self.tied.setChecked(True)
        self.sized = button("Make this size", "The same sample with so many pixels", self.make_size)
        self._of: Subject | None = None
        column(
            self,
            note("The same sample with fewer pixels, made consistent anew."),
            row(label("Scale"), *self.buttons.values()),
            row(label("Width"), self.across, 1),
            row(label("Height"), self.down, 1),
            row(label(""), self.tied, 1),
            row(label(""), self.sized, 1),
        )
        self.across.valueChanged.connect(lambda _: self._tie(self.across))
        self.down.valueChanged.connect(lambda _: self._tie(self.down))
        self.tied.toggled.connect(lambda _: self._tie(self.across))
        explorer.recipe_changed.connect(self._fit_fields)
        self._fit_fields()

    @property
    def starters(self) -> list[QWidget]:
        return [*self.buttons.values(), self.sized]

    def make(self, scale: int) -> None:
        """Make it at a scale."""
        self.explorer.make(
            [self.explorer.recipe], [scale], lambda count: self.tell(f"Added the same sample at {scale}x.")
        )

    def make_size(self) -> None:
        """Make it at the size that is chosen."""
        explorer, subject, names = self.explorer, self.explorer.subject, self.explorer.names
        if subject is None:
            return
        recipe, size = explorer.recipe, (self.down.value(), self.across.value())
        explorer.work(
            lambda: make_sized(explorer.desk, subject, recipe, size),
            on_result=lambda sample: self._add(sample, subject, names),
        )

    def _add(self, sample: Sample, subject: Subject, names: tuple[str, ...]) -> None:
        """A layer over the image, with the record that makes it again."""
        height, width = sample.sr.shape[:2]
        by = short_name(sample.recipe, names)
        name = f"{subject.origin.title} {width} x {height}" + ("" if by == "none" else f" by {by}")
        told = {"kind": KIND, "run": KIND, "lr_psnr": sample.lr_psnr, "provenance": sample.provenance}
        told |= {"image": subject.origin.name, "plane": subject.origin.plane}
        self.ground.viewer.add_layer(
            layer_over(subject.origin, sample.sr, name, metadata={METADATA_KEY: told}, blending="translucent")
        )
        self.explorer.clear_view()
        self.tell(f"Added the same sample with {width} x {height} pixels. {gives_back(sample.lr_psnr)}")

    def _fit_fields(self) -> None:
        """Sizes from the image's own on; those that were chosen stay as long as the image does."""
        subject = self.explorer.subject
        if subject is None or (self._of is not None and self._of.origin is subject.origin):
            return
        self._of = subject
        for field, side in zip((self.down, self.across), subject.size, strict=True):
            field.blockSignals(True)
            field.setRange(side, FINEST * side)
            field.setValue(FIRST * side)
            field.blockSignals(False)

    def _tie(self, moved: QSpinBox) -> None:
        """The other side follows, if proportions are kept."""
        if self._of is None or not self.tied.isChecked():
            return
        height, width = self._of.size
        if moved is self.across:
            set_quietly(self.down, round(height * moved.value() / width))
        else:
            set_quietly(self.across, round(width * moved.value() / height))

    def _maker(self, scale: int) -> Callable[[], None]:
        return lambda: self.make(scale)


def _pixels(side: str) -> QSpinBox:
    made = QSpinBox()
    made.setToolTip(f"{side} in pixels, from the image's own to {FINEST} times as many")
    made.setRange(1, FINEST)
    return made
