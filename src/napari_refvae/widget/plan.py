"""What the fields say, as a run: read once, before it starts, and held."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from napari_refvae.errors import InvalidInputError, RefVAEError
from napari_refvae.spec import SelfReference
from napari_refvae.widget.form.eliding import shortened
from napari_refvae.widget.form.estimates import forecast_text, rectangle_text, region_text, samples_text
from napari_refvae.widget.form.references import read_choice
from napari_refvae.widget.results.channels import mixed, read_channels
from napari_refvae.widget.results.layers import read_input, read_truth, shown_plane
from napari_refvae.widget.results.maps import MapSpec

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from napari_refvae.engine.forecasting import Forecast
    from napari_refvae.widget.form.fields import AdvancedFields, SampleFields
    from napari_refvae.widget.form.image_fields import ImageFields
    from napari_refvae.widget.form.references import ReferenceList
    from napari_refvae.widget.results.layers import InputImage
    from napari_refvae.widget.running.engine import Engine

__all__ = ["Plan", "describe_plan"]


@dataclass(frozen=True, slots=True, eq=False)
class Plan:
    """One run: copies of all its inputs.

    Attributes
    ----------
    origin
        The image.
    truth
        Its ground truth, or None.
    maps
        Which maps to show.
    arguments
        For the engine.
    """

    origin: InputImage
    truth: NDArray[Any] | None
    maps: MapSpec
    arguments: dict[str, Any]

    @classmethod
    def all_of(
        cls,
        images: ImageFields,
        references: ReferenceList,
        sampling: SampleFields,
        advanced: AdvancedFields,
        point: Sequence[float],
    ) -> list[Plan]:
        """Read the fields and copy the layers, of stacks the planes at a point of the world: a plan for each channel.

        Raises
        ------
        RefVAEError
            If something that is chosen cannot be used.
        """
        truth, maps = images.truth.value, _maps(advanced)
        _check_truth(images, maps)
        region, read = images.region(), [read_choice(choice, point) for choice in references.choices]
        settings = sampling.arguments() | advanced.arguments() | {"region": region, "references": read}
        several = len(images.layers) > 1
        origins = read_channels(images.layers, point) if several else [read_input(images.layers[0], point)]
        if several:  # one latent for all: "the image itself" is what they add up to
            own_reference = mixed(origins)
            settings["references"] = [own_reference if isinstance(one, SelfReference) else one for one in read]
        plans = []
        for origin in origins:
            if region is not None:
                origin = origin.within(region)
            original = None if truth is None else read_truth(truth, origin, sampling.scale.value, point)
            own = {"image": origin.pixels, "intensity_range": origin.intensity_range}
            plans.append(cls(origin, original, maps, settings | own))
        return plans


def describe_plan(
    images: ImageFields,
    references: ReferenceList,
    sampling: SampleFields,
    advanced: AdvancedFields,
    point: Sequence[float],
    engine: Engine | None,
) -> str:
    """What a click would make of which image, and take; what is still to do; or why it would not.

    Without an engine that is ready it says only the size. Reads no pixels.
    """
    layer, channels = images.layers[0], len(images.layers)
    data = layer.data[0] if layer.multiscale else layer.data
    shape = data.shape[layer.ndim - 2 :]
    if images.waits_for_rectangle():
        return rectangle_text(layer.name)
    maps = _maps(advanced)
    try:
        _check_truth(images, maps)
        region = images.region()
    except RefVAEError as error:
        return f"{error}."
    height, width = (region.height, region.width) if region else shape[:2]
    factor = sampling.scale.value
    count = samples_text(sampling.samples.value, len(references.choices))
    plane = shown_plane(layer, point)
    name = shortened(images.image.value.name) + (f", plane {', '.join(map(str, plane))} of the stack" if plane else "")
    text = f"{name}: {count}{' of each' if channels > 1 else ''}, {width * factor} x {height * factor}"
    if region:
        text += f", {region_text(region, shape[:2], advanced.arguments()['consistency'])}"
    if engine is None:
        return f"{text}."
    settings = advanced.arguments() | {
        "samples": sampling.samples.value,
        "references": len(references.choices),
        "temperature": sampling.temperature.value,
        "vividness": sampling.vividness.value,
        "region": region,
        "scale": factor,
    }
    try:
        forecast = engine.forecast(shape, data.dtype, **settings)
    except RefVAEError as error:
        return f"{text}.\n{error}."
    return f"{text}.\n{forecast_text(_of_channels(_with_maps(forecast, maps), channels))}"


def _with_maps(forecast: Forecast, maps: MapSpec) -> Forecast:
    """The engine's forecast, and the maps that are made of its result: what it has freed by then, it may still hold."""
    return replace(forecast, peak_bytes=forecast.peak_bytes + maps.held_bytes(forecast.size, forecast.samples))


def _of_channels(forecast: Forecast, count: int) -> Forecast:
    """The same for several channels: one after the other, and all results are kept."""
    held = (count - 1) * forecast.result_bytes
    return replace(forecast, seconds=count * forecast.seconds, peak_bytes=forecast.peak_bytes + held)


def _check_truth(images: ImageFields, maps: MapSpec) -> None:
    """Refuse residuals against a truth that is not there, and one truth of several channels."""
    maps.check_truth(images.truth.value is not None)
    if images.truth.value is not None and len(images.layers) > 1:
        raise InvalidInputError(
            f"expected no ground truth with several channels, each of which has its own; got "
            f"{images.truth.value.name!r}: choose (none), or one layer as the image"
        )


def _maps(advanced: AdvancedFields) -> MapSpec:
    return MapSpec(advanced.residual.value, advanced.gain.value, advanced.spread.value)
