"""nnU-Net datasets: its own rules of integrity, labels numbered anew, regions, channels."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest

from dsk import Dataset
from dsk.annotations import Mask3d
from dsk.categories import Categories, LabelCategory
from dsk.detect import detect
from dsk.errors import InputError, OptionError
from dsk.files import open_root
from dsk.item import DatasetItem
from dsk.media import Volume

AFFINE = np.array([[-1.5, 0, 0, 7], [0, -1, 0, 5], [0, 0, 2, 0], [0, 0, 0, 1]])
SHAPE = (7, 6, 4)
BRATS = Categories(
    labels=(
        LabelCategory("NCR/NET", source_id=1),
        LabelCategory("ED", source_id=2),
        LabelCategory("ET", source_id=4),
    )
)


def seg(*values: int) -> np.ndarray:
    found = np.zeros(SHAPE, np.uint8)
    for n, value in enumerate(values):
        found[n : n + 2, 1:4, n % 4] = value
    return found


def case(name: str, subset: str = "train", channels: int = 2, values=(1, 2, 4)) -> DatasetItem:
    array = np.arange(168 * channels, dtype=np.int16).reshape(*SHAPE, channels)
    names = tuple(f"MR{n}" for n in range(channels))
    media = Volume(name, array, None, array.shape, tuple(AFFINE.ravel()), channels=names)
    labels = seg(*values)
    masks = [Mask3d(labels, v, label=(1, 2, 4).index(v)) for v in values]
    return DatasetItem(name, subset, media, masks)


def write(out: Path, *items: DatasetItem, categories=BRATS, **options):
    given = Dataset.from_iterable(list(items), categories)
    report = given.export(out, "nnunet", **options)
    (folder,) = out.glob("Dataset*")
    return report, folder, json.loads((folder / "dataset.json").read_text())


def verify(folder: Path) -> None:
    """The rules of nnU-Net's verify_dataset_integrity, as published."""
    found = json.loads((folder / "dataset.json").read_text())
    assert {"channel_names", "labels", "numTraining", "file_ending"} <= set(found)
    labels = found["labels"]
    assert labels["background"] == 0
    assert sorted(labels.values()) == list(range(len(labels)))
    if "ignore" in labels:
        assert labels["ignore"] == max(labels.values())
    ending = found["file_ending"]
    cases = sorted({f.name[: -len(ending) - 5] for f in (folder / "imagesTr").iterdir()})
    assert len(cases) == found["numTraining"]
    assert cases == sorted(f.name[: -len(ending)] for f in (folder / "labelsTr").iterdir())
    for name in cases:
        label = nib.load(folder / "labelsTr" / f"{name}{ending}")
        assert set(np.unique(np.asanyarray(label.dataobj))) <= set(labels.values())
        for channel in found["channel_names"]:
            image = nib.load(folder / "imagesTr" / f"{name}_{int(channel):04d}{ending}")
            assert image.shape == label.shape
            assert np.allclose(image.affine, label.affine)
            assert not np.isnan(np.asanyarray(image.dataobj)).any()


def test_its_own_verification_passes(tmp_path):
    report, folder, found = write(tmp_path, case("a"), case("b_0001"), case("c", "test"))
    verify(folder)
    assert found["labels"] == {"background": 0, "ED": 1, "NCR/NET": 2, "ET": 3}
    assert found["dsk_label_map"] == {"1": 2, "2": 1, "4": 3}
    assert found["channel_names"] == {"0": "MR0", "1": "MR1"}
    label = nib.load(folder / "labelsTr/b_0001.nii.gz")
    expected = np.array([0, 2, 1, 0, 3])[seg(1, 2, 4)]
    assert np.array_equal(np.asanyarray(label.dataobj), expected)
    assert label.get_data_dtype() == np.uint8
    assert (folder / "labelsTs/c.nii.gz").exists()
    assert not report.losses
    assert any("1→2" in e.what for e in report.events)


def test_nothing_changes_on_the_way_back(tmp_path):
    _, folder, _ = write(tmp_path / "a", case("b_0001"), case("x/y", "test"))
    back = Dataset.import_from(tmp_path / "a", "nnunet")
    items = {i.id: i for i in back}
    assert sorted(items) == ["b_0001", "x/y"]
    item = items["b_0001"]
    assert item.media.channels == ("MR0", "MR1")
    expected = np.arange(336, dtype=np.int16).reshape(*SHAPE, 2)
    assert np.array_equal(np.asarray(item.media.source), expected)
    assert item.media.affine == tuple(AFFINE.ravel())
    report = back.export(tmp_path / "b", "nnunet")
    assert not report.losses
    for file in folder.rglob("*.nii.gz"):
        other = tmp_path / "b" / file.relative_to(tmp_path / "a")
        assert other.read_bytes() == file.read_bytes()


def test_training_cases_without_masks(tmp_path):
    items = case("a"), case("b", values=())
    report, folder, _ = write(tmp_path / "empty", *items)
    verify(folder)
    assert any("all background" in text for text in report.warnings)
    _, folder, found = write(tmp_path / "test", *items, unlabeled="test")
    verify(folder)
    assert found["numTraining"] == 1
    assert (folder / "imagesTs/b_0000.nii.gz").exists()


def test_cases_with_other_channels_are_refused(tmp_path):
    with pytest.raises(InputError, match=r"b.*3 channels, a has 2"):
        write(tmp_path / "x", case("a"), case("b", channels=3))
    assert not (tmp_path / "x").exists()


def moved() -> DatasetItem:
    """A case whose masks lie 3 mm away."""
    item = case("a")
    affine = AFFINE.copy()
    affine[0, 3] += 3
    masks = [
        Mask3d(a.source, a.value, tuple(affine.ravel()), label=a.label) for a in item.annotations
    ]
    return item.replace(annotations=masks)


def test_masks_elsewhere_are_refused(tmp_path):
    with pytest.raises(InputError, match=r"spatial_mismatch: .* 3 mm .*use-volume-affine"):
        write(tmp_path, moved())
    assert not list(tmp_path.iterdir())


def test_masks_elsewhere_are_left_out_and_named(tmp_path):
    given = Dataset.from_iterable([moved()], BRATS)
    given.on_error = "skip"
    report = given.export(tmp_path, "nnunet")
    assert report.annotations["dropped"] == 3
    assert any("3 mm" in event.what for event in report.events)


@pytest.mark.parametrize("policy", ["warn", "use-volume-affine"])
def test_masks_elsewhere_may_be_taken_to_lie_on_the_volume(tmp_path, policy):
    report, folder, _ = write(tmp_path, moved(), spatial_mismatch=policy)
    assert any(
        "3 mm" in text and "the volume's affine is taken" in text for text in report.warnings
    )
    label = nib.load(folder / "labelsTr/a.nii.gz")
    assert np.array_equal(label.affine, AFFINE)
    assert set(np.unique(np.asanyarray(label.dataobj))) == {0, 1, 2, 3}


def test_overlapping_masks_are_reported(tmp_path):
    one, two = np.zeros(SHAPE, bool), np.zeros(SHAPE, bool)
    one[:3, 0, 0], two[2:5, 0, 0] = True, True
    masks = [Mask3d(one, label=0), Mask3d(two, label=1), Mask3d(~one & ~two, label=0)]
    report, _, _ = write(tmp_path, case("a").replace(annotations=masks))
    assert report.annotations["merged"] == 1
    assert report.annotations["changed"] == 1
    (told,) = [e for e in report.losses if e.code == "DSK-L006"]
    assert "overlaps=regions" in told.hint


def test_the_ignore_label_is_the_highest(tmp_path):
    names = Categories.from_names(["ignore", "a", "background"])
    masks = [Mask3d(seg(1), 1, label=0), Mask3d(seg(2), 2, label=1)]
    _, _, found = write(tmp_path, case("a").replace(annotations=masks), categories=names)
    assert found["labels"] == {"background": 0, "a": 1, "ignore": 2}


def test_names_and_numbers_of_options(tmp_path):
    _, folder, found = write(
        tmp_path,
        case("a"),
        dataset_id=7,
        name="My Set",
        channel_names=["CT", "PET"],
        file_ending=".nii",
    )
    assert folder.name == "Dataset007_MySet"
    assert found["channel_names"] == {"0": "CT", "1": "PET"}
    verify(folder)
    with pytest.raises(OptionError, match="1 names for 2"):
        write(tmp_path / "b", case("a"), channel_names=["CT"])
    with pytest.raises(OptionError, match="1 to 999"):
        write(tmp_path / "b", case("a"), dataset_id=0)


def change(folder: Path, **changes) -> None:
    path = folder / "dataset.json"
    found = {**json.loads(path.read_text()), **changes}
    path.write_text(json.dumps({k: v for k, v in found.items() if v is not None}))


def read(folder: Path, **options):
    return {item.id: item for item in Dataset.import_from(folder, "nnunet", **options)}


def test_regions_keep_their_values(tmp_path):
    _, folder, _ = write(tmp_path / "a", case("a"))
    regions = {"background": 0, "whole": [1, 2, 3], "core": [2, 3], "enhancing": 3}
    change(folder, labels=regions, regions_class_order=[1, 2, 3])
    back = Dataset.import_from(folder, "nnunet")
    names = [(x.name, x.source_id) for x in back.categories().labels]
    assert names == [("class_1", 1), ("class_2", 2), ("enhancing", 3)]
    back.export(tmp_path / "b", "nnunet")
    found = json.loads((tmp_path / "b/Dataset999_dsk/dataset.json").read_text())
    assert list(found["labels"].items()) == list(regions.items())
    assert found["regions_class_order"] == [1, 2, 3]


def test_version_1(tmp_path):
    _, folder, _ = write(tmp_path, case("a"))
    change(
        folder,
        channel_names=None,
        file_ending=None,
        modality={"0": "T1", "1": "T2"},
        labels={"0": "background", "1": "ED", "2": "NCR", "3": "ET"},
        training=[{"image": "./imagesTr/a.nii.gz", "label": "./labelsTr/a.nii.gz"}],
    )
    item = read(folder)["a"]
    assert item.media.channels == ("T1", "T2")
    assert [a.value for a in item.annotations] == [1, 2, 3]


def test_files_may_be_listed(tmp_path):
    _, folder, _ = write(tmp_path, case("a"))
    (folder / "imagesTr").rename(folder / "elsewhere")
    files = ["elsewhere/a_0000.nii.gz", "./elsewhere/a_0001.nii.gz"]
    change(folder, dataset={"x": {"images": files, "label": "labelsTr/a.nii.gz"}})
    assert len(read(folder)["x"].annotations) == 3


@pytest.mark.parametrize(
    "base", ["{folder}", "$SCANS/", "${{SCANS}}", "{linked}", "../{name}", "{folder}/labelsTr/.."]
)
def test_listed_files_have_paths_as_in_nnunet(tmp_path, monkeypatch, base):
    """Absolute ones and variables, as long as they lie in what the user gave."""
    _, folder, _ = write(tmp_path, case("a"))
    linked = tmp_path.with_name(f"{tmp_path.name}-link")
    linked.symlink_to(tmp_path)
    monkeypatch.setenv("SCANS", str(folder))
    base = base.format(folder=folder, linked=linked / folder.name, name=folder.name)
    files = [f"{base}/imagesTr/a_{n:04d}.nii.gz" for n in (0, 1)]
    change(folder, dataset={"x": {"images": files, "label": f"{base}/labelsTr/a.nii.gz"}})
    for given in (tmp_path, linked):
        item = read(given)["x"]
        assert [len(item.annotations), item.media.shape] == [3, (*SHAPE, 2)]


def test_listed_files_may_have_a_dollar_in_their_name(tmp_path):
    _, folder, _ = write(tmp_path, case("a"))
    (folder / "imagesTr").rename(folder / "$nothing")
    files = [f"$nothing/a_{n:04d}.nii.gz" for n in (0, 1)]
    change(folder, dataset={"x": {"images": files, "label": "labelsTr/a.nii.gz"}})
    assert len(read(folder)["x"].annotations) == 3


def test_a_link_out_of_the_input_is_refused(tmp_path):
    _, folder, _ = write(tmp_path / "in", case("a"))
    (tmp_path / "out.nii.gz").write_bytes((folder / "labelsTr/a.nii.gz").read_bytes())
    (folder / "x.nii.gz").symlink_to(tmp_path / "out.nii.gz")
    files = [f"{folder}/x.nii.gz", f"{folder}/x.nii.gz"]
    change(folder, dataset={"x": {"images": files, "label": "labelsTr/a.nii.gz"}})
    with pytest.raises(InputError, match="leads out of the dataset"):
        read(folder)


def test_absolute_paths_in_an_archive_are_refused(tmp_path):
    _, folder, _ = write(tmp_path / "in", case("a"))
    files = [f"{folder}/imagesTr/a_{n:04d}.nii.gz" for n in (0, 1)]
    change(folder, dataset={"x": {"images": files, "label": "labelsTr/a.nii.gz"}})
    archive = shutil.make_archive(str(tmp_path / "d"), "zip", tmp_path / "in")
    with pytest.raises(InputError, match="leads out of the input"):
        read(Path(archive))


@pytest.mark.parametrize(
    ("entry", "text"),
    [
        ({"images": ["../a.nii.gz", "b.nii.gz"], "label": ""}, "leads out"),
        ({"images": ["/etc/passwd", "b"], "label": ""}, "'/etc/passwd' leads out of the input"),
        ({"images": ["${ELSEWHERE}/passwd", "b"], "label": ""}, r"'\$\{ELSEWHERE\}/passwd' leads"),
        ({"images": ["$SECRET/a.nii.gz", "b"], "label": ""}, r"no file '\$SECRET/a.nii.gz'$"),
        ({"images": ["$NOWHERE/a.nii.gz", "b"], "label": ""}, r"\$NOWHERE, which is not set"),
        ({"images": ["a\0", "b"], "label": ""}, "no path"),
        ({"images": ["imagesTr/b_0000.nii.gz", "b"], "label": ""}, "no file 'imagesTr/b_0000"),
        ({"images": "a", "label": ""}, "expected"),
        ([1], "expected"),
        ({"images": [3, 4]}, "no path"),
    ],
)
def test_listed_files_that_are_elsewhere_are_refused(tmp_path, monkeypatch, entry, text):
    monkeypatch.setenv("ELSEWHERE", "/etc")
    monkeypatch.setenv("SECRET", "hunter2")
    monkeypatch.delenv("NOWHERE", raising=False)
    _, folder, _ = write(tmp_path, case("a"))
    change(folder, dataset={"x": entry})
    with pytest.raises(InputError, match=text):
        read(folder)


def test_a_missing_channel_is_refused(tmp_path):
    _, folder, _ = write(tmp_path, case("a"), case("b"))
    (folder / "imagesTr/a_0001.nii.gz").unlink()
    with pytest.raises(InputError, match=r"the case has the channels \[0\]"):
        read(folder)
    assert list(read(folder, on_error="skip")) == ["b"]


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[1]",
        "{",
        '{"labels": 3, "channel_names": {"0": "x"}}',
        '{"channel_names": 3, "labels": {}}',
    ],
)
def test_a_damaged_dataset_json_is_refused(tmp_path, text):
    _, folder, _ = write(tmp_path, case("a"))
    (folder / "dataset.json").write_text(text)
    with pytest.raises(InputError, match=r"dataset\.json"):
        read(folder)


@pytest.mark.parametrize(
    ("facts", "folder", "score"),
    [
        ({}, "labels", 30),
        ({}, "imagesTr", 92),
        ({}, "imagesTs", 92),
        ({"dataset": {"a": {"images": ["a_0000.nii.gz"], "label": "a.nii.gz"}}}, "labels", 92),
        ({"dataset": {}, "numTraining": 0}, "labels", 30),
    ],
)
def test_a_dataset_json_without_cases_is_hardly_proof(tmp_path, facts, folder, score):
    """The file lies in repositories whose annotations are of another format."""
    facts = {"channel_names": {"0": "CT"}, "labels": {"background": 0}} | facts
    (tmp_path / "dataset.json").write_text(json.dumps(facts))
    (tmp_path / folder).mkdir()
    (tmp_path / folder / "a_0000.nii.gz").touch()
    for place in (tmp_path, tmp_path / "dataset.json"):
        found = {f.format: f.score for f in detect(open_root(place))}
        assert found["nnunet"] == score


def test_training_cases_without_labels_are_told(tmp_path):
    write(tmp_path, case("a"), case("b"), case("c"))
    (folder,) = tmp_path.glob("**/labelsTr")
    (folder / "b.nii.gz").unlink()
    (folder.parent / "imagesTr" / "c_0001.nii.gz").unlink()
    dataset = Dataset.import_from(tmp_path, "nnunet", on_error="skip")
    assert [(item.id, bool(item.annotations)) for item in dataset] == [("a", True), ("b", False)]
    told = dataset.opening_ledger.warnings
    assert any("1 cases have no labels, the first is b" in text for text in told)
    assert not any("has no image" in text for text in told)
