"""A stack, or one large plane, made piece by piece into OME-Zarr: memory grows neither with planes nor with stacks.

Each piece is on the disk, and noted, as soon as it is made; a run that was stopped, or killed, goes on from there.
"""

from __future__ import annotations

import math
import shutil
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from napari_refvae.engine.frame import plan_frame
from napari_refvae.errors import DeviceError, InvalidSpecError
from napari_refvae.imageio.pyramids import level_factors
from napari_refvae.imageio.writing import output_errors
from napari_refvae.imageio.zarrwriting import CHUNK, create_ome_zarr, reopen_ome_zarr
from napari_refvae.inputs import as_tiles
from napari_refvae.provenance import pixel_hash
from napari_refvae.regions import Region, TileSpec
from napari_refvae.spec import Progress
from napari_refvae.stacks.cutting import Cutter
from napari_refvae.stacks.making import load_maker
from napari_refvae.stacks.pieces import PIECE, Making, Place, cut_pieces
from napari_refvae.stacks.planning import Account
from napari_refvae.stacks.pools import HERE
from napari_refvae.stacks.stage import Entry, open_stage

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from napari_refvae.imageio.zarrwriting import ZarrTarget
    from napari_refvae.stacks.pieces import MadePiece
    from napari_refvae.stacks.planning import PlannedStack, StackImage
    from napari_refvae.stacks.pools import Pool
    from napari_refvae.stacks.stage import Stage

__all__ = ["StreamedRun", "identify", "list_places"]


class StreamedRun:
    """The pieces of a plan, and how they are made.

    Parameters
    ----------
    plan
        The stack.
    pool
        Where pieces are made; None: here.
    on_progress
        Called after each piece.

    Attributes
    ----------
    resolved
        What automatic choices became; of a run that goes on, at its beginning. All pieces are made so, wherever.
    """

    def __init__(
        self,
        plan: PlannedStack,
        pool: Pool | None = None,
        on_progress: Callable[[Progress], None] | None = None,
    ) -> None:
        self.plan = plan
        self.places = list_places(plan)
        self.resolved = self._resolve()
        self._cutter = Cutter(plan)
        self._pool = pool or HERE
        self._on_progress = on_progress
        self._done = 0

    def into(
        self, folder: Path, name: str, publish: Callable[[Sequence[Path], Sequence[Account]], None], *, resume: bool
    ) -> list[Account]:
        """Make each image in a hidden folder, then have all of them published.

        Parameters
        ----------
        folder
            Where the hidden folder goes.
        name
            Of the images, in their metadata.
        publish
            Called with the finished zarr folders, which it moves, and what is known of each.
        resume
            Whether to go on with what a run that was stopped has left.

        Raises
        ------
        DeviceError
            If the run was begun on a device that is not here, or not the one that is asked for now.
        InvalidSpecError
            If it was begun with another precision or other tiles than are asked for now.
        RefVAEError
            If the disk is full, an image damaged, a worker lost for good, and so on.
        """
        with open_stage(folder, identify(self.plan), self.resolved, resume=resume) as stage:
            self._go_on_as(stage.resolved)
            accounts = [self._fill(stage, number, name) for number in self._numbers]
            publish([stage.target(number) for number in self._numbers], accounts)
        return accounts

    def trace(self, folder: Path) -> list[Account]:
        """Make each image and keep what is known of it alone; a large noise field goes to a folder."""
        return [self._account(self._make(number, {}, folder, lambda *_: None)) for number in self._numbers]

    @property
    def _numbers(self) -> range:
        return range(len(self.plan.images))

    def _resolve(self) -> dict[str, Any]:
        """Device, precision and tiles, as they are chosen here and now."""
        plan, settings = self.plan, self.plan.settings
        maker = load_maker(plan.model, settings.device, settings.precision)
        largest = max((place.region for place in self.places), key=lambda region: region.height * region.width)
        frame = plan_frame(plan.source.layout.size, largest, settings.consistency)
        tiles = as_tiles(settings.tile, (frame.window.height, frame.window.width)) or maker.automatic_tiles(frame)
        overlap = maker.model.halo if tiles.overlap is None else tiles.overlap
        return {
            "device": maker.device.value,
            "precision": maker.precision.value,
            "tile": asdict(TileSpec(tiles.size, overlap)),
            "piece": PIECE,
        }

    def _go_on_as(self, begun: dict[str, Any]) -> None:
        """Take the choices with which the run was begun: with others, its pieces would differ in the last bits."""
        device = begun["device"]
        told = {
            "device": f"on {device}",
            "precision": f"in {begun['precision']}",
            "tile": f"with tiles of {begun['tile']['size']}",
        }
        for name, words in told.items():
            asked = getattr(self.plan.settings, name)
            if asked != "auto" and begun[name] != self.resolved[name]:
                raise (DeviceError if name == "device" else InvalidSpecError)(
                    f"the run was begun {words}; got {name} {asked!r}: leave the {name} out, or begin anew without "
                    "--resume"
                )
        self.resolved = begun
        try:
            load_maker(self.plan.model, device, begun["precision"])
        except DeviceError as error:
            raise DeviceError(
                f"the run was begun on {device}, which is not here ({error}): go on where it is, or begin anew "
                "without --resume"
            ) from error

    def _making(self, image: StackImage) -> Making:
        plan, settings = self.plan, self.plan.settings
        return Making(
            model=plan.model.name,
            identity=plan.model.info.identity,
            device=self.resolved["device"],
            precision=self.resolved["precision"],
            tiles=TileSpec(**self.resolved["tile"]),
            scale=plan.scale,
            consistency=settings.consistency,
            self_ensemble=settings.self_ensemble,
            intensity_range=settings.intensity_range,
            samples=plan.plane_samples(image, 0),  # the seeds lie in the noise
        )

    def _make(
        self, number: int, done: Mapping[int, Entry], folder: Path, keep: Callable[[int, MadePiece, Entry], None]
    ) -> dict[int, Entry]:
        """Make the pieces of an image that are not done; ``keep`` gets each of them."""
        image, entries = self.plan.images[number], dict(done)
        left = [(piece, place) for piece, place in enumerate(self.places) if piece not in done]
        making = self._making(image)
        pieces = self._cutter.cut(image, left, folder, making)
        for piece, made in self._pool.make(pieces, making, self.plan.model):
            entries[piece] = Entry(pixel_hash(made.pixels), made.lr_psnr)
            keep(piece, made, entries[piece])
            self._say(number, piece)
        return entries

    def _fill(self, stage: Stage, number: int, name: str) -> Account:
        """Make what is open of one image on the disk."""
        target = self._target(stage.target(number), name)
        done = {}
        for piece, place in enumerate(self.places):
            entry = stage.entry(number, piece)
            if entry is not None and self._is_kept(target, place, entry):
                done[piece] = entry
                self._say(number, piece)

        def keep(piece: int, made: MadePiece, entry: Entry) -> None:
            place = self.places[piece]
            target.write(made.pixels, place.index, self._on_target(place))
            stage.add(number, piece, entry)

        return self._account(self._make(number, done, stage.folder, keep))

    def _is_kept(self, target: ZarrTarget, place: Place, entry: Entry) -> bool:
        """Whether a piece is on the disk as it was written."""
        pixels = target.recall(place.index, self._on_target(place))
        return pixels is not None and pixel_hash(pixels) == entry.sha256

    def _target(self, path: Path, name: str) -> ZarrTarget:
        """The image on the disk: what is there, or a new one."""
        layout, dtype = self.plan.layout, self.plan.source.dtype
        factors = level_factors(layout.size, self.plan.scale, CHUNK)
        found = reopen_ome_zarr(path, layout, dtype, name=name, factors=factors) if path.exists() else None
        if found is not None:
            return found
        with output_errors(path):
            shutil.rmtree(path, ignore_errors=True)
        return create_ome_zarr(path, layout, dtype, name=name, factors=factors, part=PIECE * self.plan.scale)

    def _on_target(self, place: Place) -> Region:
        """Where a piece lies in the result."""
        region = self.plan.settings.region
        return (place.region if region is None else place.region.relative_to(region)).scaled(self.plan.scale)

    def _account(self, entries: Mapping[int, Entry]) -> Account:
        """The least LR-PSNR of the planes, from the mean squared errors of their pieces; and the pieces' hashes."""
        account, own = Account(), dict[int, list[tuple[int, float]]]()
        for number, place in enumerate(self.places):
            error = 10 ** (-entries[number].lr_psnr / 10)
            own.setdefault(place.plane, []).append((place.region.height * place.region.width, error))
        for pieces in own.values():
            mean = sum(area * error for area, error in pieces) / sum(area for area, _ in pieces)
            account.add(-10 * math.log10(mean) if mean else math.inf, self.resolved)
        account.hashes = [entries[number].sha256 for number in range(len(self.places))]
        return account

    def _say(self, image: int, piece: int) -> None:
        self._done += 1
        if self._on_progress is not None:
            pieces, images = len(self.places), len(self.plan.images)
            self._on_progress(Progress(self._done, images * pieces, "project", image, images, piece, pieces))


def identify(plan: PlannedStack) -> dict[str, Any]:
    """What tells one streamed run from another: what it makes, and in which pieces."""
    return plan.record | {"piece": PIECE}


def list_places(plan: PlannedStack) -> list[Place]:
    """The pieces of one image, in order."""
    regions = cut_pieces(plan.settings.region or Region(0, 0, *plan.source.layout.size), PIECE)
    planes = enumerate(plan.source.layout.planes())
    return [Place(plane, index, region) for plane, index in planes for region in regions]
