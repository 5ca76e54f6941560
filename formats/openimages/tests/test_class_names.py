"""Tables that call classes themselves, as tools that download parts of Open Images write them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from dsk import Dataset
from dsk.errors import InputError

if TYPE_CHECKING:
    from pathlib import Path

HEAD = "ImageID,LabelName,Confidence,XMin,XMax,YMin,YMax,ClassName\n"


def read(folder: Path, *rows: str, **options: Any) -> tuple[list[str], list[int], list[str]]:
    """Return the names of labels, the labels of an image's boxes, and the warnings."""
    (folder / "sub-train-annotations-bbox.csv").write_text(HEAD + "".join(rows))
    (folder / "images.meta").write_text("a 4 8\n")
    dataset = Dataset.import_from(folder, "open_images", **options)
    labels = [a.label for item in dataset for a in item.annotations]
    return dataset.categories().names, labels, list(dataset.opening_ledger.warnings)


CAT, DOG = "a,/m/01,1,0,0.5,0,1,Cat\n", "a,/m/02,1,0,1,0,1,Dog\n"


def test_names_of_a_table_stand_for_class_descriptions(tmp_path: Path) -> None:
    assert read(tmp_path, DOG, CAT) == (["/m/02", "/m/01"], [0, 1], [])
    assert read(tmp_path, DOG, CAT, use_display_names=True)[0] == ["Dog", "Cat"]
    (tmp_path / "class-descriptions-boxable.csv").write_text("/m/01,Cat\n/m/02,Dog\n")
    names, labels, (warning,) = read(tmp_path, DOG, CAT)
    assert (names, labels) == (["/m/01", "/m/02"], [1, 0])
    assert "ClassName" in warning


@pytest.mark.parametrize("options", [{}, {"unknown_labels": "add"}])
def test_class_names_are_the_labels_where_one_label_name_has_several(
    tmp_path: Path, options: dict[str, Any]
) -> None:
    rows = [row.replace("/m/01", "ours").replace("/m/02", "ours") for row in (CAT, DOG)]
    names, labels, (warning,) = read(tmp_path, *rows, **options)
    assert (names, labels) == (["Cat", "Dog"], [0, 1])
    assert "several ClassNames" in warning


@pytest.mark.parametrize("rows", [[], ["a,/m/01,1,0,0.5,0,1,\n"]])
def test_tables_without_class_names(tmp_path: Path, rows: list[str]) -> None:
    with pytest.raises(InputError, match="no class names"):
        read(tmp_path, *rows)
    assert read(tmp_path, *rows, unknown_labels="add")[0] == ["/m/01"] * len(rows)


def test_pointers_of_git_lfs(tmp_path: Path) -> None:
    text = f"version https://git-lfs.github.com/spec/v1\noid sha256:{'0' * 64}\nsize 9000\n"
    (tmp_path / "class-descriptions.csv").write_text("/m/01,Cat\n")
    (tmp_path / "train-annotations-bbox.csv").write_text(text)
    with pytest.raises(InputError, match="Git LFS pointer"):
        Dataset.import_from(tmp_path, "open_images")
