import numpy as np
import pytest
import torch
from PIL import Image
from torch.nn import functional

from napari_refvae.model.checkpoint import build_model
from napari_refvae.model.config import PaperConfig
from napari_refvae.model.paper import PaperRefVAE
from napari_refvae.resampling import upsample


def lift(model, codes, size):
    return model.lift(codes, torch.zeros(len(codes), 0, *size), torch.ones(len(codes)))


@pytest.mark.parametrize("scale", [8, 4])
def test_it_has_the_parameters_of_the_paper(scale):
    with torch.device("meta"):
        model = build_model(PaperConfig(scale))
    assert isinstance(model, PaperRefVAE)
    vgg = sum(parameter.numel() for parameter in model.vgg.parameters())
    total = sum(parameter.numel() for parameter in model.parameters())
    assert (round((total - vgg) / 1e6, 2), round(vgg / 1e6, 2)) == (33.92, 3.51)


def test_the_feature_extractor_is_frozen(paper_models):
    with torch.device("meta"):
        model = build_model(PaperConfig(8))
    frozen = {name.split(".")[0] for name, parameter in model.named_parameters() if not parameter.requires_grad}
    assert frozen == {"vgg"}


@pytest.mark.parametrize("scale", [8, 4])
@pytest.mark.parametrize("size", [(1, 1), (1, 6), (5, 2), (3, 7)])
def test_every_size_gives_exactly_scale_times_it(paper_models, scale, size):
    model = paper_models[scale]
    features = model.encode(torch.rand(1, 3, *size))
    latent = lift(model, torch.randn(2, 256), size)
    assert features.shape == (1, 1024 + 3 * scale**2, *size)
    assert latent.shape == (2, 64, *size)
    detail = model.decode(features, latent)
    assert detail.shape == (2, 3, scale * size[0], scale * size[1])
    assert torch.isfinite(detail).all()


def test_at_8x_the_latent_map_is_the_papers(paper_models):
    model = paper_models[8]
    code = torch.randn(1, 256)
    small = model.feature_decoder.linear(code).reshape(1, 64, 16, 16)
    expected = functional.interpolate(small, size=(5, 23), mode="bilinear")
    assert torch.equal(lift(model, code, (5, 23)), expected)


def test_at_4x_a_latent_map_is_constant_on_cells_and_an_odd_side_ends_in_half_a_cell(paper_models):
    model = paper_models[4]
    code = torch.randn(1, 256)
    small = model.feature_decoder.linear(code).reshape(1, 64, 16, 16)
    cells = functional.interpolate(small, size=(3, 4), mode="bilinear")
    latent = lift(model, code, (5, 8))
    for y in range(5):
        for x in range(8):
            assert torch.equal(latent[..., y, x], cells[..., y // 2, x // 2])


def test_at_4x_an_odd_image_is_continued_by_its_last_pixels(paper_models):
    model = paper_models[4]
    lr, code = torch.rand(1, 3, 5, 7), torch.randn(1, 256)
    whole = functional.pad(lr, (0, 1, 0, 1), mode="replicate")

    def beyond_bicubic(image):
        latent = lift(model, code, image.shape[-2:])
        sr = upsample(image, 4) + model.decode(model.encode(image), latent)
        return sr - functional.interpolate(image, scale_factor=4, mode="bicubic")

    torch.testing.assert_close(beyond_bicubic(lr), beyond_bicubic(whole)[..., :20, :28], atol=1e-5, rtol=0)


@pytest.mark.parametrize("scale", [8, 4])
def test_samples_of_a_batch_are_those_made_alone(paper_models, scale):
    model = paper_models[scale]
    features = model.encode(torch.rand(1, 3, 4, 3))
    latents = lift(model, torch.randn(2, 256), (4, 3))
    together = model.decode(features, latents)
    alone = torch.cat([model.decode(features, latent[None]) for latent in latents])
    torch.testing.assert_close(together, alone, atol=1e-5, rtol=0)
    assert (together[0] - together[1]).abs().max() > 1e-4


@pytest.mark.parametrize("size", [(256, 256), (300, 411), (40, 90), (1, 1)])
def test_references_are_resized_as_the_authors_did(paper_models, monkeypatch, size):
    pixels = np.random.default_rng(0).integers(0, 256, (*size, 3), dtype=np.uint8)
    pillow = np.asarray(Image.fromarray(pixels).resize((256, 256), Image.Resampling.BILINEAR)) / np.float32(255)
    model, seen = paper_models[8], []
    monkeypatch.setattr(model.vgg, "forward", lambda image: seen.append(image) or torch.zeros(1, 512, 32, 32))
    found = model.posterior(torch.tensor(pixels / np.float32(255)).permute(2, 0, 1)[None])
    assert found.mean.shape == found.log_variance.shape == (1, 256)
    assert np.abs(seen[0][0].permute(1, 2, 0).numpy() - pillow).max() <= 1.01 / 255


def test_the_posterior_depends_on_the_reference(paper_models):
    one, other = (paper_models[8].posterior(torch.rand(1, 3, 64, 80) ** power) for power in (1, 3))
    assert not torch.equal(one.mean, other.mean)


@pytest.mark.parametrize(
    ("scale", "width", "column", "expected"), [(8, 33, 16, (14, 14)), (4, 58, 28, (25, 26)), (4, 58, 29, (26, 25))]
)
def test_the_halo_is_the_reach(paper_models, reach, scale, width, column, expected):
    model = paper_models[scale]
    left, right, latent_left, latent_right = reach(model, width, column)
    assert (left, right) == expected
    assert max(expected) <= model.halo
    assert max(latent_left, latent_right) <= model.halo


@pytest.mark.parametrize(
    ("scale", "length", "cuts"), [(8, 40, (18, 21)), (4, 63, (30,)), (4, 64, (29, 33))], ids=["8x", "4x", "4x odd cuts"]
)
@pytest.mark.parametrize("axis", [-2, -1])
def test_tiled_equals_untiled(paper_models, tiled, scale, length, cuts, axis):
    model = paper_models[scale]
    lr = torch.rand(1, 3, 2, length)
    latent = lift(model, torch.randn(1, 256), (2, length))
    if axis == -2:
        lr, latent = lr.mT.contiguous(), latent.mT.contiguous()
    whole = model.decode(model.encode(lr), latent)
    torch.testing.assert_close(tiled(model, lr, latent, cuts, axis), whole, atol=1e-5, rtol=0)


@pytest.mark.parametrize("scale", [8, 4])
def test_the_bicubic_correction_stays_exact_in_bfloat16(paper_models, scale):
    model, lr = paper_models[scale], torch.rand(1, 3, 4, 4)
    with torch.autocast("cpu", torch.bfloat16):
        features = model.encode(lr)
    difference = functional.pixel_shuffle(features[:, 1024:], scale)
    theirs = functional.interpolate(lr, scale_factor=scale, mode="bicubic")
    torch.testing.assert_close(upsample(lr, scale) + difference, theirs, atol=1e-6, rtol=0)
