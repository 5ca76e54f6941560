"""What NIfTI cannot keep, or leaves open, and what is said about it."""

from __future__ import annotations

import json
import warnings

import nibabel as nib
import numpy as np
import pytest
from nifti_files import AFFINE, SHAPE, blocks, save, scan
from test_nifti_quirks import warnings_of

from dsk import Dataset, DatasetItem
from dsk.annotations import Mask3d
from dsk.categories import Categories, LabelCategory
from dsk.errors import DskWarning, OutputError, RecordError
from dsk.files import open_root
from dsk.media import Volume
from dsk_medical.nifti.detect import detect


def dataset(*values, attributes=()):
    """Return a volume with an object of class lung for each value."""
    labels = blocks(*values, dtype=np.uint16)
    given = [*attributes, *[{}] * (len(values) - len(attributes))]
    masks = [Mask3d(labels, v, label=0, attributes=a) for v, a in zip(values, given, strict=True)]
    media = Volume("a.nii", scan(), None, SHAPE, tuple(AFFINE.ravel()), "int16")
    categories = Categories(labels=(LabelCategory("lung"),), colors={0: (1, 2, 3)})
    return Dataset.from_iterable([DatasetItem("a", media=media, annotations=masks)], categories)


def lost(report):
    return {event.what for event in report.losses}


def test_scores_without_a_file_are_told(tmp_path):
    given = dataset(1, 2, attributes=[{"score": 0.5}, {"scores": [0.5], "score_slices": [1]}])
    told = {"score", "scores", "score_slices"}
    assert lost(given.export(tmp_path / "a", "nifti", scores=False)) >= told
    assert not lost(given.export(tmp_path / "b", "nifti")) & told


def test_colors_without_a_file_are_told(tmp_path):
    report = dataset(1).export(tmp_path / "out", "nifti", color_map="none")
    assert any("color" in what for what in lost(report))


def test_scores_of_objects_that_become_one_value(tmp_path):
    given = dataset(1, 2, 3, attributes=[{"score": 0.5}, {"score": 0.25}])
    options = {"structure": "planes", "mask_mode": "semantic"}
    report = given.export(tmp_path / "out", "nifti", **options)
    assert "score" in lost(report)
    (item,) = Dataset.import_from(tmp_path / "out", "nifti")
    (mask,) = item.annotations
    assert mask.attributes["scores"][:2] == [0.5, 0.5]
    alike = dataset(1, 2, attributes=[{"score": 0.5}, {"score": 0.5}])
    assert "score" not in lost(alike.export(tmp_path / "b", "nifti", **options))


def test_a_type_that_is_too_small_is_told(tmp_path):
    report = dataset(1, 300).export(tmp_path / "out", "nifti", dtype="uint8")
    assert report.warnings == {"masks with values that uint8 does not hold are uint16": 1}
    assert nib.load(tmp_path / "out" / "a" / "lung.nii.gz").get_data_dtype() == np.uint16


@pytest.mark.parametrize("name", ["axl_inference.nii", "axl_inference_2.nii"])
def test_scores_of_slices_that_get_no_mask(tmp_path, name):
    save(tmp_path / "axl_anatomic.nii", scan())
    save(tmp_path / name, blocks(2))
    (tmp_path / "axl_score.csv").write_text("Layer,Label-2\n2,0.5\n5,0.25\n")
    told = "scores of 1 slices without voxels of their object"
    assert told in warnings_of(Dataset.import_from(tmp_path, "nifti", masks="slices"))
    assert told not in warnings_of(Dataset.import_from(tmp_path, "nifti"))


def test_numbers_of_volumes_without_a_registry(tmp_path):
    save(tmp_path / "masks" / "axl_inference.nii", blocks(1))
    (tmp_path / "masks" / "mapping.json").write_text(json.dumps({"axl_inference.nii": 7}))
    save(tmp_path / "volumes" / "axl_anatomic.nii", scan())
    options = {"volumes": str(tmp_path / "volumes")}
    found = Dataset.import_from(tmp_path / "masks", "nifti", **options)
    assert [len(item.annotations) for item in found] == [1]
    assert any("without volume_registry" in text for text in found.opening_ledger.warnings)


def test_a_file_called_color_map_is_one_whatever_its_first_line_is(tmp_path):
    save(tmp_path / "axl_anatomic.nii", scan())
    save(tmp_path / "axl_inference.nii", blocks(1))
    (tmp_path / "aa.txt").write_text("1 volume of a knee\n")
    (tmp_path / "cls_color_map.txt").write_text("id name R G B\n1 Femur 1 2 3\n")
    with pytest.raises(RecordError, match="no line of a class colour map"):
        list(Dataset.import_from(tmp_path, "nifti"))
    found = Dataset.import_from(tmp_path, "nifti", on_error="skip")
    assert found.categories().names == ["Femur"]


@pytest.mark.parametrize("kind", [nib.Nifti1Pair, nib.Nifti2Pair, nib.AnalyzeImage])
def test_pairs_of_files_are_detected(tmp_path, kind):
    nib.save(kind(scan(), AFFINE), tmp_path / "a.hdr")
    found = Dataset.import_from(tmp_path)
    assert found.format == "nifti"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DskWarning)  # Analyze does not state orientation
        assert [item.id for item in found] == ["a"]


def test_other_files_called_hdr_are_no_volumes(tmp_path):
    (tmp_path / "a.hdr").write_bytes(b"ENVI\nsamples = 4\n")
    (tmp_path / "a.img").write_bytes(bytes(64))
    assert detect(open_root(tmp_path)) is None


@pytest.mark.parametrize("above", ["", "set/", "a b/c/"])
def test_subsets_in_a_folder_that_wraps_all(tmp_path, above):
    for subset in ("train", "val"):
        save(tmp_path / f"{above}{subset}/site/a.nii", scan())
    found = [(item.subset, item.id) for item in Dataset.import_from(tmp_path)]
    assert found == [("train", "site/a"), ("val", "site/a")]
    save(tmp_path / f"{above}more/a.nii", scan())
    found = [(item.subset, item.id) for item in Dataset.import_from(tmp_path)]
    assert found == [("default", f"{above}{n}") for n in ("more/a", "train/site/a", "val/site/a")]


def test_volumes_in_a_folder_that_is_taken_for_masks_are_refused_in_words(tmp_path):
    (item,) = dataset(1)
    items = [item, item.replace(id="segmentations/b"), item.replace(id="segmentations/c")]
    made = Dataset.from_iterable(items, ["lung"])
    told = r"'segmentations/b' would be read as a mask of 'a', .* called 'segmentations' holds"
    with pytest.raises(OutputError, match=told):
        made.export(tmp_path / "out", "nifti", save_media=True)
