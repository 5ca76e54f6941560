"""Labels of nnU-Net that overlap: regions."""

from __future__ import annotations

import json

import nibabel as nib
import numpy as np
import pytest
import test_nnunet as nnunet
from nifti_files import voxels

from dsk import Dataset
from dsk.annotations import Mask3d
from dsk.categories import Categories
from dsk.errors import OptionError
from dsk_medical.nnunet.regions import Regions

NAMES = ("enhancing", "whole", "core")


def nested():
    whole, core, enhancing = (np.zeros(nnunet.SHAPE, bool) for _ in range(3))
    whole[1:6, 1:5, 0:3], core[2:5, 2:4, 1:3], enhancing[3, 2, 1:3] = True, True, True
    return enhancing, whole, core


def item(name, arrays, labels=(0, 1, 2), subset="train"):
    masks = [Mask3d(array, label=label) for array, label in zip(arrays, labels, strict=True)]
    return nnunet.case(name, subset).replace(annotations=masks)


def write(out, *items, names=NAMES, **options):
    categories = Categories.from_names(names)
    return nnunet.write(out, *items, categories=categories, overlaps="regions", **options)


def label(folder, name):
    return np.asanyarray(nib.load(folder / f"labelsTr/{name}.nii.gz").dataobj)


def verify(folder, case):
    """The published rules for regions: whole, consecutive values; each region its own order."""
    found = json.loads((folder / "dataset.json").read_text())
    values = [v if isinstance(v, list) else [v] for v in found["labels"].values()]
    every = sorted({v for several in values for v in several})
    assert every == list(range(len(every)))
    regions = [n for n in found["labels"] if n not in ("background", "ignore")]
    assert len(found["regions_class_order"]) == len(regions)
    assert set(np.unique(label(folder, case))) <= set(every)
    return found


def test_regions_inside_each_other(tmp_path):
    arrays = nested()
    report, folder, _ = write(tmp_path / "out", item("a", arrays), item("b", [], ()))
    found = verify(folder, "a")
    assert list(found["labels"].items()) == [
        ("background", 0),
        ("whole", [1, 2, 3]),
        ("core", [2, 3]),
        ("enhancing", 3),
    ]
    assert found["regions_class_order"] == [1, 2, 3]
    expected = arrays[1] * 1 + arrays[2] * 1 + arrays[0] * 1
    assert np.array_equal(label(folder, "a"), expected)
    assert label(folder, "a").dtype == np.uint8
    painted = np.zeros(nnunet.SHAPE, int)  # as nnU-Net makes labels of predicted regions
    regions = list(found["labels"])[1:]
    for region, value in zip(regions, found["regions_class_order"], strict=True):
        painted[arrays[NAMES.index(region)]] = value
    assert np.array_equal(painted, expected)
    assert not report.losses
    assert report.annotations["dropped"] == report.annotations["merged"] == 0
    assert not (tmp_path / "out" / ".fragments").exists()
    assert np.allclose(nib.load(folder / "labelsTr/a.nii.gz").affine, nnunet.AFFINE)


def test_regions_come_back_as_masks(tmp_path):
    arrays = nested()
    write(tmp_path / "a", item("a", arrays))
    back = Dataset.import_from(tmp_path / "a", "nnunet", regions="masks")
    names = [x.name for x in back.categories().labels]
    assert names == ["whole", "core", "enhancing"]
    (read,) = back
    for a in read.annotations:
        assert np.array_equal(voxels(a), arrays[NAMES.index(names[a.label])])
    back.export(tmp_path / "b", "nnunet", overlaps="regions")
    for file in (tmp_path / "a").rglob("*.*"):
        assert (tmp_path / "b" / file.relative_to(tmp_path / "a")).read_bytes() == file.read_bytes()
    (sliced,) = Dataset.import_from(tmp_path / "a", "nnunet", regions="masks", masks="slices")
    assert sum(a.image.sum() for a in sliced.annotations) == sum(x.sum() for x in arrays)


def test_regions_that_cross_are_told(tmp_path):
    one, two = np.zeros(nnunet.SHAPE, bool), np.zeros(nnunet.SHAPE, bool)
    one[:3, 0, 0], two[2:5, 0, 0] = True, True
    report, folder, _ = write(tmp_path, item("a", [one, two], (0, 1)), names=("x", "y", "z"))
    found = verify(folder, "a")
    assert found["labels"] == {"background": 0, "x": [1, 4], "y": [2, 4], "z": 3}
    assert label(folder, "a")[:5, 0, 0].tolist() == [1, 1, 4, 2, 2]
    assert any("without one lying in the other" in text for text in report.warnings)


def test_without_overlaps_there_are_no_regions(tmp_path):
    one, two = np.zeros(nnunet.SHAPE, bool), np.zeros(nnunet.SHAPE, bool)
    one[:3, 0, 0], two[3:5, 0, 0] = True, True
    _, folder, found = write(tmp_path, item("a", [one, two], (0, 1)), names=("x", "y"))
    assert found["labels"] == {"background": 0, "x": 1, "y": 2}
    assert "regions_class_order" not in found
    nnunet.verify(folder)


def test_ignored_voxels_are_the_last_value(tmp_path):
    _, whole, core = nested()
    ignored = np.zeros(nnunet.SHAPE, bool)
    ignored[4:, :, 2] = True
    given = item("a", [ignored, whole, core], (0, 1, 2))
    _, folder, _ = write(tmp_path, given, names=("ignore", "whole", "core"))
    found = verify(folder, "a")
    assert found["labels"] == {"background": 0, "whole": [1, 2], "core": 2, "ignore": 3}
    assert found["regions_class_order"] == [1, 2]
    assert (label(folder, "a") == 3).sum() == ignored.sum()


def test_jobs_make_no_difference(tmp_path):
    arrays = nested()
    items = [item(f"c{n}", arrays[: n % 3 + 1], range(n % 3 + 1)) for n in range(9)]
    for jobs in (1, 2):
        write(tmp_path / str(jobs), *items, jobs=jobs)
    files = [f for f in (tmp_path / "1").rglob("*") if f.is_file()]
    assert len(files) == 28
    for file in files:
        other = tmp_path / "2" / file.relative_to(tmp_path / "1")
        assert other.read_bytes() == file.read_bytes()


def test_too_many_labels(tmp_path):
    with pytest.raises(OptionError, match="31 labels at most"):
        write(tmp_path, item("a", [], ()), names=[f"l{n}" for n in range(32)])


def test_numbers_of_combinations():
    made = Regions.of({0, 0b11, 0b10, 0b111}, ("a", "b", "c"), "ignore")
    assert made.numbers == {0b10: 1, 0b11: 2, 0b111: 3}
    assert made.labels == {"background": 0, "b": [1, 2, 3], "a": [2, 3], "c": 3}
    assert made.order == [1, 2, 3]
    assert made.nested
