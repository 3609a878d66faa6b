"""Which reference each sample of a subject gets: functions from a subject and a number to that many references."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import numpy as np

from napari_refvae.evaluation.subjects import Subject, find_originals, name_below, titled
from napari_refvae.imageio.eight_bits import deep_range
from napari_refvae.imageio.files import read_image
from napari_refvae.imageio.pixels import as_reference
from napari_refvae.spec import ImageReference, PriorReference, Reference, SelfReference

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["ReferenceChoice", "from_folder", "no_reference", "read_references", "the_input", "the_original"]

ReferenceChoice = Callable[[Subject, int], Sequence[Reference]]


def from_folder(folder: Path, most: int, say: Callable[[str], None] = lambda line: None) -> ReferenceChoice:
    """Sample k gets reference k of a folder, going round; at most the first ``most`` images are read.

    Raises
    ------
    InvalidInputError
        If the folder holds no image, or one cannot be used.
    """
    pool = read_references(folder, most, say)
    return lambda subject, samples: [pool[k % len(pool)] for k in range(samples)]


def read_references(folder: Path, most: int, say: Callable[[str], None] = lambda line: None) -> list[ImageReference]:
    """The first ``most`` images of a folder as references that have the files' names.

    Where two of them share a name without its suffix, both have their path below the folder. Those of more than 8
    bits are used from their darkest to their brightest value, and ``say`` is told so.
    """
    paths = find_originals(folder)[:most]
    often = Counter(path.stem for path in paths)
    names = [path.stem if often[path.stem] == 1 else name_below(folder, path) for path in paths]
    return [_read(path, name, say) for path, name in zip(paths, names, strict=True)]


def _read(path: Path, name: str, say: Callable[[str], None]) -> ImageReference:
    stored = read_image(path)
    used = deep_range(stored)
    if used is not None:
        say(f"reference {titled(path.name, used)}")
    return ImageReference(as_reference(stored, used), name)


def no_reference(subject: Subject, samples: int) -> Sequence[Reference]:
    """Every sample draws its code from the prior (the paper's "random")."""
    return [PriorReference()] * samples


def the_input(subject: Subject, samples: int) -> Sequence[Reference]:
    """The input is its own reference (the paper's "LR")."""
    return [SelfReference()] * samples


def the_original(subject: Subject, samples: int) -> Sequence[Reference]:
    """The original is the reference (the paper's "HR"): no fair use, but a bound on what a reference can give."""
    return [ImageReference(subject.hr.astype(np.float32) / np.float32(255), "original")] * samples
