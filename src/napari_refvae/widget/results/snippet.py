"""A run as Python: what to paste into napari's console to make the same pixels again."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from napari_refvae.errors import InvalidInputError
from napari_refvae.widget.explore.snippet import is_exploration, python_of_exploration
from napari_refvae.widget.results.layers import METADATA_KEY
from napari_refvae.widget.results.maps import MapSpec

if TYPE_CHECKING:
    from napari_refvae.widget.results.layers import InputImage
    from napari_refvae.widget.results.run import Run

__all__ = ["python_of"]

WIDTH = 100  # columns of a list before each item gets a line
DIGITS = 12  # of a hash


def python_of(run: Run) -> str:
    """Code that makes a run again, for a console with a ``viewer``.

    It reads layers by the names that they had, references that were files from those files, and names device,
    precision and tiles as they were, so that the pixels are the same. What it takes for granted stands above it as
    comments: that the layers are as they were, and which model it was. References that are stacks are taken at the
    plane that the viewer shows: where that or anything else makes a reference another one, the code says so.

    Raises
    ------
    InvalidInputError
        If the run is not complete.
    """
    if run.result is None:
        raise InvalidInputError(f"expected a complete run; run {run.id} is still under way: wait for its end")
    if is_exploration(run):
        return python_of_exploration(run)
    record = run.result.provenance
    lines = [f"# Makes run {run.id} again, pixel for pixel.", *_assumptions(run, record), *_imports(run), ""]
    arguments = [f"    {name}={value}," for name, value in _arguments(run, record).items()]
    names = _layers(run)
    image = repr(names[0]) if len(names) == 1 else _bracketed([repr(name) for name in names])
    call = ["layers = upscale_layer(", "    viewer,", f"    {image},", *arguments, ")"]
    return "\n".join([*lines, *call, *_check(record), ""])


def _assumptions(run: Run, record: Any) -> list[str]:
    """What has to be as it was, as comments."""
    needed = _layers(run) + [entry["name"] for entry in _references(run, record) if _is_layer(entry)]
    needed += [run.companions.truth] if run.companions.truth else []
    names = ", ".join(repr(name) for name in dict.fromkeys(needed))
    model = record["model"]
    lines = [
        f"# Layers, with their pixels and contrast limits as they were: {names}.",
        f"# Model {model['name']}, sha256 {model['sha256'][:DIGITS]}; "
        + ", ".join(f"{name} {version}" for name, version in record["software"].items())
        + ".",
    ]
    for name, plane in run.companions.planes.items():
        lines.append(f"# Of the stack {name!r} the plane {plane} is on show, as it was then.")
    files = [entry["path"] for entry in record["references"] if entry.get("path")]
    if files:
        lines.append(f"# Files: {', '.join(files)}.")
    return lines


def _check(record: Any) -> list[str]:
    """Code that compares the references' pixels with those of then, where layers are among them."""
    if not any(_is_layer(entry) for entry in record["references"]):
        return []
    then = _bracketed([repr(_pixels(entry)) for entry in record["references"]])
    return [
        f'now = layers[0].metadata["{METADATA_KEY}"]["provenance"]["references"]',
        f'if [entry.get("sha256", "")[:{DIGITS}] for entry in now] != {then}:',
        '    raise ValueError("a reference is not as it was: check its pixels, contrast limits and shown plane")',
    ]


def _imports(run: Run) -> list[str]:
    assert run.result is not None
    names = ["upscale_layer"] + (["TileSpec"] if run.result.provenance["resolved"]["tile"] else [])
    lines = [f"from napari_refvae import {', '.join(sorted(names))}"]
    return lines + (["from napari_refvae.widget.results.maps import MapSpec"] if _maps(run) else [])


def _arguments(run: Run, record: Any) -> dict[str, str]:
    """Keywords of the call, as source."""
    settings, resolved, origin = record["settings"], record["resolved"], run.origin
    arguments = {
        "references": _bracketed([_reference(entry) for entry in _references(run, record)]),
        "samples": settings["count"],
        **{name: settings[name] for name in ("seed", "temperature", "strength", "vividness", "scale", "faithful")},
        "model": record["model"]["name"],
        "consistency": settings["consistency"],
        **{name: resolved[name] for name in ("device", "precision")},
    }
    source = {name: value if name == "references" else repr(value) for name, value in arguments.items()}
    if resolved["tile"]:
        source["tile"] = "TileSpec({size}, {overlap})".format(**resolved["tile"])
    if origin.region is not None:
        source["region"] = repr(tuple(settings["region"]))
    if origin.plane:
        source["plane"] = repr(origin.plane)
    if run.channel_axis is not None:
        source["channel_axis"] = repr(run.channel_axis)
    if run.companions.truth:
        source["truth"] = repr(run.companions.truth)
    if settings.get("matching"):
        source["matching"] = "True"
    if settings.get("self_ensemble", "auto") != "auto":
        source["self_ensemble"] = repr(settings["self_ensemble"])
    if origin.intensity_range is not None and (not run.click or _is_declared(origin)):  # channels have their own
        source["intensity_range"] = f"({origin.intensity_range.low!r}, {origin.intensity_range.high!r})"
    return source | _maps(run)


def _is_declared(origin: InputImage) -> bool:
    """Whether black and white were given, and not read off the contrast limits."""
    told = origin.intensity_range
    return told is not None and (told.low, told.high) != origin.look["contrast_limits"]


def _maps(run: Run) -> dict[str, str]:
    """Which maps the run has, if others than usual."""
    maps = run.maps
    if maps == MapSpec():
        return {}
    return {"maps": f"MapSpec({maps.against!r}, {maps.gain!r}, {maps.spread!r})"}


def _layers(run: Run) -> list[str]:
    """Names of the layers that were upscaled: several if they are channels."""
    return list(run.channels)


def _references(run: Run, record: Any) -> list[Any]:
    """The record's references; what channels add up to is the image itself again."""
    return [
        entry | {"kind": "self"} if run.click and entry["name"] == "self" and _is_layer(entry) else entry
        for entry in record["references"]
    ]


def _is_layer(entry: Any) -> bool:
    return entry["kind"] == "image" and not entry.get("path")


def _pixels(entry: Any) -> str:
    return str(entry.get("sha256", ""))[:DIGITS]


def _reference(entry: Any) -> str:
    if entry["kind"] != "image":
        return repr(entry["kind"])
    if entry.get("path"):
        return repr(entry["path"])
    name = entry["name"]
    return f"viewer.layers[{name!r}]" if name in ("self", "none") else repr(name)


def _bracketed(items: list[str]) -> str:
    line = f"[{', '.join(items)}]"
    return line if len(line) <= WIDTH else "[\n        " + ",\n        ".join(items) + ",\n    ]"
