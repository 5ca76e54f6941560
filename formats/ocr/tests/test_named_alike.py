"""Texts that are named like their images: SROIE, MLT of 2019."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from dsk import Dataset
from dsk.detect import detect
from dsk.files import open_root

if TYPE_CHECKING:
    from pathlib import Path

PLACES = "icdar_text_localization"
QUAD = "1,2,3,4,5,6,7,8,a\n"


def write(path: Path, text: str = "") -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(text.encode())


RECEIPT = "72,25,326,25,326,64,72,64,TAN WOON, YANN\r\n1,2,3,2,3,4,1,4,9.00\r\n1,2,3,2,3,4,1,4,\r\n"
FACTS = '{\n    "company": "BOOK TA .K SDN BHD",\n    "total": "9.00"\n}'
SCRIPTED = "\ufeff1,2,3,2,3,4,1,4,Arabic,###\n1,2,3,2,3,4,1,4,None,\n"
SROIE, COPY = "X51005230605(1)", "SROIE2019"
TASK1, TASK2, TEST1, TESTS = (
    "0325updated.task1train(626p)",
    "0325updated.task2train(626p)",
    "task1&2_test(361p)",
    "text.task1&2-test(361p)",
)


@pytest.mark.parametrize(
    ("texts", "others", "images", "expected"),
    [
        pytest.param([SROIE], [], [SROIE], [("default", 0)], id="SROIE's first task"),
        pytest.param(
            [f"{TASK1}/{SROIE}", f"{TESTS}/X1"],
            [f"{TASK2}/{SROIE}"],
            [f"{TASK1}/{SROIE}", f"{TEST1}/X1", "task3-test 347p) -/X2"],
            [(TASK1, 0), (TESTS, 1)],
            id="all that SROIE has",
        ),
        pytest.param(
            [f"box/{SROIE}"],
            [f"entities/{SROIE}"],
            [f"img/{SROIE}"],
            [("box", 0)],
            id="box and img",
        ),
        pytest.param(
            [f"{COPY}/train/box/{SROIE}", f"{COPY}/test/box/X1"],
            [f"{COPY}/train/entities/{SROIE}", f"{COPY}/test/entities/X1"],
            [f"{COPY}/train/img/{SROIE}", f"{COPY}/test/img/X1"],
            [("train", 0), ("test", 1)],
            id="box and img in subsets",
        ),
    ],
)
def test_receipts(
    tmp_path: Path,
    texts: list[str],
    others: list[str],
    images: list[str],
    expected: list[tuple[str, int]],
) -> None:
    """SROIE: as the competition has it, and as copies arrange it."""
    write(tmp_path / "readme.txt", "hello\n")
    for names, text in ((texts, RECEIPT), (others, FACTS)):
        for name in names:
            write(tmp_path / f"{name}.txt", text)
    for name in images:
        write(tmp_path / f"{name}.jpg")
    dataset = Dataset.import_from(tmp_path)
    assert dataset.format == PLACES
    assert sorted((i.subset, i.id, i.media.path) for i in dataset) == sorted(
        (subset, images[place].rpartition("/")[2], f"{images[place]}.jpg")
        for subset, place in expected
    )
    assert [a.attributes for a in next(iter(dataset)).annotations] == [
        {"text": "TAN WOON, YANN"},
        {"text": "9.00"},
        {},
    ]
    assert sorted(dataset.opening_ledger.warnings) == sorted(
        f"the texts in {name.rpartition('/')[0]} are JSON, not lines: they are left out"
        for name in others
    )


@pytest.mark.parametrize("own", [False, True])
@pytest.mark.parametrize("texts", ["train_gt_t13", "train_gt"])
def test_texts_in_many_scripts(tmp_path: Path, texts: str, own: bool) -> None:
    """MLT of 2019, whose archives may have been unpacked into folders of their own names."""
    parts = {
        name: f"{name}/{name}" if own else name for name in (texts, "ImagesPart1", "ImagesPart2")
    }
    for number, ending in ((1, "jpg"), (2, "png")):
        name = f"tr_img_0000{number}"
        write(tmp_path / parts[texts] / f"{name}.txt", SCRIPTED)
        write(tmp_path / parts[f"ImagesPart{number}"] / f"{name}.{ending}")
    dataset = Dataset.import_from(tmp_path)
    assert dataset.format == PLACES
    assert [(i.subset, i.id, i.media.path) for i in dataset] == [
        (texts, "tr_img_00001", f"{parts['ImagesPart1']}/tr_img_00001.jpg"),
        (texts, "tr_img_00002", f"{parts['ImagesPart2']}/tr_img_00002.png"),
    ]
    assert [[a.attributes for a in item.annotations] for item in dataset] == [
        [{"text": "###", "script": "Arabic"}, {"script": "None"}]
    ] * 2
    assert not dataset.opening_ledger.warnings


def answers(path: Path) -> list[int]:
    return [found.score for found in detect(open_root(path), PLACES)]


@pytest.mark.parametrize(
    "line",
    [
        "684,8,273,116,0,0,0,0",
        "684,8,273,116,0,0,0,0,",
        "1,1,912,484,97,109,0,7,1",
        "1,2,912.5,484,97,109,-1,-1,-1,-1",
        "1,2,3,2,3,4,1,4,large-vehicle,1",
        "1 2 3 2 3 4 1 4 plane 0",
        "1,2,3,4,word",
        FACTS,
        "",
    ],
)
def test_other_texts_named_as_images(tmp_path: Path, line: str) -> None:
    """Boxes and flags (VisDrone), tracks (MOT), objects (DOTA), facts."""
    write(tmp_path / "images/a.jpg")
    write(tmp_path / "annotations/a.txt", f"{line}\n")
    assert answers(tmp_path) == []
    write(tmp_path / "annotations/a.txt", QUAD)
    assert answers(tmp_path) == [75]
    assert answers(tmp_path / "annotations/a.txt") == [75]


def test_texts_without_the_image_of_their_name(tmp_path: Path) -> None:
    write(tmp_path / "a.txt", QUAD)
    write(tmp_path / "b.jpg")
    assert answers(tmp_path) == []


def test_texts_named_like_their_images_with_the_ending(tmp_path: Path) -> None:
    for part in ("train", "test"):
        write(tmp_path / f"{part}_images/{part}.jpg", "x")
        write(tmp_path / f"{part}_gts/{part}.jpg.txt", QUAD)
    assert answers(tmp_path) == [75]
    items = list(Dataset.import_from(tmp_path, PLACES))
    assert [(i.subset, i.id, len(i.annotations)) for i in items] == [
        ("test_gts", "test", 1),
        ("train_gts", "train", 1),
    ]
    assert all(item.media is not None and item.media.exists for item in items)
