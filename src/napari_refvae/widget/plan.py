"""What the fields say, as runs: fixed at the click, read in a worker, held until the runs are over."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from napari_refvae.errors import InvalidInputError
from napari_refvae.spec import SelfReference
from napari_refvae.widget.form.references import fix_reference
from napari_refvae.widget.results.channels import channel_planes, mixed
from napari_refvae.widget.results.layers import InputPlane, LayerPlane
from napari_refvae.widget.results.maps import MapSpec
from napari_refvae.widget.results.run import Companions
from napari_refvae.widget.results.truths import truth_plane
from napari_refvae.widget.results.watching import require_plane_view

if TYPE_CHECKING:
    from collections.abc import Generator, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from napari_refvae.regions import Region
    from napari_refvae.spec import Reference
    from napari_refvae.widget.form.fields import AdvancedFields, SampleFields
    from napari_refvae.widget.form.image_fields import ImageFields
    from napari_refvae.widget.form.references import ReferenceList
    from napari_refvae.widget.results.layers import InputImage

__all__ = ["Draft", "Plan", "check_truth", "check_view", "chosen_maps", "chosen_truth"]


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
    companions
        The other layers that are taken.
    arguments
        For the engine.
    """

    origin: InputImage
    truth: NDArray[Any] | None
    maps: MapSpec
    companions: Companions
    arguments: dict[str, Any]


@dataclass(frozen=True, slots=True, eq=False)
class Draft:
    """What one click asks for: layers as they were at the click, some of them still to be read.

    Attributes
    ----------
    images
        A run for each: the channels of one image, or an image alone.
    truth
        The ground truth of the part that is super-resolved, or None.
    references
        Layers, paths and kinds.
    region
        The part; None for all.
    maps, settings
        As `Plan` has them; without what is still to be read.
    """

    images: tuple[InputPlane, ...]
    truth: LayerPlane | None
    references: tuple[LayerPlane | Path | Reference, ...]
    region: Region | None
    maps: MapSpec
    settings: dict[str, Any]

    @classmethod
    def of(
        cls,
        images: ImageFields,
        references: ReferenceList,
        sampling: SampleFields,
        advanced: AdvancedFields,
        viewer: Any,
    ) -> Draft:
        """Read the fields, and fix the layers; of stacks the planes that the viewer shows. Main thread only.

        Raises
        ------
        RefVAEError
            If something that is chosen cannot be used, as far as that is known without reading it.
        """
        maps, point = chosen_maps(advanced), viewer.dims.point
        check_truth(images, maps)
        check_view(viewer, images, references)
        region = images.region()
        planes = (
            channel_planes(images.layers, point) if len(images.layers) > 1 else [InputPlane.of(images.layers[0], point)]
        )
        original = chosen_truth(images, region, sampling.scale.value, point)
        return cls(
            images=tuple(plane.held() for plane in planes),
            truth=None if original is None else original.held(),
            references=tuple(fix_reference(choice, point) for choice in references.choices),
            region=region,
            maps=maps,
            settings=sampling.arguments()
            | advanced.arguments()
            | {"region": region, "matching": references.matching.on},
        )

    def __len__(self) -> int:
        """How many runs it becomes."""
        return len(self.images)

    def plans(self) -> Generator[None, None, list[Plan]]:
        """Read what is still to be read, and make a plan for each image; in a worker, where it may be stopped between.

        Raises
        ------
        RefVAEError
            If something cannot be read, or its values cannot be used.
        """
        origins: list[InputImage] = []
        for plane in self.images:
            origins.append(plane.read())
            yield
        references: list[Any] = []
        for one in self.references:
            references.append(one.reference() if isinstance(one, LayerPlane) else one)
            yield
        if len(origins) > 1:  # one latent for all: "the image itself" is what they add up to
            own_reference = mixed(origins)
            references = [own_reference if isinstance(one, SelfReference) else one for one in references]
        truth = None if self.truth is None else self.truth.pixels()
        return [self._plan(origin, references, truth) for origin in origins]

    def _plan(self, origin: InputImage, references: list[Any], truth: NDArray[Any] | None) -> Plan:
        own = {"image": origin.pixels, "intensity_range": origin.intensity_range, "references": references}
        part = origin if self.region is None else origin.within(self.region)
        companions = Companions.of(self.references, self.truth)
        return Plan(part, truth, self.maps, companions, self.settings | own)


def check_truth(images: ImageFields, maps: MapSpec) -> None:
    """Refuse residuals against a truth that is not there, and one truth of several channels."""
    maps.check_truth(images.truth.value is not None)
    if images.truth.value is not None and len(images.layers) > 1:
        raise InvalidInputError(
            f"expected no ground truth with several channels, each of which has its own; got "
            f"{images.truth.value.name!r}: choose (none), or one layer as the image"
        )


def chosen_truth(images: ImageFields, region: Region | None, factor: int, point: Sequence[float]) -> LayerPlane | None:
    """The part of the ground truth that samples are to equal, if there is one; refuses one that does not fit."""
    truth = images.truth.value
    if truth is None:
        return None
    return truth_plane(LayerPlane.of(truth, point), LayerPlane.of(images.layers[0], point), region, factor)


def check_view(viewer: Any, images: ImageFields, references: ReferenceList) -> None:
    """Refuse views that do not show which plane of a stack is meant, if there is a stack."""
    chosen = [*images.layers, *references.layers, *([images.truth.value] if images.truth.value else [])]
    if any(layer.ndim > 2 for layer in chosen):
        require_plane_view(viewer, "a stack, of which the plane on show is taken", turned=True)


def chosen_maps(advanced: AdvancedFields) -> MapSpec:
    """Which maps a run is to add."""
    return MapSpec(advanced.residual.value, advanced.gain.value, advanced.spread.value)
