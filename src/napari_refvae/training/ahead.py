"""The next step's examples, made while this step trains."""

from __future__ import annotations

from concurrent.futures import Future, ThreadPoolExecutor
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import torch

    from napari_refvae.training.data import Batch, ExampleSource

__all__ = ["Ahead"]


class Ahead:
    """Asks a source for a process's batches, one step ahead where that saves time.

    It does on a GPU, which would wait for the CPU meanwhile, and where photographs are read from disk. The batches
    are the same either way.
    """

    def __init__(self, source: ExampleSource, rank: int, device: torch.device) -> None:
        self.source, self.rank, self.device = source, rank, device
        streamed = any(getattr(images, "streamed", False) for images in (source.photographs, source.references))
        self._pool = ThreadPoolExecutor(1) if streamed or device.type != "cpu" else None
        self._next: tuple[int, Future[Batch]] | None = None

    def batch(self, step: int) -> Batch:
        """The examples of ``step``; those of the step after it are begun."""
        if self._pool is None:
            return self._made(step)
        waiting, future = self._next or (step, self._pool.submit(self._made, step))
        if waiting != step:
            future = self._pool.submit(self._made, step)
        batch = future.result()
        self._next = step + 1, self._pool.submit(self._made, step + 1)
        return batch

    def _made(self, step: int) -> Batch:
        return self.source.batch(step, self.rank, self.device)
