"""Tasks of the Medical Segmentation Decathlon."""

from __future__ import annotations

import json
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest

from dsk import Dataset
from dsk.annotations import Mask3d
from dsk.categories import Categories, LabelCategory
from dsk.errors import InputError, OptionError
from dsk.item import DatasetItem
from dsk.media import Volume

AFFINE = np.diag([2.0, 2.0, 3.0, 1.0])


def save(path: Path, array: np.ndarray) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    nib.save(nib.Nifti1Image(array, AFFINE), path)


def image(number: int) -> np.ndarray:
    return (np.arange(240, dtype=np.int16).reshape(5, 4, 3, 4) + number).astype(np.float32)


def seg() -> np.ndarray:
    found = np.zeros((5, 4, 3), np.float32)
    found[1:3, :2, 1], found[0, 0, 0], found[4, 3, 2] = 1, 2, 3
    return found


def make(root: Path, **changes) -> Path:
    folder = root / "Task01_BrainTumour"
    for n in (1, 2):
        save(folder / f"imagesTr/BRATS_{n:03d}.nii.gz", image(n))
        save(folder / f"labelsTr/BRATS_{n:03d}.nii.gz", seg())
    save(folder / "imagesTs/BRATS_485.nii.gz", image(9))
    (folder / "imagesTr/._BRATS_001.nii.gz").write_bytes(b"\0\5\x16\7")
    found = {
        "name": "BRATS",
        "relase": "2.0 04/05/2018",
        "tensorImageSize": "4D",
        "modality": {"0": "FLAIR", "1": "T1w", "2": "t1gd", "3": "T2w"},
        "labels": {
            "0": "background",
            "1": "edema",
            "2": "non-enhancing tumor",
            "3": "enhancing tumour",
        },
        "numTraining": 2,
        "numTest": 1,
        "training": [
            {
                "image": f"./imagesTr/BRATS_{n:03d}.nii.gz",
                "label": f"./labelsTr/BRATS_{n:03d}.nii.gz",
            }
            for n in (1, 2)
        ],
        "test": ["./imagesTs/BRATS_485.nii.gz"],
        **changes,
    }
    (folder / "dataset.json").write_text(json.dumps(found))
    return folder


def read(folder: Path, **options):
    return {item.id: item for item in Dataset.import_from(folder, "msd", **options)}


def test_import(tmp_path):
    make(tmp_path)
    dataset = Dataset.import_from(tmp_path)  # detected, one folder above
    items = {item.id: item for item in dataset}
    assert {i.id: i.subset for i in items.values()} == {
        "BRATS_001": "train",
        "BRATS_002": "train",
        "BRATS_485": "test",
    }
    item = items["BRATS_002"]
    assert item.media.channels == ("FLAIR", "T1w", "t1gd", "T2w")
    assert item.media.shape == (5, 4, 3, 4)
    names = dataset.categories().labels
    assert [(a.value, names[a.label].name) for a in item.annotations] == [
        (1, "edema"),
        (2, "non-enhancing tumor"),
        (3, "enhancing tumour"),
    ]


def test_cases_may_end_in_four_digits(tmp_path):
    """As images of nnU-Net's first version do, whose lists leave the digits out."""
    folder = make(tmp_path)
    names = {f"BRATS_{n:03d}": f"BRATS_{n:04d}" for n in (1, 2, 485)}
    text = (folder / "dataset.json").read_text()
    for old, new in names.items():
        text = text.replace(old, new)
        for path in folder.glob(f"*/{old}.nii.gz"):
            path.rename(path.with_name(f"{new}.nii.gz"))
    (folder / "dataset.json").write_text(text)
    dataset = Dataset.import_from(folder)  # detected
    assert {item.id for item in dataset} == set(names.values())
    assert next(iter(dataset)).media.channels == ("FLAIR", "T1w", "t1gd", "T2w")


def test_nothing_changes_on_the_way_back(tmp_path):
    folder = make(tmp_path)
    report = Dataset.import_from(folder, "msd").export(tmp_path / "Task01_Copy", "msd")
    assert not report.losses
    found = json.loads((tmp_path / "Task01_Copy/dataset.json").read_text())
    before = json.loads((folder / "dataset.json").read_text())
    assert {k: found[k] for k in before} == before
    for file in folder.glob("images*/B*.nii.gz"):
        other = tmp_path / "Task01_Copy" / file.relative_to(folder)
        assert other.read_bytes() == file.read_bytes()
    back = nib.load(tmp_path / "Task01_Copy/labelsTr/BRATS_001.nii.gz")
    assert np.array_equal(np.asanyarray(back.dataobj), seg())
    assert np.array_equal(back.affine, AFFINE)


def test_to_a_task_of_its_own(tmp_path):
    dataset = Dataset.import_from(make(tmp_path), "msd")
    dataset.export(tmp_path / "out", "msd", task="11_Kidney")
    assert (tmp_path / "out/Task11_Kidney/dataset.json").exists()
    with pytest.raises(OptionError, match="NN_Name"):
        dataset.export(tmp_path / "b", "msd", task="Kidney")


def test_listed_files_that_are_absent_are_bad_records(tmp_path):
    folder = make(tmp_path)
    (folder / "imagesTr/BRATS_001.nii.gz").unlink()
    (folder / "labelsTr/BRATS_002.nii.gz").unlink()
    with pytest.raises(InputError, match="training/0"):
        read(folder)
    items = read(folder, on_error="skip")
    assert sorted(items) == ["BRATS_002", "BRATS_485"]
    assert items["BRATS_002"].annotations == []


def test_files_that_no_list_names_are_told(tmp_path):
    folder = make(tmp_path, test=[])
    report = Dataset.import_from(folder, "msd").export(tmp_path / "out", "msd")
    assert any("imagesTs: 1 volumes are in no list" in text for text in report.warnings)


@pytest.mark.parametrize(
    "entry", ["../../x.nii.gz", "/etc/passwd", 3, {"image": None}, {"image": "./imagesTr/x.png"}]
)
def test_entries_that_name_no_volume_of_the_task(tmp_path, entry):
    folder = make(tmp_path, test=[entry])
    with pytest.raises(InputError, match="test/0"):
        read(folder)


def test_validation_is_a_subset_of_its_own(tmp_path):
    entry = {"image": "./imagesTs/BRATS_485.nii.gz"}
    assert read(make(tmp_path, test=[], validation=[entry]))["BRATS_485"].subset == "validation"


@pytest.mark.parametrize("name", ["msd", "nnunet"])
def test_labels_that_are_no_more_than_background_are_told(tmp_path, name):
    media = Volume("a.nii", image(1)[..., 0], None, (5, 4, 3), tuple(AFFINE.ravel()))
    masks = [Mask3d(seg() == n, label=n) for n in (0, 1)]
    items = [DatasetItem("a", "train", media, masks)]
    for place, first in (("x", "overall tumor"), ("y", "background")):
        labels = (LabelCategory(first, source_id=0), LabelCategory("edema", source_id=1))
        data = Dataset.from_iterable(items, Categories(labels=labels))
        report = data.export(tmp_path / place, name, save_media=True)
        told = {(e.code, e.what) for e in report.events if e.code in ("DSK-L010", "DSK-L014")}
        expected = {("DSK-L014", "background is what no label covers")}
        if first != "background":
            expected.add(("DSK-L010", f"label {first!r} is called 'background'"))
        assert told == expected


def test_solid_masks_of_the_background_of_brats_are_told(tmp_path):
    media = Volume("a.nii", image(1), None, (5, 4, 3, 4), tuple(AFFINE.ravel()))
    masks = [Mask3d(seg() == n, label=n) for n in (0, 1)]
    data = Dataset.from_iterable(
        [DatasetItem("a", "train", media, masks)], Categories.from_names(["background", "x"])
    )
    report = data.export(tmp_path, "brats", save_media=True)
    assert ("DSK-L014", "background is what no label covers") in {
        (e.code, e.what) for e in report.events
    }
