"""Storing planes that lie on a device."""

import numpy as np
import pytest
import torch

from napari_refvae.engine.storing import store_planes
from napari_refvae.imageio.pixels import normalize


class WithoutDoubles(torch.Tensor):
    """A tensor on a device that has no float64, as Apple's GPUs; its values lie on the CPU."""

    @staticmethod
    def __new__(cls, values):
        return torch.Tensor._make_wrapper_subclass(cls, values.shape, dtype=values.dtype, device="meta")

    def __init__(self, values):
        self.values = values

    @classmethod
    def __torch_dispatch__(cls, operation, types, args=(), kwargs=None):
        plain, kwargs = torch.utils._pytree.tree_map_only(cls, lambda one: one.values, args), kwargs or {}
        made = operation(*plain, **{name: value for name, value in kwargs.items() if name != "device"})
        if operation is torch.ops.aten._to_copy.default and kwargs.get("device") == torch.device("cpu"):
            return made
        if made.dtype == torch.float64:
            raise TypeError("the device has no float64")
        return args[0] if made is plain[0] else cls(made)


def test_the_device_of_the_tests_is_as_strict_as_the_real_one():
    with pytest.raises(TypeError, match="no float64"):
        WithoutDoubles(torch.ones(2)).to(torch.float64)
    assert WithoutDoubles(torch.ones(2)).cpu().to(torch.float64).dtype is torch.float64


@pytest.mark.parametrize("dtype", [np.uint8, np.int16])
@pytest.mark.parametrize("shape", [(2, 3), (2, 3, 3)], ids=["grey", "colours"])
def test_a_device_needs_no_float64(dtype, shape):
    image = normalize(np.zeros(shape, dtype))
    planes = torch.randn(3, 40, 5, generator=torch.Generator().manual_seed(0))
    there = WithoutDoubles(planes.clone())
    stored = store_planes(planes, None, image)
    np.testing.assert_array_equal(store_planes(there, None, image), stored)
    assert torch.equal(there.values, planes)
