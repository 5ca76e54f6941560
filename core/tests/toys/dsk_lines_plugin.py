"""A toy format package: lines of JSON. ``fault`` in ``dsk_lines_code`` breaks it in one respect."""

from __future__ import annotations

from dsk.descriptors import Capabilities, ExporterInfo, ImporterInfo, Option
from dsk.hooks import hookimpl

DSK_API = (1, 0)

KINDS = frozenset({"bbox", "label", "caption", "polygon", "mask"})
LAYOUT = "labels.json, <subset>.lines, media/<subset>/<item>.<ext>"


@hookimpl
def dsk_importers():
    return [
        ImporterInfo(
            name="lines",
            target="dsk_lines_code:LinesImporter",
            summary="lines of JSON",
            detector="dsk_lines_code:detect",
            kinds=KINDS,
            layout=LAYOUT,
        )
    ]


@hookimpl
def dsk_exporters():
    return [
        ExporterInfo(
            name="lines",
            target="dsk_lines_code:LinesExporter",
            summary="lines of JSON",
            aliases=("lines_indented",),
            alias_options={"lines_indented": {"spaces": 1}},
            capabilities=Capabilities(
                annotations=KINDS,
                fields=frozenset({"id", "group", "attributes"}),
                holes=True,
                item_attributes=True,
            ),
            options=(Option(name="spaces", type=int, default=0, help="blanks before each line"),),
            layout=LAYOUT,
        )
    ]
