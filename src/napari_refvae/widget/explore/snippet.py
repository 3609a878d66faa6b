"""Explored samples as Python: what to paste into napari's console to make the same pixels again."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from napari_refvae.explore.history import FORMAT
from napari_refvae.widget.results.layers import METADATA_KEY

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from napari_refvae.widget.results.run import Run
    from napari_refvae.widget.results.runs import Runs

__all__ = ["is_exploration", "python_of_exploration", "python_of_layer", "python_of_sample"]

KINDS = ("sample", "resized")
"""Of layers that show an explored sample whole."""


def is_exploration(run: Run) -> bool:
    """Whether a run's samples were kept while exploring."""
    return run.result is not None and run.result.provenance.get("format") == FORMAT


def python_of_exploration(run: Run) -> str:
    """Code that makes all samples of an exploration again, for a console with a ``viewer``."""
    assert run.result is not None  # as `is_exploration` says
    origin = run.origin
    return _python(run.result.provenance, origin.name, origin.plane, f"scale={run.result.scale}")


def python_of_layer(layer: Any, runs: Runs) -> str | None:
    """Code that makes an explored sample's layer again; None for any other layer.

    Parameters
    ----------
    layer
        Any layer, or None.
    runs
        The viewer's.
    """
    told = {} if layer is None else layer.metadata.get(METADATA_KEY, {})
    record, run = told.get("provenance"), runs.of(layer) if told else None
    if record is None or "recipe" not in record["settings"] or told["kind"] not in KINDS:
        return None
    image, plane = (told["image"], told["plane"]) if run is None else (run.origin.name, run.origin.plane)
    return python_of_sample(record, layer.name, image, plane)


def python_of_sample(record: Mapping[str, Any], name: str, image: str, plane: Sequence[int]) -> str:
    """Code that makes the whole sample of a record again; of the record of a part, too.

    Parameters
    ----------
    record
        `Sample.provenance`.
    name
        Of the layer that comes of it.
    image, plane
        Name of the image's layer, and of a stack the plane.
    """
    settings, chosen = record["settings"], record["resolved"]
    if settings.get("context") is not None:
        chosen = chosen | {"tile": None}  # that of a preview, which looks at less
    size = settings.get("size")
    wanted = f"scale={chosen['scale']}" if size is None else f"size=({size[0]}, {size[1]})"
    settings = {key: value for key, value in settings.items() if key not in ("recipe", "region", "context", "size")}
    step = {"name": name, "recipe": record["settings"]["recipe"]}
    whole = {**record, "settings": settings, "resolved": chosen, "samples": [], "steps": [step]}
    return _python(whole, image, plane, wanted)


def _python(exploration: Mapping[str, Any], image: str, plane: Sequence[int], wanted: str) -> str:
    """Code that makes whole samples again, each a layer where its image lies, for a console with a ``viewer``.

    It reads layers by the names that they had, references that were files from those files, and names device, precision
    and tiles as they were. References that are stacks are taken at the plane that the viewer shows; pixels that are not
    as they were are refused.

    Parameters
    ----------
    exploration
        As `Exploration.as_dict` says, with what a sample's automatic choices became.
    image, plane
        Name of the image's layer, and of a stack the plane.
    wanted
        Further arguments of `Session.decode`, as source: how large.
    """
    record = {**exploration, "steps": [step | {"thumbnail": ""} for step in exploration["steps"]]}
    references = ", ".join(_reference(entry) for entry in record["references"])
    chosen, place = record["resolved"], ", ".join(map(str, (*plane, 0, 0)))
    point = f", layer.data_to_world(({place}))" if plane else ""
    tile = "TileSpec({size}, {overlap})".format(**chosen["tile"]) if chosen["tile"] else "'auto'"
    return "\n".join(
        [
            "# Makes explored samples again, pixel for pixel: layers and files are to be as they were.",
            "import json",
            "",
            "from napari_refvae import TileSpec",
            "from napari_refvae.explore import recipe_from_dict, reopen",
            "from napari_refvae.widget.explore.placing import layer_over",
            "from napari_refvae.widget.results.layers import read_input, read_reference",
            "",
            f"record = json.loads({json.dumps(record)!r})",
            f"layer = viewer.layers[{image!r}]",
            f"image = read_input(layer{point})",
            "session = reopen(",
            "    record,",
            "    image=image.pixels,",
            f"    references=[{references}],",
            f"    device={chosen['device']!r},",
            f"    precision={chosen['precision']!r},",
            f"    tile={tile},",
            ")",
            'for step in record["steps"]:',
            f'    sample = session.decode(recipe_from_dict(step["recipe"]), {wanted})',
            '    viewer.add_layer(layer_over(image, sample.sr, step["name"]))',
            "",
        ]
    )


def _reference(entry: dict[str, Any]) -> str:
    """Source of a reference: a word, a file, or a layer as it is shown."""
    if entry["kind"] != "image":
        return repr(entry["kind"])
    if entry.get("path"):
        return repr(entry["path"])
    return f"read_reference(viewer.layers[{entry['name']!r}], viewer.dims.point)"
