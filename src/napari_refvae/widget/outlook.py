"""What a click on Upscale would make and take, said before it is made. Reads no pixels."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_refvae.errors import RefVAEError
from napari_refvae.imageio.pixels import dtype_range
from napari_refvae.spec import IntensityRange
from napari_refvae.widget.form.eliding import shortened
from napari_refvae.widget.form.estimates import (
    forecast_text,
    memory_text,
    range_text,
    rectangle_text,
    region_text,
    samples_text,
)
from napari_refvae.widget.form.matching import reference_sizes
from napari_refvae.widget.plan import check_truth, check_view, chosen_maps, chosen_truth
from napari_refvae.widget.results.layers import shown_plane

if TYPE_CHECKING:
    from napari_refvae.engine.forecasting import Forecast
    from napari_refvae.regions import Region
    from napari_refvae.widget.form.fields import AdvancedFields, SampleFields
    from napari_refvae.widget.form.image_fields import ImageFields
    from napari_refvae.widget.form.references import ReferenceList
    from napari_refvae.widget.results.maps import MapSpec
    from napari_refvae.widget.running.engine import Engine

    Fields = tuple[ImageFields, ReferenceList, SampleFields, AdvancedFields]

__all__ = ["Machine", "Outlook", "look_ahead"]


@dataclass(frozen=True, slots=True)
class Machine:
    """What would make a run: an engine that is ready.

    Attributes
    ----------
    engine
        Forecasts.
    device
        Where it computes.
    pace
        How many times as long as forecast a run takes, by the last one.
    """

    engine: Engine
    device: str
    pace: float = 1.0


@dataclass(frozen=True, slots=True)
class Outlook:
    """What is known of a click before it is made.

    Attributes
    ----------
    text
        What it would make of which image, and take; what is still to do; or why it would not.
    seconds
        What it would take on a machine that does nothing else; None while that is not known.
    warning
        Why it had better not be made, though it can be; empty for most.
    """

    text: str
    seconds: float | None = None
    warning: str = ""


def look_ahead(fields: Fields, viewer: Any, machine: Machine | None) -> Outlook:
    """Look at what the fields say; without a machine that is ready, only at sizes."""
    images, references, _, advanced = fields
    if images.waits_for_rectangle():
        return Outlook(rectangle_text(images.layers[0].name))
    maps = chosen_maps(advanced)
    try:
        check_truth(images, maps)
        check_view(viewer, images, references)
        region = images.region()
        text = _made_text(fields, viewer, region)
    except RefVAEError as error:
        return Outlook(f"{error}.")
    if machine is None:
        return Outlook(f"{text}.")
    try:
        forecast = _of_channels(_with_maps(_forecast(fields, machine.engine, region), maps), len(images.layers))
    except RefVAEError as error:
        return Outlook(f"{text}.\n{error}.")
    free, needed = machine.engine.free_memory(), _needed(forecast, maps, machine)
    taken = replace(forecast, seconds=forecast.seconds * machine.pace)
    warning = memory_text(needed, free) if needed > free else ""
    return Outlook(f"{text}.\n{forecast_text(taken)}", forecast.seconds, warning)


def _made_text(fields: Fields, viewer: Any, region: Region | None) -> str:
    """Of which image how many samples there would be, and how large.

    Raises
    ------
    InvalidInputError
        If there is a ground truth that does not fit.
    """
    images, references, sampling, advanced = fields
    layer, shape, factor = images.layers[0], _shape(images), sampling.scale.value
    chosen_truth(images, region, factor, viewer.dims.point)
    height, width = (region.height, region.width) if region else shape[:2]
    count = samples_text(sampling.samples.value, len(references.choices))
    plane = shown_plane(layer, viewer.dims.point)
    name = shortened(images.image.value.name) + (f", plane {', '.join(map(str, plane))} of the stack" if plane else "")
    of_each = " of each" if len(images.layers) > 1 else ""
    text = f"{name}: {count}{of_each}, {width * factor} x {height * factor}"
    if region:
        exact = references.matching.on or advanced.consistency.value
        text += f", {region_text(region, (shape[0], shape[1]), 'bicubic' if exact else None)}"
    return text + _range_text(images)


def _forecast(fields: Fields, engine: Engine, region: Region | None) -> Forecast:
    """The engine's, of one channel."""
    images, references, sampling, advanced = fields
    settings = advanced.arguments() | {
        "samples": sampling.samples.value,
        "references": len(references.choices),
        "temperature": sampling.temperature.value,
        "vividness": sampling.vividness.value,
        "region": region,
        "scale": sampling.scale.value,
        "matching": reference_sizes(references.choices) if references.matching.on else (),
    }
    return engine.forecast(_shape(images), np.dtype(images.layers[0].dtype), **settings)


def _shape(images: ImageFields) -> tuple[int, ...]:
    """Of the image, or of one channel: ``(h, w)`` or ``(h, w, C)``, at full resolution."""
    layer = images.layers[0]
    data = layer.data[0] if layer.multiscale else layer.data
    return tuple(data.shape[layer.ndim - 2 :])


def _with_maps(forecast: Forecast, maps: MapSpec) -> Forecast:
    """The engine's forecast, and the maps that are made of its result: what it has freed by then, it may still hold."""
    return replace(forecast, peak_bytes=forecast.peak_bytes + maps.held_bytes(forecast.size, forecast.samples))


def _of_channels(forecast: Forecast, count: int) -> Forecast:
    """The same for several channels: one after the other, and all results are kept."""
    held = (count - 1) * forecast.result_bytes
    return replace(forecast, seconds=count * forecast.seconds, peak_bytes=forecast.peak_bytes + held)


def _needed(forecast: Forecast, maps: MapSpec, machine: Machine) -> int:
    """Bytes of the computer's own memory that a run holds: beside a GPU, results alone."""
    if machine.device.startswith("cuda"):
        return forecast.result_bytes + maps.held_bytes(forecast.size, forecast.samples)
    return forecast.peak_bytes


def _range_text(images: ImageFields) -> str:
    """Of an image that does not fill its dtype, what is black and white; several channels have several."""
    layer = images.layers[0]
    limits = IntensityRange(*(float(limit) for limit in layer.contrast_limits))
    own = limits == dtype_range(np.dtype(layer.dtype))
    return "" if own or len(images.layers) > 1 else f", {range_text(limits)}"
