"""Medical volumes to formats of images, and back."""

from __future__ import annotations

from pathlib import Path

import nibabel as nib
import numpy as np
import pytest

from dsk import Dataset

AFFINE = np.diag([-1.0, -1.0, 2.5, 1.0])
SHAPE = (24, 20, 6)

pytestmark = pytest.mark.filterwarnings("ignore:pixels of slices are not square")


@pytest.fixture
def source(tmp_path: Path) -> Dataset:
    """One volume with two objects of one class and one of another, apart from one another."""
    scan = np.random.default_rng(0).integers(-200, 900, SHAPE).astype(np.int16)
    lung, tumor = np.zeros((2, *SHAPE), np.uint8)
    lung[2:8, 3:9, 1:4] = 3
    lung[12:20, 3:9, 2:5] = 7
    tumor[4:12, 12:18, 1:5] = 1
    (tmp_path / "in" / "case").mkdir(parents=True)
    nib.save(nib.Nifti1Image(scan, AFFINE), tmp_path / "in" / "case.nii.gz")
    nib.save(nib.Nifti1Image(lung, AFFINE), tmp_path / "in" / "case" / "lung.nii.gz")
    nib.save(nib.Nifti1Image(tumor, AFFINE), tmp_path / "in" / "case" / "tumor.nii.gz")
    return Dataset.import_from(tmp_path / "in", "nifti")


def objects(dataset: Dataset) -> dict[tuple[str, str, int], bytes]:
    names = dataset.categories().names
    found = {}
    for item in dataset:
        for a in item.annotations:
            voxels = np.asarray(a.source[:, :, :]) == a.value
            found[item.id, names[a.label], a.value] = voxels.tobytes()
    return found


@pytest.mark.parametrize("target", ["coco", "datumaro"])
@pytest.mark.parametrize("axis", ["stored", "0", "cor"])
def test_objects_come_back_voxel_by_voxel(source, tmp_path, target, axis):
    slices = source.transform("volumes_to_slices", axis=axis)
    slices.export(tmp_path / "out", target, save_media=True)
    back = Dataset.import_from(tmp_path / "out", target).transform(
        "slices_to_volumes", like=str(tmp_path / "in"), axis=axis
    )
    assert objects(back) == objects(source)
    (before,), (after,) = source, back
    assert before.media.affine == after.media.affine


def test_classes_come_back_from_voc(source, tmp_path):
    slices = source.transform("volumes_to_slices")
    slices.export(tmp_path / "out", "voc_segmentation", save_media=True)
    back = Dataset.import_from(tmp_path / "out", "voc_segmentation").transform(
        "slices_to_volumes", like=str(tmp_path / "in")
    )
    names = back.categories().names
    (item,) = back
    union = {}
    for a in item.annotations:
        there = np.asarray(a.source[:, :, :]) == a.value
        union[names[a.label]] = union.get(names[a.label], False) | there
    expected = objects(source)
    lung = sum(np.frombuffer(expected["case", "lung", v], bool).reshape(SHAPE) for v in (3, 7))
    assert np.array_equal(union["lung"], lung.astype(bool))
    assert union["tumor"].tobytes() == expected["case", "tumor", 1]


def test_boxes_for_yolo_are_counted(source, tmp_path):
    report = source.transform("volumes_to_slices", annotated_only=True).export(
        tmp_path / "out", "yolo", save_media=True
    )
    assert report.annotations["out"] == 3 + 3 + 4
    changed = {event.what: event.count for event in report.events if event.code == "DSK-L003"}
    assert changed == {"mask→bbox": 10}


def test_pictures_only(source, tmp_path):
    source.transform("volumes_to_slices").export(tmp_path / "out", "image_dir", save_media=True)
    names = sorted(path.name for path in (tmp_path / "out" / "case").iterdir())
    assert names == [f"{k:04d}.png" for k in range(SHAPE[2])]
