"""MOTS: maps, texts, labels, what is written."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
from PIL import Image as PilImage

from dsk import Dataset
from dsk.annotations import Mask
from dsk.categories import Categories
from dsk.errors import InputError, OutputError, RecordError
from dsk.files import open_root
from dsk.item import DatasetItem
from dsk.masks import encode_counts, from_dense
from dsk.media import Image
from dsk.rle import from_dense as rle_from_dense
from dsk_tracking.detect import detect_mots

if TYPE_CHECKING:
    from pathlib import Path

VALUES = np.array([[0, 1001, 1001, 10000], [2005, 2005, 0, 10000]], np.uint16)


def save(path: Path, pixels: np.ndarray) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    PilImage.fromarray(pixels).save(path)


def facts(dataset: Dataset) -> dict[str, list[tuple[str | None, int, int]]]:
    names = dataset.categories().names
    return {
        item.id: [
            (names[a.label] if a.label is not None else None, a.object_id, int(a.image.sum()))
            for a in item.annotations
        ]
        for item in dataset
    }


EXPECTED = [("car", 1, 2), ("pedestrian", 5, 2), ("ignored", 0, 2)]


@pytest.mark.parametrize(
    ("beside", "score"), [("images", 75), ("labels", 30), ("panoptic", 30), ("polygons", 30)]
)
def test_instance_maps_of_mapillary_vistas_are_others(
    tmp_path: Path, beside: str, score: int
) -> None:
    save(tmp_path / "v1.2/instances/a.png", VALUES)
    save(tmp_path / f"v1.2/{beside}/a.png", np.zeros((2, 4), np.uint8))
    found = detect_mots(open_root(tmp_path))
    assert found is not None
    assert found.score == score
    (tmp_path / "v1.2/instances/labels.txt").write_text("car\n")
    found = detect_mots(open_root(tmp_path))
    assert found is not None
    assert found.score == 75


def test_official_classes(tmp_path: Path) -> None:
    save(tmp_path / "instances/0002/000000.png", VALUES)
    dataset = Dataset.import_from(tmp_path, "mots")
    assert facts(dataset) == {"0002/000000": EXPECTED}
    assert [a.z_order for item in dataset for a in item.annotations] == [0, 0, 1]


def lines_of(frame: int) -> str:
    lines = []
    for value in (1001, 2005, 10000):
        counts = encode_counts(from_dense(value == VALUES)).decode()
        lines.append(f"{frame} {value} {value // 1000} 2 4 {counts}\r\n")
    return "".join(lines)


@pytest.mark.parametrize("mark", ["", "\ufeff"])
def test_texts(tmp_path: Path, mark: str) -> None:
    (tmp_path / "instances_txt").mkdir()
    (tmp_path / "instances_txt/0002.txt").write_text(mark + lines_of(7))
    assert facts(Dataset.import_from(tmp_path)) == {"0002/000007": EXPECTED}
    save(tmp_path / "images/0002/000007.png", VALUES)
    assert next(iter(Dataset.import_from(tmp_path, "mots"))).media is not None


@pytest.mark.parametrize(
    "line",
    ["1 1001 2 2 4 08", "1 1001 1 2 4", "1 1001 1 2 4 09", "1 x 1 2 4 08", "1 9001 9 2 4 08"],
)
def test_bad_lines_of_texts(tmp_path: Path, line: str) -> None:
    (tmp_path / "instances_txt").mkdir()
    (tmp_path / "instances_txt/0002.txt").write_text(f"{line}\n")
    with pytest.raises(RecordError, match=r"0002\.txt:1"):
        list(Dataset.import_from(tmp_path, "mots"))


def test_masks_of_eight_bits_are_refused(tmp_path: Path) -> None:
    save(tmp_path / "instances/1.png", VALUES.astype(np.uint8))
    with pytest.raises(RecordError, match="8 bits"):
        list(Dataset.import_from(tmp_path, "mots"))


@pytest.mark.parametrize("kind", [3, 4])
def test_class_without_label(tmp_path: Path, kind: int) -> None:
    save(tmp_path / "instances/1.png", np.full((2, 2), 1000 * kind + 1, np.uint16))
    with pytest.raises(RecordError, match=f"class {kind}, there are 2 labels"):
        list(Dataset.import_from(tmp_path, "mots"))


def test_what_has_no_class_is_told_and_the_rest_is_read(tmp_path: Path) -> None:
    save(tmp_path / "instances/0002/000000.png", np.array([[7, 1001, 4001]], np.uint16))
    with pytest.raises(RecordError, match=r"0002/000000\.png: .*class 4, there are 2 labels"):
        list(Dataset.import_from(tmp_path, "mots"))
    dataset = Dataset.import_from(tmp_path, "mots", on_error="skip")
    report = dataset.export(tmp_path / "out", "mots")
    assert facts(Dataset.import_from(tmp_path / "out")) == {"0002/000000": [("car", 1, 1)]}
    assert report.errors == 1
    assert report.warnings == {"values below 1000 are of no class and left out": 1}


def test_lines_of_labels_number_classes(tmp_path: Path) -> None:
    save(tmp_path / "instances/1.png", np.array([[3001]], np.uint16))
    (tmp_path / "instances/labels.txt").write_bytes(b"\xef\xbb\xbfcar \r\n\r\n truck\r\n\r\n")
    dataset = Dataset.import_from(tmp_path, "mots")
    assert dataset.categories().names == ["car", "class_2", "truck"]
    assert facts(dataset) == {"1": [("truck", 1, 1)]}


def test_ignored_may_be_a_stated_label(tmp_path: Path) -> None:
    save(tmp_path / "instances/1.png", np.array([[2001, 10000]], np.uint16))
    (tmp_path / "instances/labels.txt").write_text("car\nignored\n")
    found = facts(Dataset.import_from(tmp_path, "mots"))
    assert found == {"1": [("ignored", 1, 1), ("ignored", 0, 1)]}


def test_images_of_kitti(tmp_path: Path) -> None:
    save(tmp_path / "instances/0002/000000.png", VALUES)
    save(tmp_path / "training/image_02/0002/000000.png", VALUES)
    (item,) = Dataset.import_from(tmp_path, "mots")
    assert item.media.path == "training/image_02/0002/000000.png"
    assert item.media.exists


def challenge(folder: Path, *frames: int, told: bool = True) -> None:
    """Write a sequence of MOTSChallenge; its first frame has objects if that is to be told."""
    for frame in frames:
        save(folder / f"img1/{frame:06d}.jpg", np.zeros((2, 4, 3), np.uint8))
    (folder / "seqinfo.ini").write_text("[Sequence]\nimDir=img1\n")
    if told:
        (folder / "gt").mkdir()
        (folder / "gt/gt.txt").write_text(lines_of(frames[0]))


def test_sequences_of_the_challenge(tmp_path: Path) -> None:
    challenge(tmp_path / "MOTS/train/MOTS20-02", 1, 2)
    challenge(tmp_path / "MOTS/train/MOTS20-05", 1)
    challenge(tmp_path / "MOTS/test/MOTS20-01", 1, told=False)
    dataset = Dataset.import_from(tmp_path)
    assert dataset.format == "mots"
    assert [(i.subset, i.id, len(i.annotations), i.media.exists) for i in dataset] == [
        ("test", "MOTS20-01/000001", 0, True),
        ("train", "MOTS20-02/000001", 3, True),
        ("train", "MOTS20-02/000002", 0, True),
        ("train", "MOTS20-05/000001", 3, True),
    ]
    assert facts(dataset)["MOTS20-02/000001"] == EXPECTED
    train = Dataset.import_from(tmp_path / "MOTS/train", "mots")
    assert {(i.subset, i.id.split("/")[0]) for i in train} == {
        ("train", "MOTS20-02"),
        ("train", "MOTS20-05"),
    }
    alone = Dataset.import_from(tmp_path / "MOTS/train/MOTS20-02")
    assert facts(alone) == {"000001": EXPECTED, "000002": []}


def test_boxes_are_no_masks(tmp_path: Path) -> None:
    challenge(tmp_path / "train/MOT17-02", 1)
    (tmp_path / "train/MOT17-02/gt/gt.txt").write_text("1,1,0,0,1,1,1,1,1\n")
    assert Dataset.import_from(tmp_path).format == "mot_seq"
    with pytest.raises(InputError, match="no sequence"):
        Dataset.import_from(tmp_path, "mots")


def mask(pixels: list[list[int]], **fields: object) -> Mask:
    return Mask(rle_from_dense(np.array(pixels)), **{"label": 0, **fields})


def export(tmp_path: Path, masks: list[Mask], names: tuple[str, ...] = ("car",)) -> tuple:
    dataset = Dataset.from_iterable(
        [DatasetItem("1", "train", None, masks)], Categories.from_names(names)
    )
    report = dataset.export(tmp_path / "out", "mots_png", overwrite=True)
    return report, np.asarray(PilImage.open(tmp_path / "out/train/instances/1.png"))


def test_values(tmp_path: Path) -> None:
    masks = [
        mask([[1, 0, 0]], attributes={"track_id": 7}),
        mask([[0, 1, 0]]),
        mask([[0, 0, 1]], label=1),
    ]
    report, pixels = export(tmp_path, masks, ("car", "ignored"))
    assert pixels.tolist() == [[1007, 1001, 10000]]
    assert [event.code for event in report.events] == ["DSK-L015"]


def test_hidden_masks_are_reported(tmp_path: Path) -> None:
    masks = [
        mask([[1, 1, 0]], z_order=0, object_id=1),
        mask([[0, 1, 1]], z_order=1, object_id=2),
        mask([[0, 0, 1]], z_order=0, object_id=3),
    ]
    report, pixels = export(tmp_path, masks)
    assert pixels.tolist() == [[1001, 1002, 1002]]
    assert {"DSK-L006", "DSK-L017"} <= {event.code for event in report.events}
    assert report.annotations["out"] == 2


def test_masks_of_another_size_are_dropped(tmp_path: Path) -> None:
    masks = [mask([[1, 1]], object_id=1), mask([[1, 1, 0]], object_id=2)]
    dataset = Dataset.from_iterable(
        [
            DatasetItem("1", "train", Image("1.jpg", None, None, (1, 3)), masks),
            DatasetItem("2", "train", None, masks),
        ],
        ["car"],
    )
    report = dataset.export(tmp_path / "out", "mots_png")
    assert {(e.code, e.what, e.count) for e in report.events} == {
        ("DSK-L018", "mask of another size than the map of its image", 2)
    }
    maps = [PilImage.open(tmp_path / f"out/train/instances/{n}.png") for n in "12"]
    assert [np.asarray(pixels).tolist() for pixels in maps] == [[[1002, 1002, 0]], [[1001, 1001]]]


def test_images_that_claim_to_be_huge_have_no_map(tmp_path: Path) -> None:
    huge = Image("1.jpg", None, None, (1 << 20, 1 << 20))
    items = [
        DatasetItem("1", "train", huge, []),
        DatasetItem("2", "train", huge, [mask([[1, 1]], object_id=3)]),
    ]
    report = Dataset.from_iterable(items, ["car"]).export(tmp_path / "out", "mots_png")
    assert [(e.code, e.samples[0].item) for e in report.events] == [("DSK-L008", "1")]
    found = np.asarray(PilImage.open(tmp_path / "out/train/instances/2.png"))
    assert found.tolist() == [[1003, 1003]]


def test_pieces_of_one_track_become_one_mask(tmp_path: Path) -> None:
    report, _ = export(tmp_path, [mask([[1, 0, 0]], object_id=1), mask([[0, 0, 1]], object_id=1)])
    assert report.annotations["merged"] == 1


def test_new_tracks_are_free_in_their_class(tmp_path: Path) -> None:
    pixels = np.eye(4, dtype=int)[:, None]
    tracks = (2, -1, -1, -1)
    masks = [
        mask(p, object_id=t, label=n == 3)
        for n, (p, t) in enumerate(zip(pixels, tracks, strict=True))
    ]
    _, found = export(tmp_path, masks, ("car", "dog"))
    assert found.tolist() == [[1002, 1001, 1003, 2001]]


def test_names_that_no_line_can_hold(tmp_path: Path) -> None:
    names = ("a", " a", "b\nc")
    dataset = Dataset.from_iterable(
        [DatasetItem("1", "train", None, [mask([[1]], label=2)])], Categories.from_names(names)
    )
    report = dataset.export(tmp_path / "lines", "mots")
    told = {event.what for event in report.events if event.code == "DSK-L010"}
    assert told == {"label name ' a' becomes 'a_2'", "label name 'b\\nc' becomes 'b_c'"}
    assert Dataset.import_from(tmp_path / "lines").categories().names == ["a", "a_2", "b_c"]
    report = dataset.export(tmp_path / "meta", "mots", save_dataset_meta=True)
    assert "DSK-L010" not in {event.code for event in report.events}
    assert Dataset.import_from(tmp_path / "meta").categories().names == list(names)


def test_tracks_beyond_999_are_refused(tmp_path: Path) -> None:
    with pytest.raises(OutputError, match="track 1000"):
        export(tmp_path, [mask([[1]], object_id=1000)])
