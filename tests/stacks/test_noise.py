import tempfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from napari_refvae.engine.latents import draw_noise
from napari_refvae.model.doors import LatentLayout
from napari_refvae.regions import Region
from napari_refvae.stacks import noise
from napari_refvae.stacks.noise import NoiseField


@given(st.integers(1, 20), st.integers(1, 3), st.integers(6, 40), st.integers(6, 40), st.integers(0, 2**64))
def test_a_field_on_the_disk_holds_the_numbers_of_one_in_memory(code, channels, height, width, seed):
    layout, size = LatentLayout(code, channels, True), (height, width)
    whole = draw_noise(layout, size, seed)
    region = Region(1, 2, height - 2, width - 3)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(noise, "IN_MEMORY", 0)
        patch.setattr(noise, "PART", 160)
        with tempfile.TemporaryDirectory() as folder:
            field = NoiseField(layout, size, seed, Path(folder) / "noise")
            np.testing.assert_array_equal(field.code, whole.code)
            np.testing.assert_array_equal(field.window(region), whole.field[..., *region.slices])


def test_a_small_field_needs_no_disk(tmp_path, monkeypatch):
    monkeypatch.setattr(noise, "IN_MEMORY", 1000)
    layout, region = LatentLayout(4, 2, True), Region(3, 4, 5, 6)
    field = NoiseField(layout, (12, 13), 7, tmp_path / "none" / "noise")
    np.testing.assert_array_equal(field.window(region), draw_noise(layout, (12, 13), 7).field[..., *region.slices])
