"""The self-ensemble: a mean that no longer depends on how the image was held."""

import itertools

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from napari_refvae.engine.frame import plan_frame
from napari_refvae.engine.placed import PlacedModel
from napari_refvae.engine.symmetry import IDENTITY, SYMMETRIES, choose_symmetries
from napari_refvae.engine.upscaler import drain
from napari_refvae.imageio.pixels import normalize
from napari_refvae.model.checkpoint import build_model
from napari_refvae.model.config import PaperConfig
from napari_refvae.model.doors import LatentLayout
from napari_refvae.regions import Region, TileSpec
from napari_refvae.spec import Progress, SampleSpec, SelfReference, SuperResolutionRequest

FAITHFUL = SampleSpec(count=1, temperature=0, vividness=0)
OURS, PAPERS = LatentLayout(code=5, noise=3, vividness=True), LatentLayout(code=5, noise=0, vividness=False)


@pytest.fixture(scope="module")
def pixels():
    return np.random.default_rng(0).uniform(0.3, 0.7, (17, 22, 3)).astype(np.float32)


@pytest.fixture
def make(upscaler):
    def run(pixels, samples=FAITHFUL, **settings):
        return drain(upscaler.steps(SuperResolutionRequest(normalize(pixels), samples=samples, **settings)))

    return run


@pytest.fixture(scope="module")
def paper():
    """Whose cells span two pixels."""
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return PlacedModel(build_model(PaperConfig(scale=4)).eval(), device="cpu", precision="float32")


def laid(symmetry, image):
    """An image ``(h, w, C)``, laid another way."""
    return symmetry.applied(torch.from_numpy(image).permute(2, 0, 1)).permute(1, 2, 0).numpy().copy()


def mean_detail(placed, pixels, latent, tiles=64, symmetries=SYMMETRIES):
    """Of a whole image."""
    image = normalize(pixels)
    frame = plan_frame(image.size, None, None)
    detail = placed.canvas(frame.window)
    for tile in placed.plan(frame, TileSpec(tiles)):
        known = placed.encode_tile(image, tile)
        assert [*placed.decode_tile(image, known, latent, tile, frame.window, detail, symmetries)] == [
            *range(len(symmetries))
        ]
    return detail


@pytest.mark.parametrize("symmetry", SYMMETRIES, ids=str)
def test_a_region_goes_where_its_pixels_go(symmetry):
    image, region = torch.arange(35).reshape(5, 7), Region(1, 2, 3, 4)
    moved = symmetry.moved(region, (5, 7))
    assert torch.equal(symmetry.applied(image)[moved.slices], symmetry.applied(image[region.slices]))


@given(height=st.integers(1, 5), width=st.integers(1, 5))
def test_there_are_eight_symmetries_and_each_can_be_undone(height, width):
    x = torch.arange(2 * height * width).reshape(2, height, width)
    for symmetry in SYMMETRIES:
        assert torch.equal(symmetry.undone(symmetry.applied(x)), x)
    square = torch.arange(4).reshape(2, 2)
    assert len({tuple(symmetry.applied(square).flatten().tolist()) for symmetry in SYMMETRIES}) == 8
    assert SYMMETRIES[0] == IDENTITY
    assert torch.equal(IDENTITY.applied(x), x)


@pytest.mark.parametrize("symmetry", SYMMETRIES[1:], ids=str)
def test_the_faithful_answer_turns_with_the_image(make, pixels, symmetry):
    upright, turned = make(pixels).sr[0], make(laid(symmetry, pixels)).sr[0]
    np.testing.assert_allclose(turned, laid(symmetry, upright), atol=1e-5)
    alone, other = (
        make(pixels, self_ensemble=False).sr[0],
        make(laid(symmetry, pixels), self_ensemble=False).sr[0],
    )
    assert np.abs(other - laid(symmetry, alone)).max() > 1e-3


@pytest.mark.parametrize("vividness", [0.0, 1.0])
def test_the_mean_turns_with_image_and_latent_map_whatever_they_hold(upscaler, pixels, vividness):
    layout, generator = upscaler.model.layout, torch.Generator().manual_seed(3)
    code, noise = (torch.randn(1, n, *size, generator=generator) for n, size in ((layout.code, ()), (4, (17, 22))))
    latent = upscaler.model.lift(code, noise, torch.full((1,), vividness))
    upright = mean_detail(upscaler, pixels, latent)
    for symmetry in SYMMETRIES[1:]:
        turned = mean_detail(upscaler, laid(symmetry, pixels), symmetry.applied(latent))
        torch.testing.assert_close(turned, symmetry.applied(upright), atol=1e-5, rtol=0)


def test_it_is_the_mean_of_what_the_network_says_of_each(upscaler, pixels):
    latent = torch.randn(1, 8 + 4 + 1, 17, 22, generator=torch.Generator().manual_seed(1))
    lr = torch.from_numpy(pixels).permute(2, 0, 1)[None]
    with torch.no_grad():
        each = [
            symmetry.undone(
                upscaler.model.decode(upscaler.model.encode(symmetry.applied(lr)), symmetry.applied(latent))
            )
            for symmetry in SYMMETRIES
        ]
    torch.testing.assert_close(mean_detail(upscaler, pixels, latent), torch.stack(each).mean(0), atol=1e-5, rtol=0)
    alone = mean_detail(upscaler, pixels, latent, symmetries=[IDENTITY])
    torch.testing.assert_close(alone, each[0], atol=1e-5, rtol=0)


@pytest.mark.parametrize("size", [5, 9])
def test_tiled_equals_untiled(make, pixels, size):
    whole, tiled = (make(pixels, tiles=TileSpec(tiles)).sr for tiles in (64, size))
    np.testing.assert_allclose(tiled, whole, atol=1e-5)


def test_tiled_equals_untiled_for_a_network_whose_cells_span_two_pixels(paper):
    """Of a flipped image with an odd side the cells begin at the other end."""
    pixels = np.random.default_rng(1).random((5, 35, 3), dtype=np.float32)
    latent = torch.randn(1, 64, 5, 35, generator=torch.Generator().manual_seed(1))
    half_turn = [IDENTITY, SYMMETRIES[2]]
    whole, tiled = (mean_detail(paper, pixels, latent, tiles, half_turn) for tiles in (64, 5))
    torch.testing.assert_close(tiled, whole, rtol=0, atol=1e-5 * float(whole.abs().max()))


@pytest.mark.parametrize("settings", [{"region": Region(3, 4, 5, 6)}, {"scale": 2}, {"scale": 4}], ids=str)
def test_regions_and_smaller_scales_turn_too(make, pixels, settings):
    made = make(pixels, **settings)
    flip = SYMMETRIES[4]
    region = settings.get("region")
    mirrored = region and Region(region.y, 22 - region.x - region.width, region.height, region.width)
    other = make(laid(flip, pixels), **{**settings, "region": mirrored})
    np.testing.assert_allclose(other.sr[0], laid(flip, made.sr[0]), atol=2e-5)


@pytest.mark.parametrize(
    ("layout", "asked", "vividness", "temperature", "passes"),
    [
        (OURS, "auto", 0, 1, 8),
        (OURS, "auto", 0, 0, 8),
        (OURS, "auto", 0.1, 0, 1),
        (OURS, "auto", 1, 1, 1),
        (OURS, False, 0, 0, 1),
        (OURS, True, 1, 1, 8),
        (PAPERS, "auto", 0, 1, 1),
        (PAPERS, "auto", 0, 0, 8),
        (PAPERS, "auto", 1, 0, 1),
    ],
)
def test_auto_is_for_what_is_to_be_faithful(layout, asked, vividness, temperature, passes):
    spec = SampleSpec(temperature=temperature, vividness=vividness)
    assert len(choose_symmetries(asked, spec, layout)) == passes


@pytest.mark.parametrize(("asked", "own", "faithful"), [("auto", 1, 8), (True, 8, 8), (False, 1, 1)])
def test_every_pass_is_a_step_and_the_record_tells(upscaler, pixels, asked, own, faithful):
    tiles, samples = TileSpec(11), SampleSpec(count=2)
    steps = upscaler.steps(
        SuperResolutionRequest(normalize(pixels), samples=samples, tiles=tiles, faithful=True, self_ensemble=asked)
    )
    seen, result = [], None
    while result is None:
        try:
            seen.append(next(steps))
        except StopIteration as stop:
            result = stop.value
    said = [step for step in seen if isinstance(step, Progress)]
    assert [step.done for step in said] == list(range(said[-1].total + 1))
    decoded = [step.sample for step in said if step.stage == "decode"]
    assert decoded == [0] * 4 * own + [1] * 4 * own + [None] * 4 * faithful
    assert result.provenance["self_ensemble"] == {"samples": own == 8, "faithful": faithful == 8}


def test_it_stays_deterministic_and_heeds_reference_and_noise(make, pixels):
    given_ = {"references": (SelfReference(),), "self_ensemble": True}
    first, again = (make(pixels, SampleSpec(count=2), **given_).sr for _ in range(2))
    np.testing.assert_array_equal(first, again)
    np.testing.assert_array_equal(make(pixels, SampleSpec(count=1, seed=1), **given_).sr[0], first[1])
    others = (first[1], make(pixels, SampleSpec(count=1), self_ensemble=True).sr[0])
    assert all(np.abs(first[0] - other).max() > 1e-3 for other in others)


def test_it_gives_the_input_back(make):
    image = np.random.default_rng(0).integers(64, 192, (12, 9, 3), dtype=np.uint8)
    made = make(image, faithful=True)
    assert min(made.lr_psnr) >= 50
    np.testing.assert_array_equal(made.faithful, made.sr[0])


@pytest.mark.parametrize("cuts", [*itertools.product((3, 4), (5, 7))])
def test_tiles_begin_and_end_on_whole_cells_from_both_ends(paper, cuts):
    height, width = 11 + cuts[0], 13 + cuts[1]
    frame = plan_frame((height, width), Region(1, 1, *cuts), None)
    for tile in paper.plan(frame, TileSpec(3, 2)):
        read = tile.read
        assert (read.y % 2, read.x % 2, (height - read.y - read.height) % 2, (width - read.x - read.width) % 2) == (
            0,
        ) * 4
