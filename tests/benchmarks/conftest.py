"""The scripts of ``benchmarks/`` import each other as if each were run as a script."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    if not BENCHMARKS.is_dir():
        here = [item for item in items if Path(__file__).parent in item.path.parents]
        for item in here:
            item.add_marker(pytest.mark.skip(reason="the scripts are in the repository, not in the archive"))


@pytest.fixture(autouse=True)
def scripts(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Their folder is on the path; afterwards none of them is loaded."""
    before = set(sys.modules)
    monkeypatch.syspath_prepend(BENCHMARKS)
    yield
    for name in {path.stem for path in BENCHMARKS.glob("*.py")} & (set(sys.modules) - before):
        sys.modules.pop(name)
