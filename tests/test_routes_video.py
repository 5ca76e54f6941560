"""Routes from videos, and from images with depth, to formats of other packages."""

from __future__ import annotations

import csv
import io
import json
import zipfile
from typing import TYPE_CHECKING

import numpy as np
import pytest
from PIL import Image as PilImage

from dsk import Dataset
from dsk.annotations import Bbox

if TYPE_CHECKING:
    from pathlib import Path

av = pytest.importorskip("av")
h5py = pytest.importorskip("h5py")
for package in (
    "dsk_video",
    "dsk_depth",
    "dsk_coco",
    "dsk_datumaro",
    "dsk_images",
    "dsk_transforms",
    "dsk_yolo",
):
    pytest.importorskip(package)

COUNT = 620
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
    for number in (0, 31, 100, 255, 256, 299, 300, 512, 619):
        with PilImage.open(tmp_path / f"1/{number:06d}.png") as image:
            shade = np.asarray(image).mean()
        assert shade == pytest.approx(number * 8 % 256, abs=6)


def shades(folder: Path, names: list[str]) -> list[float]:
    """Return how light some pictures are."""
    found = []
    for name in names:
        with PilImage.open(folder / name) as image:
            found.append(float(np.asarray(image).mean()))
    return found


@pytest.mark.parametrize("jobs", [1, 2])
def test_frames_in_coco(film, tmp_path, jobs):
    dataset = Dataset.import_from(film, step=70)
    report = dataset.export(tmp_path / "out", "coco", save_media=True, jobs=jobs, strict=True)
    numbers = range(0, COUNT, 70)
    assert report.to_dict()["items"] == {"in": len(numbers), "out": len(numbers)}
    assert report.media_saved == len(numbers)
    listed = json.loads((tmp_path / "out/annotations/image_info_default.json").read_text())
    images = listed["images"]
    assert {(image["height"], image["width"]) for image in images} == {(32, 48)}
    assert [image["file_name"] for image in images] == [f"{n:06d}.png" for n in numbers]
    found = shades(tmp_path / "out/images/default", [image["file_name"] for image in images])
    assert found == pytest.approx([n * 8 % 256 for n in numbers], abs=6)


@pytest.mark.parametrize("target", ["coco", "datumaro", "image_dir", "yolo"])
def test_each_frame_is_decoded_once(film, tmp_path, target, monkeypatch):
    dataset = Dataset.import_from(film, end_frame=299)
    streams = pytest.importorskip("dsk_video.streams")
    plain, decoded = streams.OpenVideo.frames, []
    monkeypatch.setattr(
        streams.OpenVideo, "frames", lambda self: (decoded.append(1) or f for f in plain(self))
    )
    report = dataset.export(tmp_path / "out", target, save_media=True)
    assert report.media_saved >= 300
    assert len(decoded) == 300


def test_annotated_frames_in_coco(film, tmp_path):
    """Frames that somebody annotates are images like others."""
    items = [
        item.replace(annotations=[Bbox(1, 2, 3, 4, label=0)])
        for item in Dataset.import_from(film, end_frame=3)
    ]
    dataset = Dataset.from_iterable(items, ["cat"])
    dataset.export(tmp_path / "out", "coco", save_media=True, image_ext=".jpg")
    back = list(Dataset.import_from(tmp_path / "out"))
    assert [item.media.data.shape for item in back] == [(32, 48, 3)] * 4
    assert [len(item.annotations) for item in back] == [1] * 4


def test_frames_without_their_images_keep_their_size(film, tmp_path):
    Dataset.import_from(film, end_frame=1).export(tmp_path / "out", "coco")
    assert sorted(files(tmp_path / "out")) == ["annotations/image_info_default.json"]
    assert [item.media.get_size() for item in Dataset.import_from(tmp_path / "out")] == [
        (32, 48)
    ] * 2


def test_folders_and_archives_of_videos_give_the_same(film, tmp_path):
    (tmp_path / "films/day 🎬").mkdir(parents=True)
    (tmp_path / "films/day 🎬/a.mp4").write_bytes(film.read_bytes())
    with zipfile.ZipFile(tmp_path / "films.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.write(film, "day 🎬/a.mp4")
    for name, out in (("films", "one"), ("films.zip", "other")):
        dataset = Dataset.import_from(tmp_path / name, step=200)
        dataset.export(tmp_path / out, "image_dir", jobs=2)
    one, other = files(tmp_path / "one"), files(tmp_path / "other")
    assert sorted(one) == [f"day 🎬/a/{n:06d}.png" for n in (0, 200, 400, 600)]
    assert one == other


@pytest.fixture
def kinetics(tmp_path: Path, film: Path) -> Path:
    """Two tables, one of them JSON, and one video."""
    folder = tmp_path / "kinetics"
    (folder / "val").mkdir(parents=True)
    (folder / "val/abc_000001_000011.mp4").write_bytes(film.read_bytes())
    (folder / "val.csv").write_text(
        "label,youtube_id,time_start,time_end,split,is_cc\n"
        'dancing,abc,1,11,val,1\n"hugging, long",abc,2.5,4,val,0\ndancing,gone,0,10,val,0\n'
    )
    record = {"annotations": {"label": "juggling", "segment": [4.0, 14.0]}, "subset": "train"}
    (folder / "train.json").write_text(json.dumps({"xyz": record}))
    return folder


def clips(dataset: Dataset) -> dict[tuple[str, str], list[tuple[str, object]]]:
    names = dataset.categories().names
    return {
        (item.id, item.subset): [(names[a.label], a.attributes) for a in item.annotations]
        for item in dataset
    }


@pytest.mark.parametrize("jobs", [1, 2])
def test_kinetics_and_back(kinetics, tmp_path, jobs):
    given = Dataset.import_from(kinetics)
    given.export(tmp_path / "out", "kinetics", save_media=True, jobs=jobs, strict=True)
    assert sorted(files(tmp_path / "out")) == ["train.csv", "val.csv", "val/abc.mp4"]
    back = Dataset.import_from(tmp_path / "out")
    assert clips(back) == clips(given)
    with (tmp_path / "out/val.csv").open(newline="") as file:
        assert [row["is_cc"] for row in csv.DictReader(file)] == ["1", "0", "0"]


def test_kinetics_through_datumaros_format(kinetics, tmp_path):
    given = Dataset.import_from(kinetics)
    given.export(tmp_path / "mid", "datumaro", save_media=True)
    middle = Dataset.import_from(tmp_path / "mid")
    middle.export(tmp_path / "out", "kinetics", save_media=True, strict=True)
    back = Dataset.import_from(tmp_path / "out")
    assert clips(back) == clips(given)
    assert {item.id for item in back if item.media is not None} == {"abc"}


def test_frames_of_the_clips_of_kinetics(kinetics, tmp_path):
    """The videos of a Kinetics folder are read as frames when they are named so."""
    dataset = Dataset.import_from(kinetics, "video_frames", step=300)
    dataset.export(tmp_path / "out", "image_dir")
    assert sorted(files(tmp_path / "out")) == [
        f"val/abc_000001_000011/{n:06d}.png" for n in (0, 300, 600)
    ]


@pytest.fixture
def pairs(tmp_path: Path) -> Path:
    """Two images in low and high resolution, in two subsets; one of them enlarged, too."""
    folder = tmp_path / "pairs"
    for number, name in enumerate(
        ("train/LR/a/1.png", "train/HR/a/1.png", "train/upsampled/a/1.png", "val/LR/2.png")
    ):
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        PilImage.new("RGB", (4 + number, 3), (number, 0, 0)).save(path)
    (folder / "val/HR").mkdir()
    PilImage.new("RGB", (8, 6)).save(folder / "val/HR/2.jpg")
    return folder


@pytest.mark.parametrize("jobs", [1, 2])
def test_super_resolution_and_back(pairs, tmp_path, jobs):
    given = Dataset.import_from(pairs)
    given.export(tmp_path / "out", "common_super_resolution", jobs=jobs, strict=True)
    assert files(tmp_path / "out") == files(pairs)


def test_super_resolution_through_datumaros_format(pairs, tmp_path):
    Dataset.import_from(pairs).export(tmp_path / "mid", "datumaro", save_media=True)
    middle = Dataset.import_from(tmp_path / "mid")
    middle.export(tmp_path / "out", "common_super_resolution", strict=True)
    assert files(tmp_path / "out") == files(pairs)


def test_what_image_formats_cannot_hold_is_reported(pairs, tmp_path):
    report = Dataset.import_from(pairs).export(tmp_path / "out", "coco", save_media=True)
    assert {(e.code, e.what, e.count) for e in report.losses} == {
        ("DSK-L011", "common_super_resolution field hr", 2),
        ("DSK-L011", "common_super_resolution field upsampled", 1),
    }
    data = files(tmp_path / "out")["images/train/a/1.png"]
    with PilImage.open(io.BytesIO(data)) as image:
        assert image.size == (4, 3), "not the image in low resolution"


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
