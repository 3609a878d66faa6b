"""Arrays that are not numpy's own, and layers that hold them, are images like others."""

from types import SimpleNamespace

import numpy as np
import pytest

import napari_refvae

IMAGE = np.random.default_rng(0).integers(0, 256, (9, 11), dtype=np.uint8)


def in_dask(_):
    return pytest.importorskip("dask.array").from_array(IMAGE, chunks=4)


def in_zarr(folder):
    zarr = pytest.importorskip("zarr")
    return zarr.create_array(str(folder / "a.zarr"), data=IMAGE, chunks=(4, 4))


def in_a_memory_map(folder):
    np.save(folder / "a.npy", IMAGE)
    return np.load(folder / "a.npy", mmap_mode="r")


@pytest.mark.parametrize("kind", [in_dask, in_zarr, in_a_memory_map])
def test_arrays_and_layers_of_every_kind_give_numpys_result(kind, tmp_path, tiny_model):
    array = kind(tmp_path)
    options = {"samples": 1, "model": tiny_model, "device": "cpu", "precision": "float32"}
    expected = napari_refvae.upscale(IMAGE, IMAGE, **options)
    layer = SimpleNamespace(data=array, contrast_limits=(0, 255), name="layer", multiscale=False, rgb=False)
    for image in (array, layer):
        result = napari_refvae.upscale(image, array, **options)
        np.testing.assert_array_equal(result.sr, expected.sr)
        assert result.provenance["input"]["sha256"] == expected.provenance["input"]["sha256"]
