"""What dsk-analysis brings; imports nothing but descriptors."""

from __future__ import annotations

from dsk.descriptors import CommandInfo
from dsk.hooks import hookimpl

__all__ = ["DSK_API", "dsk_commands"]

DSK_API = (1, 0)


@hookimpl
def dsk_commands() -> list[CommandInfo]:
    """Return ``dsk stats``, ``dsk validate`` and ``dsk diff``."""
    return [
        CommandInfo(
            name="stats",
            target="dsk_analysis.commands:stats",
            summary="Statistics of labels, attributes, sizes, boxes and pixels.",
        ),
        CommandInfo(
            name="validate",
            target="dsk_analysis.commands:validate",
            summary="Look for what is odd about annotations, for a task.",
        ),
        CommandInfo(
            name="diff",
            target="dsk_analysis.commands:diff",
            summary="Compare two datasets: labels, items, annotations.",
        ),
    ]
