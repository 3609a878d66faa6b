import numpy as np
import pytest
import torch
from scipy.ndimage import gaussian_filter1d

from napari_refvae.blurring import gaussian_blur


@pytest.mark.parametrize(("border", "scipys"), [("reflect", "mirror"), ("replicate", "nearest")])
def test_each_image_is_blurred_as_scipy_blurs_it_alone(border, scipys):
    image, sigma = torch.rand(2, 3, 17, 23, generator=torch.Generator().manual_seed(0)), torch.tensor([0.8, 2.0])
    made = gaussian_blur(image, sigma, 6, border)
    for one, width, told in zip(image.numpy(), (0.8, 2.0), made.numpy(), strict=True):
        rows = gaussian_filter1d(one.astype(np.float64), width, axis=1, mode=scipys, radius=6)
        np.testing.assert_allclose(told, gaussian_filter1d(rows, width, axis=2, mode=scipys, radius=6), atol=1e-6)
