"""Routes from videos, and from images with depth, to formats of other packages."""

from __future__ import annotations

from typing import TYPE_CHECKING

import av
import h5py
import numpy as np
import pytest
from PIL import Image as PilImage

from dsk import Dataset

if TYPE_CHECKING:
    from pathlib import Path

COUNT = 530
"""Frames of the video: more than two partitions."""


@pytest.fixture(scope="module")
def film(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A video whose frames get lighter from one to the next, and dark again."""
    path = tmp_path_factory.mktemp("film") / "film.mp4"
    with av.open(str(path), "w") as out:
        stream = out.add_stream("mpeg4", rate=25)
        stream.width, stream.height, stream.pix_fmt = 48, 32, "yuv420p"
        stream.codec_context.gop_size = 50
        for number in range(COUNT):
            pixels = np.full((32, 48, 3), number * 8 % 256, np.uint8)
            out.mux(stream.encode(av.VideoFrame.from_ndarray(pixels, format="rgb24")))
        out.mux(stream.encode())
    return path


def files(folder: Path) -> dict[str, bytes]:
    return {p.relative_to(folder).as_posix(): p.read_bytes() for p in folder.rglob("*.*")}


def test_frames_as_images(film, tmp_path):
    dataset = Dataset.import_from(film)
    next(iter(dataset)).media.data  # noqa: B018 - this process has a decoder when it forks
    for jobs in (1, 2):
        report = dataset.export(tmp_path / str(jobs), "image_dir", jobs=jobs)
        assert (report.media_saved, report.losses) == (COUNT, [])
    alone, together = files(tmp_path / "1"), files(tmp_path / "2")
    assert alone == together
    for number in (0, 31, 100, 255, 256, 512, 529):
        with PilImage.open(tmp_path / f"1/{number:06d}.png") as image:
            shade = np.asarray(image).mean()
        assert shade == pytest.approx(number * 8 % 256, abs=6)


def test_chosen_frames_as_jpeg(film, tmp_path):
    dataset = Dataset.import_from(film, step=100, name_pattern="frame_%d")
    dataset.export(tmp_path / "out", "image_dir", image_ext=".jpg")
    assert sorted(files(tmp_path / "out")) == [f"frame_{n}.jpg" for n in range(0, COUNT, 100)]


def test_frames_in_datumaros_format(film, tmp_path):
    dataset = Dataset.import_from(film, end_frame=2)
    dataset.export(tmp_path / "out", "datumaro", save_media=True)
    back = list(Dataset.import_from(tmp_path / "out", "datumaro"))
    assert [item.media.index for item in back] == [0, 1, 2]
    assert back[2].media.get_size() == (32, 48)
    assert np.array_equal(back[2].media.data, list(dataset)[2].media.data)
    with open(back[0].media.video, "rb") as video:
        assert video.read() == film.read_bytes()


def test_shuffled_frames(film, tmp_path):
    dataset = Dataset.import_from(film).transform("random_sampler", count=20, seed=3)
    report = dataset.export(tmp_path / "out", "image_dir")
    assert report.media_saved == 20


def test_depth_through_datumaros_format(tmp_path):
    depth = np.linspace(0.5, 9, 12, dtype=np.float32).reshape(3, 4)
    (tmp_path / "in").mkdir()
    with h5py.File(tmp_path / "in/1.h5", "w") as file:
        file["rgb"], file["depth"] = np.ones((3, 3, 4), np.uint8), depth
    Dataset.import_from(tmp_path / "in").export(tmp_path / "mid", "datumaro", save_media=True)
    Dataset.import_from(tmp_path / "mid").export(tmp_path / "out", "nyu_depth_v2", strict=True)
    with h5py.File(tmp_path / "out/1.h5") as file:
        assert np.array_equal(file["depth"], depth)
        assert (file["rgb"][()] == 1).all()


def test_lost_depth_is_reported(tmp_path):
    (tmp_path / "in").mkdir()
    with h5py.File(tmp_path / "in/1.h5", "w") as file:
        file["rgb"], file["depth"] = np.ones((3, 3, 4), np.uint8), np.ones((3, 4))
    report = Dataset.import_from(tmp_path / "in").export(tmp_path / "out", "image_dir")
    assert [(e.code, e.what) for e in report.losses] == [("DSK-L011", "nyu_depth_v2 field depth")]
