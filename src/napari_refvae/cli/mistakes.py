"""What the command line says of words that it cannot take: one sentence, as of everything that is refused."""

from __future__ import annotations

from typing import Any

import typer

__all__ = ["MISTAKE", "explain"]

MISTAKE: type[Exception] = typer.BadParameter.__mro__[1]
"""What Typer raises for all of them; it has no public name that holds for each of its releases."""


def explain(error: Any, context: Any = None) -> str:
    """What was wrong, what the option takes, and where to read on.

    Parameters
    ----------
    error
        A `MISTAKE`.
    context
        Of the commands, if one of them was named; the error knows its own only sometimes.
    """
    told = " ".join(error.format_message().split()).rstrip(".")
    path, command = _command(error, context)
    return f"{told}{_expected(error, command)}: see {path} --help"


def _command(error: Any, context: Any) -> tuple[str, Any]:
    """What was typed to run a command, and the command."""
    if error.ctx is not None:
        return "refvae" if error.ctx.parent is None else f"refvae {error.ctx.info_name}", error.ctx.command
    name = getattr(context, "invoked_subcommand", None)
    command = context.command.get_command(context, name) if name else None
    return (f"refvae {name}", command) if command is not None else ("refvae", None)


def _expected(error: Any, command: Any) -> str:
    """How the option is used; or what to do with a file that looks like one."""
    name = getattr(error, "option_name", None)
    parameters = [] if command is None else command.params
    parameter = getattr(error, "param", None) or next((one for one in parameters if name in one.opts), None)
    if parameter is None:
        return f"; a file of such a name is written ./{name}..." if name and not name.startswith("--") else ""
    known = parameter.opts[0].startswith("-") and parameter.metavar
    return f"; expected {parameter.opts[0]} {parameter.metavar}" if known else ""
