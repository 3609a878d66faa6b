"""Where training runs: accelerator, number of processes, precision."""

from __future__ import annotations

import os

import torch
from lightning.fabric import Fabric

from napari_refvae.model.precision import has_native_bf16

__all__ = ["open_fabric"]


def open_fabric(precision: str) -> Fabric:
    """Fabric on one device of the best kind; under ``torchrun`` or ``fabric run``, on as many as they say.

    No process starts others by itself: each would run its caller's whole program again.
    """
    devices = int(os.environ.get("LOCAL_WORLD_SIZE", "1"))
    if precision == "auto":
        native = has_native_bf16(torch.device("cuda" if torch.cuda.is_available() else "cpu"))
        precision = "bf16-mixed" if native else "32-true"
    fabric = Fabric(precision=precision, devices=devices, strategy="auto")  # type: ignore[arg-type]
    if os.environ.get("LT_CLI_USED") != "1":  # ``fabric run`` has launched it already
        fabric.launch()
    return fabric
