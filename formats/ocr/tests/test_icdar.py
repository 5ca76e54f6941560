"""Layouts and what is written."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
from PIL import Image as PilImage

from dsk import Dataset
from dsk.annotations import Bbox, Caption, Mask, Polygon
from dsk.errors import DskWarning, RecordError
from dsk.item import DatasetItem
from dsk.rle import from_dense

if TYPE_CHECKING:
    from pathlib import Path

WORDS, PLACES, CHARACTERS = (
    f"icdar_{name}" for name in ("word_recognition", "text_localization", "text_segmentation")
)


def save(path: Path, pixels: np.ndarray | None = None) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    PilImage.fromarray(np.zeros((3, 4, 3), np.uint8) if pixels is None else pixels).save(path)


def write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(text.encode())


def test_official_list_of_words(tmp_path: Path) -> None:
    write(tmp_path / "gt.txt", '\ufeffword_1.png, "a, b"\r\nword_2.png, "c"\r\n')
    save(tmp_path / "word_1.png")
    items = list(Dataset.import_from(tmp_path, WORDS))
    assert [(i.id, i.annotations[0].caption) for i in items] == [
        ("word_1", "a, b"),
        ("word_2", "c"),
    ]
    assert items[0].media.get_size() == (3, 4)
    assert not items[1].media.exists


def test_captions_are_lines_of_their_own(tmp_path: Path) -> None:
    captions = [Caption("a"), Caption("b\nc")]
    dataset = Dataset.from_iterable([DatasetItem("x", "train", None, captions)])
    report = dataset.export(tmp_path / "out", WORDS)
    assert (tmp_path / "out/train/gt.txt").read_text() == 'x.png, "a"\nx.png, "b c"\n'
    assert [event.code for event in report.losses] == ["DSK-L007"]


def test_official_archives(tmp_path: Path) -> None:
    for part in ("training", "test"):
        save(tmp_path / f"ch4_{part}_images/img_1.jpg")
        name = tmp_path / f"ch4_{part}_localization_transcription_gt/gt_img_1.txt"
        write(name, "\ufeff1,2,3,4,5,6,7,8,a b\r\n")
    items = list(Dataset.import_from(tmp_path, PLACES))
    assert [(item.id, item.media.path.split("/")[0]) for item in items] == [
        ("img_1", "ch4_test_images"),
        ("img_1", "ch4_training_images"),
    ]
    assert [a.attributes for item in items for a in item.annotations] == [{"text": "a b"}] * 2


def test_texts_beside_images_of_another_name(tmp_path: Path) -> None:
    write(tmp_path / "train/tr_img_1.txt", "1,2,3,4,5,6,7,8,Latin,word\n")
    write(tmp_path / "train/readme.txt", "hello\n")
    save(tmp_path / "train/images/tr_img_1.png")
    (item,) = Dataset.import_from(tmp_path, PLACES)
    assert item.annotations[0].attributes == {"text": "word", "script": "Latin"}


def test_bad_lines(tmp_path: Path) -> None:
    write(tmp_path / "train/gt_a.txt", "1 2 3 4\nhello\n")
    with pytest.raises(RecordError, match=r"gt_a\.txt:2"):
        list(Dataset.import_from(tmp_path, PLACES))
    (item,) = Dataset.import_from(tmp_path, PLACES, on_error="skip")
    assert len(item.annotations) == 1


def export_places(tmp_path: Path, **options: object) -> list[str]:
    annotations = [
        Bbox(1, 2, 3, 4.5, attributes={"text": 'a "b"'}),
        Polygon([0, 0, 4, 0, 4, 4, 0, 4]),
        Polygon([0, 0, 4, 0, 4, 4]),
        Polygon([0, 0, 4, 0, 5, 5, 4, 4, 0, 4], attributes={"text": "12"}),
    ]
    dataset = Dataset.from_iterable([DatasetItem("x/1", "train", None, annotations)])
    dataset.export(tmp_path / "out", PLACES, **options)
    return (tmp_path / "out/train/x/gt_1.txt").read_text().splitlines()


def test_lines_of_2013(tmp_path: Path) -> None:
    assert export_places(tmp_path) == [
        '1 2 4 6.5 "a \\"b\\""',
        "0,0,4,0,4,4,0,4",
        "0,0,4,0,4,4,4,4",
        '0,0,4,0,5,5,4,4,0,4,"12"',
    ]


def test_lines_of_2015(tmp_path: Path) -> None:
    assert export_places(tmp_path, lines="2015")[0] == '1,2,4,2,4,6.5,1,6.5,a "b"'


def picture(tmp_path: Path, text: str) -> None:
    pixels = np.full((2, 3, 3), 255, np.uint8)
    pixels[0, 0] = (1, 2, 3)
    pixels[0, 1] = (4, 5, 6)
    pixels[1, 2] = (9, 9, 9)
    save(tmp_path / "train/1_GT.bmp", pixels)
    save(tmp_path / "train/images/1.png")
    write(tmp_path / "train/1_GT.txt", text)


def test_characters(tmp_path: Path) -> None:
    text = '1 2 3 0 1 0 0 1 3 "a"\n#4 5 6 - - 0 0 1 3 " "\n\n255 255 255 0 0 0 0 1 1 "w"\n'
    picture(tmp_path, text)
    with pytest.warns(DskWarning, match="colours|no pixel"):
        (item,) = list(iter(Dataset.import_from(tmp_path, CHARACTERS)))
    first, second = item.annotations
    assert (first.attributes["text"], second.attributes["text"]) == ("a", " ")
    assert (first.group, second.group) == (1, 1)
    assert second.attributes["center"] == "- -"
    assert [int(a.image.sum()) for a in item.annotations] == [1, 1]


@pytest.mark.parametrize("line", ["1 2 3", '1 2 x 0 1 0 0 1 3 "a"', '1 2 300 0 1 0 0 1 3 "a"'])
def test_bad_characters(tmp_path: Path, line: str) -> None:
    picture(tmp_path, f"{line}\n")
    with pytest.raises(RecordError, match=r"1_GT\.txt:1"):
        list(Dataset.import_from(tmp_path, CHARACTERS))


def test_characters_get_colours(tmp_path: Path) -> None:
    masks = [
        Mask(from_dense(np.array([[1, 0, 0]])), group=2, attributes={"color": "1 2 3"}),
        Mask(from_dense(np.array([[0, 0, 1]])), group=0),
        Mask(from_dense(np.array([[0, 1, 1]])), group=2, attributes={"color": "1 2 3"}),
    ]
    dataset = Dataset.from_iterable([DatasetItem("1", "train", None, masks)])
    report = dataset.export(tmp_path / "out", CHARACTERS)
    pixels = np.asarray(PilImage.open(tmp_path / "out/train/1_GT.bmp"))
    assert pixels[0, 0].tolist() == [1, 2, 3]
    assert len({tuple(color) for color in pixels[0].tolist()}) == 2
    assert {event.code for event in report.losses} == {"DSK-L004", "DSK-L017"}
    (item,) = Dataset.import_from(tmp_path / "out", CHARACTERS)
    assert [a.group for a in item.annotations] == [1, 1]
