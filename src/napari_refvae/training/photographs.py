"""Folders of photographs: decoded once into memory, or, if they are too many, decoded again when they are drawn."""

from __future__ import annotations

import logging
import os
from collections import OrderedDict
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, overload

import numpy as np

from napari_refvae.errors import InvalidInputError, TrainingError
from napari_refvae.imageio.files import IMAGE_SUFFIXES, read_image
from napari_refvae.imageio.pixels import as_reference

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from numpy.typing import NDArray

__all__ = ["Photographs", "load_photographs"]

log = logging.getLogger(__name__)

GIGABYTE = 10**9


class Photographs(Sequence["NDArray[np.uint8]"]):
    """Images as ``(H, W, 3)`` uint8, of which at most so many bytes are kept in memory: those used last.

    Parameters
    ----------
    paths
        Files that have been decoded once without error.
    shapes
        Height and width of each.
    memory
        Bytes.
    """

    def __init__(self, paths: Sequence[Path], shapes: Sequence[tuple[int, int]], memory: float) -> None:
        self.paths, self.shapes, self.memory = list(paths), list(shapes), memory
        self._kept: OrderedDict[int, NDArray[np.uint8]] = OrderedDict()
        self._held = 0

    @property
    def nbytes(self) -> int:
        """Size of all of them decoded."""
        return sum(3 * height * width for height, width in self.shapes)

    @property
    def streamed(self) -> bool:
        """Whether they are too many to be kept."""
        return self.nbytes > self.memory

    @property
    def short_sides(self) -> list[int]:
        """Of each image, in pixels."""
        return [min(shape) for shape in self.shapes]

    def __len__(self) -> int:
        return len(self.paths)

    @overload
    def __getitem__(self, index: int) -> NDArray[np.uint8]: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[NDArray[np.uint8]]: ...
    def __getitem__(self, index: int | slice) -> NDArray[np.uint8] | Sequence[NDArray[np.uint8]]:
        if isinstance(index, slice):
            return [self[i] for i in range(*index.indices(len(self)))]
        index = range(len(self))[index]
        if index not in self._kept:
            self.keep(index, self._decoded(index))
        self._kept.move_to_end(index)
        return self._kept[index]

    def keep(self, index: int, pixels: NDArray[np.uint8]) -> None:
        """Hold an image that is already decoded; the images used longest ago make room for it."""
        self._kept[index] = pixels
        self._held += pixels.nbytes
        while self._held > self.memory and len(self._kept) > 1:
            _, oldest = self._kept.popitem(last=False)
            self._held -= oldest.nbytes

    def at_least(self, side: int) -> Photographs:
        """Those whose short side is not under ``side`` pixels; the others are named in the log.

        Raises
        ------
        TrainingError
            If there are none.
        """
        chosen = [index for index, short in enumerate(self.short_sides) if short >= side]
        if not chosen:
            raise TrainingError(f"expected images with a short side of at least {side} pixels; found none")
        for index in set(range(len(self))) - set(chosen):
            log.warning("skipped %s: %d x %d is too small", self.paths[index], *self.shapes[index])
        fewer = Photographs([self.paths[i] for i in chosen], [self.shapes[i] for i in chosen], self.memory)
        for new, old in enumerate(chosen):
            if old in self._kept:
                fewer.keep(new, self._kept[old])
        return fewer

    def _decoded(self, index: int) -> NDArray[np.uint8]:
        try:
            return _read(self.paths[index])
        except InvalidInputError as error:
            raise TrainingError(f"{self.paths[index]} was there when training began; now it is not: {error}") from error


def load_photographs(folder: Path, *, smallest: int, memory: float = np.inf) -> Photographs:
    """Decode every image below ``folder`` once, as ``(H, W, 3)`` uint8, and keep what ``memory`` holds.

    A file that cannot be decoded, or whose short side is under ``smallest`` pixels, is skipped and
    named in the log.

    Parameters
    ----------
    folder
        Searched recursively.
    smallest
        Pixels.
    memory
        Gigabytes of decoded images to keep at most.

    Raises
    ------
    TrainingError
        If nothing usable is left.
    """
    found = sorted(path for path in folder.rglob("*") if path.suffix.lower() in IMAGE_SUFFIXES and path.is_file())
    images = Photographs([], [], memory * GIGABYTE)
    for path, pixels in _decode_all(found, smallest):
        images.paths.append(path)
        images.shapes.append((pixels.shape[0], pixels.shape[1]))
        if not images.streamed:
            images.keep(len(images) - 1, pixels)
    if not len(images):
        raise TrainingError(
            f"expected images with a short side of at least {smallest} pixels below {folder}; found none"
        )
    where = f"more than the {memory:g} GB to keep: decoded again when drawn" if images.streamed else "kept in memory"
    log.info("%d images below %s, %.2f GB decoded: %s", len(images), folder, images.nbytes / GIGABYTE, where)
    return images


def _decode_all(paths: Sequence[Path], smallest: int) -> Iterator[tuple[Path, NDArray[np.uint8]]]:
    """Decode in parallel, a few at a time, so that not all are in memory at once."""
    workers = os.cpu_count() or 1
    with ThreadPoolExecutor(workers) as pool:
        for first in range(0, len(paths), 4 * workers):
            few = paths[first : first + 4 * workers]
            decoded = pool.map(lambda path: _decode(path, smallest), few)
            yield from ((path, pixels) for path, pixels in zip(few, decoded, strict=True) if pixels is not None)


def _decode(path: Path, smallest: int) -> NDArray[np.uint8] | None:
    try:
        pixels = _read(path)
    except InvalidInputError as error:
        log.warning("skipped %s: %s", path, error)
        return None
    if min(pixels.shape[:2]) < smallest:
        log.warning("skipped %s: %d x %d is too small", path, *pixels.shape[:2])
        return None
    return pixels


def _read(path: Path) -> NDArray[np.uint8]:
    stored = read_image(path)
    plain = stored.dtype == np.uint8 and stored.shape[2:] == (3,)
    return stored if plain else np.rint(as_reference(stored) * 255).astype(np.uint8)
