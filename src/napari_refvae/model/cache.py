"""The folder that downloads go to, and how a file gets there whole, once, and as it should be."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path
from typing import Any

import pooch
from filelock import FileLock

from napari_refvae.errors import DISK_FULL, CheckpointError, MissingWeightsError, OutputError

__all__ = ["cache_dir", "cached", "fetch", "sha256"]

CHUNK = 2**16  # bytes that are written at once; a download that is cut off loses at most these


def cache_dir() -> Path:
    """The folder of ``REFVAE_CACHE``, or else the system's cache folder for this package. It may not exist yet."""
    return Path(os.environ.get("REFVAE_CACHE") or pooch.os_cache("napari-refvae")).expanduser()


def cached(name: str, digest: str) -> Path | None:
    """A file of the cache, if it is there; nothing is downloaded.

    Parameters
    ----------
    name
        What the file is called in the cache.
    digest
        Hex sha256 of the whole file.

    Raises
    ------
    CheckpointError
        If the file of that name is another one, or damaged.
    """
    path = cache_dir() / name
    if not path.is_file():
        return None
    found = sha256(path)
    if found != digest:
        raise CheckpointError(f"expected {path} with sha256 {digest}; got {found}: delete it, and get it again")
    return path


def fetch(url: str, digest: str, name: str) -> Path:
    """Download a file into the cache once, and check it.

    What arrives goes to ``<name>.partial``; a download that was cut off goes on from there (if the server
    can), and only a file with the right hash gets its name. Of several processes one downloads, while the others
    wait for it; the system frees the lock of one that dies.

    Parameters
    ----------
    url
        Where from.
    digest
        Hex sha256 of the whole file.
    name
        What the file is called in the cache.

    Returns
    -------
    Path
        Of the file in the cache.

    Raises
    ------
    MissingWeightsError
        If the download fails; the sentence says where to put the file by hand.
    CheckpointError
        If what came has another hash; it is deleted.
    OutputError
        If the cache cannot be written.
    """
    target = cache_dir() / name
    if target.is_file() and sha256(target) == digest:
        return target
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with FileLock(target.with_name(f".{name}.lock")):
            if not (target.is_file() and sha256(target) == digest):  # another process may have been here
                _fetch_alone(url, digest, target)
    except (OSError, NotImplementedError) as error:  # the latter: a file system that knows no locks
        raise OutputError(
            f"the cache {target.parent} cannot be written ({error}); set REFVAE_CACHE to a folder that can"
        ) from error
    return target


def _fetch_alone(url: str, digest: str, target: Path) -> None:
    """Download a file, or the rest of it, while no other process does."""
    partial = target.with_name(target.name + ".partial")
    partial.touch()
    if sha256(partial) != digest:
        _download(url, partial, target)
    found = sha256(partial)
    if found != digest:
        partial.unlink()
        raise CheckpointError(
            f"expected {target.name} with sha256 {digest} from {url}; got {found}, and deleted it: try again, "
            f"or put the right file at {target}"
        )
    os.replace(partial, target)


def _download(url: str, partial: Path, target: Path) -> None:
    """Append to ``partial`` what is missing of it."""
    have = partial.stat().st_size
    headers = {"Accept-Encoding": "identity", **({"Range": f"bytes={have}-"} if have else {})}
    try:
        with partial.open("ab") as file:

            def restart(response: Any, *_: Any, **__: Any) -> None:
                """Drop what is here if the server sends the whole file, or says that its file ends before that."""
                if response.status_code in (200, 416):
                    file.truncate(0)

            pooch.HTTPDownloader(chunk_size=CHUNK, headers=headers, hooks={"response": restart})(url, file, None)
    except OSError as error:  # every error of the network, too: requests derives its own from it
        if error.errno in DISK_FULL:
            raise OutputError(
                f"the disk of the cache {target.parent} is full; free some space, and the download of {target.name} "
                "goes on where it stopped, or set REFVAE_CACHE to another folder"
            ) from error
        raise MissingWeightsError(
            f"could not download {target.name} from {url} ({error}); try again, which goes on where it stopped, "
            f"or fetch it on another machine and put it at {target}"
        ) from error


def sha256(path: Path) -> str:
    """Hex digest of a file's bytes."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
