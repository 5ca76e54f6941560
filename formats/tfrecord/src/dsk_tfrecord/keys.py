"""Names of features, from tensorflow/models research/object_detection/core/standard_fields.py."""

from __future__ import annotations

__all__ = ["FLAGS", "KNOWN", "OBJECTS"]

FILENAME = "image/filename"
SOURCE_ID = "image/source_id"
HEIGHT = "image/height"
WIDTH = "image/width"
ENCODED = "image/encoded"
FORMAT = "image/format"
SHA256 = "image/key/sha256"
TEXT = "image/object/class/text"
LABEL = "image/object/class/label"
MASK = "image/object/mask"
MASK_WEIGHT = "image/object/mask/weight"
"""0 for an object whose mask is not to be considered; without it all masks are."""

XMIN = "image/object/bbox/xmin"
XMAX = "image/object/bbox/xmax"
YMIN = "image/object/bbox/ymin"
YMAX = "image/object/bbox/ymax"
EDGES = (XMIN, XMAX, YMIN, YMAX)
OBJECTS = {**dict.fromkeys(EDGES, float), TEXT: bytes, LABEL: int}
"""Features that every record has, with the type of their values; they may be empty."""

FLAGS = {
    "image/object/is_crowd": "is_crowd",
    "image/object/difficult": "difficult",
    "image/object/truncated": "truncated",
    "image/object/group_of": "is_group_of",
}
"""Features of objects that are 0 or 1, and the attributes they become."""

KNOWN = frozenset(
    {
        FILENAME,
        SOURCE_ID,
        HEIGHT,
        WIDTH,
        ENCODED,
        FORMAT,
        SHA256,
        TEXT,
        LABEL,
        MASK,
        MASK_WEIGHT,
        *EDGES,
        *FLAGS,
        "image/channels",
        "image/colorspace",
        "image/object/area",
    }
)
"""Features that are read, or that follow from those."""
