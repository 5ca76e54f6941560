"""What this package brings to dsk."""

from __future__ import annotations

from dsk.descriptors import ANY_SUBSET, Capabilities, ExporterInfo, ImporterInfo, Option
from dsk.hooks import hookimpl

DSK_API = (1, 0)

LAYOUT = """\
ImageSets/Main/<subset>.txt             one item a line; also Segmentation/, Layout/, Action/
ImageSets/Main/<class>_<subset>.txt     <item> -1|0|1
Annotations/<item>.xml                  objects with boxes, parts, actions
JPEGImages/<item>.jpg
SegmentationClass/<item>.png            pixel = label, 255 = void
SegmentationObject/<item>.png           pixel = number of the object, 255 = void
labelmap.txt or dataset_meta.json       labels, colours, parts, actions
read as well: <subset>/*.xml beside *.jpg (Roboflow), *.xml beside *.jpg (LabelImg),
Annotations/ + JPEGImages/ or images/ without ImageSets"""

_SUMMARIES = {
    "voc": ("Pascal VOC: all tasks", "", {"label", "bbox", "mask"}),
    "voc_classification": ("Pascal VOC: labels of images", "Classification", {"label"}),
    "voc_detection": ("Pascal VOC: boxes of objects", "Detection", {"bbox"}),
    "voc_segmentation": ("Pascal VOC: class and object masks", "Segmentation", {"mask"}),
    "voc_instance_segmentation": (
        "Pascal VOC: boxes and masks of objects",
        "InstanceSegmentation",
        {"bbox", "mask"},
    ),
    "voc_layout": ("Pascal VOC: boxes of objects and their parts", "Layout", {"bbox"}),
    "voc_action": ("Pascal VOC: boxes of objects and what they do", "Action", {"bbox"}),
}

_COORDINATES = (
    Option(
        name="one_based",
        type=bool,
        default=False,
        help="numbers are 1-based pixel indices, xmax and ymax inclusive; otherwise as they are",
    ),
    Option(
        name="coordinate_mode",
        default="dm-zero-based",
        choices=("dm-zero-based", "voc-one-based"),
        help="the same choice by Datumaro's name",
    ),
)

_IMPORT_OPTIONS = (
    *_COORDINATES,
    Option(
        name="subsets",
        type="list",
        default=(),
        help="subsets to read; all by default, of which trainval may repeat train and val",
    ),
)

_EXPORT_OPTIONS = (
    *_COORDINATES,
    Option(
        name="apply_colormap",
        type=bool,
        default=True,
        help="masks show the labels' colours (palette PNG); otherwise they are grey",
    ),
    Option(
        name="label_map",
        default="source",
        help="labels, colours, parts and actions: source, voc, or a labelmap.txt or "
        "dataset_meta.json",
    ),
    Option(
        name="allow_attributes",
        type=bool,
        default=True,
        help="write attributes that VOC does not know, as CVAT does",
    ),
    Option(
        name="keep_empty", type=bool, default=False, help="write lists even when they are empty"
    ),
    Option(
        name="subset_folders",
        type=bool,
        default=False,
        help="put items into folders named by their subset, so that equal ids stay apart",
    ),
    Option(
        name="save_dataset_meta",
        type=bool,
        default=False,
        help="write dataset_meta.json instead of labelmap.txt",
    ),
)

_TASK_OPTION = Option(
    name="tasks",
    type="list",
    default=(),
    choices=(
        "classification",
        "detection",
        "segmentation",
        "action_classification",
        "person_layout",
    ),
    help="what to write; all by default",
)


@hookimpl
def dsk_importers() -> list[ImporterInfo]:
    """Return the readers: one for everything, one per task."""
    return [
        ImporterInfo(
            name=name,
            target=f"dsk_voc.importer:Voc{stem}Importer",
            summary=summary,
            aliases=("roboflow_voc",) if name == "voc" else (),
            detector="dsk_voc.detect:detect" if name == "voc" else "",
            kinds=frozenset(kinds) | ({"rotated_bbox"} if "bbox" in kinds else set()),
            options=_IMPORT_OPTIONS,
            layout=LAYOUT,
        )
        for name, (summary, stem, kinds) in _SUMMARIES.items()
    ]


@hookimpl
def dsk_exporters() -> list[ExporterInfo]:
    """Return the writers: one for everything, one per task."""
    return [
        ExporterInfo(
            name=name,
            target=f"dsk_voc.exporter:Voc{stem}Exporter",
            summary=summary,
            capabilities=capabilities(frozenset(kinds)),
            options=(*_EXPORT_OPTIONS, _TASK_OPTION) if name == "voc" else _EXPORT_OPTIONS,
            layout=LAYOUT,
        )
        for name, (summary, stem, kinds) in _SUMMARIES.items()
    ]


def capabilities(kinds: frozenset[str]) -> Capabilities:
    """Return what a target with these kinds holds.

    Outlines become boxes where boxes are what the format is about, and masks where masks are.
    """
    boxes = "bbox" in kinds and kinds != _INSTANCES
    first = "bbox" if boxes else "mask"
    second = "mask" if boxes else "bbox"
    convert: list[tuple[str, tuple[str, ...]]] = [
        ("polygon", (first, second)),
        ("rotated_bbox", (first, second)),
        ("ellipse", (first, second)),
        ("mask", ("bbox",)),
        ("skeleton", ("bbox",)),
    ]
    return Capabilities(
        annotations=kinds,
        fields=frozenset({"group", "attributes"} if "bbox" in kinds else {"group"}),
        needs_label=kinds,
        unfit_subsets=ANY_SUBSET,  # the lists see to it: "_" has a meaning in their names
        convert=tuple(
            (kind, tuple(k for k in wishes if k in kinds))
            for kind, wishes in convert
            if kind not in kinds
        ),
        family="voc",
        label_fields=frozenset({"attributes", "colors"}),
    )


_INSTANCES = frozenset({"bbox", "mask"})
