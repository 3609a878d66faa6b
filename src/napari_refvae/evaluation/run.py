"""Evaluate a model, or another method's pictures, on a folder of originals."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from napari_refvae.api import load_model, upscale
from napari_refvae.engine.tensors import image_from_tensor, image_to_tensor
from napari_refvae.errors import InvalidInputError
from napari_refvae.evaluation.distance import FeatureDistance
from napari_refvae.evaluation.scores import Scores, Spread, score_output, score_spread
from napari_refvae.imageio.files import IMAGE_SUFFIXES, read_image
from napari_refvae.imageio.pixels import as_reference
from napari_refvae.metrics import low_resolution, modulo_crop
from napari_refvae.resampling import upsample
from napari_refvae.spec import SampleSpec

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from numpy.typing import NDArray
    from torch import Tensor

    from napari_refvae.api import LoadedModel

__all__ = ["EXTERNAL_SCALE", "Evaluation", "evaluate", "find_images", "upscale_bicubic"]

EXTERNAL_SCALE = 8
"""HR pixels per LR pixel and axis of another method's pictures."""


@dataclass(frozen=True, slots=True)
class Evaluation:
    """All figures of one evaluation, and what they are of."""

    scores: tuple[Scores, ...]
    spreads: tuple[Spread, ...]
    about: dict[str, Any]


def evaluate(
    images: Path,
    references: Path | None = None,
    *,
    model: str | Path | LoadedModel = "compact",
    samples: int = 10,
    seed: int = 0,
    feature_weights: Path | None = None,
    features: bool = True,
    external: Path | None = None,
    device: str = "auto",
    precision: str = "auto",
    say: Callable[[str], None] = lambda line: None,
) -> Evaluation:
    """Down-sample originals, super-resolve them, and score bicubic, faithful output, samples and their mean.

    The scale is the model's own, or `EXTERNAL_SCALE`.

    Parameters
    ----------
    images
        Folder of originals (or one file); each is cropped to multiples of the scale, its LR rounded to 8 bits.
    references
        Folder of reference images: sample k takes reference k, going round. Without it samples have no reference.
    model
        Name, file or loaded model.
    samples
        Samples an image, at least 1.
    seed
        Sample k has seed ``seed + k``.
    feature_weights
        File of VGG-19 in torchvision's layout; by default it is downloaded once.
    features
        Whether to measure the VGG-19 feature distance.
    external
        Folder of another method's pictures, scored instead of the model's samples: those of ``name.png`` are
        called ``name.png``, ``name_1.png``, ``name-b.png`` and so on. A picture that fits the names of several
        originals belongs to the longest.
    device, precision
        As in `napari_refvae.upscale`.
    say
        Called with one line an image.

    Raises
    ------
    InvalidSpecError
        If ``samples`` or ``seed`` lies outside its domain.
    InvalidInputError
        If a folder holds no image, or a picture's size is not its original's.
    """
    SampleSpec(samples, seed)  # refuses what it cannot hold
    originals = find_images(images)
    pool = find_images(references) if references else []
    distance = FeatureDistance(feature_weights) if features else None
    loaded = None if external else load_model(model) if isinstance(model, str | Path) else model
    scale = loaded.network.scale if loaded else EXTERNAL_SCALE
    stems = [path.stem for path in originals]
    scores: list[Scores] = []
    spreads: list[Spread] = []
    for path in originals:
        subject = _Subject.read(path, distance, scale)
        outputs = list(
            _model_outputs(subject, pool, loaded, samples, seed, device=device, precision=precision)
            if loaded
            else _external_outputs(Path(external or ""), subject, stems)
        )
        fresh, spread = _score(subject, outputs, distance)
        scores += fresh
        spreads += [spread] if spread else []
        say(_line(fresh, spread))
    about = {
        "images": images.name,
        "references": [path.name for path in pool],
        "samples": samples,
        "seed": seed,
        "scale": scale,
        "model": {"name": loaded.name, "sha256": loaded.info.identity} if loaded else str(external),
    }
    return Evaluation(tuple(scores), tuple(spreads), about)


def find_images(folder: Path) -> list[Path]:
    """Image files below a folder, told by their suffix, in alphabetical order; or the one file given.

    Raises
    ------
    InvalidInputError
        If there are none.
    """
    inside = (path for path in folder.rglob("*") if path.suffix.lower() in IMAGE_SUFFIXES and path.is_file())
    found = [folder] if folder.is_file() else sorted(inside)
    if not found:
        raise InvalidInputError(f"expected images below {folder}; found none: check the folder")
    return found


@dataclass(frozen=True, slots=True, eq=False)
class _Subject:
    """An original, its input, and its features."""

    name: str
    hr: NDArray[np.uint8]
    lr: NDArray[np.uint8]
    scale: int
    features: list[Tensor] | None

    @classmethod
    def read(cls, path: Path, distance: FeatureDistance | None, scale: int) -> _Subject:
        rgb = as_reference(read_image(path))
        hr = modulo_crop(np.rint(rgb * 255).astype(np.uint8), scale)
        return cls(path.name, hr, low_resolution(hr, scale), scale, distance.features(hr) if distance else None)


@dataclass(frozen=True, slots=True, eq=False)
class _Output:
    kind: str
    sr: NDArray[np.uint8]
    reference: str = ""
    seed: int | None = None


def _model_outputs(
    subject: _Subject, pool: Sequence[Path], model: LoadedModel, samples: int, seed: int, **where: str
) -> Iterator[_Output]:
    faithful = upscale(subject.lr, samples=1, temperature=0, vividness=0, model=model, **where)  # type: ignore[arg-type]
    yield _Output("bicubic", faithful.bicubic)
    yield _Output("faithful", faithful.sr[0])
    chosen = [pool[k % len(pool)] for k in range(samples)] if pool else [None] * samples
    vivid = upscale(subject.lr, chosen, samples=1, seed=seed, model=model, **where)  # type: ignore[arg-type]
    for sr, reference, sample_seed in zip(vivid.sr, vivid.references, vivid.seeds, strict=True):
        yield _Output("sample", sr, reference, sample_seed)
    yield _Output("mean", np.rint(vivid.mean).astype(np.uint8))


def _external_outputs(folder: Path, subject: _Subject, stems: Sequence[str]) -> Iterator[_Output]:
    stem = Path(subject.name).stem
    matching = [path for path in find_images(folder) if _owner(path.stem, stems) == stem]
    if not matching:
        raise InvalidInputError(f"expected pictures of {subject.name} in {folder}; found none: call them {stem}_1.png")
    yield _Output("bicubic", upscale_bicubic(subject.lr, subject.scale))
    for index, path in enumerate(matching):
        sr = np.rint(as_reference(read_image(path)) * 255).astype(np.uint8)
        sr = sr[: subject.hr.shape[0], : subject.hr.shape[1]]
        if sr.shape != subject.hr.shape:
            raise InvalidInputError(f"expected {path.name} to be {subject.hr.shape[:2]} pixels; got {sr.shape[:2]}")
        yield _Output("sample", sr, path.stem, index)


def _owner(picture: str, stems: Sequence[str]) -> str | None:
    """The original that a picture belongs to: of those that its name begins with, the one with the longest name."""
    fitting = [stem for stem in stems if picture == stem or picture.startswith((f"{stem}_", f"{stem}-"))]
    return max(fitting, key=len, default=None)


def upscale_bicubic(lr: NDArray[np.uint8], scale: int = 8) -> NDArray[np.uint8]:
    """Bicubic interpolation of ``(h, w, 3)`` uint8 to ``(scale*h, scale*w, 3)``, rounded."""
    small = image_to_tensor(lr.astype(np.float32), torch.device("cpu"))
    return np.rint(image_from_tensor(upsample(small, scale)).clip(0, 255)).astype(np.uint8)


def _score(
    subject: _Subject, outputs: Sequence[_Output], distance: FeatureDistance | None
) -> tuple[list[Scores], Spread | None]:
    scores, maps, base = [], [], None
    for output in outputs:
        error_map = distance.error_map(output.sr, subject.features) if distance and subject.features else None
        base = float(error_map.mean()) if output.kind == "bicubic" and error_map is not None else base
        scores.append(
            score_output(
                subject.name,
                output.kind,
                output.sr,
                subject.hr,
                subject.lr,
                scale=subject.scale,
                reference=output.reference,
                seed=output.seed,
                error_map=error_map,
                bicubic_distance=base,
            )
        )
        if output.kind == "sample" and error_map is not None:
            maps.append(error_map)
    drawn = [output.sr for output in outputs if output.kind == "sample"]
    spread = score_spread(subject.name, np.stack(drawn), subject.hr, maps or None) if len(drawn) > 1 else None
    return scores, spread


def _line(scores: Sequence[Scores], spread: Spread | None) -> str:
    means = {kind: [s.psnr_y for s in scores if s.output == kind] for kind in dict.fromkeys(s.output for s in scores)}
    parts = [f"{kind} {np.mean(values):.2f} dB" for kind, values in means.items()]
    tail = f", S {spread.feature if spread.feature is not None else spread.mse:.1f}" if spread else ""
    return f"{scores[0].image}: {', '.join(parts)}{tail}"
