from __future__ import annotations

import numpy as np
from skimage import data

from napari_refvae.widget.sample_data import photograph, texture


def test_the_photograph_is_small_and_faithful() -> None:
    [(lr, keywords, kind)] = photograph()
    assert (kind, lr.shape, lr.dtype) == ("image", (37, 56, 3), np.uint8)
    assert keywords["rgb"]
    blocks = data.chelsea()[:296, :448].reshape(37, 8, 56, 8, 3).mean(axis=(1, 3))
    assert np.abs(lr - blocks).mean() < 4


def test_the_texture_is_a_grey_image() -> None:
    [(image, _, kind)] = texture()
    assert (kind, image.shape, image.dtype) == ("image", (512, 512), np.uint8)
