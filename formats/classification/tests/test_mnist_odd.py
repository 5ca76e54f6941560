"""MNIST in IDX files and tables that are odd: ids, labels and rows as people leave them."""

from __future__ import annotations

import gzip
import struct
from typing import TYPE_CHECKING

import numpy as np
import pytest

from dsk import Dataset
from dsk.annotations import Label
from dsk.detect import detect
from dsk.errors import DskWarning, InputError, LimitError, OutputError, RecordError
from dsk.files import open_root
from dsk.item import DatasetItem

if TYPE_CHECKING:
    from pathlib import Path

PIXELS = [(n * 7) % 256 for n in range(784)]


def idx(*shape: int, kind: int = 8) -> bytes:
    return struct.pack(f">HBB{len(shape)}I", 0, kind, len(shape), *shape)


def labels(root: Path, subset: str = "train", kind: int = 8, data: bytes = b"\5\7") -> Path:
    width = {8: 1, 0x0C: 4, 0x0D: 4}[kind]
    content = idx(len(data) // width, kind=kind) + data
    (root / f"{subset}-labels-idx1-ubyte.gz").write_bytes(gzip.compress(content))
    return root


def row(label: object, *, form: str = "{}") -> str:
    return ",".join([form.format(label), *(form.format(n) for n in PIXELS)])


def read(root: Path) -> dict[str, int | None]:
    items = Dataset.import_from(root)
    return {i.id: i.annotations[0].label if i.annotations else None for i in items}


def test_equal_ids_in_the_table_of_idx_files(tmp_path: Path) -> None:
    cells = np.array([["a"], ["a"]], dtype="<U32").tobytes()
    (labels(tmp_path) / "train-meta.gz").write_bytes(gzip.compress(cells))
    with pytest.warns(DskWarning, match="numbered"):
        assert read(tmp_path) == {"a": 5, "a_2": 7}


def test_equal_ids_beside_tables(tmp_path: Path) -> None:
    (tmp_path / "mnist_train.csv").write_text("5\n7\n")
    (tmp_path / "meta_train.csv").write_text("a\na\n")
    with pytest.warns(DskWarning, match="numbered"):
        assert read(tmp_path) == {"a": 5, "a_2": 7}


def test_images_without_labels_are_told(tmp_path: Path) -> None:
    data = gzip.compress(idx(1, 28, 28) + bytes(784))
    for name in ("train-images-idx3-ubyte.gz", "t10k-images-idx3-ubyte.gz"):
        (labels(tmp_path, data=b"\5") / name).write_bytes(data)
    with pytest.warns(DskWarning, match="t10k-images-idx3-ubyte.gz is not read") as told:
        assert read(tmp_path) == {"0": 5}
    assert len(told) == 1


def test_labels_go_with_images_that_are_there(tmp_path: Path) -> None:
    """Unpacked labels lie beside the packed ones, unpacked images do not."""
    images = gzip.compress(idx(1, 28, 28) + bytes(784))
    (labels(tmp_path, data=b"\5") / "train-images-idx3-ubyte.gz").write_bytes(images)
    (tmp_path / "train-labels.idx1-ubyte").write_bytes(idx(1) + b"\5")
    dataset = Dataset.import_from(tmp_path)
    (item,) = dataset
    assert item.media is not None
    assert item.media.exists
    assert not dataset.opening_ledger.warnings


@pytest.mark.parametrize("name", ["mnist_train.csv", "train-labels-idx1-ubyte.gz"])
def test_pointers_of_git_lfs(tmp_path: Path, name: str) -> None:
    text = f"version https://git-lfs.github.com/spec/v1\noid sha256:{'0' * 64}\nsize 9000\n"
    (tmp_path / name).write_text(text)
    assert "is named like" in detect(open_root(tmp_path))[0].reason
    with pytest.raises(InputError, match="not fetched") as caught:
        Dataset.import_from(tmp_path)
    assert "git lfs pull" in (caught.value.hint or "")


def test_labels_of_fractions(tmp_path: Path) -> None:
    labels(tmp_path, kind=0x0D, data=struct.pack(">f", 1.0))
    with pytest.raises(InputError, match="labels of type"):
        Dataset.import_from(tmp_path, "mnist")


def test_a_label_that_would_make_labels_by_the_billion(tmp_path: Path) -> None:
    labels(tmp_path, kind=0x0C, data=struct.pack(">i", 2_000_000_000))
    with pytest.raises(LimitError, match="2000000000"):
        Dataset.import_from(tmp_path, "mnist")
    (tmp_path / "mnist_train.csv").write_text("2000000000\n1\n")
    with pytest.raises(LimitError, match="2000000000"):
        Dataset.import_from(tmp_path, "mnist_csv")


@pytest.mark.parametrize("subset", ["t10k", "emnist-letters-train", "qmnist-train", "kmnist-x"])
def test_subsets_that_would_be_read_as_others(tmp_path: Path, subset: str) -> None:
    dataset = Dataset.from_iterable([DatasetItem("0", subset, None, [Label(label=0)])], ["cat"])
    with pytest.raises(OutputError, match="would be read as"):
        dataset.export(tmp_path / "o", "mnist")


def test_labels_beyond_9_in_tables_of_labels_only(tmp_path: Path) -> None:
    (tmp_path / "mnist_train.csv").write_text("5\n15\n-1\n")
    assert read(tmp_path) == {"0": 5, "1": 15, "2": None}


@pytest.mark.parametrize("form", ["{}.0", "{:.18e}"])
@pytest.mark.parametrize("label", [5, 24])
def test_a_first_row_with_decimal_points_is_no_header(
    tmp_path: Path, form: str, label: int
) -> None:
    lines = [row(n, form=form) for n in (label, 1)]
    (tmp_path / "mnist_train.csv").write_text("\n".join(lines) + "\n")
    assert read(tmp_path) == {"0": label, "1": 1}
    first = next(iter(Dataset.import_from(tmp_path)))
    assert first.media.data.reshape(-1).tolist() == PIXELS


@pytest.mark.parametrize("text", [row(5).replace(",", ";"), row(5).replace(",", "\t"), "\0,1"])
def test_a_first_row_that_names_nothing_is_no_header(tmp_path: Path, text: str) -> None:
    (tmp_path / "mnist_train.csv").write_text(f"{text}\n")
    with pytest.raises(RecordError, match="is no whole number") as told:
        list(Dataset.import_from(tmp_path, "mnist_csv"))
    assert len(str(told.value)) < 500
