"""Strips make the whole, and a part is what it is in the whole."""

import pytest
import torch
from torch.nn import functional

from napari_refvae.model import compact, paper, parts, vgg
from napari_refvae.model.checkpoint import build_model
from napari_refvae.regions import Region

CLOSE = {"rtol": 0, "atol": 1e-5}


@pytest.fixture
def ours(small_config):
    model = build_model(small_config).eval().requires_grad_(False)
    torch.nn.init.normal_(model.last.weight)
    return model


def sources(model, size):
    layout, generator = model.layout, torch.Generator().manual_seed(0)
    noise = torch.randn(2, layout.noise, *size, generator=generator)
    latent = model.lift(torch.randn(2, layout.code, generator=generator), noise, torch.ones(2))
    with torch.no_grad():
        return model.encode(torch.rand(1, 3, *size, generator=generator)), latent


@pytest.fixture
def thin(monkeypatch):
    """Strips as thin as they may be, or thinner."""

    def cut(rows):
        for module in (compact, paper, vgg):
            monkeypatch.setattr(module, "STRIP_BYTES", 1)
        for module in (compact, paper):
            monkeypatch.setattr(module, "GRID_BYTES", 1)
        monkeypatch.setattr(parts, "FEWEST_ROWS", rows)

    return cut


@pytest.mark.parametrize("size", [(13, 4), (4, 13), (9, 10)])
def test_our_network_enlarges_in_strips_what_it_enlarges_at_once(ours, thin, size):
    features, latent = sources(ours, size)
    whole = ours.decode(features, latent)
    thin(3)
    torch.testing.assert_close(ours.decode(features, latent), whole, **CLOSE)


@pytest.mark.parametrize(("scale", "size"), [(8, (5, 4)), (4, (9, 4))])
def test_the_papers_too_and_so_it_encodes(paper_models, thin, scale, size):
    model = paper_models[scale]
    features, latent = sources(model, size)
    whole = model.decode(features, latent)
    thin(2)
    again, _ = sources(model, size)
    torch.testing.assert_close(again, features, **CLOSE)
    torch.testing.assert_close(model.decode(again, latent), whole, **CLOSE)


@pytest.mark.parametrize("part", [Region(20, 3, 2, 2), Region(0, 0, 1, 5), Region(33, 4, 3, 1), Region(0, 0, 36, 5)])
def test_a_part_is_decoded_as_in_the_whole(ours, part):
    features, latent = sources(ours, (36, 5))
    whole, alone = ours.decode(features, latent), ours.decode(features, latent, part)
    torch.testing.assert_close(alone, whole[..., *part.scaled(8).slices], **CLOSE)


@pytest.mark.parametrize(
    ("scale", "part"), [(8, Region(5, 0, 1, 2)), (4, Region(9, 1, 3, 1)), (4, Region(12, 0, 1, 2))]
)
def test_and_by_the_papers_network(paper_models, scale, part):
    model = paper_models[scale]
    features, latent = sources(model, (13, 2))
    whole, alone = model.decode(features, latent), model.decode(features, latent, part)
    torch.testing.assert_close(alone, whole[..., *part.scaled(scale).slices], **CLOSE)


@pytest.mark.parametrize("height", [7, 8, 20, 21])
def test_strips_may_become_coarser_too(height):
    image = torch.rand(2, 3, height, 5)

    def blurred(x):
        return functional.max_pool2d(functional.avg_pool2d(x, 3, stride=1, padding=1, count_include_pad=False), 2)

    found = parts.in_strips(blurred, image, rows=6, reach=2, step=2)
    assert torch.equal(found, blurred(image))


def test_less_is_computed_for_a_part(ours, monkeypatch):
    seen = []
    monkeypatch.setattr(
        ours, "_enlarge", lambda x: seen.append(x.shape) or x.new_zeros(2, 3, *(8 * n for n in x.shape[-2:]))
    )
    ours.decode(*sources(ours, (40, 40)), Region(18, 18, 4, 4))
    assert seen == [(2, 8, 4 + 2 * 4, 4 + 2 * 4)]


def test_memory_is_said_to_grow_with_the_image(ours, paper_models):
    for model in (ours, *paper_models.values()):
        few, many = (model.decode_bytes(pixels) for pixels in (100, 10**7))
        assert 0 < few < many
