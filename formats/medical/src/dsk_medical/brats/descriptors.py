"""What ``brats`` is called and which options it has."""

from __future__ import annotations

from dsk.descriptors import Capabilities, ExporterInfo, ImporterInfo, Option

__all__ = ["BACKGROUND", "EXPORTER", "IMPORTER", "MISMATCH", "MISMATCH_OUT", "PRIVACY"]

LAYOUT = """\
imagesTr/<id>.nii.gz   imagesTs/<id>.nii.gz     3D, or 4D with channels last   (layout msd)
labelsTr/<id>.nii.gz   labels                   one class a line, the line's number is the value
or                                                                        (layout original)
<case>/<case>_{flair,t1,t1ce,t2,seg}.nii[.gz]   until 2021
<case>/<case>-{t2f,t1n,t1c,t2w,seg}.nii[.gz]    from 2023 on
name_mapping.csv  survival_info.csv             grade, age, survival"""

_POLICIES = ("error", "warn", "use-volume-affine", "resample-nearest")
MISMATCH = Option(
    name="spatial_mismatch",
    default="warn",
    choices=_POLICIES,
    help="what to do with a segmentation that lies elsewhere than its volume",
)
MISMATCH_OUT = Option(
    name="spatial_mismatch",
    default="error",
    choices=_POLICIES,
    help="what to do with masks that lie elsewhere than their volume",
)
BACKGROUND = Option(
    name="background",
    default="masks",
    choices=("masks", "skip"),
    help="whether value 0 gets masks in slices, as in Datumaro",
)
PRIVACY = Option(
    name="privacy",
    default="drop",
    choices=("drop", "keep"),
    help="free texts and extensions in the headers of volumes",
)

IMPORTER = ImporterInfo(
    name="brats",
    target="dsk_medical.brats.importer:BratsImporter",
    summary="BraTS in NIfTI files, the challenge's layout or imagesTr/labelsTr",
    detector="dsk_medical.brats.detect:detect",
    kinds=frozenset({"mask", "mask_3d"}),
    media=frozenset({"volume"}),
    options=(
        Option(
            name="masks",
            default="auto",
            choices=("auto", "slices", "volume"),
            help="a mask for each slice and value (image_id), or one for each value; auto: slices "
            "in the layout msd, as in Datumaro, volumes in the original one",
        ),
        BACKGROUND,
        Option(
            name="year",
            default="auto",
            choices=("auto", "2017", "2018", "2019", "2020", "2021", "2023", "2024"),
            help="which year's classes the values stand for in the original layout",
        ),
        MISMATCH,
    ),
    layout=LAYOUT,
)

EXPORTER = ExporterInfo(
    name="brats",
    target="dsk_medical.brats.exporter:BratsExporter",
    summary="BraTS in NIfTI files, the challenge's layout or imagesTr/labelsTr",
    capabilities=Capabilities(
        annotations=frozenset({"mask", "mask_3d"}),
        media=frozenset({"volume"}),
        attributes=frozenset({"image_id"}),
        needs_label=frozenset({"mask", "mask_3d"}),
        convert=(("mask", ()), ("mask_3d", ())),
        family="brats",
    ),
    options=(
        Option(
            name="layout",
            default="msd",
            choices=("msd", "original"),
            help="imagesTr/labelsTr with a labels file, or a folder per case",
        ),
        Option(
            name="label_values",
            default="keep",
            choices=("keep", "consecutive"),
            help="the values the source had, or 1, 2, 3 as in nnU-Net (BraTS: 1→2, 2→1, 4→3)",
        ),
        MISMATCH_OUT,
        PRIVACY,
    ),
    always_saves_media=True,
    layout=LAYOUT,
)
