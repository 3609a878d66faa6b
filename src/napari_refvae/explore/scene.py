"""A part of the image as the network sees it: encoded once, with the details that were decoded last."""

from __future__ import annotations

from collections import OrderedDict
from functools import reduce
from typing import TYPE_CHECKING

from napari_refvae.engine.finishing import Finisher
from napari_refvae.engine.symmetry import choose_symmetries
from napari_refvae.regions import Region

if TYPE_CHECKING:
    from collections.abc import Iterator

    from torch import Tensor

    from napari_refvae.engine.frame import Frame
    from napari_refvae.engine.placed import PlacedModel
    from napari_refvae.engine.symmetry import Symmetry
    from napari_refvae.explore.latents import LatentMaker
    from napari_refvae.explore.recipes import LatentRecipe
    from napari_refvae.spec import SuperResolutionRequest, TileSpec

__all__ = ["Scene", "Scenes"]

KEPT_SCENES = 3
"""Parts of the image whose features stay: the whole, the view, the view before."""

KEPT_BYTES = 2**28
"""Of decoded details in one scene, beyond those of the sample that is being made."""


class Scene:
    """One frame of the image, cut into tiles of one size.

    Attributes
    ----------
    frame, tiles, plan
        What is seen, and how it is cut.
    features
        Of each tile, once encoded.
    """

    def __init__(self, placed: PlacedModel, request: SuperResolutionRequest, frame: Frame, tiles: TileSpec) -> None:
        self.frame = frame
        self.tiles = tiles
        self.plan = placed.plan(frame, tiles)
        self.features: list[Tensor] = []
        self._read = reduce(Region.joined, (tile.read for tile in self.plan))
        self._placed = placed
        self._request = request
        self._details: OrderedDict[LatentRecipe, Tensor] = OrderedDict()
        self._finishers: dict[int, Finisher] = {}

    def encode(self) -> Iterator[int]:
        """Encode tile by tile, unless that is done; says which."""
        if self.features:
            return
        features = []
        for number, tile in enumerate(self.plan):
            features.append(self._placed.encode_tile(self._request.image, tile))
            yield number
        self.features = features

    def decode(self, recipe: LatentRecipe, maker: LatentMaker) -> Iterator[int]:
        """Decode tile by tile, and know the recipe then; says which, once a symmetry."""
        window, image, latent = self.frame.window, self._request.image, maker.part(recipe, self._read)
        detail, symmetries = self._placed.canvas(window), self.symmetries(recipe)
        for number, tile in enumerate(self.plan):
            known = self.features[number]
            for _ in self._placed.decode_tile(image, known, latent, tile, window, detail, symmetries):
                yield number
        self._details[recipe] = detail

    def symmetries(self, recipe: LatentRecipe) -> tuple[Symmetry, ...]:
        """Over which a recipe's detail is averaged, as in a run."""
        return choose_symmetries(self._request.self_ensemble, recipe.draw.spec, self._placed.model.layout)

    def knows(self, recipe: LatentRecipe) -> bool:
        """Whether its detail is there; if so, it is now the one used last."""
        if recipe not in self._details:
            return False
        self._details.move_to_end(recipe)
        return True

    def detail(self, recipe: LatentRecipe) -> Tensor:
        """The window's detail ``(1, 3, scale*h, scale*w)``, before interpolation and projection; not to be changed."""
        return self._details[recipe]

    def finisher(self, scale: int) -> Finisher:
        """What projects and stores at a scale."""
        if scale not in self._finishers:
            finest, device = self._placed.model.scale, self._placed.torch_device
            self._finishers[scale] = Finisher(self._request, self.frame, finest, scale, device)
        return self._finishers[scale]

    def trim(self) -> None:
        """Forget the details that were not used for longest, if they are too large together."""
        while self._details and sum(detail.nbytes for detail in self._details.values()) > KEPT_BYTES:
            self._details.popitem(last=False)


class Scenes:
    """The scenes of one image that were seen last."""

    def __init__(self, placed: PlacedModel, request: SuperResolutionRequest) -> None:
        self._placed = placed
        self._request = request
        self._kept: OrderedDict[tuple[Frame, TileSpec], Scene] = OrderedDict()

    def scene(self, frame: Frame, tiles: TileSpec) -> Scene:
        """The frame's scene, made if it is not kept."""
        key = frame, tiles
        scene = self._kept.pop(key, None) or Scene(self._placed, self._request, frame, tiles)
        self._kept[key] = scene
        while len(self._kept) > KEPT_SCENES:
            self._kept.popitem(last=False)
        return scene

    def trim(self) -> None:
        """Let every scene forget what is too much."""
        for scene in self._kept.values():
            scene.trim()

    def forget(self) -> None:
        """Drop everything."""
        self._kept.clear()
