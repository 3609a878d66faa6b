"""What became of each image of a batch, for people and for programs."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from napari_refvae.imageio.writing import write_text
from napari_refvae.version import installed_version

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from napari_refvae.engine.result import SuperResolutionResult

__all__ = ["Outcome", "Output", "is_report", "list_outputs", "summarize", "write_report"]

FORMAT = "napari-refvae-batch/1"

Status = Literal["done", "skipped", "failed", "stopped", "waiting"]

WORDS: dict[Status, str] = {
    "done": "made",
    "skipped": "finished before",
    "failed": "failed",
    "stopped": "stopped half-way",
    "waiting": "not begun",
}


@dataclass(frozen=True, slots=True)
class Output:
    """A file that was written.

    Attributes
    ----------
    path
        Where.
    reference
        Name of the sample's reference; ``faithful`` for the faithful image.
    seed
        Of the sample; None for the faithful image.
    lr_psnr
        How well it gives the input back, in dB; None for the faithful image.
    """

    path: Path
    reference: str
    seed: int | None = None
    lr_psnr: float | None = None

    @property
    def quality(self) -> str:
        """LR-PSNR in words."""
        if self.lr_psnr is None:
            return ""
        return "exact" if math.isinf(self.lr_psnr) else f"{self.lr_psnr:.1f} dB"


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one image.

    Attributes
    ----------
    file
        The input.
    status
        done, skipped (finished before), failed, stopped (by the user), or waiting (not begun).
    reason
        Why it failed, in a sentence.
    outputs
        The images that are there now.
    side_car
        The JSON file beside them.
    seconds
        That it took.
    notes
        What else the user should know.
    """

    file: Path
    status: Status
    reason: str = ""
    outputs: tuple[Output, ...] = ()
    side_car: Path | None = None
    seconds: float = 0.0
    notes: tuple[str, ...] = ()


def list_outputs(result: SuperResolutionResult, written: Sequence[Path]) -> tuple[Output, ...]:
    """The images of a run that was saved, whose paths end with its side-car."""
    samples = zip(written, result.references, result.seeds, result.lr_psnr, strict=False)
    outputs = tuple(Output(*sample) for sample in samples)
    return outputs if result.faithful is None else (*outputs, Output(written[-2], "faithful"))


def summarize(outcomes: Sequence[Outcome]) -> str:
    """How many came to what, such as ``10 images: 8 made, 2 failed``."""
    counts = {status: sum(outcome.status == status for outcome in outcomes) for status in WORDS}
    told = ", ".join(f"{counts[status]} {words}" for status, words in WORDS.items() if counts[status])
    return f"{len(outcomes)} image{'s' if len(outcomes) != 1 else ''}: {told}"


def is_report(path: Path) -> bool:
    """Whether a file is a report, or empty, so that a report may replace it."""
    try:
        if not path.is_file():
            return False
        with path.open("rb") as file:
            begun = file.read(1000)
    except OSError:
        return False
    return not begun or FORMAT.encode() in begun


def write_report(path: Path, outcomes: Sequence[Outcome]) -> None:
    """Write a JSON report, replacing a file of that name: an entry an image, in their order.

    Raises
    ------
    OutputError
        If it cannot be written.
    """
    report = {
        "format": FORMAT,
        "software": {"napari-refvae": installed_version()},
        "counts": {status: sum(outcome.status == status for outcome in outcomes) for status in WORDS},
        "images": [
            {
                "file": str(outcome.file),
                "status": outcome.status,
                "reason": outcome.reason or None,
                "notes": [*outcome.notes],
                "outputs": [str(output.path) for output in outcome.outputs],
                "side_car": None if outcome.side_car is None else str(outcome.side_car),
                "seconds": round(outcome.seconds, 3),
            }
            for outcome in outcomes
        ],
    }
    write_text(path, json.dumps(report, indent=2) + "\n")
