"""What this package brings to dsk."""

from __future__ import annotations

from dsk.descriptors import (
    META_FIELDS,
    SUBSET_PATH,
    Capabilities,
    ExporterInfo,
    ImporterInfo,
    Option,
)
from dsk.hooks import hookimpl

DSK_API = (1, 0)

XML_LAYOUT = """\
Annotations/<subset>/<item>.xml        objects with <polygon> or <segm>
Images/<subset>/<item>.<ext>
Masks/<subset>/<mask>.png              any pixel but 0 belongs to the object
read as well: [<subset>/]<item>.xml beside its image, with Masks/ beside them (CVAT)"""

JSON_LAYOUT = """\
[<subset>/]<item>.json                 shapes, beside the image; subsets are train, val, test
[<subset>/]<item>.<ext>
labels.txt                             names of labels, one a line (may be missing)"""

XML_KINDS = frozenset({"bbox", "polygon", "mask"})
JSON_KINDS = frozenset(
    {"label", "bbox", "rotated_bbox", "polygon", "polyline", "points", "ellipse", "mask"}
)


@hookimpl
def dsk_importers() -> list[ImporterInfo]:
    """Return the readers."""
    return [
        ImporterInfo(
            name="label_me",
            target="dsk_labelme.xmlimporter:LabelMeImporter",
            summary="LabelMe XML, of the web tool and CVAT",
            detector="dsk_labelme.detect:detect_xml",
            kinds=XML_KINDS,
            layout=XML_LAYOUT,
        ),
        ImporterInfo(
            name="labelme_json",
            target="dsk_labelme.jsonimporter:LabelMeJsonImporter",
            summary="labelme JSON, one file per image",
            aliases=("labelme",),
            detector="dsk_labelme.detect:detect_json",
            kinds=JSON_KINDS,
            options=(
                Option(
                    name="image_flags",
                    default="labels",
                    choices=("labels", "attributes"),
                    help="what flags of images are: labels of the image, or attributes of the item",
                ),
            ),
            layout=JSON_LAYOUT,
        ),
    ]


@hookimpl
def dsk_exporters() -> list[ExporterInfo]:
    """Return the writers."""
    return [
        ExporterInfo(
            name="label_me",
            target="dsk_labelme.xmlexporter:LabelMeExporter",
            summary="LabelMe XML",
            capabilities=Capabilities(
                annotations=XML_KINDS,
                fields=frozenset({"group", "attributes"}),
                multi_ring=False,
                unfit_subsets=SUBSET_PATH,
                family="label_me",
            ),
            options=(
                Option(
                    name="save_dataset_meta",
                    type=bool,
                    default=False,
                    help="write dataset_meta.json, which keeps unused labels and their order",
                    label_fields=META_FIELDS,
                ),
            ),
            layout=XML_LAYOUT,
        ),
        ExporterInfo(
            name="labelme_json",
            target="dsk_labelme.jsonexporter:LabelMeJsonExporter",
            summary="labelme JSON",
            aliases=("labelme",),
            capabilities=Capabilities(
                annotations=JSON_KINDS,
                fields=frozenset({"group", "attributes"}),
                needs_label=frozenset({"label"}),
                multi_ring=False,
                unfit_subsets=SUBSET_PATH,
                family="labelme_json",
            ),
            layout=JSON_LAYOUT,
        ),
    ]
