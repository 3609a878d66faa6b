"""The diagonal Gaussian that a posterior is."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

__all__ = ["DiagonalGaussian"]


class DiagonalGaussian(NamedTuple):
    """``N(mean, diag(exp(log_variance)))`` over any shape whose first axis is the batch."""

    mean: Tensor
    log_variance: Tensor

    @property
    def std(self) -> Tensor:
        """Standard deviation, of the mean's shape."""
        return torch.exp(0.5 * self.log_variance)

    def sample(self, noise: Tensor, temperature: float = 1.0) -> Tensor:
        """``z = mu + temperature * eps * sigma`` for given standard normal ``noise`` (paper, section 3.2)."""
        return self.mean + temperature * noise * self.std

    def kl(self) -> Tensor:
        """KL divergence from N(0, I) per element: equation 4 without its slip, not yet summed."""
        return 0.5 * (self.log_variance.exp() + self.mean.square() - 1 - self.log_variance)

    def toward_prior(self, strength: float) -> DiagonalGaussian:
        """Between the prior N(0, I) (strength 0) and this one (strength 1): mean and std in proportion."""
        std = strength * self.std + (1 - strength)
        return DiagonalGaussian(strength * self.mean, 2 * std.log())
