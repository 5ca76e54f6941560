"""Cityscapes: layouts, values, traps."""

from __future__ import annotations

import json
import shutil
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from PIL import Image

from dsk import Categories, Dataset, DatasetItem, Mask
from dsk.errors import OptionError, OutputError, RecordError
from dsk.files import DirectoryRoot
from dsk.media import Image as MediaImage
from dsk.rle import from_dense
from dsk_scenes.cityscapes import detect as cityscapes_detect
from dsk_scenes.cityscapes.tables import LABELS, TRAIN_LABELS
from dsk_scenes.shared.labelmap import IndexReader

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

STEM = "aachen/aachen_000000_000019"
GT = f"gtFine/train/{STEM}_gtFine_"


def read(folder: Path, **options: Any) -> list[DatasetItem]:
    return list(Dataset.import_from(folder, "cityscapes", **options))


def named(folder: Path, **options: Any) -> list[tuple[str, int, bool]]:
    dataset = Dataset.import_from(folder, "cityscapes", **options)
    names = dataset.categories().names
    return [
        (names[a.label], a.id, a.attributes["is_crowd"]) for i in dataset for a in i.annotations
    ]


def test_objects_crowds_and_areas(png: Callable[..., Path], tmp_path: Path) -> None:
    png(f"{GT}instanceIds.png", [[26000, 26001, 26], [7, 7, 0]], np.uint16)
    assert named(tmp_path) == [
        ("unlabeled", 0, True),
        ("road", 0, True),
        ("car", 0, True),
        ("car", 0, False),
        ("car", 1, False),
    ]
    (item,) = read(tmp_path)
    assert item.annotations[3].image.tolist() == [[True, False, False], [False] * 3]


@pytest.mark.parametrize("images", ["leftImg8bit", "imgsFine/leftImg8bit"])
@pytest.mark.parametrize("above", ["", "data/Cityscapes/"])
def test_layouts(png: Callable[..., Path], tmp_path: Path, images: str, above: str) -> None:
    png(f"{above}{images}/train/{STEM}_leftImg8bit.png", [[0]])
    png(f"{above}{GT}instanceIds.png", [[7]], np.uint16)
    (item,) = read(tmp_path)
    assert (item.id, item.subset, item.media.exists) == (STEM, "train", True)
    assert len(item.annotations) == 1


def test_part_of_the_download_and_archive(png: Callable[..., Path], tmp_path: Path) -> None:
    png(f"{GT}labelIds.png", [[7]])
    for folder in (tmp_path, tmp_path / "gtFine"):
        assert [(i.id, i.subset) for i in read(folder)] == [(STEM, "train")]
    archive = shutil.make_archive(str(tmp_path / "gtFine_trainvaltest"), "zip", tmp_path, "gtFine")
    assert [len(i.annotations) for i in read(tmp_path.__class__(archive))] == [1]


def test_train_ids(png: Callable[..., Path], tmp_path: Path) -> None:
    png(f"{GT}instanceIds.png", [[26000, 7]], np.uint16)
    png(f"{GT}labelTrainIds.png", [[13, 255]])
    assert named(tmp_path) == [("car", 0, True)]  # 255 is void
    assert named(tmp_path, source="instance") == [("road", 0, True), ("car", 0, False)]


def test_coarse(png: Callable[..., Path], tmp_path: Path) -> None:
    png(f"gtCoarse/train/{STEM}_gtCoarse_instanceIds.png", [[24001]], np.uint16)
    png(f"{GT}instanceIds.png", [[26000]], np.uint16)
    assert named(tmp_path) == [("car", 0, False)]
    assert named(tmp_path, quality="coarse") == [("person", 1, False)]


def test_outlines(text: Callable[[str, str], Path], tmp_path: Path) -> None:
    ring = [[0, 0], [4, 0], [4, 4]]
    objects = [
        {"label": "traffic light", "polygon": ring},
        {"label": "car", "polygon": ring},
        {"label": "cargroup", "polygon": ring},
        {"label": "polegroup", "polygon": ring},
        {"label": "sky", "polygon": ring, "deleted": 1},
    ]
    text(f"{GT}polygons.json", json.dumps({"imgHeight": 4, "imgWidth": 4, "objects": objects}))
    assert named(tmp_path) == [
        ("trafficlight", 0, True),
        ("car", 0, False),
        ("car", 0, True),
        ("polegroup", 0, True),
    ]


def test_outlines_of_other_labels(text: Callable[[str, str], Path], tmp_path: Path) -> None:
    objects = [{"label": "lamp", "polygon": [[0, 0], [4, 0], [4, 4]]}]
    text(f"{GT}polygons.json", json.dumps({"objects": objects}))
    text("label_colors.txt", "0 0 0 void\n255 0 0 lamp\n")
    assert named(tmp_path) == [("lamp", 0, False)]


@pytest.mark.parametrize("above", ["", "Cityscapes/"])
@pytest.mark.parametrize(
    "name",
    [
        f"{GT}labelIds.png",
        f"leftImg8bit/train/{STEM}_leftImg8bit.png",
        f"leftImg8bit_sequence/train/{STEM}_leftImg8bit.png",
    ],
)
def test_told_beside_many_other_files(
    png: Callable[..., Path],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    above: str,
    name: str,
) -> None:
    monkeypatch.setattr(cityscapes_detect, "_FILES", 5)
    png(f"{above}{name}", [[7]])
    for number in range(5):
        png(f"{above}disparity/train/aachen/{number}_disparity.png", [[0]])
    detection = cityscapes_detect.detect(DirectoryRoot(tmp_path))
    assert detection is not None
    assert detection.reason.startswith(f"{above}{name}")


def test_sequences(png: Callable[..., Path], tmp_path: Path) -> None:
    png(f"leftImg8bit_sequence/train/{STEM}_leftImg8bit.png", [[0]])
    png(f"{GT}instanceIds.png", [[7]], np.uint16)
    assert [(i.id, i.subset, i.media.exists) for i in read(tmp_path)] == [(STEM, "train", True)]


def test_value_without_label(png: Callable[..., Path], tmp_path: Path) -> None:
    png(f"{GT}instanceIds.png", [[60000, 7]], np.uint16)
    with pytest.raises(RecordError, match="label 60"):
        read(tmp_path)


def dataset(*found: tuple[int, Any, dict[str, Any], int], labels: tuple[str, ...]) -> Dataset:
    masks = [
        Mask(from_dense(np.array(rows)), label=label, attributes=attributes, id=number)
        for label, rows, attributes, number in found
    ]
    return Dataset.from_iterable(
        [DatasetItem("a", "train", annotations=masks)], categories=Categories.from_names(labels)
    )


def pixels(folder: Path, kind: str) -> list[Any]:
    with Image.open(folder / f"gtFine/train/a_gtFine_{kind}.png") as picture:
        return np.asarray(picture).tolist()


def test_written_values(tmp_path: Path) -> None:
    given = dataset(
        (0, [[1, 0, 0, 0]], {"is_crowd": False}, 0),
        (0, [[0, 1, 0, 0]], {}, 5),
        (1, [[0, 0, 1, 0]], {"is_crowd": True}, 9),
        labels=("cat", "grass"),
    )
    given.export(tmp_path / "out", "cityscapes")
    assert pixels(tmp_path / "out", "instanceIds") == [[1000, 1005, 2, 0]]
    assert pixels(tmp_path / "out", "labelIds") == [[1, 1, 2, 0]]
    assert pixels(tmp_path / "out", "labelTrainIds") == [[1, 1, 2, 0]]
    assert np.array(pixels(tmp_path / "out", "color")).shape == (1, 4, 4)
    assert named(tmp_path / "out") == [
        ("grass", 0, True),
        ("cat", 0, False),
        ("cat", 5, False),
    ]


def test_official_labels(tmp_path: Path) -> None:
    given = dataset(
        (0, [[1, 0, 0]], {}, 3),
        (1, [[0, 1, 0]], {}, 0),
        (2, [[0, 0, 1]], {}, 0),
        labels=("road", "car", "unicorn"),
    )
    report = given.export(tmp_path / "out", "cityscapes", label_map="cityscapes", train_ids=True)
    assert pixels(tmp_path / "out", "instanceIds") == [[7, 26000, 0]]
    assert pixels(tmp_path / "out", "labelTrainIds") == [[0, 13, 255]]
    assert [(e.code, e.count) for e in report.events if e.code == "DSK-L017"] == [("DSK-L017", 1)]


def test_license_plates_are_not_drawn(tmp_path: Path) -> None:
    given = dataset(
        (0, [[1, 1, 0]], {"is_crowd": False}, 3),
        (1, [[0, 1, 0]], {"is_crowd": False}, 0),
        labels=("car", "license plate"),
    )
    report = given.export(tmp_path / "out", "cityscapes", label_map="cityscapes")
    assert pixels(tmp_path / "out", "instanceIds") == [[26003, 26003, 0]]
    assert [(e.code, e.count) for e in report.events if e.kind == "mask"] == [("DSK-L017", 1)]
    given.export(tmp_path / "own", "cityscapes")
    assert pixels(tmp_path / "own", "instanceIds") == [[1003, 2000, 0]]


@pytest.mark.parametrize(
    ("labels", "value"),
    [
        (("sky", *(e.name for e in LABELS if e.name != "sky")), 23),
        (("sky", *(e.name for e in TRAIN_LABELS[:-1] if e.name != "sky")), 23),
        (("sky",), 1),
        (("sky", *(e.name for e in TRAIN_LABELS[1:-1] if e.name != "sky")), 1),
        (("sky", *(e.name for e in TRAIN_LABELS if e.name != "sky")), 1),  # with a background
        (("sky", *(e.name for e in LABELS if e.name != "sky"), "unicorn"), 1),
        (("sky", *(e.name for e in LABELS if e.name != "sky"), "Sky"), 1),
    ],
)
def test_labels_that_are_all_cityscapes_own_have_its_ids(
    tmp_path: Path, labels: tuple[str, ...], value: int
) -> None:
    given = dataset((0, [[1, 0]], {"is_crowd": True}, 0), labels=labels)
    given.export(tmp_path / "out", "cityscapes")
    assert pixels(tmp_path / "out", "labelIds") == [[value, 0]]
    assert named(tmp_path / "out")[-1] == ("sky", 0, True)


def test_no_labels_are_not_cityscapes_own(tmp_path: Path) -> None:
    dataset(labels=()).export(tmp_path / "out", "cityscapes")
    assert not (tmp_path / "out/label_colors.txt").read_bytes()


def test_own_names_keep_their_colours(tmp_path: Path) -> None:
    others = (e.name for e in TRAIN_LABELS[:-1] if e.name not in ("sky", "road"))
    names = ("sky", "unlabeled", "road", *others)
    given = dataset((0, [[1, 0, 0]], {}, 0), (2, [[0, 1, 0]], {}, 0), labels=names)
    colors = {0: (1, 2, 3), 1: (4, 5, 6)}
    categories = Categories(labels=given.categories().labels, colors=colors)
    changed = Dataset.from_iterable(list(given), categories)
    report = changed.export(tmp_path / "out", "cityscapes")
    assert [(e.code, e.what) for e in report.losses] == [
        ("DSK-L010", "colour of label 'unlabeled', which is black here")
    ]
    assert pixels(tmp_path / "out", "color") == [
        [[1, 2, 3, 255], [128, 64, 128, 255], [0, 0, 0, 255]]
    ]
    assert pixels(tmp_path / "out", "labelIds") == [[23, 7, 0]]


def test_too_many_labels(tmp_path: Path) -> None:
    given = dataset((69, [[1]], {}, 0), labels=tuple(f"l{n}" for n in range(70)))
    with pytest.raises(OutputError, match="label 70"):
        given.export(tmp_path / "out", "cityscapes")
    assert not (tmp_path / "out").exists()


def test_unknown_label_map(tmp_path: Path) -> None:
    with pytest.raises(OptionError, match="no file"):
        dataset(labels=("a",)).export(tmp_path / "out", "cityscapes", label_map="nowhere.txt")


def test_overlap_is_reported(tmp_path: Path) -> None:
    given = dataset(
        (0, [[1, 1, 0]], {}, 0), (0, [[0, 1, 1]], {}, 1), (0, [[0, 1, 0]], {}, 2), labels=("a",)
    )
    report = given.export(tmp_path / "out", "cityscapes")
    counts = {event.code: event.count for event in report.events if event.kind == "mask"}
    assert counts == {"DSK-L006": 2}


def test_outlines_of_labels_with_blanks(text: Callable[[str, str], Path], tmp_path: Path) -> None:
    text("label_colors.txt", "0 0 0 void\n1 2 3 traffic light\n")
    ring = [[0, 0], [3, 0], [3, 3]]
    objects = [{"label": "traffic light", "polygon": ring}]
    text(f"{GT}polygons.json", json.dumps({"objects": objects}))
    assert named(tmp_path) == [("traffic light", 0, False)]


def test_fine_colours_alone_do_not_hide_coarse_maps(
    png: Callable[..., Path], tmp_path: Path
) -> None:
    png(f"{GT}color.png", [[[128, 64, 128]]])
    png(f"{GT}labelIds.png".replace("gtFine", "gtCoarse"), [[7]])
    assert named(tmp_path) == [("road", 0, True)]


def test_negative_values(tmp_path: Path) -> None:
    """-1 is no label; what lies below means nothing that is known."""
    image = MediaImage("a.tif", str(tmp_path / "a.tif"))
    for value, expected in ((-1, [-1, 7]), (0, [0, 7])):
        Image.fromarray(np.array([[value, 7]], np.int32)).save(tmp_path / "a.tif")
        assert IndexReader().read(image).tolist() == [expected]
    Image.fromarray(np.array([[-2, 7]], np.int32)).save(tmp_path / "a.tif")
    with pytest.raises(ValueError, match="-2"):
        IndexReader().read(image)


PERSON = {"instanceId": 24003, "bbox": [1, 2, 3, 4.5], "bboxVis": [1, 2, 2, 3], "label": "rider"}
BOXES = f"gtBboxCityPersons/val/{STEM}_gtBboxCityPersons.json"


def test_boxes_of_persons(
    png: Callable[..., Path], text: Callable[[str, str], Path], tmp_path: Path
) -> None:
    png(f"leftImg8bit/val/{STEM}_leftImg8bit.png", [[0]])
    png("leftImg8bit/test/a/a_000000_000019_leftImg8bit.png", [[0]])
    group = {"instanceId": 24, "bbox": [5, 6, 7, 8], "label": "person group"}
    text(BOXES, json.dumps({"imgHeight": 9, "imgWidth": 9, "objects": [PERSON, group]}))
    found = cityscapes_detect.detect(DirectoryRoot(tmp_path))
    assert found is not None
    assert found.score > 90
    dataset = Dataset.import_from(tmp_path)
    names = dataset.categories().names
    (val,) = [item for item in dataset if item.subset == "val"]
    assert (val.id, val.media.exists) == (STEM, True)
    assert [(a.bbox, names[a.label], a.id, a.attributes) for a in val.annotations] == [
        ((1, 2, 3, 4.5), "rider", 24003, {"visible_box": [1, 2, 2, 3]}),
        ((5, 6, 7, 8), "person group", 24, {}),
    ]
    assert len(list(dataset)) == 2
    # With maps, boxes are read on request only.
    png(f"gtFine/val/{STEM}_gtFine_labelIds.png", [[7]])
    assert [a.kind for item in read(tmp_path) for a in item.annotations] == ["mask"]
    found_on_request = [a for item in read(tmp_path, source="boxes") for a in item.annotations]
    assert [a.kind for a in found_on_request] == ["bbox", "bbox"]


@pytest.mark.parametrize(
    ("content", "where"),
    [
        (json.dumps({"objects": [{**PERSON, "label": "dog"}]}), "Persons.json#/objects/0"),
        (json.dumps({"objects": [{**PERSON, "bbox": [1, 2, 3]}]}), "Persons.json"),
        (json.dumps({"objects": [{**PERSON, "bbox": [1, 2, 3, None]}]}), "Persons.json"),
        ("{", "Persons.json"),
        ("[" * 100_000, "Persons.json"),
    ],
)
def test_bad_boxes_of_persons(
    text: Callable[[str, str], Path], tmp_path: Path, content: str, where: str
) -> None:
    text(BOXES, content)
    with pytest.raises(RecordError) as caught:
        read(tmp_path)
    assert caught.value.where.endswith(where)
    (item,) = read(tmp_path, on_error="skip")
    assert not item.annotations


def test_images_of_another_weather(png: Callable[..., Path], tmp_path: Path) -> None:
    """Foggy Cityscapes has three of each scene; what remains is told."""
    name = "a/a_000000_000001"
    for beta in ("0.005", "0.01"):
        png(f"leftImg8bit_foggy/train/{name}_leftImg8bit_foggy_beta_{beta}.png", [[0]])
    png(f"gtFine/train/{name}_gtFine_labelIds.png", [[7]])
    dataset = Dataset.import_from(tmp_path)
    (item,) = dataset
    assert (item.subset, item.id, len(item.annotations)) == ("train", name, 1)
    assert item.media.path.endswith("_beta_0.005.png")
    (warning,) = dataset.opening_ledger.warnings
    assert warning.startswith("1 further images")
    png(f"leftImg8bit/train/{name}_leftImg8bit.png", [[0]])
    (item,) = Dataset.import_from(tmp_path)
    assert item.media.path.endswith("_leftImg8bit.png")


def test_images_in_a_folder_of_the_archives_name(png: Callable[..., Path], tmp_path: Path) -> None:
    name = "a/a_000000_000001"
    png(f"leftImg8bit_trainvaltest/train/{name}_leftImg8bit.png", [[0]])
    png(f"gtFine/train/{name}_gtFine_labelIds.png", [[7]])
    (item,) = Dataset.import_from(tmp_path)
    assert item.media is not None
    assert not Dataset.import_from(tmp_path).opening_ledger.warnings


def test_outlines_of_other_labels_say_where_labels_are_named(tmp_path: Path) -> None:
    """As in datasets that are made like Cityscapes, with labels of their own."""
    outline = {"label": "rickshaw", "polygon": [[0, 0], [2, 0], [2, 2]]}
    path = tmp_path / f"{GT}polygons.json"
    path.parent.mkdir(parents=True)
    path.write_text(json.dumps({"objects": [outline]}))
    with pytest.raises(RecordError, match="'rickshaw' is unknown") as caught:
        read(tmp_path)
    assert "label_colors.txt" in caught.value.hint
    (tmp_path / "label_colors.txt").write_text("1 2 3 rickshaw\n")
    assert named(tmp_path) == [("rickshaw", 0, False)]
