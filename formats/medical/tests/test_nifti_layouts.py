"""How files belong together."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from nifti_files import SHAPE, blocks, save, scan, voxels

from dsk import Dataset
from dsk.errors import DskWarning, InputError, RecordError


def read(path: Path, **options: object) -> dict[str, list[tuple[str, int]]]:
    dataset = Dataset.import_from(path, "nifti", **options)
    names = dataset.categories().names
    return {i.id: [(names[a.label], a.value) for a in i.annotations] for i in dataset}


def test_masks_by_volume_name(tmp_path):
    save(tmp_path / "CT.nii.gz", scan())
    save(tmp_path / "CT" / "lung.nii.gz", blocks(3, 7))
    save(tmp_path / "CT" / "cortex_sagittalis.nii", blocks(300, dtype="uint16"))
    save(tmp_path / "Spine.nii", scan())
    assert read(tmp_path) == {
        "CT": [("cortex_sagittalis", 300), ("lung", 3), ("lung", 7)],
        "Spine": [],
    }


def test_mask_folder_elsewhere(tmp_path):
    save(tmp_path / "volumes" / "a.nii.gz", scan())
    save(tmp_path / "masks" / "a" / "liver.nii.gz", blocks(1))
    assert read(tmp_path) == {"volumes/a": [("liver", 1)]}


def test_masks_of_totalsegmentator(tmp_path):
    for case in ("s0000", "s0001"):
        save(tmp_path / case / "ct.nii.gz", scan())
        save(tmp_path / case / "segmentations" / "liver.nii.gz", blocks(1))
        save(tmp_path / case / "segmentations" / "rib_left_1.nii.gz", blocks(1))
    expected = [("liver", 1), ("rib_left_1", 1)]
    assert read(tmp_path) == {"s0000/ct": expected, "s0001/ct": expected}
    assert read(tmp_path / "s0000") == {"ct": expected}
    assert Dataset.import_from(tmp_path).format == "nifti"


def test_segmentations_of_no_single_volume_are_told(tmp_path):
    for name in ("ct", "pet", "segmentations/liver"):
        save(tmp_path / f"{name}.nii.gz", scan())
    dataset = Dataset.import_from(tmp_path, "nifti")
    assert len(list(dataset)) == 3
    assert any("'segmentations'" in text for text in dataset.opening_ledger.warnings)


def test_ambiguous_mask_folder(tmp_path):
    for folder in ("x", "y"):
        save(tmp_path / folder / "a.nii.gz", scan())
    save(tmp_path / "masks" / "a" / "liver.nii.gz", blocks(1))
    with pytest.raises(RecordError, match="ambiguous_annotation_dir"):
        read(tmp_path)


def test_one_id_twice(tmp_path):
    save(tmp_path / "a.nii", scan())
    save(tmp_path / "a.nii.gz", scan())
    with pytest.raises(RecordError, match=r"both item a"):
        read(tmp_path)


def test_semantic_planes_with_color_map(tmp_path):
    save(tmp_path / "axl_anatomic.nii", scan())
    save(tmp_path / "axl_inference.nii", blocks(2, 4))
    save(tmp_path / "cor_anatomic.nii", scan())
    save(tmp_path / "cor_inference.nii", blocks(1, 9))
    save(tmp_path / "sag_anatomic.nii", scan())
    text = "4 Tibia cartilage 255 255 0\r\n\r\n1 Femur 255 0 0\r\n2 Zone\r\n"
    (tmp_path / "cls_color_map.txt").write_bytes(text.encode())
    assert read(tmp_path) == {
        "axl_anatomic": [("Zone", 2), ("Tibia cartilage", 4)],
        "cor_anatomic": [("Femur", 1), ("Segment_9", 9)],
        "sag_anatomic": [],
    }
    categories = Dataset.import_from(tmp_path, "nifti").categories()
    assert categories.names == ["Tibia cartilage", "Femur", "Zone", "Segment_9"]
    assert categories.colors == {0: (255, 255, 0), 1: (255, 0, 0)}
    assert [label.source_id for label in categories.labels] == [4, 1, 2, 9]


@pytest.mark.parametrize(
    ("line", "message"),
    [("x Femur 1 2 3", "no line"), ("1 Femur 1 2 300", "no colour"), ("5", "no line")],
)
def test_bad_line_of_a_color_map(tmp_path, line, message):
    save(tmp_path / "axl_anatomic.nii", scan())
    (tmp_path / "map.txt").write_text(f"1 Good 1 2 3\n{line}\n")
    with pytest.raises(RecordError, match=message) as caught:
        read(tmp_path)
    assert caught.value.where.endswith("map.txt:2")


def test_instance_planes_number_classes(tmp_path):
    save(tmp_path / "axl_anatomic.nii", scan())
    save(tmp_path / "axl_inference_1.nii", blocks(1, 5))
    save(tmp_path / "axl_inference_3.nii", blocks(2))
    expected = {"axl_anatomic": [("Segment_1", 1), ("Segment_1", 5), ("Segment_3", 2)]}
    assert read(tmp_path) == expected
    assert read(tmp_path, mask_mode="semantic") == {
        "axl_anatomic": [("Segment_1", 1), ("Segment_5", 5), ("Segment_2", 2)]
    }


def test_items_in_nested_folders(tmp_path):
    for item, index in (("item_1", 1), ("deep/item_2", 2)):
        save(tmp_path / item / "AXL_anatomical.nii.gz", scan())
        save(tmp_path / item / f"axl-mask_{index}.nii.gz", blocks(1))
    assert read(tmp_path) == {
        "deep/item_2/AXL_anatomical": [("Segment_2", 1)],
        "item_1/AXL_anatomical": [("Segment_1", 1)],
    }


def test_mask_without_its_volume_beside(tmp_path):
    for item in ("item_1", "item_2"):
        save(tmp_path / item / "axl_anatomic.nii", scan())
    save(tmp_path / "item_3" / "axl_mask.nii", blocks(1))
    with pytest.raises(RecordError, match="fits no volume, or several"):
        read(tmp_path)


def test_uuids_in_names(tmp_path):
    patient, case = "0b9d7d4e-1111-4222-8333-444455556666", "1b9d7d4e-1111-4222-8333-444455556666"
    other = patient.replace("0b", "2b")
    for who in (patient, other):
        save(tmp_path / f"{who}_{case}_axl_anatomic.nii", scan())
    save(tmp_path / "masks" / f"{patient}_{case}_axl_inference.nii", blocks(1))
    dataset = Dataset.import_from(tmp_path, "nifti")
    found = {i.attributes["patient_uuid"]: len(i.annotations) for i in dataset}
    assert found == {patient: 1, other: 0}


def test_archives_read_like_folders(tmp_path):
    data = tmp_path / "data"
    save(data / "sub" / "CT.nii.gz", scan())
    save(data / "sub" / "CT" / "lung.nii.gz", blocks(3))
    packed = shutil.make_archive(str(tmp_path / "packed"), "zip", data)
    assert read(Path(packed)) == read(data) == {"sub/CT": [("lung", 3)]}


def test_folder_of_supervisely_import_is_left_out(tmp_path):
    save(tmp_path / "a.nii.gz", scan())
    save(tmp_path / "converted" / "b.nii.gz", scan())
    dataset = Dataset.import_from(tmp_path, "nifti")
    assert [item.id for item in dataset] == ["a"]
    assert any("converted" in text for text in dataset.opening_ledger.warnings)


def test_subset_folders(tmp_path):
    for subset in ("train", "val"):
        save(tmp_path / subset / "a.nii.gz", scan())
        save(tmp_path / subset / "a" / "x.nii.gz", blocks(1))
    dataset = Dataset.import_from(tmp_path, "nifti")
    assert [(i.id, i.subset, len(i.annotations)) for i in dataset] == [
        ("a", "train", 1),
        ("a", "val", 1),
    ]


def test_nothing_there(tmp_path):
    (tmp_path / "x.txt").write_text("1 a")
    with pytest.raises(InputError, match="no NIfTI file"):
        read(tmp_path)


SCORES = "Layer, Label-2, Label-4, ...\r\n2, 0.8, 0.25, \r\n3,0.8,,\r\n"


def test_scores_of_semantic_planes(tmp_path):
    save(tmp_path / "axl_anatomic.nii", scan())
    save(tmp_path / "axl_inference.nii", blocks(2, 4))
    (tmp_path / "axl_score.csv").write_text(SCORES)
    with pytest.warns(DskWarning, match=r"'\.\.\.' is unknown"):
        (item,) = Dataset.import_from(tmp_path, "nifti")
    assert [a.attributes for a in item.annotations] == [
        {"score": 0.8},
        {"scores": [0.25], "score_slices": [1]},
    ]
    with pytest.warns(DskWarning):
        (item,) = Dataset.import_from(tmp_path, "nifti", masks="slices")
    scores = [(a.attributes["image_id"], a.attributes.get("score")) for a in item.annotations]
    assert scores == [(1, 0.8), (1, 0.25), (2, 0.8), (2, None), (3, None)]
    assert [a.object_id for a in item.annotations] == [1, 2, 1, 2, 2]


@pytest.mark.parametrize(
    ("row", "message"), [("9,0.5", "none of 1 to 5"), ("0,0.5", "none of"), ("2,high", "no score")]
)
def test_bad_rows_of_scores(tmp_path, row, message):
    save(tmp_path / "axl_anatomic.nii", scan())
    save(tmp_path / "axl_inference.nii", blocks(2))
    (tmp_path / "axl_score.csv").write_text(f"Layer,Label-2\n{row}\n")
    with pytest.raises(RecordError, match=message) as caught:
        list(Dataset.import_from(tmp_path, "nifti"))
    assert caught.value.where.endswith("axl_score.csv:2")


@pytest.mark.parametrize("structure", ["by-name", "planes", "planes-items"])
def test_scores_go_there_and_back(tmp_path, structure):
    save(tmp_path / "in" / "CT.nii.gz", scan())
    save(tmp_path / "in" / "CT" / "lung.nii.gz", blocks(3, 7))
    (tmp_path / "in" / "CT" / "lung_score.csv").write_text(
        "Layer,Label-3,Label-7\n2,0.1,\n3,0.1,0.7\n"
    )
    source = Dataset.import_from(tmp_path / "in", "nifti")
    source.export(tmp_path / "out", "nifti", structure=structure)
    (before,), (after,) = (
        [i for i in d if i.annotations]
        for d in (source, Dataset.import_from(tmp_path / "out", "nifti"))
    )
    assert [a.attributes for a in before.annotations] == [a.attributes for a in after.annotations]
    assert [a.value for a in after.annotations] == [3, 7]
    assert all(
        (voxels(a) == voxels(b)).all()
        for a, b in zip(before.annotations, after.annotations, strict=True)
    )


def annotations_alone(folder: Path) -> None:
    save(folder / "axl_inference_1.nii", blocks(1))
    save(folder / "axl_inference_3.nii", blocks(2, 3))
    save(folder / "cor_inference_1.nii", blocks(1))


def test_annotations_alone_have_the_ids_of_their_volumes(tmp_path):
    annotations_alone(tmp_path)
    assert read(tmp_path) == {
        "axl_anatomic": [("Segment_1", 1), ("Segment_3", 2), ("Segment_3", 3)],
        "cor_anatomic": [("Segment_1", 1)],
    }
    item = next(iter(Dataset.import_from(tmp_path, "nifti")))
    assert item.media.source is None
    assert item.media.shape == SHAPE


def test_annotations_alone_find_volumes_by_name(tmp_path):
    annotations_alone(tmp_path / "masks")
    for plane in ("axl", "cor", "sag"):
        save(tmp_path / "volumes" / f"{plane}_anatomical.nii.gz", scan())
    found = read(tmp_path / "masks", volumes=str(tmp_path / "volumes"))
    assert {k: len(v) for k, v in found.items()} == {
        "axl_anatomical": 3,
        "cor_anatomical": 1,
        "sag_anatomical": 0,
    }


def test_project_wide_annotations(tmp_path):
    for name in ("dataset_1", "dataset_2"):
        annotations_alone(tmp_path / "masks" / name)
        for plane in ("axl", "cor"):
            save(tmp_path / "volumes" / name / f"{plane}_anatomic.nii", scan())
    options = {"volumes": str(tmp_path / "volumes")}
    dataset = Dataset.import_from(tmp_path / "masks", "nifti", **options)
    assert [(i.subset, i.id, len(i.annotations)) for i in dataset] == [
        ("dataset_1", "axl_anatomic", 3),
        ("dataset_1", "cor_anatomic", 1),
        ("dataset_2", "axl_anatomic", 3),
        ("dataset_2", "cor_anatomic", 1),
    ]


def test_mapping_with_registry(tmp_path):
    annotations_alone(tmp_path / "masks")
    mapping = {"axl_inference_1.nii": 123, "cor_inference_1.nii": 9, "axl_inference_3.nii": "b.nii"}
    (tmp_path / "masks" / "mapping.json").write_text(json.dumps(mapping))
    for name in ("a", "b"):
        save(tmp_path / "volumes" / f"{name}.nii", scan())
    (tmp_path / "registry.json").write_text('{"123": "a.nii"}')
    options = {
        "volumes": str(tmp_path / "volumes"),
        "volume_registry": str(tmp_path / "registry.json"),
    }
    found = read(tmp_path / "masks", **options)
    assert found == {"a": [("Segment_1", 1)], "b": [("Segment_3", 2), ("Segment_3", 3)]}
    warnings = Dataset.import_from(tmp_path / "masks", "nifti", **options).opening_ledger.warnings
    assert any("no volume 9" in text for text in warnings)


def test_mapping_without_registry_keeps_numbers(tmp_path):
    annotations_alone(tmp_path / "dataset1")
    (tmp_path / "mapping.json").write_text('{"dataset1/cor_inference_1.nii": 456}')
    dataset = Dataset.import_from(tmp_path, "nifti")
    numbers = {(i.subset, i.id): i.attributes.get("volume_id") for i in dataset}
    assert numbers == {("dataset1", "axl_anatomic"): None, ("dataset1", "cor_anatomic"): 456}


def project(tmp_path, name: str) -> None:
    """Two datasets of annotations, and volumes of one name in two datasets."""
    for n, dataset in enumerate(("ds1", "ds2"), 1):
        save(tmp_path / "masks" / dataset / "axl_inference.nii", blocks(n))
        save(tmp_path / "volumes" / dataset / f"{name}.nii", scan())


@pytest.mark.parametrize("order", [("ds1", "ds2"), ("ds2", "ds1")])
def test_mapping_of_a_project_names_datasets(tmp_path, order):
    project(tmp_path, "CT")
    mapping = {f"ds{n}/axl_inference.nii": f"{name}/CT" for n, name in enumerate(order, 1)}
    (tmp_path / "masks" / "mapping.json").write_text(json.dumps(mapping))
    found = Dataset.import_from(tmp_path / "masks", "nifti", volumes=str(tmp_path / "volumes"))
    labels = found.categories().labels
    got = {(i.subset, i.id): [labels[a.label].name for a in i.annotations] for i in found}
    assert got == {(name, "CT"): [f"Segment_{n}"] for n, name in enumerate(order, 1)}
    assert not found.opening_ledger.warnings


def test_mapping_without_volumes_leaves_no_trace(tmp_path):
    save(tmp_path / "axl_inference.nii", blocks(1))
    (tmp_path / "mapping.json").write_text('{"axl_inference.nii": "CT"}')
    (item,) = Dataset.import_from(tmp_path, "nifti")
    assert (item.id, set(item.attributes)) == ("CT", {"plane"})


@pytest.mark.parametrize("mapped", [False, True])
def test_annotations_in_a_further_folder(tmp_path, mapped):
    """As in an archive with a folder of its own at the top."""
    project(tmp_path, "axl_anatomic")
    (tmp_path / "masks").rename(tmp_path / "archive")
    (tmp_path / "masks").mkdir()
    (tmp_path / "archive").rename(tmp_path / "masks" / "archive")
    if mapped:
        mapping = {f"ds{n}/axl_inference.nii": f"ds{n}/axl_anatomic.nii" for n in (1, 2)}
        (tmp_path / "masks" / "archive" / "mapping.json").write_text(json.dumps(mapping))
    found = Dataset.import_from(tmp_path / "masks", "nifti", volumes=str(tmp_path / "volumes"))
    labels = found.categories().labels
    got = {(i.subset, i.id): [labels[a.label].name for a in i.annotations] for i in found}
    assert got == {
        ("ds1", "axl_anatomic"): ["Segment_1"],
        ("ds2", "axl_anatomic"): ["Segment_2"],
    }


def test_annotations_alone_are_written_by_plane(tmp_path):
    annotations_alone(tmp_path / "in")
    source = Dataset.import_from(tmp_path / "in", "nifti")
    source.export(tmp_path / "out", "nifti", structure="planes")
    assert read(tmp_path / "out") == read(tmp_path / "in")
