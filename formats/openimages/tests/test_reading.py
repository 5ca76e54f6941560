"""Traps of the tables: layouts, order of rows, odd CSV, bad records."""

from __future__ import annotations

import io
import zipfile
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from PIL import Image as PilImage

from dsk import Dataset
from dsk.annotations import Bbox, Label, Mask
from dsk.errors import DskWarning, InputError, RecordError
from dsk.item import DatasetItem

if TYPE_CHECKING:
    from pathlib import Path

IMAGES = "ImageID,Subset,OriginalURL,Title,Rotation\n"
BOXES = (
    "ImageID,Source,LabelName,Confidence,XMin,XMax,YMin,YMax,"
    "IsOccluded,IsTruncated,IsGroupOf,IsDepiction,IsInside\n"
)
LABELS = "ImageID,Source,LabelName,Confidence\n"
MASKS = "MaskPath,ImageID,LabelName,BoxID,BoxXMin,BoxXMax,BoxYMin,BoxYMax,PredictedIoU,Clicks\n"
CLASSES = '/m/01,Cat\n/m/02,"Dog, big"\n'


def png(width: int, height: int, box: tuple[int, int, int, int] | None = None) -> bytes:
    pixels = np.zeros((height, width), np.uint8)
    if box is not None:
        x, y, w, h = box
        pixels[y : y + h, x : x + w] = 255
    buffer = io.BytesIO()
    PilImage.fromarray(pixels).save(buffer, "PNG")
    return buffer.getvalue()


def make(folder: Path, **files: str | bytes) -> Path:
    """Write files; ``__`` stands for a slash and the names get their endings from ``NAMES``."""
    for key, content in {"classes": CLASSES, **files}.items():
        path = folder / NAMES.get(key, key)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content.encode() if isinstance(content, str) else content)
    return folder


NAMES = {
    "classes": "annotations/class-descriptions.csv",
    "images": "annotations/image_ids_and_rotation.csv",
    "boxes": "annotations/train-annotations-bbox.csv",
    "labels": "annotations/train-annotations-human-imagelabels.csv",
    "masks": "annotations/train-annotations-object-segmentation.csv",
    "sizes": "annotations/images.meta",
}
SIZES = "a 100 200\nb 100 200\nc 10 20\n"


def read(folder: Path, **options: Any) -> dict[tuple[str, str], DatasetItem]:
    found = Dataset.import_from(folder, "open_images", **options)
    return {(item.subset, item.id): item for item in found}


def boxes(item: DatasetItem) -> list[tuple[float, ...]]:
    return [tuple(round(v, 6) for v in a.bbox) for a in item.annotations if isinstance(a, Bbox)]


def test_box_columns_are_xmin_xmax_ymin_ymax(tmp_path: Path) -> None:
    row = "a,xclick,/m/01,1,0.1,0.5,0.2,0.4,1,0,-1,-1,0\n"
    items = read(make(tmp_path, images=IMAGES + "a,train,,,\n", boxes=BOXES + row, sizes=SIZES))
    (box,) = items["train", "a"].annotations
    assert boxes(items["train", "a"]) == [(20, 20, 80, 20)]
    assert box.attributes == {
        "score": 1.0,
        "occluded": True,
        "truncated": False,
        "is_inside": False,
    }
    assert box.extra == {"open_images": {"source": "xclick"}}


def test_rows_of_an_image_may_lie_apart(tmp_path: Path) -> None:
    rows = "".join(f"{'abc'[n % 3]},,/m/01,1,0,{n / 100},0,1,-1,-1,-1,-1,-1\n" for n in range(30))
    items = read(make(tmp_path, boxes=BOXES + rows, sizes=SIZES))
    assert list(items) == [("train", "a"), ("train", "b"), ("train", "c")]
    widths = [w for _, _, w, _ in boxes(items["train", "b"])]
    assert widths == pytest.approx([2 * n for n in range(1, 30, 3)])


def test_columns_may_be_in_any_order_and_quoted(tmp_path: Path) -> None:
    text = (
        "\ufeffLabelName,XMax,XMin,YMax,YMin,Confidence,ImageID\r\n"
        '"/m/02",0.5,0.25,1,0,0.5,"a"\r\n\r\n/m/01,1,0,1,0,1,b\r\n'
    )
    items = read(make(tmp_path, boxes=text, sizes=SIZES))
    assert boxes(items["train", "a"]) == [(50, 0, 50, 100)]
    assert items["train", "a"].annotations[0].label == 1
    assert items["train", "a"].annotations[0].attributes == {"score": 0.5}
    assert boxes(items["train", "b"]) == [(0, 0, 200, 100)]


def test_the_last_line_may_lack_its_end(tmp_path: Path) -> None:
    rows = "b,,/m/01,1,0,1,0,1,0,0,0,0,0\na,,/m/01,1,0,1,0,1,0,0,0,0,0"
    items = read(make(tmp_path, boxes=BOXES + rows, sizes=SIZES))
    assert boxes(items["train", "a"]) == boxes(items["train", "b"])


def test_ids_are_never_numbers(tmp_path: Path) -> None:
    rows = "000002b66c9c498e,,/m/01,1\n0012,,/m/01,0\n1e3,,/m/02,1\n"
    items = read(make(tmp_path, labels=LABELS + rows))
    assert {item_id for _, item_id in items} == {"000002b66c9c498e", "0012", "1e3"}
    assert items["train", "0012"].annotations == [Label(label=0, attributes={"score": 0.0})]


def test_labels_from_several_sources_are_all_kept(tmp_path: Path) -> None:
    rows = "a,verification,/m/01,1\na,crowdsource-verification,/m/01,1\n"
    items = read(make(tmp_path, labels=LABELS + rows))
    assert len(items["train", "a"].annotations) == 2


@pytest.mark.parametrize(
    "name",
    [
        "train-images-with-rotation.csv",
        "train-images-boxable-with-rotation.csv",
        "oidv6-train-images-with-labels-with-rotation.csv",
        "annotations/train-image_ids_and_rotation.csv",
        "top/folder/annotations/train-images-with-rotation.csv",
    ],
)
def test_lists_by_any_official_name(tmp_path: Path, name: str) -> None:
    folder = tmp_path / "in"
    (folder / name).parent.mkdir(parents=True)
    (folder / name).write_text(IMAGES + 'a,train,u,"Ann, B",90\n')
    (item,) = Dataset.import_from(folder, "open_images")
    assert (item.id, item.subset) == ("a", "train")
    facts = {"OriginalURL": "u", "Title": "Ann, B", "Rotation": "90"}
    assert item.extra == {"open_images": facts}


@pytest.mark.parametrize("place", ["images/train/a.JPG", "images/train_0/a.jpg", "images/a.png"])
def test_images_are_found(tmp_path: Path, place: str) -> None:
    row = "a,,/m/01,1,0,1,0,1,0,0,0,0,0\n"
    files = {place: png(20, 10), "images": IMAGES + "a,train,,,\n", "boxes": BOXES + row}
    items = read(make(tmp_path, **files))
    assert boxes(items["train", "a"]) == [(0, 0, 20, 10)]


def test_files_of_v7_that_say_val_are_of_validation(tmp_path: Path) -> None:
    rows = LABELS + "a,,/m/01,1\n"
    files = {
        "annotations/oidv7-val-annotations-human-imagelabels.csv": rows + "b,,/m/02,1\n",
        "annotations/validation-annotations-human-imagelabels-boxable.csv": rows,
        "annotations/val-annotations-bbox.csv": BOXES,
        "images/validation/a.png": png(20, 10),
    }
    items = read(make(tmp_path, **files))
    assert {key: len(item.annotations) for key, item in items.items()} == {
        ("validation", "a"): 1,
        ("validation", "b"): 1,
    }


@pytest.mark.parametrize("top", ["images/", ""])
def test_official_parts_are_of_one_subset(tmp_path: Path, top: str) -> None:
    image = png(20, 10)
    files = {f"{top}{name}/{name}.png": image for name in ("train_0", "train_f", "test_1")}
    items = read(make(tmp_path, labels=LABELS + "train_0,,/m/01,1\n", **files))
    assert set(items) == {("train", "train_0"), ("train", "train_f"), ("test", "test_1")}
    assert all(item.media is not None and item.media.exists for item in items.values())


def test_a_subset_that_is_called_like_a_part(tmp_path: Path) -> None:
    image = png(20, 10)
    rows = LABELS + "a,,/m/01,1\n"
    name = "annotations/train_0-annotations-human-imagelabels.csv"
    files = {name: rows, "images/train_0/a.png": image, "images/train_0/b.png": image}
    assert set(read(make(tmp_path, **files))) == {("train_0", "a"), ("train_0", "b")}


def test_a_zip_is_read_like_a_folder(tmp_path: Path) -> None:
    make(tmp_path / "in", **{"labels": LABELS + "a,,/m/01,1\n", "images/train/a.png": png(4, 3)})
    with zipfile.ZipFile(tmp_path / "in.zip", "w") as archive:
        for path in (tmp_path / "in").rglob("*.*"):
            archive.write(path, f"oid/{path.relative_to(tmp_path / 'in')}")
    (item,) = Dataset.import_from(tmp_path / "in.zip", "open_images")
    assert item.media is not None
    assert item.media.exists


def test_only_items_whose_image_is_there(tmp_path: Path) -> None:
    rows = "a,,/m/01,1\nb,,/m/02,1\nc,,/m/01,1\n"
    make(tmp_path, **{"labels": LABELS + rows, "images/train/b.png": png(4, 3)})
    items = read(tmp_path, existing_only=True)
    assert list(items) == [("train", "b")]
    assert [a.label for a in items["train", "b"].annotations] == [1]


def test_masks_are_enlarged_and_grouped_with_their_box(tmp_path: Path) -> None:
    row = "a,,/m/01,1,0.25,0.5,0.2,0.6,0,0,0,0,0\na,,/m/02,1,0,1,0,1,0,0,0,0,0\n"
    mask = "m.png,a,/m/01,0000abcd,0.250000,0.500000,0.200000,0.600000,0.8,1 2 /m/01;\n"
    make(
        tmp_path,
        **{
            "boxes": BOXES + row,
            "masks": MASKS + mask,
            "masks/train/m.png": png(4, 5, (1, 1, 1, 2)),
            "sizes": "a 10 8\n",
        },
    )
    first, second, found = read(tmp_path)["train", "a"].annotations
    assert isinstance(found, Mask)
    assert found.image.shape == (10, 8)
    assert np.argwhere(found.image).min(axis=0).tolist() == [2, 2]
    assert found.image.sum() == 4 * 2
    assert found.attributes == {"box_id": "0000abcd", "predicted_iou": 0.8}
    assert first.group == found.group != 0
    assert second.group == 0


def test_without_sizes_boxes_are_left_out_with_a_warning(tmp_path: Path) -> None:
    make(tmp_path, boxes=BOXES + "a,,/m/01,1,0,1,0,1,0,0,0,0,0\n")
    with pytest.warns(DskWarning, match="size is not known"):
        items = read(tmp_path)
    assert items["train", "a"].annotations == ()


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ("a,,/m/01,1,0.5,0.1,0,1,0,0,0,0,0", "swapped"),
        ("a,,/m/01,1,nan,1,0,1,0,0,0,0,0", "not four numbers"),
        ("a,,/m/01,1,x,1,0,1,0,0,0,0,0", "not four numbers"),
        ("a,,/m/01,1,0,1,0,1,7,0,0,0,0", "IsOccluded"),
        ("a,,/m/01,high,0,1,0,1,0,0,0,0,0", "'high' is no number"),
        ("a,,/m/09,1,0,1,0,1,0,0,0,0,0", "/m/09"),
        ("a,,/m/01,1,0,1", "6 fields"),
        (",,/m/01,1,0,1,0,1,0,0,0,0,0", "ImageID"),
        ("../../a,,/m/01,1,0,1,0,1,0,0,0,0,0", "no name of an image"),
    ],
)
def test_bad_rows_are_named_and_only_they_are_skipped(
    tmp_path: Path, row: str, message: str
) -> None:
    good = "a,,/m/02,1,0,1,0,1,0,0,0,0,0\n"
    make(tmp_path, boxes=f"{BOXES}{good}{row}\n{good}", sizes=SIZES)
    with pytest.raises(RecordError, match=message) as caught:
        read(tmp_path)
    if "name of an image" not in message:
        assert "bbox.csv:3" in str(caught.value)
    dataset = Dataset.import_from(tmp_path, "open_images", on_error="skip")
    kept = [a for item in dataset for a in item.annotations]
    assert [a.label for a in kept] == [1, 1]


def test_an_id_listed_twice_is_an_error(tmp_path: Path) -> None:
    make(tmp_path, images=f"{IMAGES}a,train,,,\nb,train,,,\na,train,,,\n")
    with pytest.raises(RecordError, match="a is listed twice"):
        read(tmp_path)


@pytest.mark.parametrize("content", ["", "x,y\n1,2\n", "\x00\x01\n"])
def test_a_table_that_is_none(tmp_path: Path, content: str) -> None:
    make(tmp_path, boxes=content)
    with pytest.raises(InputError, match=r"train-annotations-bbox\.csv"):
        read(tmp_path)


def test_no_class_names(tmp_path: Path) -> None:
    folder = make(tmp_path, labels=LABELS + "a,,/m/07,1\nb,,/m/03,1\n")
    (folder / NAMES["classes"]).unlink()
    with pytest.raises(InputError, match=r"class-descriptions\.csv"):
        read(folder)
    dataset = Dataset.import_from(folder, "open_images", unknown_labels="add")
    assert dataset.categories().names == ["/m/07", "/m/03"]


def test_display_names(tmp_path: Path) -> None:
    make(tmp_path, labels=LABELS + "a,,/m/02,1\n")
    dataset = Dataset.import_from(tmp_path, "open_images", use_display_names=True)
    assert dataset.categories().names == ["Cat", "Dog, big"]
    dataset.export(tmp_path / "out", "open_images")
    text = (tmp_path / "out" / NAMES["classes"]).read_text()
    assert text == CLASSES


def test_the_hierarchy_gives_parents(tmp_path: Path) -> None:
    tree = (
        '{"LabelName": "/m/0bl9f", "Subcategory": [{"LabelName": "/m/01", '
        '"Subcategory": [{"LabelName": "/m/02"}], "Part": [{"LabelName": "/m/01"}]}]}'
    )
    make(
        tmp_path,
        **{"labels": LABELS, "annotations/bbox_labels_600_hierarchy.json": tree},
    )
    labels = Dataset.import_from(tmp_path, "open_images").categories().labels
    assert [label.parent for label in labels] == ["", "/m/01"]


def test_one_table_may_be_given(tmp_path: Path) -> None:
    make(tmp_path, labels=LABELS + "a,,/m/01,1\n", boxes=BOXES, sizes=SIZES)
    (item,) = Dataset.import_from(tmp_path / NAMES["labels"], "open_images")
    assert [type(a) for a in item.annotations] == [Label]


def test_equal_ids_in_several_subsets_stay_apart(tmp_path: Path) -> None:
    from dsk.media import Image

    items = [
        DatasetItem("a", name, Image("a.png", None, None, size), [Bbox(0, 0, 2, 2, label=0)])
        for name, size in (("train", (10, 20)), ("val", (30, 40)))
    ]
    Dataset.from_iterable(items, categories=["x"]).export(tmp_path / "out", "open_images")
    found = read(tmp_path / "out")
    assert boxes(found["train", "a"]) == boxes(found["val", "a"]) == [(0, 0, 2, 2)]


def test_what_tables_say_comes_back(tmp_path: Path) -> None:
    row = "a,xclick,/m/01,0.5,0,1,0,1,1,-1,0,-1,0\n"
    make(tmp_path / "in", images=IMAGES + 'a,train,u,"x, y",90\n', boxes=BOXES + row, sizes=SIZES)
    first = read(tmp_path / "in")
    report = Dataset.import_from(tmp_path / "in", "open_images").export(
        tmp_path / "out", "open_images"
    )
    assert not report.losses
    assert read(tmp_path / "out") == first


def test_mask_paths_stay_in_their_folder(tmp_path: Path) -> None:
    mask = "../m.png,a,/m/01,0000abcd,,,,,,\n"
    make(tmp_path, **{"masks": MASKS + mask, "masks/m.png": png(4, 5), "sizes": "a 5 4\n"})
    with pytest.raises(RecordError, match="no file name"):
        read(tmp_path)


@pytest.mark.parametrize("ending", ["", ".png"])
def test_a_table_of_boxes_alone(tmp_path: Path, ending: str) -> None:
    """As tools write it: names of classes for LabelNames, and perhaps of files for ids."""
    rows = f"a{ending},,person,,0.25,0.75,0,1,,,,,\nb{ending},,dog,,0,1,0,0.5,,,,,\n"
    (tmp_path / "gts").mkdir()
    (tmp_path / "gts/all_bounding_boxes.csv").write_text(BOXES + rows)
    (tmp_path / "images").mkdir()
    (tmp_path / "images/a.png").write_bytes(png(8, 4))
    dataset = Dataset.import_from(tmp_path)
    assert dataset.format == "open_images"
    assert dataset.categories().names == ["person", "dog"]
    with pytest.warns(DskWarning, match="size is not known"):
        first, second = dataset
    assert (first.id, first.subset, second.id) == (f"a{ending}", "default", f"b{ending}")
    assert first.annotations == [Bbox(2.0, 0.0, 4.0, 4.0, label=0)]
    assert first.media.get_size() == (4, 8)
    assert not second.annotations
    assert Dataset.import_from(tmp_path / "gts/all_bounding_boxes.csv").format == "open_images"


def test_numbers_with_a_decimal_comma(tmp_path: Path) -> None:
    row = 'a,,/m/01,,"0,25","0,75",0,1,,,,,\n'
    (item,) = Dataset.import_from(make(tmp_path, boxes=BOXES + row, sizes="a 4 8\n"))
    assert item.annotations == [Bbox(2.0, 0.0, 4.0, 4.0, label=0)]
