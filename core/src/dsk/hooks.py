"""The extension points of dsk, and the markers plugins use.

A plugin module declares ``DSK_API = (1, 0)`` and implements any of these hooks::

    from dsk.hooks import hookimpl
    from dsk.descriptors import ExporterInfo

    DSK_API = (1, 0)

    @hookimpl
    def dsk_exporters():
        return [ExporterInfo(name="mine", target="dsk_mine.exporter:MineExporter")]
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pluggy

if TYPE_CHECKING:
    from collections.abc import Iterable

    from dsk.descriptors import (
        CommandInfo,
        EngineInfo,
        ExporterInfo,
        ImporterInfo,
        TransformInfo,
    )

__all__ = ["API", "ENTRY_POINT_GROUP", "Specs", "hookimpl", "hookspec"]

API = (1, 0)
"""The plugin API of this core: a plugin of the same major and no newer minor fits."""

ENTRY_POINT_GROUP = "dsk.plugins"

hookspec = pluggy.HookspecMarker("dsk")
hookimpl = pluggy.HookimplMarker("dsk")


class Specs:
    """The hooks; each is called once per plugin, when the registry loads."""

    @hookspec
    def dsk_importers(self) -> Iterable[ImporterInfo]:  # type: ignore[empty-body]
        """Return the formats this plugin reads."""

    @hookspec
    def dsk_exporters(self) -> Iterable[ExporterInfo]:  # type: ignore[empty-body]
        """Return the formats this plugin writes."""

    @hookspec
    def dsk_transforms(self) -> Iterable[TransformInfo]:  # type: ignore[empty-body]
        """Return the dataset operations this plugin brings."""

    @hookspec
    def dsk_commands(self) -> Iterable[CommandInfo]:  # type: ignore[empty-body]
        """Return the commands this plugin adds to ``dsk``."""

    @hookspec
    def dsk_engines(self) -> Iterable[EngineInfo]:  # type: ignore[empty-body]
        """Return the engines this plugin brings."""

    @hookspec
    def dsk_hookspecs(self) -> Iterable[type]:  # type: ignore[empty-body]
        """Return classes of hook specifications that open further extension points."""
