import numpy as np
import pytest
import torch

from napari_refvae.engine.result import FinishedSample
from napari_refvae.engine.upscaler import Upscaler, drain
from napari_refvae.errors import DeviceError, InvalidInputError, ModelError, OutOfMemoryError
from napari_refvae.imageio.pixels import normalize
from napari_refvae.model.checkpoint import build_model
from napari_refvae.model.config import CompactConfig, PaperConfig
from napari_refvae.spec import (
    ImageReference,
    PriorReference,
    Progress,
    SampleSpec,
    SelfReference,
    SuperResolutionRequest,
    TileSpec,
)


@pytest.fixture
def image(rng):
    return rng.integers(0, 256, (21, 26, 3), dtype=np.uint8)


@pytest.fixture
def rng():
    return np.random.default_rng(0)


def request(image, *references, tiles=None, consistency="bicubic", **samples):
    return SuperResolutionRequest(
        image=normalize(image),
        references=references or (PriorReference(),),
        samples=SampleSpec(**samples),
        tiles=tiles,
        consistency=consistency,
    )


def run(upscaler, request):
    return drain(upscaler.steps(request))


def test_samples_come_a_reference_in_order(upscaler, image, rng):
    texture = ImageReference(rng.random((20, 30, 3), dtype=np.float32), "texture")
    result = run(upscaler, request(image, texture, SelfReference(), PriorReference(), count=2, seed=7))
    assert result.references == ("texture", "texture", "self", "self", "none", "none")
    assert result.seeds == (7, 8, 9, 10, 11, 12)
    assert result.sr.shape == (6, 168, 208, 3)
    assert result.sr.dtype == np.uint8


def test_sample_k_alone_is_sample_k_of_ten(upscaler, image):
    ten = run(upscaler, request(image, count=10, seed=5))
    for k in (0, 3, 9):
        alone = run(upscaler, request(image, count=1, seed=5 + k))
        np.testing.assert_array_equal(alone.sr[0], ten.sr[k])


def test_seeds_and_references_change_the_output_and_repeats_do_not(upscaler, image, rng):
    reference = ImageReference(rng.random((40, 40, 3), dtype=np.float32))
    smooth = ImageReference(np.full((40, 40, 3), 0.5, np.float32))
    first, again, seed, other = (
        run(upscaler, request(image, used, count=1, seed=at)).sr[0].astype(int)
        for used, at in ((reference, 0), (reference, 0), (reference, 1), (smooth, 0))
    )
    np.testing.assert_array_equal(first, again)
    assert np.abs(first - seed).mean() > 0.3
    assert np.abs(first - other).mean() > 0.3


@pytest.mark.parametrize("size", [5, 8, 16])
def test_tiled_equals_untiled(network, image, size):
    upscaler = Upscaler(network, device="cpu", precision="float32")
    pixels = image.astype(np.float32) / 255
    whole = run(upscaler, request(pixels, tiles=TileSpec(64), count=1)).sr
    tiled = run(upscaler, request(pixels, tiles=TileSpec(size), count=1)).sr
    np.testing.assert_allclose(tiled, whole, atol=1e-5)


def test_tiled_equals_untiled_in_bfloat16(network, image):
    upscaler = Upscaler(network, device="cpu", precision="bfloat16")
    pixels = image.astype(np.float32) / 255
    whole, tiled = (run(upscaler, request(pixels, tiles=TileSpec(size), count=1)).sr for size in (64, 8))
    np.testing.assert_allclose(tiled, whole, atol=2 / 255)


def test_tiled_equals_untiled_for_a_network_whose_cells_span_two_pixels(rng):
    torch.manual_seed(0)
    paper = build_model(PaperConfig(scale=4)).eval()
    upscaler = Upscaler(paper, device="cpu", precision="float32")
    pixels = rng.random((41, 33, 3), dtype=np.float32)
    whole, tiled = (
        run(upscaler, request(pixels, tiles=TileSpec(size), count=1, consistency=None)).sr for size in (64, 11)
    )
    np.testing.assert_allclose(tiled, whole, atol=1e-5 * max(1, np.abs(whole).max()))


def test_every_sample_gives_the_input_back(upscaler, image):
    result = run(upscaler, request(image // 2 + 64, count=3))
    assert min(result.lr_psnr) >= 50
    loose = run(upscaler, request(image // 2 + 64, count=3, consistency=None))
    assert max(loose.lr_psnr) < min(result.lr_psnr)


@pytest.mark.parametrize("shape", [(1, 1, 3), (1, 17, 3), (9, 1), (5, 6), (4, 4, 4), (4, 4, 1)])
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.float32])
def test_output_has_the_inputs_kind_and_dtype(upscaler, rng, shape, dtype):
    image = rng.random(shape) if dtype == np.float32 else rng.integers(0, np.iinfo(dtype).max, shape)
    image = image.astype(dtype)
    result = run(upscaler, request(image, count=1))
    assert result.sr.dtype == dtype
    assert result.sr.shape == (1, 8 * shape[0], 8 * shape[1], *shape[2:])
    assert result.bicubic.shape == result.sr.shape[1:]


def test_progress_counts_up_to_the_total_and_may_be_abandoned(upscaler, image):
    steps = upscaler.steps(request(image, tiles=TileSpec(12), count=2))
    seen = [step for step in steps if isinstance(step, Progress)]
    assert [progress.done for progress in seen] == list(range(seen[-1].total + 1))
    first, each = ["interpolate"] * 2 + ["encode"] * 6, ["decode"] * 6 + ["project"]
    assert [progress.stage for progress in seen] == first + each * 2
    assert [progress.tile for progress in seen] == [None, None, *range(6), *[*range(6), None] * 2]
    assert [progress.sample for progress in seen] == [None] * 8 + [0] * 7 + [1] * 7
    assert {(progress.samples, progress.tiles) for progress in seen} == {(2, 6)}
    abandoned = upscaler.steps(request(image, count=2))
    next(abandoned)
    abandoned.close()


def test_each_sample_comes_once_it_is_stored_and_the_result_holds_the_same(upscaler, image):
    steps = upscaler.steps(request(image, SelfReference(), PriorReference(), count=2, seed=4))
    finished, copies, last = [], [], None
    while True:
        try:
            step = next(steps)
        except StopIteration as stop:
            result = stop.value
            break
        if isinstance(step, FinishedSample):
            assert (last.stage, last.sample) == ("decode", step.index)
            finished.append(step)
            copies.append(step.sr.copy())
        last = step
    assert [sample.index for sample in finished] == [0, 1, 2, 3]
    assert tuple(sample.reference for sample in finished) == result.references == ("self", "self", "none", "none")
    assert tuple(sample.seed for sample in finished) == result.seeds
    assert tuple(sample.lr_psnr for sample in finished) == result.lr_psnr
    np.testing.assert_array_equal(copies, result.sr)
    assert all(np.shares_memory(sample.sr, result.sr) for sample in finished)


def test_residual_mean_and_spread(upscaler, image):
    result = run(upscaler, request(image, count=3))
    np.testing.assert_allclose(result.mean, result.sr.mean(axis=0), rtol=1e-5)
    np.testing.assert_allclose(result.std, result.sr.std(axis=0), rtol=1e-4, atol=1e-4)
    np.testing.assert_allclose(result.residual("mean").sum(axis=0), 0, atol=1e-3)
    np.testing.assert_array_equal(result.residual(), result.sr.astype(np.float32) - result.bicubic)
    truth = np.zeros_like(result.bicubic)
    np.testing.assert_array_equal(result.residual(truth), result.sr.astype(np.float32))
    with pytest.raises(InvalidInputError, match=r"shape \(168, 208, 3\)"):
        result.residual(truth[1:])
    with pytest.raises(InvalidInputError, match="'bicubic', 'mean' or an image"):
        result.residual("truth")


def test_two_upscalers_share_nothing_and_leave_the_network_alone(network, image):
    first = Upscaler(network, device="cpu", precision="float32")
    before = run(first, request(image, count=1)).sr
    second = Upscaler(network, device="cpu", precision="float32")
    torch.nn.init.zeros_(second.model.last.weight)
    np.testing.assert_array_equal(run(first, request(image, count=1)).sr, before)
    assert all(parameter.requires_grad for parameter in network.parameters())


class Failing:
    """Stands before a network and, after so many calls, fails in ``decode`` for inputs of more than so many pixels."""

    def __init__(self, network, limit, error, after=0):
        self.__dict__.update(network=network, limit=limit, error=error, after=after, calls=0)

    def __getattr__(self, name):
        return getattr(self.network, name)

    def decode(self, features, latent, part=None):
        self.__dict__["calls"] += 1
        if self.calls > self.after and latent.shape[-1] * latent.shape[-2] > self.limit:
            raise self.error
        return self.network.decode(features, latent, part)


def with_failure(network, limit, error, after=0):
    upscaler = Upscaler(network, device="cpu", precision="float32")
    upscaler.model = Failing(upscaler.model, limit, error, after)
    return upscaler


NO_MEMORY = RuntimeError("[enforce fail] DefaultCPUAllocator: can't allocate memory: you tried to allocate 1 bytes")


def test_out_of_memory_halves_the_tiles_and_changes_nothing_else(network, rng):
    image = rng.integers(0, 256, (64, 80, 3), dtype=np.uint8)
    whole = run(Upscaler(network, device="cpu", precision="float32"), request(image, count=1))
    limit = (40 + 2 * network.halo) * (40 + 2 * network.halo)
    result = run(with_failure(network, limit, NO_MEMORY), request(image, count=1))
    assert result.provenance["tile"]["size"] == 40
    assert np.abs(result.sr.astype(int) - whole.sr).max() <= 1


def test_what_is_finished_survives_running_out_of_memory(network, rng):
    image = rng.integers(0, 256, (40, 40, 3), dtype=np.uint8)
    failing = with_failure(network, limit=39 * 39, error=NO_MEMORY, after=2)
    steps = list(failing.steps(request(image, count=4, tiles=TileSpec(40))))
    finished = [step for step in steps if isinstance(step, FinishedSample)]
    assert [sample.index for sample in finished] == [0, 1, 2, 3]
    decoded = [(step.sample, step.tiles) for step in steps if isinstance(step, Progress) and step.stage == "decode"]
    assert decoded == [(0, 1), (1, 1), *[(2, 4)] * 4, *[(3, 4)] * 4]
    assert failing.model.calls == 2 + 1 + 8
    last = steps[-1]
    assert last.done == last.total == 1 + 4 + 4 * 5
    whole = run(Upscaler(network, device="cpu", precision="float32"), request(image, count=4)).sr
    for sample in finished:
        assert np.abs(sample.sr.astype(int) - whole[sample.index]).max() <= 1


def test_out_of_memory_with_the_smallest_tile_is_said(network, image):
    with pytest.raises(OutOfMemoryError, match="ran out of memory even with tiles"):
        run(with_failure(network, 0, NO_MEMORY), request(image))


def test_a_failing_device_is_no_runtime_error(network, image):
    with pytest.raises(DeviceError, match=r"cpu failed .an error of the device.; report this"):
        run(with_failure(network, 0, RuntimeError("an error of the device")), request(image))


def test_weights_that_give_nan_are_said(image):
    model = build_model(CompactConfig(width=8, trunk_blocks=1, decoder_blocks=1, tail_widths=(8, 8, 8)))
    torch.nn.init.constant_(model.last.bias, torch.nan)
    with pytest.raises(ModelError, match="not finite"):
        run(Upscaler(model, device="cpu", precision="float32"), request(image))
