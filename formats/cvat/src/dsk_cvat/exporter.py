"""Writing CVAT's XML files."""

from __future__ import annotations

import re
from array import array
from math import gcd
from typing import TYPE_CHECKING, Any, BinaryIO

from msgspec import Struct, field
from msgspec.structs import replace

from dsk.errors import OutputError
from dsk.flow import Exporter
from dsk_cvat.declare import Seen, Values, head_text, label_text, merge_values
from dsk_cvat.plugin import dsk_exporters
from dsk_cvat.source import IMAGE_KNOWN
from dsk_cvat.tracks import Record, TrackWriter
from dsk_cvat.writing import ShapeWriter, attribute_text, cannot_hold, extra_text, own_fields

if TYPE_CHECKING:
    from collections.abc import Iterable

    from dsk.descriptors import Capabilities
    from dsk.flow import Header
    from dsk.item import DatasetItem
    from dsk.loss import Ledger
    from dsk.output import WriteContext

__all__ = ["CvatExporter"]

_TAIL = b"</annotations>\n"
_DIGITS = re.compile(r"(\d{1,12})$")


class _Share(Struct):
    """What a partition leaves of one subset.

    Attributes:
        items: How many items there are.
        places: Where in the fragment the numbers of images are or belong; empty in videos.
        frames: The frame of each item, -1 for an image without one.
        records: Shapes of tracks, see ``Record``.
        listed: Start tags of the images that are listed beside the tracks, by frame: those with
            labels, which CVAT reads in images only, and those without shapes.
        sizes: How many frames that are not listed have a (height, width), the first size first.
    """

    items: int = 0
    places: array[int] = field(default_factory=lambda: array("q"))
    frames: array[int] = field(default_factory=lambda: array("q"))
    records: list[Record] = field(default_factory=list)
    listed: dict[int, str] = field(default_factory=dict)
    sizes: dict[tuple[int, int], int] = field(default_factory=dict)


class _State(Struct):
    subsets: dict[str, _Share]
    values: dict[tuple[int, str], Values]
    skeletons: set[int]


class _Text:
    """A fragment that knows how long it is."""

    def __init__(self, file: BinaryIO) -> None:
        self.file = file
        self.length = 0

    def write(self, text: str) -> int:
        """Append text and return where it begins."""
        start = self.length
        self.length += self.file.write(text.encode("utf-8", "surrogateescape"))
        return start


class CvatExporter(Exporter):
    """Writes one XML file per subset; see the descriptor for the options."""

    def __init__(
        self,
        *,
        reindex: bool = False,
        allow_undeclared_attrs: bool = False,
        use_track: bool = False,
        subset_folders: bool | None = None,
    ) -> None:
        self.reindex = reindex
        self.allow_undeclared_attrs = allow_undeclared_attrs
        self.use_track = use_track
        self.subset_folders = subset_folders

    def capabilities(self, header: Header) -> Capabilities:  # noqa: ARG002
        """See ``Exporter.capabilities``."""
        declared = dsk_exporters()[0].capabilities
        if self.use_track:
            return replace(declared, fields=declared.fields | {"object_id"})
        # An image has no shape that says that an object has left the view.
        declared = replace(declared, attributes=declared.attributes - {"outside"})
        return replace(declared, item_attributes=False) if self.reindex else declared

    def begin(self, header: Header, ctx: WriteContext) -> None:
        """See ``Exporter.begin``."""
        categories = header.categories
        for label in categories.labels:
            if cannot_hold(label.name):
                ctx.ledger.add("DSK-L010", "characters of labels that XML cannot hold")
        ctx.ledger.equal_names([categories.names[n] for n in categories.object_labels()])
        if known := sum(label.source_id is not None for label in categories.labels):
            ctx.ledger.add("DSK-L015", "category ids", count=known)
        self._subsets = header.subsets
        if self.subset_folders is None:
            self.subset_folders = len(header.subsets) != 1
        self._categories = categories
        self._writer = ShapeWriter(
            categories, undeclared=self.allow_undeclared_attrs, video=self.use_track
        )

    def write(self, items: Iterable[DatasetItem], ctx: WriteContext) -> _State:
        """See ``Exporter.write``."""
        shares: dict[str, _Share] = {}
        texts: dict[str, _Text] = {}
        seen: Seen | None = None
        try:
            for item in items:
                if seen is None:
                    seen = Seen(ctx.ledger, item)
                seen.item = item
                share = shares.get(item.subset)
                if share is None:
                    share = shares[item.subset] = _Share()
                    texts[item.subset] = _Text(ctx.fragment(f"{item.subset}.xml"))
                if self.use_track:
                    self._frame(item, share, texts[item.subset], seen, ctx)
                else:
                    self._image(item, share, texts[item.subset], seen, ctx)
                share.items += 1
                self._report_ids(item, ctx.ledger)
        finally:
            for text in texts.values():
                text.file.close()
        return _State(shares, seen.values if seen else {}, seen.skeletons if seen else set())

    def _report_ids(self, item: DatasetItem, ledger: Ledger) -> None:
        """Report the ids of the source; those of tracks are kept, or reported as such."""
        if "id" in item.attributes:
            ledger.add_at("DSK-L015", "image ids", item)
        gone = sum(
            a.id not in (0, a.object_id if self.use_track else a.attributes.get("track_id"))
            for a in item.annotations
        )
        if gone:
            what = "annotation ids"
            ledger.add_at("DSK-L015", what, item, count=gone)

    def _name(self, item: DatasetItem, name: str) -> str:
        return f"images/{item.subset}/{name}" if self.subset_folders else f"images/{name}"

    def _save(self, item: DatasetItem, name: str, ctx: WriteContext) -> None:
        if not ctx.save_media:
            return
        try:
            ctx.save_image(item, self._name(item, name))
        except OutputError as error:
            if not isinstance(error.__cause__, FileExistsError):
                raise
            raise OutputError(
                f"two items want the image {name}",
                where=error.where,
                hint="rename one of them, or let subset_folders be true",
            ) from error.__cause__

    def _image(
        self, item: DatasetItem, share: _Share, text: _Text, seen: Seen, ctx: WriteContext
    ) -> None:
        """Write an item as an image."""
        name = ctx.image_name(item)
        if cannot_hold(name):
            raise OutputError(f"XML cannot hold the name {name!r}", hint="rename the item")
        frame = _frame_of(item) if not self.reindex else None
        if frame is None and "frame" in item.attributes and not self.reindex:
            what = "item attribute frame, which is no number"
            ctx.ledger.add_at("DSK-L009", what, item)
        size = ctx.image_size(item, masks=True)
        start = text.write('  <image id="')
        share.places.append(start + len('  <image id="'))
        share.frames.append(-1 if frame is None else frame)
        more = extra_text(item.extra, IMAGE_KNOWN) if item.extra else ""
        lines = [f'{"" if frame is None else frame}" {_named(name, size, more)}\n']
        for a in item.annotations:
            try:
                lines.append(f"    {self._writer.shape(a, seen, size)}\n")
            except ValueError as error:
                _drop(a, error, item, ctx)
        lines.append("  </image>\n")
        text.write("".join(lines))
        self._save(item, name, ctx)

    def _frame(
        self, item: DatasetItem, share: _Share, text: _Text, seen: Seen, ctx: WriteContext
    ) -> None:
        """Write an item as a frame of a video."""
        frame = _frame_of(item)
        if frame is None:
            digits = _DIGITS.search(item.id)
            if digits is None:
                raise OutputError(
                    f"item {item.id!r} has no frame number",
                    hint="give items the attribute frame, or leave out use_track",
                )
            frame = int(digits[1])
        own = f"frame_{frame:06d}"
        if item.id != own:
            ctx.ledger.add("DSK-L015", "ids of items become frame numbers")
        for field_name in own_fields(item.extra):
            what = f"cvat field {field_name}, which images have"
            ctx.ledger.add_at("DSK-L011", what, item)
        share.frames.append(frame)
        size = ctx.image_size(item, masks=True)
        if size is not None:
            share.sizes.setdefault(size, 0)
        name = own + ctx.image_name(item)[len(item.id) :]
        before = len(share.records)
        for a in item.annotations:
            try:
                shape = self._writer.shape(a, seen, size)
            except ValueError as error:
                _drop(a, error, item, ctx)
                continue
            share.records.append(Record.of(a, frame, text.write(shape), text.length))
        new = share.records[before:]
        if not new or any(record.kind == "label" for record in new):
            share.listed[frame] = f'<image id="{frame}" {_named(name, size)}'
        elif size is not None:
            share.sizes[size] += 1
        self._save(item, name, ctx)

    def finish(self, states: list[Any], ctx: WriteContext) -> None:
        """See ``Exporter.finish``."""
        values: dict[tuple[int, str], Values] = {}
        for state in states:
            merge_values(values, state.values)
        used: set[int] = set().union(*(state.skeletons for state in states))
        labels = label_text(self._categories, values, used, ctx.ledger)
        names = dict.fromkeys(name for state in states for name in state.subsets)
        for name in names or dict.fromkeys(self._subsets or ("default",)):
            shares = [state.subsets[name] for state in states if name in state.subsets]
            frames = [frame for share in shares for frame in share.frames]
            count = sum(share.items for share in shares)
            span = _span(frames) if self.use_track and frames else (0, max(count - 1, 0), 1)
            size = _common_size(shares, ctx.ledger)
            head = head_text(name, count, span, labels, video=self.use_track, size=size)
            file = f"{name}.xml"
            writer = TrackWriter(self._categories, shares, ctx.ledger) if self.use_track else None
            numbers = [] if self.use_track else _numbers(shares, ctx.ledger)
            if ctx.out.dry:
                ctx.write(file, b"")
            elif writer is not None:
                self._write_whole(file, head, writer.texts(ctx.out.fragments(file)), ctx)
            elif numbers != [share.frames for share in shares]:
                texts = _numbered(shares, numbers, ctx.out.fragments(file))
                self._write_whole(file, head, texts, ctx)
            else:
                fragments = ctx.out.fragments(file)
                ctx.out.join(file, fragments, head=head.encode(), tail=_TAIL)

    @staticmethod
    def _write_whole(file: str, head: str, texts: Iterable[bytes], ctx: WriteContext) -> None:
        with ctx.out.open(file) as out:
            out.write(head.encode("utf-8", "surrogateescape"))
            for text in texts:
                out.write(text)
            out.write(_TAIL)


def _common_size(shares: list[_Share], ledger: Ledger) -> tuple[int, int] | None:
    """Return the size that a video states for all of its frames: that of the first one."""
    size = next((size for share in shares for size in share.sizes), None)
    others = sum(n for share in shares for other, n in share.sizes.items() if other != size)
    if others:
        ledger.add("DSK-L009", "sizes of frames, of which a video has one", count=others)
    return size


def _span(frames: list[int]) -> tuple[int, int, int]:
    """Return the first and the last frame of a video, and the distance of its frames."""
    first = min(frames)
    return first, max(frames), gcd(*(frame - first for frame in frames)) or 1


def _named(name: str, size: tuple[int, int] | None, more: str = "") -> str:
    """Return the end of an image's start tag."""
    stated = f' width="{size[1]}" height="{size[0]}"' if size else ""
    return f'name="{attribute_text(name)}"{stated}{more}>'


def _numbers(shares: list[_Share], ledger: Ledger) -> list[array[int]]:
    """Return the numbers of a subset's images: their frames, and the ranks of those without.

    No two are equal: an image whose number another one states, or stated before, gets a new one.
    """
    stated = {frame for share in shares for frame in share.frames if frame >= 0}
    unused = set(stated)
    fresh = first = max(max(stated, default=-1) + 1, sum(share.items for share in shares))
    rank = 0
    found = []
    for share in shares:
        numbers = array("q")
        for frame in share.frames:
            if frame in unused:
                unused.remove(frame)
                numbers.append(frame)
            elif frame < 0 and rank not in stated:
                numbers.append(rank)
            else:
                numbers.append(fresh)
                fresh += 1
            rank += 1
        found.append(numbers)
    if fresh > first:
        ledger.add("DSK-L015", "numbers of images that another image has", count=fresh - first)
    return found


def _numbered(
    shares: list[_Share], numbers: list[array[int]], fragments: list[str]
) -> Iterable[bytes]:
    """Yield the fragments with other numbers of images than they state."""
    for share, own, fragment in zip(shares, numbers, fragments, strict=True):
        with open(fragment, "rb") as file:  # noqa: PTH123
            data = file.read()
        pieces, last = [], 0
        for place, frame, number in zip(share.places, share.frames, own, strict=True):
            if number != frame:
                pieces += [data[last:place], b"%d" % number]
                last = place + (len(str(frame)) if frame >= 0 else 0)
        pieces.append(data[last:])
        yield b"".join(pieces)


def _frame_of(item: DatasetItem) -> int | None:
    frame = item.attributes.get("frame")
    if isinstance(frame, bool) or not isinstance(frame, int | float):
        return None
    return int(frame) if 0 <= frame < 10**12 and frame == int(frame) else None


def _drop(a: Any, error: ValueError, item: DatasetItem, ctx: WriteContext) -> None:
    ctx.ledger.add_at("DSK-L018", f"{a.kind}: {error}", item, a)
