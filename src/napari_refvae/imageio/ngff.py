"""The JSON of OME-Zarr: axes and their steps, the levels of a pyramid, and which codecs may be let loose.

After https://ngff.openmicroscopy.org/0.4/ and https://ngff.openmicroscopy.org/0.5/.
"""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from napari_refvae.errors import InvalidInputError
from napari_refvae.imageio.layout import Axis, Layout
from napari_refvae.imageio.pyramids import coarsened

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

__all__ = ["VERSIONS", "attributes_for", "check_codecs", "finest_level", "layout_from", "ordered"]

VERSIONS: dict[str, Literal[2, 3]] = {"0.4": 2, "0.5": 3}
"""Of OME-Zarr that can be written, and zarr's own that they lie in."""

ORDER = "tczyx"
KINDS = {"t": "time", "c": "channel"}  # the others are space

UNITS = {"µm": "micrometer", "um": "micrometer", "micron": "micrometer", "nm": "nanometer", "mm": "millimeter"}
UNITS |= {"cm": "centimeter", "m": "meter", "s": "second", "ms": "millisecond", "min": "minute"}

COLOURS = {"red": "FF0000", "green": "00FF00", "blue": "0000FF", "alpha": "FFFFFF"}
"""Names of the channels that hold an RGB or RGBA image, as we write them, and the colours of their display."""

CODECS = frozenset(
    (
        "blosc",
        "bz2",
        "crc32c",
        "delta",
        "fixedscaleoffset",
        "gzip",
        "lz4",
        "lzma",
        "packbits",
        "shuffle",
        "zlib",
        "zstd",
    )
) | frozenset(("bytes", "bitround", "sharding_indexed", "transpose"))
"""All that only turn bytes into bytes. zarr knows more; among those is a pickle."""


def finest_level(attributes: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """The entry of ``multiscales`` that describes the image, or None if the attributes hold none.

    Raises
    ------
    InvalidInputError
        If it has no level in the same folder.
    """
    described = attributes.get("ome", attributes)
    images = described.get("multiscales") if isinstance(described, dict) else None
    if not images:
        return None
    try:
        path = images[0]["datasets"][0]["path"]
    except (LookupError, TypeError) as error:
        raise InvalidInputError(
            f"expected OME-Zarr metadata with a list of levels ({error}): write it again"
        ) from error
    if not isinstance(path, str) or not path or ".." in path.split("/") or path.startswith("/") or "\\" in path:
        raise InvalidInputError(f"expected the levels of an OME-Zarr image inside its folder; got {path!r}")
    image: Mapping[str, Any] = images[0]
    return image


def layout_from(image: Mapping[str, Any], shape: Sequence[int], channels: Sequence[Any], rgb: bool | None) -> Layout:
    """The layout of an image's finest level.

    Parameters
    ----------
    image
        What `finest_level` gave.
    shape
        Of the level's array.
    channels
        Those of the group's ``omero`` attribute.
    rgb
        Whether the channels are the colours of one picture; None: if they are called red, green and blue.

    Raises
    ------
    InvalidInputError
        If the metadata does not fit the array.
    """
    try:
        axes = [axis if isinstance(axis, dict) else {"name": axis} for axis in image.get("axes", ORDER)]
        names = [str(axis["name"]) for axis in axes]
        units = [str(axis.get("unit", "")) for axis in axes]
        level = image["datasets"][0].get("coordinateTransformations", ())
        scale, translation = _transformed(len(axes), (*level, *image.get("coordinateTransformations", ())))
        labels = [str(channel.get("label", "")) for channel in channels]
    except (LookupError, TypeError, ValueError, AttributeError) as error:
        raise InvalidInputError(
            f"expected axes and transformations of OME-Zarr 0.4 or 0.5; got others ({error})"
        ) from error
    if len(axes) != len(shape):
        raise InvalidInputError(
            f"expected {len(shape)} axes for an OME-Zarr array of shape {tuple(shape)}; got {names}"
        )
    coloured = labels in ([*COLOURS][:3], [*COLOURS]) if rgb is None else rgb
    found = tuple(map(Axis, names, map(int, shape), scale, translation, units))
    return Layout(found, "c" if coloured and "c" in names else None)


def ordered(layout: Layout) -> Layout:
    """The layout with its axes in the order that OME-Zarr wants; colours become channels.

    Raises
    ------
    InvalidInputError
        If it has both channels and colours.
    """
    renamed = [dataclasses.replace(axis, name="c") if axis.name == "s" else axis for axis in layout.axes]
    if len({axis.name for axis in renamed}) != len(renamed):
        raise InvalidInputError(
            f"expected channels or colours; got axes {layout.names}, and OME-Zarr has one place for both: "
            "write one file a channel"
        )
    return Layout(tuple(sorted(renamed, key=lambda axis: ORDER.index(axis.name))), layout.colour and "c")


def attributes_for(
    layout: Layout, version: str, name: str, dtype: np.dtype[Any], factors: Sequence[int] = (1,)
) -> dict[str, Any]:
    """What goes into the attributes of a group whose arrays ``0``, ``1`` ... are an image's levels.

    Parameters
    ----------
    layout
        Of level 0.
    version, name, dtype
        Of OME-Zarr; of the image; of its pixels.
    factors
        By how much each level is coarser than level 0.
    """
    image: dict[str, Any] = {
        "name": name,
        "axes": [_described(axis) for axis in layout.axes],
        "datasets": [
            {"path": str(level), "coordinateTransformations": _placed(coarsened(layout, factor))}
            for level, factor in enumerate(factors)
        ],
    }
    omero = {"omero": {"channels": _colour_channels(layout, dtype)}} if layout.colour else {}
    if version == "0.4":
        return {"multiscales": [{"version": version, **image}], **omero}
    return {"ome": {"version": version, "multiscales": [image], **omero}}


def _placed(layout: Layout) -> list[dict[str, Any]]:
    return [
        {"type": "scale", "scale": [axis.scale for axis in layout.axes]},
        {"type": "translation", "translation": [axis.translation for axis in layout.axes]},
    ]


def check_codecs(described: Any, path: str) -> None:
    """Refuse an array's metadata if reading it could run more than a decompressor.

    Raises
    ------
    InvalidInputError
        If it names a codec that is not known to be harmless, or holds Python objects.
    """
    if not isinstance(described, dict):
        raise InvalidInputError(f"expected the description of an array in {path}; got {type(described).__name__}")
    steps = [*_list(described.get("filters")), *_list(described.get("compressor")), *_list(described.get("codecs"))]
    for step in steps:
        step = step if isinstance(step, dict) else {"name": step}
        name = str(step.get("id", step.get("name"))).lower().removeprefix("numcodecs.")
        if name not in CODECS:
            raise InvalidInputError(
                f"expected zarr chunks in a known compression; {path} uses {name!r}, which is not opened since codecs "
                "can run programs: write it again with blosc, zstd or gzip"
            )
        inner = step.get("configuration")
        if isinstance(inner, dict):
            nested = [*_list(inner.get("codecs")), *_list(inner.get("index_codecs"))]
            check_codecs({"codecs": nested}, path)


def _list(value: Any) -> list[Any]:
    return [] if value is None else value if isinstance(value, list) else [value]


def _transformed(count: int, transformations: Sequence[Any]) -> tuple[list[float], list[float]]:
    """Scale and translation of all transformations, one after the other."""
    scale, translation = [1.0] * count, [0.0] * count
    for step in transformations:
        kind = step["type"]
        values = [0.0] * count if kind == "identity" else [float(value) for value in step[kind]]
        if len(values) != count:
            raise ValueError(f"{len(values)} values for {count} axes")
        if kind == "scale":
            scale = [a * b for a, b in zip(scale, values, strict=True)]
            translation = [a * b for a, b in zip(translation, values, strict=True)]
        elif kind in ("translation", "identity"):
            translation = [a + b for a, b in zip(translation, values, strict=True)]
        else:
            raise ValueError(f"a transformation of type {kind}")
    return scale, translation


def _described(axis: Axis) -> dict[str, str]:
    described = {"name": axis.name, "type": KINDS.get(axis.name, "space")}
    return described if not axis.unit or axis.name == "c" else described | {"unit": UNITS.get(axis.unit, axis.unit)}


def _colour_channels(layout: Layout, dtype: np.dtype[Any]) -> list[dict[str, Any]]:
    white = int(np.iinfo(dtype).max) if dtype.kind in "ui" else 1
    window = {"min": 0, "max": white, "start": 0, "end": white}
    names = [*COLOURS][: layout.axis("c").length]
    return [{"label": name, "color": COLOURS[name], "active": name != "alpha", "window": window} for name in names]
