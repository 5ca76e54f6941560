"""Folders that hold label maps of several datasets, or files that are none."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from dsk import Dataset
from dsk.detect import detect
from dsk.errors import DskWarning, InputError
from dsk.files import open_root
from dsk_tfrecord.example import encode
from dsk_tfrecord.framing import frame

if TYPE_CHECKING:
    from pathlib import Path

FORMAT = "tf_detection_api"
PETS = "item { id: 1 name: 'cat' } item { id: 2 display_name: 'dog' }"
MANY = "item { id: 1 name: 'person' } item { id: 2 name: 'bicycle' } item { id: 3 name: 'car' }"


def records(*objects: tuple[str, int]) -> bytes:
    """Return a record for each object."""
    data = b""
    for number, (text, label) in enumerate(objects):
        corners = {f"image/object/bbox/{k}": [0.25] for k in ("xmin", "ymin")}
        ends = {f"image/object/bbox/{k}": [0.5] for k in ("xmax", "ymax")}
        features = {
            "image/filename": [f"{number}.jpg".encode()],
            "image/width": [8],
            "image/height": [8],
            "image/object/class/text": [text.encode()],
            "image/object/class/label": [label],
            **corners,
            **ends,
        }
        data += frame(encode(features))
    return data


def read(folder: Path, data: bytes) -> tuple[list[str], list[int | None], list[str]]:
    """Return the names of labels, the labels of the items, and the warnings."""
    (folder / "train.record").write_bytes(data)
    dataset = Dataset.import_from(folder, FORMAT)
    labels = [item.annotations[0].label for item in dataset]
    return dataset.categories().names, labels, list(dataset.opening_ledger.warnings)


@pytest.mark.parametrize("name", ["my_label_map.pbtxt", "my.pbtxt"])
def test_of_label_maps_that_disagree_that_of_the_records_counts(tmp_path: Path, name: str) -> None:
    (tmp_path / "a_label_map.pbtxt").write_text(MANY)
    (tmp_path / name).write_text(PETS)
    names, labels, (warning,) = read(tmp_path, records(("cat", 1), ("dog", 2), ("", 2)))
    assert (names, labels) == (["cat", "dog"], [0, 1, 1])
    assert "a_label_map.pbtxt" in warning


def test_records_without_numbers_tell_label_maps_apart(tmp_path: Path) -> None:
    (tmp_path / "a_label_map.pbtxt").write_text(MANY)
    (tmp_path / "b_label_map.pbtxt").write_text(PETS)
    assert read(tmp_path, records(("dog", 0)))[:2] == (["cat", "dog"], [1])


@pytest.mark.parametrize("objects", [[("", 1)], [("cat", 1), ("person", 1)], [("cow", 9)]])
def test_label_maps_that_disagree(tmp_path: Path, objects: list[tuple[str, int]]) -> None:
    (tmp_path / "a_label_map.pbtxt").write_text(MANY)
    (tmp_path / "b_label_map.pbtxt").write_text(PETS)
    with pytest.raises(InputError, match="in another label map"):
        read(tmp_path, records(*objects))


def test_those_called_label_maps_count_where_records_do_not_tell(tmp_path: Path) -> None:
    (tmp_path / "label-map.pbtxt").write_text(MANY)
    (tmp_path / "b.pbtxt").write_text(PETS)
    assert read(tmp_path, records(("", 3), ("cow", 9)))[0] == ["person", "bicycle", "car", "cow"]


def test_comments_before_a_graph(tmp_path: Path) -> None:
    (tmp_path / "graph.pbtxt").write_text("  # #" * 500 + "\n" + " # \n" * 100 + "node {}")
    (warning,) = read(tmp_path, records(("cat", 1)))[2]
    assert "graph.pbtxt is no label map" in warning


def test_graphs_are_no_label_maps(tmp_path: Path) -> None:
    (tmp_path / "graph.pbtxt").write_text('node {\n  name: "image_tensor"\n}\n')
    names, labels, (warning,) = read(tmp_path, records(("cat", 1)))
    assert (names, labels) == (["cat"], [0])
    assert "graph.pbtxt is no label map" in warning
    (tmp_path / "label_map.pbtxt").write_text("# ours\n" + PETS)
    assert read(tmp_path, records(("cat", 1))) == (["cat", "dog"], [0], [])
    (tmp_path / "label_map.pbtxt").write_text("node {}")
    with pytest.raises(InputError, match="an item is"):
        read(tmp_path, records(("cat", 1)))


def test_records_of_other_features(tmp_path: Path) -> None:
    features = {"file_name": [b"a.jpg"], "bboxes": [0.5, 0.5, 1.0, 1.0], "labels": [1]}
    (tmp_path / "a.tfrecord").write_bytes(frame(encode(features)))
    assert not [found for found in detect(open_root(tmp_path)) if found.format == FORMAT]
    with pytest.raises(InputError, match="their features are bboxes, file_name, labels"):
        Dataset.import_from(tmp_path, FORMAT)
    (tmp_path / "b.tfrecord").write_bytes(records(("cat", 1)))
    with pytest.warns(DskWarning, match="is not read"):
        assert len(list(Dataset.import_from(tmp_path, FORMAT))) == 2


def test_a_label_map_that_contradicts_itself(tmp_path: Path) -> None:
    text = "item { id: 1 name: 'cat' } item { id: 1 name: 'ox' }"
    (tmp_path / "label_map.pbtxt").write_text(text)
    with pytest.raises(InputError, match="the id 1 is 'cat' and 'ox' in one label map"):
        read(tmp_path, records(("cat", 1)))
