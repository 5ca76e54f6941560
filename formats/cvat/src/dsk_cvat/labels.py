"""What is known of labels and attributes by their occurring, not by their declaration."""

from __future__ import annotations

import html
import re
from collections import Counter
from typing import TYPE_CHECKING

from dsk.categories import PointsCategory
from dsk_cvat.meta import BUILTIN, label_of
from dsk_cvat.scan import ATTRS, SHAPES

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from dsk.loss import Ledger
    from dsk_cvat.meta import Meta
    from dsk_cvat.scan import Scan

__all__ = ["add_labels", "own_names"]

_LIKE_FIELDS = re.compile(
    rb"""<attribute\s(?:[^<>]*\s)?name\s*=\s*["']((?:%s)_*)["']""" % "|".join(BUILTIN).encode()
)
_PIECE = re.compile(
    rb"<!--.*?(?:-->|\Z)|<(/?)(image|track|attribute|%s)" % "|".join(SHAPES).encode() + ATTRS,
    re.DOTALL,
)
_LABEL = re.compile(rb"""(?:^|\s)label\s*=\s*(?:"([^"<]*)"|'([^'<]*)')""")
_NAME = re.compile(rb"""(?:^|\s)name\s*=\s*(?:"([^"<]*)"|'([^'<]*)')""")


def own_names(scans: Sequence[Scan], ledger: Ledger) -> dict[str, str]:
    """Return what attributes become that are called like fields of CVAT, which the model has, too.

    Args:
        scans: The files.
        ledger: For a warning about each such attribute that occurs.
    """
    used: Counter[str] = Counter()
    taken: set[str] = set()
    for scan in scans:
        used.update(found[1].decode() for found in _LIKE_FIELDS.finditer(scan.data))
        taken.update(spec.findtext("name") or "" for spec in scan.meta.iter("attribute"))
    taken |= used.keys()
    names: dict[str, str] = {}
    for name in BUILTIN:
        own = f"{name}_"
        while own in taken:
            own += "_"
        names[name] = own
        if name in taken:
            what = f"{name} of labels is called like a field of CVAT and becomes {own}"
            ledger.warn(f"the attribute {what}; values: {used[name]}")
    return names


class _Found:
    """Labels by name and parent with the names of their attributes, in order of appearance."""

    def __init__(self) -> None:
        self.labels: dict[tuple[str, str], dict[str, None]] = {}
        self._open: list[tuple[bytes, tuple[str, str] | None]] = []

    def note(self, closes: bytes, kind: bytes, text: bytes, alone: bytes) -> None:
        """Note a tag.

        Args:
            closes: "/" of an end tag.
            kind: The element's name.
            text: Its attributes.
            alone: "/" of an element without content.
        """
        around = self._open
        if kind == b"image":
            around.clear()  # whatever a damaged image left open
        elif kind == b"attribute":
            key = around[-1][1] if around else None
            if not closes and key is not None:
                self.labels[key].setdefault(_given(_NAME, text))
        elif closes:
            if around:
                around.pop()
        else:
            key = self._key(kind, _given(_LABEL, text))
            if key is not None:
                self.labels.setdefault(key, {})
            if not alone:
                around.append((kind, key))

    def _key(self, kind: bytes, name: str) -> tuple[str, str] | None:
        """Return the name and the parent of an element's label."""
        outer, key = self._open[-1] if self._open else (b"", None)
        if key is not None and outer == b"track" and kind != b"track":
            return key
        # Shapes in a skeleton, and tracks in a track, are points of skeletons.
        return (name, key[0] if key is not None else "") if name else None


def _given(pattern: re.Pattern[bytes], text: bytes) -> str:
    found = pattern.search(text)
    raw = (found[1] if found[1] is not None else found[2]) if found else b""
    return html.unescape(raw.decode("utf-8", "replace"))


def add_labels(meta: Meta, scan: Scan, names: Mapping[str, str]) -> None:
    """Give a head that declares no labels those that occur in its file.

    Args:
        meta: The head.
        scan: The file.
        names: See ``own_names``.
    """
    found = _Found()
    for piece in _PIECE.finditer(scan.data):
        if piece[2] is not None:
            found.note(piece[1], piece[2], piece[3], piece[4])
    points: dict[str, list[str]] = {}
    for (name, parent), attributes in found.labels.items():
        meta.labels.append(label_of(name, parent, [a for a in attributes if a], names))
        points.setdefault(parent, []).append(name)
    for number, label in enumerate(meta.labels):
        if label.name in points and not label.parent:
            meta.points[number] = PointsCategory(tuple(points[label.name]))
