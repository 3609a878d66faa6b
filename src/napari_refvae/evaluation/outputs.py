"""Where the images that are scored come from: a model, or a folder of another method's pictures."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
import torch

from napari_refvae.api import upscale
from napari_refvae.engine.tensors import image_from_tensor, image_to_tensor
from napari_refvae.errors import InvalidInputError
from napari_refvae.evaluation.subjects import Output, find_originals, named
from napari_refvae.resampling import upsample

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray

    from napari_refvae.api import LoadedModel
    from napari_refvae.evaluation.references import ReferenceChoice
    from napari_refvae.evaluation.subjects import Subject
    from napari_refvae.spec import SelfEnsemble

__all__ = ["ModelOutputs", "OutputSource", "PictureFolder", "upscale_bicubic"]


class OutputSource(Protocol):
    """Makes, or finds, the outputs of a subject."""

    @property
    def scale(self) -> int:
        """HR pixels per LR pixel and axis."""

    def outputs(self, subject: Subject) -> Iterator[Output]:
        """All outputs of one subject."""

    def describe(self) -> dict[str, Any] | str:
        """What made the outputs, JSON-ready."""


@dataclass(frozen=True, slots=True, eq=False)
class ModelOutputs:
    """A model's samples with seeds ``seed``, ``seed + 1`` ..., and, if ``baselines``, bicubic, faithful and mean."""

    model: LoadedModel
    choice: ReferenceChoice
    samples: int = 10
    seed: int = 0
    baselines: bool = True
    device: str = "auto"
    precision: str = "auto"
    self_ensemble: SelfEnsemble = "auto"
    resolved: dict[str, str] = field(default_factory=dict)

    @property
    def scale(self) -> int:
        return self.model.network.scale

    def outputs(self, subject: Subject) -> Iterator[Output]:
        """Bicubic, faithful, ``samples`` samples, their mean; or the samples alone."""
        where: dict[str, Any] = {"model": self.model, "device": self.device, "precision": self.precision}
        if self.baselines:
            faithful = upscale(
                subject.lr, samples=1, temperature=0, vividness=0, self_ensemble=self.self_ensemble, **where
            )
            yield Output("bicubic", faithful.bicubic)
            yield Output("faithful", faithful.sr[0])
        chosen = list(self.choice(subject, self.samples))
        vivid = upscale(subject.lr, chosen, samples=1, seed=self.seed, **where)
        self.resolved.update({name: vivid.provenance["resolved"][name] for name in ("device", "precision")})
        for sr, seed, reference in zip(vivid.sr, vivid.seeds, chosen, strict=True):
            yield Output("sample", sr, reference.name, seed, reference)
        if self.baselines:
            yield Output("mean", np.rint(vivid.mean).astype(np.uint8))

    def describe(self) -> dict[str, Any] | str:
        return {"name": self.model.name, "sha256": self.model.info.identity, **self.resolved} | (
            {"self_ensemble": self.self_ensemble} if self.baselines else {}
        )


class PictureFolder:
    """Another method's pictures of the originals.

    Those of ``name.png`` are called ``name.png``, ``name_1.png``, ``name-b.png``, ``namex8.png``,
    ``namex8_SRFlow.png`` and so on: the original's name, perhaps ``x`` and a number, then nothing, or a character
    that is neither letter nor digit and whatever follows. A picture that fits several originals belongs to the
    longest name.

    Parameters
    ----------
    folder
        Where they are; searched recursively.
    originals
        All originals that are to be scored.
    scale
        HR pixels per LR pixel and axis.

    Raises
    ------
    InvalidInputError
        If an original has no picture, or two have one name, so that their pictures cannot be told apart.
    """

    def __init__(self, folder: Path, originals: Sequence[Path], scale: int = 8) -> None:
        self.folder, self._scale = folder, scale
        pictures, stems = find_originals(folder), [path.stem for path in originals]
        _refuse_twins(originals)
        owners = [_owner(path.stem, stems) for path in pictures]
        self._pictures = {
            original.stem: [path for path, owner in zip(pictures, owners, strict=True) if owner == original.stem]
            for original in originals
        }
        self.unused = tuple(path for path, owner in zip(pictures, owners, strict=True) if owner is None)
        if lacking := [path for path in originals if not self._pictures[path.stem]]:
            stem = lacking[0].stem
            raise InvalidInputError(
                f"expected pictures of {named(lacking)} in {folder}; found none among {named(pictures)}: "
                f"call them {stem}.png, or {stem}_1.png, {stem}_2.png ..."
            )

    @property
    def scale(self) -> int:
        return self._scale

    def outputs(self, subject: Subject) -> Iterator[Output]:
        """Bicubic, and every picture as a sample.

        Raises
        ------
        InvalidInputError
            If a picture is smaller than its original; what is larger is cropped, as originals are.
        """
        yield Output("bicubic", upscale_bicubic(subject.lr, subject.scale))
        for index, path in enumerate(self._pictures[Path(subject.name).stem]):
            sr = subject.read_picture(path)[: subject.hr.shape[0], : subject.hr.shape[1]]
            if sr.shape != subject.hr.shape:
                raise InvalidInputError(f"expected {path.name} to be {subject.hr.shape[:2]} pixels; got {sr.shape[:2]}")
            yield Output("sample", sr, path.stem, index)

    def describe(self) -> dict[str, Any] | str:
        return str(self.folder)


def upscale_bicubic(lr: NDArray[np.uint8], scale: int = 8) -> NDArray[np.uint8]:
    """Bicubic interpolation of ``(h, w, 3)`` uint8 to ``(scale*h, scale*w, 3)``, rounded."""
    small = image_to_tensor(lr.astype(np.float32), torch.device("cpu"))
    return np.rint(image_from_tensor(upsample(small, scale)).clip(0, 255)).astype(np.uint8)


def _refuse_twins(originals: Sequence[Path]) -> None:
    first: dict[str, Path] = {}
    for path in originals:
        if (other := first.setdefault(path.stem, path)) is not path:
            raise InvalidInputError(
                f"expected originals with different names; got {other} and {path}, whose pictures cannot be told "
                "apart: rename one, or score their folders one by one"
            )


def _owner(picture: str, stems: Sequence[str]) -> str | None:
    """The original that a picture belongs to: of those that its name begins with, the one with the longest name."""
    fitting = [stem for stem in stems if re.fullmatch(rf"{re.escape(stem)}(x\d+)?([\W_].*)?", picture)]
    return max(fitting, key=len, default=None)
