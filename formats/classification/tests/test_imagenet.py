"""Folders of images: layouts, traps and what is lost."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import numpy as np
import pytest

from dsk import Dataset
from dsk.annotations import Label
from dsk.categories import Categories
from dsk.errors import DskWarning, InputError, OutputError
from dsk.files import open_root
from dsk.item import DatasetItem
from dsk.media import Image
from dsk.pixels import encode
from dsk_classification.detect import detect_imagenet, detect_imagenet_subsets

if TYPE_CHECKING:
    from pathlib import Path

PNG = encode(np.zeros((2, 3, 3), np.uint8), ".png")


def touch(root: Path, *names: str) -> Path:
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(PNG)
    return root


def found(root: Path, name: str = "imagenet", **options: object) -> dict[tuple[str, str], list]:
    dataset = Dataset.import_from(root, name, **options)
    names = dataset.categories().names
    return {(i.subset, i.id): [names[a.label] for a in i.annotations] for i in dataset}


def test_labels_are_folders_and_nothing_else(tmp_path: Path) -> None:
    touch(
        tmp_path, "cat/1.JPEG", "dog/2.png", "no_label/3.png", "4.png", ".ipynb_checkpoints/5.png"
    )
    (tmp_path / "empty").mkdir()
    (tmp_path / "readme.txt").write_text("hello")
    (tmp_path / "cat" / "notes.txt").write_text("hello")
    assert found(tmp_path) == {
        ("default", "cat/1"): ["cat"],
        ("default", "dog/2"): ["dog"],
        ("default", "no_label/3"): [],
        ("default", "4"): [],
    }
    assert Dataset.import_from(tmp_path, "imagenet").categories().names == ["cat", "dog", "empty"]


def test_ids_of_datumaro(tmp_path: Path) -> None:
    """Its exports name the same files for them."""
    names = ["animal/cat/1.png", "animal/2.png", "3.png"]
    touch(tmp_path / "train", *names)
    want = {"animal/cat:1": ["animal/cat"], "animal:2": ["animal"], "no_label:3": []}
    assert found(tmp_path / "train", ids="datumaro") == {("default", k): v for k, v in want.items()}
    dataset = Dataset.import_from(tmp_path, "imagenet_with_subset_dirs", ids="datumaro")
    assert {(i.subset, i.id) for i in dataset} == {("train", item) for item in want}
    assert sorted(i.media.path for i in dataset) == sorted(names)
    dataset.export(tmp_path / "out", "imagenet_with_subset_dirs")
    again = touch(tmp_path / "again/train", *names[:2], "no_label/3.png")
    assert found(tmp_path / "out/train") == found(again)


def test_nested_folders_are_labels_with_parents(tmp_path: Path) -> None:
    touch(tmp_path, "animal/cat/1.png", "animal/2.png")
    categories = Dataset.import_from(tmp_path, "imagenet").categories()
    assert [(c.name, c.parent) for c in categories.labels] == [
        ("animal", ""),
        ("animal/cat", "animal"),
    ]
    assert found(tmp_path)["default", "animal/cat/1"] == ["animal/cat"]


def test_images_of_one_name_but_for_the_ending(tmp_path: Path) -> None:
    dataset = Dataset.import_from(touch(tmp_path, "cat/1.jpg", "cat/1.png"), "imagenet")
    assert [item.media.path for item in dataset] == ["cat/1.jpg"]
    assert any("cat/1.png" in text for text in dataset.opening_ledger.warnings)


@pytest.mark.parametrize("top", ["", "imagenette/"])
def test_subsets(tmp_path: Path, top: str) -> None:
    touch(tmp_path, f"{top}train/cat/1.png", f"{top}val/cat/1.png", f"{top}val/dog/2.png")
    assert found(tmp_path, "imagenet_with_subset_dirs") == {
        ("train", "cat/1"): ["cat"],
        ("val", "cat/1"): ["cat"],
        ("val", "dog/2"): ["dog"],
    }
    assert Dataset.import_from(tmp_path).format == "imagenet_with_subset_dirs"


def test_official_folders(tmp_path: Path) -> None:
    touch(tmp_path, "ILSVRC2012_img_train/n01440764/a.JPEG", "ILSVRC2012_img_val/v.JPEG")
    assert found(tmp_path, "imagenet_with_subset_dirs") == {
        ("ILSVRC2012_img_train", "n01440764/a"): ["n01440764"],
        ("ILSVRC2012_img_val", "v"): [],
    }


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        (
            ["ILSVRC2012_img_train/n01440764/a.JPEG", "ILSVRC2012_img_val/v.JPEG"],
            "imagenet_with_subset_dirs",
        ),
        (
            ["CLS-LOC/train/n01440764/a.JPEG", "CLS-LOC/val/v.JPEG", "CLS-LOC/test/t.JPEG"],
            "imagenet_with_subset_dirs",
        ),
        (["train/cat/a.jpg", "train/README.md", "val/cat/b.jpg"], "imagenet_with_subset_dirs"),
        (["daisy/1.jpg", "roses/2.jpg", "LICENSE.txt"], "imagenet"),
        (["daisy/1.jpg", "Readme", "CITATION.cff", "paper.pdf", "index.html"], "imagenet"),
    ],
)
def test_detected_with_flat_subsets_and_prose(
    tmp_path: Path, names: list[str], expected: str
) -> None:
    assert Dataset.import_from(touch(tmp_path, *names)).format == expected


@pytest.mark.parametrize(
    "names",
    [
        ["train/a.jpg", "val/b.jpg"],
        ["cat/a.jpg", "licensed.csv"],
        ["Train/Rural/images_png/1.png", "Train/Rural/masks_png/1.png"],  # LoveDA
        ["train/pre-event/1.png", "train/post-event/1.png", "train/target/1.png"],  # BRIGHT
        ["training/image_2/um_000000.png", "training/gt_image_2/um_road_000000.png"],  # KITTI road
        ["imagesTr/1.png", "labelsTr/1.png"],
        ["scenes/LABELS_v2/1.png"],
    ],
)
def test_not_detected(tmp_path: Path, names: list[str]) -> None:
    root = open_root(touch(tmp_path, *names))
    assert detect_imagenet(root) is None
    assert detect_imagenet_subsets(root) is None


@pytest.mark.parametrize(
    "names", [["mmdet/.keep"], ["cat/.keep", "dog/.keep"], ["mmdet/models/retinanet/config.py"]]
)
def test_folders_without_images_are_no_labels(tmp_path: Path, names: list[str]) -> None:
    root = touch(tmp_path, *names)
    (root / "readme.md").touch()
    assert detect_imagenet(open_root(root)) is None
    touch(root, "train/cat/.keep")
    assert detect_imagenet_subsets(open_root(root / "train")) is None


@pytest.mark.parametrize(
    "names", [["animal/cat/1.png"], ["mask/1.png", "no_mask/2.png"], ["a/b/c/1.png", "empty/.keep"]]
)
def test_labels_may_be_nested_or_empty(tmp_path: Path, names: list[str]) -> None:
    assert detect_imagenet(open_root(touch(tmp_path, *names))) is not None


def test_the_order_of_labels_is_kept_by_dataset_meta(tmp_path: Path) -> None:
    items = [DatasetItem("x", media=Image.from_bytes(PNG, "x.png"), annotations=[Label(label=0)])]
    dataset = Dataset.from_iterable(items, ["zebra", "ant"])
    dataset.export(tmp_path / "out", "imagenet", save_dataset_meta=True)
    back = Dataset.import_from(tmp_path / "out", "imagenet")
    assert back.categories().names == ["zebra", "ant"]
    assert back.format == Dataset.import_from(tmp_path / "out").format


def test_ids_that_name_their_label(tmp_path: Path) -> None:
    """As dsk's importer names them, and as Datumaro's does."""
    items = [
        DatasetItem(name, media=Image.from_bytes(PNG, "x.png"), annotations=[Label(label=0)])
        for name in ("cat/1", "cat:2", "x/3")
    ]
    Dataset.from_iterable(items, ["cat"]).export(tmp_path / "out", "imagenet")
    files = sorted(p.name for p in (tmp_path / "out" / "cat").iterdir())
    assert files == ["1.png", "2.png", "x_3.png"]


def test_several_labels_are_several_images(tmp_path: Path) -> None:
    media = Image.from_bytes(PNG, "x.png")
    items = [DatasetItem("x", media=media, annotations=[Label(label=0), Label(label=1)])]
    report = Dataset.from_iterable(items, ["cat", "dog"]).export(tmp_path / "out", "imagenet")
    assert set(found(tmp_path / "out")) == {("default", "cat/x"), ("default", "dog/x")}
    assert report.annotations["out"] == 2
    assert [e.code for e in report.losses] == ["DSK-L008"]


@pytest.mark.parametrize("meta", [False, True])
@pytest.mark.parametrize(
    ("name", "new"),
    [
        ("", "_"),
        ("..", "_."),
        (".hidden", "_hidden"),
        ("/abs", "_abs"),
        ("a/../b", "a/_./b"),
        ("a//b", "a/_b"),
        ("c:/d", "c_/d"),
        ("a\\b", "a_b"),
        ("a\0", "a_"),
        ("\ud800", "_"),
    ],
)
def test_labels_that_are_no_folders(tmp_path: Path, name: str, new: str, *, meta: bool) -> None:
    items = [DatasetItem("x", media=Image.from_bytes(PNG, "x.png"), annotations=[Label(label=0)])]
    dataset = Dataset.from_iterable(items, Categories.from_names([name]))
    report = dataset.export(tmp_path / "out", "imagenet", save_dataset_meta=meta)
    said = [e.what for e in report.losses if "becomes" in e.what]
    assert said == [f"label name {name!r} becomes {new!r}"]
    (item,) = back = Dataset.import_from(tmp_path / "out", "imagenet")
    (label,) = item.annotations
    assert back.categories().names[label.label or 0] == new


def test_no_images(tmp_path: Path) -> None:
    (tmp_path / "cat").mkdir()
    with pytest.raises(InputError, match="no images"):
        Dataset.import_from(tmp_path, "imagenet")


@pytest.mark.parametrize("name", ["imagenet", "imagenet_with_subset_dirs"])
def test_labels_without_images_have_no_folders(tmp_path: Path, name: str) -> None:
    items = [
        DatasetItem("1", "train", Image.from_bytes(PNG, "1.png"), [Label(label=1)]),
        DatasetItem("2", "val", Image.from_bytes(PNG, "2.png"), [Label(label=2)]),
    ]
    dataset = Dataset.from_iterable(items, categories=["animal", "animal/cat", "dog", "fox"])
    report = dataset.export(tmp_path / "out", name, save_media=True)
    folders = {path.relative_to(tmp_path / "out") for path in (tmp_path / "out").rglob("*")}
    assert not [folder for folder in folders if folder.name == "fox"]
    events = {event.what: event.count for event in report.events}
    assert events["label without images"] == 1
    back = Dataset.import_from(tmp_path / "out", name)
    assert back.categories().names == ["animal", "animal/cat", "dog"]

    report = dataset.export(tmp_path / "meta", name, save_media=True, save_dataset_meta=True)
    assert "label without images" not in {event.what for event in report.events}
    back = Dataset.import_from(tmp_path / "meta", name)
    assert back.categories().names == ["animal", "animal/cat", "dog", "fox"]


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("imagenet", "-f imagenet_with_subset_dirs"),
        ("imagenet_txt", r"-t 'rename regex=\|\^\|{item.subset}/\|'"),
    ],
)
def test_equal_ids_in_several_subsets(tmp_path: Path, name: str, hint: str) -> None:
    items = [
        DatasetItem("0", subset, Image.from_bytes(PNG, "0.png"), [Label(label=0)])
        for subset in ("train", "test")
    ]
    dataset = Dataset.from_iterable(items, ["cat"])
    with pytest.raises(OutputError, match="two items want the same file") as caught:
        dataset.export(tmp_path / "out", name, save_media=True)
    assert re.search(hint, caught.value.hint)
    dataset.export(tmp_path / "subsets", "imagenet_with_subset_dirs")
    assert len(list((tmp_path / "subsets").glob("*/cat/0.png"))) == 2


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        (
            ["training_set/training_set/cats/1.jpg", "test_set/test_set/dogs/2.jpg"],
            {("training_set", "cats/1"): ["cats"], ("test_set", "dogs/2"): ["dogs"]},
        ),
        (
            ["seg_train/sea/1.jpg", "seg_test/sea/2.jpg", "seg_pred/seg_pred/3.jpg"],
            {
                ("seg_train", "sea/1"): ["sea"],
                ("seg_test", "sea/2"): ["sea"],
                ("seg_pred", "3"): [],
            },
        ),
        (
            ["train/a/1.jpg", "dev/a/2.jpg", "test-many/3.jpg"],
            {("train", "a/1"): ["a"], ("dev", "a/2"): ["a"], ("test-many", "3"): []},
        ),
        (
            ["all/train/a/1.jpg", "all/val/a/2.jpg", "all/extra/a/3.jpg"],
            {("train", "a/1"): ["a"], ("val", "a/2"): ["a"], ("extra", "a/3"): ["a"]},
        ),
    ],
)
def test_subsets_by_their_words(
    tmp_path: Path, names: list[str], expected: dict[tuple[str, str], list[str]]
) -> None:
    dataset = Dataset.import_from(touch(tmp_path, *names))
    assert dataset.format == "imagenet_with_subset_dirs"
    assert found(tmp_path, "imagenet_with_subset_dirs") == expected


@pytest.mark.parametrize(
    "names", [["bus/1.jpg", "train/2.jpg"], ["trainer/1.jpg", "boot/2.jpg"], ["toy_train/1.jpg"]]
)
def test_labels_that_sound_like_subsets(tmp_path: Path, names: list[str]) -> None:
    assert Dataset.import_from(touch(tmp_path, *names)).format == "imagenet"


@pytest.mark.parametrize("top", ["101_ObjectCategories", "Land Use/Images"])
def test_a_folder_around_the_labels(tmp_path: Path, top: str) -> None:
    """Archives have one; where one label is all there is, it is the label."""
    touch(tmp_path, f"{top}/ant/1.jpg", f"{top}/bee/2.jpg", "readme.txt")
    dataset = Dataset.import_from(tmp_path)
    assert dataset.categories().names == ["ant", "bee"]
    assert [item.id for item in dataset] == ["ant/1", "bee/2"]
    assert all(item.media.exists for item in dataset)
    assert Dataset.import_from(tmp_path, "imagenet").categories().names[-1] == f"{top}/bee"
    alone = Dataset.import_from(touch(tmp_path / "one", "bird/owl/1.jpg"))
    assert alone.categories().names == ["bird", "bird/owl"]


@pytest.mark.parametrize(
    "names",
    [
        ["train/Apple/1.jpg", "train/Apple/Label/1.txt"],
        ["img_dir/train/1.jpg", "ann_dir/train/1.png"],
        ["train/label/1.png", "train/A/1.png"],
        ["sea_images/1.jpg", "sea_masks/1.png"],
        ["Training_Input/1.jpg", "Training_GroundTruth/1_segmentation.png"],
    ],
)
def test_folders_with_annotations_are_no_labels(tmp_path: Path, names: list[str]) -> None:
    root = open_root(touch(tmp_path, *names))
    assert detect_imagenet(root) is None
    assert detect_imagenet_subsets(root) is None


def test_a_label_of_one_letter_makes_no_drive_letter(tmp_path: Path) -> None:
    touch(tmp_path, "a/1.png", "cat/2.png", "a/b/3.png")
    with pytest.warns(DskWarning, match="called a/name"):
        assert found(tmp_path, ids="datumaro") == {
            ("default", "a/1"): ["a"],
            ("default", "a/b:3"): ["a/b"],
            ("default", "cat:2"): ["cat"],
        }
    dataset = Dataset.import_from(tmp_path, "imagenet", ids="datumaro")
    dataset.export(tmp_path.parent / "o", "imagenet_txt")
    assert {item.id for item in Dataset.import_from(tmp_path.parent / "o")} == {
        "a/1",
        "a/b:3",
        "cat:2",
    }


@pytest.mark.parametrize("file", ["words.txt", "LOC_synset_mapping.txt", "wnids.txt"])
def test_words_for_the_labels_lie_beside_them(tmp_path: Path, file: str) -> None:
    touch(tmp_path, "n01440764/1.png", "n01443537/2.png")
    (tmp_path / file).write_text("n01440764\ttench, Tinca tinca\n")
    assert detect_imagenet(open_root(tmp_path)) is not None


def test_the_devkit_beside_the_subsets_is_none(tmp_path: Path) -> None:
    touch(tmp_path, "ILSVRC2012_img_train/n01440764/1.png", "ILSVRC2012_img_val/2.png")
    devkit = tmp_path / "ILSVRC2012_devkit_t12" / "data"
    devkit.mkdir(parents=True)
    (devkit / "ILSVRC2012_validation_ground_truth.txt").write_text("490\n")
    dataset = Dataset.import_from(tmp_path)
    assert {(i.subset, i.id) for i in dataset} == {
        ("ILSVRC2012_img_train", "n01440764/1"),
        ("ILSVRC2012_img_val", "2"),
    }
    assert dataset.categories().names == ["n01440764"]


def test_images_beside_the_subsets_are_told(tmp_path: Path) -> None:
    touch(tmp_path, "train/cat/1.png", "val/cat/2.png", "3.png")
    with pytest.warns(DskWarning, match=r"beside the subsets' folders are not read: 1,"):
        assert len(found(tmp_path, "imagenet_with_subset_dirs")) == 2
