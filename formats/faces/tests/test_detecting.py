"""Telling formats apart: what a detector may bring with it."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest

from dsk.files import open_root
from dsk_faces.detect import detect_lfw, detect_vgg_face2

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

_CODE = """
import sys
from dsk.files import open_root
from dsk.registry import resolve
from dsk_faces.plugin import dsk_importers

root = open_root(sys.argv[1])
names = [i.name for i in dsk_importers() if i.detector and resolve(i.detector)(root) is not None]
print(",".join(names), *sorted({"numpy", "PIL"} & set(sys.modules)))
"""


@pytest.mark.parametrize(
    ("name", "file", "text"),
    [
        (
            "wider_face",
            "wider_face_split/wider_face_train_bbx_gt.txt",
            "0--Parade/0_a.jpg\n1\n1 2 3 4 0 0 0 0 0 0\n",
        ),
        ("lfw", "annotations/pairs.txt", "1\t1\nJohn\t1\t2\n"),
        ("vgg_face2", "bb_landmark/loose_bb_train.csv", 'NAME_ID,X,Y,W,H\n"n1/1",1,2,3,4\n'),
        ("celeba", "Anno/list_landmarks_celeba.txt", "1\na b\n000001.jpg 1 2 3 4 5 6 7 8 9 10\n"),
    ],
)
def test_detectors_are_light(tmp_path: Path, name: str, file: str, text: str) -> None:
    """Neither numpy nor Pillow is loaded, which takes longer than all the looking."""
    path = tmp_path / file
    path.parent.mkdir()
    path.write_text(text)
    done = subprocess.run(
        [sys.executable, "-c", _CODE, str(tmp_path)], capture_output=True, check=True, text=True
    )
    found, *heavy = done.stdout.split()
    assert name in found.split(",")
    assert not heavy


@pytest.mark.parametrize(
    ("detector", "file", "text"),
    [
        (detect_lfw, "annotations/pairs.txt", "1\t1\nJohn\t1\t2\n"),
        (detect_vgg_face2, "bb_landmark/loose_bb_train.csv", 'NAME_ID,X,Y,W,H\n"n1/1",1,2,3,4\n'),
    ],
)
def test_files_beside_the_one_that_was_given_do_not_count(
    tmp_path: Path, detector: Callable[..., Any], file: str, text: str
) -> None:
    path = tmp_path / file
    path.parent.mkdir()
    path.write_text(text)
    (tmp_path / "other.xml").write_text("<annotations/>")
    assert detector(open_root(tmp_path)) is not None
    assert detector(open_root(tmp_path / "other.xml")) is None
