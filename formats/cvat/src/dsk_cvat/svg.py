"""The pictures that describe skeletons: points as circles, connections as lines."""

from __future__ import annotations

import math
from html.parser import HTMLParser
from typing import TYPE_CHECKING
from xml.sax.saxutils import quoteattr

from dsk.categories import PointsCategory

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["drawn_joints", "parse_svg", "svg_of"]


class _Reader(HTMLParser):
    """Collects nodes and edges; CVAT's markup is no well-formed XML in all its versions."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.nodes: list[tuple[str, str]] = []
        self.edges: list[tuple[str, str]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """See ``HTMLParser``."""
        given = {name: value or "" for name, value in attrs}
        if tag == "circle" and "data-node-id" in given:
            self.nodes.append((given["data-node-id"], given.get("data-label-name", "")))
        elif "data-node-from" in given and "data-node-to" in given:
            self.edges.append((given["data-node-from"], given["data-node-to"]))


def parse_svg(text: str, parts: Sequence[str]) -> PointsCategory:
    """Return the points and connections that a skeleton's picture shows.

    Args:
        text: The markup.
        parts: Names of the skeleton's sub-labels, for circles that do not say theirs.

    Returns:
        Points in the order of the circles, and connections as 1-based positions in that order.
    """
    reader = _Reader()
    reader.feed(text)
    reader.close()
    names: list[str] = []
    position: dict[str, int] = {}
    for node, label in reader.nodes:
        name = label  # without one there is at best a number of CVAT's database
        if not name and node.isdecimal() and 0 < int(node) <= len(parts):
            name = parts[int(node) - 1]
        if name and name not in names:
            names.append(name)
            position.setdefault(node, len(names))
    names += [part for part in parts if part not in names]
    joints = tuple(
        (position[a], position[b]) for a, b in reader.edges if a in position and b in position
    )
    return PointsCategory(tuple(names), joints)


def drawn_joints(points: PointsCategory) -> list[tuple[int, int]]:
    """Return the connections of points that have names, numbered from 1."""
    shift = 1 if any(0 in joint for joint in points.joints) else 0
    count = len(points.labels)
    moved = ((a + shift, b + shift) for a, b in points.joints)
    return [(a, b) for a, b in moved if 0 < a <= count and 0 < b <= count]


def svg_of(points: PointsCategory) -> str:
    """Return a picture of a skeleton: its points in a circle, unless their places are known."""
    places = _places(points)
    lines = []
    for start, stop in drawn_joints(points):
        (x1, y1), (x2, y2) = places[start - 1], places[stop - 1]
        lines.append(
            f'<line x1="{x1:.2f}" y1="{y1:.2f}" x2="{x2:.2f}" y2="{y2:.2f}" stroke="black" '
            f'data-type="edge" data-node-from="{start}" stroke-width="0.5" '
            f'data-node-to="{stop}"></line>'
        )
    for number, (name, (x, y)) in enumerate(zip(points.labels, places, strict=True), 1):
        lines.append(
            f'<circle r="1.5" stroke="black" fill="#b3b3b3" cx="{x:.2f}" cy="{y:.2f}" '
            f'stroke-width="0.1" data-type="element node" data-element-id="{number}" '
            f'data-node-id="{number}" data-label-name={quoteattr(name)}></circle>'
        )
    return "".join(lines)


def _places(points: PointsCategory) -> list[tuple[float, float]]:
    """Return places of the points in a square of 100."""
    count = len(points.labels)
    if len(points.positions) == 2 * count and count:
        xs, ys = points.positions[::2], points.positions[1::2]
        left, top = min(xs), min(ys)
        scale = 80 / (max(max(xs) - left, max(ys) - top) or 1)
        return [
            (10 + (x - left) * scale, 10 + (y - top) * scale) for x, y in zip(xs, ys, strict=True)
        ]
    turn = 2 * math.pi / max(count, 1)
    return [(50 + 40 * math.sin(n * turn), 50 - 40 * math.cos(n * turn)) for n in range(count)]
