"""MNIST in IDX files and in tables."""

from __future__ import annotations

import gzip
import shutil
import struct
from typing import TYPE_CHECKING

import numpy as np
import pytest

from dsk import Dataset
from dsk.annotations import Label
from dsk.errors import InputError, OptionError, OutputError, RecordError
from dsk.item import DatasetItem
from dsk.loss import Ledger
from dsk.media import Image
from dsk_classification.numbers import parse_bytes

if TYPE_CHECKING:
    from pathlib import Path

IMAGES = np.arange(3 * 28 * 28, dtype=np.uint32).reshape(3, 28, 28).astype(np.uint8)


def idx(*shape: int, kind: int = 8) -> bytes:
    return struct.pack(f">HBB{len(shape)}I", 0, kind, len(shape), *shape)


def write(
    root: Path,
    prefix: str = "train",
    labels: bytes = b"\0\2\1",
    count: int | None = None,
    *,
    zipped: bool = True,
    images: np.ndarray = IMAGES,
) -> Path:
    root.mkdir(exist_ok=True, parents=True)
    count = len(images) if count is None else count
    pack, end = (gzip.compress, ".gz") if zipped else (bytes, "")
    data = idx(len(labels)) + labels
    (root / f"{prefix}-labels-idx1-ubyte{end}").write_bytes(pack(data))
    data = idx(count, *images.shape[1:]) + images.tobytes()
    (root / f"{prefix}-images-idx3-ubyte{end}").write_bytes(pack(data))
    return root


@pytest.mark.parametrize("zipped", [True, False])
@pytest.mark.parametrize("count", [3, 3 * 784, 0])
def test_the_stated_number_of_images_may_be_wrong(
    tmp_path: Path, count: int, *, zipped: bool
) -> None:
    write(tmp_path, "t10k", count=count, zipped=zipped, labels=b"\0\xff\1")
    found = list(Dataset.import_from(tmp_path))
    assert [[a.label for a in item.annotations] for item in found] == [[0], [], [1]]
    assert {item.subset for item in found} == {"test"}
    assert all(np.array_equal(i.media.data, IMAGES[n]) for n, i in enumerate(found))


def test_parts_may_be_read_backwards(tmp_path: Path) -> None:
    images = np.repeat(IMAGES, 500, axis=0)
    write(tmp_path, labels=bytes(1500), images=images)
    source = Dataset.import_from(tmp_path, "mnist").source
    parts = source.partitions()
    ids = [int(i.id) for p in reversed(parts) for i in source.read(p, None)]
    assert ids == [*range(1024, 1500), *range(1024)]
    (last,) = (i for i in source.read(parts[1], None) if i.id == "1499")
    assert np.array_equal(last.media.data, IMAGES[2])


def test_folders_of_torchvision_and_names_by_folder(tmp_path: Path) -> None:
    write(tmp_path / "FashionMNIST" / "raw", zipped=False)
    write(tmp_path / "FashionMNIST" / "raw", zipped=True)
    dataset = Dataset.import_from(tmp_path)
    assert len(list(dataset)) == 3
    assert dataset.categories().names[0] == "T-shirt/top"


@pytest.mark.parametrize("inner", ["", "train-labels-idx1-ubyte.gz"])
def test_names_by_the_folder_above_raw(tmp_path: Path, inner: str) -> None:
    dataset = Dataset.import_from(write(tmp_path / "FashionMNIST" / "raw") / inner, "mnist")
    assert dataset.categories().names[0] == "T-shirt/top"
    plain = write(tmp_path / "FashionMNIST" / "mine")
    assert Dataset.import_from(plain, "mnist").categories().names[0] == "0"


def test_a_second_dataset_is_warned_of(tmp_path: Path) -> None:
    write(tmp_path / "FashionMNIST" / "raw")
    write(tmp_path / "MNIST" / "raw")
    warnings = Dataset.import_from(tmp_path, "mnist").opening_ledger.warnings
    assert list(warnings) == ["of several datasets FashionMNIST/raw is read; not read: MNIST/raw"]


def test_emnist(tmp_path: Path) -> None:
    write(tmp_path, "emnist-letters-train", labels=b"\1\2\1")
    write(tmp_path, "emnist-digits-train")
    (tmp_path / "emnist-letters-mapping.txt").write_text("1 65 97\n2 66 98\n")
    with pytest.raises(InputError, match=r"digits, letters.*-I split=letters"):
        Dataset.import_from(tmp_path, "mnist")
    with pytest.raises(OptionError, match="balanced"):
        Dataset.import_from(tmp_path, "mnist", split="balanced")
    dataset = Dataset.import_from(tmp_path, "mnist", split="letters")
    first = next(iter(dataset))
    assert dataset.categories().names == ["A", "B"]
    assert (first.subset, first.annotations[0].label) == ("train", 0)
    assert np.array_equal(first.media.data, IMAGES[0].T)
    plain = Dataset.import_from(tmp_path, "mnist", split="letters", transpose="no")
    assert np.array_equal(next(iter(plain)).media.data, IMAGES[0])


def test_qmnist(tmp_path: Path) -> None:
    values = np.zeros((3, 8), dtype=">i4")
    values[:, 0] = 4, 5, 6
    data = idx(3, 8, kind=0x0C) + values.tobytes()
    (tmp_path / "qmnist-train-labels-idx2-int.gz").write_bytes(gzip.compress(data))
    found = list(Dataset.import_from(tmp_path, "mnist"))
    assert [(i.subset, i.annotations[0].label) for i in found] == [("train", n) for n in (4, 5, 6)]


def test_colours_as_datumaro_writes_them(tmp_path: Path) -> None:
    """It writes all three values of a pixel, blue first, and the number of bytes as that of images;
    sizes in its table are those of the images.
    """
    rng = np.random.default_rng(0)
    plain = rng.integers(0, 256, (3, 28, 28, 3), np.uint8)
    data = idx(plain.size, 28, 28) + plain.tobytes()
    write(tmp_path / "plain")
    images = "train-images-idx3-ubyte.gz"
    (tmp_path / "plain" / images).write_bytes(gzip.compress(data))
    dataset = Dataset.import_from(tmp_path / "plain", "mnist")
    assert any("three values" in message for message in dataset.opening_ledger.warnings)
    found = list(dataset)
    assert all(np.array_equal(i.media.data, plain[n][:, :, ::-1]) for n, i in enumerate(found))

    sizes = [(2, 3), (4, 1), (1, 1)]
    other = [rng.integers(0, 256, (*size, 3), np.uint8) for size in sizes]
    body = b"".join(image.tobytes() for image in other)
    write(tmp_path / "sizes")
    (tmp_path / "sizes" / images).write_bytes(gzip.compress(idx(len(body), 28, 28) + body))
    cells = np.array([[f"i{n}", *size] for n, size in enumerate(sizes)], dtype="<U32")
    (tmp_path / "sizes" / "train-meta.gz").write_bytes(gzip.compress(cells.tobytes()))
    dataset = Dataset.import_from(tmp_path / "sizes", "mnist")
    assert any("three values" in message for message in dataset.opening_ledger.warnings)
    found = list(dataset)
    assert [(i.id, i.media.size) for i in found] == [(f"i{n}", s) for n, s in enumerate(sizes)]
    assert all(np.array_equal(i.media.data, other[n][:, :, ::-1]) for n, i in enumerate(found))


def test_three_times_as_many_images_as_labels_are_no_colours(tmp_path: Path) -> None:
    write(tmp_path, labels=b"\1")
    with pytest.raises(InputError, match="3 images"):
        Dataset.import_from(tmp_path, "mnist")


def test_damaged_files(tmp_path: Path) -> None:
    write(tmp_path, labels=b"\1\2")
    with pytest.raises(InputError, match="does not match"):
        list(Dataset.import_from(tmp_path, "mnist"))
    file = tmp_path / "train-labels-idx1-ubyte.gz"
    file.write_bytes(b"<html>404</html>")
    with pytest.raises(InputError, match="web page"):
        Dataset.import_from(tmp_path, "mnist")
    file.write_bytes(gzip.compress(idx(3) + b"abc")[:-9])
    with pytest.raises(InputError, match="damaged or cut off"):
        Dataset.import_from(tmp_path, "mnist")


def sample(count: int = 2, ids: str = "", **changes: object) -> Dataset:
    items = [
        DatasetItem(
            f"{ids}{n}", "test", Image.from_array(IMAGES[n], f"{n}.png"), [Label(label=n)]
        ).replace(**changes)
        for n in range(count)
    ]
    return Dataset.from_iterable(items, [str(n) for n in range(10)])


def test_plain_output_has_true_headers_and_no_table(tmp_path: Path) -> None:
    sample().export(tmp_path / "o", "mnist", save_media=True)
    names = sorted(p.name for p in (tmp_path / "o").iterdir())
    assert names == ["labels.txt", "t10k-images-idx3-ubyte.gz", "t10k-labels-idx1-ubyte.gz"]
    data = gzip.decompress((tmp_path / "o" / names[1]).read_bytes())
    assert data[:16] == idx(2, 28, 28)
    assert data[16:] == IMAGES[:2].tobytes()


def test_long_ids_become_numbers(tmp_path: Path) -> None:
    report = sample(ids="x" * 40).export(tmp_path / "o", "mnist", save_media=True)
    assert [i.id for i in Dataset.import_from(tmp_path / "o", "mnist")] == ["0", "1"]
    assert [(e.code, e.count) for e in report.losses] == [("DSK-L008", 2)]


@pytest.mark.parametrize("name", ["mnist", "mnist_csv"])
def test_colours_become_gray(tmp_path: Path, name: str) -> None:
    red = np.zeros((4, 4, 3), np.uint8)
    red[..., 0] = 255
    report = sample(1, media=Image.from_array(red, "x.png")).export(
        tmp_path / "o", name, save_media=True
    )
    (item,) = Dataset.import_from(tmp_path / "o", name)
    assert item.media.data.tolist() == [[76] * 4] * 4
    assert [e.code for e in report.losses] == ["DSK-L016"]


def test_too_many_labels(tmp_path: Path) -> None:
    dataset = Dataset.from_iterable([DatasetItem("0")], [f"l{n}" for n in range(256)])
    with pytest.raises(OutputError, match="256 labels"):
        dataset.export(tmp_path / "o", "mnist")
    assert dataset.export(tmp_path / "o", "mnist_csv").items["out"] == 1


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (b"1,2,255\n30,4,5\n", [[1, 2, 255], [30, 4, 5]]),
        (b"7\n8", [[7], [8]]),
        (b"1,2\n3\n", None),
        (b"1,-2\n", None),
        (b"1, 2\n", None),
        (b"1,2222\n", None),
        (b"1,,2\n", None),
        (b"", None),
    ],
)
def test_numbers_in_bulk(text: bytes, expected: list[list[int]] | None) -> None:
    found = parse_bytes(text)
    assert (None if found is None else found.tolist()) == expected


HEADER = "label," + ",".join(f"pixel{n}" for n in range(4))


@pytest.mark.parametrize(
    ("name", "text", "labels"),
    [
        ("mnist_train.csv", "5,0,1,2,3\n-1,0,1,2,3\n", [[5], []]),
        ("mnist_train.csv", "5\n7\n", [[5], [7]]),
        ("train.csv", f"{HEADER}\r\n5,0,1,2,3\r\n\r\n", [[5]]),
        ("test.csv", "pixel0,pixel1,pixel2,pixel3\n0,1,2,3\n", [[]]),
        ("mnist_train.csv", "label,0,1,2,3\n5,0,1,2,3\n", [[5]]),
        ("train.csv", 'label,1x1,1x2,2x1,2x2\n"5","0","1","2","3"\n', [[5]]),
    ],
)
def test_tables(tmp_path: Path, name: str, text: str, labels: list[list[int]]) -> None:
    (tmp_path / name).write_bytes(text.encode())
    found = list(Dataset.import_from(tmp_path, "mnist_csv"))
    assert [[a.label for a in item.annotations] for item in found] == labels
    assert all(i.media is None or i.media.data.tolist() == [[0, 1], [2, 3]] for i in found)
    assert "," not in text or found[0].media is not None


@pytest.mark.parametrize("row", ["x,0,0,2,3", "5,0,1,2,3 6,0,1,2,3", "5,0,1,2,3\r6,0,1,2,3"])
def test_a_damaged_first_row_is_no_header(tmp_path: Path, row: str) -> None:
    (tmp_path / "mnist_train.csv").write_bytes(f"{row}\n1,0,1,2,3\n".encode())
    with pytest.raises(RecordError, match=r"mnist_train.csv:1"):
        list(Dataset.import_from(tmp_path, "mnist_csv"))


@pytest.mark.parametrize("row", ["x,0,1,2,3", "1,0,1,2,256", "1,0,1", "99,0,1,2,3", "1,0.5,1,2,3"])
def test_bad_rows_are_named_and_skipped_on_request(tmp_path: Path, row: str) -> None:
    (tmp_path / "labels.txt").write_text("0\n1\n")
    (tmp_path / "mnist_train.csv").write_text(f"1,0,1,2,3\n{row}\n0,3,2,1,0\n")
    with pytest.raises(RecordError, match=r"mnist_train.csv:2"):
        list(Dataset.import_from(tmp_path, "mnist_csv"))
    skipping = Dataset.import_from(tmp_path, "mnist_csv", on_error="skip")
    assert [item.id for item in skipping] == ["0", "2"]


@pytest.mark.parametrize("shape", [(27, 29), (29, 27), (28, 28), (1, 3), (2, 2)])
def test_sizes_tell_whether_there_is_a_label(tmp_path: Path, shape: tuple[int, int]) -> None:
    """27 × 29 pixels and a label are as many values as 28 × 28 pixels."""
    pixels = np.arange(shape[0] * shape[1], dtype=np.uint32).reshape(shape).astype(np.uint8)
    sample(1, media=Image.from_array(pixels, "0.png"), annotations=[Label(label=3)]).export(
        tmp_path / "o", "mnist_csv", save_media=True
    )
    (item,) = Dataset.import_from(tmp_path / "o", "mnist_csv")
    assert [a.label for a in item.annotations] == [3]
    assert np.array_equal(item.media.data, pixels)


def test_ids_with_commas(tmp_path: Path) -> None:
    sample(ids="a,b ").export(tmp_path / "o", "mnist_csv", save_media=True)
    assert [i.id for i in Dataset.import_from(tmp_path / "o")] == ["a,b 0", "a,b 1"]
    (tmp_path / "o" / "meta_test.csv").write_text("a,b 0\n")
    with pytest.raises(InputError, match="1 rows for 2 images"):
        Dataset.import_from(tmp_path / "o", "mnist_csv")


@pytest.mark.parametrize(("odd", "kept"), [("1\x1d", 0), ("9" * 5000, 2)])
def test_numbers_of_sizes_that_are_none(tmp_path: Path, odd: str, kept: int) -> None:
    """Sizes that do not fit are refused; what no size can be is an id."""
    sample(ids="a").export(tmp_path / "o", "mnist_csv", save_media=True)
    (tmp_path / "o" / "meta_test.csv").write_text(f"{odd},1\n{odd},1\n")
    dataset = Dataset.import_from(tmp_path / "o", "mnist_csv", on_error="skip")
    ledger = Ledger("skip")
    assert [item.id for item in dataset.read(ledger)] == [f"{odd},1", f"{odd},1_2"][:kept]
    assert ledger.bad_count == 2 - kept


@pytest.mark.parametrize("name", ["mnist", "mnist_csv", "imagenet_txt"])
def test_labels_that_are_no_lines(tmp_path: Path, name: str) -> None:
    image = Image.from_array(np.zeros((28, 28), np.uint8), "a.png")
    items = [DatasetItem("a", "train", image, [Label(label=1)])]
    dataset = Dataset.from_iterable(items, categories=["two\nlines", "  padded", "plain"])
    report = dataset.export(tmp_path / "out", name, save_media=True)
    back = Dataset.import_from(tmp_path / "out", name)
    assert back.categories().names == ["two_lines", "padded", "plain"]
    assert [a.label for item in back for a in item.annotations] == [1]
    assert {event.what for event in report.events if event.code == "DSK-L010"} == {
        "label name 'two\\nlines' becomes 'two_lines'",
        "label name '  padded' becomes 'padded'",
    }


ROW = ",".join(["7"] * 784)
PIXELS = ",".join(f"pixel{n}" for n in range(784))


@pytest.mark.parametrize(
    ("text", "labels"),
    [
        (f"\ufeff12,{ROW}\n3,{ROW}\n", [12, 3]),
        (f"\ufefflabel,{PIXELS}\n12,{ROW}\n", [12]),
        (f"{PIXELS},label\n{ROW},14\n{ROW},2\n", [14, 2]),
        (f"\n4,{ROW}\n\n\n3,{ROW}\n", [4, 3]),
        (f"4,{ROW}\r\n\r\n3,{ROW}\r\n\r\n", [4, 3]),
        ("\ufeff", []),
        ("\ufeff\n", []),
        ("\n\n", []),
    ],
)
def test_tables_as_people_leave_them(tmp_path: Path, text: str, labels: list[int]) -> None:
    (tmp_path / "mnist_train.csv").write_bytes(text.encode())
    items = list(Dataset.import_from(tmp_path, "mnist_csv"))
    assert [a.label for item in items for a in item.annotations] == labels
    assert [item.media.get_size() for item in items] == [(28, 28)] * len(labels)


def test_rows_longer_than_the_first_look(tmp_path: Path) -> None:
    names = ",".join(f"pixel{n}" for n in range(128 * 128))
    row = ",".join(["101"] * (128 * 128))
    (tmp_path / "mnist_train.csv").write_text(f"{names},label\n{row},3\n")
    (item,) = Dataset.import_from(tmp_path, "mnist_csv")
    assert (item.annotations[0].label, item.media.get_size()) == (3, (128, 128))


def test_lines_are_counted_with_blank_ones(tmp_path: Path) -> None:
    (tmp_path / "mnist_train.csv").write_text(f"4,{ROW}\n\n3,x\n")
    with pytest.raises(RecordError, match=r"mnist_train\.csv:3"):
        list(Dataset.import_from(tmp_path, "mnist_csv"))


@pytest.mark.parametrize("beside", [False, True])
def test_a_folder_for_each_file(tmp_path: Path, *, beside: bool) -> None:
    """As Kaggle's archives have it, some of which hold the files beside the folders, too."""
    for prefix in ("train", "t10k"):
        write(tmp_path / "files", prefix, zipped=False)
    for path in (tmp_path / "files").iterdir():
        folder = tmp_path / path.name
        folder.mkdir()
        (folder / path.name).write_bytes(path.read_bytes())
        if beside:
            (tmp_path / path.name.replace("-idx", ".idx")).write_bytes(path.read_bytes())
    shutil.rmtree(tmp_path / "files")
    dataset = Dataset.import_from(tmp_path)
    assert sorted({item.subset for item in dataset}) == ["test", "train"]
    assert len(dataset) == 6
    assert all(item.media is not None for item in dataset)


def test_labels_without_images_are_told(tmp_path: Path) -> None:
    (write(tmp_path, zipped=False) / "train-images-idx3-ubyte").unlink()
    dataset = Dataset.import_from(tmp_path)
    assert [item.media for item in dataset] == [None] * 3
    assert any("train-images-idx3-ubyte" in text for text in dataset.opening_ledger.warnings)


def test_tables_of_one_subset(tmp_path: Path) -> None:
    """Neither hides the other."""
    for name in ("a_train", "b_train", "test"):
        (tmp_path / f"{name}.csv").write_text("1,1,2,3,4\n")
    dataset = Dataset.import_from(tmp_path, "mnist_csv")
    assert sorted(item.subset for item in dataset) == ["a_train", "b_train", "test"]


def test_tables_of_emnist(tmp_path: Path) -> None:
    """Their images lie on their sides, and their labels are in a file."""
    for split in ("digits", "letters"):
        (tmp_path / f"emnist-{split}-train.csv").write_text("1,1,2,3,4\n2,0,0,0,0\n")
        (tmp_path / f"emnist-{split}-mapping.txt").write_text("1 65 97\n2 66 98\n")
    with pytest.raises(InputError, match="several datasets"):
        Dataset.import_from(tmp_path, "mnist_csv")
    dataset = Dataset.import_from(tmp_path, "mnist_csv", split="letters")
    items = list(dataset)
    assert dataset.categories().names == ["A", "B"]
    assert [(i.subset, i.annotations[0].label) for i in items] == [("train", 0), ("train", 1)]
    assert items[0].media.data.tolist() == [[1, 3], [2, 4]]
    plain = Dataset.import_from(tmp_path, "mnist_csv", split="letters", transpose="no")
    assert next(iter(plain)).media.data.tolist() == [[1, 2], [3, 4]]


@pytest.mark.parametrize("pixel", ["x", "1.5"])
def test_pixels_of_tables_are_whole_numbers(tmp_path, pixel):
    (tmp_path / "mnist_train.csv").write_text(f"1,0,1,2,3\n1,0,{pixel},2,3\n")
    with pytest.raises(RecordError, match=f"'{pixel}' is no whole number"):
        list(Dataset.import_from(tmp_path, "mnist_csv"))
