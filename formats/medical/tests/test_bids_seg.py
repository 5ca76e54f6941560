"""Segmentations in BIDS derivatives."""

from __future__ import annotations

import json
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest

from dsk import Dataset
from dsk.errors import DskWarning, InputError
from dsk.testing import FormatSuite

AFFINE = np.diag([1.0, 1.0, 2.0, 1.0])
SEG = "derivatives/seg/sub-01/anat"


def save(path: Path, array: np.ndarray, **sidecar) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    nib.save(nib.Nifti1Image(array, AFFINE), path)
    if sidecar:
        path.with_name(path.name.replace(".nii.gz", ".json")).write_text(json.dumps(sidecar))


def image(number: int = 0) -> np.ndarray:
    return np.arange(60, dtype=np.int16).reshape(5, 4, 3) + number


def seg() -> np.ndarray:
    found = np.zeros((5, 4, 3), np.uint8)
    found[1:3, :2, 1], found[0, 0, 0] = 1, 7
    return found


def make(root: Path) -> Path:
    description = {"Name": "x", "BIDSVersion": "1.8.0"}
    save(root / "sub-01/anat/sub-01_T1w.nii.gz", image())
    save(root / "sub-01/anat/sub-01_T2w.nii.gz", image(1))
    (root / "dataset_description.json").write_text(json.dumps(description))
    derived = root / "derivatives/seg/dataset_description.json"
    derived.parent.mkdir(parents=True)
    derived.write_text(json.dumps({**description, "DatasetType": "derivative"}))
    save(root / SEG / "sub-01_dseg.nii.gz", seg())
    (root / "derivatives/seg/dseg.tsv").write_text(
        "index\tname\tabbreviation\tcolor\n0\tBackground\tBG\tn/a\n1\tGray Matter\tGM\t#ff530b\n"
        "7\tn/a\tLES\tn/a\n"
    )
    return root


class TestBids(FormatSuite):
    format = "bids_seg"

    def make(self, folder: Path) -> None:
        make(folder)
        masks = folder / SEG.replace("sub-01", "sub-02")
        for label in ("edema", "core"):
            save(masks / f"sub-02_label-{label}_mask.nii.gz", seg(), RawSources=["x"])


def read(root: Path, **options):
    dataset = Dataset.import_from(root, "bids_seg", **options)
    return dataset, {item.id: item for item in dataset}


@pytest.mark.parametrize(
    ("value", "text"), [(np.nan, "1 voxels of .* no numbers"), (7.004, "non_integer_labels")]
)
def test_labels_that_are_put_right_are_told(tmp_path, value, text):
    labels = seg().astype(np.float32)
    labels[0, 0, 0] = value
    save(make(tmp_path) / SEG / "sub-01_dseg.nii.gz", labels)
    with pytest.warns(DskWarning, match=text):
        read(tmp_path)


def test_a_segmentation_with_inherited_names_and_the_raw_image(tmp_path):
    dataset, items = read(make(tmp_path))
    item = items[f"{SEG}/sub-01"]
    assert item.media.path == "sub-01/anat/sub-01_T1w.nii.gz"
    names = dataset.categories()
    assert [(x.name, x.source_id) for x in names.labels] == [("Gray Matter", 1), ("LES", 7)]
    assert names.colors == {0: (255, 83, 11)}
    assert [(a.value, a.label) for a in item.annotations] == [(1, 0), (7, 1)]
    assert Dataset.import_from(tmp_path).format == "bids_seg"


def test_sources_name_the_image(tmp_path):
    make(tmp_path)
    save(
        tmp_path / SEG / "sub-01_dseg.nii.gz",
        seg(),
        Sources=["bids:raw:sub-01/anat/sub-01_T2w.nii.gz"],
    )
    _, items = read(tmp_path)
    assert items[f"{SEG}/sub-01"].media.path.endswith("T2w.nii.gz")


@pytest.mark.parametrize("source", ["../../../etc/passwd", "bids::/etc/passwd", 3, None])
def test_sources_that_lead_elsewhere_are_not_followed(tmp_path, source):
    make(tmp_path)
    save(tmp_path / SEG / "sub-01_dseg.nii.gz", seg(), Sources=[source])
    _, items = read(tmp_path)
    assert items[f"{SEG}/sub-01"].media.path.endswith("T1w.nii.gz")


def test_another_space_has_no_raw_image(tmp_path):
    make(tmp_path)
    save(tmp_path / SEG / "sub-01_space-MNI_dseg.nii.gz", seg())
    _, items = read(tmp_path)
    item = items[f"{SEG}/sub-01_space-MNI"]
    assert not item.media.exists
    assert item.media.shape == (5, 4, 3)
    assert len(item.annotations) == 2


def test_masks_of_labels_share_an_item(tmp_path):
    make(tmp_path)
    for name in ("L", "R"):
        save(
            tmp_path / SEG / f"sub-01_desc-hand_label-{name}_mask.nii.gz", (seg() == 1).astype("u1")
        )
    save(tmp_path / SEG / "sub-01_desc-x_mask.nii.gz", seg(), Type="Lesion")
    dataset, items = read(tmp_path)
    names = [x.name for x in dataset.categories().labels]
    hand = items[f"{SEG}/sub-01_desc-hand"]
    assert [names[a.label] for a in hand.annotations] == ["L", "R"]
    lesion = items[f"{SEG}/sub-01_desc-x"]
    assert {names[a.label] for a in lesion.annotations} == {"Lesion"}


def test_probabilities_are_volumes_unless_a_threshold_is_given(tmp_path):
    make(tmp_path)
    maps = np.stack([image() / 60, 1 - image() / 60], axis=-1).astype(np.float32)
    save(tmp_path / SEG / "sub-01_probseg.nii.gz", maps, LabelMap=["GM", "WM"])
    _, items = read(tmp_path)
    item = items[f"{SEG}/sub-01_probseg"]
    assert item.media.channels == ("GM", "WM")
    assert item.annotations == []
    dataset, items = read(tmp_path, probseg_threshold=0.5)
    names = [x.name for x in dataset.categories().labels]
    found = {
        names[a.label]: int((np.asarray(a.source) == a.value).sum())
        for a in items[f"{SEG}/sub-01"].annotations
        if names[a.label] in ("GM", "WM")
    }
    assert found == {"GM": int((maps[..., 0] >= 0.5).sum()), "WM": int((maps[..., 1] >= 0.5).sum())}


def test_rows_of_the_table_that_are_no_labels(tmp_path):
    make(tmp_path)
    (tmp_path / "derivatives/seg/dseg.tsv").write_text("index\tname\nx\ty\n1\tGM\n7\tLES\n")
    with pytest.raises(InputError, match=r"dseg\.tsv:2"):
        read(tmp_path)
    assert len(read(tmp_path, on_error="skip")[1][f"{SEG}/sub-01"].annotations) == 2


def test_quotes_around_cells_are_no_part_of_them(tmp_path):
    make(tmp_path)
    rows = '"index"\tname\tcolor\n1\t"Left ""inner"" part"\t"#0a0b0c"\n7\ta 5" lesion\tn/a\n'
    (tmp_path / "derivatives/seg/dseg.tsv").write_text(rows)
    dataset, _ = read(tmp_path)
    assert dataset.categories().names == ['Left "inner" part', 'a 5" lesion']
    assert dataset.categories().colors == {0: (10, 11, 12)}


def test_atlases_are_of_templates_instead_of_subjects(tmp_path):
    description = {"Name": "x", "BIDSVersion": "1.11.0", "DatasetType": "derivative"}
    (tmp_path / "dataset_description.json").write_text(json.dumps(description))
    save(tmp_path / "tpl-MNI/anat/tpl-MNI_atlas-A_res-2_dseg.nii.gz", seg())
    dataset = Dataset.import_from(tmp_path)
    assert (dataset.format, len(list(dataset))) == ("bids_seg", 1)


def test_values_without_a_table_have_numbers(tmp_path):
    make(tmp_path)
    (tmp_path / "derivatives/seg/dseg.tsv").unlink()
    dataset, _ = read(tmp_path)
    assert [x.name for x in dataset.categories().labels] == ["class_1", "class_7"]


def test_a_damaged_segmentation_leaves_the_others(tmp_path):
    make(tmp_path)
    save(tmp_path / "derivatives/seg/sub-02/anat/sub-02_dseg.nii.gz", seg())
    (tmp_path / SEG / "sub-01_dseg.nii.gz").write_bytes(b"\x1f\x8b broken")
    with pytest.raises(InputError, match="sub-01_dseg"):
        read(tmp_path)
    _, items = read(tmp_path, on_error="skip")
    assert len(items["derivatives/seg/sub-02/anat/sub-02"].annotations) == 2
