"""One pass over a CVAT file that notes where images, tracks and shapes are, not what they say."""

from __future__ import annotations

import re
from array import array
from typing import TYPE_CHECKING

from msgspec import Struct, field

from dsk.errors import InputError, RecordError
from dsk.names import stem_of
from dsk_cvat.xmltext import Lines, attributes_of, open_text, parse_part

if TYPE_CHECKING:
    from xml.etree.ElementTree import Element

    from dsk.loss import Ledger

__all__ = ["ATTRS", "SHAPES", "Scan", "Scope", "Track", "scan_file"]

SHAPES = ("box", "polygon", "polyline", "points", "ellipse", "mask", "skeleton", "cuboid", "tag")

ATTRS = rb"""((?:\s+[^\s=<>"'/]+\s*=\s*(?:"[^"<]*"|'[^'<]*'))*)\s*(/?)>"""
_TAG = re.compile(rb"<([A-Za-z]+)" + ATTRS)
_TOP = re.compile(rb"<(image|track|tag|meta)(?=[\s/>])|<!--|</annotations\s*>")
_INNER = re.compile(
    rb"<(" + b"|".join(s.encode() for s in SHAPES) + rb"|track)(?=[\s/>])|</track\s*>|<!--"
)
_ENDS = {
    name: re.compile(rb"</" + name + rb"\s*>")
    for name in (b"image", b"meta", *(s.encode() for s in SHAPES))
}
_ANY = re.compile(rb"<([A-Za-z_][^\s<>/]{0,60})")
_TRACK_KNOWN = frozenset({"id", "label", "source", "group_id", "subset", "task_id"})
_COMMENT_END = re.compile(rb"-->")
_FRAME = re.compile(rb"""(?:^|\s)frame\s*=\s*["']\s*(\d{1,15})\s*["']""")
_GAP = 1 << 20
# A shape of a track as most writers have it: all that the scan wants to know in one match.
_PLAIN = re.compile(
    rb'\s*(<(box|polygon|polyline|points) frame="(\d{1,15})"(?: [a-z_]+="[^"<]*")* ?'
    rb'(?:/>|>\s*(?:<attribute name="[^"<]*">[^<]*</attribute>\s*)*</\2>))'
)


class Scope(Struct, frozen=True):
    """What keeps equal frame numbers apart: the subset and the task that an element names."""

    subset: str | None
    task: str


class Track(Struct, frozen=True):
    """The start tag of a track.

    Attributes:
        given: Its attributes.
        top: Number of the outermost track it belongs to.
        scope: Number of its scope.
    """

    given: dict[str, str]
    top: int
    scope: int


class Scan(Struct):
    """Where everything is in one file.

    Attributes:
        name: The file's relative name.
        where: Its place for messages.
        data: Its content as UTF-8.
        meta: The element ``meta``, or another one without children if there is none.
        lines: The numbers of its lines.
        scopes: Subsets and tasks, see ``Scope``.
        tracks: Tracks, nested ones too.
        image_start, image_end: Offsets of the elements ``image``.
        image_frame: Their ids, -1 for none.
        image_scope: Numbers of their scopes.
        image_key: Hashes of their subset and name.
        image_stem: Hashes of their subset and name without ending.
        shape_start, shape_end: Offsets of the shapes of tracks.
        shape_frame: Their frames.
        shape_track: Numbers of their tracks; tags of frames have one each.
    """

    name: str
    where: str
    data: memoryview
    meta: Element
    lines: Lines
    scopes: list[Scope] = field(default_factory=list)
    tracks: list[Track] = field(default_factory=list)
    image_start: array[int] = field(default_factory=lambda: array("q"))
    image_end: array[int] = field(default_factory=lambda: array("q"))
    image_frame: array[int] = field(default_factory=lambda: array("q"))
    image_scope: array[int] = field(default_factory=lambda: array("q"))
    image_key: array[int] = field(default_factory=lambda: array("q"))
    image_stem: array[int] = field(default_factory=lambda: array("q"))
    shape_start: array[int] = field(default_factory=lambda: array("q"))
    shape_end: array[int] = field(default_factory=lambda: array("q"))
    shape_frame: array[int] = field(default_factory=lambda: array("q"))
    shape_track: array[int] = field(default_factory=lambda: array("q"))

    @property
    def has_meta(self) -> bool:
        """Whether there is an element ``meta``."""
        return self.meta.tag == "meta"

    @property
    def has_tracks(self) -> bool:
        """Whether there is an element ``track``; tags of frames are among the tracks, too."""
        return any("frame" not in track.given for track in self.tracks)

    def place(self, offset: int) -> str:
        """Return file and line of an offset."""
        return f"{self.where}:{self.lines.at(offset)}"


def scan_file(data: memoryview, name: str, where: str, ledger: Ledger) -> Scan:
    """Index a file.

    Raises:
        InputError: It is no CVAT file.
        RecordError: A part is no well-formed XML and the ledger does not skip bad records.
    """
    text, start = open_text(data, where)
    scan = Scan(name, where, text, parse_part(b"", where), Lines(text))
    _Scanner(scan, ledger).run(start)
    if not scan.has_meta and not scan.image_start and not scan.has_tracks:
        raise InputError(
            "not a CVAT file: it has no <meta>, and neither <image> nor <track>",
            where=where,
            hint="export it again with CVAT, whose files name the labels there",
        )
    return scan


class _Scanner:
    """Walks over the elements below the root element."""

    def __init__(self, scan: Scan, ledger: Ledger) -> None:
        self._scan = scan
        self._ledger = ledger
        self._scopes: dict[tuple[str | None, str], int] = {}

    def run(self, start: int) -> None:
        """Note all images and tracks."""
        data = self._scan.data
        position, ended = start, False
        while (found := _TOP.search(data, position)) is not None:
            self._check_gap(position, found.start())
            kind = found[1]
            if kind is None:
                if bytes(data[found.start() : found.start() + 2]) == b"</":
                    ended = True
                    self._check_tail(found.end())
                    break
                end = _COMMENT_END.search(data, found.end())
                position = end.end() if end else len(data)
                continue
            position = self._element(kind, found.start())
        if not ended:
            self._bad("the file ends before </annotations>", len(data))

    def _check_tail(self, position: int) -> None:
        rest = bytes(self._scan.data[position : position + _GAP]).strip()
        if rest and not rest.startswith(b"<!--"):
            self._bad("there is something behind </annotations>", position)

    def _check_gap(self, start: int, stop: int) -> None:
        """Look at what lies between the elements: nothing, or elements that are not known."""
        if stop - start > 16 or bytes(self._scan.data[start:stop]).strip():
            between = bytes(self._scan.data[start : min(stop, start + _GAP)])
            if between.strip() and stop - start <= _GAP:
                try:
                    for element in parse_part(between, ""):
                        if element.tag != "version":
                            self._ledger.warn(f"<{element.tag}> is not known and left out")
                except RecordError as error:
                    self._bad(error.message, start)

    def _tell_between(self, start: int, stop: int) -> None:
        """Warn of elements between the shapes of a track."""
        for name in _ANY.findall(self._scan.data[start : min(stop, start + _GAP)]):
            what = name.decode("utf-8", "replace")
            self._ledger.warn(f"<{what}> in a <track> is not known and left out")

    def _bad(self, message: str, offset: int) -> None:
        place = self._scan.place(min(offset, len(self._scan.data)))
        hint = "the file may be cut off; export it again"
        self._ledger.bad_record(RecordError(message, where=place, hint=hint))

    def _element(self, kind: bytes, start: int) -> int:
        """Note one element and return where it ends."""
        data = self._scan.data
        tag = _TAG.match(data, start)
        if tag is None:
            self._bad(f"no well-formed XML: <{kind.decode()}> has damaged attributes", start)
            return start + 1 + len(kind)
        if kind == b"track":
            return self._track(tag)
        end = tag.end()
        if not tag[3]:
            closing = _ENDS[kind].search(data, end)
            if closing is None:
                self._bad(f"<{kind.decode()}> has no end", start)
                return len(data)
            end = closing.end()
        if kind == b"meta":
            try:
                self._scan.meta = parse_part(bytes(data[start:end]), self._scan.where)[0]
            except RecordError as error:  # without the labels there is nothing to read
                where = self._scan.place(start)
                raise InputError(
                    f"<meta>: {error.message}", where=where, hint=error.hint
                ) from error
        elif kind == b"image":
            self._image(tag, end)
        else:
            number = self._open_track(tag, -1)  # a track of its own
            if number is not None:
                self._shape(tag, end, number)
        return end

    def _given(self, tag: re.Match[bytes]) -> dict[str, str] | None:
        try:
            return attributes_of(tag[2])
        except ValueError as error:
            self._bad(f"<{tag[1].decode()}> is no well-formed XML: {error}", tag.start())
            return None

    def _scope(self, given: dict[str, str]) -> int:
        key = (given.get("subset"), given.get("task_id", ""))
        known = self._scopes.get(key)
        if known is None:
            known = self._scopes[key] = len(self._scopes)
            self._scan.scopes.append(Scope(*key))
        return known

    def _image(self, tag: re.Match[bytes], end: int) -> None:
        given = self._given(tag)
        if given is None:
            return
        scan = self._scan
        number = given.get("id", "").strip()
        frame = int(number) if number.isdecimal() and len(number) < 16 else -1
        name = given.get("name") or f"frame_{max(frame, 0):06d}.png"
        scan.image_start.append(tag.start())
        scan.image_end.append(end)
        scan.image_frame.append(frame)
        scan.image_scope.append(self._scope(given))
        scan.image_key.append(hash((given.get("subset"), name)))
        scan.image_stem.append(hash((given.get("subset"), stem_of(name))))

    def _shape(self, tag: re.Match[bytes], end: int, track: int) -> None:
        frame = _FRAME.search(tag[2])
        if frame is None:
            self._bad(f"<{tag[1].decode()}> of a track has no frame", tag.start())
            return
        scan = self._scan
        scan.shape_start.append(tag.start())
        scan.shape_end.append(end)
        scan.shape_frame.append(int(frame[1]))
        scan.shape_track.append(track)

    def _open_track(self, tag: re.Match[bytes], outer: int) -> int | None:
        given = self._given(tag)
        if given is None:
            return None
        for name in given.keys() - _TRACK_KNOWN if tag[1] == b"track" else ():
            self._ledger.warn(f"the attribute {name} of tracks is not known and left out")
        tracks = self._scan.tracks
        number = len(tracks)
        top = number if outer < 0 else tracks[outer].top
        scope = self._scope(given) if outer < 0 else tracks[outer].scope
        tracks.append(Track(given, top, scope))
        return number

    def _track(self, tag: re.Match[bytes]) -> int:
        """Note the shapes of a track and of the tracks inside it; return where it ends."""
        data, position = self._scan.data, tag.end()
        number = self._open_track(tag, -1)
        if tag[3]:
            return position
        open_tracks = [number]
        if number is not None:
            position = self._plain(position, number)
        while (found := _INNER.search(data, position)) is not None:
            kind, start = found[1], found.start()
            self._tell_between(position, start)
            if kind is None:
                if bytes(data[start : start + 2]) == b"</":
                    open_tracks.pop()
                    position = found.end()
                    if not open_tracks:
                        return position
                    continue
                end = _COMMENT_END.search(data, start)
                position = end.end() if end else len(data)
                continue
            position = self._inside(kind, start, open_tracks)
        self._bad("<track> has no end", tag.start())
        return len(data)

    def _plain(self, position: int, track: int) -> int:
        """Note the plain shapes at the beginning of a track; return where they end."""
        scan, match = self._scan, _PLAIN.match
        data, starts, ends = scan.data, scan.shape_start, scan.shape_end
        frames, first = scan.shape_frame, len(scan.shape_start)
        while (found := match(data, position)) is not None:
            start, position = found.span(1)
            starts.append(start)
            ends.append(position)
            frames.append(int(found[3]))
        scan.shape_track.extend([track] * (len(starts) - first))
        return position

    def _inside(self, kind: bytes, start: int, open_tracks: list[int | None]) -> int:
        """Note a shape or an inner track; return where to go on."""
        data = self._scan.data
        tag = _TAG.match(data, start)
        if tag is None:
            self._bad(f"no well-formed XML: <{kind.decode()}> has damaged attributes", start)
            return start + 1 + len(kind)
        outer = open_tracks[-1]
        if kind == b"track":
            inner = self._open_track(tag, outer) if outer is not None else None
            if not tag[3]:
                open_tracks.append(inner)
            return tag.end()
        end = tag.end()
        if not tag[3]:
            closing = _ENDS[kind].search(data, end)
            if closing is None:
                self._bad(f"<{kind.decode()}> has no end", start)
                return len(data)
            end = closing.end()
        if outer is not None:
            self._shape(tag, end, outer)
        return end
