"""What this package brings to dsk."""

from __future__ import annotations

from dsk.descriptors import ImporterInfo, Option
from dsk.hooks import hookimpl

DSK_API = (1, 0)

LAYOUT_2017 = """\
<subset>/<scene>/<item>.jpg
<subset>/<scene>/<item>_seg.png          objects
<subset>/<scene>/<item>_parts_<n>.png    parts, parts of parts …
<subset>/<scene>/<item>_atr.txt          number # level # occluded # class # name # "attributes"
dataset_meta.json                        labels in another order"""

LAYOUT_2020 = """\
<subset>/<scene>/<item>.jpg
<subset>/<scene>/<item>.json             objects with outlines, parts, attributes
<subset>/<scene>/<item>_seg.png          classes of objects
<subset>/<scene>/<item>_parts_<n>.png    classes of parts
<subset>/<scene>/<item>/instance_*.png   one object each: 255 visible, 128 hidden
dataset_meta.json                        labels in another order"""

_DETAILS = Option(
    name="details",
    type=bool,
    default=False,
    help="keep as attributes what is said of occlusion and classes (of 2020 also of cropping)",
)


@hookimpl
def dsk_importers() -> list[ImporterInfo]:
    """Return the readers."""
    return [
        ImporterInfo(
            name="ade20k2017",
            target="dsk_ade20k.edition2017:Ade20k2017Importer",
            summary="ADE20K of 2016 and 2017: objects and their parts",
            detector="dsk_ade20k.detect:detect_2017",
            kinds=frozenset({"mask"}),
            options=(_DETAILS,),
            layout=LAYOUT_2017,
        ),
        ImporterInfo(
            name="ade20k2020",
            target="dsk_ade20k.edition2020:Ade20k2020Importer",
            summary="ADE20K of 2020 and 2021: objects, their parts and outlines",
            detector="dsk_ade20k.detect:detect_2020",
            kinds=frozenset({"mask", "polygon"}),
            options=(
                Option(
                    name="hidden",
                    type=bool,
                    default=False,
                    help="masks of objects have their hidden pixels, too",
                ),
                Option(
                    name="annotations",
                    default="all",
                    choices=("all", "classes", "objects"),
                    help="masks of classes, of single objects with outlines, or both",
                ),
                _DETAILS,
            ),
            layout=LAYOUT_2020,
        ),
    ]
