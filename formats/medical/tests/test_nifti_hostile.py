"""Damaged and hostile files: one clear line, the same as the sheet promises."""

from __future__ import annotations

import gzip

import nibabel as nib
import numpy as np
import pytest
from nifti_files import AFFINE, blocks, save, scan, voxels

from dsk import Dataset
from dsk.errors import DskWarning, RecordError


def items(folder, **options):
    return list(Dataset.import_from(folder, "nifti", **options))


def test_gz_that_is_not_gz(tmp_path):
    path = save(tmp_path / "a.nii", scan())
    path.rename(tmp_path / "a.nii.gz")
    with pytest.warns(DskWarning, match="is not gzipped"):
        (item,) = items(tmp_path)
    assert item.media.shape == (9, 8, 5)


def test_plain_name_that_is_gz(tmp_path):
    path = save(tmp_path / "a.nii.gz", scan())
    path.rename(tmp_path / "a.nii")
    with pytest.warns(DskWarning, match="is gzipped"):
        assert len(items(tmp_path)) == 1


def test_truncated_gz(tmp_path):
    path = save(tmp_path / "a.nii.gz", scan((30, 30, 30)))
    data = path.read_bytes()
    path.write_bytes(data[: len(data) // 2])
    with pytest.raises(RecordError, match=r"damaged|claims"):
        items(tmp_path)


@pytest.mark.parametrize(
    ("cut", "text"),
    [(0, "it is empty"), (3, "ends early"), (200, "ends early"), (400, "claims")],
)
def test_truncated_plain_file(tmp_path, cut, text):
    path = save(tmp_path / "a.nii", scan())
    path.write_bytes(path.read_bytes()[:cut])
    with pytest.raises(RecordError, match=text):
        items(tmp_path)


@pytest.mark.parametrize("packed", [False, True])
def test_absurd_dimensions_allocate_nothing(tmp_path, packed):
    header = nib.Nifti1Header()
    header.set_data_dtype(np.float64)
    header.set_data_shape((32767,) * 4)
    header["magic"], header["vox_offset"] = b"n+1", 352
    data = header.binaryblock + bytes(4 + 100)
    name = "a.nii.gz" if packed else "a.nii"
    (tmp_path / name).write_bytes(gzip.compress(data) if packed else data)
    with pytest.raises(RecordError, match="claims"):
        items(tmp_path)


@pytest.mark.parametrize("field", ["dim", "datatype"])
def test_header_that_makes_no_volume(tmp_path, field):
    path = save(tmp_path / "a.nii", scan())
    data = bytearray(path.read_bytes())
    at = {"dim": 42, "datatype": 70}[field]
    data[at : at + 2] = (-3 & 0xFFFF).to_bytes(2, "little")
    path.write_bytes(bytes(data))
    with pytest.raises(RecordError, match=r"make no volume|unknown data type"):
        items(tmp_path)


def with_mask(folder, array, **fields):
    save(folder / "a.nii.gz", scan())
    save(folder / "a" / "x.nii.gz", array, **fields)


def test_nan_is_background(tmp_path):
    array = blocks(1, 2).astype(np.float32)
    array[0, 0, 0] = np.nan
    with_mask(tmp_path, array)
    with pytest.warns(DskWarning, match="1 voxels .* no numbers"):
        (item,) = items(tmp_path)
    assert np.array_equal(voxels(item.annotations[1]), blocks(1, 2) == 2)


def test_negative_labels(tmp_path):
    with_mask(tmp_path, -blocks(1).astype(np.int16))
    with pytest.raises(RecordError, match="negative values: -1"):
        items(tmp_path)


def test_mask_with_channels_has_an_object_in_each(tmp_path):
    first, second = blocks(1) != 0, np.zeros(blocks(1).shape, bool)
    second[1:4, 1:4, 1:3] = True  # overlaps
    assert (first & second).any()
    both = np.stack([first, second, second & False], axis=-1)
    with_mask(tmp_path, both.astype(np.float32))
    (item,) = items(tmp_path)
    assert [a.value for a in item.annotations] == [1, 2]
    assert np.array_equal(voxels(item.annotations[0]), first)
    assert np.array_equal(voxels(item.annotations[1]), second)
    (item,) = items(tmp_path, masks="slices")
    assert {a.attributes["object_value"] for a in item.annotations} == {1, 2}


def test_channels_of_a_plane_are_classes(tmp_path):
    save(tmp_path / "axl_anatomic.nii.gz", scan())
    channels = np.stack([blocks(1), blocks(1)[::-1]], axis=-1).astype(np.uint8)
    save(tmp_path / "axl_mask.nii.gz", channels)
    dataset = Dataset.import_from(tmp_path, "nifti")
    (item,) = dataset
    assert dataset.categories().names == ["Segment_1", "Segment_2"]
    assert [a.label for a in item.annotations] == [0, 1]
    assert np.array_equal(voxels(item.annotations[1]), channels[..., 1] != 0)


@pytest.mark.parametrize(
    ("second", "match"),
    [(blocks(1, 2), "channel 1 has 2"), (blocks(1) * np.float32(0.4), "no label")],
)
def test_channels_that_are_no_masks(tmp_path, second, match):
    with_mask(tmp_path, np.stack([blocks(1), second], axis=-1).astype(np.float32))
    with pytest.raises(RecordError, match=match):
        items(tmp_path)


def test_labels_through_floating_point(tmp_path):
    save(tmp_path / "a.nii.gz", scan())
    array = blocks(1, 4).astype(np.float64)
    image = nib.Nifti1Image(array, AFFINE)
    image.header.set_data_dtype(np.uint8)  # nibabel scales by 4 / 255
    (tmp_path / "a").mkdir()
    nib.save(image, tmp_path / "a" / "x.nii.gz")
    with pytest.warns(DskWarning, match="non_integer_labels"):
        (item,) = items(tmp_path)
    assert [a.value for a in item.annotations] == [1, 4]
    assert np.array_equal(voxels(item.annotations[1]), array == 4)


def test_probabilities_are_refused(tmp_path):
    with_mask(tmp_path, blocks(1).astype(np.float32) * 0.37)
    with pytest.raises(RecordError, match=r"0\.37 is no label"):
        items(tmp_path)


def test_bad_mask_is_skipped_alone(tmp_path):
    with_mask(tmp_path, blocks(1).astype(np.float32) * 0.37)
    save(tmp_path / "a" / "y.nii.gz", blocks(1))
    dataset = Dataset.import_from(tmp_path, "nifti", on_error="skip")
    (item,) = dataset
    assert [a.label for a in item.annotations] == [1]


def test_nothing_half_written(tmp_path):
    path = save(tmp_path / "in" / "a.nii.gz", scan((30, 30, 30)))
    data = bytearray(path.read_bytes())
    data[-8] ^= 0xFF  # gzip's checksum
    path.write_bytes(bytes(data))
    dataset = Dataset.import_from(tmp_path / "in", "nifti")
    with pytest.raises(RecordError, match="damaged"):
        dataset.export(tmp_path / "out", "nifti", orientation="ras")
    assert not (tmp_path / "out").exists()
