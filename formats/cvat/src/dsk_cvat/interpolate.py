"""Shapes of frames between two keyframes of a track."""

from __future__ import annotations

from typing import TYPE_CHECKING
from xml.etree.ElementTree import Element

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["between"]

_BOX = ("xtl", "ytl", "xbr", "ybr", "cx", "cy", "rx", "ry")
_TURNED = ("box", "ellipse")
_GONE = "1"
_CUBOID = ("x", "y")


def between(a: Element, b: Element, share: float, frame: int) -> Element:
    """Return a shape between two others.

    Boxes, ellipses and cuboids go in a straight line, rotations the short way round, points too
    when both have equally many; everything else stays as in the first shape. Points of skeletons go
    each by themselves.

    Args:
        a: The keyframe before.
        b: The keyframe behind.
        share: How far the frame is on the way, 0–1.
        frame: The frame's number.

    Raises:
        ValueError: A coordinate is no number.
    """
    made = Element(a.tag, dict(a.attrib))
    others = {part.get("label"): part for part in b if part.get("outside") != _GONE}
    for part in a:
        if part.tag == "points":  # of a skeleton
            made.append(between(part, others.get(part.get("label"), part), share, frame))
        else:
            made.append(part)
    made.set("frame", str(frame))
    made.set("keyframe", "0")
    if a.tag != b.tag or a is b:
        return made
    wanted = _put_right(b)
    for name, text in _put_right(a).items():
        other = wanted.get(name)
        if other is None:
            continue
        if name in _BOX or (a.tag == "cuboid" and name[:1] in _CUBOID):
            made.set(name, repr(float(text) + (float(other) - float(text)) * share))
        elif name == "rotation":
            turn = (float(other) - float(text) + 180) % 360 - 180
            made.set(name, repr((float(text) + turn * share) % 360))
        elif name == "points":
            made.set(name, _points(text, other, share))
    return made


def _put_right(shape: Element) -> dict[str, str]:
    """Return a shape's attributes; corners that are swapped in order, radii without their sign.

    Raises:
        ValueError: A coordinate is no number.
    """
    given = dict(shape.attrib)
    if shape.tag in _TURNED:
        given.setdefault("rotation", "0")  # which CVAT leaves out
    if shape.tag == "box":
        for low, high in (("xtl", "xbr"), ("ytl", "ybr")):
            if low in given and high in given and float(given[low]) > float(given[high]):
                given[low], given[high] = given[high], given[low]
    elif shape.tag == "ellipse":
        for name in ("rx", "ry"):
            if name in given:
                given[name] = repr(abs(float(given[name])))
    return given


def _points(text: str, other: str, share: float) -> str:
    first, second = _pairs(text), _pairs(other)
    if len(first) != len(second):
        return text
    return ";".join(
        ",".join(repr(p + (q - p) * share) for p, q in zip(one, two, strict=True))
        for one, two in zip(first, second, strict=True)
    )


def _pairs(text: str) -> Sequence[Sequence[float]]:
    pairs = text.strip().rstrip(";")
    return [tuple(float(v) for v in pair.split(",")) for pair in pairs.split(";")] if pairs else []
