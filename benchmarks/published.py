"""Figures that others published, to stand beside measured ones. All are for 8x.

Table 1 to 3: Liu, Siu and Wang, "Variational AutoEncoder for Reference based Image Super-Resolution", CVPRW 2021.
Challenge: Lugmayr et al., "NTIRE 2021 Learning the Super-Resolution Space Challenge", CVPRW 2021.
"""

from __future__ import annotations

from typing import NamedTuple


class Quality(NamedTuple):
    """Y-PSNR in dB, SSIM, LPIPS."""

    psnr: float
    ssim: float
    lpips: float


SETS = ("set5", "set14", "bsd100", "urban100", "div2k")

TABLE_1 = {
    "Bicubic": (
        (24.39, 0.657, 0.537),
        (23.19, 0.568, 0.630),
        (23.67, 0.547, 0.713),
        (21.24, 0.516, 0.686),
        (25.17, 0.664, 0.584),
    ),
    "SRNTT (HR)": ((24.69, 0.674, 0.492), (23.16, 0.564, 0.613), (23.63, 0.542, 0.687), None, None),
    "SRNTT (LR)": ((24.36, 0.655, 0.522), (23.16, 0.564, 0.613), (23.65, 0.543, 0.691), None, None),
    "SRFlow": (
        (24.18, 0.650, 0.237),
        (22.13, 0.513, 0.331),
        (22.96, 0.499, 0.425),
        (20.68, 0.531, 0.300),
        (24.53, 0.616, 0.272),
    ),
    "RefVAE (LR)": (
        (25.87, 0.723, 0.214),
        (24.15, 0.598, 0.323),
        (24.15, 0.558, 0.376),
        (21.74, 0.575, 0.334),
        (24.75, 0.641, 0.232),
    ),
    "RefVAE (HR)": (
        (25.92, 0.724, 0.218),
        (24.20, 0.601, 0.327),
        (24.18, 0.561, 0.386),
        (21.80, 0.575, 0.332),
        (24.94, 0.650, 0.201),
    ),
    "RefVAE (random)": (
        (25.94, 0.721, 0.224),
        (24.28, 0.601, 0.328),
        (24.25, 0.561, 0.384),
        (21.85, 0.576, 0.358),
        (25.00, 0.650, 0.202),
    ),
}
"""Method to figures on each of `SETS`; None where there are none."""

TABLE_2 = {
    "SRFlow": (24.46, 0.615, 0.328, 51.18, 0.996, 10.07),
    "RefVAE (references)": (24.89, 0.641, 0.308, 44.17, 0.997, 14.80),
    "RefVAE (random)": (24.91, 0.642, 0.321, 44.77, 0.997, 14.91),
}
"""On DIV2K: Y-PSNR, SSIM, LPIPS, LR-PSNR, LR-SSIM, S on LPIPS."""

CHALLENGE = {
    "challenge winner": (0.259, 48.6, 26.9),
    "SRFlow, challenge": (0.282, 47.7, 25.6),
    "RefVAE, challenge": (0.311, 42.3, 14.8),
}
"""On DIV2K: LPIPS, LR-PSNR, S on LPIPS. The paper's own LPIPS differs from table to table; these are independent."""

TABLE_3 = {
    (False, False, False): (25.23, 0.650, 0.412, 0.0),
    (True, False, False): (24.82, 0.641, 0.338, 12.326),
    (True, True, False): (24.84, 0.643, 0.400, 14.142),
    (True, True, True): (24.75, 0.640, 0.272, 14.992),
}
"""On DIV2K, by CVAE, style and content, discriminator: PSNR, SSIM, LPIPS, S on LPIPS. Components are added in turn."""

SPELLINGS = {"b100": "bsd100", "bsds100": "bsd100", "div2kvalidhr": "div2k", "div2kval": "div2k", "div2kvalid": "div2k"}


def table_1(folder: str) -> dict[str, Quality]:
    """Method to figures for the set that a folder is named after; nothing for other names."""
    plain = "".join(letter for letter in folder.lower() if letter.isalnum())
    name = SPELLINGS.get(plain, plain)
    if name not in SETS:
        return {}
    index = SETS.index(name)
    return {method: Quality(*row[index]) for method, row in TABLE_1.items() if row[index] is not None}
