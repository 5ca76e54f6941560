"""What this package brings to dsk."""

from __future__ import annotations

from dsk.descriptors import ImporterInfo
from dsk.hooks import hookimpl

DSK_API = (1, 0)

JSON_LAYOUT = """\
<subset>-export.json                   {"tags": [...], "assets": {...}}
<image>                                beside it
read as well: <id>-asset.json, one per image, with a <project>.vott"""

CSV_LAYOUT = """\
<subset>-export.csv                    "image","xmin","ymin","xmax","ymax","label"
<image>                                beside it"""


@hookimpl
def dsk_importers() -> list[ImporterInfo]:
    """Return the readers."""
    return [
        ImporterInfo(
            name="vott_json",
            target="dsk_vott.jsonimporter:VottJsonImporter",
            summary="VoTT JSON",
            detector="dsk_vott.detect:detect_json",
            kinds=frozenset({"bbox", "polygon", "polyline", "points"}),
            layout=JSON_LAYOUT,
        ),
        ImporterInfo(
            name="vott_csv",
            target="dsk_vott.csvimporter:VottCsvImporter",
            summary="VoTT CSV",
            detector="dsk_vott.detect:detect_csv",
            kinds=frozenset({"bbox"}),
            layout=CSV_LAYOUT,
        ),
    ]
