"""Count how images that nobody foresaw end: as they should, with an error of ours, or with another's.

Run ``python -W error benchmarks/fuzz_images.py``: 10,000 inputs, some minutes on one core. Three sources: arrays of
every dtype, shape, layout and content through `normalize` and `denormalize`; the same through `write_image` and
`read_image`; damaged files of every kind through `read_image` and `open_source`, plane by plane. An error that is no
`RefVAEError`, or a result that is wrong, is printed with what reproduces it, and the exit status is 1.
"""

from __future__ import annotations

import argparse
import json
import logging
import resource
import shutil
import sys
import tempfile
import time
import traceback
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from fuzz_seeds import RGB, seed_files

from napari_refvae.errors import RefVAEError
from napari_refvae.imageio.arrays import describe_array
from napari_refvae.imageio.files import open_source, read_image, write_image
from napari_refvae.imageio.missing import fill_missing
from napari_refvae.imageio.pixels import as_reference, denormalize, normalize
from napari_refvae.imageio.zarrwriting import create_ome_zarr
from napari_refvae.spec import IntensityRange

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

DTYPES = ("?", "u1", "u2", "u4", "u8", "i1", "i2", "i4", "i8", "f2", "f4", "f8", ">u2", ">i4", ">f4", ">f8")
ODD_DTYPES = ("c8", "O", "S3", "m8[s]", "M8[s]", "g", "V4")
EXACT = ("bool", "uint8", "uint16", "int8", "int16")
LENGTHS = (1, 1, 2, 3, 5, 8, 13, 40)


@dataclass
class Tally:
    """What became of the inputs of one kind."""

    fine: int = 0
    refused: int = 0
    slowest: float = 0.0
    sentences: Counter[str] = field(default_factory=Counter)
    failures: list[str] = field(default_factory=list)

    def run(self, attempt: Callable[[], None], told: str) -> None:
        """Make one attempt and count how it ended."""
        start = time.perf_counter()
        try:
            attempt()
            self.fine += 1
        except RefVAEError as error:
            self.refused += 1
            self.sentences[type(error).__name__] += 1
        except Exception:  # noqa: BLE001 (what this script looks for)
            self.failures.append(f"{told}\n{traceback.format_exc()}")
        self.slowest = max(self.slowest, time.perf_counter() - start)


def main() -> int:
    """Print one table: kind of input, how many, fine, refused, failed, the slowest."""
    options = _options()
    logging.disable(logging.CRITICAL)  # tifffile logs what it finds odd
    tallies: dict[str, Tally] = {}
    with tempfile.TemporaryDirectory(dir="/dev/shm" if Path("/dev/shm").is_dir() else None) as folder:
        for number in range(options.count):
            source = ("arrays", "files", "damage", "damage", "arrays")[number % 5]
            rng = np.random.default_rng((options.seed, number))
            {"arrays": _try_array, "files": _try_file, "damage": _try_damage}[source](
                tallies, rng, Path(folder), number
            )
    _print(tallies)
    failures = [failure for tally in tallies.values() for failure in tally.failures]
    for failure in failures[: options.show]:
        print("\n" + failure)
    return 1 if failures else 0


def _try_array(tallies: dict[str, Tally], rng: np.random.Generator, _: Path, number: int) -> None:
    array = _array(rng)
    declared = _range(rng, array)
    tally = tallies.setdefault("arrays: normalise and back", Tally())
    tally.run(lambda: _check_array(array, declared), f"input {number}: {array.dtype} {array.shape} {declared}")


def _check_array(array: NDArray[Any], declared: IntensityRange | None) -> None:
    filled, missing = fill_missing(array)
    image = normalize(filled, declared)
    assert np.isfinite(image.rgb).all()
    result = denormalize(image.rgb, image.alpha, image.pixels, image.bounds)
    assert result.shape == array.shape
    assert result.dtype == array.dtype.newbyteorder("=")
    if missing is not None:
        missing.put_back(result)
        np.testing.assert_array_equal(np.isfinite(result), np.isfinite(array))
    visible = array[..., 3] != 0 if image.alpha is not None else np.ones(array.shape[:2], bool)
    reach = max(map(abs, image.bounds)) * image.pixels.range.span  # 24 bits of this survive
    if array.dtype.newbyteorder("=").name in EXACT and reach < 2**22:
        small = image.alpha is None or array.dtype.itemsize == 1
        np.testing.assert_array_equal(result[visible] if small else 0, array[visible] if small else 0)
    reference = as_reference(array, declared)
    assert 0 <= reference.min() <= reference.max() <= 1


def _try_file(tallies: dict[str, Tally], rng: np.random.Generator, folder: Path, number: int) -> None:
    array = _array(rng)
    suffix = str(rng.choice([".png", ".tif", ".tiff", ".ome.tif", ".PNG", ".jpg"]))
    tally = tallies.setdefault("arrays: write and read", Tally())
    tally.run(
        lambda: _check_file(array, folder / f"image{suffix}"), f"input {number}: {array.dtype} {array.shape} {suffix}"
    )
    left = [path for path in folder.iterdir() if path.name.startswith(".")]
    if left:
        tally.failures.append(f"input {number}: left {left}")
    for path in folder.iterdir():
        path.unlink()


def _check_file(array: NDArray[Any], path: Path) -> None:
    write_image(path, array)
    result = read_image(path)
    expected = array[..., 0] if array.shape[2:] == (1,) else array
    np.testing.assert_array_equal(result, expected * np.uint8(255) if array.dtype.kind == "b" else expected)
    np.testing.assert_array_equal(open_source(path).read(), result)


def _try_damage(tallies: dict[str, Tally], rng: np.random.Generator, folder: Path, number: int) -> None:
    kinds = [*SEEDS, "ome-zarr", "ome-zarr"]
    kind = kinds[int(rng.integers(len(kinds)))]
    tally = tallies.setdefault(f"damaged: {kind}", Tally())
    path = folder / "damaged"
    if kind == "ome-zarr":
        _damage_zarr(path, rng)
    else:
        path.write_bytes(_damaged(SEEDS[kind], rng))
        tally.run(lambda: _check_pixels(read_image(path)), f"input {number}: read_image, {kind}")
    tally.run(lambda: _check_source(path), f"input {number}: open_source, {kind}")
    shutil.rmtree(path) if path.is_dir() else path.unlink()


def _check_source(path: Path) -> None:
    source = open_source(path)
    for number, (_, plane) in enumerate(source.planes()):
        _check_pixels(plane)
        assert plane.shape[:2] == source.layout.size
        if number > 5:
            return


def _check_pixels(values: NDArray[Any]) -> None:
    assert values.size
    assert values.ndim == 2 or values.shape[2] in (3, 4)
    assert values.dtype.kind in "buif"


def _damaged(content: bytes, rng: np.random.Generator) -> bytes:
    """Bytes flipped, set, cut, doubled or taken from another file; more often near the beginning."""
    data = bytearray(content)
    for _ in range(int(rng.integers(1, 7))):
        place = int(rng.random() ** int(rng.integers(1, 4)) * len(data))
        length = int(rng.choice([1, 1, 2, 4, 16, 200]))
        match int(rng.integers(6)):
            case 0:
                data[place] ^= 1 << int(rng.integers(8))
            case 1:
                data[place : place + length] = rng.integers(0, 256, length, dtype=np.uint8).tobytes()
            case 2:
                data[place : place + length] = bytes([int(rng.choice([0, 127, 128, 255]))]) * length
            case 3:
                del data[place : place + length]
            case 4:
                data[place:place] = data[place : place + length]
            case _:
                data = data[: max(1, place)] if rng.random() < 0.3 else data
        if not data:
            break
    return bytes(data)


def _damage_zarr(path: Path, rng: np.random.Generator) -> None:
    """An OME-Zarr image, one of whose files is damaged or gone."""
    source = describe_array(RGB.transpose(2, 0, 1))
    target = create_ome_zarr(path, source.layout, np.uint8, version=str(rng.choice(["0.4", "0.5"])))  # type: ignore[arg-type]
    for index, plane in source.planes():
        target.write(plane, index)
    files = sorted(found for found in path.rglob("*") if found.is_file())
    victim = files[int(rng.integers(len(files)))]
    if rng.random() < 0.1:
        victim.unlink()
    elif victim.suffix == ".json" or victim.name.startswith("."):
        victim.write_text(_damaged_json(victim.read_text(), rng))
    else:
        victim.write_bytes(_damaged(victim.read_bytes(), rng))


def _damaged_json(text: str, rng: np.random.Generator) -> str:
    """A value somewhere in it replaced, or the text damaged."""
    if rng.random() < 0.3:
        return _damaged(text.encode(), rng).decode("latin-1")
    found = json.loads(text)
    places: list[tuple[Any, Any]] = []

    def walk(value: Any) -> None:
        entries = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
        for key, inner in entries:
            places.append((value, key))
            walk(inner)

    walk(found)
    if places:
        holder, key = places[int(rng.integers(len(places)))]
        odd = (None, 0, -1, 1e300, "", "x", [], {}, [1], "../x", True, 2**70, {"a": 1}, [[]], "NaN")
        holder[key] = odd[int(rng.integers(len(odd)))]
    return json.dumps(found)


def _array(rng: np.random.Generator) -> NDArray[Any]:
    """An image, or nearly one, of any dtype, shape, content, layout and byte order."""
    odd = rng.random() < 0.03
    dtype = np.dtype(str(rng.choice(ODD_DTYPES if odd else DTYPES)))
    height, width = (int(rng.choice(LENGTHS)) for _ in range(2))
    tail = ((), (), (1,), (3,), (3,), (4,))[int(rng.integers(6))]
    shape: tuple[int, ...] = (height, width, *tail)
    if rng.random() < 0.05:
        shape = tuple(int(length) for length in rng.integers(0, 6, int(rng.integers(0, 6))))
    array = _values(rng, dtype, shape) if not odd else np.zeros(shape, dtype)
    match int(rng.integers(6)):
        case 0 if array.ndim > 1:
            array = array[::-1, ::-1]
        case 1:
            array = np.asfortranarray(array)
        case 2 if array.ndim > 1:
            array = array.repeat(2, axis=0)[::2]
        case 3:
            array = np.broadcast_to(array, array.shape)  # read-only
    return array


def _values(rng: np.random.Generator, dtype: np.dtype[Any], shape: tuple[int, ...]) -> NDArray[Any]:
    if dtype.kind == "f":
        values = rng.random(shape) * rng.choice([1, 1, 1, 255, 1e5, 1e-30]) - rng.choice([0, 0, 0, 0.5, 1e4])
        with np.errstate(over="ignore"):
            array = np.asarray(values).astype(dtype)
        if rng.random() < 0.3 and array.size:
            holes = rng.random(shape) < rng.choice([0.01, 0.2, 0.9, 1])
            array = np.where(holes, rng.choice(np.array([np.nan, np.inf, -np.inf]).astype(dtype)), array).astype(dtype)
        return array
    if dtype.kind == "b":
        return rng.random(shape) < rng.choice([0, 0.5, 1])
    limits = np.iinfo(dtype)
    low, high = ((limits.min, limits.max), (0, limits.max), (0, 100), (limits.max, limits.max))[int(rng.integers(4))]
    native = dtype.newbyteorder("=")
    return rng.integers(low, high, shape, dtype=native, endpoint=True).astype(dtype)


def _range(rng: np.random.Generator, array: NDArray[Any]) -> IntensityRange | None:
    if rng.random() < 0.4:
        return None
    low, span = (
        float(rng.choice([0, 0, -100, 1e3, -1e300])),
        float(rng.choice([1, 255, 4095, 65535, 1e6, 1e-300, 1e300])),
    )
    if rng.random() < 0.5 and array.size and array.dtype.kind in "uif":
        finite = array[np.isfinite(array)].astype(float)
        if finite.size and np.ptp(finite) > 0:
            return IntensityRange(float(finite.min()), float(finite.max()))
    return IntensityRange(low, low + span) if low < low + span else None


def _print(tallies: dict[str, Tally]) -> None:
    print(f"{'input':<28} {'tries':>6} {'fine':>6} {'refused':>8} {'failed':>7} {'slowest':>9}  refusals")
    total = Tally()
    for name, tally in sorted(tallies.items()):
        _print_line(name, tally)
        total.fine, total.refused = total.fine + tally.fine, total.refused + tally.refused
        total.failures += tally.failures
        total.slowest = max(total.slowest, tally.slowest)
        total.sentences += tally.sentences
    _print_line("all", total)
    print(f"\nmost memory: {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:.0f} MiB")


def _print_line(name: str, tally: Tally) -> None:
    tries = tally.fine + tally.refused + len(tally.failures)
    refusals = ", ".join(f"{kind} {count}" for kind, count in tally.sentences.most_common())
    print(
        f"{name:<28} {tries:>6} {tally.fine:>6} {tally.refused:>8} {len(tally.failures):>7} {tally.slowest:>7.2f} s  "
        f"{refusals}"
    )


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--count", type=int, default=10_000, help="inputs (default: %(default)s)")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--show", type=int, default=5, help="failures to print (default: %(default)s)")
    return parser.parse_args()


SEEDS = seed_files()

if __name__ == "__main__":
    sys.exit(main())
