"""The machine that measured, in general terms."""

from __future__ import annotations

import os
import platform
from pathlib import Path

import torch

INSTRUCTIONS = {
    "avx2": "AVX2",
    "avx512f": "AVX-512",
    "avx512_bf16": "AVX-512 BF16",
    "amx_bf16": "AMX BF16",
    "asimd": "NEON",
    "bf16": "BF16",
}
"""Those of Linux's flags that decide how fast a network runs, and their usual names."""

BUSY = 0.25
"""Load average a core above which the machine was not idle."""


def describe() -> str:
    """Processor, cores that this process may use, threads of torch, instruction sets, memory, versions, GPU."""
    parts = [
        f"{_processor()}, {cores()} cores, {torch.get_num_threads()} threads of torch",
        ", ".join(_instructions()) or "no instruction sets known",
        f"{_memory() / 2**30:.0f} GiB of memory",
        f"{platform.system()}, Python {platform.python_version()}, torch {torch.__version__}",
    ]
    if torch.cuda.is_available():
        parts.append(torch.cuda.get_device_name())
    return "; ".join(parts)


def cores() -> int:
    """Those that this process may run on."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def load() -> float:
    """What others want of the machine: the load average of the last minute; 0 where there is none."""
    return os.getloadavg()[0] if hasattr(os, "getloadavg") else 0.0


def is_busy(load_average: float) -> bool:
    """Whether figures that are measured under it are worth nothing."""
    return load_average > BUSY * cores()


def _processor() -> str:
    return _cpuinfo("model name") or platform.processor() or platform.machine()


def _instructions() -> list[str]:
    flags = set((_cpuinfo("flags") or _cpuinfo("Features")).split())
    return [name for flag, name in INSTRUCTIONS.items() if flag in flags]


def _cpuinfo(entry: str) -> str:
    """Of the first processor; empty where the system does not tell."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return ""
    return next((line.partition(":")[2].strip() for line in lines if line.split(":")[0].strip() == entry), "")


def _memory() -> int:
    try:
        return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (AttributeError, ValueError, OSError):
        return 0
