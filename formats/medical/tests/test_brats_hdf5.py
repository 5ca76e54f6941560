"""brats_hdf5: volumes from slices, slices as they are, tables, files that lead elsewhere."""

from __future__ import annotations

import csv
from pathlib import Path

import h5py
import numpy as np
import pytest

from dsk import Dataset
from dsk.annotations import Mask3d
from dsk.categories import Categories, LabelCategory
from dsk.errors import DskWarning, InputError
from dsk.item import DatasetItem
from dsk.media import Volume
from dsk_medical.brats_hdf5.importer import AFFINE

SHAPE = (6, 5)
META = "BraTS20 Training Metadata.csv"
DATA = "BraTS2020_training_data/content/data"
LABELS = Categories(
    labels=(
        LabelCategory("NCR/NET", source_id=1),
        LabelCategory("ED", source_id=2),
        LabelCategory("ET", source_id=4),
    )
)


def image(volume: int, number: int) -> np.ndarray:
    return np.arange(120.0).reshape(*SHAPE, 4) * volume + number


def mask(number: int) -> np.ndarray:
    found = np.zeros((*SHAPE, 3), np.uint8)
    if number:
        found[:number, 0, 0] = 1
        found[:, 1, 1] = 1
        found[0, 2, 2] = 1
    return found


def write(path: Path, **arrays) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with h5py.File(path, "w") as file:
        for key, array in arrays.items():
            file.create_dataset(key, data=array, compression="gzip")


def make(root: Path, slices=(0, 1, 2, 10), volumes=(1, 41)) -> Path:
    for volume in volumes:
        for number in slices:
            name = root / DATA / f"volume_{volume}_slice_{number}.h5"
            write(name, image=image(volume, number), mask=mask(number % 10))
    return root


def read(root: Path, **options):
    return {item.id: item for item in Dataset.import_from(root, "brats_hdf5", **options)}


def dataset(values: np.ndarray, name: str = "BraTS20_Training_007") -> Dataset:
    source = np.arange(values.size * 4, dtype=np.int16).reshape(*values.shape, 4) % 211
    media = Volume(name, source, None, source.shape, channels=("t1", "t2", "flair", "t1ce"))
    masks = [Mask3d(values, v, label=n) for n, v in enumerate((1, 2, 4))]
    return Dataset.from_iterable([DatasetItem(name, "train", media, masks)], LABELS)


def test_slices_become_a_volume_in_the_order_of_their_numbers(tmp_path):
    items = read(make(tmp_path))
    assert sorted(items) == ["BraTS20_Training_001", "BraTS20_Training_041"]
    item = items["BraTS20_Training_041"]
    assert item.subset == "train"
    assert item.media.shape == (*SHAPE, 11, 4)
    assert item.media.channels == ("flair", "t1", "t1ce", "t2")
    whole = np.asarray(item.media.source)
    assert np.array_equal(whole[:, :, 10], image(41, 10))
    assert not whole[:, :, 3:10].any()
    found = [(a.attributes["image_id"], a.label, int(a.image.sum())) for a in item.annotations]
    assert found == [(1, 0, 1), (1, 1, 6), (1, 2, 1), (2, 0, 2), (2, 1, 6), (2, 2, 1)]


def test_missing_slices_are_told(tmp_path):
    source = Dataset.import_from(make(tmp_path / "source"), "brats_hdf5")
    report = source.export(tmp_path / "out", "brats_hdf5")
    assert any("7 slices less" in text for text in report.warnings)


def test_missing_slices_stay_missing(tmp_path):
    made = make(tmp_path / "source")
    for name in ("volume_1_slice_0.h5", "volume_41_slice_0.h5"):
        next(made.rglob(name)).unlink()
    dataset = Dataset.import_from(made, "brats_hdf5", affine="brats")
    dataset.export(tmp_path / "out", "brats_hdf5")
    written = {path.name for path in (tmp_path / "out").rglob("*.h5")}
    assert written == {path.name for path in made.rglob("*.h5")}
    item = read(tmp_path / "out")["BraTS20_Training_041"]
    assert item.media.affine == AFFINE  # though the first slice, which stated it, is missing
    assert item.media.shape == (*SHAPE, 11, 4)


def test_slices_as_items(tmp_path):
    items = read(make(tmp_path, (0, 1)), items="slices")
    item = items["volume_41_slice_1"]
    assert item.attributes == {"volume": 41, "slice": 1, "target": 1}
    assert items["volume_41_slice_0"].attributes["target"] == 0
    assert np.array_equal(np.asarray(item.media.source)[:, :, 0], image(41, 1))
    assert [a.label for a in item.annotations] == [0, 1, 2]


def test_masks_of_volumes(tmp_path):
    item = read(make(tmp_path, (0, 1, 2)), masks="volume")["BraTS20_Training_001"]
    assert [(a.value, a.label) for a in item.annotations] == [(1, 0), (2, 1), (4, 2)]
    assert int((np.asarray(item.annotations[1].source) == 2).sum()) == 12


def test_classes_that_overlap_are_all_kept(tmp_path):
    both = mask(1)
    both[0, 0, 1] = 1
    write(tmp_path / "volume_1_slice_0.h5", image=image(1, 0), mask=both)
    with pytest.warns(DskWarning, match="1 pixels belong to several classes"):
        item = read(tmp_path)["BraTS20_Training_001"]
    assert [int(a.image.sum()) for a in item.annotations] == [1, 7, 1]
    with pytest.warns(DskWarning, match="several classes"):
        item = read(tmp_path, masks="volume")["BraTS20_Training_001"]
    assert [int(np.asarray(a.source).sum()) for a in item.annotations] == [1, 7, 1]
    for masks in ("slices", "volume"):
        out = tmp_path / f"to_{masks}"
        source = Dataset.import_from(tmp_path / "volume_1_slice_0.h5", "brats_hdf5", masks=masks)
        report = source.export(out, "brats_hdf5")
        assert not [e for e in report.losses if e.code == "DSK-L006"]
        assert any("1 pixels belong to several classes" in text for text in report.warnings)
        with h5py.File(out / DATA / "volume_1_slice_0.h5") as file:
            assert np.array_equal(file["mask"][()], both)
        with (out / META).open(newline="") as file:
            assert [row["label1_pxl_cnt"] for row in csv.DictReader(file)] == ["7"]


@pytest.mark.parametrize(
    "stored",
    [
        mask(2) * 255,
        mask(2).astype(np.float32),
        np.moveaxis(mask(2), -1, 0),
        (mask(2) * np.array([1, 2, 4], np.uint8)).max(axis=-1),
    ],
)
def test_masks_as_people_store_them(tmp_path, stored):
    write(tmp_path / "volume_1_slice_0.h5", image=np.moveaxis(image(1, 0), -1, 0), mask=stored)
    dataset = Dataset.import_from(tmp_path, "brats_hdf5")
    dataset.export(tmp_path / "out", "brats_hdf5")
    with h5py.File(tmp_path / "out" / DATA / "volume_1_slice_0.h5") as file:
        assert np.array_equal(file["mask"][()], mask(2))
        assert np.array_equal(file["image"][()], image(1, 0))


def test_nothing_changes_on_the_way_back(tmp_path):
    make(tmp_path / "source", (0, 1, 2, 3))
    (tmp_path / "source" / DATA / "survival_info.csv").write_text(
        "Brats20ID,Age,Survival_days,Extent_of_Resection\nBraTS20_Training_041,60.5,289,GTR\n"
    )
    source = Dataset.import_from(tmp_path / "source", "brats_hdf5")
    report = source.export(tmp_path / "out", "brats_hdf5")
    assert not report.losses
    for volume in (1, 41):
        for number in range(4):
            name = f"{DATA}/volume_{volume}_slice_{number}.h5"
            with h5py.File(tmp_path / "out" / name) as file:
                assert sorted(file) == ["image", "mask"]
                assert not file.attrs
                assert np.array_equal(file["image"][()], image(volume, number))
                assert np.array_equal(file["mask"][()], mask(number))
                assert (file["image"].dtype, file["mask"].dtype) == (np.float64, np.uint8)
    assert (tmp_path / "out" / DATA / "survival_info.csv").read_text().endswith("60.5,289,GTR\n")


def test_raw_volumes_become_scores_and_a_table(tmp_path):
    values = np.zeros((*SHAPE, 3), np.uint8)
    values[:2, 0, 1], values[:, 1, 1], values[0, 2, 2] = 1, 2, 4
    given = dataset(values)
    report = given.export(tmp_path, "brats_hdf5")
    assert [e.what for e in report.losses] == ["intensities written as z-scores of each slice"]
    (item,) = given
    for number in range(3):
        with h5py.File(tmp_path / DATA / f"volume_7_slice_{number}.h5") as file:
            found = file["image"][()]
            assert np.array_equal(file["mask"][()].max(axis=-1) > 0, values[:, :, number] > 0)
        raw = item.media.source[:, :, number][..., [2, 0, 3, 1]].astype(np.float64)
        expected = (raw - raw.mean(axis=(0, 1))) / raw.std(axis=(0, 1))
        assert np.allclose(found, expected, rtol=0, atol=1e-12)
    with open(tmp_path / META, newline="") as file:
        rows = list(csv.DictReader(file))
    assert list(rows[1].values()) == [
        f"{DATA}/volume_7_slice_1.h5",
        *"17",
        *"1260",
        "0.7333333333333334",
    ]


def test_constant_channels_are_zero_not_nan(tmp_path):
    media = Volume("a_1", np.full((4, 4, 1, 4), 9, np.int16), None, (4, 4, 1, 4))
    Dataset.from_iterable([DatasetItem("a_1", "train", media)], LABELS).export(
        tmp_path, "brats_hdf5"
    )
    with h5py.File(tmp_path / DATA / "volume_1_slice_0.h5") as file:
        assert not file["image"][()].any()


def test_labels_of_other_names_need_a_map(tmp_path):
    values = np.ones((*SHAPE, 1), np.uint8)
    media = Volume("v_1", np.zeros((*SHAPE, 1, 4)), None, (*SHAPE, 1, 4))
    item = DatasetItem("v_1", "train", media, [Mask3d(values, 1, label=0)])
    given = Dataset.from_iterable([item], Categories.from_names(["cyst"]))
    report = given.export(tmp_path / "a", "brats_hdf5")
    assert report.annotations["dropped"] == 1
    given.export(tmp_path / "b", "brats_hdf5", label_map={"cyst": "2"})
    with h5py.File(tmp_path / "b" / DATA / "volume_1_slice_0.h5") as file:
        assert file["mask"][()].sum(axis=(0, 1)).tolist() == [0, 0, 30]


def test_a_table_that_counts_otherwise_is_told(tmp_path):
    make(tmp_path, (0, 1), (1,))
    (tmp_path / META).write_text(
        "slice_path,target,volume,slice,label0_pxl_cnt,label1_pxl_cnt,label2_pxl_cnt,x\n"
        "../input/volume_1_slice_1.h5,1,1,1,1,6,9,0\nbad,row\n"
    )
    report = Dataset.import_from(tmp_path, "brats_hdf5").export(tmp_path / "out", "brats_hdf5")
    text = "\n".join(report.warnings)
    assert "counts other pixels" in text
    assert "columns that nothing is known of: ['x']" in text
    assert "1 rows without numbers" in text


def external(path: Path, other: Path) -> None:
    with h5py.File(path, "w") as file:
        file["image"] = h5py.ExternalLink(str(other), "/image")


def soft(path: Path, other: Path) -> None:
    write(path, hidden=image(1, 0))
    with h5py.File(path, "a") as file:
        file["image"] = h5py.SoftLink("/hidden")


def virtual(path: Path, other: Path) -> None:
    layout = h5py.VirtualLayout((*SHAPE, 4), "f8")
    layout[...] = h5py.VirtualSource(str(other), "image", (*SHAPE, 4))
    with h5py.File(path, "w") as file:
        file.create_virtual_dataset("image", layout)


def raw_elsewhere(path: Path, other: Path) -> None:
    with h5py.File(path, "w") as file:
        file.create_dataset("image", (*SHAPE, 4), "f8", external=[(str(other), 0, 960)])


def huge(path: Path, other: Path) -> None:
    with h5py.File(path, "w") as file:
        file.create_dataset("image", (10**6, 10**6, 4), "f8", chunks=(64, 64, 4))


def group(path: Path, other: Path) -> None:
    with h5py.File(path, "w") as file:
        file.create_group("image")


def texts(path: Path, other: Path) -> None:
    with h5py.File(path, "w") as file:
        file["image"] = ["a", "b"]


def shape(path: Path, other: Path) -> None:
    write(path, image=np.zeros((7, 7, 7)))


def garbage(path: Path, other: Path) -> None:
    path.write_bytes(b"\x89HDF\r\n\x1a\n" + b"\0" * 200)


def text_file(path: Path, other: Path) -> None:
    path.write_bytes(b"<html>")


def empty(path: Path, other: Path) -> None:
    path.write_bytes(b"")


@pytest.mark.parametrize(
    "attack",
    [external, soft, virtual, raw_elsewhere, huge, group, texts, shape, garbage, text_file, empty],
)
def test_files_that_hold_no_slice_are_refused_one_by_one(tmp_path, attack):
    make(tmp_path, (0, 1, 2), (1,))
    secret = tmp_path / "secret.h5"
    write(secret, image=image(5, 5))
    bad = tmp_path / DATA / "volume_1_slice_1.h5"
    bad.unlink()
    attack(bad, secret)
    with pytest.raises(InputError) as caught:
        read(tmp_path)
    assert "volume_1_slice_1.h5" in str(caught.value)
    item = read(tmp_path, on_error="skip")["BraTS20_Training_001"]
    whole = np.asarray(item.media.source)
    assert not whole[:, :, 1].any()
    assert np.array_equal(whole[:, :, 2], image(1, 2))
    assert {a.attributes["image_id"] for a in item.annotations} == {2}


def test_a_truncated_file_is_refused(tmp_path):
    make(tmp_path, (0, 1), (1,))
    path = tmp_path / DATA / "volume_1_slice_1.h5"
    path.write_bytes(path.read_bytes()[:-200])
    with pytest.raises(InputError, match="damaged"):
        read(tmp_path)


def test_ids_and_grids_of_other_datasets_come_back(tmp_path):
    values = np.zeros((*SHAPE, 2), np.uint8)
    values[0, 0, 0] = 1
    affine = (2.0, 0, 0, 1, 0, 3, 0, 2, 0, 0, 4, 3, 0, 0, 0, 1)
    media = Volume("x", np.zeros((*SHAPE, 2, 4)), None, (*SHAPE, 2, 4), affine)
    items = [DatasetItem(name, "val", media, [Mask3d(values, 1, label=0)]) for name in ("a/b", "c")]
    Dataset.from_iterable(items, LABELS).export(tmp_path, "brats_hdf5")
    found = read(tmp_path)
    assert {(i.id, i.subset, i.media.affine) for i in found.values()} == {
        ("a/b", "val", affine),
        ("c", "val", affine),
    }


def test_the_grid_of_the_original_is_assumed_on_request_only(tmp_path):
    make(tmp_path, (0,), (1,))
    assert read(tmp_path)["BraTS20_Training_001"].media.affine is None
    found = read(tmp_path, affine="brats")["BraTS20_Training_001"].media.affine
    assert found[:4] == (-1, 0, 0, 0)
    assert found[7] == 239
    found = read(tmp_path, affine="brats", items="slices")["volume_1_slice_0"].media.affine
    assert found[11] == 0


def test_slices_lie_where_they_are_in_their_volume(tmp_path):
    make(tmp_path, (0, 1, 2), (1,))
    found = read(tmp_path, affine="brats", items="slices")["volume_1_slice_2"].media.affine
    assert found == (-1, 0, 0, 0, 0, -1, 0, 239, 0, 0, 1, 2, 0, 0, 0, 1)


def test_numbers_of_volumes_without_one_depend_on_them_alone(tmp_path):
    """Not on what else is there, nor on the part of the work that they are in."""
    values = np.zeros((6, 5, 2), np.uint8)
    (one,) = dataset(values, "nobody")
    (two,) = dataset(values, "somebody")
    names = {}
    for place, items in (("a", [one, two]), ("b", [two, one]), ("c", [one])):
        made = Dataset.from_iterable([*items, one.replace(subset="test")], LABELS)
        made.export(tmp_path / place, "brats_hdf5")
        names[place] = {path.name for path in (tmp_path / place).rglob("*.h5")}
        again = Dataset.import_from(tmp_path / place, "brats_hdf5")
        found = {(item.id, item.subset) for item in again}
        assert found == {(item.id, item.subset) for item in (*items, one.replace(subset="test"))}
    assert names["a"] == names["b"]
    assert names["c"] < names["a"]
