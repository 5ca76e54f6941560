"""Writing MOT Challenge sequences."""

from __future__ import annotations

import os
import re
import shutil
from itertools import chain, repeat
from typing import TYPE_CHECKING, Any, BinaryIO

import msgspec
from msgspec import Struct

from dsk.flow import Exporter
from dsk.item import DEFAULT_SUBSET
from dsk.media import Image
from dsk.metafile import META_NAME, meta_text
from dsk_tracking.labels import line_names
from dsk_tracking.numbering import Numbers, number_frames
from dsk_tracking.sequences import DEPTH, FRAMES, GT, IMAGES, LABELS_FILE, SEQINFO
from dsk_tracking.writing import RowWriter

if TYPE_CHECKING:
    from collections.abc import Iterable

    from dsk.flow import Header
    from dsk.item import DatasetItem
    from dsk.output import WriteContext

__all__ = ["MotSeqExporter"]

_FRAME = re.compile(r"(?:(.+)/)?([0-9]{1,7})")
_OWN = frozenset({"gt", "det", IMAGES})
_STAGE = ".fragments/images"
_RATE = "30"


class Entry(Struct, array_like=True):
    """What ``finish`` needs to know of an item.

    Attributes:
        subset: Its subset.
        id: Its id.
        frame: The frame that its id names, or -1.
        ext: The ending of its image, or "".
        size: (height, width), or None.
        staged: Where its image was saved, or "".
        rows: How many boxes it has.
    """

    subset: str
    id: str
    frame: int
    ext: str
    size: tuple[int, int] | None
    staged: str
    rows: int = 0


class Share(Struct):
    """What one partition wrote of one sequence.

    Attributes:
        part: Number of the partition.
        entries: Its items.
        numbers: Its tracks.
    """

    part: int
    entries: list[Entry]
    numbers: Numbers


class MotSeqExporter(Exporter):
    """Writes MOT Challenge sequences; see the descriptor for the options."""

    def __init__(self, *, track_ids: str = "auto", save_dataset_meta: bool = False) -> None:
        self.track_ids = track_ids
        self.save_dataset_meta = save_dataset_meta

    def begin(self, header: Header, ctx: WriteContext) -> None:
        """See ``Exporter.begin``."""
        self._categories = header.categories
        self._labels = [] if self.save_dataset_meta else line_names(header.categories, ctx.ledger)
        info = header.info.get("mot")
        stated = info.get("sequences") if isinstance(info, dict) else None
        self._stated: dict[str, Any] = stated if isinstance(stated, dict) else {}

    def write(self, items: Iterable[DatasetItem], ctx: WriteContext) -> dict[str, Share]:
        """See ``Exporter.write``."""
        shares: dict[str, Share] = {}
        lines: dict[str, list[str]] = {}
        rows = RowWriter(ctx.ledger)
        for count, item in enumerate(items):
            folder, frame = _place(item)
            share = shares.get(folder)
            if share is None:
                share = shares[folder] = Share(ctx.part, [], Numbers())
                lines[folder] = []
            entry = self._entry(item, frame, f"{_STAGE}/{ctx.part:08d}-{count}", ctx)
            text, entry.rows = rows(item, frame, share.numbers)
            lines[folder].append(text)
            share.entries.append(entry)
        for folder, texts in lines.items():
            with ctx.fragment(_join(folder, GT)) as file:
                file.write("".join(texts).encode())
        return shares

    @staticmethod
    def _entry(item: DatasetItem, frame: int, stage: str, ctx: WriteContext) -> Entry:
        media = item.media
        if not isinstance(media, Image):
            return Entry(item.subset, item.id, frame, "", None, "")
        size = ctx.image_size(item)
        name = ctx.image_name(item)
        ext = name[len(item.id) :]
        saved = ctx.save_image(item, stage + ext)
        return Entry(item.subset, item.id, frame, ext, size, stage + ext if saved else "")

    def finish(self, states: list[dict[str, Share]], ctx: WriteContext) -> None:
        """See ``Exporter.finish``."""
        sequences: dict[str, list[Share]] = {}
        for state in states:
            for folder, share in state.items():
                sequences.setdefault(folder, []).append(share)
        tracked = any(s.numbers.tracked for shares in sequences.values() for s in shares)
        assign = self.track_ids == "assign" or (self.track_ids == "auto" and tracked)
        for folder, shares in (sequences or {"": []}).items():
            self._finish(folder, shares, ctx, assign=assign)

    def _finish(self, folder: str, shares: list[Share], ctx: WriteContext, *, assign: bool) -> None:
        entries = [entry for share in shares for entry in share.entries]
        frames = number_frames([entry.frame for entry in entries])
        renumbered = sum(entry.frame != f for entry, f in zip(entries, frames, strict=True))
        if renumbered:
            ctx.ledger.add("DSK-L015", "items numbered as frames", count=renumbered)
        self._rows(folder, shares, frames, ctx, assign=assign)
        seqinfo = self._seqinfo(folder, entries, frames)
        if seqinfo:
            ctx.write(_join(folder, SEQINFO), seqinfo)
        _publish_images(folder, entries, frames, ctx)
        names = _names(folder, entries, frames, stated=bool(seqinfo))
        if names:
            text = msgspec.json.format(msgspec.json.encode(names), indent=0)
            ctx.write(_join(folder, FRAMES), text)
        if self.save_dataset_meta:
            ctx.write(_join(folder, META_NAME), meta_text(self._categories))
        else:
            lines = "".join(f"{name}\n" for name in self._labels)
            ctx.write(_join(folder, LABELS_FILE), lines.encode())

    def _rows(
        self,
        folder: str,
        shares: list[Share],
        frames: list[int],
        ctx: WriteContext,
        *,
        assign: bool,
    ) -> None:
        """Write the table: frames and tracks of all partitions are known now."""
        tracks = Numbers.joined([share.numbers for share in shares], assign=assign)
        tracks.report(ctx.ledger)
        name = _join(folder, GT)
        fragments = {int(os.path.basename(p)): p for p in ctx.out.fragments(name)}  # noqa: PTH119
        with ctx.out.open(name) as out:
            first = 0
            for share in shares:
                path = fragments.get(share.part)
                if path is not None:
                    own = frames[first : first + len(share.entries)]
                    _copy(path, share, own, tracks, out)
                    os.unlink(path)  # noqa: PTH108
                first += len(share.entries)

    def _seqinfo(self, folder: str, entries: list[Entry], frames: list[int]) -> bytes:
        """Return ``seqinfo.ini``, which is true only of whole sequences of one size."""
        kinds = {(entry.size, entry.ext) for entry in entries}
        if len(kinds) != 1 or sorted(frames) != list(range(1, len(frames) + 1)):
            return b""
        (size, ext) = kinds.pop()
        if size is None or not ext:
            return b""
        subset, prefix = entries[0].subset, entries[0].id.rpartition("/")[0]
        stated = self._stated.get(f"{subset}/{prefix}/" if prefix else f"{subset}/")
        known = stated if isinstance(stated, dict) else {}
        name = known.get("name") or folder.rpartition("/")[2] or "sequence"
        lines = [
            "[Sequence]",
            f"name={name}",
            f"imDir={IMAGES}",
            f"frameRate={known.get('frameRate') or _RATE}",
            f"seqLength={len(frames)}",
            f"imWidth={size[1]}",
            f"imHeight={size[0]}",
            f"imExt={ext}",
        ]
        return "".join(f"{line}\n" for line in lines).encode()


def _copy(path: str, share: Share, frames: list[int], tracks: Numbers, out: BinaryIO) -> None:
    """Write a partition's rows; they stay as they are if all their numbers do."""
    if not tracks.changes(share.numbers) and frames == [entry.frame for entry in share.entries]:
        with open(path, "rb") as raw:  # noqa: PTH123
            shutil.copyfileobj(raw, out)
        return
    pairs = zip(share.entries, frames, strict=True)
    own = chain.from_iterable(repeat(frame, entry.rows) for entry, frame in pairs)
    with open(path, encoding="utf-8") as file:  # noqa: PTH123
        out.writelines(tracks.rows(file, own, share.numbers))


def _place(item: DatasetItem) -> tuple[str, int]:
    """Return an item's sequence folder and frame number, as its id names them; -1 for none."""
    match = _FRAME.fullmatch(item.id)
    if match is None:
        return "", -1
    name, frame = match[1] or "", int(match[2])
    if not name:
        return "", frame
    folder = name if item.subset == DEFAULT_SUBSET else f"{item.subset}/{name}"
    parts = folder.split("/")
    if len(parts) > DEPTH or not _OWN.isdisjoint(parts):
        return "", -1
    return folder, frame


def _join(folder: str, name: str) -> str:
    return f"{folder}/{name}" if folder else name


def _publish_images(
    folder: str, entries: list[Entry], frames: list[int], ctx: WriteContext
) -> None:
    """Give the images the names of their frames."""
    target = _join(folder, IMAGES)
    for entry, frame in zip(entries, frames, strict=True):
        if entry.staged:
            ctx.out.move(entry.staged, f"{target}/{frame:06d}{entry.ext}")


def _names(
    folder: str, entries: list[Entry], frames: list[int], *, stated: bool
) -> dict[int, tuple[str, str]]:
    """Return subset and id by frame, if the importer would not find them by itself."""
    plain = not folder
    for entry, frame in zip(entries, frames, strict=True):
        name = f"{frame:06d}" if entry.staged and not stated else str(frame)
        plain = plain and entry.id == name and entry.subset == DEFAULT_SUBSET
        plain = plain and (stated or bool(entry.staged))
    if plain:
        return {}
    pairs = zip(entries, frames, strict=True)
    return {frame: (entry.subset, entry.id) for entry, frame in pairs}
