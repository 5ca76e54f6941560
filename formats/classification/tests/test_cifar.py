"""CIFAR: pickles, planes, labels."""

from __future__ import annotations

import os
import pickle
import warnings
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from dsk import Dataset
from dsk.annotations import Label
from dsk.categories import Categories, LabelCategory
from dsk.errors import DskWarning, InputError, LimitError, RecordError
from dsk.item import DatasetItem
from dsk.media import Image

if TYPE_CHECKING:
    from pathlib import Path

RNG = np.random.default_rng(7)


def write(root: Path, name: str = "data_batch_1", protocol: int = 2, **table: Any) -> Path:
    (root / name).write_bytes(pickle.dumps(table, protocol=protocol))
    return root


def batch(count: int = 2, **changes: Any) -> dict[str, Any]:
    table = {
        "batch_label": "training batch 1 of 5",
        "labels": [n % 3 for n in range(count)],
        "data": RNG.integers(0, 256, (count, 3072), dtype=np.uint8),
        "filenames": [f"image_{n}.png" for n in range(count)],
    }
    return {k: v for k, v in {**table, **changes}.items() if v is not None}


@pytest.mark.parametrize("protocol", [0, 2, 3, 4, 5])
def test_planes_are_red_green_blue(tmp_path: Path, protocol: int) -> None:
    table = batch(1)
    table["data"][0, :1024], table["data"][0, 1024:] = 255, 0
    write(tmp_path, protocol=protocol, **table)
    (item,) = Dataset.import_from(tmp_path, "cifar")
    assert item.media.data[0, 0].tolist() == [255, 0, 0]
    assert item.id == "image_0"
    assert Dataset.import_from(tmp_path).categories().names[:2] == ["airplane", "automobile"]


def test_texts_of_python_2_and_keys_of_bytes(tmp_path: Path) -> None:
    table = {k.encode(): v for k, v in batch(1).items()}
    table[b"filenames"] = [b"image_0.png"]
    (tmp_path / "data_batch_1").write_bytes(pickle.dumps(table, protocol=3))
    assert [item.id for item in Dataset.import_from(tmp_path, "cifar")] == ["image_0"]


class Bomb:
    def __init__(self, mark: str) -> None:
        self.mark = mark

    def __reduce__(self) -> tuple[Any, ...]:
        return os.mkdir, (self.mark,)


def test_nothing_in_a_pickle_is_run(tmp_path: Path) -> None:
    mark = tmp_path / "mark"
    write(tmp_path, **batch(1, labels=[Bomb(str(mark))]))
    with pytest.raises(InputError, match=r"mkdir, which is refused"):
        Dataset.import_from(tmp_path, "cifar")
    assert not mark.exists()


def test_coarse_labels_are_parents(tmp_path: Path) -> None:
    write(tmp_path, "meta", fine_label_names=["apple", "beaver"], coarse_label_names=["f", "m"])
    write(tmp_path, "train", **batch(2, labels=None, fine_labels=[1, 0], coarse_labels=[1, 0]))
    labels = Dataset.import_from(tmp_path, "cifar").categories().labels
    assert [(c.name, c.parent) for c in labels] == [("apple", "f"), ("beaver", "m")]


def test_cifar_100_without_names(tmp_path: Path) -> None:
    write(tmp_path, "data_batch_1", **batch(2, labels=None, fine_labels=[4, 1]))
    assert Dataset.import_from(tmp_path, "cifar").categories().names[-1] == "class-4"


def test_missing_and_equal_names(tmp_path: Path) -> None:
    write(tmp_path, "data_batch_1", **batch(2, filenames=None))
    write(tmp_path, "data_batch_2", **batch(3, filenames=["a.png", "a_2.png", "a.png"]))
    ids = [(item.subset[-1], item.id) for item in Dataset.import_from(tmp_path, "cifar")]
    assert ids == [("1", "0"), ("1", "1"), ("2", "a"), ("2", "a_2"), ("2", "a_3")]


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"labels": [1]}, InputError),
        ({"filenames": ["x.png"]}, InputError),
        ({"labels": [1, 99]}, RecordError),
        ({"data": np.zeros((2, 5), np.uint8)}, RecordError),
        ({"data": np.full((2, 3072), 999)}, InputError),
        ({"filenames": ["../../x.png", "y.png"]}, InputError),
    ],
)
def test_bad_columns(tmp_path: Path, changes: dict[str, Any], error: type[Exception]) -> None:
    write(tmp_path, "batches.meta", label_names=["a", "b", "c"])
    write(tmp_path, **batch(2, **changes))
    with pytest.raises(error):
        list(Dataset.import_from(tmp_path, "cifar"))


def rows(file: Path) -> dict[str, Any]:
    """Read a batch as torchvision does."""
    return pickle.loads(file.read_bytes(), encoding="latin1")


def items(*sizes: tuple[int, int] | None) -> list[DatasetItem]:
    media = [
        None
        if size is None
        else Image.from_array(RNG.integers(0, 256, (*size, 3), dtype=np.uint8), "x.png")
        for size in sizes
    ]
    return [
        DatasetItem(f"i{n}", "data_batch_1", image, [Label(label=n % 2)])
        for n, image in enumerate(media)
    ]


def test_official_readers_read_the_output(tmp_path: Path) -> None:
    given = items((32, 32), (32, 32))
    Dataset.from_iterable(given, ["a", "b"]).export(tmp_path / "o", "cifar", save_media=True)
    table = rows(tmp_path / "o" / "data_batch_1")
    data = np.vstack([table["data"]]).reshape(-1, 3, 32, 32).transpose(0, 2, 3, 1)
    assert np.array_equal(data, [item.media.data for item in given])
    assert table["data"].dtype == np.uint8
    assert table["labels"] == [0, 1]
    assert table["batch_label"] == "training batch 1 of 5"
    assert rows(tmp_path / "o" / "batches.meta") == {"label_names": ["a", "b"]}


@pytest.mark.parametrize("sizes", [((4, 5), (4, 5)), ((4, 5), (32, 32)), ((4, 5), None), (None,)])
def test_other_sizes_and_missing_images(tmp_path: Path, sizes: Any) -> None:
    given = items(*sizes)
    Dataset.from_iterable(given, ["a", "b"]).export(tmp_path / "o", "cifar", save_media=True)
    assert len(rows(tmp_path / "o" / "data_batch_1")["filenames"]) == len(sizes)
    for item, back in zip(given, Dataset.import_from(tmp_path / "o", "cifar"), strict=True):
        assert (item.media is None) == (back.media is None)
        assert item.media is None or np.array_equal(item.media.data, back.media.data)


def test_parents_make_cifar_100(tmp_path: Path) -> None:
    labels = (LabelCategory("a", "x"), LabelCategory("b"), LabelCategory("unused", "y"))
    categories = Categories(labels=labels)
    Dataset.from_iterable(items(None, None), categories).export(tmp_path / "o", "cifar")
    table = rows(tmp_path / "o" / "data_batch_1")
    assert (table["fine_labels"], table["coarse_labels"]) == ([0, 1], [0, None])
    assert Dataset.import_from(tmp_path / "o", "cifar").categories().labels == labels


def test_very_many_equal_names(tmp_path: Path) -> None:
    """What each name is numbered to is remembered: 50 000 took minutes."""
    names = ["a.png", "a_3.png", *["a.png"] * 3000]
    count = len(names)
    table = {"labels": [0] * count, "filenames": names}
    write(tmp_path, **table)
    ids = [item.id for item in Dataset.import_from(tmp_path, "cifar")]
    assert ids == ["a", "a_3", "a_2", *(f"a_{n}" for n in range(4, count + 1))]


@pytest.mark.parametrize("fine", [False, True])
def test_binary_version(tmp_path: Path, *, fine: bool) -> None:
    """A byte for each label, then the planes; CIFAR-100's coarse label comes first."""
    row = bytes([0, 1][not fine :]) + b"\xff" * 1024 + b"\0" * 1024 + b"\x07" * 1024
    home = tmp_path / "cifar"
    home.mkdir()
    (home / "test_batch.bin").write_bytes(row * 2)
    if fine:
        (home / "fine_label_names.txt").write_text("apple\r\nbee\r\n")
        (home / "coarse_label_names.txt").write_text("fruit\n")
    else:
        (home / "batches.meta.txt").write_text("cat\ndog\n\n")
    dataset = Dataset.import_from(tmp_path)
    first, second = dataset
    assert dataset.format == "cifar"
    assert (first.id, second.id, first.subset) == ("0", "1", "test_batch")
    names = [dataset.categories().labels[a.label].name for a in first.annotations]
    assert names == ["bee" if fine else "dog"]
    assert dataset.categories().labels[1].parent == ("fruit" if fine else "")
    assert first.media.data.shape == (32, 32, 3)
    assert first.media.data[31, 31].tolist() == [255, 0, 7]
    (home / "test_batch.bin").write_bytes(row[:-1])
    with pytest.raises(InputError, match="no whole number of rows"):
        Dataset.import_from(tmp_path)


def test_batches_that_are_no_pickles_are_told(tmp_path: Path) -> None:
    write(tmp_path, **batch())
    (tmp_path / "test_batch").write_bytes(b"")
    (tmp_path / "readme.html").write_bytes(b"<html>")
    dataset = Dataset.import_from(tmp_path, "cifar")
    (told,) = dataset.opening_ledger.warnings
    assert told == f"{tmp_path / 'test_batch'} is not read: it is no pickle"
    assert len(dataset) == 2


def test_backup_copies_are_no_subsets(tmp_path: Path) -> None:
    names = ("train.bak", "train~", "train.old~", "train.~1~")
    for name in ("train", "v1.0", "v1.1", "lone.bak", *names):
        write(tmp_path, name, **batch())
    for name in ("meta", "meta.bak", "meta~"):
        write(tmp_path, name, fine_label_names=["a", "b", "c"])
    write(tmp_path, "val.pkl", **batch())
    write(tmp_path, "val.pkl.orig", **batch())
    dataset = Dataset.import_from(tmp_path)
    assert dataset.format == "cifar"
    assert set(dataset.subsets()) == {"train", "v1.0", "v1.1", "lone.bak", "val"}
    told = dataset.opening_ledger.warnings
    assert f"{tmp_path / 'train~'} is not read: it is a copy of train" in told
    assert len(told) == len(names) + 3
    alone = Dataset.import_from(tmp_path / "train~", "cifar")
    assert set(alone.subsets()) == {"train~"}


def test_pickles_of_protocol_1(tmp_path: Path) -> None:
    write(tmp_path, protocol=1, **batch())
    assert len(list(Dataset.import_from(tmp_path))) == 2


def test_images_of_data_that_are_no_rows(tmp_path: Path) -> None:
    images = RNG.integers(0, 256, (2, 32, 32, 3), dtype=np.uint8)
    objects = np.empty(2, object)
    objects[:] = list(images)
    for data in (images, images.transpose(0, 3, 1, 2), objects):
        write(tmp_path, **batch(data=data))
        read = Dataset.import_from(tmp_path, "cifar")
        assert np.array_equal([item.media.data for item in read], images)
    write(tmp_path, **batch(data=images.reshape(2, 32, 96)))
    with pytest.raises(InputError, match="planes"):
        Dataset.import_from(tmp_path, "cifar")


def test_fractions_are_no_pixels(tmp_path: Path) -> None:
    write(tmp_path, **batch(data=np.full((2, 3072), 3.0)))
    assert Dataset.import_from(tmp_path, "cifar")
    write(tmp_path, **batch(data=np.full((2, 3072), 0.5)))
    with pytest.raises(InputError, match="whole numbers"):
        Dataset.import_from(tmp_path, "cifar")


@pytest.mark.parametrize("home", ["", "cifar-100-python"])
def test_cifar_100_without_its_meta_file(tmp_path: Path, home: str) -> None:
    (tmp_path / home).mkdir(exist_ok=True)
    for name in ("train", "test"):
        write(tmp_path / home, name, **batch(labels=None, fine_labels=[0, 5]))
    dataset = Dataset.import_from(tmp_path, "cifar")
    assert {item.subset for item in dataset} == {"train", "test"}
    assert dataset.categories().names == [f"class-{n}" for n in range(6)]


def test_a_second_dataset_is_told(tmp_path: Path) -> None:
    for name in ("cifar-10-batches-py", "cifar-100-python"):
        (tmp_path / name).mkdir()
        write(tmp_path / name, "meta", fine_label_names=["cat", "dog", "ox"])
        write(tmp_path / name, "train", **batch())
    with pytest.warns(DskWarning, match="cifar-10-batches-py is read; not read: cifar-100-python"):
        assert len(list(Dataset.import_from(tmp_path))) == 2


def test_batches_that_differ_in_their_ending(tmp_path: Path) -> None:
    write(tmp_path, "batches.meta", label_names=["cat", "dog", "ox"])
    for name in ("train", "train.pkl"):
        write(tmp_path, name, **batch())
    subsets = {item.subset for item in Dataset.import_from(tmp_path)}
    assert subsets == {"train", "train.pkl"}


@pytest.mark.parametrize(
    ("fine", "coarse", "lost"),
    [([0, 1, 0], [1, 0, 1], 0), ([0, 1, 0], [1, 0, 0], 1), ([0, None, 1], [1, 1, 7], 2)],
)
def test_coarse_labels_that_are_not_held(
    tmp_path: Path, fine: list[int], coarse: list[int], lost: int
) -> None:
    write(tmp_path, "meta", fine_label_names=["cat", "dog"], coarse_label_names=["a", "b"])
    table = batch(3, labels=None, fine_labels=fine, coarse_labels=coarse)
    write(tmp_path, "train", **table)
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        list(Dataset.import_from(tmp_path, "cifar"))
    texts = [str(w.message) for w in told if "coarse labels" in str(w.message)]
    assert [f"{lost} of the coarse" in text for text in texts] == [True] * bool(lost)


def test_a_label_that_would_make_labels_by_the_billion(tmp_path: Path) -> None:
    write(tmp_path, **batch(labels=[1, 2_000_000_000]))
    with pytest.raises(LimitError, match="2000000000"):
        Dataset.import_from(tmp_path, "cifar")
