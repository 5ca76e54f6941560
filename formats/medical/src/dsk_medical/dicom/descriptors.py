"""What ``dicom`` is called and which options it has."""

from __future__ import annotations

from dsk.descriptors import Capabilities, ExporterInfo, ImporterInfo, Option

__all__ = ["EXPORTER", "IMPORTER"]

LAYOUT = """\
any folders of DICOM files, whatever they are called
  files of one series                    a volume
  files of modality SEG                  its segments"""

IMPORTER = ImporterInfo(
    name="dicom",
    target="dsk_medical.dicom.importer:DicomImporter",
    summary="DICOM series with DICOM segmentations (pip install 'dsk-medical[dicom]')",
    detector="dsk_medical.dicom.detect:detect",
    kinds=frozenset({"mask_3d"}),
    media=frozenset({"volume"}),
    options=(
        Option(
            name="identifiers",
            default="drop",
            choices=("drop", "keep"),
            help="whether ids, dates and texts become attributes of items; they may name a patient",
        ),
        Option(
            name="threshold",
            type=float,
            default=None,
            help="fractional segmentations: the least share (0 to 1) that counts as the object",
        ),
        Option(
            name="spatial_mismatch",
            default="warn",
            choices=("error", "warn", "use-volume-affine", "resample-nearest"),
            help="what to do with a segmentation that lies elsewhere than its series",
        ),
    ),
    layout=LAYOUT,
)

EXPORTER = ExporterInfo(
    name="dicom_seg",
    target="dsk_medical.dicom.exporter:DicomSegExporter",
    summary="DICOM segmentations of DICOM series (pip install 'dsk-medical[dicom]')",
    capabilities=Capabilities(
        annotations=frozenset({"mask", "mask_3d"}),
        media=frozenset({"volume"}),
        fields=frozenset({"group"}),
        attributes=frozenset({"image_id"}),
        needs_label=frozenset({"mask", "mask_3d"}),
        label_fields=frozenset({"colors"}),
        convert=tuple(
            (kind, ())
            for kind in (
                *("bbox", "rotated_bbox", "polygon", "polyline", "points", "skeleton"),
                *("ellipse", "cuboid_2d", "cuboid_3d", "mask", "mask_3d"),
            )
        ),
        family="dicom",
    ),
    options=(
        Option(
            name="spatial_mismatch",
            default="error",
            choices=("error", "warn", "use-volume-affine", "resample-nearest"),
            help="what to do with a mask that lies elsewhere than its volume",
        ),
    ),
    layout="<id>.seg.dcm                   one binary segmentation for each series, or\n"
    "<id>.seg.2.dcm …               several where large segments overlap",
)
