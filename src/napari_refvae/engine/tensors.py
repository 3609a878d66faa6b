"""The one seam between numpy ``(H, W, C)`` and torch ``(B, C, H, W)``."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import torch

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from torch import Tensor

__all__ = ["image_from_tensor", "image_to_tensor"]


def image_to_tensor(image: NDArray[np.float32], device: torch.device) -> Tensor:
    """``(H, W)`` or ``(H, W, C)`` float32 to ``(1, C, H, W)`` float32 on ``device``; a copy."""
    planes = image[..., None] if image.ndim == 2 else image
    return torch.tensor(np.ascontiguousarray(planes.transpose(2, 0, 1)), device=device)[None]


def image_from_tensor(tensor: Tensor) -> NDArray[np.float32]:
    """``(C, H, W)`` or ``(1, C, H, W)`` to ``(H, W, C)`` float32."""
    planes = tensor.squeeze(0) if tensor.ndim == 4 else tensor
    return planes.permute(1, 2, 0).to("cpu", torch.float32).contiguous().numpy()
