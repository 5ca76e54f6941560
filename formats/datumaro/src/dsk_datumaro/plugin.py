"""What this package brings to dsk."""

from __future__ import annotations

from dsk.descriptors import ALL_KINDS, ANY_SUBSET, Capabilities, ExporterInfo, ImporterInfo, Option
from dsk.hooks import hookimpl

DSK_API = (1, 0)

MEDIA = frozenset({"image", "video_frame", "point_cloud", "multiframe_image", "volume", "media"})

LAYOUT = """\
annotations/<subset>.json
images/<subset>/<item>.<ext>          (older: images/<item>.<ext>)
point_clouds/<subset>/<item>.pcd
images/<subset>/<item>/extra_image_<n>.<ext>      images of a point cloud
related_images/<subset>/<item>/image_<n>.<ext>    the same, in Datumaro 0.x
videos/<subset>/<file>
A .zip of these folders, as CVAT makes it, is read like a folder."""


@hookimpl
def dsk_importers() -> list[ImporterInfo]:
    """Return the reader."""
    return [
        ImporterInfo(
            name="datumaro",
            target="dsk_datumaro.importer:DatumaroImporter",
            summary="Datumaro JSON, of both Datumaro lines and CVAT",
            detector="dsk_datumaro.detect:detect",
            kinds=ALL_KINDS,
            media=MEDIA,
            layout=LAYOUT,
        )
    ]


@hookimpl
def dsk_exporters() -> list[ExporterInfo]:
    """Return the writer."""
    return [
        ExporterInfo(
            name="datumaro",
            target="dsk_datumaro.exporter:DatumaroExporter",
            summary="Datumaro JSON, without loss",
            capabilities=Capabilities(
                annotations=ALL_KINDS,
                media=MEDIA,
                fields=frozenset(
                    {"id", "group", "object_id", "z_order", "attributes", "point_attributes"}
                ),
                attributes=frozenset({"outside"}),
                multi_ring=True,
                holes=True,
                unfit_subsets=ANY_SUBSET,
                item_attributes=True,
                family="*",
                label_fields=frozenset({"parent", "attributes", "colors", "points", "groups"}),
            ),
            options=(
                Option(
                    name="dialect",
                    default="auto",
                    choices=("auto", "d0", "d1"),
                    help="whose reader must understand every annotation: auto gives each kind its "
                    "own name, d0 suits Datumaro 0.x and CVAT, d1 Datumaro 1.x",
                ),
            ),
            layout=LAYOUT,
        )
    ]
