"""The layers that show a run: made here, put into a viewer by `runs`.

A result carries the geometry of its input exactly: HR pixel ``i`` of an axis lies at LR position
``(i + 0.5) / factor - 0.5``, so both images cover the same part of the world. What was made of one plane of a stack
lies at that plane, as a stack of one, and is out of sight where another plane is shown.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from napari.layers import Image

from napari_refvae.widget.results.colours import coloured
from napari_refvae.widget.results.layers import METADATA_KEY

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from napari_refvae.engine.result import FinishedSample
    from napari_refvae.widget.results.layers import InputImage

__all__ = ["faithful_layer", "residual_layer", "sample_layer", "spread_layer"]

BLENDING = "translucent"
"""Of all results, even of an additive input, whose look they take otherwise: they lie on top of it and of each other,
and additive ones would add up to what no sample shows."""

SPREAD_PERCENTILE = 99.5
"""All but the strongest of a spread keep to its colours."""

THUMBNAIL = 32  # pixels, napari's


def sample_layer(origin: InputImage, finished: FinishedSample, run: str, number: int = 1) -> Image:
    """A sample, shown as its input is; its name says the run's number, from the second one on."""
    by = "" if finished.reference == "none" else f" by {finished.reference}"
    name = f"{_title(origin, finished.sr, number)}{by} #{finished.index + 1}"
    return _layer(
        origin, finished.sr, **_like(origin, finished.sr), name=name, metadata=_metadata("sample", run, finished)
    )


def residual_layer(
    origin: InputImage, finished: FinishedSample, sample: Image, values: NDArray[np.float32], gain: float, run: str
) -> Image:
    """The residual map of a sample: hidden, diverging, symmetric, and comparable within its run.

    Parameters
    ----------
    values
        ``(H, W)``, in stored units.
    gain
        ``1/(2 gain)`` of the intensity range has the strongest colour.
    """
    limit = origin.span / (2 * gain)
    return _layer(
        origin,
        values,
        name=f"{sample.name} residual",
        colormap="bwr",
        contrast_limits=(-limit, limit),
        visible=False,
        metadata=_metadata("residual", run, finished),
    )


def spread_layer(origin: InputImage, values: NDArray[np.float32], run: str, number: int = 1) -> Image:
    """Where the samples differ, ``(H, W)`` in stored units: hidden, dark where they agree."""
    sparse = values[:: max(1, values.shape[0] // 1024), :: max(1, values.shape[1] // 1024)]
    limit = float(np.percentile(sparse, SPREAD_PERCENTILE)) or origin.span / 255
    return _layer(
        origin,
        values,
        name=f"{_title(origin, values, number)} spread",
        colormap="magma",
        contrast_limits=(0.0, limit),
        visible=False,
        metadata=_metadata("spread", run),
    )


def faithful_layer(origin: InputImage, pixels: NDArray[Any], run: str, number: int = 1) -> Image:
    """The faithful image of a run: hidden, shown as its input is."""
    name = f"{_title(origin, pixels, number)} faithful"
    return _layer(
        origin, pixels, **_like(origin, pixels), name=name, visible=False, metadata=_metadata("faithful", run)
    )


def _layer(origin: InputImage, pixels: NDArray[Any], **keywords: Any) -> Image:
    """A layer over the input's field of view, at its plane, with a thumbnail: napari makes none of a hidden layer."""
    geometry = origin.geometry.refined(_factor(origin, pixels))
    stack = origin.stack
    placed = geometry.as_keywords() if stack is None else stack.around(geometry)
    layer = Image(pixels if stack is None else stack.lifted(pixels), **{"blending": BLENDING} | placed | keywords)
    layer.thumbnail = _thumbnail(pixels, layer)
    return layer


def _thumbnail(pixels: NDArray[Any], look: Image) -> NDArray[np.uint8]:
    """A few of an image's pixels as a layer shows them: ``(h, w, 4)`` uint8, at most `THUMBNAIL` a side."""
    size = np.array(pixels.shape[:2])
    small = np.maximum(1, size * THUMBNAIL // size.max())
    rows, columns = ((np.arange(count) + 0.5) * whole / count for count, whole in zip(small, size, strict=True))
    return coloured(pixels[np.ix_(rows.astype(int), columns.astype(int))], look)


def _title(origin: InputImage, pixels: NDArray[Any], number: int) -> str:
    """What the names of a run's layers begin with: "photo 8x", "photo part 8x", and later "photo 8x run 2"."""
    run = f" run {number}" if number > 1 else ""
    return f"{origin.subject} {_factor(origin, pixels)}x{run}"


def _like(origin: InputImage, pixels: NDArray[Any]) -> dict[str, Any]:
    return origin.look | {"rgb": pixels.ndim == 3}


def _factor(origin: InputImage, pixels: NDArray[Any]) -> int:
    return int(pixels.shape[0] // origin.lr.shape[0])


def _metadata(kind: str, run: str, finished: FinishedSample | None = None) -> dict[str, Any]:
    return {
        METADATA_KEY: {
            "kind": kind,
            "run": run,
            "sample": finished.index if finished else None,
            "reference": finished.reference if finished else None,
            "seed": finished.seed if finished else None,
            "lr_psnr": finished.lr_psnr if finished else None,
            "provenance": None,  # until the run is complete
        }
    }
