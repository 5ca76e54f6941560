"""What this package brings to dsk."""

from __future__ import annotations

from dsk.descriptors import Capabilities, ExporterInfo, ImporterInfo, Option
from dsk.hooks import hookimpl

DSK_API = (1, 0)

KINDS = frozenset(
    {
        "label",
        "bbox",
        "rotated_bbox",
        "polygon",
        "polyline",
        "points",
        "skeleton",
        "ellipse",
        "mask",
        "cuboid_2d",
    }
)

LAYOUT = """\
<subset>.xml or annotations.xml        <annotations> with <meta>, <image> or <track> elements
images/<item>.<ext>                    or images/<subset>/…, data/…, or beside the XML file
images/frame_<number>.<ext>            frames of a video
Exports of tasks, projects and jobs, as folders or zip archives, are read."""


@hookimpl
def dsk_importers() -> list[ImporterInfo]:
    """Return the reader."""
    return [
        ImporterInfo(
            name="cvat",
            target="dsk_cvat.importer:CvatImporter",
            summary="CVAT for images 1.1 and CVAT for video 1.1",
            detector="dsk_cvat.detect:detect",
            kinds=KINDS,
            options=(
                Option(
                    name="subset",
                    default="",
                    help="subset of images that state none; by default the XML file's name",
                ),
                Option(
                    name="interpolate",
                    type=bool,
                    default=False,
                    help="fill in the frames between keyframes of tracks; CVAT lists them already",
                ),
                Option(
                    name="point_visibility",
                    type=bool,
                    default=False,
                    help="points of skeletons that are outside are absent, not visible",
                ),
            ),
            layout=LAYOUT,
        )
    ]


@hookimpl
def dsk_exporters() -> list[ExporterInfo]:
    """Return the writer."""
    return [
        ExporterInfo(
            name="cvat",
            target="dsk_cvat.exporter:CvatExporter",
            summary="CVAT for images 1.1, or CVAT for video 1.1 with use_track",
            capabilities=Capabilities(
                annotations=KINDS,
                fields=frozenset({"group", "z_order", "attributes", "point_attributes"}),
                attributes=frozenset({"outside"}),
                needs_label=KINDS,
                multi_ring=False,
                item_attributes=frozenset({"frame"}),
                family="cvat",
                label_fields=frozenset({"parent", "attributes", "colors", "points"}),
            ),
            options=(
                Option(
                    name="reindex",
                    type=bool,
                    default=False,
                    help="number images anew, whatever their attribute frame says",
                ),
                Option(
                    name="allow_undeclared_attrs",
                    type=bool,
                    default=False,
                    help="write attributes that the labels do not declare, and declare them",
                ),
                Option(
                    name="use_track",
                    type=bool,
                    default=False,
                    help="write tracks (CVAT for video) instead of images",
                ),
                Option(
                    name="subset_folders",
                    type=bool,
                    help="put images into a folder per subset; by default if there are several",
                ),
            ),
            layout=LAYOUT,
        )
    ]
