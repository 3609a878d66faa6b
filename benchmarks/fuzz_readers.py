"""Let coverage lead the damage: atheris on `read_image` and `open_source`.

Run ``pip install atheris`` (Linux), then ``python benchmarks/fuzz_readers.py --seconds 600``. It begins with the files
of ``fuzz_seeds`` and keeps what reaches new lines of the readers. Any exception that is no `RefVAEError` stops it; the
file that caused it is left in the working folder as ``crash-...``.
"""

from __future__ import annotations

import argparse
import logging
import os
import sys
import tempfile
import warnings
from collections import Counter
from pathlib import Path

import atheris

with atheris.instrument_imports(include=["napari_refvae.imageio", "tifffile", "PIL"]):
    from napari_refvae.imageio.files import open_source, read_image

from fuzz_seeds import seed_files

from napari_refvae.errors import RefVAEError

FOLDER = Path(tempfile.mkdtemp(dir="/dev/shm" if Path("/dev/shm").is_dir() else None))
ENDED: Counter[str] = Counter()


def main() -> None:
    """Fuzz for a while and print how the tries ended."""
    options = _options()
    logging.disable(logging.CRITICAL)  # tifffile logs what it finds odd
    warnings.simplefilter("error")
    corpus = FOLDER / "corpus"
    corpus.mkdir()
    for name, content in seed_files().items():
        (corpus / name.replace(" ", "-")).write_bytes(content)
    limits = [f"-max_total_time={options.seconds}", "-max_len=8192", "-timeout=20", "-rss_limit_mb=4000"]
    atheris.Setup([sys.argv[0], *limits, f"-seed={options.seed}", str(corpus)], _try)
    atheris.Fuzz()


def _try(content: bytes) -> None:
    """One file through both readers."""
    path = FOLDER / "file"
    path.write_bytes(content)
    for read in (_read_whole, _read_planes):
        try:
            read(path)
            ENDED["fine"] += 1
        except RefVAEError as error:
            ENDED[type(error).__name__] += 1
    if sum(ENDED.values()) % 20_000 == 0:
        print(dict(ENDED), flush=True)


def _read_whole(path: Path) -> None:
    read_image(path)


def _read_planes(path: Path) -> None:
    for number, _ in enumerate(open_source(path).planes()):
        if number > 3:
            return


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--seconds", type=int, default=600, help="how long (default: %(default)s)")
    parser.add_argument("--seed", type=int, default=1)
    return parser.parse_args()


if __name__ == "__main__":
    os.environ.setdefault("PYTHONHASHSEED", "0")
    main()
