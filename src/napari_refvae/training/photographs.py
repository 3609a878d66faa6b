"""Folders of photographs: decoded once into memory, or, if they are too many, decoded again when they are drawn."""

from __future__ import annotations

import logging
import os
import warnings
from collections import OrderedDict
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import TYPE_CHECKING, NamedTuple, overload

import numpy as np

from napari_refvae.errors import InvalidInputError, TrainingError
from napari_refvae.imageio.eight_bits import as_8_bit, deep_range
from napari_refvae.imageio.files import IMAGE_SUFFIXES, read_image

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from numpy.typing import NDArray

    from napari_refvae.spec import IntensityRange

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
            return _read(self.paths[index]).pixels
        except InvalidInputError as error:
            raise TrainingError(f"{self.paths[index]} was there when training began; now it is not: {error}") from error


def load_photographs(folder: Path, *, smallest: int, memory: float = np.inf) -> Photographs:
    """Decode every image below ``folder`` once, as ``(H, W, 3)`` uint8, and keep what ``memory`` holds.

    Images of more than 8 bits are used from their darkest to their brightest value, each by itself, and the log says
    so. A file that cannot be decoded, or whose short side is under ``smallest`` pixels, is skipped and
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
    images, deep = Photographs([], [], memory * GIGABYTE), list[str]()
    with _no_warnings():
        for path, (pixels, used) in _decode_all(found, smallest):
            images.paths.append(path)
            images.shapes.append((pixels.shape[0], pixels.shape[1]))
            deep += [] if used is None else [f"{path.name} from {used.low:g} to {used.high:g}"]
            if not images.streamed:
                images.keep(len(images) - 1, pixels)
    if not len(images):
        raise TrainingError(
            f"expected images with a short side of at least {smallest} pixels below {folder}; found none"
        )
    if deep:
        log.info(
            "%d of more than 8 bits, each used from its darkest to its brightest value: %s", len(deep), _first(deep)
        )
    where = f"more than the {memory:g} GB to keep: decoded again when drawn" if images.streamed else "kept in memory"
    log.info("%d images below %s, %.2f GB decoded: %s", len(images), folder, images.nbytes / GIGABYTE, where)
    return images


class _Decoded(NamedTuple):
    """``(H, W, 3)`` uint8, and which stored values are black and white in it if they were measured."""

    pixels: NDArray[np.uint8]
    used: IntensityRange | None


def _first(words: Sequence[str], most: int = 3) -> str:
    return ", ".join(words[:most]) + (" ..." if len(words) > most else "")


@contextmanager
def _no_warnings() -> Iterator[None]:
    """Silence warnings of damaged tags once for all threads, since what each of them silences may stay so for ever."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


def _decode_all(paths: Sequence[Path], smallest: int) -> Iterator[tuple[Path, _Decoded]]:
    """Decode in parallel, a few at a time, so that not all are in memory at once."""
    workers = os.cpu_count() or 1
    with ThreadPoolExecutor(workers) as pool:
        for first in range(0, len(paths), 4 * workers):
            few = paths[first : first + 4 * workers]
            decoded = pool.map(lambda path: _decode(path, smallest), few)
            yield from ((path, image) for path, image in zip(few, decoded, strict=True) if image is not None)


def _decode(path: Path, smallest: int) -> _Decoded | None:
    try:
        image = _read(path)
    except InvalidInputError as error:
        log.warning("skipped %s: %s", path, error)
        return None
    if min(image.pixels.shape[:2]) < smallest:
        log.warning("skipped %s: %d x %d is too small", path, *image.pixels.shape[:2])
        return None
    return image


def _read(path: Path) -> _Decoded:
    stored = read_image(path)
    used = deep_range(stored)
    return _Decoded(as_8_bit(stored, used), used)
