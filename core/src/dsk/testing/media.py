"""Comparing media by their content."""

from __future__ import annotations

import numpy as np

from dsk.media import Image, Media

__all__ = ["media_difference"]


def media_difference(a: Media | None, b: Media | None) -> str:
    """Return how two media differ, or ""; a medium that is only named may be missing."""
    if a is None or not a.exists:
        known = [m.get_size() for m in (a, b) if isinstance(m, Image)]
        if len(known) == 2 and None not in known and known[0] != known[1]:
            return f"expected size {known[0]}, found {known[1]}"
        return f"{b.kind} {b.path!r} was added" if a is None and b is not None and b.exists else ""
    if b is None or not b.exists:
        return f"the content of the {a.kind} {a.path!r} is missing"
    if isinstance(a, Image) != isinstance(b, Image) or (
        not isinstance(a, Image) and a.kind != b.kind
    ):
        return f"expected {a.kind}, found {b.kind}"
    if _encoded(a) and _encoded(b):
        return "" if a.read_bytes() == b.read_bytes() else "the file's content changed"
    x, y = (np.asarray(getattr(m, "data", m.source)) for m in (a, b))
    if x.shape != y.shape:
        return f"expected shape {x.shape}, found {y.shape}"
    lossless = b.ext.lower() not in (".jpg", ".jpeg", ".webp")
    return "the pixels changed" if lossless and not np.array_equal(x, y) else ""


def _encoded(media: Media) -> bool:
    return isinstance(media.source, str | bytes) or hasattr(media.source, "archive")
