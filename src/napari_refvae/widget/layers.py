"""Layers to the engine's inputs, and results to layers. No viewer, no state: values in, values out.

Everything that a run needs of its layers is copied before it starts, so layers may change or go
meanwhile. A result carries the geometry of its input exactly: HR pixel ``i`` of an axis lies at LR
position ``(i + 0.5) / factor - 0.5``, so both images cover the same part of the world.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from napari.utils.transforms import Affine

from napari_refvae.errors import InvalidInputError
from napari_refvae.imageio.pixels import as_reference
from napari_refvae.spec import ImageReference, IntensityRange

if TYPE_CHECKING:
    from napari.layers import Image
    from numpy.typing import NDArray

    from napari_refvae.engine.result import SuperResolutionResult

    LayerData = tuple[NDArray[Any], dict[str, Any], str]

__all__ = ["METADATA_KEY", "Geometry", "InputImage", "is_result", "layers_from_result", "read_input", "read_reference"]

METADATA_KEY = "napari_refvae"
"""Where a result layer's metadata say which run made it, and how."""

RESIDUAL_GAIN = 5
"""Residual maps show this fraction of the intensity range as full colour, as the paper's figures do."""

LUMA = np.array([0.299, 0.587, 0.114], np.float32)
"""ITU-R BT.601 weights: a residual map of a colour image shows its luma."""


@dataclass(frozen=True, slots=True, eq=False)
class Geometry:
    """Where a 2-D layer's pixels lie in the world: what a napari layer calls by these names."""

    scale: NDArray[np.float64]
    translate: NDArray[np.float64]
    rotate: NDArray[np.float64]
    shear: NDArray[np.float64]
    affine: NDArray[np.float64]
    units: tuple[Any, ...]
    axis_labels: tuple[str, ...]

    @classmethod
    def of(cls, layer: Image) -> Geometry:
        """Copy a layer's geometry."""
        return cls(
            scale=np.array(layer.scale, float),
            translate=np.array(layer.translate, float),
            rotate=np.array(layer.rotate, float),
            shear=np.array(layer.shear, float),
            affine=np.array(layer.affine.affine_matrix, float),
            units=tuple(layer.units),
            axis_labels=tuple(layer.axis_labels),
        )

    def refined(self, factor: int) -> Geometry:
        """The geometry of the same field of view on a grid ``factor`` times as fine.

        Pixel centres move: the first HR centre lies ``(1/factor - 1)/2`` LR pixels from the first LR centre.
        """
        linear = Affine(scale=self.scale, rotate=self.rotate, shear=self.shear).linear_matrix
        shift = linear @ np.full(len(self.scale), (1 / factor - 1) / 2)
        return replace(self, scale=self.scale / factor, translate=self.translate + shift)

    def as_keywords(self) -> dict[str, Any]:
        """Keywords of ``viewer.add_image``."""
        return {name: getattr(self, name) for name in self.__slots__}


@dataclass(frozen=True, slots=True, eq=False)
class InputImage:
    """A copy of an image layer: its pixels, what they mean, where they lie and how they are shown.

    Attributes
    ----------
    pixels
        ``(h, w)``, ``(h, w, 3)`` or ``(h, w, 4)``, in the layer's dtype.
    intensity_range
        Black and white: the contrast limits of a grey layer; None (the dtype's own) for colours, which
        napari shows without contrast limits.
    look
        Display settings that results take over.
    """

    name: str
    pixels: NDArray[Any]
    intensity_range: IntensityRange | None
    geometry: Geometry
    look: dict[str, Any]


def read_input(layer: Image) -> InputImage:
    """Copy a layer that is to be super-resolved.

    Raises
    ------
    InvalidInputError
        If the layer is a stack.
    """
    look = {"gamma": layer.gamma}
    if not layer.rgb:
        look |= {"colormap": layer.colormap, "contrast_limits": tuple(layer.contrast_limits)}
    return InputImage(layer.name, _pixels(layer), _intensity_range(layer), Geometry.of(layer), look)


def read_reference(layer: Image) -> ImageReference:
    """Copy a layer that is to be the reference; a grey one as its contrast limits show it.

    Raises
    ------
    InvalidInputError
        If the layer is a stack, or its values cannot be used.
    """
    return ImageReference(as_reference(_pixels(layer), _intensity_range(layer)), layer.name)


def is_result(layer: Any) -> bool:
    """Whether a run of ours made the layer."""
    return METADATA_KEY in layer.metadata


def layers_from_result(result: SuperResolutionResult, origin: InputImage, run: str) -> list[LayerData]:
    """Layer data of every sample and of its residual map against the bicubic up-sampling.

    In the order in which to add them: the first sample comes last and so lies on top. Residual maps are
    hidden; they share one diverging colormap and symmetric limits, so they can be compared.

    Parameters
    ----------
    result
        What the engine returned.
    origin
        The input of the run.
    run
        An identifier that the layers of one run share.
    """
    geometry = origin.geometry.refined(result.scale).as_keywords()
    limit = _span(result, origin) / RESIDUAL_GAIN
    residuals = result.residual("bicubic")
    layers: list[LayerData] = []
    for index in reversed(range(len(result))):
        name = _sample_name(result, origin, index)
        shared = geometry | {"metadata": _metadata(result, index, run, "sample")}
        layers.append((result.sr[index], shared | origin.look | {"name": name, "rgb": result.sr.ndim == 4}, "image"))
        residual = geometry | {
            "metadata": _metadata(result, index, run, "residual"),
            "name": f"{name} residual",
            "colormap": "bwr",
            "contrast_limits": (-limit, limit),
            "visible": False,
        }
        layers.insert(-1, (_luma(residuals[index]), residual, "image"))
    return layers


def _pixels(layer: Image) -> NDArray[Any]:
    """A copy of the layer's pixels, at full resolution."""
    data = layer.data[0] if layer.multiscale else layer.data
    if layer.ndim != 2:
        raise InvalidInputError(
            f"expected a layer with one plane; got {layer.name!r} of shape {tuple(data.shape)}: "
            "copy the plane that you want into a layer of its own"
        )
    return np.array(data)


def _intensity_range(layer: Image) -> IntensityRange | None:
    return None if layer.rgb else IntensityRange(*(float(limit) for limit in layer.contrast_limits))


def _span(result: SuperResolutionResult, origin: InputImage) -> float:
    """From black to white, in stored units."""
    if origin.intensity_range is not None:
        return origin.intensity_range.span
    kind = result.sr.dtype
    return float(np.iinfo(kind).max) if kind.kind in "ui" else 1.0


def _sample_name(result: SuperResolutionResult, origin: InputImage, index: int) -> str:
    reference = result.references[index]
    by = "" if reference == "none" else f" by {reference}"
    return f"{origin.name} {result.scale}x{by} #{index + 1}"


def _metadata(result: SuperResolutionResult, index: int, run: str, kind: str) -> dict[str, Any]:
    return {
        METADATA_KEY: {
            "kind": kind,
            "run": run,
            "sample": index,
            "reference": result.references[index],
            "seed": result.seeds[index],
            "lr_psnr": result.lr_psnr[index],
            "provenance": dict(result.provenance),
        }
    }


def _luma(residual: NDArray[np.float32]) -> NDArray[np.float32]:
    """``(H, W)``, ``(H, W, 3)`` or ``(H, W, 4)`` to ``(H, W)``; alpha is left out."""
    return residual if residual.ndim == 2 else residual[..., :3] @ LUMA
