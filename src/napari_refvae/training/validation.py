"""Scores of a model on a folder while it trains: the faithful output's fidelity."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import torch

from napari_refvae.metrics import modulo_crop, psnr_y
from napari_refvae.resampling import downsample, project, upsample

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from napari_refvae.model.doors import ReferenceVAE

__all__ = ["faithful_psnr"]

LARGEST_SIDE = 768
"""Larger photographs are cropped to their middle, to keep validation short."""


@torch.inference_mode()
def faithful_psnr(model: ReferenceVAE, images: Sequence[NDArray[np.uint8]]) -> float:
    """Mean Y-PSNR, in dB, of the faithful output (vividness 0, no reference) on ``(H, W, 3)`` uint8 originals."""
    device = next(model.parameters()).device
    scores = []
    for image in images:
        hr = modulo_crop(_middle(image, LARGEST_SIDE), model.scale)
        target = torch.tensor(hr, device=device).permute(2, 0, 1)[None].float() / 255
        lr = (downsample(target, model.scale) * 255).round().clamp(0, 255) / 255
        sr = _faithful(model, lr).mul(255).round()[0].permute(1, 2, 0)
        scores.append(psnr_y(sr.to("cpu", torch.uint8).numpy(), hr))
    return float(np.mean(scores))


def _faithful(model: ReferenceVAE, lr: torch.Tensor) -> torch.Tensor:
    layout, size = model.layout, lr.shape[-2:]
    code, field = torch.zeros(1, layout.code), torch.zeros(1, layout.noise, *size)
    latent = model.lift(code.to(lr), field.to(lr), torch.zeros(1, device=lr.device))
    detail = model.decode(model.encode(lr), latent).float()
    return project(upsample(lr, model.scale) + detail, lr, model.scale, bounds=(0, 1))


def _middle(image: NDArray[np.uint8], side: int) -> NDArray[np.uint8]:
    height, width = image.shape[:2]
    y, x = max(0, (height - side) // 2), max(0, (width - side) // 2)
    return image[y : y + side, x : x + side]
