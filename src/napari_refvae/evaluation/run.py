"""Evaluate a model, or another method's pictures, on a folder of originals."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_refvae.api import load_model
from napari_refvae.engine.device import choose_device
from napari_refvae.evaluation.distance import FeatureDistance
from napari_refvae.evaluation.left_out import LeftOut
from napari_refvae.evaluation.lpips import LPIPS
from napari_refvae.evaluation.outputs import ModelOutputs, PictureFolder
from napari_refvae.evaluation.references import from_folder, no_reference
from napari_refvae.evaluation.scores import Scores, Spread, score
from napari_refvae.evaluation.subjects import Subject, find_originals, name_below, named
from napari_refvae.spec import SampleSpec
from napari_refvae.version import installed_version

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from napari_refvae.api import LoadedModel
    from napari_refvae.evaluation.outputs import OutputSource
    from napari_refvae.evaluation.references import ReferenceChoice
    from napari_refvae.evaluation.scores import Scored
    from napari_refvae.spec import SelfEnsemble

__all__ = ["EXTERNAL_SCALE", "Evaluation", "evaluate"]

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
    references: Path | ReferenceChoice | None = None,
    *,
    model: str | Path | LoadedModel = "compact",
    samples: int = 10,
    seed: int = 0,
    features: bool = True,
    feature_weights: Path | None = None,
    lpips: bool = False,
    lpips_weights: Path | None = None,
    external: Path | None = None,
    baselines: bool = True,
    device: str = "auto",
    precision: str = "auto",
    self_ensemble: SelfEnsemble = "auto",
    say: Callable[[str], None] = lambda line: None,
    each: Callable[[Scored], None] = lambda scored: None,
) -> Evaluation:
    """Down-sample originals, super-resolve them, and score bicubic, faithful output, samples and their mean.

    The scale is the model's own, or `EXTERNAL_SCALE`.

    Parameters
    ----------
    images
        Folder of originals (or one file); each is cropped to multiples of the scale, its LR rounded to 8 bits. Those of
        more than 8 bits are used from their darkest to their brightest value.
    references
        Folder of reference images: sample k takes reference k, going round; or a function of
        `napari_refvae.evaluation.references`. Without it samples have no reference.
    model
        Name, file or loaded model.
    samples
        Samples an image, at least 1.
    seed
        Sample k has seed ``seed + k``.
    features
        Whether to measure the VGG-19 feature distance.
    feature_weights
        File of VGG-19 in torchvision's layout; by default it is downloaded once.
    lpips
        Whether to measure LPIPS, too.
    lpips_weights
        File of AlexNet in torchvision's layout; by default it is downloaded once.
    external
        Folder of another method's pictures, scored instead of the model's samples; for their names see
        `napari_refvae.evaluation.outputs.PictureFolder`.
    baselines
        Whether to score the bicubic image, the faithful output and the samples' mean beside a model's samples.
    device, precision
        As in `napari_refvae.upscale`; distances are measured on the device, too, always as float32.
    self_ensemble
        Of the faithful output, as in `napari_refvae.upscale`.
    say
        Called with one line an image.
    each
        Called with every image's outputs and figures, which are not kept.

    Raises
    ------
    InvalidSpecError
        If ``samples`` or ``seed`` lies outside its domain.
    InvalidInputError
        If a folder holds no image, an original has no picture, or no original can be used. An original that is damaged,
        too small, too large for the memory, or not of the size of its picture, is left out, which ``say`` is told.
    MissingWeightsError
        If the weights of a distance are not here and cannot be had.
    """
    SampleSpec(samples, seed)  # refuses what it cannot hold
    originals = find_originals(images)
    source: OutputSource
    if external is None:
        loaded = load_model(model) if isinstance(model, str | Path) else model
        choice = _choice(references, samples, say)
        source = ModelOutputs(loaded, choice, samples, seed, baselines, device, precision, self_ensemble)
    else:
        source = _pictures(external, originals, say)
    where = choose_device(device).value
    vgg = FeatureDistance(feature_weights, where) if features else None
    deep = LPIPS(lpips_weights, where) if lpips else None
    scores: list[Scores] = []
    spreads: list[Spread] = []
    ranges: dict[str, list[float]] = {}
    left_out = LeftOut(say)
    for path in originals:
        with left_out.naming(name_below(images, path)):
            subject = Subject.read(path, source.scale, images)
            scored = score(subject, list(source.outputs(subject)), vgg=vgg, lpips=deep)
            each(scored)
            say(_line(scored))
            scores += scored.scores
            spreads += [scored.spread] if scored.spread else []
            if subject.levels is not None:
                ranges[subject.name] = [subject.levels.used.low, subject.levels.used.high]
    left_out.refuse_if_all(len(originals))
    about = {"images": images.name, "scale": source.scale, "model": source.describe()}
    about |= {name: told for name, told in (("ranges", ranges), ("left_out", left_out.reasons)) if told}
    if external is None:
        references_ = list(dict.fromkeys(s.reference for s in scores if s.output == "sample"))
        about |= {"references": references_, "samples": samples, "seed": seed}
    about["software"] = {name: installed_version(name) for name in ("napari-refvae", "torch", "numpy")}
    about["measured"] = {"device": where} | {
        name: distance.weights for name, distance in (("vgg", vgg), ("lpips", deep)) if distance is not None
    }
    return Evaluation(tuple(scores), tuple(spreads), about)


def _choice(references: Path | ReferenceChoice | None, samples: int, say: Callable[[str], None]) -> ReferenceChoice:
    if references is None:
        return no_reference
    return from_folder(references, samples, say) if isinstance(references, Path) else references


def _pictures(folder: Path, originals: Sequence[Path], say: Callable[[str], None]) -> PictureFolder:
    source = PictureFolder(folder, originals, EXTERNAL_SCALE)
    if source.unused:
        say(f"left out, since their names fit no original: {named(source.unused)}")
    return source


def _line(scored: Scored) -> str:
    """One image's figures in short."""
    kinds: dict[str, list[float]] = {}
    for one in scored.scores:
        kinds.setdefault(one.output, []).append(one.psnr_y)
    parts = [f"{kind} {np.mean(values):.2f} dB" for kind, values in kinds.items()]
    if scored.spread:
        by_preference = (scored.spread.lpips, scored.spread.feature, scored.spread.mse)
        parts.append(f"S {next(value for value in by_preference if value is not None):.1f}")
    return f"{scored.subject.title}: {', '.join(parts)}"
