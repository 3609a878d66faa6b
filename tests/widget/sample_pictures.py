"""What is super-resolved with a tiny network, and by what."""

from __future__ import annotations

import numpy as np

PHOTOGRAPH = np.random.default_rng(0).integers(0, 256, (12, 10, 3), np.uint8)
TEXTURE = np.random.default_rng(1).integers(0, 4096, (40, 30), np.uint16)
