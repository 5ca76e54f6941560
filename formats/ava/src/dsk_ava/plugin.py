"""What this package brings to dsk."""

from __future__ import annotations

from dsk.descriptors import Capabilities, ExporterInfo, ImporterInfo
from dsk.hooks import hookimpl

DSK_API = (1, 0)

LAYOUT = """\
annotations/ava_<subset>_v2.2.csv       video,timestamp,x1,y1,x2,y2,action,person; boxes from 0 to 1
annotations/ava_action_list_v2.2.pbtxt  names and numbers of the actions
annotations/ava_<subset>_excluded_timestamps_v2.2.csv   video,timestamp
annotations/images.meta                 <video>/<timestamp> height width; optional
frames/<video>/<video>_<timestamp>.jpg  items are called <video>/<timestamp>
read as well: v2.1, AVA-Kinetics' tables; rawframes/<video>/img_<number>.jpg at 30 a second"""

_BBOX = frozenset({"bbox"})


@hookimpl
def dsk_importers() -> list[ImporterInfo]:
    """Return the reader."""
    return [
        ImporterInfo(
            name="ava",
            target="dsk_ava.importer:AvaImporter",
            summary="AVA: actions of persons in frames of films",
            detector="dsk_ava.detect:detect",
            kinds=_BBOX,
            layout=LAYOUT,
        ),
    ]


@hookimpl
def dsk_exporters() -> list[ExporterInfo]:
    """Return the writer."""
    return [
        ExporterInfo(
            name="ava",
            target="dsk_ava.exporter:AvaExporter",
            summary="AVA: actions of persons in frames of films",
            capabilities=Capabilities(
                annotations=_BBOX,
                attributes=frozenset({"track_id"}),
                fields=frozenset({"object_id", "group"}),
                item_attributes=frozenset({"excluded"}),
                family="ava",
            ),
            layout=LAYOUT,
        ),
    ]
