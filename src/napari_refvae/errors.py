"""Every error that the package raises on purpose.

Each states what was expected, what came, and what to do next; the API, the command line
and the widget show the same sentence.

    RefVAEError
    |-- InvalidInputError      an image or reference that cannot be used
    |   `-- UnreadableFileError    ... because its file is missing, damaged or of no known kind
    |-- InvalidSpecError       a setting outside its domain
    |-- ModelError
    |   |-- UnknownModelError      no such preset, file or cached model
    |   |-- MissingWeightsError    the preset is known but its weights are not here
    |   `-- CheckpointError        a file that is no checkpoint of ours, or a damaged one
    |-- DeviceError            a device that is absent or that failed
    |   `-- OutOfMemoryError       not even the smallest tile fits, or the image itself
    |-- OutputError            a result that cannot be written
    `-- TrainingError          training that cannot start or must stop
"""

from __future__ import annotations

import errno
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = [
    "DISK_FULL",
    "CheckpointError",
    "DeviceError",
    "InvalidInputError",
    "InvalidSpecError",
    "MissingWeightsError",
    "ModelError",
    "OutOfMemoryError",
    "OutputError",
    "RefVAEError",
    "TrainingError",
    "UnknownModelError",
    "UnreadableFileError",
    "memory_errors",
]

DISK_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
"""Numbers of the system's errors that say so."""


class RefVAEError(Exception):
    """Base of all errors that the package raises on purpose.

    Not a ``RuntimeError``: napari's generator workers swallow those.
    """


class InvalidInputError(RefVAEError, ValueError):
    """An image or a reference cannot be used as it is."""


class UnreadableFileError(InvalidInputError):
    """A file is missing, damaged, empty or not an image."""


class InvalidSpecError(RefVAEError, ValueError):
    """A setting lies outside its domain."""


class ModelError(RefVAEError):
    """A model cannot be had."""


class UnknownModelError(ModelError, LookupError):
    """No preset, file or cached model has that name."""


class MissingWeightsError(ModelError):
    """The preset is known, but its weights are not on this machine."""


class CheckpointError(ModelError):
    """A file is no checkpoint of ours, is damaged, or does not fit its preset."""


class DeviceError(RefVAEError):
    """A device is absent or failed."""


class OutOfMemoryError(DeviceError):
    """Not even the smallest tile fits into memory, or not the image itself."""


class OutputError(RefVAEError):
    """A result cannot be written."""


class TrainingError(RefVAEError):
    """Training cannot start, or must stop."""


@contextmanager
def memory_errors() -> Iterator[None]:
    """Tell a MemoryError as one of ours: what holds whole images cannot be made smaller as tiles can."""
    try:
        yield
    except MemoryError as error:
        raise OutOfMemoryError(
            f"the image and what is made of it do not fit into memory ({error or 'no size given'}); "
            "close other programs, take fewer samples or upscale a region"
        ) from error
