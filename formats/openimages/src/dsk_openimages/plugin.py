"""What this package brings to dsk."""

from __future__ import annotations

from dsk.descriptors import Capabilities, ExporterInfo, ImporterInfo, Option, reserving
from dsk.hooks import hookimpl

DSK_API = (1, 0)

LAYOUT = """\
annotations/ (or all CSV files in the dataset's folder)
  class-descriptions.csv, oidv6- or oidv7-class-descriptions.csv, …-boxable.csv
  bbox_labels_600_hierarchy.json
  image_ids_and_rotation.csv, or <subset>-images[-with-labels|-boxable]-with-rotation.csv
  [oidv6-]<subset>-annotations-human-imagelabels[-boxable].csv
  [oidv6-]<subset>-annotations-machine-imagelabels.csv    read with machine_labels
  [oidv6-]<subset>-annotations-bbox.csv
  <subset>-annotations-object-segmentation.csv
  images.meta                   sizes of images: <id> <height> <width>
images/<subset>/<id>.jpg        also images/train_0 … train_f, or without subset folders
masks/<subset>/<MaskPath>       also as the official archives unpack
read as well: <subset>/data, <subset>/labels, <subset>/metadata as FiftyOne downloads them"""

_IMPORT_OPTIONS = (
    Option(
        name="use_display_names",
        type=bool,
        default=False,
        help="call labels by their DisplayName (Cat), not by their LabelName (/m/01yrx)",
    ),
    Option(
        name="unknown_labels",
        default="error",
        choices=("error", "add", "skip"),
        help="LabelNames without a class description: an error, new labels, or left out",
    ),
    Option(
        name="machine_labels",
        type=bool,
        default=False,
        help="read image labels that machines made, too",
    ),
    Option(
        name="existing_only",
        type=bool,
        default=False,
        help="read only items whose image is there",
    ),
)


@hookimpl
def dsk_importers() -> list[ImporterInfo]:
    """Return the reader."""
    return [
        ImporterInfo(
            name="open_images",
            target="dsk_openimages.importer:OpenImagesImporter",
            summary="Open Images V4 to V7: image labels, boxes and masks",
            detector="dsk_openimages.detect:detect",
            kinds=frozenset({"label", "bbox", "mask"}),
            options=_IMPORT_OPTIONS,
            layout=LAYOUT,
        )
    ]


@hookimpl
def dsk_exporters() -> list[ExporterInfo]:
    """Return the writer."""
    kinds = frozenset({"label", "bbox", "mask"})
    return [
        ExporterInfo(
            name="open_images",
            target="dsk_openimages.exporter:OpenImagesExporter",
            summary="Open Images: image labels, boxes and masks in CSV files",
            capabilities=Capabilities(
                annotations=kinds,
                fields=frozenset({"group"}),
                attributes=frozenset(
                    {
                        "score",
                        "occluded",
                        "truncated",
                        "is_group_of",
                        "is_depiction",
                        "is_inside",
                        "box_id",
                        "predicted_iou",
                    }
                ),
                needs_label=kinds,
                unfit_subsets=reserving("annotations", "images", "masks"),
                convert=(("polygon", ("mask", "bbox")),),
                family="open_images",
                label_fields=frozenset({"parent"}),
            ),
            options=(
                Option(
                    name="save_dataset_meta",
                    type=bool,
                    default=False,
                    help="write dataset_meta.json, too",
                ),
            ),
            layout=LAYOUT,
        )
    ]
