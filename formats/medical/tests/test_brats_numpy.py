"""brats_numpy: arrays, pickles that must not run, boxes."""

from __future__ import annotations

import os
import pickle
from pathlib import Path

import numpy as np
import pytest

from dsk import Dataset
from dsk.errors import InputError
from dsk_medical.volume import pickles

DATA, LABEL = "_data_cropped.npy", "_label_cropped.npy"


def make(root: Path, ids=("HGG_val0", "HGG_val1"), boxes=True, lines="all\nnecrosis\nedema\n"):
    root.mkdir(parents=True, exist_ok=True)
    for n, case in enumerate(ids):
        data = np.arange(4 * 2 * 5 * 3, dtype=np.float32).reshape(1, 4, 2, 5, 3) + n
        label = np.zeros((1, 2, 5, 3), np.int64 if n else np.float64)
        label[0, 0, :2] = 1
        label[0, 1, 4, 1] = 2
        np.save(root / f"{case}{DATA}", data)
        np.save(root / f"{case}{LABEL}", label)
    (root / "val_ids.p").write_bytes(pickle.dumps(list(ids)))
    if boxes:
        corners = np.arange(len(ids) * 6, dtype=np.int64).reshape(-1, 2, 3)
        (root / "val_brain_bbox.p").write_bytes(pickles.dump_array(corners))
    if lines:
        (root / "labels").write_text(lines)
    return root


def read(root: Path, **options):
    return {item.id: item for item in Dataset.import_from(root, "brats_numpy", **options)}


def test_frames_run_along_the_first_axis(tmp_path):
    items = read(make(tmp_path))
    item = items["HGG_val1"]
    stored = np.load(tmp_path / f"HGG_val1{DATA}")[0]
    assert item.media.shape == (3, 5, 2, 4)
    assert np.array_equal(np.asarray(item.media.source), stored.transpose())
    masks = [a for a in item.annotations if a.kind == "mask"]
    found = [(a.attributes["image_id"], a.label, int(a.image.sum())) for a in masks]
    assert found == [(0, 0, 9), (0, 1, 6), (1, 0, 14), (1, 2, 1)]
    assert masks[0].image.shape == (3, 5)


def test_boxes_as_corners_and_as_cuboids(tmp_path):
    make(tmp_path)
    corners = read(tmp_path)["HGG_val1"].annotations[-1]
    assert (corners.position, corners.rotation, corners.scale) == (
        (6, 7, 8),
        (9, 10, 11),
        (1, 1, 1),
    )
    cuboid = read(tmp_path, bbox_as="cuboid")["HGG_val1"].annotations[-1]
    assert (cuboid.position, cuboid.rotation, cuboid.scale) == (
        (7.5, 8.5, 9.5),
        (0, 0, 0),
        (3, 3, 3),
    )
    assert cuboid.frame == "voxel"


@pytest.mark.parametrize("bbox_as", ["corners", "cuboid"])
def test_nothing_changes_on_the_way_back(tmp_path, bbox_as):
    source = make(tmp_path / "source")
    dataset = Dataset.import_from(source, "brats_numpy", bbox_as=bbox_as)
    report = dataset.export(tmp_path / "out", "brats_numpy")
    assert not report.losses
    for name in sorted(os.listdir(source)):
        there = (tmp_path / "out" / name).read_bytes()
        if name.endswith(".npy"):
            assert np.array_equal(np.load(tmp_path / "out" / name), np.load(source / name))
        elif name == "labels":
            assert there == (source / name).read_bytes()
    boxes = (tmp_path / "out/val_brain_bbox.p").read_bytes()
    assert b"numpy.core.multiarray" in boxes
    assert np.array_equal(pickles.load_array(boxes, ""), np.arange(12).reshape(2, 2, 3))
    assert pickle.loads((tmp_path / "out/val_ids.p").read_bytes()) == ["HGG_val0", "HGG_val1"]


def test_boxes_of_some_items_only_are_left_out_and_counted(tmp_path):
    make(tmp_path / "source")
    dataset = Dataset.import_from(tmp_path / "source", "brats_numpy").transform(
        lambda item: item.replace(annotations=item.annotations[: -1 if item.id[-1] == "1" else 99])
    )
    report = dataset.export(tmp_path / "out", "brats_numpy")
    assert not (tmp_path / "out/val_brain_bbox.p").exists()
    assert report.annotations["dropped"] == 1


class Payload:
    def __reduce__(self):
        return (os.system, ("touch /tmp/dsk-payload-ran",))


@pytest.mark.parametrize("file", ["val_ids.p", "val_brain_bbox.p"])
@pytest.mark.parametrize(
    "data",
    [
        pickle.dumps(Payload()),
        pickle.dumps(["HGG_val0", Payload()]),
        b"cos\nsystem\n(S'true'\ntR.",
        b"",
        pickle.dumps(["HGG_val0"] * 9)[:-4],
        pickle.dumps({"a": 1}),
    ],
)
def test_pickles_run_nothing(tmp_path, file, data):
    make(tmp_path)
    (tmp_path / file).write_bytes(data)
    with pytest.raises(InputError) as caught:
        read(tmp_path)
    assert file in str(caught.value)
    assert not os.path.exists("/tmp/dsk-payload-ran")


@pytest.mark.parametrize("protocol", range(6))
def test_pickles_of_all_protocols(tmp_path, protocol):
    make(tmp_path)
    (tmp_path / "val_ids.p").write_bytes(pickle.dumps(["HGG_val0", "HGG_val1"], protocol))
    boxes = np.arange(12).reshape(2, 2, 3)
    (tmp_path / "val_brain_bbox.p").write_bytes(pickle.dumps(boxes, protocol))
    assert read(tmp_path)["HGG_val1"].annotations[-1].position == (6, 7, 8)


def test_ids_that_lead_elsewhere_are_refused(tmp_path):
    make(tmp_path)
    (tmp_path / "val_ids.p").write_bytes(pickle.dumps(["../HGG_val0", "/etc/x", "HGG_val1"]))
    (tmp_path / "val_brain_bbox.p").unlink()
    with pytest.raises(InputError, match="leads out"):
        read(tmp_path)
    assert list(read(tmp_path, on_error="skip")) == ["HGG_val1"]


def test_boxes_of_another_number_are_no_boxes_of_these_cases(tmp_path):
    make(tmp_path)
    boxes = pickles.dump_array(np.zeros((3, 2, 3), np.int64))
    (tmp_path / "val_brain_bbox.p").write_bytes(boxes)
    with pytest.raises(InputError, match="bbox_count_mismatch"):
        read(tmp_path)
    items = read(tmp_path, on_error="skip")
    assert all(a.kind == "mask" for item in items.values() for a in item.annotations)


def test_missing_side_files(tmp_path):
    make(tmp_path, boxes=False, lines="")
    (tmp_path / f"HGG_val0{DATA}").unlink()
    (tmp_path / f"HGG_val1{LABEL}").unlink()
    np.save(tmp_path / f"stray{DATA}", np.zeros((1, 4, 2, 2, 2)))
    dataset = Dataset.import_from(tmp_path, "brats_numpy")
    items = {item.id: item for item in dataset}
    assert not items["HGG_val0"].media.exists
    assert len(items["HGG_val0"].annotations) == 4
    assert items["HGG_val1"].annotations == []
    report = dataset.export(tmp_path / "out", "brats_numpy")
    assert any("stray" in text for text in report.warnings)


def test_values_without_a_line_get_one_with_a_warning(tmp_path):
    make(tmp_path, lines="all\nnecrosis\n")
    dataset = Dataset.import_from(tmp_path, "brats_numpy")
    assert [x.name for x in dataset.categories().labels] == ["all", "necrosis", "class_2"]
    report = dataset.export(tmp_path / "out", "brats_numpy")
    assert any("no name for value 2" in text for text in report.warnings)


@pytest.mark.parametrize(
    "array",
    [
        np.zeros((2, 4, 2, 5, 3)),
        np.zeros((4, 2, 5, 3)),
        np.array([[{"a": 1}]], object),
        np.array([["x"]]),
    ],
)
def test_arrays_of_other_shapes_or_types_are_refused(tmp_path, array):
    make(tmp_path)
    np.save(tmp_path / f"HGG_val0{DATA}", array, allow_pickle=True)
    with pytest.raises(InputError, match="HGG_val0_data_cropped"):
        read(tmp_path)
    assert list(read(tmp_path, on_error="skip")) == ["HGG_val1"]


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\x93NUMPY",
        b"\x93NUMPY\x01\x00\xff\xff{",
        b"\x93NUMPY\x01\x00\x10\x00{'descr': '<f4'(\n",  # Python's tokenizer meets the end
        b"no array",
    ],
)
def test_damaged_arrays_are_refused(tmp_path, data):
    make(tmp_path)
    (tmp_path / f"HGG_val0{DATA}").write_bytes(data)
    with pytest.raises(InputError, match="HGG_val0_data_cropped"):
        read(tmp_path)


def test_absurd_shapes_allocate_nothing(tmp_path):
    make(tmp_path)
    head = b"{'descr': '<f8', 'fortran_order': False, 'shape': (1, 4, 99999, 99999, 99999), }\n"
    (tmp_path / f"HGG_val0{DATA}").write_bytes(
        b"\x93NUMPY\x01\x00" + len(head).to_bytes(2, "little") + head
    )
    with pytest.raises(InputError, match="the header claims"):
        read(tmp_path)
