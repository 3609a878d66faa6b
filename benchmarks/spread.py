"""Are the picks of a spread more different than the first draws? Prints ratios of mean distances.

    python benchmarks/spread.py ORIGINALS [--features VGG19.safetensors]

The picks are chosen on a small region; whole samples of the picks and of the first draws are then compared, by the
distance that the picks were chosen with and, with --features, by one that they were not: VGG-19 features. The rank
correlation says how far distances on the small region agree with those of whole samples.
"""

from __future__ import annotations

import argparse
import itertools
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from napari_refvae.errors import RefVAEError
from napari_refvae.evaluation.distance import FeatureDistance
from napari_refvae.evaluation.subjects import Subject, find_originals
from napari_refvae.explore import Draw, Session, pick_spread
from napari_refvae.explore.spread import CONTEXT, LUMA, PROBE, busiest_region, distances

if TYPE_CHECKING:
    from numpy.typing import NDArray

LARGEST = 256
"""Pixels a side of what is read of an original."""


def pairs(between: NDArray[np.float64]) -> NDArray[np.float64]:
    """Each pair's distance once."""
    return between[np.triu_indices(len(between), 1)]


def feature_distances(distance: FeatureDistance, samples: list[NDArray[np.uint8]]) -> NDArray[np.float64]:
    """Of all pairs: squared differences of VGG-19's features, summed over channels and layers, averaged over places."""
    between = np.zeros((len(samples), len(samples)))
    features = [distance.features(sample) for sample in samples]
    for one, two in itertools.combinations(range(len(samples)), 2):
        apart = sum(
            float((x - y).square().sum(dim=1).mean()) for x, y in zip(features[one], features[two], strict=True)
        )
        between[one, two] = between[two, one] = apart
    return between


def rank_correlation(one: NDArray[np.float64], two: NDArray[np.float64]) -> float:
    """Spearman's."""
    ranks = [values.argsort().argsort() for values in (one, two)]
    return float(np.corrcoef(*ranks)[0, 1])


def measure(path: Path, options: argparse.Namespace, distance: FeatureDistance | None) -> dict[str, float]:
    """Figures of one original."""
    subject = Subject.of(np.ascontiguousarray(Subject.read(path, 8).hr[:LARGEST, :LARGEST]), path.name, 8)
    session = Session(subject.lr, model=options.model)
    picked = [pick.recipe for pick in pick_spread(session, count=options.count, picks=options.picks)]
    first = [Draw(seed=seed) for seed in range(options.picks)]
    samples = [session.decode(recipe).sr for recipe in (*picked, *first)]
    region = busiest_region(session.rgb @ LUMA, PROBE)
    small = [session.decode(recipe, region, context=CONTEXT).sr for recipe in (*picked, *first)]
    whole, k = distances(samples), options.picks
    found = {
        "own": pairs(whole[:k, :k]).mean() / pairs(whole[k:, k:]).mean(),
        "own, nearest two": pairs(whole[:k, :k]).min() / pairs(whole[k:, k:]).min(),
        "on the region": pairs(distances(small)[:k, :k]).mean() / pairs(distances(small)[k:, k:]).mean(),
        "region to whole": rank_correlation(pairs(distances(small)), pairs(whole)),
    }
    if distance is not None:
        seen = feature_distances(distance, samples)
        found["VGG-19"] = pairs(seen[:k, :k]).mean() / pairs(seen[k:, k:]).mean()
    return found


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("originals", type=Path)
    parser.add_argument("--count", type=int, default=64)
    parser.add_argument("--picks", type=int, default=6)
    parser.add_argument("--model", default="compact")
    parser.add_argument("--features", type=Path, help="VGG-19 in torchvision's layout")
    parser.add_argument("--most", type=int, default=100, help="originals to read")
    options = parser.parse_args()
    distance = None if options.features is None else FeatureDistance(options.features)
    rows = []
    for path in find_originals(options.originals)[: options.most]:
        rows.append(measure(path, options, distance))
        print(f"{path.name}: " + ", ".join(f"{name} {value:.2f}" for name, value in rows[-1].items()), flush=True)
    print(f"\n| {options.picks} of {options.count} | mean | least |\n|---|---:|---:|")
    for name in rows[0]:
        values = [row[name] for row in rows]
        print(f"| {name} | {np.mean(values):.2f} | {min(values):.2f} |")


if __name__ == "__main__":
    try:
        main()
    except RefVAEError as error:
        raise SystemExit(str(error)) from error
