"""From the network's detail to a stored sample: interpolation, projection, reduction, rounding.

All of it goes window by window, so that what is worked on fits into the processor's cache, and no copies of a large
sample are made. Windows overlap as far as the projection reaches.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from napari_refvae.engine.bands import add_bicubic, downsample_planes, project_planes
from napari_refvae.engine.device import exactly
from napari_refvae.engine.frame import DOWNSAMPLING_REACH, PROJECTION_REACH
from napari_refvae.engine.storing import store_planes
from napari_refvae.engine.tensors import image_to_tensor
from napari_refvae.engine.tiling import plan_tiles
from napari_refvae.errors import ModelError
from napari_refvae.metrics import lr_psnr_normalized
from napari_refvae.regions import Tile, TileSpec

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from torch import Tensor

    from napari_refvae.engine.frame import Frame
    from napari_refvae.regions import Region
    from napari_refvae.spec import SuperResolutionRequest

__all__ = ["Finisher", "Finishing", "plan_windows"]

WINDOW = TileSpec(144, overlap=PROJECTION_REACH)
"""How finishing is cut, in LR pixels: a plane of a window at 8x takes 8 MB."""


class Finisher:
    """Makes the stored samples of one run, from what its network says of the frame's window.

    Parameters
    ----------
    request
        The run.
    frame
        The part that it makes.
    finest
        The network's scale.
    scale
        The results' scale, a divisor of it.
    device
        Where to compute.

    Attributes
    ----------
    windows
        What is finished at a time, row by row: each writes its part of the frame's region.
    """

    def __init__(
        self, request: SuperResolutionRequest, frame: Frame, finest: int, scale: int, device: torch.device
    ) -> None:
        self.scale = scale
        self.windows = plan_windows(frame)
        self.frame = frame
        self._finest = finest
        self._image = request.image
        self._consistency = request.consistency
        self._device = device
        self._room: Tensor | None = None

    def empty(self) -> NDArray[Any]:
        """An array for one sample of the frame's region, in the input's dtype and kind."""
        pixels, fine = self._image.pixels, self.frame.region.scaled(self.scale)
        return np.empty((fine.height, fine.width, *pixels.tail), pixels.dtype)

    def bicubic(self) -> NDArray[Any]:
        """The bicubic up-sampling of the frame's region."""
        made = self.empty()
        for window in self.windows:
            self.interpolate(window, made)
        return made

    @exactly()
    def interpolate(self, window: Tile, out: NDArray[Any]) -> None:
        """Store one window of the bicubic up-sampling."""
        lr = self._lr(window.read)
        planes = self._lines(lr, self.scale).zero_()
        add_bicubic(planes, lr, self.scale)
        self._store(planes, window, window.write, out)

    def begin(self, out: NDArray[Any]) -> Finishing:
        """Begin a sample, which is stored into ``out``; see `empty`."""
        return Finishing(self, out)

    def finish(self, detail: Tensor, out: NDArray[Any]) -> float:
        """Store one sample, and say how well it gives the input back.

        Parameters
        ----------
        detail
            ``(1, 3, finest*h, finest*w)`` of the frame's window.
        out
            Where to store the sample; see `empty`.

        Returns
        -------
        float
            LR-PSNR of the stored values in dB, with the pixels around the region in place.

        Raises
        ------
        ModelError
            If there are values that are not finite.
        """
        sample = self.begin(out)
        for window in self.windows:
            sample.add(window, detail, self.frame.window)
        return sample.lr_psnr

    @exactly()
    def finish_window(self, window: Tile, detail: Tensor, held: Region, out: NDArray[Any]) -> NDArray[np.float32]:
        """Store one window of a sample; gives what the stored values down-sample to, ``(h, w, 3)``.

        ``detail`` is of the region ``held``, in which the window's context lies.
        """
        part = detail[0][:, *window.read.relative_to(held).scaled(self._finest).slices]
        planes = self._consistent(part, self._lr(window.read))
        seen = window.write.padded(DOWNSAMPLING_REACH, self.frame.size).intersect(window.read)
        again = self._store(planes, window, seen, out)
        inner = window.write.relative_to(seen).slices
        small = downsample_planes(again, self.scale).transpose(1, 2)[inner]
        return small.cpu().numpy()

    def lr_psnr(self, small: NDArray[np.float32]) -> float:
        """Of what a whole sample down-samples to."""
        return lr_psnr_normalized(small, self._image.rgb[self.frame.region.slices], scale=1)

    def _consistent(self, detail: Tensor, lr: Tensor) -> Tensor:
        """The sample's planes at the results' scale, from a window's detail ``(3, finest*h, finest*w)``."""
        planes = self._lines(lr, self._finest)
        planes.copy_(detail.transpose(0, 1))
        add_bicubic(planes, lr, self._finest)
        self._make_consistent(planes, lr, self._finest)
        if self.scale == self._finest:
            return planes
        coarse = downsample_planes(planes, self._finest // self.scale)
        self._make_consistent(coarse, lr, self.scale)
        return coarse

    def _make_consistent(self, planes: Tensor, lr: Tensor, scale: int) -> None:
        if self._consistency is None:
            trace = float(planes.sum())
            planes.clamp_(*self._image.bounds)
        else:
            trace = project_planes(planes, lr, scale, self._image.bounds)
        if not math.isfinite(trace):
            raise ModelError(
                "the model made values that are not finite: its weights are damaged, or try precision='float32'"
            )

    def _store(self, planes: Tensor, window: Tile, part: Region, out: NDArray[Any]) -> Tensor:
        """Round a part of a window's planes and write what belongs to its core; gives the part as it is read again."""
        inside = part.relative_to(window.read).scaled(self.scale).slices
        seen = planes.transpose(0, 1)[:, *inside]
        stored = store_planes(seen, self._alpha(window.read, inside), self._image)
        place = window.write.relative_to(self.frame.region).scaled(self.scale).slices
        out[place] = stored[window.write.relative_to(part).scaled(self.scale).slices]
        return seen.transpose(0, 1).contiguous()

    def _lr(self, region: Region) -> Tensor:
        """The input's planes ``(h, 3, w)``."""
        return image_to_tensor(self._image.rgb[region.slices], self._device)[0].transpose(0, 1).contiguous()

    def _lines(self, lr: Tensor, scale: int) -> Tensor:
        """Room for planes ``(scale*h, 3, scale*w)``, the same each time: the system would have to clear new memory."""
        height, channels, width = lr.shape
        size = scale * height, channels, scale * width
        if self._room is None or self._room.numel() < math.prod(size):
            self._room = lr.new_empty(math.prod(size))
        return self._room[: math.prod(size)].view(size)

    def _alpha(self, region: Region, inside: tuple[slice, slice]) -> Tensor | None:
        """A part of a region's alpha, up-sampled and projected like a channel."""
        if self._image.alpha is None:
            return None
        small = image_to_tensor(self._image.alpha[region.slices], self._device)[0, 0]
        fine = torch.zeros(*(self.scale * length for length in small.shape), device=self._device)
        add_bicubic(fine, small, self.scale)
        project_planes(fine, small, self.scale, (0.0, 1.0))
        return fine[inside]


def plan_windows(frame: Frame) -> tuple[Tile, ...]:
    """What of a frame is finished at a time, row by row."""
    tiles = plan_tiles(frame.region, frame.size, WINDOW, PROJECTION_REACH)
    return tuple(Tile(tile.read.intersect(frame.window), tile.write) for tile in tiles)


class Finishing:
    """One sample that is being finished, window by window."""

    def __init__(self, finisher: Finisher, out: NDArray[Any]) -> None:
        self._finisher, self._out = finisher, out
        region = finisher.frame.region
        self._small = np.empty((region.height, region.width, 3), np.float32)
        self._left = len(finisher.windows)

    def add(self, window: Tile, detail: Tensor, held: Region) -> None:
        """Finish one of the finisher's windows from the detail ``(1, 3, finest*h, finest*w)`` of the region ``held``.

        Raises
        ------
        ModelError
            If there are values that are not finite.
        """
        place = window.write.relative_to(self._finisher.frame.region).slices
        self._left -= 1
        self._small[place] = self._finisher.finish_window(window, detail, held, self._out)

    @property
    def is_whole(self) -> bool:
        """Whether all windows are there."""
        return not self._left

    @property
    def lr_psnr(self) -> float:
        """How well the sample gives the input back, in dB, once all windows are there."""
        return self._finisher.lr_psnr(self._small)
