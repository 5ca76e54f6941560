"""What this package brings to dsk."""

from __future__ import annotations

from dsk.descriptors import META_FIELDS, Capabilities, ExporterInfo, ImporterInfo, Option, reserving
from dsk.hooks import hookimpl

DSK_API = (1, 0)

MOT_LAYOUT = """\
gt/gt.txt                               frame,track,left,top,width,height,conf,class,visibility
det/det.txt                             the same of a detector: conf is its score
img1/000001.jpg
seqinfo.ini                             length and image size
gt/labels.txt or dataset_meta.json      labels, if they are not the benchmark's
gt/frames.json                          ids and subsets of items that are no frame numbers
one such folder, or several: [<subset>/]<sequence>/gt/gt.txt (MOT17/train/MOT17-02-FRCNN)"""

MOTS_LAYOUT = """\
[<subset>/]instances/**/000000.png      16-bit grey: 1000 x class + track; 10000 is ignored
[<subset>/]instances/labels.txt or dataset_meta.json
[<subset>/]images/**/000000.jpg
read as well: instances_txt/0002.txt    frame, object, class, height, width, run lengths;
[<subset>/]<sequence>/gt/gt.txt         the same lines, images in <sequence>/img1 (MOTSChallenge);
images in training/image_02 (KITTI)"""


@hookimpl
def dsk_importers() -> list[ImporterInfo]:
    """Return the readers."""
    return [
        ImporterInfo(
            name="mot_seq",
            target="dsk_tracking.mot_importer:MotSeqImporter",
            summary="MOT Challenge sequences: boxes with tracks",
            aliases=("mot", "mot_seq_gt"),
            detector="dsk_tracking.detect:detect_mot",
            kinds=frozenset({"bbox"}),
            options=(
                Option(
                    name="rows",
                    default="auto",
                    choices=("auto", "gt", "det"),
                    help="read ground truth or detections; auto: ground truth if there is any",
                ),
                Option(name="is_gt", type=bool, help="the same choice by Datumaro's name"),
                Option(
                    name="occlusion_threshold",
                    type=float,
                    default=0.0,
                    help="boxes of at most this visibility are occluded",
                ),
                Option(name="labels", type="list", default=(), help="labels, class 1 first"),
                Option(
                    name="default_label",
                    default="",
                    help="label of rows without a class, as of MOT15 and of trackers: pedestrian",
                ),
            ),
            layout=MOT_LAYOUT,
        ),
        ImporterInfo(
            name="mots",
            target="dsk_tracking.mots_importer:MotsImporter",
            summary="MOTS: masks of tracked objects",
            aliases=("mots_png",),
            detector="dsk_tracking.detect:detect_mots",
            kinds=frozenset({"mask"}),
            layout=MOTS_LAYOUT,
        ),
    ]


@hookimpl
def dsk_exporters() -> list[ExporterInfo]:
    """Return the writers."""
    return [
        ExporterInfo(
            name="mot_seq",
            target="dsk_tracking.mot_exporter:MotSeqExporter",
            summary="MOT Challenge sequences: boxes with tracks",
            aliases=("mot", "mot_seq_gt"),
            capabilities=Capabilities(
                annotations=frozenset({"bbox"}),
                fields=frozenset({"object_id"}),
                attributes=frozenset({"track_id", "visibility", "occluded", "ignored"}),
                family="mot",
            ),
            options=(
                Option(
                    name="track_ids",
                    default="auto",
                    choices=("auto", "assign", "keep"),
                    help="boxes without a track get an id: always (assign), never (keep: -1), "
                    "or if others have tracks",
                ),
                _META,
            ),
            layout=MOT_LAYOUT,
        ),
        ExporterInfo(
            name="mots",
            target="dsk_tracking.mots_exporter:MotsExporter",
            summary="MOTS: masks of tracked objects",
            aliases=("mots_png",),
            capabilities=Capabilities(
                annotations=frozenset({"mask"}),
                fields=frozenset({"object_id"}),
                attributes=frozenset({"track_id"}),
                needs_label=frozenset({"mask"}),
                unfit_subsets=reserving("images", "instances", "instances_txt"),
            ),
            options=(_META,),
            layout=MOTS_LAYOUT,
        ),
    ]


_META = Option(
    name="save_dataset_meta",
    type=bool,
    default=False,
    help="write dataset_meta.json instead of labels.txt",
    label_fields=META_FIELDS,
)
