"""Parts make the whole."""

import pytest
import torch

from napari_refvae.model import compact, paper
from napari_refvae.model.checkpoint import build_model


def details(model, size):
    layout, generator = model.layout, torch.Generator().manual_seed(0)
    noise = torch.randn(2, layout.noise, *size, generator=generator)
    latent = model.lift(torch.randn(2, layout.code, generator=generator), noise, torch.ones(2))
    with torch.no_grad():
        return model.decode(model.encode(torch.rand(1, 3, *size, generator=generator)), latent)


@pytest.mark.parametrize("size", [(13, 4), (4, 13), (9, 10)])
def test_our_network_enlarges_in_parts_what_it_enlarges_at_once(small_config, monkeypatch, size):
    model = build_model(small_config).eval()
    torch.nn.init.normal_(model.last.weight)
    whole = details(model, size)
    monkeypatch.setattr(compact, "LARGEST_PART", 4)
    torch.testing.assert_close(details(model, size), whole, rtol=0, atol=1e-5)


@pytest.mark.parametrize(("scale", "size"), [(8, (5, 4)), (4, (9, 4))])
def test_the_papers_too(paper_models, monkeypatch, scale, size):
    whole = details(paper_models[scale], size)
    monkeypatch.setattr(paper, "LARGEST_PART", 3)
    torch.testing.assert_close(details(paper_models[scale], size), whole, rtol=0, atol=1e-5)


def test_memory_is_said_to_grow_with_the_image_and_slower_than_that_of_parts(small_config, paper_models):
    for model in (build_model(small_config), *paper_models.values()):
        few, many = (model.decode_bytes(pixels) for pixels in (100, 10**7))
        assert 0 < few < many < 10**7 * model.bytes_per_pixel
