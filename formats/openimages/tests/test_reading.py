"""Traps of the tables: layouts, order of rows, odd CSV, bad records."""

from __future__ import annotations

import io
import json
import shlex
import zipfile
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from PIL import Image as PilImage

from dsk import Dataset
from dsk.annotations import Bbox, Label, Mask
from dsk.errors import DskWarning, InputError, RecordError
from dsk.files import DirectoryRoot
from dsk.item import DatasetItem
from dsk.loss import Ledger
from dsk.media import Image
from dsk.rle import from_dense

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


def hierarchy(*names: str) -> str:
    """Return a tree of classes, each the parent of the next."""
    node: dict[str, Any] = {"LabelName": names[-1]}
    for name in reversed(names[:-1]):
        node = {"LabelName": name, "Subcategory": [node]}
    return json.dumps(node)


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


@pytest.mark.parametrize("quote", ["", '"'])
def test_long_ids(tmp_path: Path, quote: str) -> None:
    """One of them among many short ones costs no memory for each of these."""
    ids = ["a", "x" * 64, "y" * 65, "d/" + "é" * 100, "z" * 1000, "b,1" if quote else "b"]
    written = [f"{quote}{name}{quote}" for name in ids]
    images = [f"{name},{'train' if n % 2 else 'val'},u{n},,0\n" for n, name in enumerate(written)]
    rows = [f"{name},,/m/0{n % 2 + 1},1\n" for n, name in enumerate(written)]
    make(tmp_path, images=IMAGES + "".join(images), labels=LABELS + "".join(rows + rows))
    items = read(tmp_path)
    assert [(item.id, item.subset) for item in items.values()] == [
        (name, "train" if n % 2 else "val") for n, name in enumerate(ids)
    ]
    assert [[a.label for a in item.annotations] for item in items.values()] == [[0, 0], [1, 1]] * 3
    own = [item.extra["open_images"]["OriginalURL"] for item in items.values() if item.extra]
    assert own == [f"u{n}" for n in range(6)]
    sizes = "".join(f'"{name}" 10 20\n' for name in ids)
    make(tmp_path, **{"sizes": sizes, f"images/val/{ids[2]}.png": png(20, 10)})
    found = read(tmp_path)
    assert all(item.media.size == (10, 20) for item in found.values() if item.media)
    assert found["val", ids[2]].media.exists
    index = Dataset.import_from(tmp_path, "open_images").source._items
    assert index.ids.dtype.itemsize == 64


def test_an_id_that_is_too_long(tmp_path: Path) -> None:
    make(tmp_path, labels=LABELS + "a,,/m/01,1\n" + "z" * 1025 + ",,/m/01,1\n")
    with pytest.raises(RecordError, match="without a usable ImageID"):
        read(tmp_path)


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


@pytest.mark.parametrize(
    "place",
    [
        "images/train/a.JPG",
        "images/train_0/a.jpg",
        "images/train_07/a.jpg",
        "images/a.png",
        "train_07/a.jpg",
        "Train/a.jpg",
        "Dataset/train/Cat/a.jpg",
        "OpenImages/train/a.jpg",
        "data/a.jpg",
    ],
)
def test_images_are_found(tmp_path: Path, place: str) -> None:
    row = "a,,/m/01,1,0,1,0,1,0,0,0,0,0\n"
    files = {place: png(20, 10), "images": IMAGES + "a,train,,,\n", "boxes": BOXES + row}
    items = read(make(tmp_path, **files))
    assert boxes(items["train", "a"]) == [(0, 0, 20, 10)]
    (tmp_path / NAMES["images"]).unlink()
    assert set(read(tmp_path)) == {("train", "a")}


def test_tables_of_the_challenge(tmp_path: Path) -> None:
    """They have fewer columns and other names."""
    row = "a,/m/01,0,1,0,1,1\n"
    head = "ImageID,LabelName,XMin,XMax,YMin,YMax,IsGroupOf\n"
    tree = hierarchy("/m/0", "/m/01", "/m/02")
    names = {
        "detection-bbox": head + row,
        "segmentation-bbox": head + row,
        "detection-human-imagelabels": "ImageID,LabelName,Confidence\na,/m/02,1\n",
        "segmentation-masks": MASKS + "m.png,a,/m/01,0000abcd,0,1,0,1,,\n",
    }
    files = {f"csv/challenge-2019-train-{name}.csv": text for name, text in names.items()}
    files |= {
        "csv/challenge-2019-classes-description-500.csv": CLASSES,
        "csv/challenge-2019-label500-hierarchy.json": tree,
        "csv/validation-detection-bbox.csv": head + row.replace("a", "b"),
        "train/a.png": png(20, 10),
        "validation/b.png": png(20, 10),
        "challenge-2019-train-masks-0/m.png": png(4, 5, (1, 1, 1, 2)),
    }
    make(tmp_path, **files)
    (tmp_path / NAMES["classes"]).unlink()
    dataset = Dataset.import_from(tmp_path)
    assert [label.parent for label in dataset.categories().labels] == ["", "/m/01"]
    items = {(item.subset, item.id): item.annotations for item in dataset}
    assert [type(a) for a in items["train", "a"]] == [Label, Bbox, Mask]
    assert items["train", "a"][1].attributes == {"is_group_of": True}
    assert [type(a) for a in items["validation", "b"]] == [Bbox]


@pytest.mark.parametrize("top", ["open-images-v7", "open-images-v7/train"])
def test_what_fiftyone_downloads(tmp_path: Path, top: str) -> None:
    """Its tables are whole, but it downloads some images; its hierarchy has names for people."""
    tree = hierarchy("Entity", "Cat", "Dog, big")
    row = "abc,,/m/01,1,0.25,0.5,0.2,0.6,0,0,0,0,0\n"
    files: dict[str, str | bytes] = {}
    for subset in ("train", "validation"):
        files |= {
            f"{subset}/data/abc.png": png(20, 10),
            f"{subset}/labels/detections.csv": BOXES + row + row.replace("abc", "far"),
            f"{subset}/labels/segmentations.csv": MASKS
            + "abc_m.png,abc,/m/01,0000abcd,0.25,0.5,0.2,0.6,0.8,\n",
            f"{subset}/labels/masks/A/abc_m.png": png(4, 5, (1, 1, 1, 2)),
            f"{subset}/labels/classifications.csv": LABELS + "abc,,/m/02,0\n",
            f"{subset}/labels/points.csv": "ImageId,X,Y\n",
            f"{subset}/metadata/image_ids.csv": IMAGES + f"abc,{subset},,,\nfar,{subset},,,\n",
        }
    files |= {"train/metadata/classes.csv": CLASSES, "train/metadata/hierarchy.json": tree}
    make(tmp_path / "open-images-v7", **files)
    (tmp_path / "open-images-v7" / NAMES["classes"]).unlink()
    dataset = Dataset.import_from(tmp_path / top)
    assert dataset.format == "open_images"
    assert any("points.csv is not read" in w for w in dataset.opening_ledger.warnings)
    assert [label.parent for label in dataset.categories().labels] == ["", "/m/01"]
    items = {(item.subset, item.id): item for item in dataset}
    wanted = (
        {("train", "abc")} if top.endswith("train") else {("train", "abc"), ("validation", "abc")}
    )
    assert set(items) == wanted
    for item in items.values():
        label, box, mask = item.annotations
        assert (label.label, label.attributes) == (1, {"score": 0.0})
        assert box.group == mask.group != 0
        assert mask.image.sum() == 5 * 4
    with pytest.warns(DskWarning, match="size is not known"):
        assert len(read(tmp_path / top)) == 2 * len(wanted)


def test_other_tables_in_folders_like_those_of_fiftyone(tmp_path: Path) -> None:
    for name in ("data/a.png", "metadata/x", "labels/detections.csv"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("image,box\n")
    from dsk_openimages.detect import detect

    assert detect(DirectoryRoot(str(tmp_path))) is None


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


def test_masks_state_their_box(tmp_path: Path) -> None:
    """Also without a table of boxes, and in what is written."""
    mask = "m.png,a,/m/01,0000abcd,0.25,0.5,0.25,0.75,0.8,\n"
    without = mask.replace("0.25,0.5", "0.75,0.5").replace("m.png", "n.png")
    files = {f"masks/train/{name}.png": png(4, 5, (1, 1, 1, 2)) for name in "mn"}
    make(tmp_path / "in", masks=MASKS + mask + without, sizes="a 10 8\n", **files)
    first = read(tmp_path / "in")
    assert [a.bbox for a in first["train", "a"].annotations] == [(2.0, 2.5, 2.0, 5.0), None]
    dataset = Dataset.import_from(tmp_path / "in", "open_images")
    assert not dataset.export(tmp_path / "out", "open_images").losses
    again = read(tmp_path / "out")["train", "a"].annotations
    assert [a.bbox for a in again] == [(2.0, 2.5, 2.0, 5.0), None]
    assert not any(a.group for a in again)


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


def test_lines_are_counted_in_blocks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("dsk_openimages.csvindex._BLOCK", 16)
    rows = [f"{'ab'[n % 3 == 0]},,/m/01,{'x' if n % 5 == 0 else 1}\n" for n in range(30)]
    make(tmp_path, labels=LABELS + "".join(rows))
    dataset = Dataset.import_from(tmp_path, "open_images", on_error="skip")
    ledger = Ledger("skip")
    for partition in dataset.source.partitions():
        list(dataset.source.read(partition, ledger))
    lines = [int(bad.where.rpartition(":")[2]) for bad in ledger.bad]
    assert sorted(lines) == [2, 7, 12, 17, 22, 27]


def test_what_lists_say_is_kept_whatever_it_is(tmp_path: Path) -> None:
    """Titles of photographs have all sorts of characters, and lines."""
    titles = ["no-break\u00a0space", "zero\u200bwidth", 'two\nlines, "quoted"', "\U0001f600"]
    rows = [
        f'{n},train,u{n},"{title.replace(chr(34), 2 * chr(34))}",0\n'
        for n, title in enumerate(titles)
    ]
    make(tmp_path / "in", images=IMAGES + "".join(rows))
    first = read(tmp_path / "in")
    own = [item.extra["open_images"] for item in first.values() if item.extra]
    assert own == [
        {"OriginalURL": f"u{n}", "Title": t, "Rotation": "0"} for n, t in enumerate(titles)
    ]
    Dataset.import_from(tmp_path / "in", "open_images").export(tmp_path / "out", "open_images")
    assert read(tmp_path / "out") == first
    make(tmp_path / "odd", images=IMAGES.encode() + b"a,train,u,caf\xe9,0\n")
    with pytest.warns(DskWarning, match="a Title is left out"):
        (item,) = read(tmp_path / "odd").values()
    assert item.extra == {"open_images": {"OriginalURL": "u", "Rotation": "0"}}


def test_extreme_clicks(tmp_path: Path) -> None:
    """Boxes that were drawn otherwise have -1 for them."""
    names = ",".join(f"XClick{n}{axis}" for axis in "XY" for n in range(1, 5))
    row = "a,{},/m/01,1,0,1,0,1,0,0,0,0,0,{}\n"
    clicks = ["0.1,0.2,0.3,0.4,0.5,0.6,0.7,0", ",".join(["-1"] * 8), "", "0,,x,,,,,-1"]
    sources = ["xclick", "activemil", "", ""]
    rows = [row.format(*pair) for pair in zip(sources, clicks, strict=True)]
    rows[2] = rows[2].replace("0,\n", "0" + "," * 8 + "\n")
    make(tmp_path, boxes=BOXES.replace("\n", f",{names}\n") + "".join(rows), sizes=SIZES)
    dataset = Dataset.import_from(tmp_path, "open_images")
    (item,) = dataset
    first, second, third, fourth = (a.extra for a in item.annotations)
    points = [
        0.1,
        0.5,
        0.2,
        0.6,
        0.3,
        0.7,
        0.4,
        0.0,
    ]  # X and Y of each click, as the columns name them
    assert first == {"open_images": {"source": "xclick", "clicks": points}}
    assert second == {"open_images": {"source": "activemil"}}
    assert third is None
    assert np.isnan(fourth["open_images"]["clicks"]).sum() == 6
    report = dataset.export(tmp_path / "out", "open_images")
    (event,) = report.losses
    assert (event.code, event.count) == ("DSK-L011", 2)


def test_columns_that_are_not_read_are_told(tmp_path: Path) -> None:
    boxes = BOXES.replace("\n", ",Colour,XClick1X\n") + "a,,/m/01,1,0,1,0,1,0,0,0,0,0,red,-1\n"
    make(tmp_path, boxes=boxes, sizes=SIZES)
    (warning,) = Dataset.import_from(tmp_path, "open_images").opening_ledger.warnings
    assert "the column Colour of annotations/train-annotations-bbox.csv" in warning


def test_equal_ids_without_lists_stay_apart(tmp_path: Path) -> None:
    files = {
        "boxes": BOXES + "a,,/m/01,1,0,1,0,1,0,0,0,0,0\n",
        "annotations/validation-annotations-bbox.csv": BOXES + "a,,/m/02,1,0,1,0,1,0,0,0,0,0\n",
        "labels": LABELS + "a,,/m/02,1\nb,,/m/02,1\n",
        "images/train/a.png": png(20, 10),
        "images/validation/a.png": png(40, 30),
    }
    items = read(make(tmp_path, **files))
    assert set(items) == {("train", "a"), ("train", "b"), ("validation", "a")}
    assert boxes(items["train", "a"]) == [(0, 0, 20, 10)]
    assert boxes(items["validation", "a"]) == [(0, 0, 40, 30)]
    assert [a.label for a in items["train", "a"].annotations] == [1, 0]


def test_sizes_of_other_subsets_are_not_taken(tmp_path: Path) -> None:
    row = BOXES + "a,,/m/01,1,0,1,0,1,0,0,0,0,0\n"
    files = {"images": IMAGES + "a,val,,,\n", "sizes": "a 30 40 val\na 10 20 train\n"}
    items = read(make(tmp_path, **files, **{"annotations/val-annotations-bbox.csv": row}))
    assert boxes(items["val", "a"]) == [(0, 0, 40, 30)]


SIZED = [("a", 10, 20), ("b c", 30, 40), ("'", 50, 60), ("d", 70, 80), ("#e", 90, 100), ("7", 9, 8)]


@pytest.mark.parametrize("end", ["\n", "\r\n"])
@pytest.mark.parametrize("count", [1, 2, 6])
@pytest.mark.parametrize(
    "odd", ["", "# id height width", "  ", "7 1 2 train", '"7"  1 2', "\t7\t1\t2"]
)
def test_lines_of_sizes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, count: int, odd: str, end: str
) -> None:
    """However many are read at a time, and whatever is among them."""
    monkeypatch.setattr("dsk_openimages.places._LINES", count)
    rows = [shlex.join([name, str(h), str(w)]) for name, h, w in SIZED]
    wanted = {name: (h, w) for name, h, w in SIZED}
    if "7" in odd:
        rows.pop()
        wanted["7"] = (1, 2)
    ids = "".join(f'"{name}",train,,,\n' for name in wanted)
    make(tmp_path, images=IMAGES + ids, sizes="\ufeff" * (odd != "") + end.join([odd, *rows]))
    found = read(tmp_path)
    assert {item.id: item.media.size for item in found.values() if item.media} == wanted


@pytest.mark.parametrize(
    "row", ["a 1", "a 0 5", "a -1 5", f"a 5 {1 << 31}", "a x 5", "a b 5 5", "a"]
)
def test_bad_lines_of_sizes(tmp_path: Path, row: str) -> None:
    make(tmp_path, images=IMAGES + "a,train,,,\nb,train,,,\n", sizes=f"b 1 2\n{row}\nb 3 4\n")
    with pytest.raises(RecordError, match="item id, height, width") as caught:
        read(tmp_path)
    assert caught.value.where.endswith("images.meta:2")
    items = read(tmp_path, on_error="skip")
    assert items["train", "b"].media.size == (3, 4)
    assert items["train", "a"].media is None


def test_a_line_of_sizes_without_end(tmp_path: Path) -> None:
    make(tmp_path, images=IMAGES + "a,train,,,\n", sizes=b"a" * ((1 << 21) + 1))
    with pytest.raises(InputError, match="longer than 1 MB"):
        read(tmp_path)


def test_lists_of_subsets_that_only_their_names_say(tmp_path: Path) -> None:
    files = {
        "annotations/val-image_ids_and_rotation.csv": "ImageID,Subset\na,\n",
        "annotations/train-image_ids_and_rotation.csv": "ImageID\nb\n",
    }
    assert set(read(make(tmp_path, **files))) == {("val", "a"), ("train", "b")}


@pytest.mark.parametrize("chunk", [2, 1000])
@pytest.mark.parametrize("name", ["val", "fifteen-letters", "sixteen-letters-", '"a, b"', ""])
def test_subsets_of_lists(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, chunk: int
) -> None:
    """In the order of the list, however they are written."""
    monkeypatch.setattr("dsk_openimages.importer._CHUNK", chunk)
    rows = f"a,validation\nbb,train\r\nc,{name}\ndd,train,x\n\ne,{name}"
    make(tmp_path, images="ImageID,Subset\n" + rows.replace(",x", ""))
    dataset = Dataset.import_from(tmp_path, "open_images")
    subset = name.strip('"') or "default"
    wanted = {"a": "validation", "bb": "train", "c": subset, "dd": "train", "e": subset}
    assert {item.id: item.subset for item in dataset} == wanted
    assert list(dataset.header.subsets) == ["validation", "train", subset]
    make(tmp_path, images=f"ImageID,Subset\n{rows}\nf\ng,..\n")
    dataset = Dataset.import_from(tmp_path, "open_images", on_error="skip")
    assert {item.id: item.subset for item in dataset} == wanted
    bad = [(b.message, b.where.rpartition(":")[2]) for b in dataset.opening_ledger.bad]
    assert bad == [("the row has no Subset", "8"), ("no subset's name: b'..'", "9")]


def test_folders_of_images_are_none_of_masks(tmp_path: Path) -> None:
    mask = "m.png,a,/m/01,0000abcd,,,,,,\n"
    make(tmp_path, **{"masks": MASKS + mask, "train/a.png": png(4, 5)})
    with pytest.warns(DskWarning, match="no folder masks"):
        (item,) = read(tmp_path).values()
    assert not item.annotations
    make(tmp_path, **{"train_masks/m.png": png(4, 5, (0, 0, 1, 1))})
    (item,) = read(tmp_path).values()
    assert item.annotations[0].image.sum() == 1


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


def test_display_names_that_classes_share(tmp_path: Path) -> None:
    classes = "/m/01,Crane\n/m/02,Crane\n/m/03,\n"
    make(tmp_path, classes=f"{classes}\n,\n", labels=LABELS + "a,,/m/02,1\n")
    dataset = Dataset.import_from(tmp_path, "open_images", use_display_names=True)
    assert dataset.categories().names == ["Crane (/m/01)", "Crane (/m/02)", "/m/03"]
    dataset.export(tmp_path / "out", "open_images")
    text = (tmp_path / "out" / NAMES["classes"]).read_text()
    assert text == classes.replace("03,", "03,/m/03")


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
    items = [
        DatasetItem("a", name, Image("a.png", None, None, size), [Bbox(0, 0, 2, 2, label=0)])
        for name, size in (("train", (10, 20)), ("val", (30, 40)))
    ]
    Dataset.from_iterable(items, categories=["x"]).export(tmp_path / "out", "open_images")
    found = read(tmp_path / "out")
    assert boxes(found["train", "a"]) == boxes(found["val", "a"]) == [(0, 0, 2, 2)]


def test_names_of_masks_do_not_clash(tmp_path: Path) -> None:
    """The sign between id, label and BoxID may be part of each."""
    media = Image("a.png", None, None, (2, 2))
    rle = from_dense(np.ones((2, 2), bool))
    parts = [("a", "b_c", ""), ("a_b", "c", ""), ("a", "b", "c_d"), ("a_b", "c", "d")]
    items: dict[str, list[Mask]] = {}
    for item_id, label, box_id in parts:
        mask = Mask(rle, label=["b_c", "c", "b"].index(label), attributes={"box_id": box_id})
        items.setdefault(item_id, []).append(mask)
    source = [DatasetItem(item_id, "train", media, masks) for item_id, masks in items.items()]
    Dataset.from_iterable(source, ["b_c", "c", "b"]).export(tmp_path / "out", "open_images")
    found = read(tmp_path / "out")
    assert {key: [a.label for a in item.annotations] for key, item in found.items()} == {
        ("train", "a"): [0, 2],
        ("train", "a_b"): [1, 1],
    }


def test_flags_that_are_numbers(tmp_path: Path) -> None:
    flags = {"occluded": 1.0, "truncated": "0.0", "is_inside": "yes"}
    item = DatasetItem("a", "train", Image("a.png", None, None, (2, 2)))
    box = Bbox(0, 0, 1, 1, label=0, attributes=flags)
    dataset = Dataset.from_iterable([item.replace(annotations=[box])], ["x"])
    assert not dataset.export(tmp_path / "out", "open_images").losses
    (found,) = read(tmp_path / "out")["train", "a"].annotations
    assert found.attributes == {
        "score": 1.0,
        "occluded": True,
        "truncated": False,
        "is_inside": True,
    }


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


def test_tables_of_what_was_downloaded(tmp_path: Path) -> None:
    """A tool leaves the tables of all images beside those of the few that it downloaded."""
    row = "a,,/m/01,,0,0.5,0,1,,,,,\n"
    make(tmp_path, boxes=BOXES + row + row.replace("a", "b"), sizes=SIZES)
    part = tmp_path / "annotations/sub-train-annotations-bbox.csv"
    part.write_text(BOXES + row)
    dataset = Dataset.import_from(tmp_path)
    assert [(item.subset, item.id, len(item.annotations)) for item in dataset] == [
        ("train", "a", 1)
    ]
    (warning,) = dataset.opening_ledger.warnings
    assert warning.startswith("annotations/train-annotations-bbox.csv is not read: sub-")


def test_tables_of_other_names_are_told(tmp_path: Path) -> None:
    make(tmp_path, boxes=BOXES + "a,,/m/01,,0,0.5,0,1,,,,,\n", sizes=SIZES)
    (tmp_path / "annotations/train-human-labels.csv").write_text(LABELS)
    (tmp_path / "annotations/notes.csv").write_text("date,what\n")
    (warning,) = Dataset.import_from(tmp_path).opening_ledger.warnings
    assert warning.startswith("annotations/train-human-labels.csv is not read: it is not named")


def test_ids_that_a_spreadsheet_has_rounded(tmp_path: Path) -> None:
    """Rows of several images have one such id; an image or a list may know the name."""
    row = "x,/m/01,1,0,0.5,0,0.5,0,0,0,0,0\n"
    make(
        tmp_path,
        images="ImageID,Subset\n0001e5,train\n2.5E+10,train\n",
        boxes=f"{BOXES}1.23E+15,{row}0001e5,{row}2.5E+10,{row}7E+12,{row}",
    )
    for name in ("7E+12", "0001e5"):
        path = tmp_path / "images" / "train" / f"{name}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(png(4, 4))
    with pytest.raises(RecordError, match=r"1\.23E\+15 is a number that a spreadsheet"):
        Dataset.import_from(tmp_path, "open_images")
    dataset = Dataset.import_from(tmp_path, "open_images", on_error="skip")
    with pytest.warns(DskWarning):
        items = list(dataset)
    assert {i.id: len(i.annotations) for i in items} == {"0001e5": 1, "2.5E+10": 0, "7E+12": 1}


def test_masks_of_another_size_than_the_image_are_told(tmp_path: Path) -> None:
    """Readers would stretch them."""
    masks = [Mask(from_dense(np.ones(size, bool)), label=0) for size in ((3, 2), (2, 3))]
    items = [DatasetItem("a", media=Image("a.png", size=(2, 3)), annotations=masks)]
    report = Dataset.from_iterable(items, ["car"]).export(tmp_path / "out", "open_images")
    assert [(e.code, e.what, e.count) for e in report.events] == [
        ("DSK-L018", "mask: a mask of (3, 2) in an image of (2, 3)", 1)
    ]
    (item,) = Dataset.import_from(tmp_path / "out", "open_images")
    assert [a.image.shape for a in item.annotations if isinstance(a, Mask)] == [(2, 3)]
