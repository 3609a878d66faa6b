"""Which lines the tests run: ``python benchmarks/line_coverage.py [what pytest takes]``.

Needs the package coverage. Lines that run in other processes (workers, killed runs) are not counted. Prints a table a
room, and the files under 90 %; the exit status is 1 if all lines together come to less.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from collections import defaultdict
from pathlib import Path

ROOT = Path(__file__).parent.parent
ENOUGH = 90.0


def main() -> None:
    """Run the tests and count."""
    with tempfile.TemporaryDirectory() as folder:
        data, report = f"--data-file={folder}/data", f"{folder}/report.json"
        coverage = [sys.executable, "-W", "error", "-m", "coverage"]
        tests = ["-m", "pytest", "-q", "-p", "no:cacheprovider", *sys.argv[1:]]
        done = subprocess.run([*coverage, "run", data, "--source=napari_refvae", *tests], cwd=ROOT, check=False)
        subprocess.run([*coverage, "json", data, "-q", "-o", report], cwd=ROOT, check=True)
        told = json.loads(Path(report).read_text("utf-8"))
    rooms: dict[str, list[int]] = defaultdict(lambda: [0, 0])
    for name, file in sorted(told["files"].items()):
        parts = Path(name).parts
        room = parts[parts.index("napari_refvae") + 1]
        run, lines = file["summary"]["covered_lines"], file["summary"]["num_statements"]
        rooms[room][0] += run
        rooms[room][1] += lines
        if lines and 100 * run / lines < ENOUGH:
            print(f"  {100 * run / lines:5.1f} %  {name}: {len(file['missing_lines'])} lines are not run")
    for room, (run, lines) in rooms.items():
        if lines:
            print(f"{100 * run / lines:5.1f} %  {room}")
    total = told["totals"]["percent_covered"]
    print(f"{total:5.1f} %  of {told['totals']['num_statements']} lines; pytest ended with {done.returncode}")
    sys.exit(0 if total >= ENOUGH and not done.returncode else 1)


if __name__ == "__main__":
    main()
