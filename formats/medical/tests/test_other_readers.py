"""What other tools make of written files, by their published rules.

nibabel and SimpleITK read themselves; nnU-Net (SimpleITKIO, verify_dataset_integrity), TorchIO
(its affine from SimpleITK's image) and MONAI (load_decathlon_datalist) are too heavy for tests and
stand here as the few lines that matter.
"""

from __future__ import annotations

import json
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest
import SimpleITK as sitk  # noqa: N813 - its usual name
from nifti_files import blocks, scan, voxels
from test_label_facts import GRIDS, dataset

from dsk import Dataset

TARGETS = [
    ("nifti", {}),
    ("nifti", {"orientation": "ras"}),
    ("nnunet", {}),
    ("msd", {}),
    ("brats", {"layout": "msd"}),
    ("brats", {"layout": "original"}),
]


def torchio_affine(image: sitk.Image) -> np.ndarray:
    """Voxel indices to RAS+ as TorchIO computes it: ITK's frame with x and y the other way."""
    rotation = np.reshape(image.GetDirection(), (3, 3)) * image.GetSpacing()
    affine = np.eye(4)
    affine[:3, :3] = np.diag([-1, -1, 1]) @ rotation
    affine[:3, 3] = np.diag([-1, -1, 1]) @ image.GetOrigin()
    return affine


@pytest.mark.parametrize("grid", GRIDS)
@pytest.mark.parametrize(("fmt", "options"), TARGETS)
def test_nibabel_and_simpleitk_see_the_same(tmp_path, grid, fmt, options):
    dataset(GRIDS[grid]).export(tmp_path, fmt, **options)
    paths = sorted(tmp_path.rglob("*.nii.gz"))
    assert len(paths) >= 2
    for path in paths:
        ours, theirs = nib.load(path), sitk.ReadImage(str(path))
        assert np.allclose(torchio_affine(theirs), ours.affine, atol=1e-4)
        assert np.array_equal(sitk.GetArrayFromImage(theirs).T, np.asanyarray(ours.dataobj))
        assert int(ours.header["sform_code"]) == int(ours.header["qform_code"]) == 1


def read_as_nnunet(path: Path) -> tuple[np.ndarray, dict[str, tuple[float, ...]]]:
    """SimpleITKIO.read_images: the array with a channel in front, and what is compared."""
    image = sitk.ReadImage(str(path))
    array = sitk.GetArrayFromImage(image)[None].astype(np.float32)
    facts = {
        "spacing": image.GetSpacing(),
        "origin": image.GetOrigin(),
        "direction": image.GetDirection(),
    }
    return array, facts


@pytest.mark.parametrize("grid", GRIDS)
def test_nnunet_verifies(tmp_path, grid):
    dataset(GRIDS[grid]).export(tmp_path, "nnunet")
    (folder,) = tmp_path.iterdir()
    found = json.loads((folder / "dataset.json").read_text())
    expected = set(found["labels"].values())
    for path in (folder / "labelsTr").iterdir():
        label, facts = read_as_nnunet(path)
        name = path.name.removesuffix(found["file_ending"])
        assert set(np.unique(label).astype(int)) <= expected
        for channel in found["channel_names"]:
            file = folder / "imagesTr" / f"{name}_{int(channel):04d}{found['file_ending']}"
            image, other = read_as_nnunet(file)
            assert image.shape == label.shape
            assert not np.isnan(image).any()
            for key, value in facts.items():
                assert np.allclose(value, other[key]), key


def monai_datalist(file: Path, key: str) -> list[dict[str, Path]]:
    """load_decathlon_datalist: entries of a list with their paths below the file's folder."""
    return [
        {k: file.parent / v for k, v in (e if isinstance(e, dict) else {"image": e}).items()}
        for e in json.loads(file.read_text())[key]
    ]


def test_monai_finds_the_files_of_a_task(tmp_path):
    dataset(GRIDS["LAS"]).export(tmp_path, "msd")
    (file,) = tmp_path.glob("**/dataset.json")
    (entry,) = monai_datalist(file, "training")
    assert monai_datalist(file, "test") == []
    image, label = (nib.load(entry[key]) for key in ("image", "label"))
    assert np.array_equal(np.asanyarray(image.dataobj), scan())
    assert np.array_equal(np.asanyarray(label.dataobj), blocks(1, 2, 4))


@pytest.mark.parametrize("grid", GRIDS)
def test_simpleitk_reads_written_nrrd(tmp_path, grid):
    dataset(GRIDS[grid]).export(tmp_path, "nrrd")
    for path in tmp_path.rglob("*.nrrd"):
        image = sitk.ReadImage(str(path))
        assert np.allclose(torchio_affine(image), GRIDS[grid], atol=1e-6)


@pytest.mark.parametrize("grid", GRIDS)
def test_files_of_simpleitk_are_read(tmp_path, grid):
    """The other way round: a volume and its masks as ITK writes them."""
    source = dataset(GRIDS[grid])
    source.export(tmp_path / "in", "nifti")
    for path in (tmp_path / "in").rglob("*.nii.gz"):
        image = sitk.ReadImage(str(path))
        target = tmp_path / "out" / path.relative_to(tmp_path / "in")
        target.parent.mkdir(parents=True, exist_ok=True)
        sitk.WriteImage(image, str(target))
    (before,), (after,) = (Dataset.import_from(tmp_path / n, "nifti") for n in ("in", "out"))
    assert np.allclose(before.media.affine, after.media.affine, atol=1e-4)
    for a, b in zip(before.annotations, after.annotations, strict=True):
        assert np.array_equal(voxels(a), voxels(b))
