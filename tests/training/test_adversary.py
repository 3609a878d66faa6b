import pytest
import torch

from napari_refvae.training.adversary import Adversary, PatchHeads, PixelJudge
from napari_refvae.training.perception import Seen

pytest.importorskip("lightning")


@pytest.fixture(scope="module")
def fabric():
    from lightning.fabric import Fabric

    return Fabric(accelerator="cpu", devices=1, precision="32-true")


def pictures(count, contrast, seed):
    noise = torch.rand(count, 3, 48, 48, generator=torch.Generator().manual_seed(seed))
    return 0.5 + contrast * (noise - 0.5)


@pytest.mark.parametrize("game", ["hinge", "minimax"])
@pytest.mark.parametrize("judge", ["heads", "pixels"])
def test_it_learns_to_tell_flat_samples_from_originals(fabric, judge, game):
    torch.manual_seed(0)
    pixels = judge == "pixels"
    adversary = Adversary(PixelJudge(8) if pixels else PatchHeads([3, 3], 8), fabric, game)
    flat, real = pictures(4, 0.1, 0), pictures(2, 1.0, 1)
    layers = 1 if pixels else 2
    seen = Seen([flat] * layers, [real] * layers, [], [] if pixels else [0 * real] * layers)
    level = torch.ones(2)
    first = float(adversary.step(seen, 2e-3)["discriminator"])
    before = float(adversary.generator_term(seen, level).detach())
    for _ in range(30):
        last = float(adversary.step(seen, 2e-3)["discriminator"])
    assert last < 0.9 * first
    assert float(adversary.generator_term(seen, level).detach()) > before
    assert adversary.generator_term(seen, torch.zeros(2)) == 0


def test_the_generators_term_leaves_the_judge_alone(fabric):
    adversary = Adversary(PixelJudge(8), fabric)
    samples = pictures(2, 0.1, 0).requires_grad_()
    seen = Seen([samples], [pictures(2, 1.0, 1)], [], [])
    adversary.generator_term(seen, torch.ones(2)).backward()
    assert samples.grad.abs().sum() > 0
    assert all(parameter.grad is None for parameter in adversary.heads.parameters())
    assert all(parameter.requires_grad for parameter in adversary.heads.parameters())
