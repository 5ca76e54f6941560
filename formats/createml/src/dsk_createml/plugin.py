"""What this package brings to dsk."""

from __future__ import annotations

from dsk.descriptors import META_FIELDS, Capabilities, ExporterInfo, ImporterInfo, Option, reserving
from dsk.hooks import hookimpl

DSK_API = (1, 0)

JSON_LAYOUT = """\
<subset>/_annotations.createml.json     [{"image": …, "annotations": [{"label": …, "coordinates":
                                        {"x": …, "y": …, "width": …, "height": …}}]}]
<subset>/<item>.<ext>                   beside it
dataset_meta.json                       labels and their order; optional
read as well: any JSON file of that content, one or several in a folder; "imagefilename",
"annotation"; lists of label names for whole images"""

CSV_LAYOUT = """\
<subset>/_classes.csv                   filename, <label>, <label> … with 0 and 1 below
<subset>/<item>.<ext>                   beside it"""

BOXES_LAYOUT = """\
<subset>/_annotations.csv               filename,width,height,class,xmin,ymin,xmax,ymax
                                        and a row for each box
<subset>/<item>.<ext>                   beside it
dataset_meta.json                       labels and their order; optional
read as well: CSV files of any name (<subset>_labels.csv …) with these columns in any order,
without width and height, with others"""

_UNFIT = reserving("annotations")

_META = Option(
    name="save_dataset_meta",
    type=bool,
    default=False,
    help="write dataset_meta.json, which keeps the order of the labels",
    label_fields=META_FIELDS,
)
_ANCHOR = Option(
    name="anchor",
    default="center",
    choices=("center", "top_left"),
    help="the point of a box that x and y are",
)
_BBOX = frozenset({"bbox"})
_LABEL = frozenset({"label"})


@hookimpl
def dsk_importers() -> list[ImporterInfo]:
    """Return the readers."""
    return [
        ImporterInfo(
            name="create_ml",
            target="dsk_createml.importer:CreateMlImporter",
            summary="Apple's Create ML: boxes in JSON",
            aliases=("createml", "roboflow_create_ml"),
            detector="dsk_createml.detect:detect_json",
            kinds=_BBOX | _LABEL,
            options=(_ANCHOR,),
            layout=JSON_LAYOUT,
        ),
        ImporterInfo(
            name="multiclass_csv",
            target="dsk_createml.classes:ClassesImporter",
            summary="a table of classes, as Roboflow writes it: labels of whole images",
            aliases=("roboflow_multiclass",),
            detector="dsk_createml.detect:detect_csv",
            kinds=_LABEL,
            layout=CSV_LAYOUT,
        ),
        ImporterInfo(
            name="tensorflow_csv",
            target="dsk_createml.boxes:BoxesImporter",
            summary="a table of boxes, as TensorFlow's object detection tutorials have it",
            aliases=("tf_csv", "roboflow_tensorflow"),
            detector="dsk_createml.detect:detect_boxes",
            kinds=_BBOX,
            layout=BOXES_LAYOUT,
        ),
    ]


@hookimpl
def dsk_exporters() -> list[ExporterInfo]:
    """Return the writers."""
    return [
        ExporterInfo(
            name="create_ml",
            target="dsk_createml.exporter:CreateMlExporter",
            summary="Apple's Create ML: boxes in JSON",
            aliases=("createml", "roboflow_create_ml"),
            capabilities=Capabilities(
                annotations=_BBOX, needs_label=_BBOX, unfit_subsets=_UNFIT, family="create_ml"
            ),
            options=(_ANCHOR, _META),
            layout=JSON_LAYOUT,
        ),
        ExporterInfo(
            name="multiclass_csv",
            target="dsk_createml.classes_export:ClassesExporter",
            summary="a table of classes, as Roboflow writes it: labels of whole images",
            aliases=("roboflow_multiclass",),
            capabilities=Capabilities(annotations=_LABEL, needs_label=_LABEL, unfit_subsets=_UNFIT),
            layout=CSV_LAYOUT,
        ),
        ExporterInfo(
            name="tensorflow_csv",
            target="dsk_createml.boxes_export:BoxesExporter",
            summary="a table of boxes, as TensorFlow's object detection tutorials have it",
            aliases=("tf_csv", "roboflow_tensorflow"),
            capabilities=Capabilities(annotations=_BBOX, needs_label=_BBOX, unfit_subsets=_UNFIT),
            options=(_META,),
            layout=BOXES_LAYOUT,
        ),
    ]
