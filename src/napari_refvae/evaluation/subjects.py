"""What is evaluated: an original with its input, and the images that somebody made of that input."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from napari_refvae.errors import InvalidInputError
from napari_refvae.imageio.files import IMAGE_SUFFIXES, read_image
from napari_refvae.imageio.pixels import as_reference
from napari_refvae.metrics import low_resolution, modulo_crop

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from napari_refvae.spec import Reference

__all__ = ["Output", "Subject", "find_originals", "name_below", "named", "read_8_bit"]


@dataclass(frozen=True, slots=True, eq=False)
class Subject:
    """An original ``(scale*h, scale*w, 3)`` and its input ``(h, w, 3)``, both uint8."""

    name: str
    hr: NDArray[np.uint8]
    lr: NDArray[np.uint8]
    scale: int

    @classmethod
    def read(cls, path: Path, scale: int, folder: Path | None = None) -> Subject:
        """Read an original and make its input: cropped to multiples of ``scale``, down-sampled by D, 8 bits.

        It is named by its path below ``folder``, by which no two are alike, or else by its file.
        """
        return cls.of(read_8_bit(path), name_below(folder, path), scale)

    @classmethod
    def of(cls, original: NDArray[np.uint8], name: str, scale: int) -> Subject:
        """The same for an image that is there already."""
        hr = modulo_crop(original, scale)
        return cls(name, hr, low_resolution(hr, scale), scale)


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
    """Read an image as ``(H, W, 3)`` uint8, whatever it is stored as."""
    return np.rint(as_reference(read_image(path)) * 255).astype(np.uint8)


def named(paths: Sequence[Path], most: int = 5) -> str:
    """The first few names of a list of files, for a message."""
    rest = len(paths) - most
    return ", ".join(path.name for path in paths[:most]) + (f" and {rest} more" if rest > 0 else "")
