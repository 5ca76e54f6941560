"""From tracks to the text of ``tracklet_labels.xml``: the development kit's order and versions.

Boost's reader checks tags in their order, so nothing is reordered, and only custom attributes, when
asked for, make a file that it cannot read.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any
from xml.sax.saxutils import escape

from msgspec import Struct

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

__all__ = ["PoseRow", "Track", "attribute_text", "tracklets_xml", "xml_text"]

# What XML 1.0 cannot say at all, not even escaped.
_ILLEGAL = re.compile("[^\t\n\r -\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_MORE = {"\r": "&#13;", "\n": "&#10;", "\t": "&#9;"}


class PoseRow(Struct, array_like=True):
    """A pose to be written.

    Attributes:
        frame: Its frame.
        numbers: tx, ty, tz, rx, ry, rz.
        state: See ``grammar.STATE``, likewise the next three.
        occlusion: See above.
        occlusion_kf: 1 for a keyframe.
        truncation: See above.
        amt: Five numbers in the kit's order.
        attributes: Custom attributes as text, already chosen.
    """

    frame: int
    numbers: tuple[float, float, float, float, float, float]
    state: int
    occlusion: int
    occlusion_kf: int
    truncation: int
    amt: tuple[float, ...]
    attributes: list[tuple[str, str]]


class Track(Struct):
    """A track to be written: label, size (h, w, l), poses in the order of frames."""

    label: str
    size: tuple[float, float, float]
    finished: int
    poses: list[PoseRow]


def xml_text(text: str) -> str:
    """Return a text as XML says it.

    Raises:
        ValueError: It holds characters that XML cannot.
    """
    found = _ILLEGAL.search(text)
    if found:
        raise ValueError(f"XML cannot hold the character U+{ord(found[0]):04X}")
    return escape(text, _MORE)


def attribute_text(value: Any) -> str:
    """Return an attribute's value as text that ``grammar.value_of`` reads back."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return "" if value is None else str(value)


_HEAD = """\
<?xml version="1.0" encoding="UTF-8" standalone="yes" ?>
<!DOCTYPE boost_serialization>
<boost_serialization signature="serialization::archive" version="9">
<tracklets class_id="0" tracking_level="0" version="0">
\t<count>%d</count>
\t<item_version>1</item_version>
"""
_TAIL = "</tracklets>\n</boost_serialization>\n"
_POSE = """\
\t\t\t<item%s>
\t\t\t\t<tx>%r</tx>
\t\t\t\t<ty>%r</ty>
\t\t\t\t<tz>%r</tz>
\t\t\t\t<rx>%r</rx>
\t\t\t\t<ry>%r</ry>
\t\t\t\t<rz>%r</rz>
\t\t\t\t<state>%d</state>
\t\t\t\t<occlusion>%d</occlusion>
\t\t\t\t<occlusion_kf>%d</occlusion_kf>
\t\t\t\t<truncation>%d</truncation>
\t\t\t\t<amt_occlusion>%s</amt_occlusion>
\t\t\t\t<amt_occlusion_kf>%s</amt_occlusion_kf>
\t\t\t\t<amt_border_l>%s</amt_border_l>
\t\t\t\t<amt_border_r>%s</amt_border_r>
\t\t\t\t<amt_border_kf>%s</amt_border_kf>
%s\t\t\t</item>
"""


def tracklets_xml(tracks: list[Track]) -> Iterator[bytes]:
    """Yield the file piece by piece, a track at a time."""
    yield (_HEAD % len(tracks)).encode()
    first_pose = ' class_id="3" tracking_level="0" version="2"'
    for number, track in enumerate(tracks):
        item = ' class_id="1" tracking_level="0" version="1"' if not number else ""
        poses = ' class_id="2" tracking_level="0" version="0"' if not number else ""
        h, w, length = track.size
        head = (
            f"\t<item{item}>\n\t\t<objectType>{xml_text(track.label)}</objectType>\n"
            f"\t\t<h>{h!r}</h>\n\t\t<w>{w!r}</w>\n\t\t<l>{length!r}</l>\n"
            f"\t\t<first_frame>{track.poses[0].frame}</first_frame>\n"
            f"\t\t<poses{poses}>\n\t\t\t<count>{len(track.poses)}</count>\n"
            "\t\t\t<item_version>2</item_version>\n"
        )
        parts = [head]
        for pose in track.poses:
            parts.append(
                _POSE
                % (
                    first_pose,
                    *pose.numbers,
                    pose.state,
                    pose.occlusion,
                    pose.occlusion_kf,
                    pose.truncation,
                    *map(_plain, pose.amt),
                    _attributes(pose.attributes),
                )
            )
            first_pose = ""
        parts.append(f"\t\t</poses>\n\t\t<finished>{track.finished}</finished>\n\t</item>\n")
        yield "".join(parts).encode()
    yield _TAIL.encode()


def _plain(value: float) -> str:
    return str(int(value)) if value == int(value) else repr(value)


def _attributes(pairs: Iterable[tuple[str, str]]) -> str:
    rows = "".join(
        f"\t\t\t\t\t<attribute>\n\t\t\t\t\t\t<name>{xml_text(name)}</name>\n"
        f"\t\t\t\t\t\t<value>{xml_text(value)}</value>\n\t\t\t\t\t</attribute>\n"
        for name, value in pairs
    )
    return f"\t\t\t\t<attributes>\n{rows}\t\t\t\t</attributes>\n" if rows else ""
