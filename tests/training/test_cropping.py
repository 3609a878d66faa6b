import numpy as np
import pytest
import torch
from skimage import data

from napari_refvae.training.cropping import Crop, by_matrices, draw_crop, render

CPU = torch.device("cpu")


def test_the_device_makes_what_pillow_makes():
    rng = np.random.default_rng(0)
    crops = [draw_crop(data.astronaut(), 48, factor, rng) for factor in (0.5, 0.63, 0.9, 1.0) for _ in range(4)]
    assert len({(crop.turns, crop.mirrored) for crop in crops}) > 5
    difference = 255 * (by_matrices(crops, 48, CPU) - render(crops, 48, CPU)).abs()
    assert difference.max() <= 1.01  # one step of rounding
    assert difference.mean() < 0.05


def test_small_photographs_are_enlarged_by_both():
    crop = Crop(data.astronaut()[:20, :20], 0, False)
    a, b = by_matrices([crop], 48, CPU), render([crop], 48, CPU)
    assert (a - b).abs().max() < 2.01 / 255


@pytest.mark.parametrize("turns", range(4))
def test_a_crop_of_its_own_size_is_only_turned_and_mirrored(turns):
    pixels = data.astronaut()[100:132, 80:112]
    told = torch.from_numpy(np.rot90(pixels, turns)[:, ::-1].copy()).permute(2, 0, 1)[None] / 255
    torch.testing.assert_close(render([Crop(pixels, turns, True)], 32, CPU), told)
    torch.testing.assert_close(by_matrices([Crop(pixels, turns, True)], 32, CPU), told)


def test_contrast_tells_detail_from_flatness():
    assert Crop(np.full((16, 16, 3), 90, np.uint8), 0, False).contrast == 0
    assert Crop(data.astronaut()[:64, :64], 0, False).contrast > 5
