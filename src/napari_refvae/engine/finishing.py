"""From the network's detail to a stored sample: interpolation, projection, reduction, rounding."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from napari_refvae.engine.device import exactly
from napari_refvae.engine.tensors import image_from_tensor, image_to_tensor
from napari_refvae.errors import ModelError
from napari_refvae.imageio.pixels import denormalize, normalize
from napari_refvae.metrics import lr_psnr_normalized
from napari_refvae.resampling import downsample, project, upsample

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray
    from torch import Tensor

    from napari_refvae.engine.frame import Frame
    from napari_refvae.regions import Region
    from napari_refvae.spec import SuperResolutionRequest

__all__ = ["Finisher"]

BAND = 256
"""Rows that are stored at a time: converting to stored values takes several float64 copies."""


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
    """

    @exactly()
    def __init__(
        self, request: SuperResolutionRequest, frame: Frame, finest: int, scale: int, device: torch.device
    ) -> None:
        self.scale = scale
        self._finest = finest
        self._frame = frame
        self._image = request.image
        self._consistency = request.consistency
        self._lr = image_to_tensor(self._image.rgb[frame.window.slices], device)
        self._alpha = None if self._image.alpha is None else self._upsampled_alpha(self._image.alpha)

    def empty(self) -> NDArray[Any]:
        """An array for one sample of the frame's region, in the input's dtype and kind."""
        return self._array(self._frame.region)

    @exactly()
    def bicubic(self) -> NDArray[Any]:
        """The bicubic up-sampling of the frame's region."""
        made = self.empty()
        self._store(upsample(self._lr, self.scale), self._frame.region, made)
        return made

    @exactly()
    def finish(self, detail: Tensor, out: NDArray[Any]) -> float:
        """Store one sample, and say how well it gives the input back.

        Parameters
        ----------
        detail
            ``(1, 3, finest*h, finest*w)`` of the frame's window; used up.
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
        sr = detail.add_(upsample(self._lr, self._finest))
        if not torch.isfinite(sr).all():
            raise ModelError(
                "the model made values that are not finite: its weights are damaged, or try precision='float32'"
            )
        sr = self._made_consistent(sr, self._finest)
        if self.scale != self._finest:
            sr = self._made_consistent(downsample(sr, self._finest // self.scale), self.scale)
        frame = self._frame
        stored = out if frame.seen == frame.region else self._array(frame.seen)
        self._store(sr, frame.seen, stored)
        if stored is not out:
            out[...] = stored[self._pixels(frame.region, frame.seen)]
        return self._lr_psnr(stored)

    def _made_consistent(self, sr: Tensor, scale: int) -> Tensor:
        if self._consistency is None:
            return sr.clamp_(*self._image.bounds)
        return project(sr, self._lr, scale, bounds=self._image.bounds)

    def _store(self, sr: Tensor, region: Region, out: NDArray[Any]) -> None:
        """Write a region of the window's pixels in stored units."""
        image, part = self._image, self._pixels(region, self._frame.window)
        sr = sr[..., *part]
        alpha = None if self._alpha is None else self._alpha[part]
        for band in _bands(len(out)):
            colours = image_from_tensor(sr[..., band, :])
            out[band] = denormalize(colours, None if alpha is None else alpha[band], image.pixels, image.bounds)

    def _lr_psnr(self, stored: NDArray[Any]) -> float:
        """Of the stored values of the region that is seen."""
        frame, image = self._frame, self._image
        colours = torch.empty(1, 3, *stored.shape[:2], device=self._lr.device)
        for band in _bands(len(stored)):
            colours[..., band, :] = image_to_tensor(normalize(stored[band], image.pixels.range).rgb, self._lr.device)
        small = image_from_tensor(downsample(colours, self.scale))
        inner = frame.region.relative_to(frame.seen).slices
        return lr_psnr_normalized(small[inner], image.rgb[frame.region.slices], scale=1)

    def _upsampled_alpha(self, alpha: NDArray[np.float32]) -> NDArray[np.float32]:
        small = image_to_tensor(alpha[self._frame.window.slices], self._lr.device)
        return image_from_tensor(project(upsample(small, self.scale), small, self.scale, bounds=(0, 1)))[..., 0]

    def _array(self, region: Region) -> NDArray[Any]:
        pixels = self._image.pixels
        return np.empty((region.height * self.scale, region.width * self.scale, *pixels.tail), pixels.dtype)

    def _pixels(self, region: Region, within: Region) -> tuple[slice, slice]:
        """Where a region lies in another's result."""
        return region.relative_to(within).scaled(self.scale).slices


def _bands(height: int) -> Iterator[slice]:
    return (slice(top, top + BAND) for top in range(0, height, BAND))
