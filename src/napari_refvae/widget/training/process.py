"""The training process as napari sees it: started, listened to, stopped."""

from __future__ import annotations

import json
import os
import sys
from typing import TYPE_CHECKING, Any

from qtpy.QtCore import QObject, QProcess, QProcessEnvironment, Signal  # type: ignore[attr-defined]

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from napari_refvae.widget.training.job import TrainingJob

__all__ = ["TrainingProcess"]

COMMAND = (sys.executable, "-m", "napari_refvae.widget.training.job")

ENDINGS = ("model", "error", "stopped")
"""Keys of the last line, of which there is one."""


class TrainingProcess(QObject):
    """Runs one `TrainingJob`, in a process of its own.

    Parameters
    ----------
    command
        What to run; the job's file is its last argument.
    """

    said = Signal(dict)
    """A line of the process, but for the last."""
    ended = Signal(dict)
    """The last line; where the process died without one, ``{"error": SENTENCE}``. Once a job."""

    def __init__(self, command: Sequence[str] = COMMAND) -> None:
        super().__init__()
        self._command = tuple(command)
        self._process = QProcess(self)
        self._process.setProcessEnvironment(_environment())
        self._process.readyReadStandardOutput.connect(self._read)
        self._process.finished.connect(self._finish)
        self._process.errorOccurred.connect(self._fail)
        self._last: dict[str, Any] | None = None

    @property
    def running(self) -> bool:
        """Whether a job is under way."""
        return bool(self._process.state() != QProcess.ProcessState.NotRunning)

    def start(self, job: TrainingJob, folder: Path) -> None:
        """Begin a job, which is written into ``folder``; one at a time.

        Raises
        ------
        OutputError
            If it cannot be written.
        """
        assert not self.running
        path = folder / "job.json"
        job.write(path)
        self._last = None
        program, *arguments = self._command
        self._process.start(program, [*arguments, str(path)])

    def stop(self) -> None:
        """Let it end after the step under way, and save."""
        self._process.closeWriteChannel()

    def kill(self) -> None:
        """End it at once, without a word; for a widget that is going away."""
        self._process.blockSignals(True)
        self._process.kill()
        self._process.waitForFinished(3000)

    def _read(self) -> None:
        while self._process.canReadLine():
            try:
                line = json.loads(bytes(self._process.readLine()).decode("utf-8", "replace"))
            except ValueError:
                continue  # something of a library's
            if not isinstance(line, dict):
                continue
            if any(key in line for key in ENDINGS):
                self._last = line
            else:
                self.said.emit(line)

    def _finish(self, code: int, *_: Any) -> None:
        self._read()
        self.ended.emit(self._last or {"error": f"training ended with code {code}: {self._complaint()}"})

    def _fail(self, error: Any) -> None:
        """A process that dies also finishes; one that never starts does not."""
        if error == QProcess.ProcessError.FailedToStart:
            self.ended.emit({"error": f"training could not start: {self._process.errorString()}"})

    def _complaint(self) -> str:
        """The last line that it wrote on stderr."""
        lines = bytes(self._process.readAllStandardError()).decode("utf-8", "replace").strip().splitlines()
        return lines[-1] if lines else "it said nothing; is there enough memory?"


def _environment() -> QProcessEnvironment:
    """Ours, with one core left to the window."""
    environment = QProcessEnvironment.systemEnvironment()
    for name, value in os.environ.items():  # what was set since the process began
        environment.insert(name, value)
    if "OMP_NUM_THREADS" not in os.environ:
        environment.insert("OMP_NUM_THREADS", str(max(1, (os.cpu_count() or 2) - 1)))
    return environment
