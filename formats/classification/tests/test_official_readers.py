"""What we write, read by the rules of torchvision's readers."""

from __future__ import annotations

import gzip
import os
import pickle
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from dsk import Dataset
from dsk.annotations import Label
from dsk.categories import LabelCategory
from dsk.item import DatasetItem
from dsk.media import Image
from dsk.pixels import decode

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

RNG = np.random.default_rng(3)
ENDINGS = (".jpg", ".jpeg", ".png", ".ppm", ".bmp", ".pgm", ".tif", ".tiff", ".webp")
LABELS = ["cat", "Dog", "big bird"]


def made(shape: tuple[int, ...], subset: str, count: int = 5) -> list[DatasetItem]:
    arrays = [RNG.integers(0, 256, shape, dtype=np.uint8) for _ in range(count)]
    return [
        DatasetItem(f"{n}", subset, Image.from_array(array, f"{n}.png"), [Label(label=n % 3)])
        for n, array in enumerate(arrays)
    ]


def image_folder(root: Path) -> tuple[list[str], list[tuple[str, int]]]:
    """Return classes and samples as ``ImageFolder`` finds them."""
    classes = sorted(entry.name for entry in os.scandir(root) if entry.is_dir())
    samples = []
    for number, name in enumerate(classes):
        for at, _, files in sorted(os.walk(root / name, followlinks=True)):
            samples += [(f"{at}/{f}", number) for f in sorted(files) if f.lower().endswith(ENDINGS)]
    return classes, samples


@pytest.mark.parametrize("name", ["imagenet", "imagenet_with_subset_dirs"])
def test_image_folder(tmp_path: Path, name: str) -> None:
    subset = "default" if name == "imagenet" else "val"
    items = made((6, 5, 3), subset)
    Dataset.from_iterable(items, LABELS).export(tmp_path / "o", name, save_media=True)
    classes, samples = image_folder(tmp_path / "o" / ("" if name == "imagenet" else "val"))
    assert classes == sorted(LABELS)
    found = {file.rpartition("/")[2]: (file, classes[n]) for file, n in samples}
    assert len(samples) == len(items)
    for item in items:
        file, label = found[item.media.path]
        assert label == LABELS[item.annotations[0].label]
        assert np.array_equal(decode(Image.from_file(file)), item.media.data)


def idx(file: Path) -> NDArray[np.uint8]:
    """Return an array as ``read_sn3_pascalvincent_tensor`` does, after unpacking."""
    data = gzip.decompress(file.read_bytes())
    magic = int.from_bytes(data[:4], "big")
    assert magic // 256 == 8
    shape = [int.from_bytes(data[4 * n + 4 : 4 * n + 8], "big") for n in range(magic % 256)]
    parsed = np.frombuffer(data, np.uint8, offset=4 * (magic % 256 + 1))
    assert parsed.size == np.prod(shape)
    return parsed.reshape(shape)


@pytest.mark.parametrize(("subset", "stem"), [("train", "train"), ("test", "t10k")])
def test_mnist(tmp_path: Path, subset: str, stem: str) -> None:
    items = [i.replace(id=str(n)) for n, i in enumerate(made((28, 28), subset))]
    names = [str(n) for n in range(10)]
    Dataset.from_iterable(items, names).export(tmp_path / "o", "mnist", save_media=True)
    images = idx(tmp_path / "o" / f"{stem}-images-idx3-ubyte.gz")
    labels = idx(tmp_path / "o" / f"{stem}-labels-idx1-ubyte.gz")
    assert np.array_equal(images, [item.media.data for item in items])
    assert labels.tolist() == [item.annotations[0].label for item in items]


def pickled(file: Path) -> dict[str, Any]:
    with file.open("rb") as opened:
        return pickle.load(opened, encoding="latin1")


@pytest.mark.parametrize("coarse", [False, True])
def test_cifar(tmp_path: Path, *, coarse: bool) -> None:
    files = ["train"] if coarse else [f"data_batch_{n}" for n in range(1, 6)]
    items = [item.replace(id=f"{f}/{item.id}") for f in files for item in made((32, 32, 3), f)]
    labels = [LabelCategory(name, "animal" if coarse else "") for name in LABELS]
    Dataset.from_iterable(items, labels).export(tmp_path / "o", "cifar", save_media=True)
    data, targets = [], []
    for file in files:
        entry = pickled(tmp_path / "o" / file)
        data.append(entry["data"])
        targets.extend(entry["labels"] if "labels" in entry else entry["fine_labels"])
    pixels = np.vstack(data).reshape(-1, 3, 32, 32).transpose((0, 2, 3, 1))
    assert np.array_equal(pixels, [item.media.data for item in items])
    assert targets == [item.annotations[0].label for item in items]
    meta, key = ("meta", "fine_label_names") if coarse else ("batches.meta", "label_names")
    assert pickled(tmp_path / "o" / meta)[key] == LABELS


@pytest.mark.parametrize("encoding", ["bytes", "latin1", "ASCII"])
@pytest.mark.parametrize("coarse", [False, True])
def test_cifar_by_the_encoding_that_a_reader_asks_for(
    tmp_path: Path, encoding: str, *, coarse: bool
) -> None:
    """Keras and CIFAR's own page ask for bytes, and take keys to be such as in the files there."""
    labels = [LabelCategory(n, "animal" if coarse else "") for n in ("cat", "dög", "x" * 300)]
    items = made((32, 32, 3), "train")
    Dataset.from_iterable(items, labels).export(tmp_path / "o", "cifar", save_media=True)

    def text(words: str) -> str | bytes:
        return words.encode() if encoding == "bytes" else words

    table = pickle.loads((tmp_path / "o" / "train").read_bytes(), encoding=encoding)
    meta = (tmp_path / "o" / ("meta" if coarse else "batches.meta")).read_bytes()
    names = pickle.loads(meta, encoding=encoding)
    assert table[text("data")].shape == (5, 3072)
    assert table[text("filenames")][0] == text("0.png")
    assert table[text("fine_labels" if coarse else "labels")] == [0, 1, 2, 0, 1]
    found = names[text("fine_label_names" if coarse else "label_names")]
    assert found == [text("cat"), "dög", text("x" * 300)]
    assert [label.name for label in Dataset.import_from(tmp_path / "o").categories().labels] == [
        "cat",
        "dög",
        "x" * 300,
    ]
