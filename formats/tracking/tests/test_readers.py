"""What we write, read by py-motmetrics and by the rules of mots_tools."""

from __future__ import annotations

from typing import TYPE_CHECKING

import motmetrics
import numpy as np
import pytest
from PIL import Image as PilImage

from dsk import Dataset
from dsk.annotations import Bbox, Mask
from dsk.item import DatasetItem
from dsk.media import Image
from dsk.rle import from_dense

if TYPE_CHECKING:
    from pathlib import Path

SIZE = (60, 100)
OLD_PANDAS = pytest.mark.filterwarnings("ignore:Operation with tuple is deprecated")
"""motmetrics 1.4 has been written for pandas before 3."""


def boxes(frame: int) -> list[Bbox]:
    return [
        Bbox(
            10.25 * frame + 20 * n,
            5.5,
            12.125,
            30.75,
            label=n % 2,
            object_id=n + 1,
            attributes={"visibility": 0.5 * n, "ignored": n == 2},
        )
        for n in range(3)
    ]


def picture(name: str) -> Image:
    return Image.from_array(np.zeros((*SIZE, 3), np.uint8), name)


@OLD_PANDAS
@pytest.mark.parametrize("fmt", ["mot16", "mot15-2D"])
def test_motmetrics_reads_the_rows(tmp_path: Path, fmt: str) -> None:
    names = ["pedestrian", "person_on_vehicle"]
    items = [
        DatasetItem(f"{seq}/{n:06d}", "train", picture(f"{seq}/{n:06d}.jpg"), boxes(n))
        for seq in ("MOT17-02", "MOT17-04")
        for n in (1, 2, 3)
    ]
    Dataset.from_iterable(items, names).export(tmp_path / "o", "mot_seq", save_media=True)
    for seq in ("MOT17-02", "MOT17-04"):
        table = tmp_path / "o/train" / seq / "gt/gt.txt"
        read = motmetrics.io.loadtxt(table, fmt=fmt, min_confidence=-1)
        assert list(read.index) == [(frame, track) for frame in (1, 2, 3) for track in (1, 2, 3)]
        for (frame, track), row in read.iterrows():
            box = boxes(frame)[track - 1]
            # motmetrics counts from 0 what the benchmark counts from 1
            assert [row.X + 1, row.Y + 1, row.Width, row.Height] == list(box.bbox)
            assert row.ClassId == box.label + 1
            assert row.Confidence == (not box.attributes["ignored"])
            assert row.Visibility == box.attributes["visibility"]


def mots_objects(file: Path) -> list[tuple[int, int, np.ndarray]]:
    """Return class, value and mask of each object as ``load_image`` of mots_tools does."""
    pixels = np.array(PilImage.open(file))
    return [(n // 1000, n, pixels == n) for n in np.unique(pixels).tolist() if n != 0]


def test_mots_tools_read_the_maps(tmp_path: Path) -> None:
    drawn = [np.zeros(SIZE, np.uint8) for _ in range(3)]
    drawn[0][2:8, 2:9], drawn[1][10:15, 5:9], drawn[2][16:20, 20:] = 1, 1, 1
    masks = [Mask(from_dense(m), label=n % 2, object_id=n + 1) for n, m in enumerate(drawn)]
    item = DatasetItem("0002/000000", "train", picture("0002/000000.png"), masks)
    Dataset.from_iterable([item], ["car", "pedestrian"]).export(tmp_path / "o", "mots")
    read = mots_objects(tmp_path / "o/train/instances/0002/000000.png")
    assert [found[:2] for found in read] == [(1, 1001), (1, 1003), (2, 2002)]
    for found, mask in zip(read, [drawn[0], drawn[2], drawn[1]], strict=True):
        assert np.array_equal(found[2], mask)
