"""What this package brings to dsk."""

from __future__ import annotations

from typing import Any

from dsk.descriptors import Capabilities, ExporterInfo, ImporterInfo, Option
from dsk.hooks import hookimpl

DSK_API = (1, 0)

TASKS = (
    "instances",
    "person_keypoints",
    "captions",
    "labels",
    "image_info",
    "panoptic",
    "stuff",
)
"""The tasks; a task's annotation files are called ``<task>_<subset>.json``."""

KINDS = frozenset({"bbox", "polygon", "mask", "skeleton", "caption", "label"})

LAYOUT = """\
annotations/<task>_<subset>.json      task: instances, person_keypoints, captions, labels,
annotations/panoptic_<subset>/*.png         image_info, panoptic, stuff
images/<subset>/<item>.jpg            also images/ or <subset>/ beside annotations/
Also read: <subset>/_annotations.coco.json and images (Roboflow), single JSON files, LVIS."""

_OF_TASK: dict[str, dict[str, Any]] = {f"coco_{task}": {"tasks": [task]} for task in TASKS}


@hookimpl
def dsk_importers() -> list[ImporterInfo]:
    """Return the reader; each task has a name of its own."""
    return [
        ImporterInfo(
            name="coco",
            target="dsk_coco.importer:CocoImporter",
            summary="COCO: all tasks, in the official, Datumaro, Roboflow and LVIS layouts",
            aliases=(*_OF_TASK, "roboflow_coco", "mmdet_coco"),
            alias_options=_OF_TASK,
            detector="dsk_coco.detect:detect",
            kinds=KINDS,
            options=_IMPORT_OPTIONS,
            layout=LAYOUT,
        )
    ]


@hookimpl
def dsk_exporters() -> list[ExporterInfo]:
    """Return the writer; each task has a name of its own."""
    return [
        ExporterInfo(
            name="coco",
            target="dsk_coco.exporter:CocoExporter",
            summary="COCO JSON, one file per task and subset",
            aliases=tuple(_OF_TASK),
            alias_options={
                **_OF_TASK,
                "coco_stuff": {"tasks": ["stuff"], "segmentation_mode": "mask"},
            },
            capabilities=Capabilities(
                annotations=KINDS | {"points"},
                fields=frozenset({"id", "group", "attributes"}),
                attributes=frozenset({"is_crowd", "score"}),
                needs_label=frozenset({"label"}),
                multi_ring=True,
                holes=True,
                family="coco",
                label_fields=frozenset({"parent", "points"}),
            ),
            options=_EXPORT_OPTIONS,
            layout=LAYOUT,
        )
    ]


_IMPORT_OPTIONS = (
    Option(
        name="tasks",
        type="list",
        choices=TASKS,
        help="which tasks' files to read; by default all that go together: of files with different "
        "label lists only the first sort, as in Datumaro",
    ),
    Option(
        name="keep_original_category_ids",
        type=bool,
        default=False,
        help="label numbers equal category ids; gaps are filled with labels class-<number>",
    ),
    Option(
        name="merge_instance_polygons",
        type=bool,
        default=False,
        help="the outlines of an object become one mask",
    ),
    Option(
        name="group_by_id",
        type=bool,
        default=False,
        help="annotations of an image with one id in files of different tasks form one object, "
        "as in Datumaro",
    ),
    Option(
        name="results",
        default="",
        help="name of a results file (a JSON list) of the dataset; its annotations are read in "
        "place of the ground truth, whose images and categories they refer to",
    ),
)

_EXPORT_OPTIONS = (
    Option(
        name="tasks",
        type="list",
        choices=TASKS,
        help="which files to write, even if there is nothing for them; by default those that "
        "are needed to hold everything once",
    ),
    Option(
        name="segmentation_mode",
        default="guess",
        choices=("guess", "polygons", "mask", "masks"),  # Datumaro's manual has both
        help="guess keeps outlines and masks as they are; polygons and mask make all of one sort",
    ),
    Option(
        name="crop_covered",
        type=bool,
        default=False,
        help="cut off what objects with a higher z_order cover",
    ),
    Option(
        name="allow_attributes",
        type=bool,
        default=True,
        help="write attributes to the field 'attributes', an extension of the format",
    ),
    Option(
        name="reindex",
        type=bool,
        default=False,
        help="number images, annotations and categories anew, from 1",
    ),
    Option(
        name="merge_images",
        type=bool,
        default=False,
        help="images of all subsets go to images/, not to images/<subset>/",
    ),
    Option(
        name="save_dataset_meta",
        type=bool,
        default=False,
        help="write dataset_meta.json with the labels too",
    ),
)
