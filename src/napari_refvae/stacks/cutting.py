"""From a plan to pieces that are ready to be made: what belongs to the whole plane, read once and handed out."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

import numpy as np

from napari_refvae.errors import InvalidInputError
from napari_refvae.imageio.missing import fill_missing
from napari_refvae.imageio.pixels import normalize
from napari_refvae.spec import PriorReference, SelfReference
from napari_refvae.stacks.making import load_maker
from napari_refvae.stacks.noise import FILE, NoiseField
from napari_refvae.stacks.pieces import Piece, window_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from napari_refvae.stacks.making import PieceMaker
    from napari_refvae.stacks.pieces import Code, Making, Place
    from napari_refvae.stacks.planning import PlannedStack, StackImage

__all__ = ["Cutter"]


class Cutter:
    """Cuts the pieces of a plan's images.

    Raises
    ------
    InvalidInputError
        If a plane cannot be used.
    """

    def __init__(self, plan: PlannedStack) -> None:
        self._plan = plan
        self._codes: dict[tuple[int | None, int], Code] = {}
        self._bounds = [self._plane_bounds(index, place) for place, index in enumerate(plan.source.layout.planes())]

    def _plane_bounds(self, index: tuple[int, ...], place: int) -> tuple[float, float] | None:
        plan = self._plan
        if not plan.survey.planes:
            return None
        with _about(index):
            return plan.survey.planes[place].bounds(plan.source.dtype, plan.settings.intensity_range)

    def cut(
        self, image: StackImage, places: Iterable[tuple[int, Place]], folder: Path, making: Making
    ) -> Iterator[tuple[int, Piece]]:
        """The pieces of an image, each with its number.

        Large noise fields go to a folder. References are read on the device that pieces are made on.
        """
        maker = load_maker(self._plan.model, making.device, making.precision)
        noise: tuple[int, NoiseField] | None = None
        for number, place in places:
            seed = self._plan.plane_samples(image, place.plane).seed
            if noise is None or noise[0] != seed:
                noise = seed, NoiseField(maker.model.layout, self._plan.source.layout.size, seed, folder / FILE)
            with _about(place.index):
                yield number, self._piece(image, place, noise[1], maker, making)

    def _piece(self, image: StackImage, place: Place, noise: NoiseField, maker: PieceMaker, making: Making) -> Piece:
        plan = self._plan
        size, survey = plan.source.layout.size, plan.survey.planes
        missing = bool(survey and survey[place.plane].missing)
        overlap = making.tiles.overlap
        window = window_of(place.region, size, maker.model, making.consistency, overlap, missing=missing)
        return Piece(
            pixels=plan.source.read(place.index, window),
            window=window,
            region=place.region.relative_to(window),
            size=size,
            bounds=self._bounds[place.plane],
            code=self._code(image, place, maker),
            noise=(noise.code, noise.window(window)),
        )

    def _code(self, image: StackImage, place: Place, maker: PieceMaker) -> Code:
        """Of the image's reference; read once, or once a plane where each is its own."""
        guide = None if image.reference is None else self._plan.guides[image.reference]
        reference = PriorReference() if guide is None else guide.reference
        alone = isinstance(reference, SelfReference)
        key = image.reference, place.plane if alone else 0
        if key not in self._codes:
            plane = self._plan.source.read(place.index) if alone else np.zeros((1, 1), np.uint8)
            normalized = normalize(fill_missing(plane)[0], self._plan.settings.intensity_range if alone else None)
            self._codes[key] = maker.read(reference, normalized)
        return self._codes[key]


@contextmanager
def _about(index: tuple[int, ...]) -> Iterator[None]:
    """Name the plane in what is refused."""
    try:
        yield
    except InvalidInputError as error:
        raise InvalidInputError(f"plane {index}: {error}" if index else str(error)) from error
