"""The command line: ``refvae upscale | replay | demo | models | convert | train | evaluate``.

The commands are loaded when they are run, so that Ctrl-C is met from the first moment on.
"""

from __future__ import annotations

import sys
from io import TextIOWrapper
from typing import Any

__all__ = ["app", "main"]

STOPPED = 130
"""Exit code after Ctrl-C, as shells have it."""


def main() -> None:
    """Run the command line."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):  # names of files may hold what it cannot show
            stream.reconfigure(errors="backslashreplace")
    try:
        from napari_refvae.cli.commands import app

        app(prog_name="refvae")
    except KeyboardInterrupt:  # before a command was there to say more
        print("refvae: stopped before anything was begun", file=sys.stderr)
        sys.exit(STOPPED)


def __getattr__(name: str) -> Any:
    if name != "app":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from napari_refvae.cli.commands import app

    return app
