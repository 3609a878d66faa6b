"""The baseline: the paper's network in the order of work of its authors' scripts, and what its stages take.

Written from the paper (sections 3.1 to 3.3, figure 2). For each sample everything is computed anew: the bicubic
enlargement, VGG-19 on all of its pixels, the reference, the modulation, the latent, the decoder. Tensors are float32
and contiguous, the whole image is one piece, and all samples are held until the last is there. It shares no code with
the package's network, only the names of its weights, so that the two can be compared.

Run ``python benchmarks/naive.py`` on an otherwise idle machine.
"""

from __future__ import annotations

import statistics
import time
from collections import defaultdict
from typing import TYPE_CHECKING

import measuring
import numpy as np
import torch
import workloads
from torch.nn import functional as F

from napari_refvae.engine.latents import draw_noise
from napari_refvae.model.doors import LatentLayout

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from numpy.typing import NDArray
    from torch import Tensor

SCALE = 8
CODE = 256
VGG_STAGES = (("1_1", "1_2"), ("2_1", "2_2"), ("3_1", "3_2", "3_3", "3_4"), ("4_1",))
STAGES = ("VGG on the enlarged input", "reference", "modulation", "latent", "decoder")


class NaiveRefVAE:
    """The paper's network at 8x, sample by sample from scratch.

    Parameters
    ----------
    state
        Weights under the names of the package's ``paper`` network; copied, contiguous.

    Attributes
    ----------
    laps
        Seconds of each stage of each sample that was made.
    """

    def __init__(self, state: Mapping[str, Tensor]) -> None:
        self.weights = {name: value.detach().float().contiguous() for name, value in state.items()}
        self.laps: defaultdict[str, list[float]] = defaultdict(list)
        self._last = 0.0

    @torch.no_grad()
    def samples(self, lr: NDArray[np.uint8], reference: NDArray[np.uint8], seeds: Iterable[int]) -> NDArray[np.uint8]:
        """One sample a seed: ``(h, w, 3)`` and ``(H, W, 3)`` uint8 to ``(N, 8h, 8w, 3)`` uint8."""
        held = [self.sample(_tensor(lr), _tensor(reference), self.noise(seed)) for seed in seeds]
        whole = torch.cat(held).clamp(0, 1)
        return (255 * whole).round().byte().permute(0, 2, 3, 1).numpy()

    @staticmethod
    def noise(seed: int) -> Tensor:
        """The package's random numbers of a sample, ``(1, 256)``, so that its samples can be compared."""
        return draw_noise(LatentLayout(code=CODE, noise=0, vividness=False), (1, 1), seed).code

    @torch.no_grad()
    def sample(self, lr: Tensor, reference: Tensor, noise: Tensor) -> Tensor:
        """``(1, 3, h, w)`` and ``(1, 3, H, W)`` in 0..1, and noise ``(1, 256)``, to ``(1, 3, 8h, 8w)``, not clamped."""
        self._last = time.perf_counter()
        enlarged = F.interpolate(lr, scale_factor=float(SCALE), mode="bicubic")
        features = self._lap("VGG on the enlarged input", self._vgg(enlarged))
        square = F.interpolate(reference, size=(256, 256), mode="bilinear", antialias=True)
        mean, log_variance = self._lap("reference", self._reference(self._vgg(square))).chunk(2, dim=1)
        shift, gain = self._lap("modulation", self._modulation(features)).chunk(2, dim=1)
        code = mean + noise * torch.exp(0.5 * log_variance)
        condition = self._lap("latent", self._latent(code, features.shape[-2:]))
        return self._lap("decoder", self._decoder(condition * (1 + gain) + shift) + enlarged)

    def _lap(self, stage: str, made: Tensor) -> Tensor:
        now = time.perf_counter()
        self.laps[stage].append(now - self._last)
        self._last = now
        return made

    def _vgg(self, image: Tensor) -> Tensor:
        """Up to relu4_1, reflection-padded: ``(1, 3, H, W)`` to ``(1, 512, H/8, W/8)`` (section 3.1)."""
        x = self._conv("vgg.embed", image)
        for number, stage in enumerate(VGG_STAGES):
            x = F.max_pool2d(x, 2) if number else x
            for name in stage:
                x = F.relu(self._conv(f"vgg.conv{name}", F.pad(x, (1, 1, 1, 1), mode="reflect")))
        return x

    def _reference(self, features: Tensor) -> Tensor:
        """Mean and log-variance of z, ``(1, 512)``: the feature encoder."""
        x = features
        for number, padding in ((1, 0), (2, 1)):
            x = self._conv(f"feature_encoder.conv{number}", x, padding)
            x = F.leaky_relu(self._normalised(f"feature_encoder.norm{number}", x))
        x = F.interpolate(x, size=(16, 16), mode="bilinear")
        return self._linear("feature_encoder.linear", x.flatten(1))

    def _modulation(self, features: Tensor) -> Tensor:
        """F_mu and F_Sigma, ``(1, 1024, h, w)`` (section 3.2)."""
        x = self._conv("modulation.conv_in", features)
        for number in range(3):
            x = self._block(f"modulation.blocks.{number}", x)
        return self._conv("modulation.conv_out", x)

    def _latent(self, code: Tensor, grid: torch.Size) -> Tensor:
        """C_R, ``(1, 512, h, w)``: the feature decoder."""
        x = self._linear("feature_decoder.linear", code).reshape(1, 64, 16, 16)
        x = self._conv("feature_decoder.conv", F.interpolate(x, size=tuple(grid), mode="bilinear"))
        return self._block("feature_decoder.block", x)

    def _decoder(self, fused: Tensor) -> Tensor:
        """The detail, ``(1, 3, 8h, 8w)`` (section 3.3)."""
        x = fused
        for number in (1, 2, 3):
            x = F.interpolate(x, scale_factor=2.0, mode="bilinear")
            x = F.leaky_relu(self._conv(f"image_decoder.conv{number}", x, 1))
        return self._conv("image_decoder.last", F.leaky_relu(self._conv("image_decoder.mix", x)), 1)

    def _block(self, name: str, x: Tensor) -> Tensor:
        inner = F.leaky_relu(self._conv(f"{name}.conv1", x, 1))
        return F.leaky_relu(self._conv(f"{name}.conv2", inner, 1) + x)

    def _conv(self, name: str, x: Tensor, padding: int = 0) -> Tensor:
        return F.conv2d(x, self.weights[f"{name}.weight"], self.weights[f"{name}.bias"], padding=padding)

    def _linear(self, name: str, x: Tensor) -> Tensor:
        return F.linear(x, self.weights[f"{name}.weight"], self.weights[f"{name}.bias"])

    def _normalised(self, name: str, x: Tensor) -> Tensor:
        entries = (self.weights[f"{name}.{entry}"] for entry in ("running_mean", "running_var", "weight", "bias"))
        return F.batch_norm(x, *entries)


def _tensor(image: NDArray[np.uint8]) -> Tensor:
    """``(h, w, 3)`` uint8 to ``(1, 3, h, w)`` in 0..1."""
    return torch.from_numpy(image.transpose(2, 0, 1).astype(np.float32) / 255)[None].contiguous()


def main() -> None:
    """Print one table: stage, and its median seconds at each size."""
    parser = measuring.parser(__doc__)
    parser.add_argument("--sides", type=int, nargs="+", default=[64, 128])
    options = parser.parse_args()
    sides = [16] if options.quick else options.sides
    columns = [_stage_medians(side, measuring.turns(options)) for side in sides]
    rows = [[stage, *(measuring.duration(column[stage]) for column in columns)] for stage in STAGES]
    totals = [sum(column.values()) for column in columns]
    rows.append(["one sample", *map(measuring.duration, totals)])
    note = "One sample by the authors' order of work, float32, random weights; medians, after one of warming up."
    headings = ["stage", *(f"{side} -> {SCALE * side}" for side in sides)]
    figures = {f"seconds_{side}": total for side, total in zip(sides, totals, strict=True)}
    measuring.publish(options, note, measuring.table(headings, rows), figures)


def _stage_medians(side: int, repeats: int) -> dict[str, float]:
    baseline = NaiveRefVAE(workloads.model("paper").network.state_dict())
    baseline.samples(workloads.picture(side), workloads.reference(), [0])
    baseline.laps.clear()
    for _ in range(repeats):
        baseline.samples(workloads.picture(side), workloads.reference(), [0])
    return {stage: statistics.median(baseline.laps[stage]) for stage in STAGES}


if __name__ == "__main__":
    main()
