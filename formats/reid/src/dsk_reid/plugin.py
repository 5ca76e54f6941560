"""What this package brings to dsk."""

from __future__ import annotations

from dsk.descriptors import Capabilities, ExporterInfo, ImporterInfo
from dsk.hooks import hookimpl

DSK_API = (1, 0)

_LAYOUT = "bounding_box_<subset>/<person>_c<n>s<n>_<frame>_<box>.jpg, query/, images_<subset>.txt"
_FACTS = frozenset({"person_id", "camera_id", "track_id", "frame_id", "bbox_id", "query"})


@hookimpl
def dsk_importers() -> list[ImporterInfo]:
    """Return the readers."""
    return [
        ImporterInfo(
            name="market1501",
            target="dsk_reid.market:MarketImporter",
            summary="Market-1501: person, camera and frame are in the images' names",
            detector="dsk_reid.detect:detect_market1501",
            layout=_LAYOUT,
        ),
        ImporterInfo(
            name="mars",
            target="dsk_reid.mars:MarsImporter",
            summary="MARS: tracks of persons, a folder for each person",
            detector="dsk_reid.detect:detect_mars",
            kinds=frozenset({"label"}),
            layout="bbox_<subset>/<person>/<person>C<n>T<track>F<frame>.jpg",
        ),
    ]


@hookimpl
def dsk_exporters() -> list[ExporterInfo]:
    """Return the writers."""
    return [
        ExporterInfo(
            name="market1501",
            target="dsk_reid.market_export:MarketExporter",
            summary="Market-1501: person, camera and frame are in the images' names",
            capabilities=Capabilities(item_attributes=_FACTS),
            layout=_LAYOUT,
        ),
    ]
