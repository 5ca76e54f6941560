"""Lists of images with label numbers."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from dsk import Dataset
from dsk.annotations import Label
from dsk.errors import InputError, LimitError, RecordError, UnsafePathError
from dsk.files import open_root
from dsk.item import DatasetItem
from dsk_classification.detect import detect_imagenet_txt
from dsk_classification.imagelists import parse_line

if TYPE_CHECKING:
    from pathlib import Path


def write(root: Path, text: str, labels: str | None = "cat\ndog\n") -> Path:
    (root / "train.txt").write_bytes(text.encode())
    if labels is not None:
        (root / "synsets.txt").write_bytes(labels.encode())
    return root


def numbers(dataset: Dataset) -> dict[str, list[int | None]]:
    return {item.id: [a.label for a in item.annotations] for item in dataset}


@pytest.mark.parametrize(
    ("line", "name", "labels"),
    [
        ("a.jpg 1", "a.jpg", [1]),
        ("a/b.JPEG", "a/b.JPEG", []),
        ("a.jpg\t0  5 ", "a.jpg", [0, 5]),
        ('"two words".jpg 0 1', "two words.jpg", [0, 1]),
        ('"two words.jpg" 0', "two words.jpg", [0]),
        ('"quoted".jpg', "quoted.jpg", []),
        ("two words.jpg 3 4", "two words.jpg", [3, 4]),
        ("a.jpg -1", "a.jpg", [-1]),
    ],
)
def test_lines(line: str, name: str, labels: list[int]) -> None:
    assert parse_line(line) == (name, labels)


@pytest.mark.parametrize("line", ['"a.jpg 1', '"a"b".jpg 1', "a.jpg one", '"a".jpg x'])
def test_lines_that_say_nothing(line: str) -> None:
    with pytest.raises(ValueError, match=r"a line is|quot|invalid literal"):
        parse_line(line)


def test_mark_windows_lines_and_blank_lines(tmp_path: Path) -> None:
    write(tmp_path, "\ufeffa.jpg 1\r\n\r\nb.jpg 0 1\r\n", "cat\r\ndog\r\n\r\n")
    dataset = Dataset.import_from(tmp_path, "imagenet_txt")
    assert numbers(dataset) == {"a": [1], "b": [0, 1]}
    assert dataset.categories().names == ["cat", "dog"]


def test_folders_around_the_lists(tmp_path: Path) -> None:
    """As in archives; labels and images are in the same folder."""
    home = tmp_path / "archive/dataset"
    (home / "images").mkdir(parents=True)
    write(home, "a.jpg 1\n")
    (home / "images/a.jpg").write_bytes(b"x")
    dataset = Dataset.import_from(tmp_path)
    (item,) = dataset
    assert (dataset.format, dataset.categories().names) == ("imagenet_txt", ["cat", "dog"])
    assert (item.id, item.media.path, item.media.exists) == ("a", "a.jpg", True)
    (home / "dataset_meta.json").write_text('{"labels": ["x", "y"]}')
    assert Dataset.import_from(tmp_path, "imagenet_txt").categories().names == ["x", "y"]


@pytest.mark.parametrize("above", ["", "imagenet/"])
def test_lists_in_a_folder_meta(tmp_path: Path, above: str) -> None:
    """As MMPretrain wants them: Caffe's files in meta, images in folders beside it."""
    home = tmp_path / above
    (home / "meta").mkdir(parents=True)
    write(home / "meta", "n01/a.JPEG 1\n")
    (home / "meta/val.txt").write_text("b.JPEG 0\n")
    for name in ("train/n01/a.JPEG", "val/b.JPEG"):
        (home / name).parent.mkdir(parents=True, exist_ok=True)
        (home / name).write_bytes(b"x")
    dataset = Dataset.import_from(tmp_path)
    assert (dataset.format, dataset.categories().names) == ("imagenet_txt", ["cat", "dog"])
    assert sorted((i.subset, i.id, i.media.exists) for i in dataset) == [
        ("train", "n01/a", True),
        ("val", "b", True),
    ]


def test_images_of_a_list_called_list(tmp_path: Path) -> None:
    """As PaddleClas has them."""
    (tmp_path / "val").mkdir()
    (tmp_path / "val/b.JPEG").write_bytes(b"x")
    (tmp_path / "val_list.txt").write_text("b.JPEG 0\n")
    (item,) = Dataset.import_from(tmp_path)
    assert (item.subset, item.id, item.media.exists) == ("val_list", "b", True)


def test_generated_labels(tmp_path: Path) -> None:
    write(tmp_path, "a.jpg 3\n", None)
    dataset = Dataset.import_from(tmp_path, "imagenet_txt", labels="generate")
    assert dataset.categories().names == ["class-0", "class-1", "class-2", "class-3"]
    assert numbers(Dataset.import_from(tmp_path)) == {"a": [3]}
    with pytest.raises(InputError, match="labels=generate"):
        Dataset.import_from(tmp_path, "imagenet_txt")


def test_labels_of_another_file(tmp_path: Path) -> None:
    write(tmp_path, "a.jpg 1\n", None)
    (tmp_path / "names.txt").write_text("x\ny z\n")
    dataset = Dataset.import_from(tmp_path, "imagenet_txt", labels_file="names.txt")
    assert dataset.categories().names == ["x", "y z"]
    assert dataset.source.header.subsets == ("train",)


def test_a_blank_line_between_labels(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"synsets.txt:2.*blank"):
        Dataset.import_from(write(tmp_path, "a.jpg 1\n", "cat\n\ndog\n"), "imagenet_txt")


@pytest.mark.parametrize("line", ["b.jpg 2", "b.jpg -1", "b.jpg one", "a.jpg 0"])
def test_bad_lines_are_named_and_skipped_on_request(tmp_path: Path, line: str) -> None:
    write(tmp_path, f"a.jpg 1\n{line}\n")
    with pytest.raises(RecordError, match=r"train.txt:2"):
        list(Dataset.import_from(tmp_path, "imagenet_txt"))
    skipping = Dataset.import_from(tmp_path, "imagenet_txt", on_error="skip")
    assert numbers(skipping)["a"] == [1]


def test_paths_that_climb(tmp_path: Path) -> None:
    with pytest.raises(UnsafePathError):
        list(Dataset.import_from(write(tmp_path, "../../x.jpg 1\n"), "imagenet_txt"))


def test_many_lines_come_in_partitions(tmp_path: Path) -> None:
    write(tmp_path, "".join(f"d/{n}.jpg {n % 2}\n\n" for n in range(3000)))
    dataset = Dataset.import_from(tmp_path, "imagenet_txt")
    assert len(dataset.source.partitions()) == 3
    found = numbers(dataset)
    assert len(found) == 3000
    assert found["d/2999"] == [1]


def test_subsets_that_are_called_like_the_labels(tmp_path: Path) -> None:
    dataset = Dataset.from_iterable([DatasetItem("x", "synsets")], ["cat"])
    report = dataset.export(tmp_path / "out", "imagenet_txt")
    assert "subset 'synsets' is called 'synsets_'" in {event.what for event in report.events}
    assert [i.subset for i in Dataset.import_from(tmp_path / "out", "imagenet_txt")] == ["synsets_"]


def test_numbers_are_sorted_and_written_once(tmp_path: Path) -> None:
    labels = [Label(label=n) for n in (2, 0, 2)]
    dataset = Dataset.from_iterable([DatasetItem("a b", "train", None, labels)], ["x", "y", "z"])
    report = dataset.export(tmp_path / "out", "imagenet_txt")
    assert (tmp_path / "out" / "train.txt").read_text() == '"a b".jpg 0 2\n'
    assert report.annotations["merged"] == 1


def test_a_slash_before_names(tmp_path: Path) -> None:
    """As in the lists of Places365; the images are below their folder all the same."""
    (tmp_path / "images/a").mkdir(parents=True)
    (tmp_path / "images/a/1.jpg").touch()
    write(tmp_path, "/a/1.jpg 1\n")
    dataset = Dataset.import_from(tmp_path, "imagenet_txt")
    assert numbers(dataset) == {"a/1": [1]}
    assert all(item.media.exists for item in dataset)


def test_tables_of_other_numbers_are_no_lists(tmp_path: Path) -> None:
    """Attributes are 1 or -1."""
    write(tmp_path, "2\nSmiling Young\n1.jpg 1 -1\n2.jpg 1 1\n", None)
    assert detect_imagenet_txt(open_root(tmp_path)) is None
    write(tmp_path, "1.jpg 1 0\n2.jpg 1\n", None)
    assert detect_imagenet_txt(open_root(tmp_path)) is not None


def test_names_without_ending(tmp_path: Path) -> None:
    """As CVAT has them; synsets.txt says that they are images."""
    (tmp_path / "images").mkdir()
    (tmp_path / "images/2007_1.jpg").touch()
    (tmp_path / "readme.txt").write_text("This is a dataset of 2 images\n")
    write(tmp_path, "2007_1 0\n2007_2 \n")
    dataset = Dataset.import_from(tmp_path)
    assert dataset.format == "imagenet_txt"
    assert numbers(dataset) == {"2007_1": [0], "2007_2": []}
    assert [item.media.exists for item in dataset] == [True, False]
    (tmp_path / "synsets.txt").unlink()
    assert detect_imagenet_txt(open_root(tmp_path)) is None


@pytest.mark.parametrize("word", ["0209", "248796017"])
def test_lists_of_words_are_no_lists_of_labels(tmp_path: Path, word: str) -> None:
    write(tmp_path, f"1.jpg\t12\n2.jpg\t{word}\n", None)
    assert detect_imagenet_txt(open_root(tmp_path)) is None
    write(tmp_path, "1.jpg\t12\n2.jpg\t0\n", None)
    assert detect_imagenet_txt(open_root(tmp_path)) is not None


@pytest.mark.parametrize(
    ("name", "text", "expected"),
    [
        ("labels.txt", "cat\ndog\n", ["cat", "dog"]),
        (
            "label_list.txt",
            "0 tench, Tinca tinca\n1 goldfish\n",
            ["tench, Tinca tinca", "goldfish"],
        ),
        ("classes.txt", "1 cat\n2 dog\n", ["1 cat", "2 dog"]),
        ("labels.txt", "cat\n", ["class-0", "class-1"]),
    ],
)
def test_names_of_labels_in_other_files(
    tmp_path: Path, name: str, text: str, expected: list[str]
) -> None:
    write(tmp_path, "a.jpg 1\nb.jpg 0\n", None)
    (tmp_path / name).write_text(text)
    dataset = Dataset.import_from(tmp_path)
    assert dataset.format == "imagenet_txt"
    assert dataset.categories().names == expected
    assert numbers(dataset) == {"a": [1], "b": [0]}
    assert bool(dataset.opening_ledger.warnings) == (expected[0] == "class-0")


@pytest.mark.parametrize("text", ["", 'a.jpg 0 "b c".jpg 1'])
def test_texts_that_are_called_like_subsets_but_name_no_images_are_told(
    tmp_path: Path, text: str
) -> None:
    write(tmp_path, "a.jpg 0\n")
    (tmp_path / "val.txt").write_text(text)
    (tmp_path / "notes.txt").write_text(text)
    dataset = Dataset.import_from(tmp_path, "imagenet_txt")
    (told,) = dataset.opening_ledger.warnings
    assert told.startswith(f"{tmp_path / 'val.txt'} is not read")
    assert numbers(dataset) == {"a": [0]}


def test_what_is_called_like_a_subset_is_named_where_there_is_no_list(tmp_path: Path) -> None:
    write(tmp_path, "a.jpg one\n")
    with pytest.raises(InputError, match=r"train\.txt is no list of images"):
        Dataset.import_from(tmp_path, "imagenet_txt")


@pytest.mark.parametrize("again", ["./a.jpg", "/./a.jpg", "x/../a.jpg", "a.png"])
def test_names_of_one_image_that_are_spelled_otherwise(tmp_path: Path, again: str) -> None:
    write(tmp_path, f"a.jpg 0\nb.jpg 1\n{again} 1\n")
    with pytest.raises((RecordError, UnsafePathError)):
        list(Dataset.import_from(tmp_path, "imagenet_txt"))


def test_lines_that_end_with_a_bare_carriage_return(tmp_path: Path) -> None:
    write(tmp_path, "a.jpg 0\nb.jpg 1\rc.jpg 1\r\n")
    with pytest.raises(RecordError, match="bare carriage return"):
        list(Dataset.import_from(tmp_path, "imagenet_txt"))


def test_a_number_that_would_make_labels_by_the_billion(tmp_path: Path) -> None:
    write(tmp_path, "a.jpg 0\nb.jpg 2000000000\n", None)
    with pytest.raises(LimitError, match="2000000000"):
        Dataset.import_from(tmp_path)
