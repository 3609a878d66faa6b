"""What describes a network: frozen configs, one a family, and the named presets."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from napari_refvae.errors import CheckpointError, InvalidSpecError

__all__ = ["PRESETS", "CompactConfig", "ModelConfig", "PaperConfig", "config_from_dict", "config_to_dict"]


@dataclass(frozen=True, slots=True)
class CompactConfig:
    """Our own network, at any width. All lengths are channels or numbers of blocks."""

    width: int = 64  # of the trunk and the modulated blocks
    trunk_blocks: int = 8  # encoder: once an image
    decoder_blocks: int = 6  # decoder: once a sample, each modulated by the latent map
    tail_widths: tuple[int, ...] = (64, 32, 16)  # after each PixelShuffle x2; their number sets the scale
    code: int = 32  # global code, set by the reference
    noise: int = 8  # spatial noise field on the LR grid
    reference_widths: tuple[int, ...] = (32, 64, 96, 128)  # reference encoder, halved in size after each

    def __post_init__(self) -> None:
        numbers = (self.width, self.trunk_blocks, self.decoder_blocks, self.code, self.noise)
        if min(numbers) < 1 or not self.tail_widths or not self.reference_widths:
            raise InvalidSpecError(f"every width and number of blocks must be at least 1; got {self}")

    @property
    def scale(self) -> int:
        """HR pixels per LR pixel and axis."""
        return int(2 ** len(self.tail_widths))


@dataclass(frozen=True, slots=True)
class PaperConfig:
    """The network of the paper, layer for layer. Only the scale varies: 8 or 4."""

    scale: int = 8

    def __post_init__(self) -> None:
        if self.scale not in (4, 8):
            raise InvalidSpecError(f"the paper's network exists for scale 4 and 8; got {self.scale}")


ModelConfig = CompactConfig | PaperConfig

FAMILIES: dict[str, type[CompactConfig] | type[PaperConfig]] = {"compact": CompactConfig, "paper": PaperConfig}

PRESETS: dict[str, ModelConfig] = {
    "compact": CompactConfig(),
    "full": CompactConfig(width=96, trunk_blocks=16, decoder_blocks=10, tail_widths=(96, 64, 32)),
    "paper": PaperConfig(scale=8),
    "paper-4x": PaperConfig(scale=4),
}
"""Name to architecture. ``full`` has the shape of ``compact`` and is wider and deeper."""


def config_to_dict(config: ModelConfig) -> dict[str, Any]:
    """Describe a config so that JSON can hold it; `config_from_dict` reads it back."""
    family = next(name for name, cls in FAMILIES.items() if type(config) is cls)
    return {"family": family, **asdict(config)}


def config_from_dict(values: dict[str, Any]) -> ModelConfig:
    """Read what `config_to_dict` wrote.

    Raises
    ------
    CheckpointError
        If the family or a field is unknown.
    """
    fields = dict(values)
    family = fields.pop("family", None)
    if family not in FAMILIES:
        raise CheckpointError(f"expected a network family among {sorted(FAMILIES)}; got {family!r}: update the package")
    fields = {key: tuple(value) if isinstance(value, list) else value for key, value in fields.items()}
    try:
        return FAMILIES[family](**fields)
    except TypeError as error:
        raise CheckpointError(f"the {family} network has no such setting ({error}): update the package") from error
