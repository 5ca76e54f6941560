"""What this package brings to dsk."""

from __future__ import annotations

from dsk.descriptors import Capabilities, ExporterInfo, ImporterInfo
from dsk.hooks import hookimpl

DSK_API = (1, 0)

FAMILY = "segment_anything"
"""Key of the extra fields that this package writes back."""

LAYOUT = """\
<item>.json                            {"image": {...}, "annotations": [...]}
<item>.<ext>                           beside it
read as well: one folder per part of the dataset (sa_000000, sa_000001, ...)"""

ATTRIBUTES = ("predicted_iou", "stability_score", "point_coords", "crop_box")


@hookimpl
def dsk_importers() -> list[ImporterInfo]:
    """Return the reader."""
    return [
        ImporterInfo(
            name="segment_anything",
            target="dsk_segment_anything.importer:SegmentAnythingImporter",
            summary="Segment Anything (SA-1B): masks without labels, a JSON file per image",
            detector="dsk_segment_anything.detect:detect",
            kinds=frozenset({"mask"}),
            layout=LAYOUT,
        )
    ]


@hookimpl
def dsk_exporters() -> list[ExporterInfo]:
    """Return the writer."""
    return [
        ExporterInfo(
            name="segment_anything",
            target="dsk_segment_anything.exporter:SegmentAnythingExporter",
            summary="Segment Anything (SA-1B): masks without labels, a JSON file per image",
            capabilities=Capabilities(
                annotations=frozenset({"mask", "bbox"}),
                fields=frozenset({"id"}),
                attributes=frozenset(ATTRIBUTES),
                subsets=False,
                family=FAMILY,
                convert=(
                    ("polygon", ("mask",)),
                    ("rotated_bbox", ("mask",)),
                    ("ellipse", ("mask",)),
                    ("skeleton", ()),
                    ("cuboid_2d", ()),
                ),
            ),
            layout=LAYOUT,
        )
    ]
