"""The short way through tracklet files that are as boost writes them.

Such a file is elements in a known order without entities, comments or anything that is optional
elsewhere, so patterns read it at a third of a parser's cost, and without a copy of the file as
text. Whatever they do not cover, down to one odd number, leaves the file to ``grammar``, which says
what is wrong with it.
"""

from __future__ import annotations

import functools
import re
from math import isfinite
from typing import TYPE_CHECKING, Any

import msgspec

from dsk.xmltext import declared_encoding
from dsk_pointcloud.kitti_raw.grammar import Pose, Tracklet, value_of
from dsk_pointcloud.kitti_raw.states import AMT, NO_AMT, OCCLUSION, STATE, TRUNCATION, State

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["read_regular"]

_DATUMARO_AMT = (AMT[0], AMT[2], AMT[3], AMT[1], AMT[4])
_SPACE = r"[ \t\r\n]*+"  # what follows is never space, so nothing is to be tried again
_OPEN = rf'(?:[ \t\r\n]+\w+="[\w.: -]*+")*+{_SPACE}>{_SPACE}'  # the rest of a start tag
_TEXT, _COUNT = "([^<]*+)", rf"{_SPACE}(\d{{1,9}}){_SPACE}"


def _element(name: str, content: str = _TEXT) -> str:
    return rf"<{name}>{content}</{name}>{_SPACE}"


def _attribute(content: str) -> str:
    return _element("attribute", _SPACE + _element("name", content) + _element("value", content))


def _pattern(text: str) -> re.Pattern[bytes]:
    return re.compile(text.encode())


@functools.cache
def _state_pattern(amt: tuple[str, ...]) -> re.Pattern[bytes]:
    custom = "((?:" + _attribute("[^<]*") + ")*)"
    return _pattern(
        rf"{_TEXT}</state>{_SPACE}"
        + "".join(map(_element, ("occlusion", "occlusion_kf", "truncation")))
        + f"(?:{''.join(map(_element, amt))})?"
        + rf"(?:<attributes>{_SPACE}{custom}</attributes>{_SPACE})?</item>{_SPACE}"
    )


_DECLARATIONS = _pattern(
    rf'(?:\xef\xbb\xbf)?{_SPACE}(?:<\?xml(?: \w+="[\w.-]*")*{_SPACE}\?>)?{_SPACE}'
    rf"(?:<!DOCTYPE +[\w.-]+{_SPACE}>)?{_SPACE}"
)
_VERSION = "(?:" + _element("item_version", r"[ \t\r\n\d]*") + ")?"
_HEAD = _pattern(
    rf"<boost_serialization{_OPEN}<tracklets{_OPEN}" + _element("count", _COUNT) + _VERSION
)
_TRACK = _pattern(
    f"<item{_OPEN}"
    + _element("objectType", r"([^<\x00-\x1f]+)")
    + "".join(map(_element, ("h", "w", "l", "first_frame")))
    + f"<poses{_OPEN}"
    + _element("count", _COUNT)
    + _VERSION
)
_PLACE = _pattern(
    f"<item{_OPEN}" + "".join(map(_element, ("tx", "ty", "tz", "rx", "ry", "rz"))) + "<state>"
)
_POSE_END = _pattern(f"</item>{_SPACE}")
_FINISHED = _element("finished", rf"{_SPACE}([01]){_SPACE}")
_TRACK_END = _pattern(rf"</poses>{_SPACE}(?:{_FINISHED})?</item>{_SPACE}")
_END = _pattern(rf"</tracklets>{_SPACE}</boost_serialization>{_SPACE}")
_ATTRIBUTE = _pattern(_attribute(_TEXT))

_CODES = tuple({b"%d" % n: n for n in names.values()} for names in (STATE, OCCLUSION, TRUNCATION))
_FLAGS = {b"0": 0, b"1": 1}
_ENCODINGS = ("", "utf-8", "utf8")
_MAX_FRAME = 10**9
_MAX_KNOWN = 10_000


def read_regular(data: bytes) -> list[Tracklet] | None:
    """Read all tracklets of a file, or return None if it has to be parsed."""
    declarations = _DECLARATIONS.match(data)
    head = _HEAD.match(data, declarations.end()) if declarations is not None else None
    if head is None or declared_encoding(data) not in _ENCODINGS:
        return None
    at = head.end()
    if any(data.find(mark, at) >= 0 for mark in (b"&", b"!", b"?")):
        return None  # entities, comments, CDATA, instructions
    try:
        tracks = list(_tracks(data, at))
    except (ValueError, KeyError, msgspec.MsgspecError):
        return None
    return tracks if len(tracks) == int(head[1]) else None


def _tracks(data: bytes, at: int) -> Iterator[Tracklet]:
    """Yield the tracklets from a place on.

    Raises:
        ValueError: Something is not as it is as a rule.
        KeyError: Likewise.
    """
    number = 0
    known: dict[bytes, State] = {}
    while (head := _TRACK.match(data, at)) is not None:
        number += 1
        label, h, w, length, first, count = head.groups()
        size = float(h), float(w), float(length)
        start = int(first)
        if not label.strip() or not 0 <= start <= _MAX_FRAME:
            raise ValueError(label)
        if not min(size) > 0 or not isfinite(sum(size)):
            raise ValueError("size")
        poses, at = _poses(data, head.end(), known)
        tail = _TRACK_END.match(data, at)
        if tail is None or len(poses) != int(count):
            raise ValueError("count")
        yield Tracklet(number, label.decode(), size, start, poses, {}, int(tail[1] or 1))
        at = tail.end()
    if _END.fullmatch(data, at) is None:
        raise ValueError("end")


def _poses(data: bytes, at: int, known: dict[bytes, State]) -> tuple[list[Pose], int]:
    """Return the poses of a track, and where they end.

    Args:
        data: The file.
        at: Where the first pose begins.
        known: States by their text. Few texts stand for all poses of a file, unless these have
            attributes of their own.

    Raises:
        ValueError: Something is not as it is as a rule.
        KeyError: Likewise.
    """
    numbers: list[bytes] = []
    states: list[State] = []
    match = _PLACE.match
    text, state = b"", None
    while (found := match(data, at)) is not None:  # hot
        at = found.end()
        numbers += found.groups()
        if state is None or not data.startswith(text, at):
            end = _POSE_END.match(data, data.index(b"</item>", at))
            text = data[at : end.end()] if end is not None else b""
            state = known.get(text)
            if state is None:
                if len(known) > _MAX_KNOWN:
                    known.clear()
                state = known[text] = _state(text)
        at += len(text)
        states.append(state)
    # Decoding them as JSON takes a fifth of what float takes; what is no JSON number is rare.
    values = _decode(b"[%b]" % b",".join(numbers))
    if not isfinite(sum(values)):
        raise ValueError("not finite")
    each = iter(values)
    triples = zip(each, each, each, strict=True)
    return list(zip(triples, triples, states, strict=True)), at


_decode = msgspec.json.Decoder(list[float]).decode


def _state(text: bytes) -> State:
    for order in (AMT, _DATUMARO_AMT):
        found = _state_pattern(order).fullmatch(text)
        if found is not None:
            break
    else:
        raise ValueError("state")
    state, occlusion, kf, truncation, *texts, custom = found.groups()
    states, occlusions, truncations = _CODES
    amt = NO_AMT
    if texts[0] is not None:
        numbers = dict(zip(order, map(float, texts), strict=True))
        if not isfinite(sum(numbers.values())):
            raise ValueError("amt")
        amt = tuple(numbers[name] for name in AMT)
    return State(
        states[state],
        occlusions[occlusion],
        _FLAGS[kf],
        truncations[truncation],
        amt,
        _attributes(custom) if custom is not None else None,
    )


def _attributes(text: bytes) -> dict[str, Any]:
    pairs = [(name.decode().strip(), value.decode()) for name, value in _ATTRIBUTE.findall(text)]
    return {name: value_of(value) for name, value in pairs if name}
