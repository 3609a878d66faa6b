"""Does the model listen? Five checks that its latents do what they are for.

1. **Variance.** Over a grid of references and seeds, both change the output by far more than a repeat does.
2. **Blur.** The more one reference is blurred, the less high-frequency energy its output has.
3. **Retrieval.** Which of the references made an output can be told from its texture statistics.
4. **Shuffle.** An output is nearer in style to its own reference than to the others.
5. **Channels.** Every channel of the spatial noise field changes the output; a network without one is not asked.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch

from napari_refvae.api import load_model, upscale
from napari_refvae.engine.latents import draw_noise, prior
from napari_refvae.engine.tensors import image_from_tensor, image_to_tensor
from napari_refvae.evaluation.references import read_references
from napari_refvae.evaluation.subjects import Subject, find_originals
from napari_refvae.evaluation.texture import blurred, sharpness, spearman, statistics
from napari_refvae.imageio.pixels import normalize
from napari_refvae.spec import ImageReference

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    from napari_refvae.api import LoadedModel
    from napari_refvae.evaluation.distance import FeatureDistance

__all__ = ["Check", "listen", "listen_to_folders", "to_markdown"]

SIGMAS = (0.0, 1.0, 2.0, 4.0, 8.0)
"""Blur of the references in check 2, in pixels."""

LEAST_CHANGE = 0.25
"""Grey levels (of 255) by which an active noise channel changes the output on average."""

LARGEST_INPUT = 64
"""LR pixels a side; larger inputs are cropped to their middle."""


CHANNELS = "noise channels are active"
"""The check that a network without such channels is not put to."""


@dataclass(frozen=True, slots=True)
class Check:
    """One check: what was measured, what it must reach, and whether it does."""

    name: str
    figure: str
    needed: str
    passed: bool


def listen_to_folders(
    images: Path,
    references: Path,
    distance: FeatureDistance,
    *,
    model: str | Path | LoadedModel = "compact",
    device: str = "auto",
    count: int = 10,
    say: Callable[[str], None] = lambda line: None,
) -> list[Check]:
    """`listen` to the first ``count`` originals of a folder with the first ten references of another."""
    loaded = load_model(model) if isinstance(model, str | Path) else model
    scale = loaded.network.scale
    subjects = [Subject.read(path, scale, images) for path in find_originals(images)[:count]]
    for subject in subjects:
        if subject.levels is not None:
            say(f"original {subject.title}")
    inputs, pool = [_middle(subject.lr) for subject in subjects], read_references(references, 10, say)
    return listen(inputs, pool, distance, model=loaded, device=device, say=say)


def listen(
    inputs: Sequence[NDArray[np.uint8]],
    references: Sequence[ImageReference],
    distance: FeatureDistance,
    *,
    model: str | Path | LoadedModel = "compact",
    device: str = "auto",
    say: Callable[[str], None] = lambda line: None,
) -> list[Check]:
    """Run the five checks.

    Parameters
    ----------
    inputs
        LR images ``(h, w, 3)`` uint8.
    references
        At least two, as different as possible.
    distance
        The feature network that measures style.
    model
        Name, file or loaded model.
    device
        As in `napari_refvae.upscale`. The last check calls the network where it lies.
    say
        Called as each check is done.
    """
    loaded = load_model(model) if isinstance(model, str | Path) else model
    rounds: tuple[Callable[[], list[Check]], ...] = (
        lambda: _variance(inputs, references, loaded, device),
        lambda: _blur(inputs, references, loaded, device),
        lambda: _style(inputs, references, loaded, device, distance),
        lambda: [_channels(inputs[0], loaded)] if loaded.network.layout.noise else [],
    )
    checks: list[Check] = []
    for check in rounds:
        fresh = check()
        checks += fresh
        for one in fresh:
            say(f"{'passed' if one.passed else 'FAILED'}  {one.name}: {one.figure} (needed: {one.needed})")
    if not loaded.network.layout.noise:
        say(f"left out  {CHANNELS}: the network has none")
    return checks


def to_markdown(checks: Sequence[Check]) -> str:
    """A table of the checks."""
    rows = [f"| {c.name} | {c.figure} | {c.needed} | {'yes' if c.passed else '**no**'} |" for c in checks]
    return "\n".join(["| check | measured | needed | passed |", "|---|---|---|---|", *rows]) + "\n"


def _variance(
    inputs: Sequence[NDArray[np.uint8]], references: Sequence[ImageReference], model: LoadedModel, device: str
) -> list[Check]:
    by_reference, by_seed, by_repeat = [], [], []
    for lr in inputs[:3]:
        grid = np.stack([_grid_row(lr, references[:4], model, device, seed) for seed in range(3)]).astype(np.float32)
        by_reference.append(grid.std(axis=1).mean())
        by_seed.append(grid.std(axis=0).mean())
        by_repeat.append(np.abs(grid[0] - _grid_row(lr, references[:4], model, device, 0)).mean())
    reference, seed, repeat = (float(np.mean(values)) for values in (by_reference, by_seed, by_repeat))
    floor = 2 * repeat + 0.5
    return [
        Check("references change the output", f"{reference:.2f} levels", f"> {floor:.2f}", reference > floor),
        Check("seeds change the output", f"{seed:.2f} levels", f"> {floor:.2f}", seed > floor),
    ]


def _grid_row(
    lr: NDArray[np.uint8], references: Sequence[ImageReference], model: LoadedModel, device: str, seed: int
) -> NDArray[np.uint8]:
    """One sample a reference, all with one seed."""
    results = (upscale(lr, reference, samples=1, seed=seed, model=model, device=device) for reference in references)
    return np.stack([result.sr[0] for result in results])


def _blur(
    inputs: Sequence[NDArray[np.uint8]], references: Sequence[ImageReference], model: LoadedModel, device: str
) -> list[Check]:
    energies = []
    for lr in inputs[:3]:
        for reference in references[:3]:
            softened = [ImageReference(blurred(reference.image, sigma), f"blur {sigma:g}") for sigma in SIGMAS]
            result = upscale(lr, softened, samples=1, temperature=0, model=model, device=device)
            energies.append([sharpness(sr) for sr in result.sr])
    correlations = [spearman(SIGMAS, row) for row in energies]
    mean = float(np.mean(correlations))
    fall = float(np.mean([row[-1] / row[0] for row in energies]))
    figure = f"Spearman {mean:.2f}; sharpness at sigma {SIGMAS[-1]:g} is {fall:.2f} of that at 0"
    return [Check("a blurred reference blurs the output", figure, "Spearman < -0.8", mean < -0.8)]


def _style(
    inputs: Sequence[NDArray[np.uint8]],
    references: Sequence[ImageReference],
    model: LoadedModel,
    device: str,
    distance: FeatureDistance,
) -> list[Check]:
    theirs = np.stack([statistics(np.rint(r.image * 255).astype(np.uint8), distance) for r in references])
    scale = theirs.std(axis=0) + 1e-6
    hits, own, other = [], [], []
    for lr in inputs:
        result = upscale(lr, list(references), samples=1, temperature=0, model=model, device=device)
        made = np.stack([statistics(sr, distance) for sr in result.sr])
        apart = np.abs(made[:, None] - theirs[None]).mean(axis=2)
        own.append(float(np.diag(apart).mean()))
        other.append(float(apart[~np.eye(len(apart), dtype=bool)].mean()))
        nearest = (_centred(made / scale) @ _centred(theirs / scale).T).argmax(axis=1)
        hits += list(nearest == np.arange(len(made)))
    share, own_mean, other_mean = float(np.mean(hits)), float(np.mean(own)), float(np.mean(other))
    return [
        Check(
            "the reference is told from the output's texture",
            f"{100 * share:.0f}% of {len(hits)} (chance {100 / len(references):.0f}%)",
            "> 50%",
            share > 0.5,
        ),
        Check(
            "shuffled references raise the style distance",
            f"{own_mean:.4f} to the own, {other_mean:.4f} to the others",
            "own < others",
            own_mean < other_mean,
        ),
    ]


@torch.inference_mode()
def _channels(lr: NDArray[np.uint8], model: LoadedModel) -> Check:
    network = model.network
    device = next(network.parameters()).device
    layout, size = network.layout, (lr.shape[0], lr.shape[1])
    features = network.encode(image_to_tensor(normalize(lr).rgb, device))
    first, second = (draw_noise(layout, size, seed).field.to(device) for seed in (0, 1))
    code, vivid = prior(layout).mean.to(device), torch.ones(1, device=device)
    base = network.decode(features, network.lift(code, first, vivid))
    changes = []
    for channel in range(layout.noise):
        field = first.clone()
        field[:, channel] = second[:, channel]
        changed = network.decode(features, network.lift(code, field, vivid))
        changes.append(255 * float(np.abs(image_from_tensor(changed - base)).mean()))
    active = sum(change > LEAST_CHANGE for change in changes)
    figure = f"{active} of {layout.noise}; {', '.join(f'{change:.2f}' for change in changes)} levels"
    return Check(CHANNELS, figure, "at least half", 2 * active >= layout.noise)


def _centred(rows: NDArray[np.float32]) -> NDArray[np.float32]:
    """What tells each row from the mean of all, at unit length: contents that all share cancel."""
    rows = rows - rows.mean(axis=0)
    unit: NDArray[np.float32] = rows / (np.linalg.norm(rows, axis=1, keepdims=True) + 1e-12)
    return unit


def _middle(lr: NDArray[np.uint8]) -> NDArray[np.uint8]:
    y, x = (max(0, (side - LARGEST_INPUT) // 2) for side in lr.shape[:2])
    return np.ascontiguousarray(lr[y : y + LARGEST_INPUT, x : x + LARGEST_INPUT])
