"""NYU Depth V2 files as they are met."""

from __future__ import annotations

import zipfile
from typing import TYPE_CHECKING

import h5py
import numpy as np
import pytest

from dsk import Dataset
from dsk.detect import choose, detect
from dsk.errors import InputError, MediaError
from dsk.files import open_root
from dsk.item import DatasetItem
from dsk.media import Image
from dsk_depth.attached import Attached, attached

if TYPE_CHECKING:
    from pathlib import Path

NAME = "nyu_depth_v2"


def store(path: Path, *, rgb=None, depth=None, **more) -> tuple[np.ndarray, np.ndarray]:
    """Write a file as the public dataset has them: channels first."""
    rng = np.random.default_rng(1)
    rgb = rng.integers(0, 255, (3, 4, 5), np.uint8) if rgb is None else rgb
    depth = rng.uniform(0.5, 9, rgb.shape[1:]).astype(np.float32) if depth is None else depth
    path.parent.mkdir(parents=True, exist_ok=True)
    with h5py.File(path, "w") as file:
        file.create_dataset("rgb", data=rgb, **more)
        file.create_dataset("depth", data=depth, **more)
    return rgb, depth


def test_image_and_depth(tmp_path):
    rgb, depth = store(tmp_path / "7.h5", compression="gzip")
    assert choose(open_root(tmp_path)).format == NAME
    (item,) = Dataset.import_from(tmp_path)
    assert (item.id, item.subset, item.media.size) == ("7", "default", (4, 5))
    assert np.array_equal(item.media.data, rgb.transpose(1, 2, 0))
    found = attached(item, NAME, "depth").data
    assert found.dtype == np.float32
    assert np.array_equal(found, depth)


@pytest.mark.parametrize("version", ["earliest", "v108", "latest"])
def test_all_versions_of_hdf5_are_detected(tmp_path, version):
    with h5py.File(tmp_path / "1.h5", "w", libver=version) as file:
        file["rgb"], file["depth"] = np.ones((3, 4, 5), np.uint8), np.ones((4, 5))
    assert choose(open_root(tmp_path)).format == NAME


def test_scenes_and_subsets(tmp_path):
    for name in ("train/kitchen_1/00001", "train/office_2/00001", "val/official/00001"):
        store(tmp_path / f"nyudepthv2/{name}.h5")
    found = {(item.subset, item.id) for item in Dataset.import_from(tmp_path, NAME)}
    assert found == {
        ("train", "kitchen_1/00001"),
        ("train", "office_2/00001"),
        ("val", "official/00001"),
    }


@pytest.mark.parametrize(
    "names",
    [
        {("default", "kitchen/1"), ("default", "kitchen/2")},
        {("default", "1")},
        {("default", "a/b/1")},
        {("train", "a/1"), ("default", "a/1")},
        {("default", "train/1"), ("default", "x/2")},
        {("val", "train/1")},
    ],
)
def test_ids_and_subsets_come_back(tmp_path, names):
    extra = {NAME: {"depth": Attached(Image.from_array(np.ones((2, 3), np.float32)))}}
    image = Image.from_array(np.zeros((2, 3, 3), np.uint8), "1.png")
    items = [DatasetItem(item, subset, image, extra=extra) for subset, item in sorted(names)]
    Dataset.from_iterable(items).export(tmp_path / "out", NAME, strict=True)
    found = {(item.subset, item.id) for item in Dataset.import_from(tmp_path / "out", NAME)}
    assert found == names


def test_pixels_stored_as_floats(tmp_path):
    store(tmp_path / "1.h5", rgb=np.full((3, 2, 2), 200.6))
    (item,) = Dataset.import_from(tmp_path, NAME)
    assert item.media.data.dtype == np.uint8
    assert (item.media.data == 201).all()


def test_file_without_depth_is_an_image(tmp_path):
    with h5py.File(tmp_path / "1.h5", "w") as file:
        file["rgb"] = np.zeros((3, 2, 2), np.uint8)
    dataset = Dataset.import_from(tmp_path, NAME)
    assert next(iter(dataset)).extra is None
    report = dataset.export(tmp_path / "out", NAME)
    assert [(e.code, e.what) for e in report.events] == [("DSK-L008", "image without a depth map")]


def test_round_trip_is_exact_and_readable_by_h5py(tmp_path):
    rgb, depth = store(tmp_path / "in/train/a/1.h5")
    Dataset.import_from(tmp_path / "in").export(tmp_path / "out", NAME, strict=True)
    with h5py.File(tmp_path / "out/train/a/1.h5") as file:
        assert np.array_equal(file["rgb"], rgb)
        assert np.array_equal(file["depth"], depth)
        assert file["depth"].dtype == np.float32


def test_plain_values_keep_the_depth(tmp_path):
    _, depth = store(tmp_path / "1.h5")
    (item,) = Dataset.import_from(tmp_path, NAME)
    plain = item.extra[NAME]["depth"].tolist()
    back = attached(DatasetItem("1", extra={NAME: {"depth": plain}}), NAME, "depth")
    assert np.array_equal(back.data, depth)


@pytest.mark.parametrize(
    ("pixels", "what"),
    [
        (np.full((2, 3, 4), 7, np.uint8), "transparency of the image"),
        (np.full((2, 3), 7, np.uint8), None),
        (np.full((2, 3), 7 * 256 + 3, np.uint16), "16 bits of the image, which become 8"),
    ],
)
def test_images_of_other_kinds(tmp_path, pixels, what):
    extra = {NAME: {"depth": Attached(Image.from_array(np.ones((2, 3), np.float32)))}}
    item = DatasetItem("1", media=Image.from_array(pixels, "1.png"), extra=extra)
    report = Dataset.from_iterable([item]).export(tmp_path / "out", NAME)
    assert [e.what for e in report.events] == ([what] if what else [])
    with h5py.File(tmp_path / "out/1.h5") as file:
        assert file["rgb"].shape == (3, 2, 3)
        assert (file["rgb"][()] == 7).all()


def test_depth_of_another_size_is_refused(tmp_path):
    extra = {NAME: {"depth": Attached(Image.from_array(np.ones((9, 9), np.float32)))}}
    item = DatasetItem("1", media=Image.from_array(np.zeros((2, 3, 3), np.uint8)), extra=extra)
    with pytest.raises(InputError, match=r"the depth map is \(9, 9\)"):
        Dataset.from_iterable([item]).export(tmp_path / "out", NAME)


def _linked(path: Path) -> None:
    store(path.parent.parent / "secret.h5")
    with h5py.File(path, "w") as file:
        file["rgb"] = h5py.ExternalLink("../secret.h5", "rgb")


def _external(path: Path) -> None:
    (path.parent.parent / "secret.raw").write_bytes(bytes(12))
    with h5py.File(path, "w") as file:
        file.create_dataset("rgb", (3, 2, 2), np.uint8, external=[("../secret.raw", 0, 12)])


def _virtual(path: Path) -> None:
    store(path.parent.parent / "secret.h5")
    layout = h5py.VirtualLayout((3, 4, 5), np.uint8)
    layout[:] = h5py.VirtualSource("../secret.h5", "rgb", (3, 4, 5))
    with h5py.File(path, "w") as file:
        file.create_virtual_dataset("rgb", layout)


def _bomb(path: Path) -> None:
    with h5py.File(path, "w") as file:
        file.create_dataset("rgb", (3, 1 << 20, 1 << 20), np.uint8, chunks=(1, 64, 64))


def _grey(path: Path) -> None:
    store(path, rgb=np.zeros((4, 4, 3), np.uint8), depth=np.zeros((4, 4)))


def _sizes(path: Path) -> None:
    store(path, depth=np.zeros((9, 9)))


def _text(path: Path) -> None:
    path.write_text("no HDF5")


@pytest.mark.parametrize(
    ("make", "what"),
    [
        (_linked, "rgb is a link"),
        (_external, "rgb is no array in the file itself"),
        (_virtual, "rgb is no array in the file itself"),
        (_bomb, "1048576×1048576 pixels"),
        (_grey, r"rgb is uint8 \(4, 4, 3\)"),
        (_sizes, r"depth has shape \(9, 9\)"),
        (_text, "no readable HDF5 file"),
    ],
)
def test_bad_files(tmp_path, make, what):
    folder = tmp_path / "in"
    folder.mkdir()
    make(folder / "1.h5")
    with pytest.raises(Exception, match=what) as caught:
        list(Dataset.import_from(folder, NAME))
    assert caught.value.exit_code in (3, 6)


def _cut(path: Path) -> None:
    store(path, rgb=np.zeros((3, 40, 50), np.uint8))
    path.write_bytes(path.read_bytes()[:3000])


@pytest.mark.parametrize(
    ("make", "what"),
    [
        (lambda path: path.write_bytes(b""), "no readable HDF5 file"),
        (_cut, "no readable HDF5 file: .*truncated"),
        (lambda path: path.mkdir(), r"no \.h5 file is here"),
    ],
)
def test_files_that_are_none(tmp_path, make, what):
    (tmp_path / "in").mkdir()
    make(tmp_path / "in/1.h5")
    with pytest.raises(InputError, match=what):
        list(Dataset.import_from(tmp_path / "in", NAME))
    with pytest.raises(InputError, match="there is no such file or folder"):
        Dataset.import_from(tmp_path / "absent", NAME)


def test_a_file_that_went_away(tmp_path):
    store(tmp_path / "1.h5")
    (item,) = Dataset.import_from(tmp_path, NAME)
    (tmp_path / "1.h5").unlink()
    with pytest.raises(MediaError, match=r"1\.h5: there is no such file"):
        attached(item, NAME, "depth").data  # noqa: B018 - reads it


def test_odd_names_and_archives(tmp_path):
    _, depth = store(tmp_path / "кухня 🍳.h5")
    with zipfile.ZipFile(tmp_path / "good.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.write(tmp_path / "кухня 🍳.h5", "nyu/val/кухня 🍳.h5")
    (item,) = Dataset.import_from(tmp_path / "good.zip")
    assert (item.id, item.subset) == ("кухня 🍳", "val")
    assert np.array_equal(attached(item, NAME, "depth").data, depth)
    assert item.media.data.shape == (4, 5, 3)
    with zipfile.ZipFile(tmp_path / "evil.zip", "w") as archive:
        archive.write(tmp_path / "кухня 🍳.h5", "../1.h5")
    with pytest.raises(InputError, match="leads out of its folder"):
        list(Dataset.import_from(tmp_path / "evil.zip", NAME))


def test_own_output_is_detected(tmp_path):
    store(tmp_path / "in/train/a/1.h5")
    store(tmp_path / "in/train/a/2.h5")
    Dataset.import_from(tmp_path / "in", NAME).export(tmp_path / "out", NAME, strict=True)
    found = detect(open_root(tmp_path / "out"))
    assert [(f.format, f.score) for f in found if f.score > 5] == [(NAME, 85)]


def test_bad_files_are_skipped_on_request(tmp_path):
    store(tmp_path / "1.h5")
    _text(tmp_path / "2.h5")
    dataset = Dataset.import_from(tmp_path, NAME, on_error="skip")
    assert [item.id for item in dataset] == ["1"]


def test_other_hdf5_is_not_claimed(tmp_path):
    with h5py.File(tmp_path / "volume_1_slice_2.h5", "w") as file:
        file["image"] = np.zeros((4, 4, 4))
        file["mask"] = np.zeros((4, 4, 3), np.uint8)
    from dsk_depth.detect import detect_nyu

    assert detect_nyu(open_root(tmp_path)) is None


def test_folders_of_subsets_in_another_case(tmp_path):
    for name in ("Train/kitchen_1/00001", "VAL/official/00001"):
        store(tmp_path / f"nyudepthv2/{name}.h5")
    found = {(item.subset, item.id) for item in Dataset.import_from(tmp_path, NAME)}
    assert found == {("Train", "kitchen_1/00001"), ("VAL", "official/00001")}
