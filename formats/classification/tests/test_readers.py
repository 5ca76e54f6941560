"""What we write, read by idx2numpy, which knows IDX files by their published description."""

from __future__ import annotations

import gzip
from typing import TYPE_CHECKING

import idx2numpy
import numpy as np
import pytest

from dsk import Dataset
from dsk.annotations import Label
from dsk.item import DatasetItem
from dsk.media import Image

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray


def read(file: Path) -> NDArray[np.uint8]:
    with gzip.open(file, "rb") as opened:
        return idx2numpy.convert_from_file(opened)


@pytest.mark.parametrize(("subset", "stem"), [("train", "train"), ("test", "t10k")])
@pytest.mark.parametrize("size", [(28, 28), (14, 20)])
def test_idx2numpy_reads_images_and_labels(
    tmp_path: Path, subset: str, stem: str, size: tuple[int, int]
) -> None:
    pixels = np.random.default_rng(7).integers(0, 256, (12, *size), dtype=np.uint8)
    items = [
        DatasetItem(str(n), subset, Image.from_array(array, f"{n}.png"), [Label(label=n % 10)])
        for n, array in enumerate(pixels)
    ]
    names = [str(n) for n in range(10)]
    Dataset.from_iterable(items, names).export(tmp_path / "o", "mnist", save_media=True)
    assert np.array_equal(read(tmp_path / "o" / f"{stem}-images-idx3-ubyte.gz"), pixels)
    labels = read(tmp_path / "o" / f"{stem}-labels-idx1-ubyte.gz")
    assert labels.tolist() == [n % 10 for n in range(12)]
