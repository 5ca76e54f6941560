"""The tracklet grammar of the KITTI raw development kit (``tracklets.h``).

Pose k of a tracklet belongs to frame ``first_frame`` + k. Sizes are metres, angles radians, in the
Velodyne frame; the stored point is the centre of the box's bottom face.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from msgspec import Struct

from dsk.errors import RecordError
from dsk_pointcloud.frames import NO_SIZE, is_finite
from dsk_pointcloud.kitti_raw.states import (
    AMT,
    NO_AMT,
    OCCLUSION,
    STATE,
    TRUNCATION,
    State,
    enum_value,
)

if TYPE_CHECKING:
    from xml.etree.ElementTree import Element

    from dsk.loss import Ledger

__all__ = ["Tracklet", "read_tracklets", "value_of"]

_NO_AMT_TEXT = ("-1",) * len(AMT)
_MAX_FRAME = 10**9

# What nearly all files hold, without a call each.
_FAST_STATE: dict[str | None, int] = {str(n): n for n in STATE.values()}
_FAST_OCCLUSION: dict[str | None, int] = {str(n): n for n in OCCLUSION.values()}
_FAST_TRUNCATION: dict[str | None, int] = {str(n): n for n in TRUNCATION.values()}


class Tracklet(Struct):
    """One object over consecutive frames.

    Attributes:
        number: Its place in the file, from 1.
        label: Name of its class.
        size: Height, width, length in metres.
        first: Frame of the first pose; each further one is a frame later.
        places: tx, ty, tz, rx, ry, rz of each pose, one after the other.
        states: What else is said, of each pose.
        attributes: Named values of the whole track.
        finished: Whether its labelling was finished.
    """

    number: int
    label: str
    size: tuple[float, float, float]
    first: int
    places: list[float]
    states: list[State]
    attributes: dict[str, Any]
    finished: int


def read_tracklets(root: Element, where: str, ledger: Ledger) -> list[Tracklet]:
    """Read all tracklets; one that is damaged, or a pose, goes to the ledger.

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
        ledger.warn(f"{where.partition('#')[0]}: {NO_SIZE}")
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
    places: list[float] = []
    states = []
    for n, row in enumerate(rows):
        try:
            states.append(_pose(row, places))
        except ValueError as error:  # the others keep their frames
            ledger.bad_record(RecordError(f"pose {n}: {error}", where=where, annotation=number))
            places += [0.0] * 6
            states.append(State(2, -1, 0, 0, NO_AMT, None, damaged=True))
    return Tracklet(
        number=number,
        label=label,
        size=(size[0], size[1], size[2]),
        first=first,
        places=places,
        states=states,
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


def _pose(row: Element, places: list[float]) -> State:
    """Add a pose's numbers to others, and return what else it says.

    Raises:
        ValueError: A number or a state is missing or damaged; nothing was added.
    """
    values: dict[str, Any] = {child.tag: child.text for child in row}
    try:  # hot: spelled out
        x, y, z = float(values["tx"]), float(values["ty"]), float(values["tz"])
        rx, ry, rz = float(values["rx"]), float(values["ry"]), float(values["rz"])
    except (ValueError, KeyError, TypeError):
        names = [n for n in ("tx", "ty", "tz", "rx", "ry", "rz") if not _is_number(values.get(n))]
        raise ValueError(f"{', '.join(names)} missing or no number") from None
    if not is_finite(x, y, z, rx, ry, rz):
        raise ValueError("a value is not finite")
    amt = NO_AMT
    if tuple(map(values.get, AMT)) != _NO_AMT_TEXT:
        amt = tuple(_plain_number(values.get(name), -1.0) for name in AMT)
    state = _FAST_STATE.get(values.get("state"))
    occlusion = _FAST_OCCLUSION.get(values.get("occlusion"))
    truncation = _FAST_TRUNCATION.get(values.get("truncation"))
    read = State(
        enum_value(values.get("state"), STATE, 2) if state is None else state,
        enum_value(values.get("occlusion"), OCCLUSION, -1) if occlusion is None else occlusion,
        0
        if values.get("occlusion_kf") == "0"
        else int(_plain_number(values.get("occlusion_kf"), 0)),
        enum_value(values.get("truncation"), TRUNCATION, 0) if truncation is None else truncation,
        amt,
        _attributes(row) if "attributes" in values else None,
    )
    places += x, y, z, rx, ry, rz
    return read


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
