"""dsk turns any computer-vision dataset into any other."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from dsk.annotations import (
        Annotation,
        Bbox,
        Caption,
        Cuboid2d,
        Cuboid3d,
        Ellipse,
        Label,
        Mask,
        Mask3d,
        Points,
        Polygon,
        PolyLine,
        Rle,
        RotatedBbox,
        Skeleton,
        Visibility,
    )
    from dsk.categories import Categories, LabelCategory, PointsCategory
    from dsk.dataset import Dataset
    from dsk.descriptors import (
        Capabilities,
        CommandInfo,
        EngineInfo,
        ExporterInfo,
        ImporterInfo,
        Option,
        TransformInfo,
    )
    from dsk.errors import DskError, DskWarning
    from dsk.flow import Detection, Exporter, Header, Importer, ListSource, Source, Transform
    from dsk.hooks import hookimpl
    from dsk.item import DatasetItem
    from dsk.loss import Ledger, Report
    from dsk.media import Image, MultiframeImage, PointCloud, VideoFrame, Volume

_WHERE = {
    "annotations": (
        "Annotation Bbox Caption Cuboid2d Cuboid3d Ellipse Label Mask Mask3d Points PolyLine "
        "Polygon Rle RotatedBbox Skeleton Visibility"
    ),
    "categories": "Categories LabelCategory PointsCategory",
    "dataset": "Dataset",
    "descriptors": (
        "Capabilities CommandInfo EngineInfo ExporterInfo ImporterInfo Option TransformInfo"
    ),
    "errors": "DskError DskWarning",
    "flow": "Detection Exporter Header Importer ListSource Source Transform",
    "hooks": "hookimpl",
    "item": "DatasetItem",
    "loss": "Ledger Report",
    "media": "Image MultiframeImage PointCloud VideoFrame Volume",
}
_NAMES = {name: module for module, names in _WHERE.items() for name in names.split()}

__all__ = [  # noqa: PLE0604 - computed from the table above; a test compares it with the imports
    *sorted(_NAMES)
]

if not TYPE_CHECKING:  # hidden from type checkers, which would accept any attribute otherwise

    def __getattr__(name: str) -> object:
        """Import a public name when it is first used: ``import dsk`` stays instant."""
        if name in _NAMES:
            from importlib import import_module

            value = getattr(import_module(f"dsk.{_NAMES[name]}"), name)
            globals()[name] = value
            return value
        msg = f"module 'dsk' has no attribute {name!r}"
        raise AttributeError(msg)

    def __dir__() -> list[str]:
        return sorted({*globals(), *_NAMES})
