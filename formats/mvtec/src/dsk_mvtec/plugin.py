"""What this package brings to dsk."""

from __future__ import annotations

from dsk.descriptors import META_FIELDS, Capabilities, ExporterInfo, ImporterInfo, Option, reserving
from dsk.hooks import hookimpl

DSK_API = (1, 0)

CLASSIFICATION, SEGMENTATION, DETECTION = "classification", "segmentation", "detection"
TASKS = frozenset({CLASSIFICATION, SEGMENTATION, DETECTION})
_KINDS = {CLASSIFICATION: "label", SEGMENTATION: "mask", DETECTION: "bbox"}

LAYOUT = """\
train/good/000.png                      images, in the folder of their label
test/<good or defect>/000.png
ground_truth/<defect>/000_mask.png      pixels of the defect
ground_truth/<defect>/000/000.png       or, in MVTec LOCO, each defect of an image
test_public/ground_truth/bad/…          or, in MVTec AD 2, beside the labels of a subset
such a folder for one category, or a folder of categories (bottle/, cable/ …)"""

_FORMATS = {
    "mvtec": ("MVTec AD: labels, masks and boxes of defects", "", TASKS),
    "mvtec_classification": ("MVTec AD: labels", "Classification", {CLASSIFICATION}),
    "mvtec_segmentation": (
        "MVTec AD: masks of defects",
        "Segmentation",
        {CLASSIFICATION, SEGMENTATION},
    ),
    "mvtec_detection": ("MVTec AD: boxes of defects", "Detection", {CLASSIFICATION, DETECTION}),
}


@hookimpl
def dsk_importers() -> list[ImporterInfo]:
    """Return the readers: one for everything, one per task."""
    return [
        ImporterInfo(
            name=name,
            target=f"dsk_mvtec.importer:Mvtec{stem}Importer",
            summary=summary,
            detector="dsk_mvtec.detect:detect" if name == "mvtec" else "",
            kinds=frozenset(_KINDS[task] for task in tasks),
            layout=LAYOUT,
        )
        for name, (summary, stem, tasks) in _FORMATS.items()
    ]


def capabilities(tasks: frozenset[str]) -> Capabilities:
    """Return what a target of these tasks holds."""
    kinds = frozenset({_KINDS[task] for task in tasks} | {"label"})
    first = ("mask", "bbox") if SEGMENTATION in tasks else ("bbox",)
    outlines = ("polygon", "rotated_bbox", "ellipse", "mask")
    return Capabilities(
        annotations=kinds,
        needs_label=kinds,
        unfit_subsets=reserving("ground_truth"),
        convert=tuple(
            (kind, tuple(k for k in first if k in kinds)) for kind in outlines if kind not in kinds
        ),
    )


@hookimpl
def dsk_exporters() -> list[ExporterInfo]:
    """Return the writers: one for everything, one per task."""
    meta = Option(
        name="save_dataset_meta",
        type=bool,
        default=False,
        help="write dataset_meta.json, which keeps the order of the labels",
        label_fields=META_FIELDS,
    )
    chosen = Option(
        name="tasks",
        type="list",
        default=(),
        choices=(CLASSIFICATION, SEGMENTATION, DETECTION),
        help="what to write; all by default",
    )
    return [
        ExporterInfo(
            name=name,
            target=f"dsk_mvtec.exporter:Mvtec{stem}Exporter",
            summary=summary,
            capabilities=capabilities(frozenset(tasks)),
            options=(chosen, meta) if name == "mvtec" else (meta,),
            layout=LAYOUT,
            always_saves_media=True,
        )
        for name, (summary, stem, tasks) in _FORMATS.items()
    ]
