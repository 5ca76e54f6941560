"""What ``nnunet`` is called and which options it has."""

from __future__ import annotations

from dsk.descriptors import Capabilities, ExporterInfo, ImporterInfo, Option
from dsk_medical.brats.descriptors import MISMATCH, MISMATCH_OUT, PRIVACY

__all__ = ["BACKGROUND", "EXPORTER", "IMPORTER", "MASKS"]

LAYOUT = """\
Dataset<NNN>_<Name>/dataset.json         channel_names, labels, numTraining, file_ending
Dataset<NNN>_<Name>/imagesTr/<case>_<channel>.nii.gz      four digits for each channel
Dataset<NNN>_<Name>/labelsTr/<case>.nii.gz
Dataset<NNN>_<Name>/imagesTs/, labelsTs/                  likewise, optional
(or files that end in .nii, .nrrd, .mha, .png or .tif)"""

MASKS = Option(
    name="masks",
    default="volume",
    choices=("volume", "slices"),
    help="one mask for each value, or one for each value and slice (image_id)",
)
BACKGROUND = Option(
    name="background",
    default="skip",
    choices=("skip", "masks"),
    help="whether value 0 gets masks in slices",
)

REGIONS = Option(
    name="regions",
    default="values",
    choices=("values", "masks"),
    help="labels that stand for several values: a mask for each value, or one for each region",
)

IMPORTER = ImporterInfo(
    name="nnunet",
    target="dsk_medical.nnunet.importer:NnunetImporter",
    summary="nnU-Net raw datasets (version 2; version 1 too)",
    detector="dsk_medical.nnunet.detect:detect",
    kinds=frozenset({"mask", "mask_3d"}),
    media=frozenset({"volume"}),
    options=(MASKS, BACKGROUND, REGIONS, MISMATCH),
    layout=LAYOUT,
)

EXPORTER = ExporterInfo(
    name="nnunet",
    target="dsk_medical.nnunet.exporter:NnunetExporter",
    summary="nnU-Net raw datasets (version 2)",
    capabilities=Capabilities(
        annotations=frozenset({"mask", "mask_3d"}),
        media=frozenset({"volume"}),
        attributes=frozenset({"image_id"}),
        needs_label=frozenset({"mask", "mask_3d"}),
        convert=(("mask", ()), ("mask_3d", ())),
        family="nnunet",
    ),
    options=(
        Option(name="dataset_id", type=int, default=999, help="NNN of the folder's name, 1 to 999"),
        Option(name="name", default="", help="name of the dataset; none: dsk"),
        Option(
            name="file_ending",
            default=".nii.gz",
            choices=(".nii.gz", ".nii", ".nrrd", ".mha", ".tif", ".png"),
            help="format of the files; .tif keeps spacing alone, .png holds single slices",
        ),
        Option(
            name="channel_names",
            type="list",
            help='names of the channels; "CT" makes nnU-Net normalise as for CT',
        ),
        Option(
            name="unlabeled",
            default="empty",
            choices=("empty", "test"),
            help="training cases without masks: all of them background, or moved to imagesTs",
        ),
        Option(
            name="overlaps",
            default="later",
            choices=("later", "error", "regions"),
            help="voxels of several masks: the later one hides the earlier, the item is refused, "
            "or labels become regions",
        ),
        MISMATCH_OUT,
        PRIVACY,
    ),
    always_saves_media=True,
    layout=LAYOUT,
)
