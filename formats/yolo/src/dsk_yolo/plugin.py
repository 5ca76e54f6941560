"""What this package brings to dsk."""

from __future__ import annotations

from typing import Any

from dsk.descriptors import SUBSET_FOLDER, Capabilities, ExporterInfo, ImporterInfo, Option
from dsk.hooks import hookimpl

DSK_API = (1, 0)

# Beside what no folder is called: keys of an obj.data end with "=", comments begin with "#".
UNFIT_SUBSETS = rf"{SUBSET_FOLDER}|=|^[#\s]|\s$"

TASKS = ("auto", "detect", "segment", "pose", "obb", "classify")

LAYOUT = """\
darknet              Ultralytics                     Roboflow, YOLOv5 export
 obj.data             data.yaml                       data.yaml
 obj.names            images/<subset>/<item>.jpg      <subset>/images/<item>.jpg
 <subset>.txt         labels/<subset>/<item>.txt      <subset>/labels/<item>.txt
 obj_<subset>_data/   [<subset>.txt lists]            (labelTxt/ for oriented boxes)
   <item>.jpg .txt
classify                            loose
 <subset>/<class>/<item>.jpg         classes.txt, *.names or *.labels; images/ and labels/,
                                     or all in one folder; also below <subset>/"""

# Datumaro 0.x and CVAT name one format per task, in two spellings.
_DATUMARO_0 = {
    f"{family}_{word}": task
    for family in ("yolov8", "yolo_ultralytics")
    for word, task in (
        ("detection", "detect"),
        ("segmentation", "segment"),
        ("oriented_boxes", "obb"),
        ("pose", "pose"),
        ("classification", "classify"),
    )
}


def _import_options(task: str) -> dict[str, Any]:
    return {"task": task, "rotated": "attribute"} if task == "obb" else {"task": task}


_IMPORT_ALIASES: dict[str, dict[str, Any]] = {
    **{name: _import_options(task) for name, task in _DATUMARO_0.items()},
    "yolo_ultralytics": {},
    "roboflow_yolo": {"subset_names": "folder"},
    "roboflow_yolo_obb": {"subset_names": "folder", "task": "obb"},
}

_EXPORT_ALIASES: dict[str, dict[str, Any]] = {
    **{
        name: {"task": task, "layout": "ultralytics", "keys": "plain"}
        for name, task in _DATUMARO_0.items()
    },
    "yolo_ultralytics": {"task": "detect", "layout": "ultralytics"},
}


@hookimpl
def dsk_importers() -> list[ImporterInfo]:
    """Return the reader."""
    return [
        ImporterInfo(
            name="yolo",
            target="dsk_yolo.importer:YoloImporter",
            summary="YOLO: darknet, Ultralytics (YOLOv5 to v11) and Roboflow layouts, all tasks",
            aliases=tuple(_IMPORT_ALIASES),
            alias_options=_IMPORT_ALIASES,
            detector="dsk_yolo.detect:detect",
            kinds=frozenset({"bbox", "polygon", "rotated_bbox", "skeleton", "label"}),
            options=_IMPORT_OPTIONS,
            layout=LAYOUT,
        )
    ]


_IMPORT_OPTIONS = (
    Option(
        name="task",
        default="auto",
        choices=TASKS,
        help="what the label rows hold; auto looks at data.yaml and at some rows",
    ),
    Option(
        name="rotated",
        default="box",
        choices=("box", "attribute"),
        help="oriented boxes become rotated boxes, or boxes with a 'rotation' "
        "attribute as in Datumaro 0.x and CVAT",
    ),
    Option(
        name="subset_names",
        default="key",
        choices=("key", "folder"),
        help="subsets are named by the keys of data.yaml, or by their folders",
    ),
    Option(
        name="config_file",
        default="",
        help="name of the data.yaml or obj.data to read, if there are several",
    ),
    Option(
        name="exif",
        type=bool,
        default=False,
        help="rows refer to images as turned by their EXIF tag, as Ultralytics trains",
    ),
    Option(
        name="kpt_shape",
        default="",
        help="number of keypoints and values of each (17,3), where no data.yaml has it",
    ),
)


@hookimpl
def dsk_exporters() -> list[ExporterInfo]:
    """Return the writer."""
    return [
        ExporterInfo(
            name="yolo",
            target="dsk_yolo.exporter:YoloExporter",
            summary="YOLO: darknet layout, or Ultralytics detect, segment, pose, obb, classify",
            aliases=tuple(_EXPORT_ALIASES),
            alias_options=_EXPORT_ALIASES,
            capabilities=Capabilities(
                annotations=frozenset({"bbox", "polygon", "rotated_bbox", "skeleton", "label"}),
                attributes=frozenset({"is_crowd", "rotation"}),
                needs_label=frozenset({"bbox", "polygon", "rotated_bbox", "skeleton", "label"}),
                unfit_subsets=UNFIT_SUBSETS,
                holes=True,
                family="yolo",
                label_fields=frozenset({"points"}),
            ),
            options=_EXPORT_OPTIONS,
            layout=LAYOUT,
        )
    ]


_EXPORT_OPTIONS = (
    Option(
        name="task",
        default="auto",
        choices=TASKS,
        help="what to train; auto is detect, in the darknet layout",
    ),
    Option(
        name="layout",
        default="auto",
        choices=("auto", "darknet", "ultralytics"),
        help="folders; auto is ultralytics when a task is named, else darknet (Datumaro's 'yolo')",
    ),
    Option(
        name="clip",
        type=bool,
        help="cut what lies outside the image, or Ultralytics drops the whole image; "
        "by default in the ultralytics layout only",
    ),
    Option(
        name="crowd",
        default="skip",
        choices=("skip", "keep"),
        help="crowd regions (is_crowd) would be trained as single objects, so they are left out",
    ),
    Option(
        name="parts",
        default="join",
        choices=("join", "split"),
        help="segment: outlines of several parts, and holes, become one ring, or one row per part",
    ),
    Option(
        name="lists",
        type=bool,
        default=False,
        help="ultralytics: name the images in <subset>.txt instead of their folder",
    ),
    Option(
        name="add_path_prefix",
        type=bool,
        help="paths in lists begin with data/ (darknet: yes; ultralytics: no, it cannot find them)",
    ),
    Option(
        name="keys",
        default="full",
        choices=("full", "plain"),
        help="data.yaml: full writes nc (YOLOv6, v7) and kpt_names too; Datumaro 0.x and CVAT "
        "read plain ones only",
    ),
    Option(name="config_file", default="data.yaml", help="name of the data.yaml"),
    Option(
        name="exif",
        type=bool,
        default=False,
        help="write rows for the image as turned by its EXIF tag, as Ultralytics trains it",
    ),
    Option(
        name="save_dataset_meta",
        type=bool,
        default=False,
        help="write dataset_meta.json with the label names too",
    ),
)
