"""The machine that measured, in general terms."""

from __future__ import annotations

import os
import platform
import time
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

BUSY = 0.1
"""Share of the cores' time above which others disturb what is measured."""

WATCHED = 2.0
"""Seconds over which that share is taken."""


def describe() -> str:
    """Processor, cores that this process may use, threads of torch, instruction sets, memory, versions, GPU."""
    parts = [
        f"{_processor()}, {_counted(cores(), 'core')}, {_counted(torch.get_num_threads(), 'thread')} of torch",
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


def busy() -> float:
    """Share of this process's cores that others take now, watched for two seconds; 0 where the system does not tell."""
    before = _ticks()
    time.sleep(WATCHED)
    after = _ticks()
    spent, idle = (after[key] - before[key] for key in ("all", "idle"))
    return 1 - idle / spent if spent else 0.0


def _ticks() -> dict[str, int]:
    """Of the cores that this process may run on: in all and idle, since the system started."""
    try:
        lines = Path("/proc/stat").read_text().splitlines()
    except OSError:
        return {"all": 0, "idle": 0}
    ours = {f"cpu{core}" for core in os.sched_getaffinity(0)}
    ticks = [[int(word) for word in words[1:9]] for words in map(str.split, lines) if words[0] in ours]
    return {"all": sum(map(sum, ticks)), "idle": sum(core[3] + core[4] for core in ticks)}


def _counted(number: int, thing: str) -> str:
    return f"{number} {thing}{'' if number == 1 else 's'}"


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
