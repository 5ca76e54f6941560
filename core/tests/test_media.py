from __future__ import annotations

import zipfile

import numpy as np
import pytest

from dsk import media as media_module
from dsk.errors import MediaError
from dsk.item import DatasetItem
from dsk.media import (
    IMAGE_SUFFIXES,
    ArchiveMember,
    Image,
    MultiframeImage,
    PointCloud,
    VideoFrame,
    Volume,
    is_image_name,
)


@pytest.mark.parametrize("name", ["a.jpg", "a/b.PNG", "a.b.jpeg", "日本.webp", "a.tif"])
def test_names_of_images(name):
    assert is_image_name(name)


@pytest.mark.parametrize(
    "name", ["a.txt", "jpg", ".jpg", "a/.png", "._a.jpg", "x/._a.jpg", "a.jpg.txt", ""]
)
def test_names_of_other_files(name):
    assert not is_image_name(name)


def test_suffixes_are_lower_case_with_a_dot():
    assert all(s == s.lower() and s.startswith(".") for s in IMAGE_SUFFIXES)


def test_an_image_of_a_file_reads_nothing_until_asked(tmp_path, monkeypatch, encoded):
    (tmp_path / "a.png").write_bytes(encoded("PNG"))
    monkeypatch.chdir(tmp_path)
    image = Image.from_file("a.png")
    assert (image.path, image.source, image.size) == ("a.png", str(tmp_path / "a.png"), None)
    monkeypatch.chdir("/")
    assert image.get_size() == (5, 7)
    assert image.data.shape == (5, 7, 3)


def test_a_stated_size_is_not_read_again():
    assert Image("a.jpg", "/no/such/file", None, (3, 4)).get_size() == (3, 4)


@pytest.mark.parametrize("source", [None, "/no/such/file"])
def test_the_size_of_a_missing_image_is_not_known(source):
    assert Image("a.jpg", source).get_size() is None


def test_the_size_of_a_missing_image_in_an_archive_is_not_known(tmp_path):
    with zipfile.ZipFile(tmp_path / "x.zip", "w") as archive:
        archive.writestr("a", b"")
    for name in ("x.zip", "gone.zip"):
        image = Image("b.jpg", ArchiveMember(str(tmp_path / name), "b.jpg"))
        assert not image.exists
        assert image.get_size() is None


def test_the_size_of_an_image_without_header_is_a_media_error():
    with pytest.raises(MediaError, match=r"^a\.jpg: no readable image"):
        Image("a.jpg", b"nonsense").get_size()


def test_arrays_and_functions():
    array = np.zeros((3, 4, 3), np.uint8)
    calls = []

    def lazy():
        calls.append(1)
        return array

    assert Image.from_array(array).size == (3, 4)
    image = Image.from_array(lazy)
    assert (image.size, calls) == (None, [])
    assert image.get_size() == (3, 4)
    assert image.data is array


@pytest.mark.parametrize("source", [None, np.zeros((2, 2))])
def test_what_has_no_file_cannot_be_opened(source):
    for method in ("open", "read_bytes"):
        with pytest.raises(MediaError, match="the image has no file"):
            getattr(Image("a.jpg", source), method)()


def test_whether_the_content_is_there(tmp_path):
    (tmp_path / "a").write_bytes(b"")
    assert Image("a", str(tmp_path / "a")).exists
    assert Image("a", b"").exists
    assert not Image("a", str(tmp_path / "b")).exists
    assert not Image("a", str(tmp_path)).exists
    assert not Image("a").exists


@pytest.mark.parametrize(
    ("path", "ext"), [("a/b.PNG", ".PNG"), ("a.b/c", ""), ("", ""), ("a.tar.gz", ".gz")]
)
def test_endings(path, ext):
    assert Image(path).ext == ext


def test_a_folder_in_place_of_an_image_is_a_media_error(tmp_path):
    with pytest.raises(MediaError, match="folder"):
        Image("a.jpg", str(tmp_path)).read_bytes()


def test_media_are_values():
    assert Image("a.jpg", "x") == Image("a.jpg", "x")
    assert Image("a.jpg", "x") != VideoFrame("a.jpg", "x")
    with pytest.raises(AttributeError):
        Image("a.jpg").path = "b.jpg"


class LazyVolume:
    """An array that must not be read."""

    shape = (512, 512, 300)
    dtype = np.dtype("int16")

    def __getitem__(self, key):
        raise AssertionError("the volume was read")

    def __array__(self, *args, **kwargs):
        raise AssertionError("the volume was read")


def test_a_volume_passes_untouched():
    lazy = LazyVolume()
    volume = Volume("a.nii.gz", lazy, shape=lazy.shape, affine=tuple(range(16)), header={"k": 1})
    item = DatasetItem("a", media=volume).replace(subset="train")
    assert item.media is volume
    assert item.media.source is lazy
    assert volume.exists
    assert repr(Volume("a", None, shape=(1, 2, 3))).startswith("Volume(path='a'")


def test_a_cloud_has_its_images():
    images = (Image("l.png", b"l"), Image("r.png", b"r"))
    cloud = PointCloud("a.pcd", b"points", None, images)
    assert [i.read_bytes() for i in cloud.extra_images] == [b"l", b"r"]
    assert cloud.read_bytes() == b"points"


def test_kinds_have_names_of_their_own():
    kinds = {c.kind for c in (Image, VideoFrame, MultiframeImage, PointCloud, Volume)}
    assert kinds == {"image", "video_frame", "multiframe_image", "point_cloud", "volume"}


def test_every_public_name_is_there():
    assert all(hasattr(media_module, name) for name in media_module.__all__)
