"""What this package brings to dsk."""

from __future__ import annotations

from dsk.descriptors import META_FIELDS, Capabilities, ExporterInfo, ImporterInfo, Option, reserving
from dsk.hooks import hookimpl

DSK_API = (1, 0)

LAYOUT = """\
<subset>/labelTxt/<item>.txt            x1 y1 x2 y2 x3 y3 x4 y4 class difficulty
<subset>/images/<item>.png
dataset_meta.json                       labels and their order; optional
read as well: labelTxt-v1.0/labelTxt, labelTxt-v1.5/DOTA-v1.5_train; images/part1/images; subsets
without labelTxt; lines imagesource:… and gsd:…"""


@hookimpl
def dsk_importers() -> list[ImporterInfo]:
    """Return the reader."""
    return [
        ImporterInfo(
            name="dota",
            target="dsk_dota.importer:DotaImporter",
            summary="DOTA: oriented boxes in aerial images",
            detector="dsk_dota.detect:detect",
            kinds=frozenset({"rotated_bbox", "polygon"}),
            options=(
                Option(
                    name="shapes",
                    default="rotated_bbox",
                    choices=("rotated_bbox", "polygon"),
                    help="objects as rectangles, or as the outlines that are written",
                ),
            ),
            layout=LAYOUT,
        ),
    ]


@hookimpl
def dsk_exporters() -> list[ExporterInfo]:
    """Return the writer."""
    kinds = frozenset({"rotated_bbox", "polygon", "bbox"})
    return [
        ExporterInfo(
            name="dota",
            target="dsk_dota.exporter:DotaExporter",
            summary="DOTA: oriented boxes in aerial images",
            capabilities=Capabilities(
                annotations=kinds,
                attributes=frozenset({"difficulty"}),
                needs_label=kinds,
                unfit_subsets=reserving("images", "labelTxt", "annotations"),
                family="dota",
            ),
            options=(
                Option(name="precision", type=int, default=2, help="digits behind the point"),
                Option(
                    name="save_dataset_meta",
                    type=bool,
                    default=False,
                    help="write dataset_meta.json, which keeps the order of the labels",
                    label_fields=META_FIELDS,
                ),
            ),
            layout=LAYOUT,
        ),
    ]
