"""Building the typer application: dsk's own commands and those of plugins, imported when named."""

from __future__ import annotations

import os
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import typer

from dsk.cli import commands
from dsk.cli.text import say
from dsk.errors import DskError, UsageError
from dsk.registry import registry, resolve

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["run"]

TRAILING = frozenset({"convert", "transform", "filter"})
"""Commands that take format options behind ``--``, as in Datumaro."""

_TRANSFORM = ("-t", "--transform")
_FORMAT = ("-f", "--format", "--output-format")

_COMPLETED = ("COMP_WORDS", "_TYPER_COMPLETE_ARGS")
"""Where typer's completion has the words from: that of bash, and that of other shells."""


def run(argv: Sequence[str]) -> int:
    """Run one command line.

    Args:
        argv: The words behind ``dsk``.

    Returns:
        The exit code.
    """
    own, trailing = _split(argv)
    if not {"-h", "--help"}.isdisjoint(trailing):
        own, trailing = _help_words(own), []
    commands.trailing[:] = trailing
    command = next((word for word in own if not word.startswith("-")), "")
    known = {info.name for info in registry().commands}
    if command not in known and command not in commands.COMMANDS:
        registry().check_command(command)
    if trailing and command not in TRAILING and command not in known:
        raise UsageError(f"'dsk {command}' takes no options behind --".replace("  ", " "))
    app = build(own)
    try:
        app(args=list(own), prog_name="dsk")
    except SystemExit as stop:
        return stop.code if isinstance(stop.code, int) else int(bool(stop.code))
    except DskError as error:
        for note in getattr(error, "__notes__", ()):  # a picture of the place that is wrong
            say(note)
        raise
    return 0


def _split(argv: Sequence[str]) -> tuple[list[str], list[str]]:
    """Part the words at the first ``--``: typer would take what follows for positionals."""
    words = list(argv)
    if "--" not in words:
        return words, []
    cut = words.index("--")
    return words[:cut], words[cut + 1 :]


def _help_words(words: Sequence[str]) -> list[str]:
    """Return the command that says which options may stand behind ``--``, as Datumaro's ``-- -h``.

    They are those of a transform or of the format that is written, if one is named.
    """
    known = registry()
    for flag, text in pairwise(words):
        name = text.partition(" ")[0]
        if flag in _TRANSFORM and known.transforms.find(name) is not None:
            return ["transforms", name]
    for flag, name in pairwise(words):
        if flag in _FORMAT and known.exporters.find(name) is not None:
            return ["formats", name]
    return [*[word for word in words if not word.startswith("-")][:1], "--help"]


def build(words: Sequence[str]) -> typer.Typer:
    """Make the application; commands are stubs unless named in ``words``.

    Reading a signature takes longer than all else here, and importing a plugin more than that.
    """
    app = typer.Typer(
        name="dsk",
        help="Turn any computer-vision dataset into any other.",
        rich_markup_mode=None,
        pretty_exceptions_enable=False,
        no_args_is_help=True,
        context_settings={"help_option_names": ["-h", "--help"]},
    )
    app.callback()(commands.root)
    named = {*words, *(word for name in _COMPLETED for word in os.environ.get(name, "").split())}
    for name, function in commands.COMMANDS.items():
        app.command(name, help=function.__doc__)(function if name in named else _stub)
    for info in registry().commands:
        if info.name in commands.COMMANDS:
            continue
        if info.name not in named:
            app.command(info.name, help=info.summary)(_stub)
            continue
        target: Any = resolve(info.target)
        if isinstance(target, typer.Typer) and target.registered_callback is not None:
            app.add_typer(target, name=info.name)  # with a text of its own
        elif isinstance(target, typer.Typer):
            app.add_typer(target, name=info.name, help=info.summary)
        else:
            app.command(info.name)(target)
    return app


def _stub() -> None:
    """Stand for a command that was not named."""
