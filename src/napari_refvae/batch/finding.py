"""Which images are meant by files, folders, patterns and lists, and where in the output each belongs."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from napari_refvae.batch.sidecars import listed_results
from napari_refvae.errors import InvalidInputError, UnreadableFileError
from napari_refvae.imageio.files import IMAGE_SUFFIXES
from napari_refvae.imageio.omezarr import is_zarr

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

__all__ = ["Found", "find_images", "split_list"]

WILD = frozenset("*?[")

FLAT = Path()


@dataclass(frozen=True, slots=True)
class Found:
    """An image, which need not exist if it was named.

    Attributes
    ----------
    path
        The file, or a zarr folder.
    folder
        The folder of the output that mirrors where it was found; relative, and empty if it was named itself.
    """

    path: Path
    folder: Path = FLAT


def find_images(words: Iterable[str], *, listed: Iterable[str] = (), recursive: bool = False) -> list[Found]:
    """Find images by files, folders and patterns; each once, in order.

    In folders and by patterns, images are known by their suffix, hidden files are left out, and so are results
    of ours: what a side-car in the same folder lists.

    Parameters
    ----------
    words
        Files (images of any name), folders, zarr folders, and patterns such as ``photos/**/*.png``.
    listed
        Files and folders that are taken literally, without patterns.
    recursive
        Whether folders inside of folders are searched, too.

    Raises
    ------
    InvalidInputError
        If a folder or pattern holds no image, or nothing is named.
    """
    found: dict[Path, Found] = {}
    for word, literal in (*((word, False) for word in words), *((word, True) for word in listed)):
        for image in _find(word, literal, recursive):
            found.setdefault(Path(os.path.abspath(image.path)), image)
    if not found:
        raise InvalidInputError("expected images; got none: name files or folders")
    return [*found.values()]


def split_list(text: str) -> list[str]:
    """The paths of a list: one a line, or separated by zero bytes as ``find -print0`` has it.

    Blanks around a line do not count; names that begin or end with some are separated by zero bytes.
    """
    text = text.removeprefix("\ufeff")  # as some editors and shells begin a text
    if "\0" in text:
        return [path for path in text.split("\0") if path]
    return [line.strip() for line in text.splitlines() if line.strip()]


def _find(word: str, literal: bool, recursive: bool) -> list[Found]:
    if not word.strip():
        raise InvalidInputError(
            "expected names of files or folders; got an empty one: is a variable of the shell unset?"
        )
    path = Path(word)
    if os.path.isdir(path) and not is_zarr(path):
        found = [*_walk(path, path, recursive)]
        hint = "" if recursive else ", or say --recursive to search the folders in it"
        _check_some(found, f"in the folder {word}", f"name another{hint}")
    elif not literal and not os.path.exists(path) and WILD & {*word}:
        found = [*_match(word)]
        _check_some(found, f"that match {word}", "check the pattern")
    else:
        found = [Found(path)]
    return found


def _check_some(found: list[Found], where: str, hint: str) -> None:
    if not found:
        raise InvalidInputError(
            f"expected images; there are none {where} ({', '.join(sorted(IMAGE_SUFFIXES))}, .zarr): {hint}"
        )


def _walk(folder: Path, root: Path, recursive: bool) -> Iterator[Found]:
    """Images of a folder by name, then those of the folders in it."""
    own, inner = listed_results(folder), []
    for path in _listed(folder):
        if path.name in own or path.name.startswith("."):
            continue
        if path.is_dir() and not is_zarr(path):
            inner.append(path)
        elif _is_image(path):
            yield Found(path, folder.relative_to(root))
    for path in inner if recursive else ():
        if not path.is_symlink():  # which may lead in a circle
            yield from _walk(path, root, recursive)


def _listed(folder: Path) -> list[Path]:
    try:
        return sorted(folder.iterdir())
    except OSError as error:
        raise UnreadableFileError(
            f"expected a folder of images; {folder} cannot be read ({error.strerror}): check its permissions"
        ) from error


def _match(pattern: str) -> Iterator[Found]:
    """Images that match a pattern; their folders count from its part without wildcards."""
    parts = Path(pattern).parts
    if any("**" in part and part != "**" for part in parts):  # some versions of Python refuse it, others read one star
        raise InvalidInputError(
            f"expected ** as a whole part of a pattern, as in photos/**/*.png; got {pattern!r}: put a / after it"
        )
    fixed = next(number for number, part in enumerate(parts) if WILD & {*part})
    root = Path(*parts[:fixed])
    for path in sorted(root.glob(str(Path(*parts[fixed:])))):
        within = path.relative_to(root)
        hidden = any(part.startswith(".") for part in within.parts)
        inside_zarr = any(is_zarr(root / parent) for parent in within.parents)
        if not hidden and not inside_zarr and _is_image(path) and path.name not in listed_results(path.parent):
            yield Found(path, within.parent)


def _is_image(path: Path) -> bool:
    if path.is_dir():
        return is_zarr(path)
    return path.suffix.lower() in IMAGE_SUFFIXES
