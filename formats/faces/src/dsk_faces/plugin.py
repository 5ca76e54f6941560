"""What this package brings to dsk."""

from __future__ import annotations

from dsk.descriptors import META_FIELDS, Capabilities, ExporterInfo, ImporterInfo, Option
from dsk.hooks import hookimpl

DSK_API = (1, 0)

_META = Option(
    name="save_dataset_meta",
    type=bool,
    default=False,
    help="write dataset_meta.json, too",
    label_fields=META_FIELDS,
    aliases=("save_meta",),
)
_ORDER = Option(
    name="attribute_order",
    default="auto",
    choices=("auto", "official", "datumaro"),
    help="the order of the last columns; Datumaro's differs from the official one",
)
_WIDER = (
    "wider_face_split/wider_face_<subset>_bbx_gt.txt, wider_face_test_filelist.txt, "
    "WIDER_<subset>/images/<n>--<event>/"
)
_VGG = (
    "bb_landmark/loose_bb_<subset>.csv, loose_landmark_<subset>.csv, <subset>/<label>/, labels.txt"
)
_LFW = "<subset>/annotations/pairs.txt, people.txt, landmarks.txt, <subset>/images/<label>/"
_ALL_KINDS = frozenset({"label", "points", "bbox"})
_WIDER_KINDS = frozenset({"bbox", "label"})


@hookimpl
def dsk_importers() -> list[ImporterInfo]:
    """Return the readers."""
    return [
        ImporterInfo(
            name="wider_face",
            target="dsk_faces.wider:WiderFaceImporter",
            summary="WIDER FACE: boxes of faces with blur, occlusion, pose …",
            aliases=("widerface",),
            detector="dsk_faces.detect:detect_wider_face",
            kinds=_WIDER_KINDS,
            options=(_ORDER,),
            layout=_WIDER,
        ),
        ImporterInfo(
            name="vgg_face2",
            target="dsk_faces.vgg:VggFace2Importer",
            summary="VGGFace2: boxes, five landmarks, identities",
            detector="dsk_faces.detect:detect_vgg_face2",
            kinds=_ALL_KINDS,
            layout=_VGG,
        ),
        ImporterInfo(
            name="lfw",
            target="dsk_faces.lfw:LfwImporter",
            summary="Labeled Faces in the Wild: pairs of images, landmarks",
            detector="dsk_faces.detect:detect_lfw",
            kinds=frozenset({"label", "points"}),
            layout=_LFW,
        ),
        ImporterInfo(
            name="celeba",
            target="dsk_faces.celeba:CelebaImporter",
            summary="CelebA: identities, boxes, landmarks, 40 attributes",
            detector="dsk_faces.detect:detect_celeba",
            kinds=_ALL_KINDS,
            layout="Anno/identity_CelebA.txt, list_*.txt; Eval/…; Img/img_celeba/<item>.jpg",
        ),
        ImporterInfo(
            name="align_celeba",
            target="dsk_faces.celeba:AlignCelebaImporter",
            summary="CelebA, aligned and cropped",
            detector="dsk_faces.detect:detect_align_celeba",
            kinds=frozenset({"label", "points"}),
            layout="Anno/identity_CelebA.txt, list_*.txt; Img/img_align_celeba; Kaggle's CSV files",
        ),
    ]


@hookimpl
def dsk_exporters() -> list[ExporterInfo]:
    """Return the writers."""
    return [
        ExporterInfo(
            name="wider_face",
            target="dsk_faces.wider_export:WiderFaceExporter",
            summary="WIDER FACE: boxes of faces with blur, occlusion, pose …",
            aliases=("widerface",),
            capabilities=Capabilities(
                annotations=_WIDER_KINDS,
                needs_label=_WIDER_KINDS,
                attributes=frozenset(
                    {"blur", "expression", "illumination", "invalid", "occluded", "pose"}
                ),
            ),
            options=(_ORDER, _META),
            layout=_WIDER,
        ),
        ExporterInfo(
            name="vgg_face2",
            target="dsk_faces.vgg_export:VggFace2Exporter",
            summary="VGGFace2: boxes, five landmarks, identities",
            capabilities=Capabilities(
                annotations=_ALL_KINDS,
                needs_label=frozenset({"label"}),
                label_fields=frozenset({"parent"}),
            ),
            options=(_META,),
            layout=_VGG,
        ),
        ExporterInfo(
            name="lfw",
            target="dsk_faces.lfw_export:LfwExporter",
            summary="Labeled Faces in the Wild: pairs of images, landmarks",
            capabilities=Capabilities(
                annotations=frozenset({"label", "points"}),
                needs_label=frozenset({"label"}),
                attributes=frozenset({"positive_pairs", "negative_pairs"}),
            ),
            options=(_META,),
            layout=_LFW,
        ),
    ]
