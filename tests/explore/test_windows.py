"""A part of an image is made from that part alone, and comes out the same."""

import numpy as np
import pytest
import torch

from napari_refvae.explore import Composition, Draw, Mix, Painting, Session, Variation, latents, recording
from napari_refvae.explore.masks import softened
from napari_refvae.regions import Region

SIZE = (120, 140)


@pytest.fixture(scope="module")
def plane():
    """Labels in stripes and patches, so that each region has borders near it, and one pixel is alone."""
    plane = np.zeros(SIZE, int)
    plane[20:60, 30:80] = 1
    plane[:, 90:] = 2
    plane[70, 12] = 3
    return plane


@pytest.fixture(scope="module")
def recipes(plane):
    one, two = Draw(Mix.of(0), seed=1), Draw(Mix((0.4, 0.3)), seed=2, temperature=0.8)
    painting = Painting(plane, {1: Mix.of(0), 2: Mix((0.5, 0.5)), 3: Mix.of(1)}, 1.5, base=two)
    locked = Variation(painting, seed=9, amount=0.4, locked=plane == 1)
    return [
        one,
        painting,
        Variation(one, seed=9, amount=0.4, locked=plane == 3),
        locked,
        Variation(locked, seed=4, amount=0.7, locked=plane == 2),
    ]


@pytest.fixture(scope="module")
def large(references, model):
    image = np.random.default_rng(0).integers(80, 170, (*SIZE, 3), dtype=np.uint8)
    return Session(image, references, model=model, device="cpu", precision="float32")


@pytest.mark.parametrize("corner", [(0, 0), (18, 28), (60, 0), (62, 84), (97, 110)])
def test_a_part_of_a_latent_map_is_the_crop_of_the_whole_bit_for_bit(large, recipes, corner):
    region = Region(*corner, 23, 30)
    for recipe in recipes:
        whole = large.latents.make(recipe)[..., *region.slices]
        assert torch.equal(large.latents.make(recipe, region), whole)
        assert torch.equal(large.latents.part(recipe, region)[..., *region.slices], whole)


@pytest.mark.parametrize("region", [(17, 25, 9, 8), (66, 8, 8, 9)])
def test_a_preview_is_that_of_the_whole_images_map_byte_for_byte(large, recipes, plane, region, monkeypatch):
    wanted = [*recipes, Composition(recipes[0], ((recipes[1], plane == 1), (recipes[2], plane == 3)), feather=2)]
    made = [large.decode(recipe, region, context=6).sr.tobytes() for recipe in wanted]
    make = latents.LatentMaker.make
    monkeypatch.setattr(latents.LatentMaker, "make", lambda self, one, part: make(self, one)[..., *part.slices])
    large._scenes.forget()
    assert [large.decode(recipe, region, context=6).sr.tobytes() for recipe in wanted] == made


def test_a_preview_looks_at_its_surroundings_alone(large, recipes, plane, monkeypatch):
    seen = []

    def spied(mask, softness):
        seen.append(mask.size)
        return softened(mask, softness)

    for place in ("latents", "blending"):
        monkeypatch.setattr(f"napari_refvae.explore.{place}.softened", spied)
    large._scenes.forget()
    large.decode(Composition(recipes[3], ((recipes[0], plane == 1),)), (17, 25, 9, 8), context=2)
    assert seen
    assert max(seen) < plane.size / 2


def test_what_a_recipe_says_is_hashed_once_and_not_deflated(recipes, monkeypatch):
    counted = []
    digest = recording.recipe_digest
    monkeypatch.setattr(recording, "recipe_digest", lambda recipe: counted.append(recipe) or digest(recipe))
    recipe = recipes[3].with_draw(seed=77)
    known = {recipe: 1}
    monkeypatch.setattr(recording, "_pack", None)  # nothing is deflated
    assert recipe in known
    assert known[recipe] == 1
    assert recipe == recipes[3].with_draw(seed=77)
    assert recipe != recipes[3]
    assert sum(one is recipe for one in counted) == 1
