import numpy as np
import pytest
from PIL import Image

from napari_refvae.errors import InvalidInputError, InvalidSpecError
from napari_refvae.explore import Session, suggest
from napari_refvae.explore.suggest import texture_statistics
from napari_refvae.metrics import low_resolution


@pytest.fixture(scope="module")
def photograph():
    """Smooth noise: rough enough at every scale, and the same everywhere."""
    noise = np.random.default_rng(0).normal(0, 1, (192, 384, 3))
    for axis in (0, 1):
        noise = sum(np.roll(noise, step, axis) for step in range(24))
    return np.clip(128 + noise * 40 / noise.std(), 0, 255).astype(np.uint8)


@pytest.fixture(scope="module")
def others():
    flat = np.full((120, 120, 3), (240, 20, 20), np.uint8)
    rough = np.random.default_rng(1).integers(0, 2, (20, 20, 3), dtype=np.uint8).repeat(8, 0).repeat(8, 1) * 255
    return {"flat": flat, "rough": rough}


def test_the_other_half_of_a_picture_fits_best(photograph, others, model, tmp_path):
    for name, image in {**others, "half": photograph[:, 192:]}.items():
        Image.fromarray(image).save(tmp_path / f"{name}.png")
    (tmp_path / "notes.txt").write_text("no image")
    session = Session(low_resolution(photograph[:, :192]), model=model, device="cpu")
    ranked = suggest(session, tmp_path)
    assert ranked[0].reference.name == "half"
    assert len(ranked) == 3
    assert [one.similarity for one in ranked] == sorted((one.similarity for one in ranked), reverse=True)
    assert all(0 < one.similarity <= 1 and one.effect >= 0 for one in ranked)
    effects = [one.effect for one in suggest(session, tmp_path, by="effect")]
    assert effects == sorted(effects, reverse=True)
    assert len(set(effects)) == 3


def test_an_image_is_like_itself_and_its_mirror(photograph):
    small = low_resolution(photograph).astype(np.float32) / 255
    np.testing.assert_allclose(texture_statistics(small), texture_statistics(small[:, ::-1]), atol=1e-5)


@pytest.mark.parametrize("shape", [(1, 1, 3), (1, 9, 3), (8, 3, 3)])
def test_small_images_have_statistics(shape):
    assert np.isfinite(texture_statistics(np.full(shape, 0.5, np.float32))).all()


def test_no_candidates(session, tmp_path):
    with pytest.raises(InvalidInputError, match="got none"):
        suggest(session, tmp_path)
    with pytest.raises(InvalidInputError, match="got none"):
        suggest(session, ["self", None])
    with pytest.raises(InvalidInputError, match="expected a folder"):
        suggest(session, tmp_path / "nothing")
    with pytest.raises(InvalidSpecError, match="'similarity' or 'effect'"):
        suggest(session, tmp_path, by="taste")
