"""What ``nifti`` is called and which options it has."""

from __future__ import annotations

from dsk.descriptors import Capabilities, ExporterInfo, ImporterInfo, Option

__all__ = ["EXPORTER", "IMPORTER"]

_FLAT = (
    *("bbox", "rotated_bbox", "polygon", "polyline", "points", "skeleton", "ellipse"),
    *("cuboid_2d", "cuboid_3d", "mask", "mask_3d"),
)  # shapes in images have no place in volumes

LAYOUT = """\
by name:
  CTChest.nii.gz                 a volume
  CTChest/lung.nii.gz            its objects of class lung, one for each value
  CTChest/lung_score.csv         their scores by slice, optional
  s0000/ct.nii.gz, s0000/segmentations/lung.nii.gz          or like TotalSegmentator
by plane (axl, cor, sag), in any folder:
  axl_anatomic.nii               a volume
  axl_inference.nii              its classes, one for each value
  axl_inference_1.nii            or: its objects of class 1, one for each value
  axl_score.csv                  scores by slice: Layer,Label-1,Label-2
cls_color_map.txt                lines: value name R G B, optional
mapping.json                     annotations alone: {"axl_inference.nii": volume}"""

IMPORTER = ImporterInfo(
    name="nifti",
    target="dsk_medical.nifti.importer:NiftiImporter",
    summary="NIfTI volumes with masks by volume name or by plane (Supervisely)",
    detector="dsk_medical.nifti.detect:detect",
    kinds=frozenset({"mask", "mask_3d"}),
    media=frozenset({"volume"}),
    options=(
        Option(
            name="structure",
            default="auto",
            choices=("auto", "by-name", "planes"),
            help="how files belong together",
        ),
        Option(
            name="mask_mode",
            default="auto",
            choices=("auto", "semantic", "instance"),
            help="planes: values are classes, or objects of the class that the file's number names",
        ),
        Option(
            name="masks",
            default="volume",
            choices=("volume", "slices"),
            help="one mask for each object, or one for each of its slices (image_id)",
        ),
        Option(
            name="spatial_mismatch",
            default="warn",
            choices=("error", "warn", "use-volume-affine", "resample-nearest"),
            help="what to do with a mask that lies elsewhere than its volume",
        ),
        Option(
            name="subsets",
            default="auto",
            choices=("auto", "folders", "none"),
            help="whether folders at the top are subsets; auto: if named train, val, test …",
        ),
        Option(
            name="volumes",
            type="path",
            help="annotations alone: the folder or archive of the volumes they belong to",
        ),
        Option(
            name="volume_registry",
            type="path",
            help='annotations alone: JSON file {"volume id": "path of the volume"}',
        ),
    ),
    layout=LAYOUT,
)

EXPORTER = ExporterInfo(
    name="nifti",
    target="dsk_medical.nifti.exporter:NiftiExporter",
    summary="NIfTI volumes with masks by volume name or by plane (Supervisely)",
    capabilities=Capabilities(
        annotations=frozenset({"mask", "mask_3d"}),
        media=frozenset({"volume"}),
        fields=frozenset({"object_id", "group"}),
        attributes=frozenset({"image_id", "object_value", "score", "scores", "score_slices"}),
        needs_label=frozenset({"mask", "mask_3d"}),
        label_fields=frozenset({"colors"}),
        item_attributes=frozenset({"plane", "patient_uuid", "case_uuid"}),
        convert=tuple((kind, ()) for kind in _FLAT),
        family="nifti",
    ),
    options=(
        Option(
            name="structure",
            default="by-name",
            choices=("by-name", "planes", "planes-items"),
            help="classes as files beside each volume, or files by plane, maybe one folder an item",
        ),
        Option(
            name="mask_mode",
            default="auto",
            choices=("auto", "semantic", "instance"),
            help="planes: one file of classes, or one file of objects for each class",
        ),
        Option(
            name="ext", default="nii.gz", choices=("nii.gz", "nii"), help="compressed files or not"
        ),
        Option(
            name="color_map",
            default="cls_color_map.txt",
            help="name of the file with the classes; none: it is not written",
        ),
        Option(name="scores", type=bool, default=True, help="write scores as CSV files"),
        Option(
            name="dtype",
            default="auto",
            choices=("auto", "uint8", "uint16", "int32"),
            help="type of the masks' voxels; auto: the smallest that holds them",
        ),
        Option(
            name="orientation",
            default="keep",
            choices=("keep", "ras"),
            help="axes as stored, or permuted and turned to run nearest right, front, head",
        ),
        Option(
            name="spatial_mismatch",
            default="error",
            choices=("error", "warn", "use-volume-affine", "resample-nearest"),
            help="what to do with a mask that lies elsewhere than its volume",
        ),
        Option(
            name="privacy",
            default="drop",
            choices=("drop", "keep"),
            help="free texts and extensions in the headers of volumes",
        ),
    ),
    layout=LAYOUT,
    always_saves_media=True,
)
