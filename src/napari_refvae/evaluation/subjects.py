"""What is evaluated: an original with its input, and the images that somebody made of that input."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from napari_refvae.errors import InvalidInputError
from napari_refvae.imageio.eight_bits import as_8_bit, deep_range
from napari_refvae.imageio.files import IMAGE_SUFFIXES, read_image
from napari_refvae.metrics import low_resolution, modulo_crop

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    import numpy as np
    from numpy.typing import NDArray

    from napari_refvae.spec import IntensityRange, Reference

__all__ = [
    "Levels",
    "Output",
    "Subject",
    "find_originals",
    "name_below",
    "named",
    "read_8_bit",
    "read_levels",
    "titled",
]


@dataclass(frozen=True, slots=True)
class Levels:
    """Which stored values of an image of more than 8 bits are black and white: its darkest and its brightest."""

    dtype: np.dtype[Any]
    used: IntensityRange


@dataclass(frozen=True, slots=True, eq=False)
class Subject:
    """An original ``(scale*h, scale*w, 3)`` and its input ``(h, w, 3)``, both uint8.

    ``levels`` is None if the original is stored with 8 bits.
    """

    name: str
    hr: NDArray[np.uint8]
    lr: NDArray[np.uint8]
    scale: int
    levels: Levels | None = None

    @classmethod
    def read(cls, path: Path, scale: int, folder: Path | None = None) -> Subject:
        """Read an original and make its input: cropped to multiples of ``scale``, down-sampled by D, 8 bits.

        It is named by its path below ``folder``, by which no two are alike, or else by its file.
        """
        original, levels = read_levels(path)
        return cls.of(original, name_below(folder, path), scale, levels)

    @classmethod
    def of(cls, original: NDArray[np.uint8], name: str, scale: int, levels: Levels | None = None) -> Subject:
        """The same for an image that is there already."""
        hr = modulo_crop(original, scale)
        return cls(name, hr, low_resolution(hr, scale), scale, levels)

    @property
    def title(self) -> str:
        """Its name, and what is black and white in it, if that was measured."""
        return titled(self.name, None if self.levels is None else self.levels.used)

    def read_picture(self, path: Path) -> NDArray[np.uint8]:
        """Read a picture of the same as ``(H, W, 3)`` uint8: in the original's range if it has its dtype."""
        stored = read_image(path)
        levels = self.levels
        return as_8_bit(stored, levels.used if levels is not None and levels.dtype == stored.dtype else None)


@dataclass(frozen=True, slots=True, eq=False)
class Output:
    """One image that was made of a subject's input.

    ``kind`` is bicubic, faithful, sample or mean; ``source`` the reference that a sample was drawn with, and
    ``reference`` its name (for another method's picture, that of its file).
    """

    kind: str
    sr: NDArray[np.uint8]
    reference: str = ""
    seed: int | None = None
    source: Reference | None = None


def find_originals(folder: Path) -> list[Path]:
    """Image files below a folder, told by their suffix, in alphabetical order; or the one file given.

    What is hidden, or lies in a hidden folder, is left out.

    Raises
    ------
    InvalidInputError
        If there are none.
    """
    images = (path for path in folder.rglob("*") if path.suffix.lower() in IMAGE_SUFFIXES and path.is_file())
    seen = (path for path in images if not any(part.startswith(".") for part in path.relative_to(folder).parts))
    found = [folder] if folder.is_file() else sorted(seen)
    if not found:
        raise InvalidInputError(f"expected images below {folder}; found none: check the folder")
    return found


def name_below(folder: Path | None, path: Path) -> str:
    """The path of a file below a folder, with forward slashes; of the one file given its name."""
    return path.name if folder is None or folder == path else path.relative_to(folder).as_posix()


def read_8_bit(path: Path) -> NDArray[np.uint8]:
    """Read an image as ``(H, W, 3)`` uint8, whatever it is stored as; for that of deep ones see `Levels`."""
    return read_levels(path)[0]


def read_levels(path: Path) -> tuple[NDArray[np.uint8], Levels | None]:
    """`read_8_bit`, and what is black and white in it if it is stored with more than 8 bits."""
    stored = read_image(path)
    used = deep_range(stored)
    return as_8_bit(stored, used), None if used is None else Levels(stored.dtype, used)


def titled(name: str, used: IntensityRange | None) -> str:
    """A name for people, with what is black and white in the image if that was measured."""
    return name if used is None else f"{name} ({used.low:g} is black, {used.high:g} white)"


def named(paths: Sequence[Path], most: int = 5) -> str:
    """The first few names of a list of files, for a message."""
    rest = len(paths) - most
    return ", ".join(path.name for path in paths[:most]) + (f" and {rest} more" if rest > 0 else "")
