"""BraTS in NIfTI files: both layouts, the years, the tables, what goes wrong in real downloads."""

from __future__ import annotations

import gzip
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest

from dsk import Dataset
from dsk.detect import detect
from dsk.errors import DskWarning, InputError, MediaError
from dsk.files import open_root
from dsk_medical.brats.layouts import find_cases, subset_of

AFFINE = np.array([[-1.0, 0, 0, 0], [0, -1, 0, 5], [0, 0, 1, 0], [0, 0, 0, 1]])
SHAPE = (7, 6, 4)
CASE = "BraTS20_Training_{:03d}"


def image(number: int) -> np.ndarray:
    return (np.arange(168, dtype=np.int16).reshape(SHAPE) * 3 + number) % 900


def labels(*values: int) -> np.ndarray:
    found = np.zeros(SHAPE, np.uint8)
    for n, value in enumerate(values):
        found[n : n + 2, 1:4, n % 4] = value
    return found


def save(path: Path, array: np.ndarray, affine: np.ndarray = AFFINE) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    made = nib.Nifti1Image(array, affine)
    made.header["qform_code"], made.header["sform_code"] = 1, 2
    nib.save(made, path)


def original(
    root: Path,
    number: int = 1,
    values: tuple[int, ...] = (1, 2, 4),
    sequences: tuple[str, ...] = ("flair", "t1", "t1ce", "t2"),
    *,
    name: str = "",
    join: str = "_",
) -> Path:
    name = name or CASE.format(number)
    folder = root / name
    for n, sequence in enumerate(sequences):
        save(folder / f"{name}{join}{sequence}.nii.gz", image(10 * number + n))
    if values:
        save(folder / f"{name}{join}seg.nii.gz", labels(*values))
    return folder


def read(root: Path, **options):
    dataset = Dataset.import_from(root, "brats", **options)
    return dataset, {item.id: item for item in dataset}


def warnings_of(root: Path, out: Path, **options) -> str:
    report = Dataset.import_from(root, "brats", **options).export(out, "brats")
    return "\n".join(report.warnings)


def test_each_label_file_belongs_to_the_volume_of_its_name(tmp_path):
    for number in (1, 2, 3):
        save(tmp_path / f"imagesTr/BRATS_{number:03d}.nii.gz", image(number))
    save(tmp_path / "labelsTr/BRATS_001.nii.gz", labels(1))
    save(tmp_path / "labelsTr/BRATS_002.nii.gz", labels(1, 2, 4))
    (tmp_path / "labels").write_bytes(b"background\r\nedema\r\nnecrosis\r\n\r\nenhancing\r\n")
    _, items = read(tmp_path, background="skip", masks="volume")
    assert [a.value for a in items["BRATS_001"].annotations] == [1]
    assert [a.value for a in items["BRATS_002"].annotations] == [1, 2, 4]
    assert items["BRATS_003"].annotations == []


def test_slices_have_masks_of_the_background_as_in_datumaro(tmp_path):
    save(tmp_path / "imagesTr/a.nii.gz", image(1))
    save(tmp_path / "labelsTr/a.nii.gz", labels(1, 2))
    (tmp_path / "labels").write_text("overall tumor\nedema\nnecrosis\n")
    _, items = read(tmp_path)
    found = [
        (a.attributes["image_id"], a.label, int(a.image.sum())) for a in items["a"].annotations
    ]
    assert found == [(0, 0, 36), (0, 1, 6), (1, 0, 36), (1, 2, 6), (2, 0, 42), (3, 0, 42)]
    _, items = read(tmp_path, background="skip")
    assert [a.label for a in items["a"].annotations] == [1, 2]


def test_values_without_a_list_are_their_own_labels(tmp_path):
    save(tmp_path / "imagesTr/a.nii.gz", image(1))
    save(tmp_path / "labelsTr/a.nii.gz", labels(3))
    dataset, items = read(tmp_path, masks="volume")
    assert [x.name for x in dataset.categories().labels] == [
        "background",
        "class_1",
        "class_2",
        "class_3",
    ]
    assert [a.label for a in items["a"].annotations] == [3]


def test_original_layout(tmp_path):
    root = tmp_path / "MICCAI_BraTS2020_TrainingData"
    original(root, 1)
    original(root, 2, ())
    (root / "name_mapping.csv").write_text(
        "Grade,BraTS_2019_subject_ID,BraTS_2020_subject_ID\nHGG,BraTS19_X,BraTS20_Training_001\n"
    )
    (root / "survival_info.csv").write_bytes(
        b"Brats20ID,Age,Survival_days,Extent_of_Resection\r\n"
        b"BraTS20_Training_001,60.5,ALIVE (361 days later),NA\r\n"
        b"BraTS20_Training_002,52,289,GTR\r\n"
    )
    dataset, items = read(tmp_path)
    assert [(x.name, x.source_id) for x in dataset.categories().labels] == [
        ("NCR/NET", 1),
        ("ED", 2),
        ("ET", 4),
    ]
    first, second = items[CASE.format(1)], items[CASE.format(2)]
    assert first.subset == "train"
    assert first.attributes == {
        "grade": "HGG",
        "age": 60.5,
        "survival_days": "ALIVE (361 days later)",
    }
    assert second.attributes == {"age": 52, "survival_days": 289, "extent_of_resection": "GTR"}
    assert first.media.channels == ("flair", "t1", "t1ce", "t2")
    assert first.media.affine == tuple(AFFINE.ravel())
    stack = np.stack([image(10 + n) for n in range(4)], axis=-1)
    assert np.array_equal(np.asarray(first.media.source), stack)
    assert [(a.value, a.label) for a in first.annotations] == [(1, 0), (2, 1), (4, 2)]
    assert second.annotations == []


@pytest.mark.parametrize(
    ("name", "year", "values", "expected"),
    [
        ("BraTS-GLI-00001-000", "auto", (1, 2, 3), ["NCR", "ED", "ET"]),
        ("BraTS-GLI-00001-000", "2024", (1, 4), ["NETC", "RC"]),
        ("BraTS19_CBICA_AAB_1", "auto", (1, 2, 4), ["NCR/NET", "ED", "ET"]),
    ],
)
def test_years_call_values_differently(tmp_path, name, year, values, expected):
    modern = "-" in name
    names = ("t2f", "t1n", "t1c", "t2w") if modern else ("flair", "t1", "t1ce", "t2")
    original(tmp_path, 1, values, names, name=name, join="-" if modern else "_")
    dataset, items = read(tmp_path, year=year)
    known = dataset.categories().labels
    assert [known[a.label].name for a in items[name].annotations] == expected
    assert items[name].media.channels == names


def test_volumes_in_folders_below_are_detected(tmp_path):
    save(tmp_path / "imagesTr" / "site" / "a.nii.gz", image(1))
    save(tmp_path / "labelsTr" / "site" / "a.nii.gz", labels(1))
    dataset = Dataset.import_from(tmp_path)
    assert dataset.format == "brats"
    (item,) = dataset
    assert item.id == "site/a"
    assert item.annotations


@pytest.mark.parametrize(
    "organs", [["aorta"], ["aorta", "liver", "rib_1", "rib_T1", "rib_T2"], ["vertebrae_T3"]]
)
def test_vertebrae_are_no_sequences(tmp_path, organs):
    save(tmp_path / "s1" / "ct.nii.gz", image(1))
    for name in (*organs, "vertebrae_T1", "vertebrae_T2"):
        save(tmp_path / "s1" / "segmentations" / f"{name}.nii.gz", labels(1))
    assert Dataset.import_from(tmp_path).format == "nifti"
    dataset = Dataset.import_from(tmp_path, "brats")
    assert any("belong to no case and are not read" in w for w in dataset.opening_ledger.warnings)


def test_a_case_may_have_further_files(tmp_path):
    for name in ("c_t1", "c_t2", "c_flair", "c_seg", "c_brain", "lesion"):
        save(tmp_path / "c" / f"{name}.nii.gz", labels(1))
    assert Dataset.import_from(tmp_path).format == "brats"


def test_sequences_are_whole_words():
    names = ["d/d_t1ce.nii.gz", "d/d_t1.nii", "d/d_xt2.nii", "d/d_seg.nii", "d/._d_t2.nii"]
    (case,) = find_cases(names)
    assert case.files == {"t1ce": names[0], "t1": names[1], "seg": names[3]}
    assert case.rest == ("d/d_xt2.nii",)


def test_cases_of_one_flat_folder(tmp_path):
    for number in (1, 2):
        folder = original(tmp_path, number)
        for file in folder.iterdir():
            file.rename(tmp_path / file.name)
        folder.rmdir()
    _, items = read(tmp_path)
    assert sorted(items) == [CASE.format(1), CASE.format(2)]


def test_the_segmentation_with_a_wrong_name_is_found(tmp_path):
    folder = original(tmp_path, 355)
    (folder / "BraTS20_Training_355_seg.nii.gz").rename(folder / "W39_1998.09.19_Segm.nii.gz")
    _, items = read(tmp_path)
    assert len(items[CASE.format(355)].annotations) == 3
    assert "W39_1998.09.19_Segm.nii.gz is taken" in warnings_of(tmp_path, tmp_path / "out")


def test_a_missing_sequence_is_told(tmp_path):
    original(tmp_path, 1, sequences=("flair", "t1", "t2"))
    _, items = read(tmp_path)
    assert items[CASE.format(1)].media.channels == ("flair", "t1", "t2")
    assert "has no t1ce" in warnings_of(tmp_path, tmp_path / "out")


def test_an_unexpected_value_is_told_and_counted(tmp_path):
    original(tmp_path, 1, (1, 3))
    report = Dataset.import_from(tmp_path, "brats").export(tmp_path / "out", "brats")
    assert any("unexpected_label_value" in w and "[3]" in w for w in report.warnings)
    assert report.annotations["dropped"] == 1


def test_subsets_come_from_names():
    assert subset_of("BraTS2020_ValidationData/x", "BraTS20_Validation_001") == "validation"
    assert subset_of("HGG", "Brats18_CBICA_1") == "default"
    assert subset_of("MICCAI_BraTS2020_TrainingData", "x") == "train"
    assert subset_of("contest", "pretrained") == "default"


@pytest.mark.parametrize("layout", ["msd", "original"])
def test_nothing_changes_on_the_way_back(tmp_path, layout):
    source = tmp_path / "source"
    original(source, 1)
    out = tmp_path / "out"
    report = Dataset.import_from(source, "brats").export(out, "brats", layout=layout)
    lost = ["names of channels"] if layout == "msd" else []
    assert [e.what for e in report.losses] == lost
    _, items = read(out, masks="volume")
    item = items[CASE.format(1)]
    assert np.array_equal(
        np.asarray(item.media.source)
        if layout == "original"
        else np.asanyarray(nib.load(item.media.source).dataobj),
        np.stack([image(10 + n) for n in range(4)], axis=-1),
    )
    name = {"msd": "labelsTr/{}.nii.gz", "original": "{0}/{0}_seg.nii.gz"}[layout]
    seg = nib.load(out / name.format(CASE.format(1)))
    assert np.array_equal(np.asanyarray(seg.dataobj), labels(1, 2, 4))
    assert seg.get_data_dtype() == np.uint8
    assert np.array_equal(seg.affine, AFFINE)
    assert (int(seg.header["qform_code"]), int(seg.header["sform_code"])) == (1, 2)


def test_files_of_single_sequences_are_copied_byte_by_byte(tmp_path):
    folder = original(tmp_path / "source", 1)
    Dataset.import_from(tmp_path / "source", "brats").export(
        tmp_path / "out", "brats", layout="original"
    )
    for file in folder.glob("*_t1*.nii.gz"):
        assert (tmp_path / "out" / folder.name / file.name).read_bytes() == file.read_bytes()


def test_texts_in_headers_are_dropped_unless_wanted(tmp_path):
    path = tmp_path / "source/imagesTr/a.nii.gz"
    save(path, image(1))
    made = nib.load(path)
    made.header["descrip"] = b"Jane Doe"
    made.header["scl_slope"] = 2.0
    nib.save(nib.Nifti1Image(image(1), AFFINE, made.header), path)
    for privacy, text in (("drop", b""), ("keep", b"Jane Doe")):
        out = tmp_path / privacy
        Dataset.import_from(tmp_path / "source", "brats").export(out, "brats", privacy=privacy)
        back = nib.load(out / "imagesTr/a.nii.gz")
        assert bytes(back.header["descrip"].item()) == text
        assert np.array_equal(np.asanyarray(back.dataobj), image(1))


def test_consecutive_values_are_those_of_nnunet(tmp_path):
    original(tmp_path / "source", 1)
    report = Dataset.import_from(tmp_path / "source", "brats").export(
        tmp_path / "out", "brats", label_values="consecutive"
    )
    back = nib.load(tmp_path / "out/labelsTr/BraTS20_Training_001.nii.gz")
    expected = np.array([0, 2, 1, 0, 3], np.uint8)[labels(1, 2, 4)]
    assert np.array_equal(np.asanyarray(back.dataobj), expected)
    assert any("1→2" in e.what and "4→3" in e.what for e in report.events)
    assert (tmp_path / "out/labels").read_text() == "background\nED\nNCR/NET\nET\n"


def test_columns_that_nobody_knows_are_told_and_kept(tmp_path):
    original(tmp_path / "source", 1)
    (tmp_path / "source/survival_info.csv").write_text(
        "Brats20ID,Age,Ward,=cmd()\nBraTS20_Training_001,60,7b,x\n\n,1,2,3\n"
    )
    with pytest.raises(InputError, match="names no case"):
        read(tmp_path / "source")
    dataset = Dataset.import_from(tmp_path / "source", "brats", on_error="skip")
    (item,) = dataset
    assert item.extra == {"brats": {"Ward": "7b", "=cmd()": "x"}}
    report = dataset.export(tmp_path / "out", "brats", layout="original")
    assert any("'Ward'" in w for w in report.warnings)


@pytest.mark.parametrize("file", ["flair", "seg"])
@pytest.mark.parametrize("damage", ["truncated", "empty", "not gz", "folder"])
def test_damaged_files_are_named(tmp_path, file, damage):
    folder = original(tmp_path, 1)
    original(tmp_path, 2)
    path = folder / f"{folder.name}_{file}.nii.gz"
    data = path.read_bytes()
    path.unlink()
    if damage == "folder":
        path.mkdir()
        _, items = read(tmp_path)  # a folder is no file of the case
        assert len(items) == 2
        return
    path.write_bytes({"truncated": data[:-30], "empty": b"", "not gz": b"no gzip" * 99}[damage])
    with pytest.raises(InputError) as caught:
        read(tmp_path)
    assert path.name in str(caught.value)
    items = {i.id: i for i in Dataset.import_from(tmp_path, "brats", on_error="skip")}
    assert len(items[CASE.format(2)].annotations) == 3
    assert (CASE.format(1) in items) == (file == "seg")


def test_a_probability_map_is_no_segmentation(tmp_path):
    folder = original(tmp_path, 1)
    save(folder / f"{folder.name}_seg.nii.gz", labels(1).astype(np.float32) * 0.37)
    with pytest.raises(InputError, match="probability maps"):
        read(tmp_path)


def test_labels_written_through_floating_point_are_recognised(tmp_path):
    folder = original(tmp_path, 1)
    save(folder / f"{folder.name}_seg.nii.gz", labels(1, 2, 4).astype(np.float32) + 1e-3)
    with pytest.warns(DskWarning, match="non_integer_labels"):
        _, items = read(tmp_path)
    assert [a.value for a in items[folder.name].annotations] == [1, 2, 4]


def test_a_segmentation_elsewhere_is_told_by_how_much(tmp_path):
    folder = original(tmp_path, 1)
    moved = AFFINE.copy()
    moved[2, 3] = 2.5
    save(folder / f"{folder.name}_seg.nii.gz", labels(1), moved)
    with pytest.raises(InputError, match=r"2\.5 mm"):
        read(tmp_path, spatial_mismatch="error")
    with pytest.warns(DskWarning, match="the volume's affine is taken"):
        _, items = read(tmp_path, spatial_mismatch="use-volume-affine")
    assert items[folder.name].annotations[0].affine is None
    with pytest.warns(DskWarning, match="its own affine is kept"):
        _, items = read(tmp_path)
    assert items[folder.name].annotations[0].affine == tuple(moved.ravel())


def test_a_segmentation_of_another_shape_is_refused(tmp_path):
    folder = original(tmp_path, 1)
    save(folder / f"{folder.name}_seg.nii.gz", labels(1)[:, :, :3])
    with pytest.raises(InputError, match="shape_mismatch"):
        read(tmp_path)


def test_detection_leaves_nnunet_and_the_decathlon_alone(tmp_path):
    save(tmp_path / "a/imagesTr/x_0000.nii.gz", image(1))
    save(tmp_path / "b/imagesTr/x.nii.gz", image(1))
    (tmp_path / "b/dataset.json").write_text("{}")
    save(tmp_path / "c/imagesTr/x.nii.gz", image(1))
    original(tmp_path / "d", 1)
    scores = {
        name: {f.format: f.score for f in detect(open_root(tmp_path / name))} for name in "abcd"
    }
    assert "brats" not in scores["a"]
    assert "brats" not in scores["b"]
    assert scores["c"]["brats"] >= 60
    assert scores["d"]["brats"] >= 80


def test_a_gz_with_a_wrong_checksum_is_refused_when_it_is_read(tmp_path):
    path = tmp_path / "imagesTr/a.nii.gz"
    save(path, image(1))
    plain = gzip.decompress(path.read_bytes())
    data = bytearray(gzip.compress(plain, 1, mtime=0))
    data[-8] ^= 0xFF
    path.write_bytes(bytes(data))
    _, items = read(tmp_path)
    from dsk_medical.volume.arrays import open_volume

    with pytest.raises(MediaError, match="damaged"):
        list(open_volume(items["a"].media).slices())
