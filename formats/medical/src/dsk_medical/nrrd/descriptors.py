"""What ``nrrd`` is called and which options it has."""

from __future__ import annotations

from dsk.descriptors import Capabilities, ExporterInfo, ImporterInfo, Option

__all__ = ["EXPORTER", "IMPORTER"]

_FLAT = (
    *("bbox", "rotated_bbox", "polygon", "polyline", "points", "skeleton", "ellipse"),
    *("cuboid_2d", "cuboid_3d", "mask", "mask_3d"),
)  # shapes in images have no place in volumes

LAYOUT = """\
CTChest.nrrd                   a volume; .nhdr with a data file beside it too
CTChest.seg.nrrd               its segments, as 3D Slicer writes them"""

_MISMATCH = ("error", "warn", "use-volume-affine", "resample-nearest")

IMPORTER = ImporterInfo(
    name="nrrd",
    target="dsk_medical.nrrd.importer:NrrdImporter",
    summary="NRRD volumes and segmentations of 3D Slicer (.seg.nrrd)",
    aliases=("seg_nrrd", "segnrrd"),
    detector="dsk_medical.nrrd.detect:detect",
    kinds=frozenset({"mask_3d"}),
    media=frozenset({"volume"}),
    options=(
        Option(
            name="spatial_mismatch",
            default="warn",
            choices=_MISMATCH,
            help="what to do with a segmentation that lies elsewhere than its volume",
        ),
        Option(
            name="subsets",
            default="auto",
            choices=("auto", "folders", "none"),
            help="whether folders at the top are subsets; auto: if named train, val, test …",
        ),
    ),
    layout=LAYOUT,
)

EXPORTER = ExporterInfo(
    name="nrrd",
    target="dsk_medical.nrrd.exporter:NrrdExporter",
    summary="NRRD volumes and segmentations of 3D Slicer (.seg.nrrd)",
    aliases=("seg_nrrd", "segnrrd"),
    capabilities=Capabilities(
        annotations=frozenset({"mask", "mask_3d"}),
        media=frozenset({"volume"}),
        fields=frozenset({"object_id", "group"}),
        attributes=frozenset({"image_id", "object_value"}),
        needs_label=frozenset({"mask", "mask_3d"}),
        label_fields=frozenset({"colors"}),
        convert=tuple((kind, ()) for kind in _FLAT),
        family="nrrd",
    ),
    options=(
        Option(
            name="encoding", default="gzip", choices=("gzip", "raw"), help="compressed data or not"
        ),
        Option(
            name="spatial_mismatch",
            default="error",
            choices=_MISMATCH,
            help="what to do with a mask that lies elsewhere than its volume",
        ),
        Option(
            name="privacy",
            default="drop",
            choices=("drop", "keep"),
            help="key/value pairs and comments in the headers of volumes",
        ),
    ),
    layout=LAYOUT,
    always_saves_media=True,
)
