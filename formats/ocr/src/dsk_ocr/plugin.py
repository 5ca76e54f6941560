"""What this package brings to dsk."""

from __future__ import annotations

from dsk.descriptors import Capabilities, ExporterInfo, ImporterInfo, Option, reserving
from dsk.hooks import hookimpl

DSK_API = (1, 0)

LINES_2015 = "2015"

_WORDS = """\
<subset>/gt.txt                         word_1.png, "Text"
<subset>/images/word_1.png              or beside gt.txt
read as well: …_Test_Task3_GT.txt beside a folder of images (…_Test_Task3_Images), lists of
PaddleOCR (rec_gt.txt, train_list.txt: image, tab, text)"""

_PLACES = """\
<subset>/gt_<item>.txt                  left top right bottom "text"
                                        x1,y1,x2,y2,x3,y3,x4,y4,"text"
<subset>/images/<item>.png
read as well: commas and spaces mixed (2013), text without quotes (2015), script before the
text (MLT), outlines of more corners, images in a folder beside (ch4_training_images), texts
named like the images (SROIE, MLT of 2019), lists of PaddleOCR (Label.txt: image, tab, JSON)"""

_CHARACTERS = """\
<subset>/<item>_GT.txt                  red green blue, center x y, x1 y1 x2 y2, "c"; an empty
                                        line between words
<subset>/<item>_GT.bmp                  each character in its colour on white
<subset>/images/<item>.png"""

_WORD, _PLACE, _CHARACTER = (
    "ICDAR word recognition: what images of words say",
    "ICDAR text localization: boxes and outlines of text",
    "ICDAR text segmentation: masks of characters",
)


@hookimpl
def dsk_importers() -> list[ImporterInfo]:
    """Return the readers, one for each task."""
    return [
        ImporterInfo(
            name="icdar_word_recognition",
            target="dsk_ocr.importer:RecognitionImporter",
            summary=_WORD,
            detector="dsk_ocr.detect:detect_recognition",
            kinds=frozenset({"caption"}),
            layout=_WORDS,
        ),
        ImporterInfo(
            name="icdar_text_localization",
            target="dsk_ocr.importer:LocalizationImporter",
            summary=_PLACE,
            detector="dsk_ocr.detect:detect_localization",
            kinds=frozenset({"bbox", "polygon"}),
            layout=_PLACES,
        ),
        ImporterInfo(
            name="icdar_text_segmentation",
            target="dsk_ocr.segmentation:SegmentationImporter",
            summary=_CHARACTER,
            detector="dsk_ocr.detect:detect_segmentation",
            kinds=frozenset({"mask"}),
            layout=_CHARACTERS,
        ),
    ]


_UNFIT = reserving("images")


def localization(lines: str) -> Capabilities:
    """Return what files of text localization hold."""
    if lines == LINES_2015:
        return Capabilities(
            annotations=frozenset({"polygon"}),
            attributes=frozenset({"text", "script"}),
            multi_ring=False,
            unfit_subsets=_UNFIT,
            convert=(
                ("bbox", ("polygon",)),
                ("rotated_bbox", ("polygon",)),
                ("mask", ("polygon",)),
            ),
        )
    return Capabilities(
        annotations=frozenset({"bbox", "polygon"}),
        attributes=frozenset({"text"}),
        multi_ring=False,
        unfit_subsets=_UNFIT,
    )


@hookimpl
def dsk_exporters() -> list[ExporterInfo]:
    """Return the writers, one for each task."""
    return [
        ExporterInfo(
            name="icdar_word_recognition",
            target="dsk_ocr.exporter:RecognitionExporter",
            summary=_WORD,
            capabilities=Capabilities(annotations=frozenset({"caption"})),
            layout=_WORDS,
        ),
        ExporterInfo(
            name="icdar_text_localization",
            target="dsk_ocr.exporter:LocalizationExporter",
            summary=_PLACE,
            capabilities=Capabilities(
                annotations=frozenset({"bbox", "polygon"}),
                attributes=frozenset({"text", "script"}),
                multi_ring=False,
                unfit_subsets=_UNFIT,
            ),
            options=(
                Option(
                    name="lines",
                    default="2013",
                    choices=("2013", LINES_2015),
                    help="boxes and quoted text, or corners and plain text (MLT's with script)",
                ),
            ),
            layout=_PLACES,
        ),
        ExporterInfo(
            name="icdar_text_segmentation",
            target="dsk_ocr.painting:SegmentationExporter",
            summary=_CHARACTER,
            capabilities=Capabilities(
                annotations=frozenset({"mask"}),
                fields=frozenset({"group"}),
                attributes=frozenset({"index", "color", "text", "center"}),
                unfit_subsets=_UNFIT,
                family="icdar",
            ),
            layout=_CHARACTERS,
        ),
    ]
