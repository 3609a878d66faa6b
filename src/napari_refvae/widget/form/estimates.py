"""Sentences about a run: before it, during it, after it."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from napari_refvae.engine.frame import plan_frame
from napari_refvae.widget.form.eliding import shortened

if TYPE_CHECKING:
    from collections.abc import Iterable

    from napari_refvae.engine.forecasting import Forecast
    from napari_refvae.engine.result import SuperResolutionResult
    from napari_refvae.regions import Region
    from napari_refvae.spec import Consistency, IntensityRange, Progress

__all__ = [
    "bytes_text",
    "duration_text",
    "forecast_text",
    "made_text",
    "memory_text",
    "progress_text",
    "range_text",
    "rectangle_text",
    "region_text",
    "samples_text",
    "seconds_left",
    "taken_back_text",
    "titles_text",
]

STAGES = {
    "interpolate": "Reading the image",
    "encode": "Reading the image",
    "decode": "Inventing detail",
    "project": "Making it consistent",
}
OF_SAMPLES = ("decode", "project")
"""Stages that belong to a sample, or else to the faithful image."""

FAITHFUL = "Making the faithful image"

ENOUGH = 0.02
"""Part of a run that must be done before its speed says how long it takes."""

UNITS = ((2**40, "TB"), (2**30, "GB"), (2**20, "MB"), (2**10, "KB"))


def samples_text(count: int, references: int) -> str:
    """How many samples there will be: ``4 samples``, ``8 samples (4 x 2 references)``."""
    if references > 1:
        return f"{count * references} samples ({count} x {references} references)"
    return "1 sample" if count == 1 else f"{count} samples"


def rectangle_text(name: str) -> str:
    """What to do where a rectangle is to be the part, and there is none."""
    return f"Draw a rectangle over {shortened(name)}, then click Upscale."


def region_text(region: Region, size: tuple[int, int], consistency: Consistency | None) -> str:
    """Which part of an image is made, and how much is computed for it."""
    whole = f"from {region.width} x {region.height} of its {size[1]} x {size[0]}"
    window = plan_frame(size, region, consistency).window
    if window == region:
        return whole
    return f"{whole} (computed on {window.width} x {window.height}: the border makes it match the whole image)"


def range_text(limits: IntensityRange) -> str:
    """Which stored values are black and white: ``black 0, white 4095``."""
    return f"black {_number(limits.low)}, white {_number(limits.high)}"


def forecast_text(forecast: Forecast) -> str:
    """Time, memory and tiles, such as ``About 6 s, 120 MB of memory, 4 tiles.``."""
    tiles = "" if forecast.tiles == 1 else f", {forecast.tiles} tiles"
    return f"About {duration_text(forecast.seconds)}, {bytes_text(forecast.peak_bytes)} of memory{tiles}."


def memory_text(needed: float, free: float) -> str:
    """What to do where memory will not do."""
    return (
        f"Only {bytes_text(free)} of memory are free, {bytes_text(needed)} are needed: "
        "take a part of the image, fewer samples or a smaller scale."
    )


def seconds_left(progress: Progress, elapsed: float) -> float | None:
    """From what is done in ``elapsed`` seconds; None while that says too little."""
    if progress.total <= 0 or progress.done < ENOUGH * progress.total or not progress.done:
        return None
    return elapsed * (progress.total - progress.done) / progress.done


def progress_text(progress: Progress, left: float | None) -> str:
    """Stage, sample, tile and time left, as far as they are known."""
    faithful = progress.sample is None and progress.stage in OF_SAMPLES
    parts = [FAITHFUL if faithful else STAGES.get(progress.stage, progress.stage.capitalize())]
    if progress.sample is not None and progress.samples:
        parts.append(f"sample {progress.sample + 1} of {progress.samples}")
    if progress.tile is not None and progress.tiles > 1:
        parts.append(f"tile {progress.tile + 1} of {progress.tiles}")
    text = ", ".join(parts)
    return f"{text} ..." if left is None else f"{text}. About {duration_text(left)} left."


def made_text(result: SuperResolutionResult, seconds: float) -> str:
    """What a run made: count, size, the worst consistency, seconds; and what of the input has no value."""
    height, width = result.sr.shape[1:3]
    count = "1 sample" if len(result) == 1 else f"{len(result)} samples"
    missing = sum(result.provenance.get("input", {}).get("missing", {}).values())
    kept = f" {missing} values that are NaN or infinite stay so." if missing else ""
    return f"Made {count} of {width} x {height} in {seconds:.1f} s; made small again, {_consistency(result)}.{kept}"


def taken_back_text(count: int) -> str:
    """What became of the samples that a run had finished."""
    made = "The sample that was finished is" if count == 1 else f"The {count} samples that were finished are"
    return f"{made} removed again." if count else "Nothing was added."


def titles_text(titles: Iterable[str]) -> str:
    """Several names in a row, each shortened: ``photo run 2``, ``DAPI, GFP``."""
    return ", ".join(shortened(title) for title in titles)


def duration_text(seconds: float) -> str:
    """Rounded as one would say it: ``2 s``, ``45 s``, ``3 min``, ``2 h``."""
    if seconds < 10:
        return f"{max(1, math.ceil(seconds))} s"
    if seconds < 90:
        return f"{5 * round(seconds / 5)} s"
    return f"{round(seconds / 60)} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"


def bytes_text(count: float) -> str:
    """In the largest unit that leaves at least 1; two digits."""
    for size, unit in UNITS:
        if count >= size:
            value = count / size
            return f"{value:.1f} {unit}" if value < 10 else f"{value:.0f} {unit}"
    return f"{count:.0f} B"


def _number(value: float) -> str:
    """All digits of a count, four of others."""
    return f"{value:.0f}" if value == round(value) and abs(value) < 1e9 else f"{value:.4g}"


def _consistency(result: SuperResolutionResult) -> str:
    worst = min(result.lr_psnr)
    each = "it gives" if len(result) == 1 else "each gives"
    return (
        f"{each} the input back exactly"
        if math.isinf(worst)
        else f"{each} the input back (LR-PSNR {worst:.1f} dB or more)"
    )
