"""Plain shapes in the writing of CVAT and Datumaro, read without an XML parser.

Whatever is odd, damaged or written in another way is left to the parser, which says what is wrong.
"""

from __future__ import annotations

import re
from math import isfinite
from typing import TYPE_CHECKING, Any

from msgspec import Struct

from dsk.annotations import Bbox, Points, Polygon, PolyLine, RotatedBbox
from dsk.errors import RecordError
from dsk_cvat.numerals import numbers_of, whole_number
from dsk_cvat.xmltext import parse_part

if TYPE_CHECKING:
    from collections.abc import Iterator
    from xml.etree.ElementTree import Element

    from dsk.annotations import Annotation
    from dsk_cvat.scan import Scan
    from dsk_cvat.shapes import ShapeReader, Tracked

__all__ = ["QuickReader"]

_BAD = r"&<\x00-\x1f"
_SPACE = "[ \t\r\n]"
_MALFORMED = re.compile("]]>|[\ufffe\uffff]")  # text that XML refuses besides ``_BAD``
_VALUE = f'[^"{_BAD}]*'
_NUMBER = '"([-+]?[0-9][0-9.eE+-]*)"'
_FLAGS = f'((?: (?:source|occluded|outside|keyframe|z_order|group_id)="{_VALUE}")*)'
_ATTRIBUTES = rf'((?:<attribute name="{_VALUE}">[^{_BAD}]*</attribute>{_SPACE}*)*)'


def _shapes(start: str) -> str:
    """Return the pattern of a shape; the pattern of its first attribute is given."""
    return (
        rf"<(box|polygon|polyline|points) {start}{_FLAGS}"
        rf" (?:xtl={_NUMBER} ytl={_NUMBER} xbr={_NUMBER} ybr={_NUMBER}(?: rotation={_NUMBER})?"
        rf'|points="({_VALUE})"){_FLAGS} ?(?:/>|>{_SPACE}*{_ATTRIBUTES}</\1>)'
    )


_OF_IMAGE = re.compile(_shapes(f'label="({_VALUE})"'))
_OF_TRACK = re.compile(_shapes(r'frame="\d+"').encode())
_FIELDS = _OF_IMAGE.groups + 1  # what ``split`` gives per shape: its groups and what follows
_IMAGE = re.compile(rf'<image((?: [a-z_]+="{_VALUE}")*) ?(/?)>')
_IMAGE_END = "</image>"
_PAIR = re.compile(r'([a-z_]+)="([^"]*)"')
_ATTRIBUTE = re.compile(r'<attribute name="([^"]*)">([^<]*)<')
_OUTLINES = {"polygon": Polygon, "polyline": PolyLine, "points": Points}
_CACHE = 10_000
_KEYFRAMES = 200_000  # parsed keyframes that are kept at once


_Flags = tuple[bytes, bytes, bytes | None]
"""Attributes before the geometry and behind it, and the elements inside."""


class _Key(Struct, frozen=True, gc=False):
    """A shape of a track: its geometry, and the texts that its other facts come from."""

    tag: str
    numbers: list[float]
    turn: float | None
    flags: _Flags


class QuickReader:
    """Makes annotations of plain shapes.

    Args:
        reader: For labels and values of attributes.
    """

    def __init__(self, reader: ShapeReader) -> None:
        self._reader = reader
        self._of_image: dict[tuple[str, str, str, str | None], dict[str, Any]] = {}
        self._of_track: dict[tuple[Tracked, _Flags, bool], dict[str, Any]] = {}
        self._keys: dict[tuple[str, int], _Key] = {}

    def image(self, text: str) -> tuple[dict[str, str], list[Annotation | Element]] | None:
        """Return an image's attributes and its shapes, those that are not plain as elements.

        Args:
            text: The element.
        """
        head = _IMAGE.match(text)
        if head is None:
            return None
        try:
            given = _pairs(head[1])
        except ValueError:
            return None
        if head[2]:
            return given, []
        if not text.endswith(_IMAGE_END):
            return None
        pieces = _OF_IMAGE.split(text[head.end() : -len(_IMAGE_END)])
        try:
            return given, list(self._shapes(pieces))
        except (ValueError, RecordError):
            return None  # the parser says what is wrong

    def _shapes(self, pieces: list[str]) -> Iterator[Annotation | Element]:
        fields = iter(pieces)
        yield from _parsed(next(fields))
        known = self._of_image
        for tag, name, flags, x1, y1, x2, y2, turn, points, more, inner, rest in zip(
            *[fields] * _FIELDS, strict=True
        ):
            try:
                facts = known[name, flags, more, inner]
            except KeyError:
                facts = self._facts_of_image(name, flags, more, inner)
            if points is not None:
                yield _OUTLINES[_outline(tag)](numbers_of(points), **facts)
            elif tag == "box":
                x, y = float(x1), float(y1)
                w, h = float(x2) - x, float(y2) - y
                if not isfinite(x + y + w + h) or w < 0 or h < 0:
                    raise ValueError("not finite, or its corners are swapped")
                angle = float(turn) if turn else 0.0
                if not isfinite(angle):
                    raise ValueError("not finite")
                if angle % 360:
                    yield RotatedBbox(x + w / 2, y + h / 2, w, h, angle, **facts)
                else:
                    yield Bbox(x, y, w, h, **facts)
            else:
                raise ValueError("no points")
            if rest:
                yield from _parsed(rest)

    def _facts_of_image(
        self, name: str, flags: str, more: str, inner: str | None
    ) -> dict[str, Any]:
        label = self._reader.declared(name)
        given, attributes = self._given(label, flags, more, inner or "")
        facts = {
            "label": label,
            "group": whole_number(given.get("group_id")),
            "z_order": whole_number(given.get("z_order")),
            "attributes": attributes,
            "extra": self._reader.extra_of(given.get("source")),
        }
        if len(self._of_image) > _CACHE:
            self._of_image.clear()
        self._of_image[name, flags, more, inner] = facts
        return facts

    def _given(
        self, label: int | None, flags: str, more: str, inner: str
    ) -> tuple[dict[str, str], dict[str, Any]]:
        """Return the attributes of an element, and those of its shape.

        Raises:
            ValueError: They are no well-formed XML.
        """
        given = _pairs(flags + more)
        if _MALFORMED.search(inner):
            raise ValueError("no well-formed XML")
        value, names = self._reader.value, self._reader.names
        pairs = [(names.get(n, n), text) for n, text in _ATTRIBUTE.findall(inner)]
        found = {n: value(label, n, text) for n, text in pairs}
        found["occluded"] = given.get("occluded") == "1"
        if given.get("outside") == "1":
            found["outside"] = True
        return given, found

    def tracked(
        self,
        scan: Scan,
        track: Tracked,
        rows: tuple[int, int],
        frame: int,
    ) -> Annotation | None:
        """Return a shape of a track, or None.

        Args:
            scan: The file.
            track: What the track says.
            rows: Number of the shape, and of the keyframe to interpolate to, or -1.
            frame: The frame, for interpolation.
        """
        shape, following = rows
        try:
            if following >= 0:
                return self._interpolated(scan, track, rows, frame)
            found = _match(scan.data, scan.shape_start[shape], scan.shape_end[shape])
            if found is None:
                return None
            tag, flags, x1, y1, x2, y2, turn, _, more, inner = found.groups()
            if tag != b"box" or x1 is None or turn is not None:
                key = _key(found)
                return self._made(key, key.numbers, key.turn, track, filled=False)
            own = (flags, more, inner)
            try:
                facts = self._of_track[track, own, False]
            except KeyError:
                facts = self._facts_of_track(track, own, filled=False)
            x, y = float(x1), float(y1)
            w, h = float(x2) - x, float(y2) - y
            if not isfinite(x + y + w + h) or w < 0 or h < 0:
                return None
            return Bbox(x, y, w, h, **facts)
        except ValueError:
            return None  # the parser says what is wrong

    def _interpolated(
        self, scan: Scan, track: Tracked, rows: tuple[int, int], frame: int
    ) -> Annotation | None:
        shape, following = rows
        key, other = self._kept(scan, shape), self._kept(scan, following)
        if key is None or other is None:
            return None
        numbers, turn = key.numbers, key.turn
        start = scan.shape_frame[shape]
        span = scan.shape_frame[following] - start
        if following != shape and span and key.tag == other.tag:
            numbers, turn = _between(key, other, (frame - start) / span)
        return self._made(key, numbers, turn, track, filled=True)

    def _kept(self, scan: Scan, shape: int) -> _Key | None:
        place = scan.name, shape
        known = self._keys.get(place)
        if known is None:
            found = _match(scan.data, scan.shape_start[shape], scan.shape_end[shape])
            if found is None:
                return None
            if len(self._keys) > _KEYFRAMES:
                self._keys.clear()
            known = self._keys[place] = _key(found)
        return known

    def _made(
        self,
        key: _Key,
        numbers: list[float],
        turn: float | None,
        track: Tracked,
        *,
        filled: bool,
    ) -> Annotation:
        try:
            facts = self._of_track[track, key.flags, filled]
        except KeyError:
            facts = self._facts_of_track(track, key.flags, filled=filled)
        if key.tag != "box":
            outline: Annotation = _OUTLINES[key.tag](numbers, **facts)
            return outline
        x, y, x2, y2 = numbers
        w, h = x2 - x, y2 - y
        if turn and turn % 360:
            return RotatedBbox(x + w / 2, y + h / 2, w, h, turn, **facts)
        return Bbox(x, y, w, h, **facts)

    def _facts_of_track(self, track: Tracked, flags: _Flags, *, filled: bool) -> dict[str, Any]:
        label = self._reader.declared(track.label)
        before, behind, inner = flags
        given, attributes = self._given(
            label, before.decode(), behind.decode(), (inner or b"").decode()
        )
        attributes["outside"] = given.get("outside") == "1"
        attributes["keyframe"] = not filled and given.get("keyframe") == "1"
        attributes["track_id"] = track.number
        facts = {
            "label": label,
            "id": track.number,
            "object_id": track.unique,
            "group": whole_number(given.get("group_id")) or track.group,
            "z_order": whole_number(given.get("z_order")),
            "attributes": attributes,
            "extra": self._reader.extra_of(given.get("source") or track.source),
        }
        if len(self._of_track) > _CACHE:
            self._of_track.clear()
        self._of_track[track, flags, filled] = facts
        return facts


def _parsed(text: str) -> list[Element]:
    """Return the elements of text in between plain shapes.

    Raises:
        RecordError: They are no well-formed XML.
    """
    return list(parse_part(text.encode(), "")) if text.strip(" \t\r\n") else []


def _pairs(text: str) -> dict[str, str]:
    """Return attributes.

    Raises:
        ValueError: One is given twice, or has characters that XML refuses.
    """
    pairs = _PAIR.findall(text)
    given = dict(pairs)
    if len(given) < len(pairs) or "\ufffe" in text or "\uffff" in text:
        raise ValueError("no well-formed XML")
    return given


def _outline(tag: str) -> str:
    if tag == "box":
        raise ValueError("a box has no points")
    return tag


_match = _OF_TRACK.fullmatch


def _key(found: re.Match[bytes]) -> _Key:
    """Return a shape of a track.

    Raises:
        ValueError: A number cannot be read, a tag has the numbers of another one, or the corners of
            a box are swapped.
    """
    tag, flags, x1, y1, x2, y2, turn, points, more, inner = found.groups()
    name = tag.decode()
    if points is None and name == "box":
        numbers = [float(x1), float(y1), float(x2), float(y2)]
        if numbers[0] > numbers[2] or numbers[1] > numbers[3]:
            raise ValueError("swapped corners")
    else:
        numbers = numbers_of((points or b"").decode())
        name = _outline(name)
    angle = float(turn) if turn else None
    if not isfinite(sum(numbers) + (angle or 0.0)):
        raise ValueError("not finite")
    return _Key(name, numbers, angle, (flags, more, inner))


def _between(a: _Key, b: _Key, share: float) -> tuple[list[float], float | None]:
    """Return numbers and rotation between two shapes of one kind, see ``interpolate.between``."""
    numbers, turn = a.numbers, a.turn
    if len(numbers) == len(b.numbers):
        numbers = [p + (q - p) * share for p, q in zip(numbers, b.numbers, strict=True)]
    if turn is not None or b.turn is not None:  # CVAT leaves out 0
        start = turn or 0.0
        way = ((b.turn or 0.0) - start + 180) % 360 - 180
        turn = (start + way * share) % 360
    return numbers, turn
