"""What is in the cache, without fetching anything."""

from __future__ import annotations

import hashlib
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from napari_refvae.errors import CheckpointError
from napari_refvae.model.cache import cached

if TYPE_CHECKING:
    from pathlib import Path


def test_only_the_right_file_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REFVAE_CACHE", str(tmp_path / "none yet"))
    digest = hashlib.sha256(b"weights").hexdigest()
    assert cached("weights.pth", digest) is None
    assert not (tmp_path / "none yet").exists()
    monkeypatch.setenv("REFVAE_CACHE", str(tmp_path))
    (tmp_path / "weights.pth").write_bytes(b"weights")
    assert cached("weights.pth", digest) == tmp_path / "weights.pth"
    (tmp_path / "weights.pth").write_bytes(b"weight")
    with pytest.raises(CheckpointError, match=rf"with sha256 {digest}; got .*: delete it"):
        cached("weights.pth", digest)
    assert (tmp_path / "weights.pth").is_file()


def test_it_needs_no_torch() -> None:
    code = "import sys, napari_refvae.model.cache; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
