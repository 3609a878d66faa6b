"""Keeps the sentence above the button up to date: what a click would make and take."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from qtpy.QtCore import QTimer

from napari_refvae.widget.outlook import Machine, Outlook, look_ahead

if TYPE_CHECKING:
    from napari_refvae.widget.form.fields import AdvancedFields, SampleFields
    from napari_refvae.widget.form.image_fields import ImageFields
    from napari_refvae.widget.form.references import ReferenceList
    from napari_refvae.widget.form.run_bar import RunBar
    from napari_refvae.widget.running.engine import Engine
    from napari_refvae.widget.running.pace import Pace
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
    engine, preparation, pace
        What forecasts, once its model is prepared, and how the last run went.
    bar
        Where it is said.
    """

    def __init__(
        self, viewer: Any, fields: Fields, engine: Engine, preparation: Preparation, pace: Pace, bar: RunBar
    ) -> None:
        self._viewer, self._fields, self._bar = viewer, fields, bar
        self._engine, self._preparation, self._pace = engine, preparation, pace
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
            self._bar.forecast = self._bar.warning = ""
            return
        prepared, outlook = self._preparation, self.outlook()
        text = outlook.text
        if prepared.readiness is None:
            text += f"\n{prepared.problem}." if prepared.problem else "\nLoading the model to say how long ..."
        self._bar.forecast, self._bar.warning = text, outlook.warning

    def outlook(self) -> Outlook:
        """What a click would make and take now; there must be an image."""
        ready, machine = self._preparation.readiness, None
        if ready is not None:
            pace = self._pace.factor(self._fields[-1].engine)
            machine = Machine(self._engine, ready.device.value, pace)
        return look_ahead(self._fields, self._viewer, machine)
