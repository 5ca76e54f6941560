"""ADE20K of 2017 and 2020."""

from __future__ import annotations

import io
import json
import shutil
import tracemalloc
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from PIL import Image

from dsk import Dataset
from dsk.detect import detect
from dsk.errors import DskWarning, InputError, RecordError
from dsk.files import open_root
from dsk.media import Image as MediaImage
from dsk.testing import FormatSuite
from dsk_ade20k.maps import SceneMap, grey

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

SKY, DOOR = 1, 2  # class numbers


def png(pixels: Any) -> bytes:
    """Return a PNG file."""
    buffer = io.BytesIO()
    Image.fromarray(np.array(pixels, np.uint8)).save(buffer, "PNG")
    return buffer.getvalue()


def scene_map(numbers: list[list[int]], blues: list[list[int]]) -> bytes:
    """Return a map of class numbers and blue values."""
    classes, blue = np.array(numbers), np.array(blues)
    return png(np.stack([classes // 256 * 10, classes % 256, blue], axis=-1))


def make_2017(subset: Path) -> None:
    """Make a subset of 2017: an image of 2 × 3 pixels, two objects and a part."""
    folder = subset / "a" / "abbey"
    folder.mkdir(parents=True)
    (folder / "ADE_train_1.jpg").write_bytes(png(np.zeros((2, 3, 3))))
    seg = scene_map([[SKY, SKY, DOOR], [0, 0, DOOR]], [[40, 40, 200], [0, 0, 200]])
    (folder / "ADE_train_1_seg.png").write_bytes(seg)
    parts = scene_map([[0, 0, 300], [0, 0, 0]], [[0, 0, 9], [0, 0, 0]])
    (folder / "ADE_train_1_parts_1.png").write_bytes(parts)
    (folder / "ADE_train_1_atr.txt").write_text(
        '001 # 0 # 0 # sky # sky # ""\n'
        '002 # 0 # 1 # door, gate # door # "open, red"\n'
        '001 # 1 # 0 # knob # knob # ""\n'
    )


@pytest.fixture
def edition2017(tmp_path: Path) -> Path:
    """Return a dataset of one subset of 2017."""
    make_2017(tmp_path / "images" / "training")
    (tmp_path / "images" / "index.mat").write_bytes(b"MATLAB 5.0")
    return tmp_path / "images"


def described(*objects: dict[str, Any]) -> bytes:
    """Return a description of 2020."""
    return json.dumps({"annotation": {"filename": "1.jpg", "object": list(objects)}}).encode()


def thing(number: int, name: str, **changes: Any) -> dict[str, Any]:
    """Return an object of a description."""
    return {
        "id": number,
        "name": name,
        "name_ndx": number + 1,
        "raw_name": name,
        "attributes": [],
        "occluded": "no",
        "crop": 0,
        "parts": {"hasparts": [], "ispartof": [], "part_level": 0},
        "instance_mask": f"1/instance_{number:03}_1.png",
        "polygon": {"x": [0, 2, 2], "y": [0, 0, 1]},
        **changes,
    }


def make_2020(subset: Path, *objects: dict[str, Any]) -> None:
    """Make a subset of 2020: an image with these objects."""
    (subset / "1").mkdir(parents=True)
    (subset / "1.jpg").write_bytes(png(np.zeros((2, 3, 3))))
    (subset / "1.json").write_bytes(described(*objects))
    seg = scene_map([[1, 1, 2], [1, 1, 2]], [[5, 5, 9], [5, 5, 9]])
    (subset / "1_seg.png").write_bytes(seg)
    (subset / "1" / "instance_000_1.png").write_bytes(png([[255, 255, 128], [255, 255, 128]]))
    (subset / "1" / "instance_001_1.png").write_bytes(png([[0, 0, 255], [0, 0, 255]]))


@pytest.fixture
def edition2020(tmp_path: Path) -> Callable[..., Path]:
    """Return a function that makes a dataset of one subset of 2020 from objects."""

    def make(*objects: dict[str, Any]) -> Path:
        make_2020(tmp_path / "ADE" / "training", *objects)
        return tmp_path / "ADE"

    return make


class TestAde20k2017(FormatSuite):
    format = "ade20k2017"

    def make(self, folder: Path) -> None:
        for subset in ("training", "validation"):
            make_2017(folder / subset)


def read_2017(folder: Path, **options: object) -> Dataset:
    return Dataset.import_from(folder, "ade20k2017", **options)


def test_objects_and_parts(edition2017: Path) -> None:
    (item,) = read_2017(edition2017)
    assert (item.id, item.subset) == ("a/abbey/ADE_train_1", "training")
    names = read_2017(edition2017).categories().names
    found = [(names[a.label], a.id, a.group, a.z_order, a.attributes) for a in item.annotations]
    assert found == [
        ("sky", 1, 1, 0, {}),
        ("door", 2, 2, 0, {"open": True, "red": True}),
        ("knob", 1, 1, 1, {}),
    ]
    assert item.annotations[0].image.tolist() == [[True, True, False], [False, False, False]]
    assert item.annotations[1].image.tolist() == [[False, False, True], [False, False, True]]
    assert item.annotations[2].image.tolist() == [[False, False, True], [False, False, False]]


def test_details_2017(edition2017: Path) -> None:
    (item,) = read_2017(edition2017, details=True)
    assert item.annotations[1].attributes["occluded"] is True
    assert item.annotations[1].attributes["class"] == "door, gate"


def test_folder_above_the_subsets(edition2017: Path) -> None:
    assert [i.subset for i in read_2017(edition2017.parent)] == ["training"]


@pytest.mark.parametrize("name", ["training", "Validation", "val"])
def test_one_subset_alone(edition2017: Path, name: str) -> None:
    """Folders in it, which are scenes, are no subsets."""
    folder = (edition2017 / "training").rename(edition2017 / name)
    (item,) = read_2017(folder)
    assert (item.id, item.subset) == ("a/abbey/ADE_train_1", name)
    assert len(item.annotations) == 3
    assert [i.subset for i in read_2017(edition2017)] == [name]


def test_no_objects_2017(edition2017: Path) -> None:
    (edition2017 / "training/a/abbey/ADE_train_1_atr.txt").write_text("")
    (item,) = read_2017(edition2017)
    assert not item.annotations


@pytest.mark.parametrize(
    ("line", "what"),
    [
        ('001 # 0 # 0 # sky # ""', "6 columns"),
        ("001 # 0 # 0 # sky # sky # open", "double quotes"),
        ('one # 0 # 0 # sky # sky # ""', "whole numbers"),
    ],
)
def test_bad_lines(edition2017: Path, line: str, what: str) -> None:
    (edition2017 / "training/a/abbey/ADE_train_1_atr.txt").write_text(line + "\n")
    with pytest.raises(RecordError, match=what) as caught:
        list(read_2017(edition2017))
    assert caught.value.where.endswith("_atr.txt:1")


def test_object_without_pixels_gives_no_mask(edition2017: Path) -> None:
    file = edition2017 / "training/a/abbey/ADE_train_1_atr.txt"
    file.write_text(file.read_text() + '007 # 0 # 0 # car # car # ""\r\n')
    with pytest.warns(DskWarning, match="without a pixel"):
        (item,) = read_2017(edition2017)
    assert len(item.annotations) == 3


def test_maps_of_different_sizes(edition2017: Path) -> None:
    parts = edition2017 / "training/a/abbey/ADE_train_1_parts_1.png"
    parts.write_bytes(scene_map([[300]], [[9]]))
    with pytest.raises(RecordError, match="another size"):
        list(read_2017(edition2017))


def test_latin_1_names(edition2017: Path) -> None:
    file = edition2017 / "training/a/abbey/ADE_train_1_atr.txt"
    file.write_bytes('001 # 0 # 0 # café # café # ""\n'.encode("latin-1"))
    assert read_2017(edition2017).categories().names == ["café"]


def test_missing_description(edition2017: Path) -> None:
    second = edition2017 / "validation"
    shutil.copytree(edition2017 / "training", second)
    (second / "a/abbey/ADE_train_1_atr.txt").unlink()
    with pytest.raises(RecordError, match="no description"):
        list(read_2017(edition2017))


def test_other_folder(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"_atr\.txt"):
        read_2017(tmp_path)


class TestAde20k2020(FormatSuite):
    format = "ade20k2020"

    def make(self, folder: Path) -> None:
        for subset in ("training", "validation"):
            make_2020(folder / subset, thing(0, "wall"), thing(1, "door"))


def read(folder: Path, **options: Any) -> list[Any]:
    (item,) = Dataset.import_from(folder, "ade20k2020", **options)
    return list(item.annotations)


def test_classes_objects_and_outlines(edition2020: Callable[..., Path]) -> None:
    found = read(edition2020(thing(0, "wall"), thing(1, "door")))
    kinds = [(a.kind, a.id, a.group) for a in found]
    assert kinds == [
        ("mask", 1, 0),
        ("mask", 2, 2),
        ("mask", 0, 0),
        ("polygon", 0, 0),
        ("mask", 1, 1),
        ("polygon", 1, 1),
    ]
    assert list(found[3].points) == [0, 0, 2, 0, 2, 1]


def test_byte_order_mark(edition2020: Callable[..., Path]) -> None:
    folder = edition2020(thing(0, "wall"))
    plain = read(folder)
    for path in folder.rglob("*.json"):
        path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes())
    assert [a.kind for a in read(folder)] == [a.kind for a in plain]
    assert detect(open_root(folder))[0].format == "ade20k2020"


def test_hidden_pixels(edition2020: Callable[..., Path]) -> None:
    folder = edition2020(thing(0, "wall"))
    seen = read(folder, annotations="objects")[0]
    assert seen.image.sum() == 4
    whole = read(folder, annotations="objects", hidden=True)[0]
    assert whole.image.sum() == 6


def test_object_that_is_wholly_hidden(edition2020: Callable[..., Path]) -> None:
    folder = edition2020(thing(1, "door"))
    (folder / "training/1/instance_001_1.png").write_bytes(png([[0, 0, 128], [0, 0, 128]]))
    assert [a.kind for a in read(folder, annotations="objects")] == ["polygon"]
    whole = read(folder, annotations="objects", hidden=True)[0]
    assert whole.image.tolist() == [[False, False, True], [False, False, True]]


def test_hidden_object_without_an_outline(edition2020: Callable[..., Path]) -> None:
    folder = edition2020(thing(1, "door", polygon={"x": [], "y": []}))
    (folder / "training/1/instance_001_1.png").write_bytes(png([[0, 0, 128], [0, 0, 128]]))
    with pytest.warns(DskWarning, match="without a pixel"):
        assert not read(folder, annotations="objects")


def test_decoded_pixels_are_not_held() -> None:
    side, count = 200, 20
    given = [
        SceneMap(MediaImage.from_bytes(png(np.full((side, side), 255)), "x.png"), grey)
        for _ in range(count)
    ]
    tracemalloc.start()
    try:
        assert [scene_map.values() for scene_map in given] == [{255}] * count
        held, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert held < side * side * count / 4
    assert given[0].runs(frozenset({255})).size == (side, side)


def test_one_sort_only(edition2020: Callable[..., Path]) -> None:
    folder = edition2020(thing(0, "wall"), thing(1, "door"))
    assert [a.kind for a in read(folder, annotations="classes")] == ["mask", "mask"]


@pytest.mark.parametrize(
    ("given", "kept"),
    [([], {}), ("open", {"open": True}), (["open", "old"], {"open": True, "old": True})],
)
def test_attributes(edition2020: Callable[..., Path], given: Any, kept: dict[str, bool]) -> None:
    found = read(edition2020(thing(1, "door", attributes=given)), annotations="objects")
    assert found[0].attributes == kept


@pytest.mark.parametrize("outline", [[], {}, {"x": [], "y": []}])
def test_no_outline(edition2020: Callable[..., Path], outline: Any) -> None:
    found = read(edition2020(thing(0, "wall", polygon=outline)), annotations="objects")
    assert [a.kind for a in found] == ["mask"]


@pytest.mark.parametrize(
    "outline",
    [
        {"x": [1, 2], "y": [1, 2]},
        {"x": [1, 2, 3], "y": [1, 2]},
        {"x": 1, "y": 2},
        {"y": [1, 2, 3]},
        [1, 2],
    ],
)
def test_outlines_that_are_none_are_told(edition2020: Callable[..., Path], outline: Any) -> None:
    folder = edition2020(thing(0, "wall", polygon=outline))
    with pytest.warns(DskWarning, match="outlines without three whole points"):
        found = read(folder, annotations="objects")
    assert [a.kind for a in found] == ["mask"]


def test_single_object_is_no_list(edition2020: Callable[..., Path]) -> None:
    folder = edition2020()
    text = json.dumps({"annotation": {"object": thing(0, "wall")}})
    (folder / "training/1.json").write_text(text)
    assert len(read(folder, annotations="objects")) == 2


def test_no_objects(edition2020: Callable[..., Path]) -> None:
    assert read(edition2020()) == []


def test_missing_instance_mask(edition2020: Callable[..., Path]) -> None:
    folder = edition2020(thing(1, "door", instance_mask="1/gone.png"))
    with pytest.warns(DskWarning, match="not there"):
        found = read(folder, annotations="objects")
    assert [a.kind for a in found] == ["polygon"]


def test_instance_mask_outside(edition2020: Callable[..., Path]) -> None:
    folder = edition2020(thing(1, "door", instance_mask="../../../etc/passwd"))
    with pytest.raises(RecordError, match="leads out"):
        read(folder)


def test_damaged_description(edition2020: Callable[..., Path]) -> None:
    folder = edition2020(thing(0, "wall"))
    (folder / "training/1.json").write_text('{"annotation": {"object": [{"id": "x"')
    with pytest.raises(RecordError, match="no description of an image"):
        read(folder)


def test_details(edition2020: Callable[..., Path]) -> None:
    folder = edition2020(thing(0, "wall", occluded="yes", crop=1))
    found = read(folder, annotations="objects", details=True)
    assert found[0].attributes == {"occluded": True, "crop": True, "class": "wall"}


def test_groups_of_classes_are_not_those_of_objects(edition2020: Callable[..., Path]) -> None:
    root = edition2020(thing(0, "sky"), thing(1, "door"))
    (item,) = Dataset.import_from(root, "ade20k2020")
    assert [(a.kind, a.id, a.group) for a in item.annotations if a.group == 1] == [
        ("mask", 1, 1),
        ("polygon", 1, 1),
    ]
    (item,) = Dataset.import_from(root, "ade20k2020", annotations="classes")
    assert [(a.id, a.group) for a in item.annotations] == [(1, 1), (2, 2)]


def test_folders_above_the_archive(tmp_path: Path) -> None:
    make_2020(tmp_path / "my/copy/ADE20K_2021_17_01/images/ADE/training", thing(0, "sky"))
    (item,) = Dataset.import_from(tmp_path, "ade20k2020")
    assert (item.subset, item.id) == ("training", "1")
