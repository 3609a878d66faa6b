"""One picture of a run at a time: shown, previewed, and changed for another in the blink of an eye."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from napari_refvae.widget.compare.canvas import bring_into_view
from napari_refvae.widget.compare.pictures import FAITHFUL, pictures_of, sample_key
from napari_refvae.widget.results.listing import insert_layer, remove_layers

if TYPE_CHECKING:
    from napari.layers import Image

    from napari_refvae.widget.compare.composites import Shown
    from napari_refvae.widget.compare.pictures import Picture
    from napari_refvae.widget.results.run import Run
    from napari_refvae.widget.results.runs import Runs

__all__ = ["Stage"]


class Stage:
    """Shows one picture of a run, in place of the run's others and of what other runs show there.

    Of a run that one click made on several channels, all channels change together. A picture without a layer (the
    input's part, the ground truth) gets one for as long as it is shown.

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
        self._guests: list[Image] = []  # temporary layers of a picture that has none, one a channel
        self._guest_key = ""
        self._remembered: dict[Image, bool] | None = None  # visibility before a preview

    def shown(self, run: Run) -> str | None:
        """Key of the picture that is shown; of several visible ones the topmost."""
        if any(guest in self._viewer.layers for guest in self._guests):
            return self._guest_key
        for index in sorted(run.samples):
            if run.samples[index].image.visible:
                return sample_key(index)
        return FAITHFUL if run.faithful is not None and run.faithful.visible else None

    def show(self, run: Run, picture: Shown) -> None:
        """Show one, for good; turn to it if little of it is in view."""
        self._remembered = None
        bring_into_view(self._viewer, picture)
        self._show(run, picture)

    def preview(self, run: Run, picture: Shown) -> None:
        """Show one until `end_preview`."""
        if self._guests:
            return
        if self._remembered is None:
            concerned = [*self._of_all_channels(run), *self._runs.rivals(run)]
            self._remembered = {layer: layer.visible for layer in concerned}
        self._show(run, picture)

    def end_preview(self) -> None:
        """Show again what was shown before a preview."""
        remembered, self._remembered = self._remembered, None
        if remembered is not None:
            self._clear_guests()
            for layer, visible in remembered.items():
                layer.visible = visible

    def flip(self, run: Run, first: Shown, second: Shown) -> None:
        """Show the second if the first is shown, else the first."""
        self.show(run, second if self.shown(run) == first.key else first)

    def leave(self) -> None:
        """Take away what is there for a while only; a run whose guest goes shows its first sample instead."""
        self.end_preview()
        run = self._runs.of(self._guests[0]) if self._guests else None
        self._clear_guests()
        if run is not None and run.samples:
            self._runs.show_only(run, min(run.samples))

    def _show(self, run: Run, picture: Shown) -> None:
        old, self._guests = self._guests, []
        channels = [each for other in self._runs.together(run) for each in pictures_of(other)]
        wanted = [each for each in channels if each.key == picture.key]  # in order: additive ones lie on the first
        shown = {each.layer for each in wanted if each.layer is not None}
        self._guest_key, self._guests = picture.key, [self._seat(each) for each in wanted if each.layer is None]
        for layer in shown:  # first on, then off: never an empty canvas in between
            layer.visible = True
        for layer in [*self._of_all_channels(run), *self._runs.rivals(run)]:
            layer.visible = layer in shown
        remove_layers(self._viewer.layers, old)

    def _of_all_channels(self, run: Run) -> list[Image]:
        return [layer for each in self._runs.together(run) for layer in each.layers]

    def _seat(self, picture: Picture) -> Image:
        layer = picture.temporary_layer()
        insert_layer(self._viewer.layers, len(self._viewer.layers), layer)
        return layer

    def _clear_guests(self) -> None:
        guests, self._guests = self._guests, []
        remove_layers(self._viewer.layers, guests)
