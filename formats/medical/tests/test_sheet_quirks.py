"""Oddities of HDF5 slices, nnU-Net, MSD, BIDS, NRRD and slices, each with its promised outcome."""

from __future__ import annotations

import csv
import gzip
import json
import shutil
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest
import SimpleITK as sitk  # noqa: N813 - its usual name
import test_bids_seg as bids
import test_brats_hdf5 as hdf5
import test_msd as msd
import test_nnunet as nnunet
import test_nrrd as slicer
from nifti_files import AFFINE, blocks, save, scan, voxels

from dsk import Dataset, DatasetItem
from dsk.annotations import Cuboid3d, Mask, Mask3d, Rle
from dsk.errors import DskWarning, InputError, RecordError
from dsk.masks import encode_counts, from_dense
from dsk.media import Volume
from dsk_medical.volume.arrays import open_volume


def rle(pixels):
    return Rle(pixels.shape, encode_counts(from_dense(pixels)))


# --- brats_hdf5 -----------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["volume_1_slice_0.hdf5", "VOLUME_1_SLICE_0.H5"])
def test_other_endings_of_slices(tmp_path, name):
    hdf5.write(tmp_path / name, image=hdf5.image(1, 0), mask=hdf5.mask(1))
    (item,) = hdf5.read(tmp_path).values()
    assert len(item.annotations) == 3


def test_the_table_has_the_published_columns(tmp_path):
    values = np.zeros((*hdf5.SHAPE, 2), np.uint8)
    values[0, :3, 1] = 4
    hdf5.dataset(values).export(tmp_path, "brats_hdf5")
    with (tmp_path / hdf5.META).open(newline="") as file:
        head, *rows = csv.reader(file)
    assert head == [
        *("slice_path", "target", "volume", "slice"),
        *("label0_pxl_cnt", "label1_pxl_cnt", "label2_pxl_cnt", "background_ratio"),
    ]
    assert [row[1:7] for row in rows] == [
        ["0", "7", "0", "0", "0", "0"],
        ["1", "7", "1", "0", "0", "3"],
    ]
    assert [float(row[7]) for row in rows] == [1, 1 - 3 / 30]
    assert (tmp_path / rows[0][0]).is_file()


@pytest.mark.parametrize("values", [np.full((6, 5), 3), np.full((6, 5, 3), np.nan)])
def test_masks_of_other_values_are_refused(tmp_path, values):
    hdf5.write(tmp_path / "volume_1_slice_0.h5", image=hdf5.image(1, 0), mask=values)
    with pytest.raises(InputError, match=r"no BraTS label|no numbers"):
        hdf5.read(tmp_path)


def test_slices_without_a_tumor_have_no_masks(tmp_path):
    hdf5.make(tmp_path, (0,), (1,))
    (item,) = hdf5.read(tmp_path).values()
    assert item.annotations == []


# --- nnU-Net --------------------------------------------------------------------------------------


def test_hidden_files_are_no_cases(tmp_path):
    _, folder, _ = nnunet.write(tmp_path, nnunet.case("a"))
    for place in ("imagesTr/._a_0000.nii.gz", "labelsTr/._a.nii.gz"):
        (folder / place).write_bytes(b"\0\5\x16\7")
    assert list(nnunet.read(folder)) == ["a"]


def test_channels_of_different_shapes_are_refused(tmp_path):
    _, folder, _ = nnunet.write(tmp_path, nnunet.case("a"), nnunet.case("b"))
    save(folder / "imagesTr" / "a_0001.nii.gz", scan((7, 6, 3)), nnunet.AFFINE)
    with pytest.raises(InputError, match=r"channels have different shapes"):
        nnunet.read(folder)
    assert list(nnunet.read(folder, on_error="skip")) == ["b"]


def test_channels_elsewhere_are_told(tmp_path):
    _, folder, _ = nnunet.write(tmp_path, nnunet.case("a"))
    moved = nnunet.AFFINE.astype(float)
    moved[0, 3] += 4
    save(folder / "imagesTr" / "a_0001.nii.gz", scan(nnunet.SHAPE), moved)
    with pytest.warns(DskWarning, match=r"spatial_mismatch: .*a_0001.* 4 mm"):
        nnunet.read(folder)


def test_voxels_that_are_no_numbers_are_told(tmp_path):
    item = nnunet.case("a", channels=1)
    array = np.zeros((*nnunet.SHAPE, 1), np.float32)
    array[1, 1, 1] = np.nan
    media = Volume("a", array, None, array.shape, item.media.affine)
    report, _, _ = nnunet.write(tmp_path, item.replace(media=media))
    assert any("no numbers (NaN); nnU-Net refuses" in text for text in report.warnings)


def test_nrrd_files(tmp_path):
    _, folder, _ = nnunet.write(tmp_path / "nifti", nnunet.case("a"))
    before = nnunet.read(folder)["a"]
    folder = Path(shutil.copytree(folder, tmp_path / "nrrd"))
    for path in [*folder.glob("*Tr/*.nii.gz")]:
        image = sitk.ReadImage(path)
        sitk.WriteImage(image, path.with_name(path.name.replace(".nii.gz", ".nrrd")), True)
        path.unlink()
    nnunet.change(folder, file_ending=".nrrd")
    dataset = Dataset.import_from(folder)
    assert dataset.format == "nnunet"
    (after,) = dataset
    assert after.media.channels == before.media.channels
    assert np.allclose(after.media.affine, before.media.affine)
    assert np.array_equal(open_volume(after.media)[...], open_volume(before.media)[...])
    assert [(a.label, a.affine) for a in after.annotations] == [(n, None) for n in (0, 1, 2)]
    for a, b in zip(after.annotations, before.annotations, strict=True):
        assert np.array_equal(voxels(a), voxels(b))
    dataset.export(tmp_path / "again", "nnunet")
    (again,) = (tmp_path / "again").glob("Dataset*")
    nnunet.verify(again)


def test_masks_that_overlap_can_be_refused(tmp_path):
    item = nnunet.case("a")
    masks = [Mask3d(blocks(1, shape=nnunet.SHAPE), 1, label=n) for n in range(2)]
    items = [item.replace(annotations=masks), nnunet.case("b")]
    given = Dataset.from_iterable(items, nnunet.BRATS)
    with pytest.raises(InputError, match="belong to masks of several labels"):
        given.export(tmp_path / "no", "nnunet", overlaps="error")
    given.on_error = "skip"
    given.export(tmp_path / "some", "nnunet", overlaps="error")
    assert [p.name for p in (tmp_path / "some").glob("*/labelsTr/*")] == ["b.nii.gz"]


@pytest.mark.parametrize("ending", [".jpg", ".mhd", 3])
def test_files_of_other_endings_are_refused(tmp_path, ending):
    _, folder, _ = nnunet.write(tmp_path, nnunet.case("a"))
    nnunet.change(folder, file_ending=ending)
    with pytest.raises(InputError, match=r"are not read.*known are \.nii\.gz"):
        nnunet.read(folder)


def test_a_number_of_cases_that_is_wrong_is_told(tmp_path):
    _, folder, _ = nnunet.write(tmp_path, nnunet.case("a"))
    nnunet.change(folder, numTraining=7)
    opened = Dataset.import_from(folder, "nnunet").opening_ledger
    assert any("numTraining is 7, there are 1" in text for text in opened.warnings)


def test_ignore_comes_back(tmp_path):
    _, folder, found = nnunet.write(tmp_path / "a", nnunet.case("a"))
    nnunet.change(folder, labels={**found["labels"], "ET": 2, "NCR/NET": 1, "ED": 3, "ignore": 4})
    back = Dataset.import_from(folder, "nnunet")
    assert back.categories().names[-1] == "ignore"
    back.export(tmp_path / "b", "nnunet")
    again = json.loads((tmp_path / "b/Dataset999_dsk/dataset.json").read_text())
    assert again["labels"]["ignore"] == max(again["labels"].values())


def test_values_that_no_label_names_are_told(tmp_path):
    _, folder, _ = nnunet.write(tmp_path, nnunet.case("a"))
    save(folder / "labelsTr" / "a.nii.gz", nnunet.seg(1, 9), nnunet.AFFINE)
    with pytest.warns(DskWarning, match=r"unexpected_label_value: .*\[9\]"):
        nnunet.read(folder)


@pytest.mark.parametrize("kind", [str, float])
def test_values_that_are_texts_or_floating_point(tmp_path, kind):
    _, folder, found = nnunet.write(tmp_path, nnunet.case("a"))
    nnunet.change(folder, labels={name: kind(v) for name, v in found["labels"].items()})
    names = Dataset.import_from(folder, "nnunet").categories().names
    assert names == ["ED", "NCR/NET", "ET"]
    nnunet.change(folder, labels={"background": kind(0), "all": [kind(1), kind(2)], "ET": kind(3)})
    names = Dataset.import_from(folder, "nnunet").categories().names
    assert names == ["class_1", "class_2", "ET"]


@pytest.mark.parametrize("value", [1.5, "1.5", "x", True, -1, None])
def test_values_that_are_no_whole_numbers_are_refused(tmp_path, value):
    _, folder, found = nnunet.write(tmp_path, nnunet.case("a"))
    nnunet.change(folder, labels={**found["labels"], "more": value})
    with pytest.raises(RecordError, match="no value of its own"):
        Dataset.import_from(folder, "nnunet")


# --- MSD ------------------------------------------------------------------------------------------


def test_paths_without_a_dot_and_plain_texts(tmp_path):
    entries = [{"image": "imagesTr/BRATS_001.nii.gz", "label": "labelsTr/BRATS_001.nii.gz"}]
    folder = msd.make(tmp_path, training=entries, test=["imagesTs/BRATS_485.nii.gz"])
    items = msd.read(folder)
    assert len(items["BRATS_001"].annotations) == 3
    assert items["BRATS_485"].subset == "test"


def test_a_list_of_3d_volumes_that_have_channels(tmp_path):
    folder = msd.make(tmp_path, tensorImageSize="3D")
    assert msd.read(folder)["BRATS_001"].media.shape == (5, 4, 3, 4)


def test_new_tasks_have_both_spellings_of_licence(tmp_path):
    dataset = Dataset.import_from(msd.make(tmp_path), "msd")
    dataset.export(tmp_path / "Task09_Spleen", "msd")
    found = json.loads((tmp_path / "Task09_Spleen" / "dataset.json").read_text())
    assert found["relase"] == "2.0 04/05/2018"
    assert found["training"][0]["image"].startswith("./imagesTr/")
    assert (found["numTraining"], found["numTest"]) == (2, 1)


# --- BIDS -----------------------------------------------------------------------------------------


def test_surfaces_are_told(tmp_path):
    bids.make(tmp_path)
    for name in ("sub-01_hemi-L_dseg.label.gii", "sub-01_dseg.dlabel.nii"):
        (tmp_path / bids.SEG / name).write_bytes(b"x")
    dataset = Dataset.import_from(tmp_path, "bids_seg")
    assert len(list(dataset)) == 1
    text = "\n".join(dataset.opening_ledger.warnings)
    assert "dlabel" in text
    assert "label.gii" in text


def test_nearer_tables_win(tmp_path):
    bids.make(tmp_path)
    (tmp_path / bids.SEG / "sub-01_dseg.tsv").write_text("index\tname\n1\tnear\n7\tother\n")
    dataset, _ = bids.read(tmp_path)
    assert [x.name for x in dataset.categories().labels] == ["near", "other"]


def test_plain_nifti_segmentations(tmp_path):
    bids.make(tmp_path)
    path = tmp_path / bids.SEG / "sub-01_dseg.nii.gz"
    path.with_name("sub-01_dseg.nii").write_bytes(gzip.decompress(path.read_bytes()))
    path.unlink()
    _, items = bids.read(tmp_path)
    assert len(items[f"{bids.SEG}/sub-01"].annotations) == 2


# --- NRRD -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("color", "expected"),
    [("1 0.5 0", (255, 128, 0)), ("255 128 0", (255, 128, 0)), ("red", None), ("1 2", None)],
)
def test_colors_of_0_to_1_and_of_0_to_255(tmp_path, color, expected):
    keys = ["Segment0_ID:=s", "Segment0_Name:=x", f"Segment0_Color:={color}"]
    data = slicer.header(blocks(1).shape, "unsigned char", more=keys) + blocks(1).tobytes("F")
    (tmp_path / "a.seg.nrrd").write_bytes(data)
    colors = Dataset.import_from(tmp_path, "nrrd").categories().colors
    assert colors == ({0: expected} if expected else {})


def test_values_above_255_and_names_twice(tmp_path):
    array = blocks(300, 70, dtype=np.uint16)
    keys = [
        *("Segment0_ID:=a", "Segment0_Name:=x", "Segment0_LabelValue:=300", "Segment0_Layer:=0"),
        *("Segment1_ID:=b", "Segment1_Name:=x", "Segment1_LabelValue:=70", "Segment1_Layer:=0"),
        "Segmentation_ReferenceImageExtentOffset:=5 5 5",
    ]
    data = slicer.header(array.shape, "unsigned short", more=keys) + array.tobytes("F")
    (tmp_path / "a.seg.nrrd").write_bytes(data)
    item = slicer.media(tmp_path)
    assert [int(voxels(a).sum()) for a in item.annotations] == [
        int((array == 300).sum()),
        int((array == 70).sum()),
    ]
    assert [a.label for a in item.annotations] == [0, 0]


def test_big_endian(tmp_path):
    head = slicer.header(scan().shape).replace(b"endian: little", b"endian: big")
    (tmp_path / "a.nrrd").write_bytes(head + scan().astype(">i2").tobytes("F"))
    volume = np.asarray(open_volume(slicer.media(tmp_path).media))
    assert np.array_equal(volume, scan())


@pytest.mark.parametrize("space", ["space dimension: 3", "space: scanner-xyz"])
def test_spacing_without_a_known_space_is_the_length_of_the_directions(tmp_path, space):
    head = slicer.header(scan().shape, directions="(0.3,0.4,0) (0.4,-0.3,0) (0,0,3)")
    head = head.replace(b"space: left-posterior-superior", space.encode())
    (tmp_path / "a.nrrd").write_bytes(head + scan().tobytes("F"))
    with pytest.warns(DskWarning, match="only its spacings are used"):
        media = slicer.media(tmp_path).media
    assert np.allclose(np.reshape(media.affine, (4, 4)), np.diag([-0.5, -0.5, 3, 1]))


@pytest.mark.parametrize("space", ["left-posterior-superior-time", "LPST"])
def test_spaces_with_time(tmp_path, space):
    """The vectors have a fourth number; one axis steps along it."""
    array = np.stack([scan(seed=n) for n in range(2)], axis=-1)
    columns = [*([*slicer.LPS[:3, n], 0] for n in range(3)), [0, 0, 0, 1.5]]
    steps = " ".join(f"({','.join(map(str, c))})" for c in columns)
    head = slicer.header(array.shape, directions=steps)
    head = head.replace(b"left-posterior-superior", space.encode())
    origin = f"({','.join(map(str, slicer.LPS[:3, 3]))}"
    head = head.replace(f"{origin})".encode(), f"{origin},0)".encode())
    (tmp_path / "a.nrrd").write_bytes(head + array.tobytes("F"))
    media = slicer.media(tmp_path).media
    assert np.allclose(np.reshape(media.affine, (4, 4)), AFFINE)
    assert np.array_equal(np.asarray(open_volume(media)), array)


@pytest.mark.parametrize("line", ["data file: LIST", "data file: a%03d.raw 1 5 1"])
def test_data_in_several_files_is_refused(tmp_path, line):
    (tmp_path / "a.nhdr").write_bytes(slicer.header(scan().shape, more=[line]))
    with pytest.raises(RecordError, match=r"several files|not supported|patterns"):
        slicer.media(tmp_path)


@pytest.mark.parametrize("cut", [1, 9, 300])
def test_truncated_data(tmp_path, cut):
    data = gzip.compress(scan().tobytes("F"), mtime=0)[:-cut]
    (tmp_path / "a.nrrd").write_bytes(slicer.header(scan().shape, encoding="gzip") + data)
    with pytest.raises(InputError, match=r"damaged|claims|ends early"):
        Dataset.import_from(tmp_path, "nrrd").export(tmp_path / "out", "nifti")
    assert not (tmp_path / "out").exists()


# --- Slices and the model -------------------------------------------------------------------------


def test_pixels_that_are_not_square_are_told(tmp_path):
    save(tmp_path / "in" / "a.nii.gz", scan())
    dataset = Dataset.import_from(tmp_path / "in", "nifti")
    with pytest.warns(DskWarning, match="not square"):
        list(dataset.transform("volumes_to_slices", axis="cor"))


@pytest.mark.parametrize(("place", "match"), [(7, "image_id is 7"), (None, "image_id")])
def test_masks_of_slices_that_are_not_there(tmp_path, place, match):
    mask = Mask(rle(blocks(1)[:, :, 1] == 1), label=0, attributes={"image_id": place})
    if place is None:
        mask = Mask(mask.source, label=0)
    media = Volume("a", scan(), None, scan().shape, tuple(AFFINE.ravel()))
    item = DatasetItem("a", media=media, annotations=[mask])
    report = Dataset.from_iterable([item], categories=["x"]).export(tmp_path / "out", "nnunet")
    assert report.annotations["dropped"] == 1
    assert any(match in e.what for e in report.losses)


def test_masks_of_another_size_than_their_slice(tmp_path):
    mask = Mask(rle(np.ones((3, 3), bool)), label=0, attributes={"image_id": 1})
    media = Volume("a", scan(), None, scan().shape, tuple(AFFINE.ravel()))
    item = DatasetItem("a", media=media, annotations=[mask])
    report = Dataset.from_iterable([item], categories=["x"]).export(tmp_path / "out", "nnunet")
    assert any("the mask is (3, 3), its slice (9, 8)" in e.what for e in report.losses)


def test_objects_of_slices_become_one_again(tmp_path):
    """Three objects in nine masks of slices are the same volume again."""
    array = blocks(3, 7, 9)
    save(tmp_path / "in" / "a.nii.gz", scan())
    save(tmp_path / "in" / "a" / "x.nii.gz", array)
    by_slice = Dataset.import_from(tmp_path / "in", "nifti", masks="slices")
    (item,) = by_slice
    assert len({a.object_id for a in item.annotations}) == 3
    assert len(item.annotations) == sum(len(np.unique(array[:, :, k])) - 1 for k in range(5))
    by_slice.export(tmp_path / "out", "nifti")
    after = np.asarray(nib.load(tmp_path / "out" / "a" / "x.nii.gz").dataobj)
    assert np.array_equal(after, array)


def test_cuboids_of_a_volume_are_counted_where_they_have_no_place(tmp_path):
    media = Volume("a", scan(), None, scan().shape, tuple(AFFINE.ravel()))
    box = Cuboid3d(position=(1, 2, 3), scale=(1, 1, 1), label=0, frame="voxel")
    mask = Mask3d(blocks(1), 1, label=0)
    item = DatasetItem("a", media=media, annotations=[box, mask])
    for fmt in ("nifti", "nrrd", "nnunet", "msd"):
        given = Dataset.from_iterable([item], categories=["x"])
        report = given.export(tmp_path / fmt, fmt)
        assert report.annotations["dropped"] == 1, fmt
        assert "DSK-L001" in {e.code for e in report.losses}, fmt


@pytest.mark.parametrize(
    ("fmt", "lost"), [("nifti", 1), ("nrrd", 1), ("nnunet", 0), ("msd", 0), ("brats_numpy", 1)]
)
def test_names_of_channels_that_have_no_place_are_counted(tmp_path, fmt, lost):
    given = Dataset.from_iterable([nnunet.case("a")], nnunet.BRATS)
    report = given.export(tmp_path, fmt)
    assert sum(e.count for e in report.losses if e.what == "names of channels") == lost
    affines = [text for text in report.warnings if "affine" in text]
    assert bool(affines) == (fmt == "brats_numpy")


def test_the_modality_of_a_series_is_the_name_of_its_channel(tmp_path):
    media = Volume("a", scan(), None, scan().shape, tuple(AFFINE.ravel()))
    item = DatasetItem("a", media=media, attributes={"modality": "CT"})
    _, _, found = nnunet.write(tmp_path, item)
    assert found["channel_names"] == {"0": "CT"}
