"""A stack that is to be upscaled: what it makes, and each plane of that."""

from __future__ import annotations

import hashlib
import math
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from napari_refvae.engine.frame import check_scale, plan_frame
from napari_refvae.engine.symmetry import faithful_spec
from napari_refvae.engine.upscaler import drain
from napari_refvae.errors import InvalidInputError, InvalidSpecError
from napari_refvae.imageio.arrays import ArraySource
from napari_refvae.imageio.files import open_source
from napari_refvae.imageio.measuring import measure_range
from napari_refvae.imageio.pixels import as_reference
from napari_refvae.inputs import Guide, Picture, as_tiles, read_references
from napari_refvae.loading import load_model, load_upscaler
from napari_refvae.planning import RunSettings, plan_run
from napari_refvae.provenance import STACK_FORMAT, Source, pixel_hash
from napari_refvae.spec import ImageReference, PriorReference, SampleSpec, SelfReference
from napari_refvae.stacks.surveying import Survey, read_bands, survey_stack

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from numpy.typing import NDArray

    from napari_refvae.imageio.layout import Layout
    from napari_refvae.inputs import ReferenceLike
    from napari_refvae.loading import LoadedModel

__all__ = ["Account", "Latent", "PlannedStack", "StackImage", "plan_stack"]

NONE = Guide(PriorReference(), Source("none", "none"))

LARGEST_SELF = 2**24
"""Pixels of a plane that can be its own reference: it is read whole for that, as 32-bit floats."""

Latent = Literal["same", "fresh"]


@dataclass(frozen=True, slots=True)
class StackImage:
    """One sample of a whole stack, or its faithful image.

    Attributes
    ----------
    name
        Of the reference; ``faithful`` for the faithful image.
    seed
        Of the sample's first plane; None for the faithful image.
    reference
        Number of the reference; None for the faithful image.
    """

    name: str
    seed: int | None
    reference: int | None

    @property
    def ending(self) -> str:
        """What its file's name ends with, before the suffix."""
        clean = "".join(letter if letter.isalnum() or letter in "-_" else "-" for letter in self.name)[:40]
        return "faithful" if self.seed is None else f"{clean.strip('-') or 'reference'}_s{self.seed}"


@dataclass(frozen=True, slots=True, eq=False)
class PlannedStack:
    """A stack, with all that upscaling it needs read and checked, but for its pixels.

    Attributes
    ----------
    source
        The stack.
    origin
        Where it came from.
    guides
        The references.
    settings
        As of a single run.
    model, scale
        What makes it, and how much larger.
    latent
        ``same``: each plane of a sample gets the sample's random numbers, and the stack's middle plane where it is
        its own reference. ``fresh``: each plane has its own, from the seed ``seed + sample + plane * samples``.
    survey
        What its planes hold. Values that are NaN or infinite are filled for the network and put back into the results.
    """

    source: ArraySource
    origin: Source
    guides: tuple[Guide, ...]
    settings: RunSettings
    model: LoadedModel
    scale: int
    survey: Survey
    latent: Latent = "same"

    @property
    def layout(self) -> Layout:
        """Of each result: axes, steps and places in the world."""
        layout, region = self.source.layout, self.settings.region
        if region is not None:
            part = {"y": (region.y, region.height), "x": (region.x, region.width)}
            axes = (
                replace(axis, length=part[axis.name][1], translation=axis.translation + axis.scale * part[axis.name][0])
                if axis.name in part
                else axis
                for axis in layout.axes
            )
            layout = replace(layout, axes=tuple(axes))
        return layout.enlarged(self.scale)

    @property
    def images(self) -> list[StackImage]:
        """What it makes, in order."""
        spec = self.settings.samples
        made = [
            StackImage(self.guides[number // spec.count].source.name, spec.seed + number, number // spec.count)
            for number in range(spec.count * len(self.guides))
        ]
        return [*made, StackImage("faithful", None, None)] if self.settings.faithful else made

    @property
    def record(self) -> dict[str, Any]:
        """What is known of its side-car before it is made."""
        settings, layout = self.settings, self.source.layout
        region, limits, spec = settings.region, settings.intensity_range, settings.samples
        asked = {name: getattr(spec, name) for name in ("count", "seed", "temperature", "strength", "vividness")}
        return {
            "format": STACK_FORMAT,
            "model": {"name": self.model.name, "preset": self.model.info.preset, "sha256": self.model.info.identity},
            "input": self.origin.as_dict() | {"axes": layout.names, "shape": [*layout.shape]},
            "references": [guide.source.as_dict() for guide in self.guides],
            "settings": asked
            | {
                "consistency": settings.consistency,
                "intensity_range": None if limits is None else [limits.low, limits.high],
                "region": None if region is None else [region.y, region.x, region.height, region.width],
                "scale": settings.scale,
                "faithful": settings.faithful,
                "self_ensemble": settings.self_ensemble,
                "latent": self.latent,
            },
        }

    def with_tiles(self) -> PlannedStack:
        """The same with automatic tiles chosen: for all planes alike, however much memory is free at each."""
        settings, size = self.settings, self.source.layout.size
        tiles = as_tiles(settings.tile, size)
        if tiles is None:
            upscaler = load_upscaler(self.model, settings.device, settings.precision)
            tiles = upscaler.automatic_tiles(plan_frame(size, settings.region, settings.consistency))
        return replace(self, settings=replace(settings, tile=tiles))

    def planes(self, image: StackImage, account: Account, on_plane: Callable[[], None]) -> Iterator[NDArray[Any]]:
        """One image of the whole stack, plane by plane."""
        for number, (index, pixels) in enumerate(self.source.planes()):
            settings = replace(self.settings, samples=self.plane_samples(image, number), faithful=False)
            guide = NONE if image.reference is None else self.guides[image.reference]
            picture = Picture(pixels, Source("image", f"plane {index}"))
            try:
                result = drain(plan_run(picture, [guide], settings).steps())
            except InvalidInputError as error:
                raise InvalidInputError(f"plane {index}: {error}") from error
            account.add(result.lr_psnr[0], result.provenance["resolved"])
            account.hashes.append(pixel_hash(result.sr[0]))
            yield result.sr[0]
            on_plane()

    def plane_samples(self, image: StackImage, plane: int) -> SampleSpec:
        """How one plane of an image is drawn."""
        spec = self.settings.samples
        if image.seed is None:
            return replace(faithful_spec(spec), count=1, seed=0)
        step = spec.count * len(self.guides) if self.latent == "fresh" else 0
        return replace(spec, count=1, seed=image.seed + plane * step)


@dataclass(slots=True)
class Account:
    """What is known of one image once its planes are made.

    Attributes
    ----------
    lr_psnr
        The least of its planes', in dB.
    resolved
        What automatic choices became.
    hashes
        Of its planes, or of the pieces that they were made of, in order.
    """

    lr_psnr: float = math.inf
    resolved: dict[str, Any] = field(default_factory=dict)
    hashes: list[str] = field(default_factory=list)

    @property
    def sha256(self) -> str:
        """Of all its pixels."""
        return hashlib.sha256("".join(self.hashes).encode()).hexdigest()

    def add(self, lr_psnr: float, resolved: dict[str, Any]) -> None:
        """Take one more plane into account."""
        self.lr_psnr, self.resolved = min(self.lr_psnr, lr_psnr), resolved


def plan_stack(
    image: Path | str | ArraySource,
    references: ReferenceLike | Sequence[ReferenceLike] = (),
    settings: RunSettings | None = None,
    *,
    latent: Latent = "same",
    source: ArraySource | None = None,
) -> PlannedStack:
    """Open a stack and check all that upscaling it needs.

    Parameters
    ----------
    image
        A TIFF, OME-TIFF or OME-Zarr, or what `napari_refvae.imageio.arrays.describe_array` makes of an array.
    references, settings
        As of a single run.
    latent
        See `PlannedStack`.
    source
        The image's, if it is open already.

    Raises
    ------
    RefVAEError
        As `api.upscale`.
    """
    if latent not in ("same", "fresh"):
        raise InvalidSpecError(f"latent must be 'same' or 'fresh'; got {latent!r}")
    settings = settings or RunSettings()
    if settings.matching:
        raise InvalidSpecError(
            "matching is for single images, not for stacks or large planes in pieces: leave it off, or cut out a part"
        )
    source = source or (image if isinstance(image, ArraySource) else open_source(image))
    if settings.region is not None:
        settings.region.check_within(source.layout.size)
    path = None if isinstance(image, ArraySource) else Path(image).resolve()
    name = source.name if path is None else path.name
    guides = read_references(references, settings.intensity_range, source.dtype, measured=settings.measured)
    _check_selves(guides, source)
    survey = survey_stack(source)
    if settings.measured:  # once for all planes: with a range of its own for each, the result would flicker
        settings = replace(settings, intensity_range=measure_range(read_bands(source)), measured=False)
    origin = Source("image", name, None if path is None else str(path), survey.sha256)
    if latent == "same" and source.layout.count > 1:
        guides = [_through_the_stack(guide, source, settings) for guide in guides]
    loaded = load_model(settings.model)
    scale = check_scale(settings.scale, loaded.network.scale)
    settings = replace(settings, model=loaded)
    return PlannedStack(source, origin, tuple(guides), settings, loaded, scale, survey, latent)


def _check_selves(guides: Sequence[Guide], source: ArraySource) -> None:
    """Refuse planes that are too large to be their own reference, before any is read for that."""
    selves = any(isinstance(guide.reference, SelfReference) for guide in guides)
    height, width = source.layout.size
    if selves and height * width > LARGEST_SELF:
        raise InvalidInputError(
            f"expected a plane of at most {LARGEST_SELF:,} pixels as its own reference; got {height} x {width}: "
            "give a part of it as the reference (-r part.png), or none"
        )


def _through_the_stack(guide: Guide, source: ArraySource, settings: RunSettings) -> Guide:
    """A reference for all planes alike: where a plane would be its own, the middle one."""
    if not isinstance(guide.reference, SelfReference):
        return guide
    middle = source.read(tuple(axis.length // 2 for axis in source.layout.leading))
    return Guide(ImageReference(as_reference(middle, settings.intensity_range), guide.reference.name), guide.source)
