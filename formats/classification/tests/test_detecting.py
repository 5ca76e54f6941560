"""Telling formats apart: what a detector may bring with it."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from dsk.files import open_root
from dsk_classification.detect import detect_mnist_csv

if TYPE_CHECKING:
    from pathlib import Path

_CODE = """
import sys
from dsk.files import open_root
from dsk.registry import resolve
from dsk_classification.plugin import dsk_importers

root = open_root(sys.argv[1])
names = [i.name for i in dsk_importers() if i.detector and resolve(i.detector)(root) is not None]
print(",".join(names), *sorted({"numpy", "PIL", "pickle"} & set(sys.modules)))
"""


@pytest.mark.parametrize(
    ("name", "file", "content"),
    [
        ("imagenet", "cat/1.jpg", b"\xff\xd8"),
        ("imagenet_with_subset_dirs", "train/cat/1.jpg", b"\xff\xd8"),
        ("imagenet_txt", "lists/train.txt", b"a.jpg 0\nb.jpg 1\n"),
        ("cifar", "cifar-10-batches-py/data_batch_1", b"\x80\x02}q\x01."),
        ("mnist", "raw/train-labels-idx1-ubyte", b"\0\0\x08\x01\0\0\0\x01\x05"),
        ("mnist_csv", "data/mnist_train.csv", b"5,0,1,2,3\n"),
    ],
)
def test_detectors_are_light(tmp_path: Path, name: str, file: str, content: bytes) -> None:
    """Neither numpy nor Pillow is loaded, which takes longer than all the looking."""
    path = tmp_path / file
    path.parent.mkdir(parents=True)
    path.write_bytes(content)
    done = subprocess.run(
        [sys.executable, "-c", _CODE, str(tmp_path)], capture_output=True, check=True, text=True
    )
    found, *heavy = done.stdout.split()
    assert name in found.split(",")
    assert not heavy


def test_tables_of_outlines_are_no_pixels(tmp_path: Path) -> None:
    """SROIE's texts may be numbers: nine of them are no image of three by three."""
    (tmp_path / "X1.csv").write_text("72,25,326,25,326,64,72,64,2018\n50,82,440,82,440,1,5,1,7\n")
    assert detect_mnist_csv(open_root(tmp_path)) is None
