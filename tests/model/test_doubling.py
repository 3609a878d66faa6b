"""One convolution does what interpolation and convolution do, to the border."""

import pytest
import torch
from torch.nn import functional

from napari_refvae.model.doubling import DoublingConvolution


@pytest.mark.parametrize("size", [(1, 1), (1, 6), (2, 3), (3, 3), (7, 5)])
def test_it_is_interpolation_and_convolution(size):
    generator = torch.Generator().manual_seed(0)
    conv = torch.nn.Conv2d(4, 3, 3, padding=1, dtype=torch.float64)
    x = torch.randn(2, 4, *size, generator=generator, dtype=torch.float64)
    expected = conv(functional.interpolate(x, scale_factor=2.0, mode="bilinear"))
    torch.testing.assert_close(DoublingConvolution(conv)(x), expected, atol=1e-12, rtol=0)


def test_it_can_be_trained():
    conv, x = torch.nn.Conv2d(2, 3, 3, padding=1), torch.rand(1, 2, 6, 6)
    DoublingConvolution(conv)(x).square().sum().backward()
    found = conv.weight.grad.clone()
    conv.zero_grad()
    conv(functional.interpolate(x, scale_factor=2.0, mode="bilinear")).square().sum().backward()
    torch.testing.assert_close(found, conv.weight.grad)
