"""Keeps the sentence above the button up to date: what a click would make and take."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from qtpy.QtCore import QTimer

from napari_refvae.widget.plan import describe_plan

if TYPE_CHECKING:
    from napari_refvae.widget.form.fields import AdvancedFields, SampleFields
    from napari_refvae.widget.form.image_fields import ImageFields
    from napari_refvae.widget.form.references import ReferenceList
    from napari_refvae.widget.form.run_bar import RunBar
    from napari_refvae.widget.running.engine import Engine
    from napari_refvae.widget.running.preparation import Preparation

    Fields = tuple[ImageFields, ReferenceList, SampleFields, AdvancedFields]

__all__ = ["Forecaster"]

SETTLING = 120  # milliseconds without a change until the forecast is made anew


class Forecaster:
    """Makes the forecast anew when nothing has changed for a moment.

    Parameters
    ----------
    viewer
        Says which planes of stacks are shown, and which part of the world.
    fields
        What the user chooses: images, references, samples, the advanced ones.
    engine, preparation
        What forecasts, once its model is prepared.
    bar
        Where it is said.
    """

    def __init__(self, viewer: Any, fields: Fields, engine: Engine, preparation: Preparation, bar: RunBar) -> None:
        self._viewer, self._fields, self._bar = viewer, fields, bar
        self._engine, self._preparation = engine, preparation
        self._settled = QTimer(bar)
        self._settled.setSingleShot(True)
        self._settled.setInterval(SETTLING)
        self._settled.timeout.connect(self._tell)

    def soon(self, *_: Any) -> None:
        """Make the forecast anew when no more changes come."""
        self._settled.start()

    def stop(self) -> None:
        """Say nothing more, whatever changes."""
        self._settled.stop()
        self._settled.timeout.disconnect(self._tell)

    def _tell(self) -> None:
        if not self._fields[0].layers:
            self._bar.forecast = ""
            return
        prepared = self._preparation
        ready = self._engine if prepared.readiness is not None else None
        text = describe_plan(*self._fields, self._viewer, ready)
        if ready is None:
            text += f"\n{prepared.problem}." if prepared.problem else "\nLoading the model to say how long ..."
        self._bar.forecast = text
