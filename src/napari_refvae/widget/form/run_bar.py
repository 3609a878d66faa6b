"""The foot of the widget: what a click would make, the button, and how the run goes."""

from __future__ import annotations

from magicgui.widgets import PushButton
from qtpy.QtCore import Qt
from qtpy.QtWidgets import (
    QApplication,
    QHBoxLayout,
    QLabel,
    QProgressBar,
    QPushButton,
    QSizePolicy,
    QVBoxLayout,
    QWidget,
)

__all__ = ["BUTTON_HEIGHT", "PLAIN", "PRIMARY", "RunBar"]

BUTTON_HEIGHT = 32
STEPS = 1000
PRIMARY = (
    "QPushButton { background-color: #2472c8; color: white; font-weight: bold; border-radius: 3px; }"
    "QPushButton:hover { background-color: #3584dc; }"
    "QPushButton:pressed { background-color: #1d5fa8; }"
    "QPushButton:disabled { background-color: rgba(128, 128, 128, 60); color: #8a8d93; }"
)
MEANT = "The run in the tab Samples while that is in front, else the latest"
PLAIN = "QPushButton { font-weight: bold; }"
"""A button that does not ask to be clicked: what goes on is not waiting for it, or it had better not begin."""

WARNING = "QLabel { color: #1c1c1c; background-color: #f0b429; border-radius: 3px; padding: 4px 6px; }"
"""Dark on amber, to be read in both themes."""


class RunBar(QWidget):
    """Button, progress and sentences.

    Attributes
    ----------
    button
        Upscale, or Cancel while a run is under way.
    copy, undo
        For the run that is looked at, or the latest; hidden while there is none.
    """

    def __init__(self) -> None:
        super().__init__()
        self.button = PushButton(text="Upscale")
        self.button.native.setMinimumHeight(BUTTON_HEIGHT)
        self.button.native.setStyleSheet(PRIMARY)
        self.copy = QPushButton("Copy as Python")
        self.copy.setToolTip(f"{MEANT} as lines for napari's console: they make the same pixels again")
        self.undo = QPushButton("Undo run")
        self.undo.setToolTip(f"Remove all layers of a run. {MEANT}")
        self._forecast, self._warning, self._status = _text(), _text(), _text()
        self._warning.setStyleSheet(WARNING)
        self._warning.hide()
        self._bar = QProgressBar()
        self._bar.setRange(0, STEPS)
        self._bar.setTextVisible(False)
        self._bar.setFixedHeight(8)
        self._actions = QWidget()
        actions = QHBoxLayout(self._actions)
        actions.setContentsMargins(0, 0, 0, 0)
        actions.addWidget(self.copy, 1)
        actions.addWidget(self.undo, 1)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(6)
        for part in (self._forecast, self._warning, self.button.native, self._bar, self._status, self._actions):
            column.addWidget(part)
        self._bar.hide()
        self._actions.hide()

    @property
    def status(self) -> str:
        """How the run goes or went."""
        return str(self._status.text())

    @status.setter
    def status(self, text: str) -> None:
        self._status.setText(text)
        self._status.setVisible(bool(text))

    @property
    def forecast(self) -> str:
        """What a click would make."""
        return str(self._forecast.text())

    @forecast.setter
    def forecast(self, text: str) -> None:
        self._forecast.setText(text)
        self._forecast.setVisible(bool(text) and self._bar.isHidden())

    @property
    def warning(self) -> str:
        """Why a click had better not be made."""
        return str(self._warning.text())

    @warning.setter
    def warning(self, text: str) -> None:
        self._warning.setText(text)
        self._show_warning()

    def put_on_clipboard(self, code: str, name: str) -> None:
        """Let the user paste Python code; ``name`` says of which run."""
        clipboard = QApplication.clipboard()
        assert clipboard is not None  # there is an application
        clipboard.setText(code)
        self.status = f"Copied {name}: paste it into napari's console, or into a script that has a viewer."

    def show_running(self) -> None:
        """The button cancels, the bar begins."""
        self.button.text, self.button.enabled = "Cancel", True
        self._dress(PLAIN)
        self._forecast.hide()  # it is about the next click
        self._warning.hide()
        self._bar.setValue(0)
        self._bar.show()
        self._actions.hide()

    def show_idle(self, ready: bool, has_run: bool) -> None:
        """The button starts, if all is ready; a run can be copied and undone, if there is one."""
        self.button.text, self.button.enabled = "Upscale", ready
        self._forecast.setVisible(bool(self.forecast))
        self._bar.hide()
        self._show_warning()
        self._actions.setVisible(has_run)

    def _show_warning(self) -> None:
        """Unless a run is under way: then the button is for that."""
        if self._bar.isHidden():
            self._warning.setVisible(bool(self.warning))
            self._dress(PLAIN if self.warning else PRIMARY)

    def _dress(self, style: str) -> None:
        """Change how the button looks; Qt would lay out and paint anew even where nothing changes."""
        if self.button.native.styleSheet() != style:
            self.button.native.setStyleSheet(style)

    def advance(self, done: float) -> None:
        """Move the bar to a part of 1."""
        self._bar.setValue(round(STEPS * done))

    @property
    def progress(self) -> float:
        """Where the bar is, from 0 to 1."""
        return float(self._bar.value() / STEPS)


def _text() -> QLabel:
    label = QLabel()
    label.setWordWrap(True)
    policy = QSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Minimum)  # a long path widens no dock
    policy.setHeightForWidth(True)
    label.setSizePolicy(policy)
    label.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
    return label
