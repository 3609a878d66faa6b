"""What is a related reference worth, beside an unrelated one and none, with matching and without? Prints a table.

    python benchmarks/related.py ORIGINALS --references PAINTINGS --feature-weights VGG19.safetensors

The left half of each original is made small and super-resolved: with another part of the same original as its
reference, once disjoint and once overlapping, the latter also as if taken anew (5% larger, less contrast, noise); with
a plane next to it, where the file has several; with the next original and with a file of ``--references``, which have
nothing to do with it; and with none. All with one seed.
"""

from __future__ import annotations

import argparse
from collections import defaultdict
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import tifffile
from PIL import Image

from napari_refvae import upscale
from napari_refvae.errors import RefVAEError
from napari_refvae.evaluation.distance import FeatureDistance
from napari_refvae.evaluation.references import read_references
from napari_refvae.evaluation.subjects import Subject, find_originals, read_8_bit
from napari_refvae.metrics import lr_psnr, psnr_y
from napari_refvae.spec import ImageReference, PriorReference

if TYPE_CHECKING:
    from collections.abc import Collection

    from numpy.typing import NDArray

    from napari_refvae.spec import Reference

KINDS = {
    "none": "none",
    "unrelated": "unrelated images",
    "disjoint": "the other half",
    "plane": "the plane next to it",
    "anew": "three fifths of it, taken anew",
    "overlapping": "three fifths of it",
}
MOST_DB = 80.0
"""At which LR-PSNR is capped."""

ZOOM, CONTRAST, NOISE = 1.05, 0.9, 2.0
"""Of a part that is taken anew; the noise in grey levels."""


def planes(path: Path, largest: int) -> list[NDArray[np.uint8]]:
    """An original's planes as ``(H, W, 3)`` uint8, at most ``largest`` pixels a side: the middle."""
    if path.suffix.lower() in (".tif", ".tiff"):
        with tifffile.TiffFile(path) as file:
            axes, stored = file.series[0].axes, file.series[0].asarray()
        if axes in ("ZYX", "TYX", "CYX", "QYX"):
            return [_middle(_stretched(plane), largest) for plane in stored[:2]]
        if axes == "YX":
            return [_middle(_stretched(stored), largest)]
    return [_middle(read_8_bit(path), largest)]


def _stretched(plane: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """A grey plane from its least value to its 99.9th percentile, as 8-bit RGB."""
    low, high = plane.min(), np.percentile(plane, 99.9)
    grey = np.clip((plane - float(low)) / max(float(high - low), 1) * 255, 0, 255).round().astype(np.uint8)
    return np.repeat(grey[..., None], 3, axis=2)


def _middle(image: NDArray[np.uint8], largest: int) -> NDArray[np.uint8]:
    top, left = (max(0, (side - largest) // 2) for side in image.shape[:2])
    return np.ascontiguousarray(image[top : top + largest, left : left + largest])


def references(shown: list[NDArray[np.uint8]], seed: int) -> dict[str, list[Reference]]:
    """What of an original can be a reference for its left half."""
    image = shown[0]
    half, width = image.shape[1] // 2, image.shape[1]
    part = image[:, width // 5 : width // 5 + half]
    found = {"disjoint": image[:, half:], "overlapping": part, "anew": _anew(part, seed)}
    if len(shown) > 1:
        found["plane"] = shown[1][:, :half]
    return {kind: [ImageReference(pixels.astype(np.float32) / np.float32(255), kind)] for kind, pixels in found.items()}


def _anew(image: NDArray[np.uint8], seed: int) -> NDArray[np.uint8]:
    size = round(image.shape[1] * ZOOM), round(image.shape[0] * ZOOM)
    larger = np.asarray(Image.fromarray(image).resize(size, Image.Resampling.BICUBIC)).astype(np.float64)
    noise = np.random.default_rng(seed).normal(0, NOISE, larger.shape)
    return np.clip((larger - 128) * CONTRAST + 128 + noise, 0, 255).round().astype(np.uint8)


def _unrelated(number: int, paths: list[Path], pool: list[ImageReference], largest: int) -> ImageReference | None:
    """The next original and a file of the pool, in turn; None if there is neither."""
    if len(paths) > 1 and (number % 2 or not pool):
        image = planes(paths[(number + 1) % len(paths)], largest)[0]
        return ImageReference(image.astype(np.float32) / np.float32(255), "unrelated")
    return pool[number % len(pool)] if pool else None


def main() -> None:
    """Measure and print."""
    options = _options()
    paths = find_originals(options.originals)[:: options.every][: options.most]
    distance = FeatureDistance(options.feature_weights)
    pool = read_references(options.references, options.unrelated) if options.references else []
    scores: dict[tuple[float, str, bool], list[tuple[float, ...]]] = defaultdict(list)
    for number, path in enumerate(paths):
        shown = planes(path, options.largest)
        subject = Subject.of(shown[0][:, : shown[0].shape[1] // 2], path.name, 8)
        target = distance.features(subject.hr)
        kinds: dict[str, list[Reference]] = {"none": [PriorReference()]}
        if other := _unrelated(number, paths, pool, options.largest):
            kinds["unrelated"] = [other]
        kinds |= references(shown, options.seed)
        for kind, chosen in kinds.items():
            for matching in (False, True) if kind != "none" else (False,):
                for vividness in (0.0, 1.0):
                    found = []
                    for reference in chosen:
                        sr = upscale(
                            subject.lr,
                            [reference],
                            samples=1,
                            seed=options.seed,
                            vividness=vividness,
                            temperature=vividness,
                            self_ensemble=False,
                            matching=matching,
                            model=options.model,
                        ).sr[0]
                        small = min(lr_psnr(sr, subject.lr), MOST_DB)
                        found.append((psnr_y(sr, subject.hr), distance.measure(sr, target).value, small))
                    if found:
                        scores[vividness, kind, matching].append((*np.mean(found, axis=0), number))
        print(f"{path.name}: " + _last(scores, kinds), flush=True)
    print(_table(scores, len(paths), options))


def _table(
    scores: dict[tuple[float, str, bool], list[tuple[float, ...]]], count: int, options: argparse.Namespace
) -> str:
    lines = [
        "",
        f"{count} originals of {options.originals.name}, seed {options.seed}, model {Path(options.model).name}",
        "",
        "| vividness | reference | matching | Y-PSNR | VGG distance | LR-PSNR | against none, dB | worst, dB |",
        "|---:|---|---|---:|---:|---:|---:|---:|",
    ]
    for vividness in (0.0, 1.0):
        base = np.array(scores[vividness, "none", False])
        for kind, name in KINDS.items():
            for matching in (False, True):
                values = np.array(scores.get((vividness, kind, matching), []))
                if not len(values):
                    continue
                psnr, vgg, small, _ = values.mean(axis=0)
                gain = values[:, 0] - base[values[:, 3].astype(int), 0]  # of the same originals
                lines.append(
                    f"| {vividness:g} | {name} | {_said(matching)} | {psnr:.2f} | {vgg:.4f} | {small:.1f} | "
                    f"{gain.mean():+.2f} | {gain.min():+.2f} |"
                )
    return "\n".join(lines)


def _last(scores: dict[tuple[float, str, bool], list[tuple[float, ...]]], kinds: Collection[str]) -> str:
    """Y-PSNR / VGG distance of the last original, each kind without matching and with it."""
    said = []
    for vividness in (0.0, 1.0):
        for kind in kinds:
            found = [scores[vividness, kind, one][-1] for one in (False, True) if scores.get((vividness, kind, one))]
            said.append(f"{kind} at {vividness:g}: " + " -> ".join(f"{one[0]:.2f}/{one[1]:.4f}" for one in found))
    return ", ".join(said)


def _said(matching: bool) -> str:
    return "yes" if matching else "no"


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("originals", type=Path, help="folder of photographs")
    parser.add_argument("--references", type=Path, help="folder of images that have nothing to do with them")
    parser.add_argument("--feature-weights", type=Path, help="file of VGG-19 in torchvision's layout")
    parser.add_argument("--model", default="compact")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--unrelated", type=int, default=18, help="files of --references that take turns")
    parser.add_argument("--largest", type=int, default=512, help="pixels a side of what is read of an original")
    parser.add_argument("--most", type=int, default=1000, help="originals to read")
    parser.add_argument("--every", type=int, default=1, help="read every so many-th")
    return parser.parse_args()


if __name__ == "__main__":
    try:
        main()
    except RefVAEError as error:
        raise SystemExit(str(error)) from error
