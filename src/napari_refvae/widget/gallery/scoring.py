"""PSNR and SSIM of samples against the ground truth, measured off the GUI thread, one picture at a time."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from napari.qt.threading import thread_worker

from napari_refvae.errors import InvalidInputError
from napari_refvae.widget.running.threads import start_apart

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable

    from numpy.typing import NDArray

    from napari_refvae.spec import IntensityRange

__all__ = ["Scorer", "Scoring", "measure"]


@dataclass(frozen=True, slots=True, eq=False)
class Scoring:
    """What to measure.

    Attributes
    ----------
    image, truth
        Of one shape and dtype: ``(H, W)``, ``(H, W, 3)`` or ``(H, W, 4)``.
    intensity_range
        Their black and white; None for the dtype's own.
    shave
        Border that is left out, in pixels.
    """

    image: NDArray[Any]
    truth: NDArray[Any]
    intensity_range: IntensityRange | None
    shave: int = 8


def measure(scoring: Scoring) -> dict[str, float]:
    """``psnr`` in dB and ``ssim``, both of Y as the literature has it; empty where the image is too small for them."""
    from napari_refvae.metrics import psnr_y, ssim_y  # loads torch: here, so that the window does not wait for it

    image, truth = (_eight_bit_colours(each, scoring.intensity_range) for each in (scoring.image, scoring.truth))
    scores = {}
    for name, metric in (("psnr", psnr_y), ("ssim", ssim_y)):
        try:
            scores[name] = metric(image, truth, scoring.shave)
        except InvalidInputError:
            continue
    return scores


class Scorer:
    """Measures what it is asked to, in order, and tells on the main thread.

    Parameters
    ----------
    on_scores
        Called with what `add` was given as the key, and the scores.
    """

    def __init__(self, on_scores: Callable[[Any, dict[str, float]], None]) -> None:
        self._on_scores = on_scores
        self._waiting: dict[Hashable, Scoring] = {}
        self._asked: set[Hashable] = set()
        self._busy = False

    def add(self, key: Hashable, scoring: Scoring) -> None:
        """Measure this, unless that was asked for before."""
        if key not in self._asked:
            self._asked.add(key)
            self._waiting[key] = scoring
            self._next()

    def stop(self) -> None:
        """Measure nothing more and tell nothing more."""
        self._waiting.clear()
        self._on_scores = _nothing

    def _next(self) -> None:
        if self._busy or not self._waiting:
            return
        key = next(iter(self._waiting))
        worker = thread_worker(measure, ignore_errors=True, start_thread=False)(self._waiting.pop(key))

        def ended() -> None:
            self._busy = False
            self._next()

        worker.returned.connect(lambda scores: self._on_scores(key, scores))
        worker.finished.connect(ended)
        self._busy = True
        start_apart(worker)


def _eight_bit_colours(image: NDArray[Any], limits: IntensityRange | None) -> NDArray[np.uint8]:
    """``(H, W, 3)`` uint8, black 0 and white 255; alpha is left out."""
    low, high = (limits.low, limits.high) if limits is not None else _full_range(image.dtype)
    colours = image[..., :3] if image.ndim == 3 else image[..., None].repeat(3, axis=2)
    if colours.dtype == np.uint8 and (low, high) == (0, 255):
        return np.ascontiguousarray(colours)
    scaled = (colours.astype(np.float32) - low) * (255 / (high - low))
    return np.rint(np.nan_to_num(scaled).clip(0, 255)).astype(np.uint8)


def _full_range(dtype: np.dtype[Any]) -> tuple[float, float]:
    return (0.0, float(np.iinfo(dtype).max)) if dtype.kind in "ui" else (0.0, 1.0)


def _nothing(*_: Any) -> None:
    """For calls that come too late."""
