"""Which hardware computes in bfloat16 natively."""

from __future__ import annotations

from typing import Any

import torch

__all__ = ["has_native_bf16"]


def has_native_bf16(device: torch.device) -> bool:
    """Whether bfloat16 is faster than float32 on a device, and not emulated."""
    if device.type == "cuda":
        return torch.cuda.get_device_capability(device) >= (8, 0)
    if device.type != "cpu":
        return False
    capabilities: dict[str, Any] = getattr(torch.cpu, "get_capabilities", dict)()
    return bool(capabilities.get("avx512_bf16") or capabilities.get("amx_bf16"))
