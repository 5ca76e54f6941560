"""Lists of PaddleOCR and its tool PPOCRLabel."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from dsk.annotations import Caption, Polygon
from dsk.dataset import Dataset
from dsk.errors import RecordError
from dsk.files import open_root
from dsk.opening import open_dataset
from dsk.pixels import encode
from dsk_ocr.detect import detect_recognition

PLACES = "icdar_text_localization"
WORDS = "icdar_word_recognition"

PICTURE = encode(np.zeros((10, 20, 3), np.uint8), ".png")
SQUARE = [[1, 1], [5, 1], [5, 4.5], [1, 4]]


def write(path: Path, content: str | bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content if isinstance(content, bytes) else content.encode())


def line(image: str, *texts: Any) -> str:
    return f"{image}\t{json.dumps(list(texts), ensure_ascii=False)}\n"


def text(transcription: str, **more: Any) -> dict[str, Any]:
    return {"transcription": transcription, "points": SQUARE, **more}


@pytest.fixture
def label(tmp_path: Path) -> Path:
    """Make a folder as PPOCRLabel leaves it."""
    folder = tmp_path / "shop"
    first = line("shop/a.png", text("Ünï, \t", difficult=False), text("###", difficult=True))
    write(folder / "Label.txt", "\ufeff" + first + "\n" + line("shop/b c.png"))
    write(folder / "fileState.txt", "/home/me/shop/a.png\t1\n/home/me/shop/b c.png\t1\n")
    write(folder / "rec_gt.txt", "crop_img/a_crop_0.png\tÜnï\n")
    for name in ("a.png", "b c.png", "unseen.png", "crop_img/a_crop_0.png"):
        write(folder / name, PICTURE)
    return folder


@pytest.mark.parametrize("given", ["", "Label.txt", ".."])
def test_folder_of_ppocrlabel(label: Path, given: str) -> None:
    dataset = open_dataset((label / given).resolve(), None, {})
    assert dataset.format == PLACES
    items = list(dataset.read(dataset.opening_ledger))
    subset = "shop" if given == ".." else "default"
    assert [(item.subset, item.id) for item in items] == [(subset, "a"), (subset, "b c")]
    first, second = items[0].annotations
    assert isinstance(first, Polygon)
    assert list(first.points) == [1, 1, 5, 1, 5, 4.5, 1, 4]
    assert first.attributes == {"text": "Ünï, \t", "difficult": False}
    assert second.attributes == {"text": "###", "difficult": True}
    assert all(item.media is not None and item.media.read_bytes() == PICTURE for item in items)
    assert len(dataset.opening_ledger.warnings) == 1
    assert "unseen.png" in next(iter(dataset.opening_ledger.warnings))


def test_lists_tell_subsets(tmp_path: Path) -> None:
    folder = tmp_path / "text_localization"
    for split in ("train", "test"):
        write(folder / f"{split}_icdar2015_label.txt", line(f"{split}_imgs/a.png", text(split)))
        write(folder / f"{split}_imgs/a.png", PICTURE)
    dataset = Dataset.import_from(tmp_path)
    assert dataset.format == PLACES
    found = {(i.subset, i.id): i.annotations[0].attributes["text"] for i in dataset}
    assert found == {("test", "test_imgs/a"): "test", ("train", "train_imgs/a"): "train"}


def test_lists_beside_texts_of_single_images_are_told(tmp_path: Path) -> None:
    write(tmp_path / "gt_a.txt", '1 2 3 4 "x"\n')
    write(tmp_path / "images/a.png", PICTURE)
    write(tmp_path / "all.txt", line("images/a.png", text("x")))
    dataset = open_dataset(tmp_path, None, {})
    assert [len(item.annotations) for item in dataset.read(dataset.opening_ledger)] == [1]
    assert any(note.startswith("all.txt is not read") for note in dataset.opening_ledger.warnings)
    (item,) = Dataset.import_from(tmp_path / "all.txt", PLACES)
    assert item.annotations[0].attributes == {"text": "x"}


@pytest.mark.parametrize(
    ("bad", "message"),
    [
        ('a.png\t[{"transcription": "x", "points": [[1, 2], [3, 4]]}]', "three points"),
        ('a.png\t[{"transcription": "x"}]', "points: Expected"),
        ('a.png\t[{"transcription": "x", "points": [[1, NaN]]}]', "NaN"),
        ('a.png\t[{"transcription": "x", ', "ends early"),
        ("../a.png\t[]", r"\.\."),
        ("a.png", "tab"),
    ],
)
def test_bad_lines_are_told(tmp_path: Path, bad: str, message: str) -> None:
    write(tmp_path / "Label.txt", f"{line('b.png', text('y'))}\n{bad}\n")
    with pytest.raises(RecordError, match=message) as caught:
        list(Dataset.import_from(tmp_path, PLACES))
    assert caught.value.where.endswith("Label.txt:3")
    found = {i.id: len(i.annotations) for i in Dataset.import_from(tmp_path, on_error="skip")}
    assert found["b"] == 1
    assert not found.get("a")


def test_other_facts_of_texts(tmp_path: Path) -> None:
    write(tmp_path / "Label.txt", line("a.png", text("x", key_cls="name", linking=[[1, 2]])))
    dataset = open_dataset(tmp_path, None, {})
    ledger = dataset.opening_ledger
    (item,) = dataset.read(ledger)
    assert item.annotations[0].attributes == {"text": "x", "key_cls": "name"}
    assert [(code, what) for code, what, _ in ledger.events] == [("DSK-L011", "linking of texts")]


def test_lists_of_words_called_like_subsets(tmp_path: Path) -> None:
    """Their names of images begin with the folder that they lie in."""
    for split in ("train", "val"):
        lines = "".join(f"rec/{split}/{n}.png\tword {n}\n" for n in range(3))
        write(tmp_path / f"rec/{split}.txt", lines)
        for n in range(3):
            write(tmp_path / f"rec/{split}/{n}.png", PICTURE)
    dataset = Dataset.import_from(tmp_path)
    assert dataset.format == WORDS
    items = {(item.subset, item.id): item for item in dataset}
    assert len(items) == 6
    item = items["train", "train/0"]
    assert item.annotations == [Caption("word 0")]
    assert item.media is not None
    assert item.media.read_bytes() == PICTURE


@pytest.mark.parametrize(
    ("name", "subset"),
    [("train_list.txt", "train"), ("rec_gt_train.txt", "train"), ("val_label.txt", "val")],
)
def test_names_of_lists_of_words(tmp_path: Path, name: str, subset: str) -> None:
    write(tmp_path / name, "a.png\tone\nb.png\ttwo\n")
    dataset = Dataset.import_from(tmp_path)
    assert dataset.format == WORDS
    assert [(i.subset, i.id) for i in dataset] == [(subset, "a"), (subset, "b")]


@pytest.mark.parametrize(
    "lines",
    [
        "".join(f"{n}.png\t{'cat' if n % 2 else 'dog'}\n" for n in range(9)),
        "a.png\t3\nb.png\t4\n",
        "a.png\ta_mask.png\nb.png\tb_mask.png\n",
        "a.png one\nb.png two\n",
    ],
    ids=["classes", "numbers", "masks", "blanks"],
)
def test_other_lists_called_like_subsets(tmp_path: Path, lines: str) -> None:
    write(tmp_path / "train.txt", lines)
    assert detect_recognition(open_root(tmp_path)) is None
