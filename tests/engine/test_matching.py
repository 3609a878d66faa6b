"""Detail copied from references into a run's samples."""

import numpy as np
import pytest
import torch
from skimage import data

from napari_refvae.engine import matching
from napari_refvae.engine.matching import Matcher, matching_bytes, matching_seconds
from napari_refvae.engine.upscaler import Upscaler, drain
from napari_refvae.errors import InvalidSpecError
from napari_refvae.imageio.pixels import normalize
from napari_refvae.metrics import low_resolution, psnr_y
from napari_refvae.model.checkpoint import build_model, load_checkpoint
from napari_refvae.model.config import CompactConfig
from napari_refvae.model.zoo import find_model
from napari_refvae.regions import Region, TileSpec
from napari_refvae.spec import (
    ImageReference,
    PriorReference,
    Progress,
    SampleSpec,
    SelfReference,
    SuperResolutionRequest,
)

CPU = torch.device("cpu")


def reference(image, name="reference"):
    return ImageReference(np.ascontiguousarray(image).astype(np.float32) / np.float32(255), name)


@pytest.fixture(scope="module")
def photograph():
    return np.ascontiguousarray(data.astronaut()[60:188, 170:314])


@pytest.fixture(scope="module")
def lr(photograph):
    return low_resolution(photograph)


@pytest.fixture(scope="module")
def wider():
    """Holds the photograph, at no multiple of 8."""
    return reference(data.astronaut()[41:210, 155:330], "wider")


@pytest.fixture(scope="module")
def unrelated():
    return reference(data.coffee()[100:260, 200:370], "coffee")


@pytest.fixture(scope="module")
def compact():
    """The bundled network."""
    return Upscaler(load_checkpoint(find_model("compact"))[0], device="cpu", precision="float32")


def run(upscaler, lr, *references, vividness=1.0, strength=1.0, count=1, **settings):
    spec = SampleSpec(count, 4, vividness=vividness, strength=strength, temperature=vividness)
    settings = {"self_ensemble": False, "matching": True} | settings
    return drain(upscaler.steps(SuperResolutionRequest(normalize(lr), references, spec, **settings)))


@pytest.mark.parametrize("vividness", [0.0, 1.0])
def test_a_reference_that_holds_the_image_gives_much_of_it_back(compact, lr, photograph, wider, vividness):
    without = run(compact, lr, wider, vividness=vividness, matching=False).sr[0]
    matched = run(compact, lr, wider, vividness=vividness).sr[0]
    assert psnr_y(matched, photograph) > psnr_y(without, photograph) + 4


@pytest.mark.parametrize("vividness", [0.0, 1.0])
def test_an_unrelated_reference_does_no_harm(compact, lr, photograph, unrelated, vividness):
    without = run(compact, lr, unrelated, vividness=vividness, matching=False).sr[0]
    matched = run(compact, lr, unrelated, vividness=vividness).sr[0]
    assert psnr_y(matched, photograph) > psnr_y(without, photograph) - 0.05
    assert np.abs(matched.astype(int) - without).mean() < 0.5


def test_what_was_copied_gives_the_input_back(compact, lr, wider, unrelated):
    result = run(compact, lr, wider, unrelated)
    assert min(result.lr_psnr) >= 50
    loose = run(compact, lr, wider, consistency=None)
    assert loose.lr_psnr[0] < result.lr_psnr[0]


def test_nothing_is_copied_without_strength_or_where_there_is_nothing_to_copy(upscaler, lr, wider):
    tiny = ImageReference(wider.image[:23])
    for one, strength in ((wider, 0.0), (PriorReference(), 1.0), (SelfReference(), 1.0), (tiny, 1.0)):
        without, matched = (run(upscaler, lr, one, strength=strength, matching=on).sr for on in (False, True))
        np.testing.assert_array_equal(matched, without)


def test_less_strength_copies_less(upscaler, lr, wider, photograph):
    errors = [psnr_y(run(upscaler, lr, wider, strength=strength).sr[0], photograph) for strength in (0, 0.3, 0.6, 1)]
    assert errors == sorted(errors)


@pytest.mark.parametrize("size", [5, 11])
def test_tiled_equals_untiled(upscaler, lr, wider, size):
    pixels = lr.astype(np.float32) / 255
    whole, tiled = (run(upscaler, pixels, wider, tiles=TileSpec(tile)).sr for tile in (64, size))
    np.testing.assert_allclose(tiled, whole, atol=1e-5)


@pytest.mark.parametrize("consistency", ["bicubic", None])
def test_a_region_is_the_crop_of_the_whole(network, consistency):
    upscaler = Upscaler(network, device="cpu", precision="float32")
    pixels = low_resolution(np.ascontiguousarray(data.astronaut()[:320, :464])).astype(np.float32) / 255
    guide = reference(data.astronaut()[100:260, 90:270])
    region = Region(11, 21, 7, 9)
    whole = run(upscaler, pixels, guide, consistency=consistency).sr[0]
    part = run(upscaler, pixels, guide, consistency=consistency, region=region).sr[0]
    np.testing.assert_allclose(part, whole[region.scaled(8).slices], atol=2e-5)


def test_blocks_and_their_order_change_nothing(lr, wider, monkeypatch):
    image, spec = normalize(lr), SampleSpec(1)
    own = torch.zeros(1, 3, *(8 * side for side in image.size))
    everything = Region(0, 0, *image.size)
    whole = Matcher(image, wider, CPU).blended(everything, own, spec)
    monkeypatch.setattr(matching, "BLOCK", 7)
    pieces = Matcher(image, wider, CPU)
    corner = Region(9, 8, 6, 7)
    pieces.blended(corner, own[..., *corner.scaled(8).slices], spec)
    torch.testing.assert_close(pieces.blended(everything, own, spec), whole, atol=1e-5, rtol=0)


def test_the_faithful_image_and_samples_without_reference_stay_as_they_are(upscaler, lr, wider):
    without, matched = (run(upscaler, lr, PriorReference(), wider, faithful=True, matching=on) for on in (False, True))
    np.testing.assert_array_equal(matched.faithful, without.faithful)
    np.testing.assert_array_equal(matched.sr[0], without.sr[0])
    assert np.abs(matched.sr[1].astype(int) - without.sr[1]).mean() > 0.5


def test_the_record_says_which_references_were_matched_by_which_gate(upscaler, lr, wider):
    told = run(upscaler, lr, PriorReference(), wider).provenance["matching"]
    assert told["references"] == [False, True]
    assert len(told["sha256"]) == 64
    assert "matching" not in run(upscaler, lr, wider, matching=False).provenance


def test_progress_reaches_its_total(upscaler, lr, wider):
    request = SuperResolutionRequest(normalize(lr), (wider,), SampleSpec(2), matching=True)
    seen = [step for step in upscaler.steps(request) if isinstance(step, Progress)]
    assert [progress.done for progress in seen] == list(range(seen[-1].total + 1))


def test_another_scale_is_refused(lr, wider):
    model = build_model(CompactConfig(width=8, trunk_blocks=1, decoder_blocks=1, tail_widths=(8, 8)))
    upscaler = Upscaler(model, device="cpu", precision="float32")
    with pytest.raises(InvalidSpecError, match="a model that enlarges 8 times; this one does 4 times"):
        run(upscaler, lr, wider)
    with pytest.raises(InvalidSpecError, match="True or False; got 'yes'"):
        SuperResolutionRequest(normalize(lr), matching="yes")


def test_costs_grow_with_references_and_samples_and_are_none_without():
    assert matching_seconds((), 100, 2, CPU) == matching_seconds([(23, 500)], 100, 2, CPU) == 0
    assert matching_bytes((), 100, 100) == 0
    one = matching_seconds([(200, 300)], 1000, 1, CPU)
    assert 0 < one < matching_seconds([(200, 300)], 1000, 9, CPU)
    assert one < matching_seconds([(200, 300)] * 2, 1000, 1, CPU)
    assert matching_bytes([(200, 300)], 1000, 100) < matching_bytes([(400, 300)], 1000, 100)
