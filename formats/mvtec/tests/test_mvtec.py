"""Categories, masks and boxes, and what is written."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
from PIL import Image as PilImage

from dsk import Dataset
from dsk.annotations import Bbox, Label, Mask
from dsk.categories import Categories
from dsk.detect import detect as detect_all
from dsk.errors import InputError, RecordError
from dsk.files import open_root
from dsk.item import DatasetItem
from dsk.masks import from_dense
from dsk.media import Image
from dsk.rle import from_dense as rle_from_dense
from dsk.testing.samples import SmallParts
from dsk_mvtec.detect import detect
from dsk_mvtec.regions import boxes_of

if TYPE_CHECKING:
    from pathlib import Path

    from dsk.annotations import Annotation

DEFECT = np.zeros((6, 8), np.uint8)
DEFECT[1:3, 1:5] = 255
DEFECT[3, 5] = 255
DEFECT[5, 7] = 255
PIXELS = np.zeros((6, 8, 3), np.uint8)


def save(path: Path, pixels: np.ndarray = PIXELS) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    PilImage.fromarray(pixels).save(path)


def category(folder: Path, mask: np.ndarray = DEFECT) -> Path:
    save(folder / "train/good/000.png")
    save(folder / "test/good/000.PNG")
    save(folder / "test/crack/000.png")
    save(folder / "ground_truth/crack/000_mask.png", mask)
    (folder / "readme.txt").write_text("MVTec")
    return folder


def facts(path: Path, name: str) -> dict[tuple[str, str], list[str]]:
    dataset = Dataset.import_from(path, name)
    return {(i.subset, i.id): [a.kind for a in i.annotations] for i in dataset}


@pytest.mark.parametrize(
    ("name", "kinds"),
    [
        ("mvtec", ["label", "mask", "bbox", "bbox"]),
        ("mvtec_classification", ["label"]),
        ("mvtec_segmentation", ["mask"]),
        ("mvtec_detection", ["bbox", "bbox"]),
    ],
)
def test_tasks(tmp_path: Path, name: str, kinds: list[str]) -> None:
    assert facts(category(tmp_path), name) == {
        ("test", "crack/000"): kinds,
        ("test", "good/000"): ["label"],
        ("train", "good/000"): ["label"],
    }


def test_labels_are_of_all_subsets(tmp_path: Path) -> None:
    dataset = Dataset.import_from(category(tmp_path), "mvtec_classification")
    names = dataset.categories().names
    assert names == ["crack", "good"]
    assert all(names[i.annotations[0].label] == i.id.split("/")[0] for i in dataset)


def test_categories(tmp_path: Path) -> None:
    for name in ("bottle", "cable"):
        category(tmp_path / "mvtec" / name)
    ids = {item for _, item in facts(tmp_path, "mvtec")}
    assert ids == {f"{n}/{i}" for n in ("bottle", "cable") for i in ("good/000", "crack/000")}


def test_categories_of_one_name(tmp_path: Path) -> None:
    for name in ("old/bottle", "new/bottle"):
        category(tmp_path / name)
    ids = [item.id for item in Dataset.import_from(tmp_path, "mvtec") if item.subset == "train"]
    assert sorted(ids) == ["new/bottle/good/000", "old/bottle/good/000"]


@pytest.mark.parametrize(
    "places",
    [
        ("test/crack/001", "ground_truth/crack/000/000"),
        ("crack/000", "ground_truth/crack/000_mask"),
    ],
)
def test_relatives_are_not_taken_for_it(tmp_path: Path, places: tuple[str, str]) -> None:
    """Masks in a folder for each image, or within the subset."""
    image, mask = places
    save(tmp_path / f"{image}.png")
    save(tmp_path / f"{mask}.png", DEFECT)
    assert detect(open_root(tmp_path)) is None
    (warning,) = Dataset.import_from(tmp_path, "mvtec").opening_ledger.warnings
    assert warning == f"1 masks fit no image, such as {tmp_path / mask}.png"
    assert not Dataset.import_from(tmp_path, "mvtec_classification").opening_ledger.warnings


def test_folders_of_images_are_found(tmp_path: Path) -> None:
    save(tmp_path / "test/crack/left/000.png")
    save(tmp_path / "ground_truth/crack/left/000_mask.png", DEFECT)
    found = detect(open_root(category(tmp_path)))
    assert found is not None
    assert found.score == 80
    assert facts(tmp_path, "mvtec_segmentation")["test", "crack/left/000"] == ["mask"]


def test_boxes() -> None:
    counts = from_dense(DEFECT)
    assert boxes_of(counts, (6, 8)) == [(1, 1, 5, 3), (7, 5, 1, 1)]
    ring = np.ones((5, 5), bool)
    ring[1:4, 1:4] = False
    assert boxes_of(from_dense(ring), (5, 5)) == [(0, 0, 5, 5)]
    assert boxes_of(from_dense(np.zeros((2, 2), bool)), (2, 2)) == []


def test_mask_of_another_size(tmp_path: Path) -> None:
    folder = category(tmp_path, DEFECT[:3])
    with pytest.raises(RecordError, match="000_mask"):
        list(Dataset.import_from(folder, "mvtec"))
    dataset = Dataset.import_from(folder, "mvtec", on_error="skip")
    assert [a.kind for item in dataset for a in item.annotations] == ["label"] * 3


def test_no_dataset(tmp_path: Path) -> None:
    save(tmp_path / "a.png")
    with pytest.raises(InputError, match="ground_truth"):
        Dataset.import_from(tmp_path, "mvtec").categories()


def export(tmp_path: Path, annotations: list, item: str = "x", **options: object) -> tuple:
    items = [DatasetItem(item, "test", Image.from_array(PIXELS, "x.png"), annotations)]
    dataset = Dataset.from_iterable(items, Categories.from_names(["crack", "hole"]))
    report = dataset.export(tmp_path / "out", "mvtec", **options)
    found = tmp_path / "out/ground_truth/crack/x_mask.png"
    pixels = np.asarray(PilImage.open(found)) if found.is_file() else None
    return report, pixels


def test_masks_are_joined(tmp_path: Path) -> None:
    second = np.zeros((6, 8), bool)
    second[0, 0] = True
    masks = [Mask(rle_from_dense(pixels), label=0) for pixels in (DEFECT, second)]
    report, pixels = export(tmp_path, masks)
    assert pixels.tolist() == (((DEFECT > 0) | second) * 255).tolist()
    assert report.annotations["merged"] == 1
    assert (tmp_path / "out/test/crack/x.png").is_file()


def test_masks_of_another_size_are_dropped(tmp_path: Path) -> None:
    masks = [Mask(rle_from_dense(pixels), label=0) for pixels in (DEFECT[:3], DEFECT)]
    report, pixels = export(tmp_path, masks, "crack/x")
    assert pixels.tolist() == DEFECT.tolist()
    assert [e.count for e in report.events if e.code == "DSK-L018"] == [1]
    assert len(list(Dataset.import_from(tmp_path / "out", "mvtec_segmentation"))) == 1


def test_boxes_are_filled(tmp_path: Path) -> None:
    _, pixels = export(tmp_path, [Bbox(1, 2, 4, 2, label=0)], "crack/x")
    assert np.argwhere(pixels).min(axis=0).tolist() == [2, 1]
    assert np.argwhere(pixels).max(axis=0).tolist() == [3, 4]


def test_boxes_that_touch(tmp_path: Path) -> None:
    boxes = [Bbox(0, 0, 2, 2, label=0), Bbox(2, 0, 2, 2, label=0), Bbox(90, 9, 2, 2, label=0)]
    report, _ = export(tmp_path, boxes)
    assert (report.annotations["merged"], report.annotations["dropped"]) == (1, 1)


@pytest.mark.parametrize("jobs", [1, 2])
def test_masks_belong_to_images_of_one_subset(tmp_path: Path, jobs: int) -> None:
    def item(subset: str, ident: str, *annotations: Annotation) -> DatasetItem:
        pixels = Image.from_array(PIXELS, "x.png")
        return DatasetItem(ident, subset, pixels, list(annotations))

    items = [
        item("a", "crack/x", Label(label=0)),
        item("b", "crack/x", Bbox(1, 1, 3, 3, label=0)),
        item("c", "x", Bbox(4, 4, 2, 2, label=0)),
        item("c", "crack/x_c", Label(label=0)),
        item("a", "hole/x", Label(label=1)),
        item("b", "hole/x", Label(label=1)),
    ]
    dataset = Dataset.from_iterable(items, Categories.from_names(["crack", "hole"]))
    dataset = Dataset(SmallParts(list(dataset), dataset.header))
    report = dataset.export(tmp_path / "out", "mvtec", jobs=jobs)
    found = {
        (i.subset, i.id): [a.bbox for a in i.annotations if isinstance(a, Bbox)]
        for i in Dataset.import_from(tmp_path / "out", "mvtec")
    }
    assert found == {
        ("a", "crack/x_a"): [],
        ("b", "crack/x"): [(1, 1, 3, 3)],
        ("c", "crack/x_c_2"): [(4, 4, 2, 2)],
        ("c", "crack/x_c"): [],
        ("a", "hole/x"): [],
        ("b", "hole/x"): [],
    }
    told = {e.what: e.count for e in report.events if e.code == "DSK-L008"}
    assert told["item id, which another image has"] == 2
    forecast = dataset.export(tmp_path / "dry", "mvtec", jobs=jobs, dry_run=True)
    assert {(e.what, e.count) for e in forecast.events} == {
        (e.what, e.count) for e in report.events
    }


@pytest.mark.parametrize("name", ["mvtec", "mvtec_classification"])
def test_categories_without_masks_come_back(tmp_path: Path, name: str) -> None:
    category(tmp_path / "in/bottle")
    for place in ("train/good/000", "test/good/000"):
        save(tmp_path / f"in/cable/{place}.png")
    (tmp_path / "in/cable/ground_truth").mkdir()
    Dataset.import_from(tmp_path / "in", "mvtec").export(tmp_path / "out", name)
    found = Dataset.import_from(tmp_path / "out", "mvtec")
    assert {(i.subset, i.id) for i in found} == {
        ("train", "bottle/good/000"),
        ("test", "bottle/good/000"),
        ("test", "bottle/crack/000"),
        ("train", "cable/good/000"),
        ("test", "cable/good/000"),
    }
    assert found.categories().names == ["crack", "good"]


def test_images_of_one_name_and_several_endings(tmp_path: Path) -> None:
    items = [
        DatasetItem(name, "test", Image.from_array(PIXELS, f"x{ext}"), [Label(label=0)])
        for name, ext in (("x", ".png"), ("crack/x", ".bmp"))
    ]
    dataset = Dataset.from_iterable(items, ["crack"])
    report = dataset.export(tmp_path / "out", "mvtec")
    assert set(facts(tmp_path / "out", "mvtec")) == {("test", "crack/x"), ("test", "crack/x_test")}
    assert {e.what for e in report.events} == {
        "item id, which begins with its label now",
        "item id, which another image has",
    }


def test_categories_beside_images_of_none(tmp_path: Path) -> None:
    box = Bbox(1, 1, 3, 3, label=0)
    items = [
        DatasetItem(name, "test", Image.from_array(PIXELS, "x.png"), annotations)
        for name, annotations in (
            ("bottle/crack/1", [box]),
            ("crack/bottle/1", [box]),
            ("plain", []),
        )
    ]
    dataset = Dataset.from_iterable(items, ["crack"])
    report = dataset.export(tmp_path / "out", "mvtec")
    assert facts(tmp_path / "out", "mvtec_detection") == {
        ("test", "crack/bottle/1_2"): ["bbox"],
        ("test", "crack/bottle/1"): ["bbox"],
        ("test", "plain"): [],
    }
    assert [(e.code, e.what, e.count) for e in report.events] == [
        ("DSK-L008", "item id, which begins with its label now", 1)
    ]
    report = Dataset.from_iterable(items[:1], ["crack"]).export(tmp_path / "one", "mvtec")
    assert list(facts(tmp_path / "one", "mvtec")) == [("test", "crack/1")]
    assert [(e.code, e.count) for e in report.events] == [("DSK-L008", 1)]


def test_labels_become_names_of_folders(tmp_path: Path) -> None:
    names = ["a", "A", "a/b", "..", "a_b"]
    items = [
        DatasetItem(str(n), "test", Image.from_array(PIXELS, "x.png"), [Label(label=n)])
        for n in range(len(names))
    ]
    Dataset.from_iterable(items, Categories.from_names(names)).export(tmp_path / "out", "mvtec")
    assert sorted(path.name for path in (tmp_path / "out/test").iterdir()) == [
        "A_1",
        "a",
        "a_b",
        "a_b_4",
        "label_3",
    ]


def test_further_labels_are_dropped(tmp_path: Path) -> None:
    report, _ = export(tmp_path, [Label(label=0), Label(label=1), Label(label=0)])
    assert (report.annotations["merged"], report.annotations["dropped"]) == (1, 1)


def test_everything_comes_back(tmp_path: Path) -> None:
    given = Dataset.import_from(category(tmp_path / "in"), "mvtec")
    report = given.export(tmp_path / "out", "mvtec", save_dataset_meta=True)
    assert not report.losses
    assert facts(tmp_path / "out", "mvtec") == facts(tmp_path / "in", "mvtec")


def test_categories_come_back(tmp_path: Path) -> None:
    for name in ("bottle", "cable"):
        category(tmp_path / "in" / name)
    given = Dataset.import_from(tmp_path / "in", "mvtec")
    assert not given.export(tmp_path / "out", "mvtec").losses
    assert facts(tmp_path / "out", "mvtec") == facts(tmp_path / "in", "mvtec")


def test_labels_that_no_image_has(tmp_path: Path) -> None:
    shown = Image.from_array(PIXELS, "a.png")
    items = [
        DatasetItem("a", "test", shown, [Label(label=0)]),
        DatasetItem("b", "test", None, [Label(label=1)]),  # without an image it is not written
    ]
    dataset = Dataset.from_iterable(items, ["crack", "hole", "b/d"])
    report = dataset.export(tmp_path / "out", "mvtec", save_media=True)
    told = {(e.code, e.what): e.count for e in report.events}
    assert told["DSK-L010", "labels that no image has"] == 2
    report = dataset.export(tmp_path / "meta", "mvtec", save_media=True, save_dataset_meta=True)
    assert "labels that no image has" not in {e.what for e in report.events}
    read = Dataset.import_from(tmp_path / "meta", "mvtec")
    assert read.categories().names == ["crack", "hole", "b_d"]


CONFIG = """[
    {"defect_name": "missing_item", "pixel_value": 255, "relative_saturation": false},
    {"defect_name": "cut", "pixel_value": 9}
]"""


def loco(folder: Path) -> Path:
    """Make a category of MVTec LOCO: a mask for each defect, whose values say what it is."""
    save(folder / "train/good/000.png")
    save(folder / "validation/good/000.png")
    save(folder / "test/good/000.png")
    save(folder / "test/logical_anomalies/000.png")
    save(folder / "ground_truth/logical_anomalies/000/000.png", DEFECT)
    second = np.zeros((6, 8), np.uint8)
    second[0, :2] = 9
    save(folder / "ground_truth/logical_anomalies/000/001.png", second)
    (folder / "defects_config.json").write_text(CONFIG)
    return folder


def test_loco(tmp_path: Path) -> None:
    found = detect(open_root(loco(tmp_path)))
    assert found is not None
    assert found.score == 80
    dataset = Dataset.import_from(tmp_path, "mvtec_segmentation")
    assert not dataset.opening_ledger.warnings
    masks = dataset.get("logical_anomalies/000", "test").annotations
    assert [(a.kind, a.attributes["defect"]) for a in masks] == [
        ("mask", "missing_item"),
        ("mask", "cut"),
    ]
    assert [int(a.image.sum()) for a in masks] == [int((DEFECT > 0).sum()), 2]
    boxes = Dataset.import_from(tmp_path, "mvtec_detection").get("logical_anomalies/000", "test")
    assert [(a.bbox, a.attributes["defect"]) for a in boxes.annotations] == [
        ((1, 1, 5, 3), "missing_item"),
        ((7, 5, 1, 1), "missing_item"),
        ((0, 0, 2, 1), "cut"),
    ]
    report = dataset.export(tmp_path / "out", "mvtec", save_media=True)
    told = {(e.code, e.what): e.count for e in report.events}
    assert told["DSK-L014", "masks of one image"] == 1
    assert told["DSK-L004", "defect"] == 2


def test_masks_within_a_subset(tmp_path: Path) -> None:
    """MVTec AD 2 has them so; its other test sets have no labels."""
    for name in ("can", "rice"):
        home = tmp_path / name
        save(home / "train/good/000_regular.png")
        save(home / "validation/good/000_regular.png")
        save(home / "test_public/good/000_regular.png")
        save(home / "test_public/bad/000_regular.png")
        save(home / "test_public/ground_truth/bad/000_regular_mask.png", DEFECT)
        save(home / "test_private/000_regular.png")
    can = {
        ("test_private", "000_regular"): [],
        ("test_public", "bad/000_regular"): ["label", "mask", "bbox", "bbox"],
        ("test_public", "good/000_regular"): ["label"],
        ("train", "good/000_regular"): ["label"],
        ("validation", "good/000_regular"): ["label"],
    }
    dataset = Dataset.import_from(tmp_path / "can")
    assert dataset.format == "mvtec"
    assert facts(tmp_path / "can", "mvtec") == can
    both = facts(tmp_path, "mvtec")
    report = Dataset.import_from(tmp_path, "mvtec").export(tmp_path / "out", "mvtec")
    assert not report.losses
    assert facts(tmp_path / "out", "mvtec") == both
    assert both == {
        (s, f"{n}/{i}"): kinds for n in ("can", "rice") for (s, i), kinds in can.items()
    }
    (found,) = [c for c in detect_all(open_root(tmp_path)) if c.format == "mvtec"]
    assert (found.score, found.reason) == (
        80,
        "test_public/ground_truth beside test_public/bad with images",
    )


def test_masks_of_several_subsets_are_told(tmp_path: Path) -> None:
    save(category(tmp_path) / "train/crack/000.png")
    dataset = Dataset.import_from(tmp_path, "mvtec")
    (warning,) = dataset.opening_ledger.warnings
    assert warning.startswith("1 masks fit images of several subsets")
    assert warning.endswith("ground_truth/crack/000_mask.png")


def test_loco_with_a_damaged_list_of_defects(tmp_path: Path) -> None:
    (loco(tmp_path) / "defects_config.json").write_text('[{"defect_name": 1}]')
    with pytest.raises(InputError, match="no list of defects"):
        list(Dataset.import_from(tmp_path, "mvtec"))


def test_masks_without_a_defect(tmp_path: Path) -> None:
    """The image has no box, but still its label."""
    category(tmp_path, np.zeros((6, 8), np.uint8))
    for name, kinds in (("mvtec_detection", ["label"]), ("mvtec", ["label", "mask"])):
        assert facts(tmp_path, name)["test", "crack/000"] == kinds
