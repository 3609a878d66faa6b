"""The colours of a layer."""

from __future__ import annotations

import numpy as np
import pytest
from napari.layers import Image

from napari_refvae.widget.results.colours import coloured


def test_values_are_seen_through_limits_gamma_and_colormap():
    values = np.array([[0, 100, 300, 900]], np.uint16)
    grey = Image(values, contrast_limits=(100, 300), gamma=2.0, colormap="green")
    assert coloured(values, grey)[0, :, 1].tolist() == [0, 0, 255, 255]
    assert not coloured(values, grey)[..., (0, 2)].any()
    half = coloured(np.array([[200.0]]), grey)[0, 0, 1]
    assert half == pytest.approx(255 * 0.5**2, abs=1)


def test_alpha_is_kept():
    values = np.zeros((1, 2, 4), np.uint8)
    values[0, 1, 3] = 100
    assert coloured(values, Image(values, rgb=True))[0, :, 3].tolist() == [0, 100]
