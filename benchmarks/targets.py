"""What was aimed at, what was predicted before anything was measured, what was done; and how to judge.

Figures are named ``script.figure``, as the scripts publish them. The predictions were written first and stay as they
were.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from measuring import GIB, duration, size

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    Figures = Mapping[str, float]
    Verdict = tuple[str, bool]

__all__ = ["TARGETS", "Target", "targets_table"]


@dataclass(frozen=True, slots=True)
class Target:
    """One line of the table.

    Attributes
    ----------
    goal
        What was aimed at.
    predicted
        Before anything was measured.
    done
        What the package does about it.
    judge
        From the figures to what was measured, and whether that meets the goal; a figure that is missing is a
        ``KeyError``.
    missed
        Where it is missed: the best guess why.
    """

    goal: str
    predicted: str
    done: str
    judge: Callable[[Figures], Verdict]
    missed: str


def targets_table(figures: Figures) -> str:
    """Markdown, one line a target; what was not measured says so."""
    lines = [
        "| target | predicted | done | measured | |",
        "| --- | --- | --- | --- | --- |",
        *(
            f"| {target.goal} | {target.predicted} | {target.done} | {_verdict(target, figures)} |"
            for target in TARGETS
        ),
    ]
    return "\n".join(lines)


def _verdict(target: Target, figures: Figures) -> str:
    try:
        measured, met = target.judge(figures)
    except KeyError:
        return "not measured here |"
    return f"{measured} | {'**met**' if met else f'**missed**: {target.missed}'}"


def _times(slow: float, fast: float) -> str:
    return f"{slow / fast:.1f}x"


def _paper_time(f: Figures) -> Verdict:
    slow, fast = f["ten_samples.naive_seconds"], f["ten_samples.paper_seconds"]
    return f"{_times(slow, fast)} ({duration(slow)} to {duration(fast)})", slow >= 5 * fast


def _paper_memory(f: Figures) -> Verdict:
    much, little = f["ten_samples.naive_bytes"], f["ten_samples.paper_bytes"]
    return f"{little / much:.2f} ({size(much)} to {size(little)})", 3 * little <= much


def _paper_equality(f: Figures) -> Verdict:
    error = f["ten_samples.paper_error"]
    return f"largest difference {error:.1e}", error <= 1e-5


def _compact_time(f: Figures) -> Verdict:
    slow, fast = f["ten_samples.naive_seconds"], f["ten_samples.compact_seconds"]
    return f"{_times(slow, fast)} ({duration(slow)} to {duration(fast)})", slow >= 100 * fast


def _esrgan(f: Figures) -> Verdict:
    shares = {way: f[f"one_more_sample.compact_{way}"] / f[f"one_more_sample.esrgan_{way}"] for way in ("fp32", "fast")}
    return f"1/{1 / shares['fp32']:.1f} in float32, 1/{1 / shares['fast']:.1f} in bfloat16", max(shares.values()) <= 0.2


def _region_time(f: Figures) -> Verdict:
    exact, live = f["region.exact_seconds"], f["region.live_seconds"]
    return f"{duration(live)} live, {duration(exact)} exact", live <= 0.150


def _region_naive(f: Figures) -> Verdict:
    slow, fast, exact = (f[f"region.{way}_seconds"] for way in ("naive", "live", "exact"))
    return f"1/{slow / fast:.0f} of {duration(slow)} live, 1/{slow / exact:.0f} exact", slow >= 20 * fast


def _largest(f: Figures) -> Verdict:
    peak = f["memory.peak_1024"]
    return f"{size(peak)}, the process and its libraries included", peak <= 3 * GIB


def _constant(f: Figures) -> Verdict:
    small, large = f["memory.working_256"], f["memory.working_1024"]
    return f"{size(small)} at 256, {size(large)} at 1024", large <= 1.1 * small


def _linear(f: Figures) -> Verdict:
    off = f["sizes.deviation"]
    return f"time a pixel within {off:.0%} of its median from 128 on", off <= 0.1


def _projection(f: Figures) -> Verdict:
    paper, compact = f["stages.projection_paper"], f["stages.projection_compact"]
    return f"{compact:.0%} of `compact`, {paper:.0%} of `paper`", max(paper, compact) <= 0.1


def _import(f: Figures) -> Verdict:
    return duration(f["startup.import_seconds"]), f["startup.import_seconds"] < 0.2


def _widget(f: Figures) -> Verdict:
    return duration(f["startup.widget_seconds"]), f["startup.widget_seconds"] < 0.5


def _stall(f: Figures) -> Verdict:
    kinds = ("usual", "many", "large", "slow")
    stalls = {kind: f[f"widget.stall_{kind}_seconds"] for kind in kinds}
    told = ", ".join(f"{kind} {duration(seconds)}" for kind, seconds in stalls.items())
    return f"{told}; while the model is loaded {duration(f['widget.stall_loading_seconds'])}", max(
        stalls.values()
    ) <= 0.1


def _cancel(f: Figures) -> Verdict:
    longest = max(f[f"widget.cancel_{kind}_seconds"] for kind in ("usual", "many", "large", "slow"))
    return f"{duration(longest)} at most", longest <= 1


def _gpu_time(f: Figures) -> Verdict:
    return duration(f["gpu.ten_samples_seconds"]), f["gpu.ten_samples_seconds"] < 0.050


def _gpu_rate(f: Figures) -> Verdict:
    share = f["gpu.decode_share"]
    return f"{share:.0%} of the rate of a large matrix product", share >= 0.4


ONCE = "encoding, reference and modulation once a run; channels_last; bfloat16 where the processor has it"

TARGETS = (
    Target(
        "`paper`, ten samples, 128 -> 1024: at least 5x faster than naive",
        "5x, just so",
        ONCE,
        _paper_time,
        "what is left is the decoder's convolutions at eight times the resolution, which no cache spares",
    ),
    Target(
        "the same, peak memory above rest: at most 1/3 of naive",
        "0.4 in one piece, 0.3 with tiles of 64",
        "half as many bytes in bfloat16; a few rows of tiles at a time; samples stored as they come",
        _paper_memory,
        "the decoder's finest stage, 128 interpolated channels at full size, is held for a whole tile",
    ),
    Target(
        "the same in float32, without projection: equal to naive to 1e-5",
        "1e-6",
        "the same function, another order of work",
        _paper_equality,
        "sums in another order",
    ),
    Target(
        "`compact`, ten samples, 128 -> 1024: at least 100x faster than naive",
        "60x: 25 GMAC a sample at half of the processor's bfloat16 rate",
        f"{ONCE}; all wide layers at LR resolution",
        _compact_time,
        "arithmetic: 1.5 million multiplications a LR pixel and sample, which run at some 60% of the processor's "
        "bfloat16 peak whatever the image's size, are 0.2 s a sample on two cores, so 60x at best; more takes a "
        "smaller network, or one in int8",
    ),
    Target(
        "one more sample of `compact`, 64 -> 512: at most 1/5 of an `ESRGAN(scale=8)` pass",
        "1/8 at equal precision: 14 times fewer multiplications, less well used",
        "six modulated blocks and a thin tail a sample",
        _esrgan,
        "thin layers use the processor less well than ESRGAN's wide ones",
    ),
    Target(
        "64 -> 512 region, one sample of `compact` from cached features, as the live preview makes it: at most 150 ms",
        "60 ms for the pixels themselves; 300 ms with the context that makes a region exact",
        "features and details kept; only the region and its context decoded; live with less context than it takes to "
        "be exact",
        _region_time,
        "the context costs more than the region: around it are the projection's pixels, and around those the "
        "network's reach of 33",
    ),
    Target(
        "the same: at most 1/20 of naive",
        "1/10 exact, 1/40 without context",
        "as above",
        _region_naive,
        "as above",
    ),
    Target(
        "1024 -> 8192, one sample of `compact`: at most 3 GiB peak",
        "7 GiB while the projection holds whole images; under 3 in bands",
        "a few rows of tiles are held, not the sample's whole detail; tiles no larger than pays; finished in place",
        _largest,
        "the libraries and the output alone are 1 GiB; features and latent map of the whole image come on top",
    ),
    Target(
        "memory above input and output constant from 256 to 1024",
        "no: one float32 canvas of a sample grows with it",
        "as above",
        _constant,
        "features and latent map belong to the whole image, and are kept from sample to sample: 0.3 GiB at 1024",
    ),
    Target(
        "time against pixels, 64 to 1024: linear within 10% once above 128",
        "within 15%; tiles cost their halo",
        "short filters instead of matrices; as few tiles as memory allows",
        _linear,
        "images that no longer fit into cache pay for memory, and tiles pay for their halo",
    ),
    Target(
        "projection's share of a run: at most 10%",
        "20% of `compact`, 2% of `paper`",
        "in bands of a few rows, in place, in windows that fit into the cache",
        _projection,
        "`compact` is so fast that a few passes over all HR pixels in float32 show",
    ),
    Target(
        "import: under 0.2 s",
        "0.05 s",
        "torch is loaded by the first thing that computes",
        _import,
        "the disk, most likely",
    ),
    Target(
        "widget open, first time in a session: under 0.5 s",
        "0.4 s",
        "no torch in the window's thread; the model is loaded behind it",
        _widget,
        "Qt builds and draws many fields at once",
    ),
    Target(
        "the window never without an answer for more than 100 ms while a run goes on, ends or is taken back",
        "not written down before",
        "runs, maps, reading and scores on other threads; one layer at a time, with time for events in between",
        _stall,
        "a new layer: napari makes its visual, its thumbnail and its row, and uploads the whole texture at once",
    ),
    Target(
        "from Cancel to the next click: at most 1 s",
        "not written down before",
        "a run ends at its next step, which is a tile at most",
        _cancel,
        "one tile takes longer, or the image is still being read",
    ),
    Target(
        "H200-class GPU, ten samples of `compact`, 128 -> 1024: under 50 ms",
        "40 ms, most of it outside the network",
        "what the processor's path does",
        _gpu_time,
        "conversion and copies to the host, not the network",
    ),
    Target(
        "the same: decode at 40% or more of the measured bfloat16 rate",
        "15%: layers of 64 channels and fewer are bound by memory",
        "channels_last, bfloat16",
        _gpu_rate,
        "layers of 64 channels and fewer do too little work a byte",
    ),
)
