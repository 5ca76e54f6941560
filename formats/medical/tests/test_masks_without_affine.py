"""Masks that state no affine lie on the grid of their volume, in every format of cases."""

from __future__ import annotations

import json

import numpy as np
import pytest
from nifti_files import save, scan, voxels

from dsk import Dataset
from dsk.errors import DskWarning

SHAPE = (4, 4, 3)
CENTRED = np.array([[1.0, 0, 0, -1.5], [0, 1, 0, -1.5], [0, 0, 2, -2], [0, 0, 0, 1]])
FORMATS = ("bids_seg", "brats", "msd", "nnunet")


def write(root, fmt, codes):
    """Write an image, and a mask with a single voxel and without form codes."""
    image, label, more = {
        "bids_seg": (
            "sub-1/anat/sub-1_T1w.nii.gz",
            "derivatives/x/sub-1/anat/sub-1_dseg.nii.gz",
            {"Name": "x", "BIDSVersion": "1.8.0"},
        ),
        "brats": ("imagesTr/a.nii.gz", "labelsTr/a.nii.gz", None),
        "msd": (
            "imagesTr/a.nii.gz",
            "labelsTr/a.nii.gz",
            {
                "modality": {"0": "CT"},
                "labels": {"0": "background", "1": "x"},
                "training": [{"image": "./imagesTr/a.nii.gz", "label": "./labelsTr/a.nii.gz"}],
                "test": [],
            },
        ),
        "nnunet": (
            "imagesTr/a_0000.nii.gz",
            "labelsTr/a.nii.gz",
            {
                "channel_names": {"0": "CT"},
                "labels": {"background": 0, "x": 1},
                "numTraining": 1,
                "file_ending": ".nii.gz",
            },
        ),
    }[fmt]
    mask = np.zeros(SHAPE, np.uint8)
    mask[0, 1, 2] = 1
    save(root / image, scan(SHAPE), CENTRED, codes)
    save(root / label, mask, CENTRED, (0, 0))
    if more is not None:
        name = "dataset_description.json" if fmt == "bids_seg" else "dataset.json"
        (root / name).write_text(json.dumps(more))


@pytest.mark.parametrize("fmt", FORMATS)
def test_a_mask_without_an_affine_is_on_its_volumes_grid(tmp_path, fmt):
    write(tmp_path, fmt, (1, 1))
    with pytest.warns(DskWarning, match="no_affine"):
        (item,) = Dataset.import_from(tmp_path, fmt, masks="volume")
    (mask,) = item.annotations
    assert np.argwhere(voxels(mask)).tolist() == [[0, 1, 2]]
    assert mask.affine is None


@pytest.mark.parametrize("fmt", FORMATS)
def test_neither_states_an_affine(tmp_path, fmt, recwarn):
    write(tmp_path, fmt, (0, 0))
    (item,) = Dataset.import_from(tmp_path, fmt, masks="volume")
    assert np.argwhere(voxels(item.annotations[0])).tolist() == [[0, 1, 2]]
    told = [str(w.message).replace(str(tmp_path), "") for w in recwarn]  # the test's name is in it
    assert not [words for words in told if "affine" in words]
