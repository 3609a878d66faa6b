"""Kept samples as Python: what to paste into napari's console to make the same pixels again."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from napari_refvae.explore.history import FORMAT

if TYPE_CHECKING:
    from napari_refvae.widget.results.run import Run

__all__ = ["is_exploration", "python_of_exploration"]


def is_exploration(run: Run) -> bool:
    """Whether a run's samples were kept while exploring."""
    return run.result is not None and run.result.provenance.get("format") == FORMAT


def python_of_exploration(run: Run) -> str:
    """Code that makes all samples of an exploration again, for a console with a ``viewer``."""
    assert run.result is not None  # as `is_exploration` says
    record = {**run.result.provenance}
    record["steps"] = [step | {"thumbnail": ""} for step in record["steps"]]
    plane = f"[{', '.join(map(str, run.origin.plane))}]" if run.origin.plane else ""
    references = ", ".join(_reference(entry) for entry in record["references"])
    device, precision = (record["resolved"][name] for name in ("device", "precision"))
    layer = f"viewer.layers[{run.origin.name!r}]"
    return "\n".join(
        [
            f"# Makes the samples of run {run.id} again, pixel for pixel: layers are to be as they were.",
            "import json",
            "",
            "from napari_refvae.explore import recipe_from_dict, reopen",
            "from napari_refvae.widget.results.geometry import Geometry",
            "from napari_refvae.widget.results.layers import read_reference",
            "",
            f"record = json.loads({json.dumps(record)!r})",
            f"image, references = {layer}.data{plane}, [{references}]",
            f"session = reopen(record, image=image, references=references, device={device!r}, precision={precision!r})",
            f"place = Geometry.of({layer}).refined({run.result.scale}).as_keywords()",
            'for step in record["steps"]:',
            f'    sample = session.decode(recipe_from_dict(step["recipe"]), scale={run.result.scale})',
            '    viewer.add_image(sample.sr, name=step["name"], **place)',
            "",
        ]
    )


def _reference(entry: dict[str, Any]) -> str:
    """Source of a reference: a word, a file, or a layer as it is shown."""
    if entry["kind"] != "image":
        return repr(entry["kind"])
    return repr(entry["path"]) if entry.get("path") else f"read_reference(viewer.layers[{entry['name']!r}])"
