"""What a pose says beyond its place: state, occlusion, truncation (``tracklets.h``)."""

from __future__ import annotations

from typing import Any

from msgspec import Struct

__all__ = ["AMT", "NO_AMT", "OCCLUSION", "STATE", "TRUNCATION", "State", "enum_value"]

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
_WORDS = {1: "TRUNCATED", 2: "OUT_IMAGE", 99: "BEHIND_IMAGE"}
_OUT = frozenset({2, 99})


class State(Struct):
    """What a pose says beyond its place; poses that say the same may share one.

    Attributes:
        state: One of ``STATE``.
        occlusion: One of ``OCCLUSION``.
        occlusion_kf: 1 where the occlusion is a key for poses that state none.
        truncation: One of ``TRUNCATION``.
        amt: See ``AMT``.
        attributes: Named values of its own.
        damaged: Whether the pose cannot be read and only keeps the place of its frame.
        occluded: Whether the occlusion itself says so.
        relative: Whether it takes part in handing occlusion on from key to key.
        outside: Whether the pose is outside or behind the image.
        more: What it says beyond ``occluded``, in the words that the exporter reads.
        extra: What the model has no place for and an export to the same format writes back.
    """

    state: int
    occlusion: int
    occlusion_kf: int
    truncation: int
    amt: tuple[float, ...]
    attributes: dict[str, Any] | None
    damaged: bool = False
    occluded: bool = False
    relative: bool = False
    outside: bool = False
    more: dict[str, Any] | None = None
    extra: dict[str, Any] | None = None

    def __post_init__(self) -> None:
        self.occluded = self.occlusion in (1, 2)
        self.relative = self.occlusion_kf == 1 or self.occlusion == -1
        self.outside = self.truncation in _OUT
        more: dict[str, Any] = {}
        if self.occlusion == 2:
            more["occlusion"] = "FULLY"
        if self.truncation in _WORDS:
            more["truncation"] = _WORDS[self.truncation]
        if self.occlusion_kf == 1:
            more["keyframe"] = True
        self.more = more or None
        extra: dict[str, Any] = {}
        if self.state != 2:
            extra["state"] = self.state
        if self.amt != NO_AMT:
            extra |= dict(zip(AMT, self.amt, strict=True))
        if self.occlusion == -1:
            extra["occlusion"] = -1
        if self.truncation == -1:
            extra["truncation"] = -1
        self.extra = {"kitti_raw": extra} if extra else None


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
