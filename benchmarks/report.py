"""Run the scripts that measure speed and memory, each in its own process, and write what they say into the docs.

``python benchmarks/report.py`` on an otherwise idle machine runs all of them, in 20 to 25 minutes on two cores. After
each script ``benchmarks/measured.json`` and the marked parts of ``docs/performance.md`` are written anew, so that
nothing is lost if one fails or the rest is stopped. Logs are in ``build/benchmarks``.

``--only NAME ...`` runs some; ``--quick`` runs all on next to nothing, to see that they work, and writes nothing into
the docs; ``--render`` runs nothing and writes the docs from what was measured last.
"""

from __future__ import annotations

import argparse
import json
import re
import subprocess
import sys
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import machine
from measuring import duration
from targets import targets_table

HERE = Path(__file__).parent
MEASURED = HERE / "measured.json"
DOCS = HERE.parent / "docs" / "performance.md"
LOGS = HERE.parent / "build" / "benchmarks"
SCRIPTS = (
    "startup",
    "widget",
    "memory",
    "region",
    "one_more_sample",
    "stages",
    "naive",
    "throughput",
    "sizes",
    "training_speed",
    "gpu",
    "ten_samples",
)
"""In the order in which they run: the longest last."""

PATIENCE = 1800
"""Seconds after which a script is stopped."""

Entry = dict[str, Any]


def main() -> None:
    """Run what was asked for, and write the docs."""
    options = _options()
    measured: dict[str, Entry] = json.loads(MEASURED.read_text(encoding="utf-8")) if MEASURED.is_file() else {}
    if options.render:
        DOCS.write_text(rendered(DOCS.read_text(encoding="utf-8"), measured), encoding="utf-8")
        return
    said = machine.describe()
    print(said)
    made: dict[str, Entry] = {}
    for number, name in enumerate(options.only, start=1):
        print(f"[{number}/{len(options.only)}] {name} ...", end=" ", flush=True)
        made[name] = run(name, _passed_on(options)) | {"machine": said}
        print(_outcome(made[name]), flush=True)
        if not options.quick:
            _write(measured | made)
    if options.quick:
        print("", *(f"## {name}\n\n{entry['text']}\n" for name, entry in made.items()), sep="\n")
        print(targets_table(flat(made)))
    raise SystemExit(any(entry["failed"] for entry in made.values()))


def run(name: str, words: list[str]) -> Entry:
    """Run one script; its text, its figures, its time, whether it failed, and what others took just before."""
    LOGS.mkdir(parents=True, exist_ok=True)
    busy = machine.busy()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "figures.json"
        command = [sys.executable, str(HERE / f"{name}.py"), "--figures", str(path), *words]
        start = time.monotonic()
        failure, text, errors = _run(command)
        seconds = time.monotonic() - start
        figures = json.loads(path.read_text()) if path.is_file() else {}
    (LOGS / f"{name}.log").write_text(f"{text}\n{errors}", encoding="utf-8")
    return {
        "date": datetime.now(UTC).strftime("%Y-%m-%d"),
        "seconds": round(seconds, 1),
        "busy": round(busy, 3),
        "failed": bool(failure),
        "text": f"This failed: {failure}" if failure else text,
        "figures": {} if failure else figures,
    }


def _outcome(entry: Entry) -> str:
    """One line for who watches."""
    said = f"{'FAILED' if entry['failed'] else 'done'} in {duration(entry['seconds'])}"
    if entry["busy"] > machine.BUSY:
        said += f"; others took {entry['busy']:.0%} of the cores when it began: its figures are too slow"
    return said


def flat(measured: dict[str, Entry]) -> dict[str, float]:
    """All figures, as ``script.figure``."""
    return {f"{name}.{key}": value for name, entry in measured.items() for key, value in entry["figures"].items()}


def rendered(page: str, measured: dict[str, Entry]) -> str:
    """The page with every marked part written anew; a script that was not run leaves its part as it is.

    Raises
    ------
    ValueError
        If the page has no place for a script's part.
    """
    if not measured:
        return page
    usual = measured.get("ten_samples") or next(iter(measured.values()))
    parts = {"machine": _machine(usual, measured), "targets": targets_table(flat(measured))}
    parts |= {name: _section(entry, usual) for name, entry in measured.items()}
    for name, text in parts.items():
        pattern = re.compile(rf"(<!-- begin {name} -->\n).*?(<!-- end {name} -->)", re.DOTALL)
        if not pattern.search(page):
            raise ValueError(f"the page has no part that is marked for {name}")
        page = pattern.sub(lambda found, text=text: f"{found[1]}\n{text}\n\n{found[2]}", page)
    return page


def _machine(usual: Entry, measured: dict[str, Entry]) -> str:
    minutes = sum(entry["seconds"] for entry in measured.values()) / 60
    text = f"{usual['machine']}. {usual['date']}; the whole report took {minutes:.0f} minutes."
    busy = max(entry["busy"] for entry in measured.values())
    if busy > machine.BUSY:
        text += f"\n\n**The machine was not idle** (others took up to {busy:.0%} of it): these figures are provisional."
    return text


def _section(entry: Entry, usual: Entry) -> str:
    if entry["machine"] == usual["machine"]:
        return str(entry["text"])
    return f"Measured on: {entry['machine']}.\n\n{entry['text']}"


def _run(command: list[str]) -> tuple[str, str, str]:
    """Why it failed (empty if it did not), what it printed, what it complained of."""
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=PATIENCE)
    except subprocess.TimeoutExpired:
        return f"it took longer than {duration(PATIENCE)}", "", ""
    complaint = done.stderr.strip().splitlines() or [f"it ended with {done.returncode}"]
    return (complaint[-1] if done.returncode else ""), done.stdout.strip(), done.stderr


def _passed_on(options: argparse.Namespace) -> list[str]:
    """What the scripts are told."""
    repeats = [] if options.repeats is None else ["--repeats", str(options.repeats)]
    return [*repeats, *(["--quick"] if options.quick else [])]


def _write(measured: dict[str, Entry]) -> None:
    """Figures first: the page can be rendered again from them."""
    ordered = {name: measured[name] for name in SCRIPTS if name in measured}
    MEASURED.write_text(json.dumps(ordered, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    DOCS.write_text(rendered(DOCS.read_text(encoding="utf-8"), ordered), encoding="utf-8")


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", nargs="+", choices=SCRIPTS, default=SCRIPTS, metavar="NAME")
    parser.add_argument("--repeats", type=int, help="turns of each way, for a rough first look")
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--render", action="store_true")
    return parser.parse_args()


if __name__ == "__main__":
    main()
