"""Check a built wheel and sdist: size, contents, and what package index and napari hub will show.

`scripts/release-check` runs it: python scripts/release_contents.py FOLDER [TAG].
"""

from __future__ import annotations

import re
import sys
import tarfile
import zipfile
from email.parser import Parser
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from email.message import Message

LARGEST = 30_000_000  # bytes of a wheel
NEEDED = (
    "napari_refvae/napari.yaml",
    "napari_refvae/py.typed",
    "napari_refvae/weights/compact-8x.safetensors",
    "napari_refvae/weights/matching-8x.safetensors",
    "napari_refvae/training/configs/compact.toml",
    "napari_refvae/widget/samples/cat.png",
)
NEEDED_SOURCES = (
    "README.md",
    "LICENSE",
    "CHANGELOG.md",
    "CITATION.cff",
    "CONTRIBUTING.md",
    "pyproject.toml",
    "tests/conftest.py",
)
PYTHONS = ("3.11", "3.12", "3.13")
LINKS = ("Source", "Documentation", "Issues")
"""What the hub shows beside a plugin, once the project has an address."""


def main(folder: str, tag: str = "") -> None:
    """Print what is wrong, and end with 1 if anything is."""
    [wheel] = Path(folder).glob("*.whl")
    [sdist] = Path(folder).glob("*.tar.gz")
    faults = [*of_wheel(wheel), *of_sdist(sdist), *of_metadata(metadata(wheel), tag)]
    tasks = [f"Before publishing: {task}" for task in before_publishing(metadata(wheel))]
    if tag:  # now is before publishing
        faults += tasks
    for fault in faults:
        print(f"- {fault}")
    for task in [] if tag else tasks:
        print(task)
    print(f"{wheel.name}: {wheel.stat().st_size / 1e6:.1f} MB; {sdist.name}: {sdist.stat().st_size / 1e6:.1f} MB")
    sys.exit(1 if faults else 0)


def of_wheel(wheel: Path) -> Iterator[str]:
    """What is wrong with a wheel's size and files."""
    if wheel.stat().st_size > LARGEST:
        yield f"{wheel.name} is larger than {LARGEST / 1e6:.0f} MB"
    with zipfile.ZipFile(wheel) as archive:
        names = set(archive.namelist())
        points = [name for name in names if name.endswith("entry_points.txt")]
        texts = " ".join(archive.read(name).decode() for name in points)
    yield from (f"{wheel.name} lacks {name}" for name in NEEDED if name not in names)
    yield from (
        f"{wheel.name} holds {name}" for name in sorted(names) if name.startswith("tests") or "__pycache__" in name
    )
    if "[napari.manifest]" not in texts or "[console_scripts]" not in texts:
        yield f"{wheel.name} lacks the entry points of napari or of the command line"


def of_sdist(sdist: Path) -> Iterator[str]:
    """What an sdist lacks."""
    with tarfile.open(sdist) as archive:
        names = {name.partition("/")[2] for name in archive.getnames()}
    yield from (f"{sdist.name} lacks {name}" for name in NEEDED_SOURCES if name not in names)


def metadata(wheel: Path) -> Message:
    """A wheel's METADATA."""
    with zipfile.ZipFile(wheel) as archive:
        [name] = [name for name in archive.namelist() if name.endswith(".dist-info/METADATA")]
        return Parser().parsestr(archive.read(name).decode())


def links(told: Message) -> dict[str, str]:
    """The project's addresses by their names."""
    return dict(entry.split(", ", 1) for entry in told.get_all("Project-URL", []))


def before_publishing(told: Message) -> Iterator[str]:
    """What needs the address that the project will have."""
    absent = [name for name in LINKS if name not in links(told)]
    if absent:
        yield f"name in pyproject.toml's [project.urls]: {', '.join(absent)}"
    relative = re.findall(r"!\[[^]]*\]\((?!https?:)([^)]+)\)", str(told.get_payload()))
    if relative:
        yield f"give these pictures of the README whole addresses, or no index shows them: {', '.join(relative)}"


def of_metadata(told: Message, tag: str) -> Iterator[str]:
    """What index and hub would miss."""
    classifiers = told.get_all("Classifier", [])
    for classifier in ("Framework :: napari", *(f"Programming Language :: Python :: {version}" for version in PYTHONS)):
        if classifier not in classifiers:
            yield f"the classifier {classifier!r} is missing"
    for name in ("Summary", "License-Expression", "Requires-Python", "Keywords"):
        if not told.get(name):
            yield f"{name} is missing"
    if told.get("Description-Content-Type") != "text/markdown" or len(str(told.get_payload())) < 1000:
        yield "the README is not the description"
    if not links(told):
        yield "there is no address at all"
    if tag and tag != f"v{told['Version']}":
        yield f"the tag {tag} does not name version {told['Version']}"


if __name__ == "__main__":
    main(*sys.argv[1:])
