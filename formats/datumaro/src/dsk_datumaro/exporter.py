"""Writing Datumaro JSON: one file per subset, everything dsk knows, readable by both Datumaros."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec
from msgspec.structs import replace

from dsk.errors import OutputError
from dsk.flow import Exporter
from dsk.item import DatasetItem
from dsk.jsonvalues import plain_value
from dsk.media import Media
from dsk_datumaro import categories
from dsk_datumaro.items import PartWriter, fragment_name, subset_folder
from dsk_datumaro.media import MEDIA_TYPES
from dsk_datumaro.plugin import dsk_exporters

if TYPE_CHECKING:
    from collections.abc import Iterable

    from dsk.descriptors import Capabilities
    from dsk.flow import Header
    from dsk.output import WriteContext

__all__ = ["DatumaroExporter"]

# What a line's reader cannot take, and what it becomes there.
_D0_LACKS = frozenset({"ellipse", "rotated_bbox", "cuboid_2d", "mask_3d"})
_D1_LACKS = frozenset({"skeleton", "rotated_bbox", "mask_3d"})
_LACKS: dict[str, frozenset[str]] = {"auto": frozenset(), "d0": _D0_LACKS, "d1": _D1_LACKS}

VERSION = "1.0"
"""``dm_format_version`` of Datumaro 1.x; other values are refused by it."""


class DatumaroExporter(Exporter):
    """Writes ``annotations/<subset>.json`` and, if asked for, the media.

    Args:
        dialect: "auto" writes every kind under the name Datumaro has for it, in a file that both
            lines open; "d0" and "d1" convert the kinds that the line's reader refuses.
    """

    def __init__(self, *, dialect: str = "auto") -> None:
        self._dialect = dialect
        self._header: Header | None = None

    def capabilities(self, header: Header) -> Capabilities:  # noqa: ARG002
        """See ``Exporter.capabilities``."""
        declared = dsk_exporters()[0].capabilities
        return replace(declared, annotations=declared.annotations - _LACKS[self._dialect])

    def begin(self, header: Header, ctx: WriteContext) -> None:  # noqa: ARG002
        """See ``Exporter.begin``."""
        self._header = header

    def write(self, items: Iterable[DatasetItem], ctx: WriteContext) -> dict[str, Any]:
        """See ``Exporter.write``; the state says what was met: media types, labels of skeletons."""
        return PartWriter(ctx, self._dialect).write(items)

    def finish(self, states: list[dict[str, Any]], ctx: WriteContext) -> None:
        """Join each subset's fragments between a head with the full categories and an end."""
        videos: dict[str, Any] = {}
        for name, source in (pair for state in states for pair in state["videos"].items()):
            if videos.setdefault(name, source) != source:
                raise OutputError(
                    f"{videos[name]} and {source} want the same file", where=f"videos/{name}"
                )
        for name, source in videos.items():
            video = Media(name, source)
            ctx.save_file(DatasetItem(name, media=video), video, f"videos/{name}")
        media: set[str] = set().union(*(state["media"] for state in states))
        owners: set[int] = set().union(*(state["skeletons"] for state in states))
        names = dict.fromkeys(name for state in states for name in state["subsets"])
        files: dict[str, str] = {}
        for name in names:
            file = subset_folder(name)
            if files.setdefault(file, name) != name:
                raise OutputError(
                    f"subsets {files[file]!r} and {name!r} want the same file",
                    where=f"annotations/{file}.json",
                    hint="rename one with -t map_subsets",
                )
            ctx.out.join(
                f"annotations/{file}.json",
                ctx.out.fragments(fragment_name(name)),
                head=self._head(name, media, owners),
                between=b",\n",
                tail=b"\n]}\n",
            )

    def _head(self, subset: str, media: set[str], owners: set[int]) -> bytes:
        header = self._header
        assert header is not None
        own = dict(header.info.get("datumaro", {}))
        added = categories.joint_labels(header.categories, owners)
        head: dict[str, Any] = {}
        info, infos = own.pop("info", {}), own.pop("infos", {})
        if self._dialect != "d0":
            kinds = {MEDIA_TYPES.get(kind, 1) for kind in media}
            number = 2 if not kinds else kinds.pop() if len(kinds) == 1 else 1
            head = {"dm_format_version": VERSION, "media_type": number, "infos": infos}
        if self._dialect != "d1" or info:
            head["info"] = info
        head |= own.pop("fields", {})
        head["categories"] = categories.to_json(header.categories, added)
        more: dict[str, Any] = {}
        if added:
            more["joint_labels"] = len(added)
        if subset_folder(subset) != subset:
            more["subset"] = subset
        rest = {k: v for k, v in header.info.items() if k != "datumaro"}
        if rest:
            more["info"] = rest
        if more:
            head["dsk"] = more
        try:
            text = msgspec.json.encode(head, enc_hook=plain_value)
        except (OutputError, TypeError, OverflowError) as error:
            raise OutputError(str(error), where="facts about the dataset or its labels") from error
        return text[:-1] + b',"items":[\n'
