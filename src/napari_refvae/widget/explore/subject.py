"""What is explored: copies of an image and its references, and the network that is to look at them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from napari_refvae.inputs import Picture
from napari_refvae.provenance import Source, pixel_hash
from napari_refvae.widget.form.references import read_choice
from napari_refvae.widget.results.layers import read_input

if TYPE_CHECKING:
    from collections.abc import Sequence

    from napari.layers import Image

    from napari_refvae.explore.session import Session
    from napari_refvae.inputs import ReferenceLike
    from napari_refvae.widget.form.references import ReferenceItem
    from napari_refvae.widget.preferences import Preferences
    from napari_refvae.widget.results.layers import InputImage

__all__ = ["Subject"]


@dataclass(frozen=True, slots=True, eq=False)
class Subject:
    """An image and its references, fixed on the main thread; a session of them is opened on any.

    Attributes
    ----------
    origin
        The image: a whole plane.
    references
        In the order of a recipe's weights.
    preferences
        Which model, device and precision.
    """

    origin: InputImage
    references: tuple[ReferenceLike, ...]
    preferences: Preferences

    @classmethod
    def of(
        cls, layer: Image, choices: Sequence[ReferenceItem], point: Sequence[float] | None, preferences: Preferences
    ) -> Subject:
        """Copy layers, of stacks the planes at a point of the world.

        Raises
        ------
        InvalidInputError
            If one cannot be used.
        """
        return cls(read_input(layer, point), tuple(read_choice(choice, point) for choice in choices), preferences)

    @property
    def size(self) -> tuple[int, int]:
        """Height and width of the image in pixels."""
        height, width = self.origin.pixels.shape[:2]
        return height, width

    def open(self) -> Session:
        """Load torch and the model, and read the references: takes a while, so off the GUI thread.

        Raises
        ------
        RefVAEError
            As `napari_refvae.explore.Session`.
        """
        from napari_refvae.explore.session import Session

        pixels, chosen = self.origin.pixels, self.preferences
        picture = Picture(pixels, Source("image", self.origin.title, None, pixel_hash(pixels)))
        return Session(
            picture,
            self.references,
            model=chosen.model,
            device=chosen.device,
            precision=chosen.precision,
            intensity_range=self.origin.intensity_range,
        )
