"""One picture of a run at a time: shown, previewed, and changed for another in the blink of an eye."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from napari_refvae.widget.compare.pictures import FAITHFUL, sample_key

if TYPE_CHECKING:
    from napari.layers import Image

    from napari_refvae.widget.compare.pictures import Picture
    from napari_refvae.widget.results.runs import Run, Runs

__all__ = ["Stage"]


class Stage:
    """Shows one picture of a run, in place of the run's others.

    A picture without a layer (the input's part, the ground truth) gets one for as long as it is shown.

    Parameters
    ----------
    runs
        The viewer's runs.
    viewer
        The viewer.
    """

    def __init__(self, runs: Runs, viewer: Any) -> None:
        self._runs = runs
        self._viewer = viewer
        self._guest: tuple[str, Image] | None = None  # key and temporary layer of a picture that has none
        self._remembered: tuple[Run, dict[Image, bool]] | None = None  # before a preview

    def shown(self, run: Run) -> str | None:
        """Key of the picture that is shown; of several visible ones the topmost."""
        if self._guest is not None and self._guest[1] in self._viewer.layers:
            return self._guest[0]
        for index in sorted(run.samples):
            if run.samples[index].image.visible:
                return sample_key(index)
        return FAITHFUL if run.faithful is not None and run.faithful.visible else None

    def show(self, run: Run, picture: Picture) -> None:
        """Show one, for good."""
        self._remembered = None
        self._show(run, picture)

    def preview(self, run: Run, picture: Picture) -> None:
        """Show one until `end_preview`."""
        if self._guest is not None:
            return
        if self._remembered is None:
            self._remembered = run, {layer: layer.visible for layer in run.layers}
        self._show(run, picture)

    def end_preview(self) -> None:
        """Show again what was shown before a preview."""
        remembered, self._remembered = self._remembered, None
        if remembered is not None:
            self._clear_guest()
            for layer, visible in remembered[1].items():
                layer.visible = visible

    def flip(self, run: Run, first: Picture, second: Picture) -> None:
        """Show the second if the first is shown, else the first."""
        self.show(run, second if self.shown(run) == first.key else first)

    def leave(self) -> None:
        """Take away what is there for a while only; a run whose guest goes shows its first sample instead."""
        self.end_preview()
        guest = self._guest
        self._clear_guest()
        run = self._runs.of(guest[1]) if guest else None
        if run is not None and run.samples:
            self._runs.show_only(run, min(run.samples))

    def _show(self, run: Run, picture: Picture) -> None:
        old, self._guest = self._guest, None
        if picture.layer is None:
            self._guest = picture.key, self._seat(picture)
        for layer in [picture.layer, *run.layers]:  # first on, then off: never an empty canvas in between
            if layer is not None:
                layer.visible = layer is picture.layer
        if old is not None and old[1] in self._viewer.layers:
            self._viewer.layers.remove(old[1])

    def _seat(self, picture: Picture) -> Image:
        layer = picture.temporary_layer()
        selected = set(self._viewer.layers.selection)
        self._viewer.layers.append(layer)
        self._viewer.layers.selection = selected
        return layer

    def _clear_guest(self) -> None:
        guest, self._guest = self._guest, None
        if guest is not None and guest[1] in self._viewer.layers:
            self._viewer.layers.remove(guest[1])
