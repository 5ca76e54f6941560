"""The short way through tracklet files that are as boost writes them.

Such a file is elements in a known order without entities, comments or anything that is optional
elsewhere, so patterns and splits read it at an eighth of a parser's cost, and without a copy of the
file as text. Whatever they do not cover, down to one odd number, leaves the file to ``grammar``,
which says what is wrong with it.
"""

from __future__ import annotations

import functools
import re
from itertools import pairwise
from math import isfinite
from typing import TYPE_CHECKING, Any

import msgspec

from dsk.xmltext import declared_encoding
from dsk_pointcloud.kitti_raw.grammar import Tracklet, value_of
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
        f"{_SPACE}<state>{_TEXT}</state>{_SPACE}"
        + "".join(map(_element, ("occlusion", "occlusion_kf", "truncation")))
        + f"(?:{''.join(map(_element, amt))})?"
        + rf"(?:<attributes>{_SPACE}{custom}</attributes>{_SPACE})?</item>{_SPACE}<item{_OPEN}<tx>"
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
_POSE = _pattern(f"<item{_OPEN}<tx>")
_FINISHED = _element("finished", rf"{_SPACE}([01]){_SPACE}")
_TRACK_END = _pattern(rf"</poses>{_SPACE}(?:{_FINISHED})?</item>{_SPACE}")
_END = _pattern(rf"</tracklets>{_SPACE}</boost_serialization>{_SPACE}")

_CODES = tuple({b"%d" % n: n for n in names.values()} for names in (STATE, OCCLUSION, TRUNCATION))
_FLAGS = {b"0": 0, b"1": 1}
_ENCODINGS = ("", "utf-8", "utf8")
_MAX_FRAME = 10**9
_MAX_KNOWN = 10_000

_RZ, _POSES = b"</rz>", b"</poses>"
_NEXT = b"<item><tx>"  # what follows a pose that is not the last
_AXES = ("tx", "ty", "tz", "rx", "ry", "rz")
_PLACE = _pattern("".join(f"(</{one}>{_SPACE}<{other}>)" for one, other in pairwise(_AXES)))
_NUMBERS = b"+-.0123456789Ee"
_COMMAS = bytes.maketrans(b"/>", b", ")  # "1</tx>\n<ty>2" becomes "1, \n 2"
_LETTERS = b"<txyzr"

_decode = msgspec.json.Decoder(list[float]).decode


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
    known = _States()
    while (head := _TRACK.match(data, at)) is not None:
        number += 1
        label, h, w, length, first, count = head.groups()
        size = float(h), float(w), float(length)
        start = int(first)
        if not label.strip() or not 0 <= start <= _MAX_FRAME:
            raise ValueError(label)
        if not min(size) > 0 or not isfinite(sum(size)):
            raise ValueError("size")
        end = _end_of_poses(data, head.end())
        places, states = _poses(data, head.end(), end, known)
        tail = _TRACK_END.match(data, end)
        if tail is None or len(states) != int(count):
            raise ValueError("count")
        yield Tracklet(number, label.decode(), size, start, places, states, {}, int(tail[1] or 1))
        at = tail.end()
    if _END.fullmatch(data, at) is None:
        raise ValueError("end")


def _end_of_poses(data: bytes, at: int) -> int:
    """Return where the poses that begin at a place end.

    Looking for one letter that their tags have not takes a twelfth of looking for the end itself.

    Raises:
        ValueError: They do not end.
    """
    at = data.index(b"p", at)
    while not data.startswith(_POSES, at - 2):
        at = data.index(b"p", at + 1)
    return at - 2


class _States(dict[bytes, State]):
    """States by their text, from the end of a pose's last number to the next pose's first one.

    Few texts stand for all poses of a file, unless these have attributes of their own.
    """

    def __missing__(self, text: bytes) -> State:
        """Read a state.

        Raises:
            ValueError: Something is not as it is as a rule.
            KeyError: Likewise.
        """
        if len(self) > _MAX_KNOWN:
            self.clear()
        state = self[text] = _state(text)
        return state


def _poses(data: bytes, start: int, end: int, known: _States) -> tuple[list[float], list[State]]:
    """Return the numbers and the states of a track's poses.

    Args:
        data: The file.
        start: Where the first pose begins.
        end: Where the last one ends.
        known: States met before.

    Raises:
        ValueError: Something is not as it is as a rule.
        KeyError: Likewise.
    """
    first = _POSE.match(data, start, end)
    if first is None:
        if start != end:
            raise ValueError("poses")
        return [], []
    place, *pieces, last = data[first.end() : end].split(_RZ)
    places, states = [place], []
    tail = known[last + _NEXT]
    text, state = _RZ, tail  # no piece begins so
    after: dict[bytes, bytes] = {}  # what came when it changed last: as a rule that comes again
    for piece in pieces:  # hot
        if not piece.startswith(text):
            was, text = text, after.get(text, _RZ)
            if not piece.startswith(text):
                text = after[was] = piece[: piece.rindex(b"<tx>") + 4]
            state = known[text]
        places.append(piece[len(text) :])
        states.append(state)
    states.append(tail)
    return _numbers(places), states


def _numbers(places: list[bytes]) -> list[float]:
    """Return the numbers of places, six of each.

    Args:
        places: ``1</tx><ty>2</ty>…`` to ``<rz>6``.

    Raises:
        ValueError: Something is not as it is as a rule.
    """
    # But for numbers, each place must be the tags and space of the first, in pieces that no number
    # parts: numbers stand between tags only then. Without letters tags are commas.
    text = b"</".join(places)
    tags = places[0].translate(None, _NUMBERS)
    between = _PLACE.fullmatch(tags)
    expected = b"</".join([tags] * len(places))
    if between is None or text.translate(None, _NUMBERS) != expected:
        raise ValueError("place")
    if any(text.count(piece) != len(places) for piece in between.groups()):
        raise ValueError("place")
    if b"-0<" in text or text.endswith(b"-0"):
        raise ValueError("place")  # JSON's -0 has no sign
    # Decoding them as JSON takes a fifth of what float takes; what is no JSON number is rare.
    values = _decode(b"[%b]" % text.translate(_COMMAS, _LETTERS))
    if not isfinite(sum(values)):
        raise ValueError("place")
    return values


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
    found = re.findall(_attribute(_TEXT).encode(), text)
    pairs = [(name.decode().strip(), value.decode()) for name, value in found]
    return {name: value_of(value) for name, value in pairs if name}
