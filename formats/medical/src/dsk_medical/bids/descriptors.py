"""What ``bids_seg`` is called and which options it has."""

from __future__ import annotations

from dsk.descriptors import ImporterInfo, Option
from dsk_medical.brats.descriptors import MISMATCH
from dsk_medical.nnunet.descriptors import MASKS

__all__ = ["IMPORTER"]

LAYOUT = """\
dataset_description.json                                   DatasetType: derivative
sub-<s>/[ses-<x>/]anat/sub-<s>_..._dseg.nii.gz             labels, named by a _dseg.tsv
sub-<s>/[ses-<x>/]anat/sub-<s>_..._label-<l>_mask.nii.gz   one label
sub-<s>/[ses-<x>/]anat/sub-<s>_..._label-<l>_probseg.nii.gz
..._dseg.tsv                                               index, name, color; applies below it"""

IMPORTER = ImporterInfo(
    name="bids_seg",
    target="dsk_medical.bids.importer:BidsImporter",
    summary="segmentations in BIDS derivatives",
    detector="dsk_medical.bids.detect:detect",
    kinds=frozenset({"mask", "mask_3d"}),
    media=frozenset({"volume"}),
    options=(
        MASKS,
        Option(
            name="probseg_threshold",
            type=float,
            help="probabilities from it on make a mask; none: the maps are volumes without masks",
        ),
        MISMATCH,
    ),
    layout=LAYOUT,
)
