"""What describes a network: frozen configs, one a family, and the named presets."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from napari_refvae.errors import CheckpointError, InvalidSpecError

__all__ = ["PRESETS", "CompactConfig", "ModelConfig", "PaperConfig", "config_from_dict", "config_to_dict"]


MOST_CHANNELS = 2048
MOST_BLOCKS = 256
MOST_STAGES = 6
"""Bounds of a network that a file may ask for, far above what anybody trains: a file may lie, and shapes alone of
millions of layers take hours and all memory."""


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
        stages = (self.tail_widths, self.reference_widths)
        if not all(isinstance(widths, tuple) and 1 <= len(widths) <= MOST_STAGES for widths in stages):
            raise InvalidSpecError(
                f"tail_widths and reference_widths must hold 1 to {MOST_STAGES} widths; got {stages}"
            )
        for most, numbers in (
            (MOST_CHANNELS, (self.width, self.code, self.noise, *self.tail_widths, *self.reference_widths)),
            (MOST_BLOCKS, (self.trunk_blocks, self.decoder_blocks)),
        ):
            bad = [number for number in numbers if type(number) is not int or not 1 <= number <= most]
            if bad:
                raise InvalidSpecError(
                    f"every width must be an integer from 1 to {MOST_CHANNELS}, and every number of blocks one from 1 "
                    f"to {MOST_BLOCKS}; got {str(bad[0])[:40]}"
                )

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
        If the family or a field is unknown, or a network of that size is absurd.
    """
    fields = dict(values)
    family = fields.pop("family", None)
    if not isinstance(family, str) or family not in FAMILIES:
        raise CheckpointError(f"expected a network family among {sorted(FAMILIES)}; got {family!r}: update the package")
    fields = {key: tuple(value) if isinstance(value, list) else value for key, value in fields.items()}
    try:
        return FAMILIES[family](**fields)
    except InvalidSpecError as error:
        raise CheckpointError(f"no {family} network can be like that ({error}): fetch or train it again") from error
    except TypeError as error:
        raise CheckpointError(f"the {family} network has no such setting ({error}): update the package") from error
