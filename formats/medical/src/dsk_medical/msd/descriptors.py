"""What ``msd`` is called and which options it has."""

from __future__ import annotations

from dsk.descriptors import Capabilities, ExporterInfo, ImporterInfo, Option
from dsk_medical.brats.descriptors import MISMATCH, MISMATCH_OUT, PRIVACY
from dsk_medical.nnunet.descriptors import BACKGROUND, MASKS

__all__ = ["EXPORTER", "IMPORTER"]

LAYOUT = """\
Task<NN>_<Name>/dataset.json             modality, labels, training, test
Task<NN>_<Name>/imagesTr/<case>.nii.gz   3D, or 4D with the modalities last
Task<NN>_<Name>/labelsTr/<case>.nii.gz
Task<NN>_<Name>/imagesTs/<case>.nii.gz"""

IMPORTER = ImporterInfo(
    name="msd",
    target="dsk_medical.msd.importer:MsdImporter",
    summary="tasks of the Medical Segmentation Decathlon",
    detector="dsk_medical.msd.detect:detect",
    kinds=frozenset({"mask", "mask_3d"}),
    media=frozenset({"volume"}),
    options=(MASKS, BACKGROUND, MISMATCH),
    layout=LAYOUT,
)

EXPORTER = ExporterInfo(
    name="msd",
    target="dsk_medical.msd.exporter:MsdExporter",
    summary="tasks of the Medical Segmentation Decathlon",
    capabilities=Capabilities(
        annotations=frozenset({"mask", "mask_3d"}),
        media=frozenset({"volume"}),
        attributes=frozenset({"image_id"}),
        needs_label=frozenset({"mask", "mask_3d"}),
        convert=(("mask", ()), ("mask_3d", ())),
        family="msd",
    ),
    options=(
        Option(name="task", default="", help="NN_Name of the folder Task<NN>_<Name>"),
        Option(
            name="label_values",
            default="keep",
            choices=("keep", "consecutive"),
            help="the values the source had, or 1, 2, 3 …",
        ),
        Option(name="channel_names", type="list", help="names of the modalities"),
        MISMATCH_OUT,
        PRIVACY,
    ),
    always_saves_media=True,
    layout=LAYOUT,
)
