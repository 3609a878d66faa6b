"""Stored values to what the networks see, and back: dtype, range, grey, alpha.

One affine map an image: ``normalised = (stored - low) / (high - low)``. It is declared or follows
from the dtype, never from the data, so an image and its parts are treated alike, and every linear
law of the engine (a sample down-samples to its input) holds in stored units too.

Without a declared range these are black and white:

============================  =======  ==================
dtype                         black    white
============================  =======  ==================
bool                          False    True
uint8, uint16, uint32         0        the dtype's maximum
int8, int16, int32            0        the dtype's maximum
float16, float32, float64     0        1
uint64, int64                 a range must be declared
============================  =======  ==================

Networks and normalised values are float32: of 32- and 64-bit values, 24 significant bits of the
range survive.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_refvae.errors import InvalidInputError
from napari_refvae.imageio.missing import fill_missing
from napari_refvae.spec import IntensityRange, NormalizedImage, PixelFormat

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    from napari_refvae.spec import PixelKind

__all__ = ["as_reference", "denormalize", "dtype_range", "normalize"]

KINDS: dict[int, PixelKind] = {1: "grey", 3: "rgb", 4: "rgba"}

DTYPES = frozenset(
    ("bool", "uint8", "uint16", "uint32", "uint64", "int8", "int16", "int32", "int64", "float16", "float32", "float64")
)

MID_GREY = 0.5
"""What a reference's transparent parts are laid over: neither bright nor dark detail."""

WIDEST = 2.0**126
"""In a range as wide as this, float32 no longer tells neighbouring integers near its low from each other."""

TRANSPARENT = 1e-6
"""Alpha below this holds no colour: dividing by it would only amplify rounding."""


def normalize(array: ArrayLike, intensity_range: IntensityRange | None = None) -> NormalizedImage:
    """Turn an image into what the networks see.

    Parameters
    ----------
    array
        ``(H, W)`` or ``(H, W, 1)`` grey, ``(H, W, 3)`` RGB, ``(H, W, 4)`` RGBA with alpha not
        premultiplied; any size, memory layout and byte order; a dtype of the module's table. Not
        changed and not kept.
    intensity_range
        The stored values that mean black and white, or None for the dtype's own (see the module).
        Values may lie outside a declared range; a result may then hold such values as well. Alpha
        is no intensity: its range is always the dtype's own.

    Returns
    -------
    NormalizedImage
        Grey replicated to three channels, colours premultiplied by alpha. ``bounds`` is what the
        dtype can store, for floats the declared range widened to the data.

    Raises
    ------
    InvalidInputError
        If the shape or dtype is not of those above, a value is NaN or infinite (see
        `napari_refvae.imageio.missing` for those), or a float lies outside 0..1 and no range is declared.
    """
    values = _checked(array)
    channels = values.shape[2] if values.ndim == 3 else 1
    low_high = intensity_range or _default_range(values, channels)
    pixels = PixelFormat(KINDS[channels], values.dtype.name, low_high, trailing_axis=values.shape[2:] == (1,))
    planes = values.reshape(*values.shape[:2], channels)
    colour = _scaled(planes[..., :3], low_high)
    bounds = _bounds(values.dtype, colour, low_high)
    if pixels.kind == "grey":
        return NormalizedImage(np.repeat(colour.astype(np.float32), 3, axis=2), None, pixels, bounds)
    if pixels.kind == "rgb":
        return NormalizedImage(colour.astype(np.float32), None, pixels, bounds)
    alpha = _alpha(planes[..., 3])
    return NormalizedImage((colour * alpha[..., None]).astype(np.float32), alpha.astype(np.float32), pixels, bounds)


def denormalize(
    rgb: NDArray[np.floating[Any]],
    alpha: NDArray[np.floating[Any]] | None,
    pixels: PixelFormat,
    bounds: tuple[float, float] = (0.0, 1.0),
) -> NDArray[Any]:
    """Turn normalised values back into an image of the format that `normalize` found.

    Parameters
    ----------
    rgb
        ``(..., H, W, 3)``; premultiplied where the format has alpha.
    alpha
        ``(..., H, W)`` for RGBA, otherwise None. Clipped to 0..1.
    pixels
        The format.
    bounds
        Normalised values are clipped to these, then to what the dtype can store.

    Returns
    -------
    NDArray
        ``(..., H, W)``, ``(..., H, W, 1)``, ``(..., H, W, 3)`` or ``(..., H, W, 4)``. Grey is the mean
        of the channels; integers are rounded to the nearest; fully transparent pixels are black.

    Raises
    ------
    InvalidInputError
        If the format has alpha and none is given.
    """
    colour = np.asarray(rgb, np.float64)
    if pixels.kind == "grey":
        grey = _stored(colour.mean(axis=-1), pixels, bounds)
        return grey[..., None] if pixels.trailing_axis else grey
    if pixels.kind == "rgb":
        return _stored(colour, pixels, bounds)
    if alpha is None:
        raise InvalidInputError("expected an alpha plane for an RGBA image; got none: pass the up-sampled alpha")
    opacity = np.clip(np.asarray(alpha, np.float64), 0, 1)[..., None]
    visible = opacity >= TRANSPARENT
    straight = np.where(visible, colour / np.where(visible, opacity, 1), 0)
    opaque = PixelFormat("grey", pixels.dtype, dtype_range(np.dtype(pixels.dtype)))
    return np.concatenate((_stored(straight, pixels, bounds), _stored(opacity, opaque, (0, 1))), axis=-1)


def as_reference(array: ArrayLike, intensity_range: IntensityRange | None = None) -> NDArray[np.float32]:
    """Turn an image into a reference: ``(H, W, 3)`` float32 in 0..1.

    Accepts what `normalize` accepts, and NaN and infinite values, which are filled from their neighbours.
    Grey is replicated; transparent parts are laid over mid-grey, so the shape of the visible part stays and
    its surroundings add no detail of their own; values outside the range are clipped.

    Raises
    ------
    InvalidInputError
        As `normalize`.
    """
    image = normalize(fill_missing(_as_array(array))[0], intensity_range)
    if image.alpha is None:
        return np.clip(image.rgb, 0, 1)
    return np.clip(image.rgb + MID_GREY * (1 - image.alpha[..., None]), 0, 1)


def _as_array(array: ArrayLike) -> NDArray[Any]:
    try:
        return np.asarray(array)
    except (ValueError, TypeError) as error:
        raise InvalidInputError(
            f"expected an image array; got {type(array).__name__} ({error}): pass a numpy array"
        ) from error


def _checked(array: ArrayLike) -> NDArray[Any]:
    """The array with its shape, dtype and values checked."""
    values = _as_array(array)
    _check_shape(values.shape)
    if values.dtype.newbyteorder("=").name not in DTYPES:
        raise InvalidInputError(
            f"expected an image of booleans, integers or floats of up to 64 bits; got dtype {values.dtype}: "
            "convert it first, for example with astype(np.float32)"
        )
    values = values.astype(values.dtype.newbyteorder("="), copy=False)
    if values.dtype.kind == "f" and not np.isfinite(values).all():
        bad = np.count_nonzero(~np.isfinite(values))
        found = "only NaN or infinite values" if bad == values.size else f"{bad} NaN or infinite values"
        raise InvalidInputError(
            f"expected finite values; got {found} of {values.size}: replace them, for example with np.nan_to_num"
        )
    return values


def _check_shape(shape: tuple[int, ...]) -> None:
    wanted = "expected an image of shape (H, W), (H, W, 1), (H, W, 3) or (H, W, 4)"
    if len(shape) > 3:
        raise InvalidInputError(
            f"{wanted}; got shape {shape}: stacks come plane by plane, pass one plane such as image[0]"
        )
    if len(shape) < 2:
        raise InvalidInputError(f"{wanted}; got shape {shape}: pass an array with rows and columns")
    if 0 in shape:
        raise InvalidInputError(f"{wanted}; got shape {shape}, which holds no pixel: check how it was cropped")
    if len(shape) == 3 and shape[2] not in KINDS:
        hint = (
            "move its channels last with np.moveaxis(image, 0, -1)"
            if shape[0] in KINDS
            else "pass one plane or channel"
        )
        raise InvalidInputError(f"{wanted}; got shape {shape}, so {shape[2]} channels: {hint}")


def _default_range(values: NDArray[Any], channels: int) -> IntensityRange:
    """Black and white where none are declared; refuses data that they cannot be right for."""
    dtype = values.dtype
    if dtype.kind in "ui" and dtype.itemsize == 8:
        raise InvalidInputError(
            f"expected a declared range for {dtype} data, which no image fills; got values from {values.min()} to "
            f"{values.max()}: pass intensity_range=(low, high) (--range LOW HIGH on the command line), or convert the "
            "image to uint8 or uint16"
        )
    if dtype.kind == "f":
        colour = values[..., :3] if channels == 4 else values
        low, high = float(colour.min()), float(colour.max())
        if low < 0 or high > 1:
            raise InvalidInputError(
                f"expected {dtype} values from 0 to 1; got {low:.6g} to {high:.6g}: pass intensity_range=(low, high) "
                "(--range LOW HIGH on the command line), the values that mean black and white"
            )
    return dtype_range(dtype)


def dtype_range(dtype: np.dtype[Any]) -> IntensityRange:
    """The dtype's own black and white: see the module's table; of 64-bit integers, too, which no image fills."""
    return IntensityRange(0.0, float(np.iinfo(dtype).max) if dtype.kind in "ui" else 1.0)


def _scaled(colour: NDArray[Any], low_high: IntensityRange) -> NDArray[np.float64]:
    """Stored colours as normalised float64."""
    with np.errstate(over="ignore", invalid="ignore"):
        scaled = (colour.astype(np.float64) - low_high.low) / low_high.span
        fits = math.isfinite(low_high.span) and bool(np.isfinite(scaled.astype(np.float32)).all())
        fits &= colour.dtype.kind == "f" or low_high.span < WIDEST
    if not fits:
        raise InvalidInputError(
            f"expected a range on the scale of the data; got {low_high.low:g} to {low_high.high:g} for values from "
            f"{float(colour.min()):g} to {float(colour.max()):g}: pass the values that mean black and white"
        )
    return scaled


def _bounds(dtype: np.dtype[Any], colour: NDArray[np.float64], low_high: IntensityRange) -> tuple[float, float]:
    """What a result may hold, normalised: all that an integer dtype stores, or the range widened to float data."""
    if dtype.kind == "f":
        return min(0.0, float(colour.min())), max(1.0, float(colour.max()))
    least, greatest = (0, 1) if dtype.kind == "b" else (np.iinfo(dtype).min, np.iinfo(dtype).max)
    return (float(least) - low_high.low) / low_high.span, (float(greatest) - low_high.low) / low_high.span


def _alpha(stored: NDArray[Any]) -> NDArray[np.float64]:
    """An alpha plane as float64 in 0..1."""
    low_high = dtype_range(stored.dtype)
    if stored.min() < low_high.low or stored.max() > low_high.high:
        raise InvalidInputError(
            f"expected alpha from {low_high.low:g} to {low_high.high:g} for {stored.dtype}; got {stored.min():g} to "
            f"{stored.max():g}: rescale the fourth channel, or drop it if it is no alpha"
        )
    return _scaled(stored, low_high)


def _stored(normalised: NDArray[np.float64], pixels: PixelFormat, bounds: tuple[float, float]) -> NDArray[Any]:
    """Normalised values in stored units and dtype: clipped, and rounded where the dtype is no float."""
    dtype = np.dtype(pixels.dtype)
    values = np.clip(normalised, *bounds) * pixels.range.span + pixels.range.low
    if dtype.kind == "f":
        limits = np.finfo(dtype)
        return np.clip(values, float(limits.min), float(limits.max)).astype(dtype)
    if dtype.kind == "b":
        return values >= 0.5
    least, greatest = float(np.iinfo(dtype).min), float(np.iinfo(dtype).max)
    if greatest > np.iinfo(dtype).max:  # 64 bits: rounded up to float64, which would wrap around
        greatest = np.nextafter(greatest, 0)
    return np.clip(np.rint(values), least, greatest).astype(dtype)
