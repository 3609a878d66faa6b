import torch

from napari_refvae.model.discriminator import PatchDiscriminator


def test_a_logit_stands_for_a_patch_of_70_pixels_every_8():
    judge = PatchDiscriminator(width=4).eval()
    image = torch.rand(1, 3, 160, 160, generator=torch.Generator().manual_seed(0)).requires_grad_()
    logits = judge(image)
    assert logits.shape == (1, 1, 18, 18)
    logits[0, 0, 9, 9].backward()
    rows = image.grad.abs().sum(dim=(0, 1, 3)).nonzero().flatten()
    assert int(rows[-1] - rows[0]) + 1 == 70
