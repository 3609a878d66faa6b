"""Which device, which precision, how much memory; each choice with its reason."""

from __future__ import annotations

import os
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from threading import Lock
from typing import TYPE_CHECKING, Any

import torch

from napari_refvae.errors import DeviceError, InvalidSpecError
from napari_refvae.model.precision import has_native_bf16

if TYPE_CHECKING:
    from collections.abc import Iterator

    from napari_refvae.model.doors import ReferenceVAE

__all__ = ["Choice", "choose_device", "choose_precision", "exactly", "free_memory", "is_out_of_memory"]

PRECISIONS = {"float32": torch.float32, "bfloat16": torch.bfloat16}
BF16_TOLERANCE = 2 / 255
SHORT_OF_MEMORY = ("can't allocate memory", "out of memory", "could not create a primitive")
"""In the words of torch, of devices, and of oneDNN, which does not say why it cannot."""
FALLBACK_FREE_MEMORY = 2 * 2**30
"""Assumed where the system does not tell."""


@dataclass(frozen=True, slots=True)
class Choice:
    """A choice made for the user, and why."""

    value: str
    reason: str


def choose_device(name: str = "auto") -> Choice:
    """Resolve ``auto``, ``cpu``, ``cuda``, ``cuda:N`` or ``mps``.

    Raises
    ------
    DeviceError
        If the device is not there; the sentence lists those that are.
    """
    available = _available_devices()
    if name == "auto":
        best = available[-1]
        reason = "the fastest device found" if best != "cpu" else "no GPU that torch can use was found"
        return Choice(best, reason)
    wanted = "cuda:0" if name == "cuda" else name
    if wanted not in available:
        raise DeviceError(f"expected a device among auto, {', '.join(available)}; got {name!r}, which is not here")
    return Choice(wanted, "asked for")


def _available_devices() -> list[str]:
    """From the last choice to the first."""
    devices = ["cpu"]
    if torch.backends.mps.is_available():
        devices.append("mps")
    return devices + [f"cuda:{index}" for index in reversed(range(torch.cuda.device_count()))]


def choose_precision(name: str, device: torch.device, model: ReferenceVAE) -> Choice:
    """Resolve ``auto``, ``float32`` or ``bfloat16``.

    ``auto`` takes bfloat16 where the hardware computes it natively and this very model agrees with
    float32 to 2/255 on a probe; else float32.
    """
    if name in PRECISIONS:
        return Choice(name, "asked for")
    if name != "auto":
        raise InvalidSpecError(f"precision must be auto, float32 or bfloat16; got {name!r}")
    if not has_native_bf16(device):
        return Choice("float32", f"{device} has no native bfloat16")
    error = _bf16_error(model, device)
    if not error <= BF16_TOLERANCE:
        return Choice(
            "float32", f"bfloat16 differs by {error:.4f} from float32 on a probe, more than {BF16_TOLERANCE:.4f}"
        )
    return Choice("bfloat16", f"native on {device}; within {error:.4f} of float32 on a probe")


class _TrueFloat32:
    """Convolutions and matrix products in true float32 while any thread is inside: the flags are the whole process's.

    The first one in sets them and the last one out restores them; if each did, one could restore what another still
    needs.
    """

    def __init__(self) -> None:
        self._lock = Lock()
        self._inside = 0
        self._flags = ExitStack()

    @contextmanager
    def held(self) -> Iterator[None]:
        with self._lock:
            if not self._inside:
                _forbid_rounding_convolutions(self._flags)
                _forbid_rounding_products(self._flags)
            self._inside += 1
        try:
            yield
        finally:
            with self._lock:
                self._inside -= 1
                if not self._inside:
                    self._flags.close()


_TRUE_FLOAT32 = _TrueFloat32()


@contextmanager
def exactly() -> Iterator[None]:
    """Inference in true float32: torch may round what it multiplies to TF32 or bfloat16, 10 and 7 bits.

    For convolutions it does so on NVIDIA cards by itself; for matrix products where the process was asked to.
    """
    with torch.inference_mode(), _TRUE_FLOAT32.held():
        yield


def _forbid_rounding_convolutions(undo: ExitStack) -> None:
    cudnn: Any = torch.backends.cudnn
    try:
        flags = cudnn.flags(cudnn.enabled, cudnn.benchmark, deterministic=cudnn.deterministic, allow_tf32=False)
        undo.enter_context(flags)
    except RuntimeError:  # torch refuses its older interface after its newer one was used
        _set_until(undo, cudnn.conv, "ieee")


def _forbid_rounding_products(undo: ExitStack) -> None:
    known: Any = torch.backends  # torch declares fewer of them than it has
    backends = known.cuda.matmul, known.mkldnn.matmul
    try:
        before = torch.get_float32_matmul_precision()
    except RuntimeError:  # likewise
        for backend in backends:
            _set_until(undo, backend, "ieee")
        return
    if before != "highest":
        for backend in backends:
            _set_until(undo, backend, backend.fp32_precision)  # the older interface knows fewer states
        undo.callback(torch.set_float32_matmul_precision, before)
        torch.set_float32_matmul_precision("highest")


def _set_until(undo: ExitStack, backend: Any, precision: str) -> None:
    undo.callback(setattr, backend, "fp32_precision", backend.fp32_precision)
    backend.fp32_precision = precision


@exactly()
def _bf16_error(model: ReferenceVAE, device: torch.device) -> float:
    generator = torch.Generator().manual_seed(0)
    lr = torch.rand(1, 3, 16, 16, generator=generator)
    lr = torch.nn.functional.avg_pool2d(lr, 5, stride=1, padding=2).to(device)
    layout = model.layout
    code, field = torch.zeros(1, layout.code), torch.randn(1, layout.noise, 16, 16, generator=generator)
    latent = model.lift(code.to(device), field.to(device), torch.ones(1, device=device))
    details = []
    for dtype in (torch.float32, torch.bfloat16):
        with torch.autocast(device.type, dtype, enabled=dtype is not torch.float32):
            details.append(model.decode(model.encode(lr), latent).float())
    return float((details[0] - details[1]).abs().max())


def free_memory(device: torch.device) -> int:
    """Bytes that a computation may take on the device."""
    if device.type == "cuda":
        return int(torch.cuda.mem_get_info(device)[0])
    if device.type == "mps":
        return int(torch.mps.recommended_max_memory() - torch.mps.current_allocated_memory())
    return _free_system_memory()


def _free_system_memory() -> int:
    try:
        with open("/proc/meminfo", encoding="ascii") as file:
            entries = dict(line.split(":", 1) for line in file)
        return int(entries["MemAvailable"].split()[0]) * 1024
    except (OSError, KeyError, ValueError):
        pass
    try:
        return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") // 2
    except (AttributeError, ValueError, OSError):
        return FALLBACK_FREE_MEMORY


def is_out_of_memory(error: BaseException) -> bool:
    """Whether an exception of torch or numpy says that memory ran out, on any device."""
    if isinstance(error, MemoryError | torch.OutOfMemoryError):
        return True
    text = str(error).lower()
    return isinstance(error, RuntimeError) and any(words in text for words in SHORT_OF_MEMORY)
