"""What this package brings to dsk. Imported at every start of dsk: keep it light."""

from __future__ import annotations

from dsk.descriptors import Capabilities, ExporterInfo, ImporterInfo, Option
from dsk.hooks import hookimpl

DSK_API = (1, 0)

KINDS = frozenset({"bbox"})

LAYOUT = """\
labels.json
<subset>.jsonl
images/<subset>/<id>.<ext>"""


@hookimpl
def dsk_importers() -> list[ImporterInfo]:
    """Return the reader."""
    return [
        ImporterInfo(
            name="FORMAT",
            target="dsk_FORMAT.importer:BoxImporter",
            summary="FORMAT: boxes in lines of JSON",
            detector="dsk_FORMAT.detect:detect",
            kinds=KINDS,
            layout=LAYOUT,
        )
    ]


@hookimpl
def dsk_exporters() -> list[ExporterInfo]:
    """Return the writer."""
    return [
        ExporterInfo(
            name="FORMAT",
            target="dsk_FORMAT.exporter:BoxExporter",
            summary="FORMAT: boxes in lines of JSON",
            capabilities=Capabilities(annotations=KINDS),
            options=(
                Option(
                    name="image_folder",
                    default="images",
                    help="name of the folder that images are saved to",
                ),
            ),
            layout=LAYOUT,
        )
    ]
