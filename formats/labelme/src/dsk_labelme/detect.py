"""Telling LabelMe datasets from others."""

from __future__ import annotations

import re
from itertools import islice
from typing import TYPE_CHECKING

from dsk.flow import Detection
from dsk.listings import is_hidden

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dsk.files import InputRoot

__all__ = ["detect_json", "detect_xml"]

_HEAD = 1 << 16
_WHOLE = 1 << 25
_PROBES = 5

_XML_OBJECT = re.compile(rb"<object>.*?<(?:polygon|segm)[\s/>]", re.DOTALL)
_VOC = re.compile(rb"<object>(?:(?!</object>).)*?<bndbox>", re.DOTALL)
_XML_EMPTY = re.compile(rb"<(?:sourceImage|imagesize)[\s/>]")
_SHAPES = re.compile(rb'"shapes"\s*:\s*\[')
_OTHERS = re.compile(rb'"(?:imagePath|shape_type|imageData|imageHeight)"\s*:')


def _names(root: InputRoot, suffix: str) -> Iterator[str]:
    if root.focus is not None:
        if root.focus.lower().endswith(suffix):
            yield root.focus
        return
    yield from (n for n in root.walk(depth=6, suffixes=(suffix,)) if not is_hidden(n))


def detect_xml(root: InputRoot) -> Detection | None:
    """See ``ImporterInfo.detector``."""
    empty = None
    for name in islice(_names(root, ".xml"), _PROBES):
        head = root.read(name, _HEAD)
        if b"<annotation" not in head or b"<annotations" in head or _VOC.search(head):
            continue
        if _XML_OBJECT.search(head):
            return Detection(85, f"{name} is an <annotation> of objects with <polygon> or <segm>")
        if empty is None and _XML_EMPTY.search(head) and b"<object" not in head:
            empty = name
    if empty is not None:
        return Detection(45, f"{empty} is an <annotation> with <imagesize>, without objects")
    return None


def detect_json(root: InputRoot) -> Detection | None:
    """See ``ImporterInfo.detector``."""
    for name in islice(_names(root, ".json"), _PROBES):
        data = root.text_bytes(name, _HEAD)
        if not data.lstrip(b" \t\r\n").startswith(b"{"):
            continue
        if b'"imageData"' in data and not _SHAPES.search(data) and root.size(name) < _WHOLE:
            data = root.read(name)  # the image comes before the shapes
        if _SHAPES.search(data) and _OTHERS.search(data):
            return Detection(90, f"{name} has shapes as labelme writes them")
    return None
