"""Voxels, mm³ and centroids of every label are SimpleITK's, in every format and storage order."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk  # noqa: N813 - its usual name
from nifti_files import AFFINE, OBLIQUE, blocks, label_facts, save, scan, voxels

from dsk import Dataset, DatasetItem
from dsk.annotations import Mask3d
from dsk.categories import Categories, LabelCategory
from dsk.media import Volume

NAMES = {1: "NCR/NET", 2: "ED", 4: "ET"}
CLASSES = Categories(labels=tuple(LabelCategory(n, source_id=v) for v, n in NAMES.items()))

PSL = np.array([[0.0, 0, -1.5, 20], [-0.8, 0, 0, 9], [0, 1.25, 0, -4], [0, 0, 0, 1]])
GRIDS = {"LAS": AFFINE, "oblique": OBLIQUE, "PSL": PSL, "RAS": np.diag([1.0, 2, 3, 1])}

Facts = dict[str, tuple[int, float, tuple[float, ...]]]


def dataset(affine: np.ndarray) -> Dataset:
    labels = blocks(1, 2, 4)
    media = Volume("BraTS20_Training_001", scan(), None, labels.shape, tuple(affine.ravel()))
    masks = [Mask3d(labels, value, label=n) for n, value in enumerate(NAMES)]
    item = DatasetItem("BraTS20_Training_001", "train", media, masks)
    return Dataset.from_iterable([item], CLASSES)


def truth(affine: np.ndarray) -> Facts:
    return {name: label_facts(blocks(1, 2, 4) == v, affine) for v, name in NAMES.items()}


def by_simpleitk(path: Path, names: dict[int, str]) -> Facts:
    """The same facts of a file of labels; its world frame is LPS."""
    image = sitk.ReadImage(str(path))
    if image.GetNumberOfComponentsPerPixel() > 1:
        raise AssertionError("a label map has one number a voxel")
    stats = sitk.LabelShapeStatisticsImageFilter()
    stats.Execute(sitk.Cast(image, sitk.sitkUInt16))
    found: Facts = {}
    for value in stats.GetLabels():
        x, y, z = stats.GetCentroid(value)
        count = stats.GetNumberOfPixels(value)
        found[names[value]] = (count, stats.GetPhysicalSize(value), (-x, -y, z))
    return found


def by_dsk(folder: Path, fmt: str, **options: object) -> Facts:
    source = Dataset.import_from(folder, fmt, **options)
    names = source.categories().names
    (item,) = source
    affine = np.reshape(item.media.affine, (4, 4))
    return {names[a.label]: label_facts(voxels(a), affine) for a in item.annotations}


def assert_same(found: Facts, expected: Facts) -> None:
    assert set(found) == set(expected)
    for name, (count, volume, centre) in expected.items():
        assert found[name][0] == count, name
        assert found[name][1] == pytest.approx(volume, rel=1e-4), name
        assert found[name][2] == pytest.approx(centre, abs=2e-3), name


CONSECUTIVE = {1: "ED", 2: "NCR/NET", 3: "ET"}
WRITTEN = [
    ("nifti", {"structure": "planes", "mask_mode": "semantic"}, "**/*_inference*.nii.gz", NAMES),
    ("nifti", {"structure": "planes", "orientation": "ras"}, "**/*_inference*.nii.gz", NAMES),
    ("nrrd", {}, "**/*.seg.nrrd", NAMES),
    ("nnunet", {}, "**/labelsTr/*.nii.gz", CONSECUTIVE),
    ("msd", {}, "**/labelsTr/*.nii.gz", NAMES),
    ("brats", {"layout": "msd"}, "labelsTr/*.nii.gz", NAMES),
    ("brats", {"layout": "original"}, "**/*_seg.nii.gz", NAMES),
]


@pytest.mark.parametrize("grid", GRIDS)
@pytest.mark.parametrize(
    "written", WRITTEN, ids=lambda w: "-".join([w[0], *map(str, w[1].values())])
)
def test_facts_of_what_is_written(tmp_path, grid, written):
    fmt, options, pattern, names = written
    dataset(GRIDS[grid]).export(tmp_path, fmt, **options)
    (path,) = tmp_path.glob(pattern)
    assert_same(by_simpleitk(path, names), truth(GRIDS[grid]))
    reading = {"masks": "volume"} if fmt == "brats" else {}
    assert_same(by_dsk(tmp_path, fmt, **reading), truth(GRIDS[grid]))


@pytest.mark.parametrize("grid", GRIDS)
def test_facts_of_masks_by_volume_name(tmp_path, grid):
    dataset(GRIDS[grid]).export(tmp_path, "nifti")
    found: Facts = {}
    for path in tmp_path.rglob("*.nii.gz"):
        name = path.name.removesuffix(".nii.gz").replace("_", "/")
        if name in NAMES.values():
            found |= by_simpleitk(path, dict.fromkeys(range(9), name))
    assert_same(found, truth(GRIDS[grid]))
    read = by_dsk(tmp_path, "nifti")
    assert_same({name.replace("_", "/"): facts for name, facts in read.items()}, found)


@pytest.mark.parametrize("grid", GRIDS)
def test_facts_of_a_bids_derivative(tmp_path, grid):
    affine = GRIDS[grid]
    (tmp_path / "dataset_description.json").write_text(
        '{"Name": "x", "BIDSVersion": "1.8.0", "DatasetType": "derivative"}'
    )
    (tmp_path / "dseg.tsv").write_text("index\tname\n1\tNCR/NET\n2\tED\n4\tET\n")
    path = save(tmp_path / "sub-01" / "anat" / "sub-01_dseg.nii.gz", blocks(1, 2, 4), affine)
    found = by_dsk(tmp_path, "bids_seg")
    assert_same(found, truth(affine))
    assert_same(by_simpleitk(path, NAMES), found)


@pytest.mark.parametrize("grid", GRIDS)
def test_facts_survive_hdf5_slices(tmp_path, grid):
    dataset(GRIDS[grid]).export(tmp_path / "slices", "brats_hdf5")
    source = Dataset.import_from(tmp_path / "slices", "brats_hdf5")
    source.export(tmp_path / "out", "nnunet")
    (path,) = tmp_path.glob("out/**/labelsTr/*.nii.gz")
    assert_same(by_simpleitk(path, CONSECUTIVE), truth(GRIDS[grid]))


@pytest.mark.parametrize("grid", GRIDS)
@pytest.mark.parametrize("axis", ["0", "1", "2"])
def test_facts_survive_images_of_slices(tmp_path, grid, axis):
    slices = dataset(GRIDS[grid]).transform("volumes_to_slices", axis=axis)
    slices.transform("slices_to_volumes").export(tmp_path, "nnunet")
    (path,) = tmp_path.glob("**/labelsTr/*.nii.gz")
    assert_same(by_simpleitk(path, CONSECUTIVE), truth(GRIDS[grid]))
