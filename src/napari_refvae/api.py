"""The entry for scripts, the console, the command line and the widget: load a model, upscale."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from napari_refvae.engine.upscaler import Upscaler, drain
from napari_refvae.errors import InvalidInputError, InvalidSpecError
from napari_refvae.imageio.files import read_image
from napari_refvae.imageio.pixels import as_reference, normalize
from napari_refvae.model.checkpoint import CheckpointInfo, load_checkpoint
from napari_refvae.model.zoo import MODELS, find_model
from napari_refvae.provenance import Source, describe_run, pixel_hash
from napari_refvae.spec import (
    ImageReference,
    IntensityRange,
    PriorReference,
    SampleSpec,
    SelfReference,
    SuperResolutionRequest,
    TileSpec,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Sequence

    from napari_refvae.engine.result import SuperResolutionResult
    from napari_refvae.model.doors import ReferenceVAE
    from napari_refvae.spec import Progress, Reference

    ImageLike = Path | str | np.ndarray[Any, Any]
    ReferenceLike = ImageLike | Reference | None

__all__ = ["LoadedModel", "load_model", "steps", "upscale"]


@dataclass(frozen=True, slots=True, eq=False)
class LoadedModel:
    """A network with its weights, and what its file says of itself."""

    network: ReferenceVAE
    info: CheckpointInfo
    name: str


def load_model(model: str | Path = "compact") -> LoadedModel:
    """Load a model by name (see ``refvae models``) or from a file.

    Raises
    ------
    UnknownModelError, MissingWeightsError, CheckpointError
        If there is no such model, its weights are not here, or its file is damaged.
    """
    path = find_model(str(model))
    name = str(model) if str(model) in MODELS else str(path.resolve())
    return _load(path, path.stat().st_mtime_ns, name)


@lru_cache(maxsize=4)
def _load(path: Path, modified: int, name: str) -> LoadedModel:
    network, info = load_checkpoint(path)
    return LoadedModel(network, info, name)


@lru_cache(maxsize=2)
def _upscaler(model: LoadedModel, device: str, precision: str) -> Upscaler:
    return Upscaler(model.network, device=device, precision=precision)


def upscale(
    image: ImageLike,
    references: ReferenceLike | Sequence[ReferenceLike] = (),
    *,
    samples: int = 4,
    seed: int = 0,
    temperature: float = 1.0,
    strength: float = 1.0,
    vividness: float = 1.0,
    model: str | Path | LoadedModel = "compact",
    consistency: Literal["bicubic"] | None = "bicubic",
    precision: str = "auto",
    device: str = "auto",
    tile: Literal["auto"] | int | TileSpec | None = "auto",
    intensity_range: IntensityRange | tuple[float, float] | None = None,
    on_progress: Callable[[Progress], None] | None = None,
) -> SuperResolutionResult:
    """Make several 8x versions of an image, each consistent with it.

    Parameters
    ----------
    image
        ``(h, w)`` grey, ``(h, w, 3)`` RGB or ``(h, w, 4)`` RGBA, of any size and any integer or float dtype, or
        the path of such an image.
    references
        One or several references: an array or path (any size), ``"self"`` (the input itself), or ``"none"`` or
        None (no reference). An empty sequence means none.
    samples
        Samples a reference, in the order of the references.
    seed
        Sample ``n`` of the run uses seed ``seed + n``, so each can be made again alone.
    temperature
        Scale of the random part; 0 takes the posterior's mean.
    strength
        From 0 (no reference) to 1 (all of it).
    vividness
        From 0 (faithful, best in PSNR) to 1 (vivid).
    model
        Name, file, or what `load_model` returned.
    consistency
        ``"bicubic"``: each sample, reduced by antialiased bicubic down-sampling, gives the input back. None: off.
    precision
        ``"auto"``, ``"float32"`` or ``"bfloat16"``.
    device
        ``"auto"``, ``"cpu"``, ``"cuda:N"`` or ``"mps"``.
    tile
        ``"auto"`` (from free memory), the side of a tile in LR pixels, a `TileSpec`, or None for no tiles.
    intensity_range
        The stored values that mean black and white, of the image and of references of its dtype; by default the
        dtype's range, 0..1 for floats.
    on_progress
        Called between tiles.

    Returns
    -------
    SuperResolutionResult
        In the input's dtype and kind.

    Raises
    ------
    RefVAEError
        One of its kinds, saying what was expected, what came and what to do.

    Examples
    --------
    >>> import numpy as np
    >>> import napari_refvae
    >>> lr = np.full((8, 6), 100, np.uint8)
    >>> napari_refvae.upscale(lr, samples=2).sr.shape
    (2, 64, 48)
    """
    run = steps(
        image,
        references,
        samples=samples,
        seed=seed,
        temperature=temperature,
        strength=strength,
        vividness=vividness,
        model=model,
        consistency=consistency,
        precision=precision,
        device=device,
        tile=tile,
        intensity_range=intensity_range,
    )
    return drain(run, on_progress)


def steps(
    image: ImageLike,
    references: ReferenceLike | Sequence[ReferenceLike] = (),
    *,
    samples: int = 4,
    seed: int = 0,
    temperature: float = 1.0,
    strength: float = 1.0,
    vividness: float = 1.0,
    model: str | Path | LoadedModel = "compact",
    consistency: Literal["bicubic"] | None = "bicubic",
    precision: str = "auto",
    device: str = "auto",
    tile: Literal["auto"] | int | TileSpec | None = "auto",
    intensity_range: IntensityRange | tuple[float, float] | None = None,
) -> Generator[Progress, None, SuperResolutionResult]:
    """Like `upscale`, as a generator: it yields progress, may be closed at any yield, and returns the result."""
    spec = SampleSpec(samples, seed, temperature, strength, vividness)
    declared = _intensity_range(intensity_range)
    array, source = _read(image)
    loaded = _reference_list(references, declared, array.dtype)
    request = SuperResolutionRequest(
        image=normalize(array, declared),
        references=tuple(reference for reference, _ in loaded),
        samples=spec,
        tiles=_tiles(tile, array.shape),
        consistency=consistency,
    )
    chosen = model if isinstance(model, LoadedModel) else load_model(model)
    result = yield from _upscaler(chosen, device, precision).steps(request)
    settings = dataclasses.asdict(spec) | {
        "consistency": consistency,
        "intensity_range": [request.image.pixels.range.low, request.image.pixels.range.high],
    }
    record = describe_run(
        model={"name": chosen.name, "preset": chosen.info.preset, "sha256": chosen.info.identity},
        image=source,
        references=[reference for _, reference in loaded],
        settings=settings,
        resolved=result.provenance,
        samples=[
            {"reference": index // spec.count, "seed": sample_seed, "sha256": pixel_hash(sample)}
            for index, (sample_seed, sample) in enumerate(zip(result.seeds, result.sr, strict=True))
        ],
    )
    return dataclasses.replace(result, lr=array, provenance=record)


def _read(image: ImageLike) -> tuple[np.ndarray[Any, Any], Source]:
    if isinstance(image, str | Path):
        array = read_image(image)
        return array, Source("image", Path(image).name, str(Path(image).resolve()), pixel_hash(array))
    try:
        array = np.asarray(image)
    except ValueError as error:  # a ragged list
        raise InvalidInputError(
            f"expected an image array or the path of an image; got rows that differ ({error})"
        ) from error
    if array.dtype == object:
        raise InvalidInputError(f"expected an image array or the path of an image; got {type(image).__name__}")
    return array, Source("image", "array", None, pixel_hash(array))


def _reference_list(
    references: ReferenceLike | Sequence[ReferenceLike], declared: IntensityRange | None, dtype: np.dtype[Any]
) -> list[tuple[Reference, Source]]:
    items: list[Any] = [*references] if isinstance(references, list | tuple) else [references]
    return [_reference(item, index, declared, dtype) for index, item in enumerate(items or [None])]


def _reference(
    item: ReferenceLike, index: int, declared: IntensityRange | None, dtype: np.dtype[Any]
) -> tuple[Reference, Source]:
    """One reference; a declared range holds for those stored as the image is."""
    if item is None or (isinstance(item, str) and item == "none"):
        item = PriorReference()
    elif isinstance(item, str) and item == "self":
        item = SelfReference()
    if isinstance(item, PriorReference | SelfReference):
        return item, Source(item.name, item.name)
    if isinstance(item, ImageReference):
        return item, Source("image", item.name, None, pixel_hash(item.image))
    array, source = _read(item)
    pixels = as_reference(array, declared if array.dtype == dtype else None).clip(0, 1)
    name = Path(source.path).stem if source.path else f"reference{index + 1}"
    return ImageReference(pixels, name), dataclasses.replace(source, name=name)


def _intensity_range(value: IntensityRange | tuple[float, float] | None) -> IntensityRange | None:
    if value is None or isinstance(value, IntensityRange):
        return value
    try:
        low, high = (float(bound) for bound in value)
    except (TypeError, ValueError) as error:
        raise InvalidSpecError(f"intensity_range must be two numbers (low, high); got {value!r}") from error
    return IntensityRange(low, high)


def _tiles(tile: Literal["auto"] | int | TileSpec | None, shape: tuple[int, ...]) -> TileSpec | None:
    if isinstance(tile, TileSpec):
        return tile
    if tile == "auto":
        return None
    if tile is None:
        return TileSpec(max(1, *shape[:2]))
    if isinstance(tile, str):
        raise InvalidSpecError(f"tile must be 'auto', a number of LR pixels, a TileSpec or None; got {tile!r}")
    return TileSpec(int(tile) if isinstance(tile, np.integer) else tile)
