"""Pictures of slices, which are read and made a few at a time."""

from __future__ import annotations

import gzip
import pickle

import numpy as np
import pytest
from nifti_files import AFFINE, save

from dsk import Dataset
from dsk.errors import MediaError
from dsk_medical.slices import pictures
from dsk_medical.slices.pictures import Pictures, Window
from dsk_medical.volume import arrays
from dsk_medical.volume.arrays import ArrayView, LazyVolume, open_volume
from dsk_medical.volume.geometry import ReorientedVolume

ARRAY = np.random.default_rng(0).integers(-1000, 1000, (6, 5, 11), np.int16)
PLANE = 6 * 5


class Counted(LazyVolume):
    """An array that notes which parts are read, one slice of which is damaged."""

    def __init__(self, array, damaged=None):
        self.array = array
        self.shape = array.shape
        self.dtype = array.dtype
        self.damaged = damaged
        self.keys = []

    def __getitem__(self, key):
        self.keys.append(key)
        if self.damaged in np.arange(self.shape[2])[key[2]].ravel():
            raise MediaError("damaged")
        return self.array[key]


@pytest.mark.parametrize("together", [1, PLANE, 3 * PLANE, 100 * PLANE])
@pytest.mark.parametrize("kind", ["i2", "u1", "f4"])
def test_pictures_are_the_same_however_many_are_made_together(monkeypatch, together, kind):
    monkeypatch.setattr(pictures, "_TOGETHER", together)
    array = ARRAY.astype(kind)
    volume = Counted(array)
    made = Pictures([volume], [Window(volume, (10, 90), (0, 100))])
    expected = np.clip(np.rint((array.astype(float) - 10) * 255 / 80), 0, 255).astype(np.uint8)
    for k in (*range(11), 4, 0):
        assert np.array_equal(made.picture(k), expected[:, :, k])
        assert made.picture(k).flags.c_contiguous


def test_a_few_slices_are_read_at_once(monkeypatch):
    monkeypatch.setattr(pictures, "_TOGETHER", 4 * PLANE)
    volume = Counted(ARRAY)
    made = Pictures([volume], [])
    for k in range(11):
        made.picture(k)
    assert len(volume.keys) == 3
    copied = pickle.loads(pickle.dumps(made))
    assert np.array_equal(copied.picture(9), ARRAY[:, :, 9])


def test_a_damaged_slice_does_not_take_others_with_it(monkeypatch):
    monkeypatch.setattr(pictures, "_TOGETHER", 4 * PLANE)
    made = Pictures([Counted(ARRAY, damaged=5)], [])
    for k in range(11):
        if k == 5:
            with pytest.raises(MediaError, match="damaged"):
                made.picture(k)
        else:
            assert np.array_equal(made.picture(k), ARRAY[:, :, k])


def test_windows_of_what_is_no_number():
    array = np.array([np.nan, np.inf, -np.inf, 5.0]).reshape(2, 2, 1)
    grey = Window(ArrayView(array), (0, 10), (0, 100)).apply(array)
    assert grey.ravel().tolist() == [0, 255, 0, 128]


@pytest.mark.parametrize("orientation", [((1, -1), (0, 1), (2, -1)), ((2, 1), (1, -1), (0, -1))])
@pytest.mark.parametrize("part", [slice(1, 4), slice(2, None), slice(4, 1), slice(5, 0, -2)])
def test_a_part_of_a_turned_volume_is_all_that_is_read(orientation, part):
    volume = Counted(ARRAY)
    turned = ReorientedVolume(volume, orientation)
    whole = np.asarray(turned)
    volume.keys.clear()
    assert np.array_equal(turned[:, :, part], whole[:, :, part])
    if part.step is None:
        (key,) = volume.keys
        size = turned.shape[2]
        assert len(range(size)[part]) == len(range(size)[key[orientation[2][0]]])


@pytest.mark.parametrize("ending", [".nii", ".nii.gz"])
def test_blocks_of_a_file_are_its_slices(tmp_path, monkeypatch, ending):
    monkeypatch.setattr(arrays, "_BLOCK", 4 * PLANE)
    save(tmp_path / f"a{ending}", np.stack([ARRAY, ARRAY + 1], axis=-1))
    (item,) = Dataset.import_from(tmp_path, "nifti")
    volume = open_volume(item.media)
    assert [block.shape[2] for block in volume.blocks()] == [2] * 5 + [1]
    assert np.array_equal(np.concatenate(list(volume.blocks()), axis=2)[..., 0], ARRAY)
    channel = arrays.ChannelView(volume, 1)
    assert np.array_equal(channel[:, :, 3:7], ARRAY[:, :, 3:7] + 1)
    assert channel[:, :, 7:3].shape == (6, 5, 0)
    assert np.allclose(np.reshape(item.media.affine, (4, 4)), AFFINE)


def test_a_wrong_checksum_is_found_with_the_last_slice(tmp_path):
    save(tmp_path / "a.nii", ARRAY)
    packed = bytearray(gzip.compress((tmp_path / "a.nii").read_bytes()))
    packed[-6] ^= 1
    (tmp_path / "a.nii").unlink()
    (tmp_path / "a.nii.gz").write_bytes(packed)
    (item,) = Dataset.import_from(tmp_path, "nifti")
    volume = open_volume(item.media)
    assert np.array_equal(volume[:, :, 3:10], ARRAY[:, :, 3:10])
    with pytest.raises(MediaError, match="CRC"):
        volume[:, :, 8:]
