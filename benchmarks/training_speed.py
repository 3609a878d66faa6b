"""Training steps an hour: the bundled configs, stage by stage, on generated crops of two photographs.

The feature network of losses that need one has random weights here; that changes no speed.

Run ``python benchmarks/training_speed.py`` on an otherwise idle machine, with the extra ``train`` installed.
"""

from __future__ import annotations

import statistics
import tempfile
import time
import tomllib
from pathlib import Path
from typing import TYPE_CHECKING, Any

import measuring
import numpy as np
import torch
import workloads
from measuring import duration, extent, table
from PIL import Image
from safetensors.torch import save_file

from napari_refvae.model.vgg import CONVOLUTIONS, TORCHVISION_LAYERS
from napari_refvae.training.run import find_config, train

if TYPE_CHECKING:
    from collections.abc import Mapping

RUNS = (("compact", "fidelity"), ("compact", "vividness"), ("fine-tune", "fine-tuning"))
STARTED = frozenset({"fine-tune"})
"""Configs that begin with the bundled model."""

LEFT_OUT = 3
"""Steps at the beginning that are not counted."""

PICTURES = 8


def main() -> None:
    """Print one table: config and stage, seconds a step, steps an hour."""
    parser = measuring.parser(__doc__)
    parser.add_argument("--steps", type=int, default=15, help="that are counted")
    options = parser.parse_args()
    runs, count = (RUNS[:1], 1) if options.quick else (RUNS, options.steps)
    rows, figures = [], {}
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        images, features = _pictures(root / "images"), _random_vgg19(root / "vgg19.safetensors")
        for config, stage in runs:
            seconds = _steps(root, images, features, config, stage, LEFT_OUT + count)[LEFT_OUT:]
            middle = statistics.median(seconds)
            rows.append([f"`{config}`", stage, duration(middle), extent(seconds), f"{3600 / middle:,.0f}"])
            figures[f"{config}_{stage}".replace("-", "_")] = 3600 / middle
    note = f"Medians of {count} steps after {LEFT_OUT} of warming up; automatic precision and device."
    headings = ["config", "stage", "a step", "steps", "steps an hour"]
    measuring.publish(options, note, table(headings, rows, words=2), figures)


def _steps(root: Path, images: Path, features: Path, config: str, stage: str, count: int) -> list[float]:
    """Seconds of each step of one stage alone."""
    ends: list[float] = []
    train(
        _one_stage(config, stage, root / f"{config}-{stage}.toml"),
        images,
        root / f"{config}-{stage}",
        steps=count,
        start="compact" if config in STARTED else None,
        feature_weights=features,
        tensorboard=False,
        progress=lambda _: ends.append(time.perf_counter()),
    )
    return [float(lasted) for lasted in np.diff([ends[0], *ends])]


def _one_stage(config: str, stage: str, path: Path) -> Path:
    """A bundled config with all its steps in one of its stages."""
    settings = tomllib.loads(find_config(config).read_text(encoding="utf-8"))
    (kept,) = (one for one in settings.pop("stages") if one["name"] == stage)
    data = settings.pop("data")
    text = _toml(settings) + "\n[data]\n" + _toml(data) + "\n[[stages]]\n" + _toml(kept | {"share": 1.0})
    path.write_text(text, encoding="utf-8")
    return path


def _toml(values: Mapping[str, Any]) -> str:
    return "".join(f"{name} = {_value(value)}\n" for name, value in values.items())


def _value(value: Any) -> str:
    """Words, numbers, truths, lists and flat tables, as TOML."""
    if isinstance(value, dict):
        return "{ " + ", ".join(f"{name} = {_value(inner)}" for name, inner in value.items()) + " }"
    if isinstance(value, list):
        return f"[{', '.join(map(_value, value))}]"
    if isinstance(value, bool):
        return str(value).lower()
    return f'"{value}"' if isinstance(value, str) else repr(value)


def _pictures(folder: Path) -> Path:
    """Crops of a mirrored photograph, each of 384 x 384 pixels."""
    folder.mkdir()
    whole = workloads.picture(1024)
    for number in range(PICTURES):
        top, left = 640 * np.random.default_rng(number).random(2)
        crop = whole[int(top) : int(top) + 384, int(left) : int(left) + 384]
        Image.fromarray(np.ascontiguousarray(crop)).save(folder / f"{number}.png")
    return folder


def _random_vgg19(path: Path) -> Path:
    """VGG-19 in torchvision's layout with random weights that keep the features' size."""
    torch.manual_seed(0)
    state = {}
    for name, (narrow, wide) in CONVOLUTIONS.items():
        layer = f"features.{TORCHVISION_LAYERS[name]}"
        state[f"{layer}.weight"] = torch.randn(wide, narrow, 3, 3) * (2 / (9 * narrow)) ** 0.5
        state[f"{layer}.bias"] = torch.zeros(wide)
    save_file(state, path)
    return path


if __name__ == "__main__":
    main()
