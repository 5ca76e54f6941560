"""One file of several is damaged: it alone is left out, or what follows the damage is."""

from __future__ import annotations

import gzip
from typing import TYPE_CHECKING

import pytest

from dsk import Dataset
from dsk.errors import InputError
from dsk_tfrecord.example import encode
from dsk_tfrecord.framing import frame

if TYPE_CHECKING:
    from pathlib import Path

FIRST, SECOND = "train.record-00000-of-00002", "train.record-00001-of-00002"


def record(name: str) -> bytes:
    return frame(encode({"image/filename": [f"{name}.png".encode()], "image/encoded": [b""]}))


def other(data: bytes, place: int) -> bytes:
    """Return data with one byte changed."""
    return data[:place] + bytes([data[place] ^ 1]) + data[place + 1 :]


A, B = record("a"), record("b")
GZIP = gzip.compress(A + B)
DAMAGED = {
    "cut off in its first record": (A[:40], []),
    "cut off in its first frame": (A[:5], []),
    "cut off in its second record": (A + B[:-3], ["a"]),
    "length of the first record": (other(A, 3) + B, []),
    "checksum of the first length": (other(A, 9) + B, []),
    "checksum of the second length": (A + other(B, 9), ["a"]),
    "data of the first record": (other(A, 20) + B, ["b"]),
    "checksum of the second record": (A + other(B, len(B) - 1), ["a"]),
    "something else": (b"hello, this is no record", []),
    "gzip, cut off": (GZIP[:-9], []),
    "gzip, other bytes": (other(GZIP, 30), []),
}


@pytest.mark.parametrize(("data", "kept"), DAMAGED.values(), ids=DAMAGED)
@pytest.mark.parametrize(("bad", "good"), [(FIRST, SECOND), (SECOND, FIRST)])
def test_other_files_are_read(
    tmp_path: Path, data: bytes, kept: list[str], bad: str, good: str
) -> None:
    (tmp_path / bad).write_bytes(data)
    (tmp_path / good).write_bytes(record("c") + record("d"))
    with pytest.raises(InputError):
        list(Dataset.import_from(tmp_path, "tf_detection_api"))
    dataset = Dataset.import_from(tmp_path, "tf_detection_api", on_error="skip")
    report = dataset.export(tmp_path / "out", "tf_detection_api")
    (found,) = report.bad
    assert bad in found.where
    assert report.items["out"] == len(kept) + 2
    back = Dataset.import_from(tmp_path / "out", "tf_detection_api")
    assert sorted((item.subset, item.id) for item in back) == [
        ("train", name) for name in [*kept, "c", "d"]
    ]


def test_nothing_that_can_be_read_is_an_error(tmp_path: Path) -> None:
    (tmp_path / FIRST).write_bytes(A[:40])
    with pytest.raises(InputError, match="cut off"):
        Dataset.import_from(tmp_path, "tf_detection_api", on_error="skip")
    (tmp_path / SECOND).write_bytes(b"hello")
    with pytest.raises(InputError, match="no TFRecord file"):
        Dataset.import_from(tmp_path, "tf_detection_api", on_error="skip")


def test_one_file_for_each_image_stays_so(tmp_path: Path) -> None:
    for name in ("car", "tree", "road"):
        (tmp_path / f"{name}.tfrecord").write_bytes(record(name))
    (tmp_path / "road.tfrecord").write_bytes(record("road")[:-9])
    dataset = Dataset.import_from(tmp_path, "tf_detection_api", on_error="skip")
    assert [(item.subset, item.id) for item in dataset] == [("default", "car"), ("default", "tree")]


def test_pointers_of_git_lfs(tmp_path: Path) -> None:
    text = f"version https://git-lfs.github.com/spec/v1\noid sha256:{'0' * 64}\nsize 9000\n"
    (tmp_path / "train.tfrecord").write_text(text)
    with pytest.raises(InputError, match="Git LFS pointer"):
        Dataset.import_from(tmp_path, "tf_detection_api")
