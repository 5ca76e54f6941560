"""The tracklet grammar of the KITTI raw development kit (``tracklets.h``).

Pose k of a tracklet belongs to frame ``first_frame`` + k. Sizes are metres, angles radians, in the
Velodyne frame; the stored point is the centre of the box's bottom face.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from msgspec import Struct

from dsk.errors import RecordError
from dsk_pointcloud.frames import is_finite

if TYPE_CHECKING:
    from xml.etree.ElementTree import Element

    from dsk.loss import Ledger

__all__ = [
    "AMT",
    "NO_AMT",
    "OCCLUSION",
    "STATE",
    "TRUNCATION",
    "Pose",
    "Tracklet",
    "enum_value",
    "read_tracklets",
    "value_of",
]

STATE = {"UNSET": 0, "INTERP": 1, "LABELED": 2}
OCCLUSION = {"OCCLUSION_UNSET": -1, "VISIBLE": 0, "PARTLY": 1, "FULLY": 2}
TRUNCATION = {
    "TRUNCATION_UNSET": -1,
    "IN_IMAGE": 0,
    "TRUNCATED": 1,
    "OUT_IMAGE": 2,
    "BEHIND_IMAGE": 99,
}
AMT = ("amt_occlusion", "amt_occlusion_kf", "amt_border_l", "amt_border_r", "amt_border_kf")
"""Answers of Mechanical Turk workers; -1 stands for none. In the development kit's order."""

NO_AMT = (-1.0,) * len(AMT)
_NO_AMT_TEXT = ("-1",) * len(AMT)
_MAX_FRAME = 10**9

# What nearly all files hold, without a call each.
_FAST_STATE: dict[str | None, int] = {str(n): n for n in STATE.values()}
_FAST_OCCLUSION: dict[str | None, int] = {str(n): n for n in OCCLUSION.values()}
_FAST_TRUNCATION: dict[str | None, int] = {str(n): n for n in TRUNCATION.values()}


class Pose(Struct, frozen=True, gc=False):
    """Where a box is in one frame."""

    translation: tuple[float, float, float]
    rotation: tuple[float, float, float]
    state: int
    occlusion: int
    occlusion_kf: int
    truncation: int
    amt: tuple[float, ...]
    attributes: dict[str, Any] | None


class Tracklet(Struct):
    """One object over consecutive frames.

    Attributes:
        number: Its place in the file, from 1.
        label: Name of its class.
        size: Height, width, length in metres.
        first: Frame of the first pose.
        poses: One per frame.
        attributes: Named values of the whole track.
        finished: Whether its labelling was finished.
    """

    number: int
    label: str
    size: tuple[float, float, float]
    first: int
    poses: list[Pose]
    attributes: dict[str, Any]
    finished: int


def read_tracklets(root: Element, where: str, ledger: Ledger) -> list[Tracklet]:
    """Read all tracklets; one that is damaged goes to the ledger.

    Raises:
        RecordError: The document is no tracklet file.
    """
    top = root.find("tracklets") if root.tag == "boost_serialization" else None
    if top is None:
        raise RecordError(
            f"no tracklet file: its root is <{root.tag}>, not <boost_serialization><tracklets>",
            where=where,
        )
    items = top.findall("item")
    declared = top.findtext("count", "").strip()
    if declared and declared != str(len(items)):
        ledger.warn(f"{where}: count says {declared} tracklets, there are {len(items)}")
    found = []
    for number, item in enumerate(items, 1):
        place = f"{where}#tracklet {number}"
        try:
            found.append(_tracklet(item, number, place, ledger))
        except ValueError as error:
            ledger.bad_record(RecordError(str(error), where=place, annotation=number))
    return found


def _tracklet(item: Element, number: int, where: str, ledger: Ledger) -> Tracklet:
    label = (item.findtext("objectType") or "").strip("\r\n\t")
    if not label.strip():
        raise ValueError("it has no objectType")
    size = tuple(_number(item, name) for name in ("h", "w", "l"))
    if min(size) <= 0:
        ledger.warn(f"{where.partition('#')[0]}: boxes have sizes of 0 or less; they are kept")
    text = (item.findtext("first_frame") or "").strip()
    try:
        first = int(text)
    except ValueError:
        raise ValueError(f"first_frame is {text!r}, not a number") from None
    if not 0 <= first <= _MAX_FRAME:
        raise ValueError(f"first_frame is {first}")
    poses = item.find("poses")
    if poses is None:
        raise ValueError("it has no poses")
    rows = poses.findall("item")
    declared = (poses.findtext("count") or "").strip()
    if declared and declared != str(len(rows)):
        ledger.warn(f"{where}: count says {declared} poses, there are {len(rows)}")
    finished = (item.findtext("finished") or "").strip()
    return Tracklet(
        number=number,
        label=label,
        size=(size[0], size[1], size[2]),
        first=first,
        poses=[_pose(row, n) for n, row in enumerate(rows)],
        attributes=_attributes(item),
        finished=int(finished) if finished.lstrip("-").isdigit() else 1,
    )


def _number(item: Element, name: str) -> float:
    text = item.findtext(name)
    if text is None:
        raise ValueError(f"it has no <{name}>")
    try:
        value = float(text)
    except ValueError:
        raise ValueError(f"<{name}> is {text[:40]!r}, not a number") from None
    if not is_finite(value):
        raise ValueError(f"<{name}> is {text.strip()}")
    return value


def _pose(row: Element, number: int) -> Pose:
    values: dict[str, Any] = {child.tag: child.text for child in row}
    try:  # hot: spelled out
        x, y, z = float(values["tx"]), float(values["ty"]), float(values["tz"])
        rx, ry, rz = float(values["rx"]), float(values["ry"]), float(values["rz"])
    except (ValueError, KeyError, TypeError):
        names = [n for n in ("tx", "ty", "tz", "rx", "ry", "rz") if not _is_number(values.get(n))]
        raise ValueError(f"pose {number}: {', '.join(names)} missing or no number") from None
    if not is_finite(x, y, z, rx, ry, rz):
        raise ValueError(f"pose {number}: a value is not finite")
    amt = NO_AMT
    if tuple(map(values.get, AMT)) != _NO_AMT_TEXT:
        amt = tuple(_plain_number(values.get(name), -1.0) for name in AMT)
    state = _FAST_STATE.get(values.get("state"))
    occlusion = _FAST_OCCLUSION.get(values.get("occlusion"))
    truncation = _FAST_TRUNCATION.get(values.get("truncation"))
    return Pose(
        (x, y, z),
        (rx, ry, rz),
        enum_value(values.get("state"), STATE, 2) if state is None else state,
        enum_value(values.get("occlusion"), OCCLUSION, -1) if occlusion is None else occlusion,
        0
        if values.get("occlusion_kf") == "0"
        else int(_plain_number(values.get("occlusion_kf"), 0)),
        enum_value(values.get("truncation"), TRUNCATION, 0) if truncation is None else truncation,
        amt,
        _attributes(row) if "attributes" in values else None,
    )


def _is_number(text: str | None) -> bool:
    try:
        return text is not None and float(text) is not None
    except ValueError:
        return False


def _plain_number(text: str | None, default: float) -> float:
    try:
        value = float(text) if text else default
    except ValueError:
        return default
    return value if is_finite(value) else default


def enum_value(text: Any, names: dict[str, int], default: int) -> int:
    """Return the number of an enum's value: a number, or a name with or without its class.

    Datumaro writes ``TruncationStates.OUT_IMAGE`` where the kit has 2; parseTrackletXML.py knows 3
    for what the kit calls 99.

    Raises:
        ValueError: It is no value of the enum.
    """
    if text is None or (isinstance(text, str) and not text.strip()):
        return default
    word = str(text).strip()
    name = word.rpartition(".")[2].upper()
    if name in names:
        return names[name]
    if name == "UNSET":
        return -1
    try:
        number = int(float(word))
    except (ValueError, OverflowError):
        known = ", ".join(names)
        raise ValueError(f"{word[:40]!r} is none of {known}") from None
    if number == 3 and 99 in names.values():
        return 99
    if number not in names.values():
        raise ValueError(f"{number} is none of {sorted(names.values())}")
    return number


def _attributes(item: Element) -> dict[str, Any]:
    box = item.find("attributes")
    found: dict[str, Any] = {}
    for one in box.findall("attribute") if box is not None else ():
        name = (one.findtext("name") or "").strip()
        if name:
            found[name] = value_of(one.findtext("value") or "")
    return found


def value_of(text: str) -> Any:
    """Return an attribute's value as Datumaro reads it: truth, number, else text."""
    if text in ("true", "false"):
        return text == "true"
    for kind in (int, float):
        try:
            value = kind(text)
        except (ValueError, OverflowError):
            continue
        if str(value) == text and is_finite(value):
            return value
    return text
