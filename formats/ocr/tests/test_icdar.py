"""Layouts and what is written."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
from PIL import Image as PilImage

from dsk import Dataset
from dsk.annotations import Bbox, Caption, Mask, Polygon
from dsk.detect import detect
from dsk.errors import DskWarning, RecordError
from dsk.files import open_root
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


def test_lists_of_paddleocr(tmp_path: Path) -> None:
    """Words may be digits: they are no labels of ImageNet."""
    write(tmp_path / "rec_gt_train.txt", "a.png\t0209\nb.png\t3255\n")
    write(tmp_path / "rec_gt_val.txt", "val/a.png\t15845878995\n")
    for name in ("train/a.png", "train/b.png", "val/a.png"):
        save(tmp_path / name)
    dataset = Dataset.import_from(tmp_path)
    assert dataset.format == WORDS
    found = {(i.subset, i.id): i.annotations[0].caption for i in dataset}
    assert found == {
        ("train", "a"): "0209",
        ("train", "b"): "3255",
        ("val", "val/a"): "15845878995",
    }
    assert all(item.media is not None and item.media.exists for item in dataset)


def test_a_single_list_of_paddleocr(tmp_path: Path) -> None:
    write(tmp_path / "rec_gt.txt", "crop/a.png\tx y\n")
    save(tmp_path / "crop/a.png")
    (item,) = Dataset.import_from(tmp_path)
    assert (item.subset, item.id) == ("default", "crop/a")


def test_list_of_words_behind_tabs(tmp_path: Path) -> None:
    write(tmp_path / "gt.txt", 'test/word_1.png\ta, "b"\r\ntest/word_2.png\t\r\n')
    save(tmp_path / "test/word_1.png")
    save(tmp_path / "test/word_2.png")
    dataset = Dataset.import_from(tmp_path)
    assert dataset.format == WORDS
    items = list(dataset)
    assert [(i.id, [a.caption for a in i.annotations]) for i in items] == [
        ("test/word_1", ['a, "b"']),
        ("test/word_2", []),
    ]
    assert all(item.media is not None and item.media.exists for item in items)


@pytest.mark.parametrize("line", ["word_2.png, plain, text", "word_2.png,12 Monkeys"])
def test_words_out_of_quotes_are_detected(tmp_path: Path, line: str) -> None:
    write(tmp_path / "train/gt.txt", f'word_1.png, "a"\n{line}\n')
    dataset = Dataset.import_from(tmp_path)
    assert dataset.format == WORDS
    assert [a.caption for i in dataset for a in i.annotations][1:] == [
        line.split(",", 1)[1].strip()
    ]


@pytest.mark.parametrize("line", ["a.png,1,2,3,4,car", "a.png,7", "a.png;1;2", "1,2,3,4"])
def test_numbers_are_no_words(tmp_path: Path, line: str) -> None:
    write(tmp_path / "gt.txt", f"{line}\n")
    assert all(found.format != WORDS for found in detect(open_root(tmp_path)))


@pytest.mark.parametrize("folder", ["images", "."])
def test_one_text_that_is_given_has_its_image(tmp_path: Path, folder: str) -> None:
    write(tmp_path / "gt_a b.txt", '1 2 3 4 "x"\n')
    write(tmp_path / "gt_c.txt", '1 2 3 4 "x"\n')
    for name in ("a b.JPG", "c.jpg"):
        save(tmp_path / folder / name)
    (item,) = Dataset.import_from(tmp_path / "gt_a b.txt")
    assert (item.id, item.media.get_size()) == ("a b", (3, 4))
    write(tmp_path / "d_GT.txt", '1 2 3 1 1 0 0 1 1 "d"\n')
    pixels = np.full((3, 4, 3), 255, np.uint8)
    pixels[0, 0] = (1, 2, 3)
    save(tmp_path / "d_GT.bmp", pixels)
    save(tmp_path / folder / "d.png")
    (item,) = Dataset.import_from(tmp_path / "d_GT.txt")
    assert (item.id, item.media.get_size(), len(item.annotations)) == ("d", (3, 4), 1)


def test_characters_in_files_of_upper_case(tmp_path: Path) -> None:
    write(tmp_path / "d_GT.TXT", '1 2 3 1 1 0 0 1 1 "d"\n')
    pixels = np.full((3, 4, 3), 255, np.uint8)
    pixels[0, 0] = (1, 2, 3)
    save(tmp_path / "d_GT.BMP", pixels)
    dataset = Dataset.import_from(tmp_path)
    assert dataset.format == CHARACTERS
    assert [len(item.annotations) for item in dataset] == [1]


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


def test_images_that_no_list_names_are_warned_of(tmp_path: Path) -> None:
    write(tmp_path / "train/gt.txt", 'word_1.png, "a"\n')
    save(tmp_path / "train/images/word_1.png")
    assert not Dataset.import_from(tmp_path, WORDS).opening_ledger.warnings
    save(tmp_path / "train/images/word_2.png")
    (warning,) = Dataset.import_from(tmp_path, WORDS).opening_ledger.warnings
    assert warning.startswith("1 images")
    assert "word_2.png" in warning


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


def pairs(dataset: Dataset) -> list[tuple[str, str, str | None]]:
    return [(i.subset, i.id, i.media.path if i.media is not None else None) for i in dataset]


TRAINING, TEST = "ch4_training_localization_transcription_gt", "Challenge4_Test_Task1_GT"
QUAD = "1,2,3,4,5,6,7,8,a\n"


def test_images_in_several_folders(tmp_path: Path) -> None:
    for number in (1, 2):
        save(tmp_path / f"ch8_training_images_{number}/img_{number}.jpg")
        write(tmp_path / f"ch8_training_localization_gt_v2/gt_img_{number}.txt", QUAD)
    dataset = Dataset.import_from(tmp_path, PLACES)
    assert [path for _, _, path in pairs(dataset)] == [
        "ch8_training_images_1/img_1.jpg",
        "ch8_training_images_2/img_2.jpg",
    ]
    assert not dataset.opening_ledger.warnings


def test_images_of_one_name_in_two_folders(tmp_path: Path) -> None:
    for number in (1, 2):
        save(tmp_path / f"ch8_images_{number}/img_1.jpg")
    write(tmp_path / "ch8_gt/gt_img_1.txt", QUAD)
    dataset = Dataset.import_from(tmp_path, PLACES)
    assert pairs(dataset) == [("ch8_gt", "img_1", "ch8_images_1/img_1.jpg")]
    assert any("ch8_images_2" in warning for warning in dataset.opening_ledger.warnings)


@pytest.mark.parametrize("both", [False, True])
def test_images_are_lent_once(tmp_path: Path, both: bool) -> None:
    names = {TRAINING: "ch4_training_images", TEST: "ch4_test_images" if both else None}
    for home, folder in names.items():
        write(tmp_path / f"{home}/gt_img_1.txt", QUAD)
        if folder is not None:
            save(tmp_path / f"{folder}/img_1.jpg")
    dataset = Dataset.import_from(tmp_path, PLACES)
    assert pairs(dataset) == [
        (home, "img_1", names[home] and f"{names[home]}/img_1.jpg") for home in sorted(names)
    ]
    assert [TEST in warning for warning in dataset.opening_ledger.warnings] == [True] * (not both)


@pytest.mark.parametrize(
    ("homes", "folder"), [(("gt_a", "gt_b"), "img"), ((TEST,), "ch4_training_images")]
)
def test_images_of_other_texts_are_not_lent(
    tmp_path: Path, homes: tuple[str, ...], folder: str
) -> None:
    for home in homes:
        write(tmp_path / f"{home}/gt_img_1.txt", QUAD)
    save(tmp_path / f"{folder}/img_1.jpg")
    write(tmp_path / "other/gt_img_1.txt", QUAD)
    save(tmp_path / "other/img_1.jpg")
    lent = [path for subset, _, path in pairs(Dataset.import_from(tmp_path, PLACES)) if path]
    assert lent == (["img/img_1.jpg"] if folder == "img" else []) + ["other/img_1.jpg"]


def test_two_folders_of_texts_share_images(tmp_path: Path) -> None:
    for number, home in enumerate(("a_gt", "b_gt"), 1):
        write(tmp_path / f"{home}/gt_{number}.txt", QUAD)
    for number in (1, 2, 3):
        save(tmp_path / f"img/{number}.jpg")
    assert pairs(Dataset.import_from(tmp_path, PLACES)) == [
        ("a_gt", "1", "img/1.jpg"),
        ("a_gt", "3", "img/3.jpg"),
        ("b_gt", "2", "img/2.jpg"),
    ]


@pytest.mark.parametrize("above", ["", "icdar2015/"])
@pytest.mark.parametrize(
    ("folder", "train", "last"), [("imgs", "training", "img_9"), ("images", "train", "b/img_9")]
)
def test_subsets_of_images_and_of_texts(
    tmp_path: Path, above: str, folder: str, train: str, last: str
) -> None:
    """MMOCR's layout; equal names in several subsets are different images."""
    for subset, names in ((train, ("img_1", "img_2")), ("test", ("img_1",))):
        for name in names:
            save(tmp_path / above / folder / subset / f"{name}.jpg")
            write(tmp_path / above / "annotations" / subset / f"gt_{name}.txt", QUAD)
    save(tmp_path / above / folder / f"val/{last}.jpg")
    dataset = Dataset.import_from(tmp_path)
    assert dataset.format == PLACES
    assert sorted(pairs(dataset)) == [
        ("test", "img_1", f"{above}{folder}/test/img_1.jpg"),
        (train, "img_1", f"{above}{folder}/{train}/img_1.jpg"),
        (train, "img_2", f"{above}{folder}/{train}/img_2.jpg"),
        ("val", last, f"{above}{folder}/val/{last}.jpg"),
    ]
    assert [item.id for item in dataset if not item.annotations] == [last]
    assert not dataset.opening_ledger.warnings


@pytest.mark.parametrize("below", ["", "a/"])
def test_texts_beside_the_folder_of_images(tmp_path: Path, below: str) -> None:
    write(tmp_path / f"gt/{below}gt_img_1.txt", QUAD)
    save(tmp_path / f"images/{below}img_1.jpg")
    dataset = Dataset.import_from(tmp_path, PLACES)
    assert pairs(dataset) == [("default", f"{below}img_1", f"images/{below}img_1.jpg")]


def test_subsets_of_two_datasets_are_told_apart(tmp_path: Path) -> None:
    for name in ("a", "b"):
        save(tmp_path / name / "images/train/1.jpg")
        write(tmp_path / name / "gt/train/gt_1.txt", QUAD)
    dataset = Dataset.import_from(tmp_path, PLACES)
    assert pairs(dataset) == [
        ("a_train", "1", "a/images/train/1.jpg"),
        ("b_train", "1", "b/images/train/1.jpg"),
    ]


@pytest.mark.parametrize(
    ("folder", "subset", "item"), [("train/a/b", "train", "a/b/1"), ("a/b", "b", "1")]
)
def test_one_subset_without_images(tmp_path: Path, folder: str, subset: str, item: str) -> None:
    """A folder that is called like a split is one, what lies below belongs to ids."""
    write(tmp_path / f"{folder}/gt_1.txt", QUAD)
    assert pairs(Dataset.import_from(tmp_path, PLACES))[0][:2] == (subset, item)


def test_texts_and_images_that_do_not_meet(tmp_path: Path) -> None:
    for folder in ("a", "b"):
        write(tmp_path / f"{folder}/gt_img_1.txt", QUAD)
    save(tmp_path / "images/img_1.jpg")
    dataset = Dataset.import_from(tmp_path, PLACES)
    assert [path for _, _, path in pairs(dataset)] == [None, None, "images/img_1.jpg"]
    assert any("no text" in warning for warning in dataset.opening_ledger.warnings)


def test_official_test_lists_of_words(tmp_path: Path) -> None:
    for part in ("Test", "Training"):
        write(tmp_path / f"Challenge2_{part}_Task3_GT.txt", 'word_1.png, "x"\n')
        save(tmp_path / f"Challenge2_{part}_Task3_Images/word_1.png")
    for path in (tmp_path, tmp_path / "Challenge2_Test_Task3_GT.txt"):
        (item, *_) = Dataset.import_from(path, WORDS)
        assert item.media.path == "Challenge2_Test_Task3_Images/word_1.png"
        assert item.media.exists
    assert [(subset, path) for subset, _, path in pairs(Dataset.import_from(tmp_path, WORDS))] == [
        (f"Challenge2_{part}_Task3_GT", f"Challenge2_{part}_Task3_Images/word_1.png")
        for part in ("Test", "Training")
    ]


def test_lists_of_words_do_not_guess(tmp_path: Path) -> None:
    write(tmp_path / "Challenge4_Test_Task3_GT.txt", 'word_1.png, "x"\n')
    write(tmp_path / "ch4_test_gt/gt.txt", 'word_1.png, "y"\n')
    for folder in ("ch4_test_gt", "ch4_training_words", "Cone", "Ctwo", "other"):
        save(tmp_path / folder / "word_1.png")
    exist = [item.media.exists for item in Dataset.import_from(tmp_path, WORDS)]
    assert sorted(exist) == [False, True]


def test_texts_beside_images_of_another_name(tmp_path: Path) -> None:
    write(tmp_path / "train/tr_img_1.txt", "1,2,3,4,5,6,7,8,Latin,word\n")
    write(tmp_path / "train/readme.txt", "hello\n")
    save(tmp_path / "train/images/tr_img_1.png")
    (item,) = Dataset.import_from(tmp_path, PLACES)
    assert item.annotations[0].attributes == {"text": "word", "script": "Latin"}


@pytest.mark.parametrize("line", ["1e-05 2 3 4", "1.,2,3,4,5,6,7,.8,x", '1 2 3.5e2 4 "x"'])
def test_numbers_of_any_form_are_detected(tmp_path: Path, line: str) -> None:
    write(tmp_path / "train/gt_a.txt", f"{line}\n")
    dataset = Dataset.import_from(tmp_path)
    assert dataset.format == PLACES
    assert [len(item.annotations) for item in dataset] == [1]


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


@pytest.mark.parametrize(
    "text", ["-1,2,3,4", "+1,2,3,4", ".5,2,3,4", '-1,2,"x"', "1,000", "- 1,2,3,4", "-,a"]
)
def test_texts_of_numbers_come_back(tmp_path: Path, text: str) -> None:
    quad = Polygon([0, 0, 4, 0, 4, 4, 0, 4], attributes={"text": text})
    dataset = Dataset.from_iterable([DatasetItem("x", "train", None, [quad])])
    dataset.export(tmp_path, PLACES, lines="2015")
    (item,) = Dataset.import_from(tmp_path, PLACES)
    assert [(list(a.points), a.attributes) for a in item.annotations] == [
        (list(quad.points), {"text": text})
    ]


@pytest.mark.parametrize("corners", [2, 4, 5, 6])
def test_outlines_with_scripts_come_back(tmp_path: Path, corners: int) -> None:
    ring = [0, 0, 4, 0, 4, 4, 3, 5, 1, 5, 0, 4][: 2 * corners]
    attributes = {"text": "a, 12", "script": "Latin"}
    outline = Polygon(ring, attributes=attributes)
    dataset = Dataset.from_iterable([DatasetItem("x", "train", None, [outline])])
    dataset.export(tmp_path, PLACES, lines="2015")
    ((found,),) = [item.annotations for item in Dataset.import_from(tmp_path, PLACES)]
    assert list(found.points) == ring + ring[-2:] * max(0, 4 - corners)
    assert found.attributes == attributes


@pytest.mark.parametrize("name", ['a, "b', 'a,"', "a\nb", " a"])
def test_names_that_a_list_cannot_hold(tmp_path: Path, name: str) -> None:
    captions = [Caption("x"), Caption("y")]
    items = [DatasetItem(name, "train", None, captions), DatasetItem("a, b", "train")]
    report = Dataset.from_iterable(items).export(tmp_path / "out", WORDS)
    assert {event.code: event.count for event in report.losses} == {"DSK-L008": 1, "DSK-L017": 2}
    assert report.annotations["out"] == 0
    assert [item.id for item in Dataset.import_from(tmp_path / "out", WORDS)] == ["a, b"]


def test_texts_with_nul_come_back_without(tmp_path: Path) -> None:
    box = Bbox(0, 0, 1, 1, attributes={"text": "a\0b"})
    dataset = Dataset.from_iterable([DatasetItem("x", "train", None, [box])])
    report = dataset.export(tmp_path / "out", PLACES)
    assert [event.code for event in report.losses] == ["DSK-L004"]
    (item,) = Dataset.import_from(tmp_path / "out", PLACES)
    assert item.annotations[0].attributes == {"text": "a b"}


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
