"""WIDER FACE: columns, counts, labels."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from dsk import Dataset
from dsk.annotations import Bbox, Label
from dsk.errors import DskWarning, InputError, RecordError, UnsafePathError
from dsk.item import DatasetItem
from dsk.media import Image

if TYPE_CHECKING:
    from pathlib import Path


def write(root: Path, text: str, name: str = "wider_face_train_bbx_gt.txt") -> Path:
    folder = root / "wider_face_split"
    folder.mkdir(exist_ok=True, parents=True)
    (folder / name).write_bytes(text.encode())
    return root


OFFICIAL = "0--Parade/a.jpg\n2\n331 126 3 3 0 0 0 1 0 0 \n345 211 4 4 2 0 0 0 2 0 \n"


def test_official_columns(tmp_path: Path) -> None:
    """The two lines of the official file that tell the orders apart."""
    (item,) = Dataset.import_from(write(tmp_path, OFFICIAL))
    first, second = (a.attributes for a in item.annotations)
    assert (first["invalid"], first["occluded"], first["pose"]) == ("1", "0", "0")
    assert (second["invalid"], second["occluded"], second["pose"]) == ("0", "2", "0")
    assert second["blur"] == "2"


def test_columns_of_datumaro(tmp_path: Path) -> None:
    write(tmp_path, OFFICIAL)
    (item,) = Dataset.import_from(tmp_path, "wider_face", attribute_order="datumaro")
    assert [a.attributes["occluded"] for a in item.annotations] == ["1", "0"]
    write(tmp_path, OFFICIAL.replace("2 0 0 0 2 0", "2 0 0 0 - True"))
    (item,) = Dataset.import_from(tmp_path, "wider_face")
    assert item.annotations[0].attributes["occluded"] == "1"
    assert item.annotations[1].attributes["invalid"] is True
    assert "pose" not in item.annotations[1].attributes


def test_values_that_are_words(tmp_path: Path) -> None:
    """Datumaro writes attributes of other formats, as VOC's pose; a label may have six words."""
    many = "a 1 b c d e"
    rows = f"1 2 3 4 - - - False Left - car\n1 2 3 4 {many}\n"
    write(tmp_path, f"0--P/a.jpg\n2\n{rows}")
    (tmp_path / "labels.txt").write_text(f"car\n{many}\n")
    dataset = Dataset.import_from(tmp_path, "wider_face")
    names = [label.name for label in dataset.categories().labels]
    (item,) = dataset
    first, second = item.annotations
    assert names[first.label] == "car"
    assert first.attributes == {"occluded": False, "pose": "Left"}
    assert (names[second.label], second.attributes) == (many, {})


def test_images_without_faces_and_wrong_counts(tmp_path: Path) -> None:
    zero = "0 0 0 0 0 0 0 0 0 0\n"
    row = "1 2 3 4 0 0 0 0 0 0\n"
    text = f"0--P/a.jpg\n0\n{zero}0--P/b.jpg\n5\n{row}0--P/c.jpg\n1\n{row}{row}"
    dataset = Dataset.import_from(write(tmp_path, text.replace("\n", "\r\n")), "wider_face")
    with pytest.warns(DskWarning, match="number of faces"):
        found = {i.id: len(i.annotations) for i in dataset}
    assert found == {"a": 0, "b": 1, "c": 2}


def test_lists_of_files_and_readme(tmp_path: Path) -> None:
    write(tmp_path, "0--Parade/t.jpg\n", "wider_face_test_filelist.txt")
    write(tmp_path, "see a/b.txt\n", "readme.txt")
    (item,) = Dataset.import_from(tmp_path)
    assert (item.id, item.subset) == ("t", "test")
    assert not item.annotations


@pytest.mark.parametrize("other", ["filelist", "FILELIST"])
@pytest.mark.parametrize("table", ["bbx_gt", "BBX_GT"])
def test_a_table_goes_before_a_list_of_files(tmp_path: Path, table: str, other: str) -> None:
    """Whichever is first by name."""
    write(tmp_path, OFFICIAL, f"wider_face_test_{table}.txt")
    write(tmp_path, "0--Parade/a.jpg\n0--Parade/b.jpg\n", f"wider_face_test_{other}.txt")
    (item,) = Dataset.import_from(tmp_path)
    assert (item.id, item.subset, len(item.annotations)) == ("a", "test", 2)


def test_events_are_labels_if_declared(tmp_path: Path) -> None:
    write(tmp_path / "top", OFFICIAL)
    assert Dataset.import_from(tmp_path).categories().names == ["face"]
    (tmp_path / "top" / "WIDER_train" / "images" / "0--Parade").mkdir(parents=True)
    dataset = Dataset.import_from(tmp_path)
    (item,) = dataset
    assert dataset.categories().names == ["face", "Parade"]
    assert [a.label for a in item.annotations] == [1, 0, 0]


@pytest.mark.parametrize("row", ["1 2 3", "1 2 3 x", "1 2 nan 4 0 0 0 0 0 0", "1 2 3 4 dog"])
def test_bad_faces(tmp_path: Path, row: str) -> None:
    write(tmp_path, f"0--P/a.jpg\n2\n{row}\n1 2 3 4\n")
    (tmp_path / "labels.txt").write_text("face\n")
    with pytest.raises(RecordError, match=r"bbx_gt.txt:3"):
        list(Dataset.import_from(tmp_path, "wider_face"))
    (item,) = Dataset.import_from(tmp_path, "wider_face", on_error="skip")
    assert len(item.annotations) == 1


@pytest.mark.parametrize("count", ["x", "9" * 5000])
def test_bad_counts(tmp_path: Path, count: str) -> None:
    write(tmp_path, f"0--P/a.jpg\n{count}\n1 2 3 4\n")
    with pytest.raises(RecordError, match="number of faces") as caught:
        list(Dataset.import_from(tmp_path, "wider_face"))
    assert caught.value.where.endswith("bbx_gt.txt:2")


def test_paths_that_climb_and_no_lists(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no WIDER FACE lists"):
        Dataset.import_from(tmp_path, "wider_face")
    with pytest.raises(UnsafePathError):
        list(Dataset.import_from(write(tmp_path, "../../a.jpg\n0\n"), "wider_face"))


def export(root: Path, annotations: list[Bbox | Label], **options: str) -> str:
    items = [DatasetItem("a", "train", None, annotations), DatasetItem("b", "train")]
    labels = ["face", "two words", "Parade"]
    Dataset.from_iterable(items, labels).export(root / "o", "wider_face", **options)
    return (root / "o" / "wider_face_split" / "wider_face_train_bbx_gt.txt").read_text()


FULL = {"blur": "0", "expression": "1", "illumination": "0", "occluded": "2", "pose": "1"}


def test_written_faces(tmp_path: Path) -> None:
    boxes = [Bbox(1, 2, 3, 4.5, label=0, attributes={**FULL, "invalid": "1"}), Label(label=2)]
    text = export(tmp_path, boxes)
    assert text == (
        "2--Parade/a.jpg\n1\n1 2 3 4.5 0 1 0 1 2 1\nno_label/b.jpg\n0\n0 0 0 0 0 0 0 0 0 0\n"
    )


def test_what_only_datumaro_writes_has_its_order(tmp_path: Path) -> None:
    boxes = [Bbox(1, 2, 3, 4, label=1, attributes=FULL)]
    text = export(tmp_path, boxes)
    assert "1 2 3 4 0 1 0 2 1 - two words\n" in text
    back = Dataset.import_from(tmp_path / "o")
    (box,) = next(iter(back)).annotations
    assert back.categories().names[box.label] == "two words"
    assert box.attributes == FULL


def test_whole_numbers_are_written_as_such(tmp_path: Path) -> None:
    text = export(
        tmp_path, [Bbox(0.0, 10.0, 100.05, 20.5, label=0), Bbox(-3, 1.0, 4.0, 0.0, label=0)]
    )
    assert text.splitlines()[1:4] == ["2", "0 10 100.05 20.5", "-3 1 4 0"]


@pytest.mark.parametrize(
    ("lists", "images"),
    [
        ("", "WIDER_train/images"),
        ("", "WIDER_train/WIDER_train/images"),
        ("wider_face_split", "WIDER_train/WIDER_train/images"),
        ("wider_face_split", "WIDER_train/images"),
        ("wider_face_split", "wider_face_split/WIDER_train/images"),
    ],
)
def test_archives_unpacked_in_folders_of_their_own(tmp_path: Path, lists: str, images: str) -> None:
    write(tmp_path / lists, OFFICIAL)
    image = tmp_path / images / "0--Parade" / "a.jpg"
    image.parent.mkdir(parents=True)
    image.write_bytes(b"x")
    dataset = Dataset.import_from(tmp_path, "wider_face")
    (item,) = dataset
    assert item.media is not None
    assert item.media.exists
    assert dataset.categories().names == ["face", "Parade"]


@pytest.mark.parametrize("damaged", ["train", "val"])
def test_what_belongs_to_no_image_is_told(tmp_path: Path, damaged: str) -> None:
    for subset in ("train", "val"):
        text = OFFICIAL.removeprefix("0--Parade/a.jpg\n") if subset == damaged else OFFICIAL
        write(tmp_path, text, f"wider_face_{subset}_bbx_gt.txt")
    with pytest.raises(RecordError, match=rf"{damaged}_bbx_gt\.txt:1: an image's path"):
        Dataset.import_from(tmp_path, "wider_face")
    dataset = Dataset.import_from(tmp_path, "wider_face", on_error="skip")
    assert [item.id for item in dataset] == ["a"]
    assert dataset.opening_ledger.bad_count == 1


def test_events_that_no_list_of_labels_has_are_told(tmp_path: Path) -> None:
    write(tmp_path, OFFICIAL)
    (tmp_path / "labels.txt").write_text("face\nDancing\n")
    dataset = Dataset.import_from(tmp_path, "wider_face")
    (told,) = dataset.opening_ledger.warnings
    assert "1 events are not among the labels, e.g. 'Parade'" in told
    (item,) = dataset
    assert [a.kind for a in item.annotations] == ["bbox", "bbox"]


def test_images_of_unknown_endings_are_read_again(tmp_path: Path) -> None:
    """The list would say nothing of them: readers tell images by their names."""
    (tmp_path / "43.qq").write_bytes(b"picture")
    media = Image("43.qq", str(tmp_path / "43.qq"))
    items = [DatasetItem("43", media=media, annotations=[Bbox(1, 2, 3, 4, label=0)])]
    items.append(DatasetItem("._44", annotations=[Bbox(1, 2, 3, 4, label=0)]))
    dataset = Dataset.from_iterable(items, ["face"])
    report = dataset.export(tmp_path / "out", "wider_face", save_media=True)
    assert sorted((e.code, e.what, e.count) for e in report.events) == [
        ("DSK-L008", "an id that is no image's name", 1),
        ("DSK-L016", "the ending .qq of an image, of which readers know nothing", 1),
        ("DSK-L017", "an id that is no image's name", 1),
    ]
    (back,) = Dataset.import_from(tmp_path / "out")
    assert (back.id, len(back.annotations)) == ("43", 1)
    assert back.media is not None
    assert back.media.read_bytes() == b"picture"
