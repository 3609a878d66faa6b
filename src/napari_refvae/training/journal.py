"""What a run writes down while it goes: ``log.jsonl``, and scalars and pictures for TensorBoard if it is installed."""

from __future__ import annotations

import json
import logging
import os
from dataclasses import asdict, dataclass
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

from PIL import Image

from napari_refvae.imageio.writing import output_errors, whole

if TYPE_CHECKING:
    from pathlib import Path

    import numpy as np
    from lightning.fabric.loggers.tensorboard import TensorBoardLogger
    from numpy.typing import NDArray

__all__ = ["Journal", "Report", "Tally"]

log = logging.getLogger(__name__)

BOARD = "tensorboard"
"""Where TensorBoard's files lie in a run's folder."""


@dataclass(frozen=True, slots=True)
class Report:
    """Means of the loss terms since the last report."""

    step: int
    steps: int
    stage: str
    learning_rate: float
    seconds_a_step: float
    terms: dict[str, float]


class Tally:
    """Loss terms of the steps since the last report."""

    def __init__(self) -> None:
        self._sums: dict[str, float] = {}
        self._steps = 0

    def add(self, terms: dict[str, float]) -> None:
        """Take note of a step."""
        for name, value in terms.items():
            self._sums[name] = self._sums.get(name, 0.0) + value
        self._steps += 1

    @property
    def means(self) -> dict[str, float]:
        """Of each term over the steps."""
        return {name: value / self._steps for name, value in self._sums.items()}

    def take(self) -> dict[str, float]:
        """`means`, for a report: the next steps begin anew."""
        means = self.means
        self._sums, self._steps = {}, 0
        return means


class Journal:
    """The written side of a run. What cannot be written is an `OutputError`, and nothing of it stays.

    Parameters
    ----------
    folder
        The run's folder. TensorBoard reads ``folder/tensorboard``; the last picture is ``folder/samples.png``.
    tensorboard
        Whether to write for TensorBoard too. Without the package this is left out, and said once.
    """

    def __init__(self, folder: Path, *, tensorboard: bool = True) -> None:
        self.folder = folder
        self._board: TensorBoardLogger | None = None
        self._wanted = tensorboard

    def report(self, entry: Report) -> None:
        """Write a report of losses."""
        self._write(asdict(entry))
        scalars = {f"loss/{name}": value for name, value in entry.terms.items()}
        pace = {"pace/learning_rate": entry.learning_rate, "pace/seconds_a_step": entry.seconds_a_step}
        self._scalars(scalars | pace, entry.step)

    def scores(self, step: int, scores: dict[str, float]) -> None:
        """Write what a validation found."""
        self._write({"step": step, "scores": scores})
        self._scalars({f"validation/{name}": value for name, value in scores.items()}, step)

    def picture(self, step: int, picture: NDArray[np.uint8]) -> None:
        """Write a sheet ``(H, W, 3)`` uint8 of examples."""
        with whole(self.folder / "samples.png") as temporary:
            Image.fromarray(picture).save(temporary, "png")
        with output_errors(self.folder / BOARD):
            if (board := self._logger()) is not None:
                board.experiment.add_image("samples", picture, step, dataformats="HWC")

    def close(self) -> None:
        """Bring everything to disk."""
        with output_errors(self.folder / BOARD):
            if self._board is not None:
                self._board.finalize("success")

    def _write(self, entry: dict[str, Any]) -> None:
        """Add a line, or nothing: a part of one would spoil the file for who reads it."""
        path, line = self.folder / "log.jsonl", f"{json.dumps(entry)}\n".encode()
        with output_errors(path), path.open("ab", buffering=0) as file:
            begin, written = file.seek(0, os.SEEK_END), 0
            try:
                while written < len(line):
                    written += file.write(line[written:])
            except OSError:
                file.truncate(begin)
                raise

    def _scalars(self, values: dict[str, float], step: int) -> None:
        with output_errors(self.folder / BOARD):
            if (board := self._logger()) is not None:
                board.log_metrics(values, step)
                board.save()

    def _logger(self) -> TensorBoardLogger | None:
        """TensorBoard's logger, made when it is first asked for."""
        if self._board is None and self._wanted:
            if find_spec("tensorboard") is None:
                self._wanted = False
                log.info("tensorboard is not installed; losses are in %s", self.folder / "log.jsonl")
                return None
            from lightning.fabric.loggers.tensorboard import TensorBoardLogger

            self._board = TensorBoardLogger(self.folder, name=BOARD, version="")
        return self._board
