"""The short way through tracklet files that are as boost writes them.

Such a file is elements in a known order without entities, comments or anything that is optional
elsewhere, so patterns read it at a third of a parser's cost. Whatever they do not cover, down to
one odd number, leaves the file to ``grammar``, which says what is wrong with it.
"""

from __future__ import annotations

import functools
import re
from math import isfinite
from typing import TYPE_CHECKING, Any

import msgspec

from dsk_pointcloud.kitti_raw.grammar import (
    AMT,
    NO_AMT,
    OCCLUSION,
    STATE,
    TRUNCATION,
    Pose,
    Tracklet,
    value_of,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["read_regular"]

_DATUMARO_AMT = (AMT[0], AMT[2], AMT[3], AMT[1], AMT[4])
_OPEN = r'(?:\s+\w+="[^"<>&]*")*\s*>\s*'  # the rest of a start tag
_TEXT, _COUNT = "([^<]*)", r"\s*(\d{1,9})\s*"


def _element(name: str, content: str = _TEXT) -> str:
    return rf"<{name}>{content}</{name}>\s*"


def _attribute(content: str) -> str:
    return _element("attribute", r"\s*" + _element("name", content) + _element("value", content))


@functools.cache
def _state_pattern(amt: tuple[str, ...]) -> re.Pattern[str]:
    custom = "((?:" + _attribute("[^<]*") + ")*)"
    return re.compile(
        rf"{_TEXT}</state>\s*"
        + "".join(map(_element, ("occlusion", "occlusion_kf", "truncation")))
        + f"(?:{''.join(map(_element, amt))})?"
        + rf"(?:<attributes>\s*{custom}</attributes>\s*)?"
    )


_VERSION = "(?:" + _element("item_version", r"[\s\d]*") + ")?"
_HEAD = re.compile(
    rf"\s*<boost_serialization{_OPEN}<tracklets{_OPEN}" + _element("count", _COUNT) + _VERSION
)
_TRACK = re.compile(
    f"<item{_OPEN}"
    + _element("objectType", "([^<\x00-\x1f]+)")
    + "".join(map(_element, ("h", "w", "l", "first_frame")))
    + f"<poses{_OPEN}"
    + _element("count", _COUNT)
    + _VERSION
)
_TRACK_END = re.compile(r"</poses>\s*(?:" + _element("finished", r"\s*([01])\s*") + r")?</item>\s*")
_END = re.compile(r"</tracklets>\s*</boost_serialization>\s*")
_ATTRIBUTE = re.compile(_attribute(_TEXT))
_PLACE = re.compile(
    rf"\s*<item{_OPEN}" + "".join(map(_element, ("tx", "ty", "tz", "rx", "ry", "rz")))
)

_CODES = tuple({str(n): n for n in names.values()} for names in (STATE, OCCLUSION, TRUNCATION))
_FLAGS = {"0": 0, "1": 1}
_MAX_FRAME = 10**9
_MAX_KNOWN = 10_000

State = tuple[int, int, int, int, tuple[float, ...], dict[str, Any] | None]
"""What a pose says from its state on, as ``Pose`` has it."""


def read_regular(text: str) -> list[Tracklet] | None:
    """Read all tracklets of a file, or return None if it has to be parsed.

    Args:
        text: The file without its XML and document type declarations.
    """
    if any(mark in text for mark in "&!?"):  # entities, comments, CDATA, instructions
        return None
    head = _HEAD.match(text)
    if head is None:
        return None
    try:
        tracks = list(_tracks(text, head.end()))
    except (ValueError, KeyError, msgspec.MsgspecError):
        return None
    return tracks if len(tracks) == int(head[1]) else None


def _tracks(text: str, at: int) -> Iterator[Tracklet]:
    """Yield the tracklets from a place on.

    Raises:
        ValueError: Something is not as it is as a rule.
        KeyError: Likewise.
    """
    number = 0
    known: dict[str, State] = {}
    while (head := _TRACK.match(text, at)) is not None:
        number += 1
        label, h, w, length, first, count = head.groups()
        size = float(h), float(w), float(length)
        stop = text.find("</poses>", head.end())
        tail = _TRACK_END.match(text, stop) if stop >= 0 else None
        start = int(first)
        if tail is None or not label.strip() or not 0 <= start <= _MAX_FRAME:
            raise ValueError(label)
        if not min(size) > 0 or not isfinite(sum(size)):
            raise ValueError("size")
        poses = _poses(text[head.end() : stop], known)
        if len(poses) != int(count):
            raise ValueError("count")
        yield Tracklet(number, label, size, start, poses, {}, int(tail[1] or 1))
        at = tail.end()
    if _END.fullmatch(text, at) is None:
        raise ValueError("end")


def _poses(text: str, known: dict[str, State]) -> list[Pose]:
    """Return the poses of a track.

    Args:
        text: What stands between its first pose and ``</poses>``.
        known: States by their text. Few texts stand for all poses of a file, unless these have
            attributes of their own.

    Raises:
        ValueError: Something is not as it is as a rule.
        KeyError: Likewise.
    """
    numbers: list[str] = []
    states: list[State] = []
    match = _PLACE.fullmatch
    *items, rest = text.split("</item>")
    if rest.strip():
        raise ValueError("poses")
    for item in items:  # hot
        place, _, state = item.partition("<state>")
        found = match(place)
        if found is None:
            raise ValueError("pose")
        numbers += found.groups()
        try:
            states.append(known[state])
        except KeyError:
            if len(known) > _MAX_KNOWN:
                known.clear()
            facts = known[state] = _state(state)
            states.append(facts)
    # Decoding them as JSON takes a fifth of what float takes; what is no JSON number is rare.
    values = _decode(f"[{','.join(numbers)}]")
    if not isfinite(sum(values)):
        raise ValueError("not finite")
    each = iter(values)
    triples = zip(each, each, each, strict=True)
    return [Pose(p, r, *s) for p, r, s in zip(triples, triples, states, strict=True)]


_decode = msgspec.json.Decoder(list[float]).decode


def _state(text: str) -> State:
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
    return (
        states[state],
        occlusions[occlusion],
        _FLAGS[kf],
        truncations[truncation],
        NO_AMT if amt == NO_AMT else amt,
        _attributes(custom) if custom is not None else None,
    )


def _attributes(text: str) -> dict[str, Any]:
    return {
        name.strip(): value_of(value) for name, value in _ATTRIBUTE.findall(text) if name.strip()
    }
