"""The pieces that a plane is cut into: each with all that it needs to come out as in the whole plane's result.

What a piece is made of can be computed anywhere: the pixels around it as far as the network and the projection see,
the same part of the sample's noise, and what is known of the whole plane (its size, its bounds, the reference's code).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from napari_refvae.engine.frame import plan_frame
from napari_refvae.regions import Region

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from napari_refvae.model.doors import ReferenceVAE
    from napari_refvae.spec import Consistency, IntensityRange, SampleSpec, SelfEnsemble, TileSpec

__all__ = ["PIECE", "Code", "MadePiece", "Making", "Piece", "Place", "cut_pieces", "window_of"]

PIECE = 256
"""Rows and columns of a piece in LR pixels. Larger ones read less twice, and hold more at once."""

FILLING_BLOCK = 256
"""Windows of images with missing values begin and end at multiples of this, so that holes that are narrower are
filled as in the whole image."""

Code = tuple["NDArray[np.float32]", "NDArray[np.float32]"]
"""Mean and log-variance of a reference's code, ``(1, code)`` each."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where a piece lies: its plane's number and index, and its region of the plane."""

    plane: int
    index: tuple[int, ...]
    region: Region


@dataclass(frozen=True, slots=True, kw_only=True)
class Making:
    """How pieces of one run are made. It goes to other processes, so it names the model.

    Attributes
    ----------
    model, identity
        Its name or file, and its sha256.
    device, precision, tiles, scale, consistency, self_ensemble, intensity_range
        As of a run.
    samples
        Of one sample.
    """

    model: str
    identity: str
    device: str
    precision: str
    tiles: TileSpec
    scale: int
    consistency: Consistency | None
    self_ensemble: SelfEnsemble
    intensity_range: IntensityRange | None
    samples: SampleSpec


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Piece:
    """All that makes one piece of one sample.

    Attributes
    ----------
    pixels
        ``(h, w)`` or ``(h, w, C)``: the piece and what it depends on, as stored.
    window
        Where they lie in the plane.
    region
        The piece, in the window.
    size
        Of the whole plane.
    bounds
        What a result may hold, normalised; None: what the dtype holds.
    code
        Of the reference.
    noise
        The sample's numbers: ``(1, code)`` of its code, ``(1, noise, h, w)`` of the window.
    """

    pixels: NDArray[Any]
    window: Region
    region: Region
    size: tuple[int, int]
    bounds: tuple[float, float] | None
    code: Code
    noise: tuple[NDArray[np.float32], NDArray[np.float32]]


@dataclass(frozen=True, slots=True, eq=False)
class MadePiece:
    """One piece of one sample.

    Attributes
    ----------
    pixels
        As they are stored.
    lr_psnr
        How well they give the input back, in dB.
    """

    pixels: NDArray[Any]
    lr_psnr: float


def cut_pieces(region: Region, side: int) -> list[Region]:
    """Cut a part of a plane into squares of ``side``, from its corner, row by row; the last ones are what is left."""
    return [
        Region(y, x, side, side).intersect(region)
        for y in range(region.y, region.y + region.height, side)
        for x in range(region.x, region.x + region.width, side)
    ]


def window_of(
    region: Region,
    size: tuple[int, int],
    model: ReferenceVAE,
    consistency: Consistency | None,
    overlap: int | None,
    *,
    missing: bool,
) -> Region:
    """What a piece depends on: what is projected with it, and as far around that as the network sees.

    It begins and ends where the network's grid does, and that of filling if values are missing.
    """
    seen = plan_frame(size, region, consistency).window.padded(max(model.halo, overlap or 0), size)
    step = FILLING_BLOCK if missing else 1
    top, bottom = _widened(seen.y, seen.y + seen.height, size[0], step, model.alignment)
    left, right = _widened(seen.x, seen.x + seen.width, size[1], step, model.alignment)
    return Region(top, left, bottom - top, right - left)


def _widened(start: int, stop: int, length: int, block: int, alignment: int) -> tuple[int, int]:
    """Outwards to multiples of a block, and to the network's grid counted from both ends; within the length."""
    start, stop = start - start % block, min(length, stop + -stop % block)
    return start - start % alignment, stop + (length - stop) % alignment
