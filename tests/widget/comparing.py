"""A run to compare: real layers of an invented result, in napari's viewer model or a real viewer."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from napari.layers import Image

from napari_refvae.engine.result import FinishedSample, SuperResolutionResult
from napari_refvae.widget.results.layers import read_input
from napari_refvae.widget.results.runs import Runs

if TYPE_CHECKING:
    from napari_refvae.widget.results.run import Run

LEVELS = (60, 120, 180, 240)
"""Sample ``k`` is grey of this level everywhere."""


def level_result(
    lr: np.ndarray[Any, Any], samples: int, scale: int = 8, references: tuple[str, ...] = ()
) -> SuperResolutionResult:
    """Samples of even greys; the faithful image is black, LR-PSNRs are 50, 51, ... dB."""
    shape = (lr.shape[0] * scale, lr.shape[1] * scale, *lr.shape[2:])
    sr = np.stack([np.full(shape, LEVELS[index % 4], lr.dtype) for index in range(samples)])
    return SuperResolutionResult(
        sr=sr,
        lr=lr,
        bicubic=np.zeros(shape, lr.dtype),
        references=references or ("none",) * samples,
        seeds=tuple(range(10, 10 + samples)),
        lr_psnr=tuple(50.0 + index for index in range(samples)),
        provenance={"format": "test"},
        scale=scale,
        faithful=np.zeros(shape, lr.dtype),
    )


def add_channels(
    viewer: Any, samples: int = 2, colours: tuple[str, ...] = ("red", "green"), scale: tuple[float, float] = (1, 1)
) -> tuple[Runs, list[Run]]:
    """The runs of one click on grey layers of these colormaps; channel ``k``'s sample ``i`` is level ``i + k``."""
    runs, made = Runs.of_viewer(viewer), []
    lr = np.full((6, 8), 200, np.uint8)
    shown = {"blending": "additive", "contrast_limits": (0, 255), "scale": scale}
    layers = [Image(lr, name=colour, colormap=colour, **shown) for colour in colours]
    viewer.layers.extend(layers)
    for channel, layer in enumerate(layers):
        run = runs.begin(read_input(layer), click="one click")
        result = level_result(lr, samples)
        for index in range(samples):
            pixels = np.full((48, 64), LEVELS[(index + channel) % 4], np.uint8)
            runs.add_sample(run, FinishedSample(index, pixels, "none", 10 + index, 50.0 + channel))
        runs.complete(run, result)
        made.append(run)
    return runs, made


def add_run(
    viewer: Any,
    samples: int = 3,
    lr: np.ndarray[Any, Any] | None = None,
    truth: np.ndarray[Any, Any] | None = None,
    **layer: Any,
) -> tuple[Runs, Run]:
    """A complete run on a new layer of the viewer; the input is white unless given."""
    lr = np.full((6, 8, 3), 255, np.uint8) if lr is None else lr
    runs = Runs.of_viewer(viewer)
    photo = Image(lr, name="photo", rgb=lr.ndim == 3, **layer)
    viewer.layers.append(photo)
    result = level_result(lr, samples)
    run = runs.begin(read_input(photo), truth)
    for index in range(samples):
        finished = FinishedSample(
            index, result.sr[index], result.references[index], result.seeds[index], result.lr_psnr[index]
        )
        runs.add_sample(run, finished)
    runs.complete(run, result)
    return runs, run
