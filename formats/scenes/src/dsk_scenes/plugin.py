"""What this package brings to dsk."""

from __future__ import annotations

from msgspec.structs import replace

from dsk.descriptors import Capabilities, ExporterInfo, ImporterInfo, Option, reserving
from dsk.hooks import hookimpl

DSK_API = (1, 0)

_MASKS = frozenset({"mask"})

_OUTLINES = (
    ("polygon", ("mask",)),
    ("rotated_bbox", ("mask",)),
    ("ellipse", ("mask",)),
    ("bbox", ()),
)

CITYSCAPES_LAYOUT = """\
leftImg8bit/<subset>/<city>/<item>_leftImg8bit.png
gtFine/<subset>/<city>/<item>_gtFine_instanceIds.png     label, or label * 1000 + number
gtFine/<subset>/<city>/<item>_gtFine_labelIds.png        label
gtFine/<subset>/<city>/<item>_gtFine_labelTrainIds.png   label in training, 255 = void
gtFine/<subset>/<city>/<item>_gtFine_color.png           colour of the label
gtFine/<subset>/<city>/<item>_gtFine_polygons.json       outlines, read on request
label_colors.txt or dataset_meta.json                    labels other than Cityscapes' own
read as well: gtCoarse/, imgsFine/leftImg8bit/, gtBboxCityPersons/"""

KITTI_LAYOUT = """\
<subset>/image_2/<item>.png
<subset>/label_2/<item>.txt     type truncated occluded alpha x1 y1 x2 y2 h w l x y z ry [score]
<subset>/instance/<item>.png         label * 256 + number, 16 bits
<subset>/semantic/<item>.png         label
<subset>/semantic_rgb/<item>.png     colour of the label
label_colors.txt or dataset_meta.json"""

CAMVID_LAYOUT = """\
<subset>.txt                             /<subset>/<item>.png <subset>annot/<item>.png
<subset>/<item>.png
<subset>annot/<item>.png                 colour or index of the label
label_colors.txt or dataset_meta.json"""

MAPILLARY_LAYOUT = """\
config_v1.2.json or config_v2.0.json              labels and colours
<subset>/images/<item>.jpg
<subset>/v2.0/instances/<item>.png                label * 256 + number, 16 bits
<subset>/v2.0/labels/<item>.png                   label
<subset>/v2.0/panoptic/<item>.png, panoptic_2020.json
<subset>/v2.0/polygons/<item>.json                outlines
read as well: v1.2/, folders without a version, one subset alone"""

SYNTHIA_LAYOUT = """\
RGB/<item>.png
GT/LABELS/<item>.png                 red: label, green: number of the object, 16 bits
GT/COLOR/<item>.png                  colour of the label
label_colors.txt or dataset_meta.json
SYNTHIA-Rand: RGB, GT, GTTXT; SYNTHIA-SF: RGBLeft, GTLeft; SYNTHIA-AL: RGB, SemSeg"""

PAIRS_LAYOUT = """\
dataset_meta.json                        labels and colours
images/<item>.png
masks/<item>.png                         colour or index of the label
<subset>/ with the same                  subsets other than default
read as well: imgs, labels, annotations, gt …; <subset>/ beside <subset>_labels/; masks named
<item>_mask, <item>_L, <item>_P …; label_colors.txt, class_dict.csv, codes.txt"""

SAVE_META = Option(
    name="save_dataset_meta",
    type=bool,
    default=False,
    help="write dataset_meta.json instead of label_colors.txt",
)


def label_map_option(name: str) -> Option:
    """Return the option that chooses the labels of an export."""
    return Option(
        name="label_map",
        default="source",
        help=f"labels and colours: source, {name}, or a label_colors.txt or dataset_meta.json",
    )


def masks_held(*attributes: str, reserved: tuple[str, ...] = ()) -> Capabilities:
    """Return what a format of label maps holds, and what its subsets cannot be called."""
    return Capabilities(
        annotations=_MASKS,
        attributes=frozenset(attributes),
        needs_label=_MASKS,
        unfit_subsets=reserving(*reserved),
        convert=_OUTLINES,
        label_fields=frozenset({"colors"}),
    )


_BOX_ATTRIBUTES = frozenset({"truncated", "occluded", "score"})
_KITTI_KINDS = {"detection": "bbox", "segmentation": "mask"}


def kitti_held(tasks: frozenset[str], *, attributes: bool = True) -> Capabilities:
    """Return what KITTI holds of some tasks."""
    kinds = frozenset(_KITTI_KINDS[task] for task in tasks)
    first, second = ("mask", "bbox") if "bbox" not in kinds else ("bbox", "mask")
    names = frozenset({"is_crowd"} if "mask" in kinds else ())
    if attributes and "bbox" in kinds:
        names |= _BOX_ATTRIBUTES
    wishes = {
        "polygon": (second, first) if len(kinds) == 2 else (first, second),
        "rotated_bbox": (first, second),
        "ellipse": (second, first) if len(kinds) == 2 else (first, second),
        "mask": ("bbox",),
        "skeleton": ("bbox",),
        "bbox": (),
    }
    return Capabilities(
        annotations=kinds,
        attributes=names,
        needs_label=kinds,
        convert=tuple(
            (kind, tuple(k for k in wanted if k in kinds))
            for kind, wanted in wishes.items()
            if kind not in kinds
        ),
        unfit_subsets=reserving("image_2", "label_2", "instance", "semantic", "semantic_rgb"),
        label_fields=frozenset({"colors"} if "mask" in kinds else ()),
        family="kitti" if attributes and "bbox" in kinds else "",
    )


_DETAILS = Option(
    name="details",
    type=bool,
    default=False,
    help="keep angle, size and place in space, and exact truncation and occlusion, as attributes",
)
_ATTRIBUTES = Option(
    name="allow_attributes",
    type=bool,
    default=True,
    help="write the attributes truncated, occluded and score",
)
_SCORE = Option(
    name="score_column",
    type=bool,
    default=True,
    help="write a score of 1 for boxes without one, as Datumaro does; otherwise 15 fields",
)
_COLORMAP = Option(
    name="apply_colormap",
    type=bool,
    default=True,
    help="show the labels' colours; otherwise pixels are the labels' indices",
)


def _kitti_importers() -> list[ImporterInfo]:
    return [
        ImporterInfo(
            name=name,
            target=f"dsk_scenes.kitti.importer:Kitti{stem}Importer",
            summary=summary,
            detector="dsk_scenes.kitti.detect:detect" if name == "kitti" else "",
            kinds=frozenset(kinds),
            options=(_DETAILS,) if "bbox" in kinds else (),
            layout=KITTI_LAYOUT,
        )
        for name, stem, summary, kinds in (
            ("kitti", "", "KITTI: boxes, or instance maps", {"bbox", "mask"}),
            ("kitti_detection", "Detection", "KITTI: boxes of objects", {"bbox"}),
            ("kitti_segmentation", "Segmentation", "KITTI: instance maps", {"mask"}),
        )
    ]


def _kitti_exporters() -> list[ExporterInfo]:
    maps = (label_map_option("kitti"), _COLORMAP, SAVE_META)
    boxes = (_ATTRIBUTES, _SCORE)
    keep = "write dataset_meta.json, which keeps unused labels"
    alone = (*boxes, replace(SAVE_META, help=keep, label_fields=frozenset({"colors"})))
    tasks = Option(
        name="tasks",
        type="list",
        default=(),
        choices=("detection", "segmentation"),
        help="what to write; both by default",
    )
    return [
        ExporterInfo(
            name=name,
            target=f"dsk_scenes.kitti.exporter:Kitti{stem}Exporter",
            summary=summary,
            capabilities=kitti_held(frozenset(held)),
            options=options,
            layout=KITTI_LAYOUT,
        )
        for name, stem, summary, held, options in (
            (
                "kitti",
                "",
                "KITTI: boxes and instance maps",
                {"detection", "segmentation"},
                (tasks, *maps, *boxes),
            ),
            ("kitti_detection", "Detection", "KITTI: boxes of objects", {"detection"}, alone),
            ("kitti_segmentation", "Segmentation", "KITTI: instance maps", {"segmentation"}, maps),
        )
    ]


_VERSION = Option(
    name="version",
    default="auto",
    choices=("auto", "v1.2", "v2.0"),
    help="which annotations to read; auto: of two versions in one folder the first",
)
_ORIGINAL_CONFIG = Option(
    name="use_original_config",
    type=bool,
    default=False,
    help="take the official labels, not those of the configuration beside the data",
)
_ORIGINAL_IDS = Option(
    name="keep_original_category_ids",
    type=bool,
    default=False,
    help="panoptic: a label's index is its category id; gaps are filled with class-N",
)


def _mapillary_importers() -> list[ImporterInfo]:
    both = (_VERSION, _ORIGINAL_CONFIG, _ORIGINAL_IDS)
    return [
        ImporterInfo(
            name=f"mapillary_vistas{ending}",
            target=f"dsk_scenes.mapillary.importer:MapillaryVistas{stem}Importer",
            summary=f"Mapillary Vistas 1.2 and 2.0: {what}, and outlines",
            detector="" if ending else "dsk_scenes.mapillary.detect:detect",
            kinds=frozenset({"mask", "polygon"}),
            options=options,
            layout=MAPILLARY_LAYOUT,
        )
        for ending, stem, what, options in (
            ("", "", "instance maps, or else panoptic ones", both),
            ("_instances", "Instances", "instance maps", (_VERSION, _ORIGINAL_CONFIG)),
            ("_panoptic", "Panoptic", "panoptic maps", both),
        )
    ]


def _synthia_importers() -> list[ImporterInfo]:
    instances = Option(
        name="instances",
        type=bool,
        default=False,
        help="one mask for each object that GT/LABELS numbers, not for each label",
    )
    return [
        ImporterInfo(
            name=f"synthia{ending}",
            target=f"dsk_scenes.synthia.importer:Synthia{stem}Importer",
            summary=f"{what}: class maps of rendered street scenes",
            detector="" if ending else "dsk_scenes.synthia.detect:detect",
            kinds=_MASKS,
            options=(instances,),
            layout=SYNTHIA_LAYOUT,
        )
        for ending, stem, what in (
            ("", "", "SYNTHIA, any edition"),
            ("_rand", "Rand", "SYNTHIA-Rand"),
            ("_sf", "Sf", "SYNTHIA-SF"),
            ("_al", "Al", "SYNTHIA-AL"),
        )
    ]


def _pairs_importer() -> ImporterInfo:
    return ImporterInfo(
        name="common_semantic_segmentation",
        target="dsk_scenes.pairs.importer:PairsImporter",
        summary="folders of images and class masks that pair by name",
        aliases=("common_semantic_segmentation_with_subset_dirs", "image_masks"),
        detector="dsk_scenes.pairs.detect:detect",
        kinds=_MASKS,
        options=(
            Option(name="image_prefix", default="", help="what names of images begin with"),
            Option(name="mask_prefix", default="", help="what names of masks begin with"),
            Option(
                name="mask_suffix",
                default="",
                help="what names of masks end with, before the dot; found by itself if usual",
            ),
            Option(
                name="classes",
                type="path",
                default="",
                help="a table of labels: dataset_meta.json, label_colors.txt, or a CSV with "
                "name, r, g, b or name, value; generate: a label for each value of the masks",
            ),
        ),
        layout=PAIRS_LAYOUT,
    )


def _pairs_exporter() -> ExporterInfo:
    return ExporterInfo(
        name="common_semantic_segmentation",
        target="dsk_scenes.pairs.exporter:PairsExporter",
        summary="folders of images and class masks that pair by name",
        aliases=("image_masks",),
        capabilities=masks_held(),
        options=(
            _COLORMAP,
            Option(
                name="label_map",
                default="source",
                help="labels and colours: source, or a label_colors.txt or dataset_meta.json",
            ),
            Option(
                name="table",
                default="meta",
                choices=("meta", "csv", "txt"),
                help="the table of labels: dataset_meta.json, class_dict.csv or label_colors.txt",
            ),
        ),
        layout=PAIRS_LAYOUT,
    )


@hookimpl
def dsk_importers() -> list[ImporterInfo]:
    """Return the readers."""
    return [
        *_kitti_importers(),
        *_mapillary_importers(),
        _pairs_importer(),
        *_synthia_importers(),
        ImporterInfo(
            name="camvid",
            target="dsk_scenes.camvid.importer:CamvidImporter",
            summary="CamVid: lists of images and class masks",
            detector="dsk_scenes.camvid.detect:detect",
            kinds=_MASKS,
            layout=CAMVID_LAYOUT,
        ),
        ImporterInfo(
            name="cityscapes",
            target="dsk_scenes.cityscapes.importer:CityscapesImporter",
            summary="Cityscapes: label and instance maps of street scenes",
            detector="dsk_scenes.cityscapes.detect:detect",
            kinds=frozenset({"bbox", "mask", "polygon"}),
            options=(
                Option(
                    name="source",
                    default="auto",
                    choices=("auto", "instance", "train", "label", "polygon", "boxes"),
                    help="which files to read; auto: labelTrainIds if all items have them and the "
                    "labels are Cityscapes' own, else instanceIds, labelIds, outlines; boxes of "
                    "CityPersons if there is nothing else",
                ),
                Option(
                    name="quality",
                    default="auto",
                    choices=("auto", "fine", "coarse"),
                    help="gtFine, gtCoarse, or gtCoarse where there is no gtFine",
                ),
            ),
            layout=CITYSCAPES_LAYOUT,
        ),
    ]


@hookimpl
def dsk_exporters() -> list[ExporterInfo]:
    """Return the writers."""
    return [
        *_kitti_exporters(),
        _pairs_exporter(),
        ExporterInfo(
            name="camvid",
            target="dsk_scenes.camvid.exporter:CamvidExporter",
            summary="CamVid: lists of images and class masks",
            capabilities=masks_held(reserved=("label_colors", "labels", "classes", "codes")),
            options=(_COLORMAP, label_map_option("camvid"), SAVE_META),
            layout=CAMVID_LAYOUT,
        ),
        ExporterInfo(
            name="cityscapes",
            target="dsk_scenes.cityscapes.exporter:CityscapesExporter",
            summary="Cityscapes: label and instance maps of street scenes",
            capabilities=masks_held("is_crowd", reserved=("leftImg8bit", "gtFine", "gtCoarse")),
            options=(
                label_map_option("cityscapes"),
                Option(
                    name="train_ids",
                    type=bool,
                    default=False,
                    help="write labelTrainIds with Cityscapes' own labels, too",
                ),
                SAVE_META,
            ),
            layout=CITYSCAPES_LAYOUT,
        ),
    ]
