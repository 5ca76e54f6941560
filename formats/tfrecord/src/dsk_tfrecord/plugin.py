"""What this package brings to dsk."""

from __future__ import annotations

from dsk.descriptors import Capabilities, ExporterInfo, ImporterInfo, Option
from dsk.hooks import hookimpl

DSK_API = (1, 0)

LAYOUT = """\
<subset>.tfrecord             records of tf.train.Example: image, boxes, classes, masks
label_map.pbtxt               item { id: 1 name: 'cat' }
read as well: train.record-00000-of-00010 and other shards, *.tfrec, <subset>/Name.tfrecord with
Name_label_map.pbtxt (Roboflow), a file for each image (VoTT), files compressed by gzip or zlib"""


@hookimpl
def dsk_importers() -> list[ImporterInfo]:
    """Return the reader."""
    return [
        ImporterInfo(
            name="tf_detection_api",
            target="dsk_tfrecord.importer:TfDetectionApiImporter",
            summary="TensorFlow Object Detection API: boxes and masks in TFRecord files",
            aliases=("roboflow_tfrecord",),
            detector="dsk_tfrecord.detect:detect",
            kinds=frozenset({"bbox", "mask"}),
            options=(
                Option(name="crc", type=bool, default=True, help="verify checksums"),
                Option(
                    name="use_display_names",
                    type=bool,
                    default=False,
                    help="call labels by the display_name of the label map",
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
            name="tf_detection_api",
            target="dsk_tfrecord.exporter:TfDetectionApiExporter",
            summary="TensorFlow Object Detection API: boxes and masks in TFRecord files",
            capabilities=capabilities(masks=True),
            options=(
                Option(
                    name="save_masks",
                    type=bool,
                    default=False,
                    help="write masks as PNG; otherwise only the boxes around them",
                ),
            ),
            layout=LAYOUT,
        )
    ]


def capabilities(*, masks: bool) -> Capabilities:
    """Return what a target with or without masks holds."""
    outlines = ("mask", "bbox") if masks else ("bbox",)
    return Capabilities(
        annotations=frozenset({"bbox", "mask"} if masks else {"bbox"}),
        attributes=frozenset({"is_crowd", "difficult", "truncated", "is_group_of"}),
        item_attributes=frozenset({"source_id"}),
        convert=(("polygon", outlines), ("mask", ("bbox",))),
        family="tf_detection_api",
    )
