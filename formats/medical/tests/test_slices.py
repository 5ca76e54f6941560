"""Volumes as slices that are images, and back."""

from __future__ import annotations

import numpy as np
import pytest
from nifti_files import AFFINE, blocks, save, scan, voxels

from dsk import Dataset
from dsk.errors import DskWarning, OptionError, RecordError
from dsk.media import Image
from dsk_medical.slices.pictures import HeldVolume, percentiles
from dsk_medical.volume.arrays import ArrayView, open_volume

pytestmark = pytest.mark.filterwarnings("ignore:pixels of slices are not square")

VIEWS = [
    ("stored", "raw"),
    ("0", "raw"),
    ("1", "raw"),
    ("cor", "raw"),
    ("axl", "radiological"),
    ("cor", "radiological"),
    ("sag", "radiological"),
]


@pytest.fixture
def source(tmp_path):
    save(tmp_path / "in" / "a.nii.gz", scan())
    save(tmp_path / "in" / "a" / "x.nii.gz", blocks(3, 7))
    save(tmp_path / "in" / "a" / "y.nii.gz", blocks(1))
    (tmp_path / "in" / "a" / "x_score.csv").write_text("Layer,Label-3\n2,0.25\n3,0.5\n")
    return Dataset.import_from(tmp_path / "in", "nifti")


def objects(dataset):
    return {
        (i.id, a.label, a.value): (voxels(a).tobytes(), a.attributes)
        for i in dataset
        for a in i.annotations
    }


@pytest.mark.parametrize(("axis", "view"), VIEWS)
def test_there_and_back_is_lossless(source, axis, view):
    slices = source.transform("volumes_to_slices", axis=axis, view=view)
    back = slices.transform("slices_to_volumes")
    assert {k: v[0] for k, v in objects(back).items()} == {
        k: v[0] for k, v in objects(source).items()
    }
    (before,), (after,) = source, back
    assert after.media.affine == before.media.affine
    assert after.media.shape == before.media.shape


def test_scores_stay_with_their_slices(source):
    back = source.transform("volumes_to_slices").transform("slices_to_volumes")
    assert objects(back) == objects(source)


def test_scores_stay_with_slices_in_reversed_order(tmp_path):
    affine = AFFINE @ np.diag([1, 1, -1, 1])  # which view=radiological turns
    save(tmp_path / "a.nii.gz", scan(), affine)
    save(tmp_path / "a" / "x.nii.gz", blocks(3, 7), affine)
    (tmp_path / "a" / "x_score.csv").write_text("Layer,Label-3,Label-7\n2,0.25,0.75\n3,0.5,\n")
    source = Dataset.import_from(tmp_path, "nifti")
    cut = source.transform("volumes_to_slices", axis="axl", view="radiological")
    found = {
        (item.attributes["slice_index"], a.attributes["object_value"]): a.attributes["score"]
        for item in cut
        for a in item.annotations
        if "score" in a.attributes
    }
    assert found == {(3, 3): 0.25, (2, 3): 0.5, (3, 7): 0.75}  # of 5 slices, from the other end
    assert objects(cut.transform("slices_to_volumes")) == objects(source)


def test_scores_of_slices_that_are_cut_otherwise_are_told(source, tmp_path):
    def told(dataset, name):
        report = dataset.export(tmp_path / name, "nifti")
        return sum(e.count for e in report.losses if (e.code, e.what) == ("DSK-L004", "scores"))

    along = source.transform("volumes_to_slices")
    across = source.transform("volumes_to_slices", axis="0").transform("slices_to_volumes")
    assert told(across, "a") == 1
    assert told(along.transform("slices_to_volumes"), "b") == 0
    by_slice = Dataset.import_from(tmp_path / "in", "nifti", masks="slices")
    recut = by_slice.transform("volumes_to_slices", axis="0")
    assert told(recut.transform("slices_to_volumes"), "d") == 2
    assert not any("score" in a.attributes for item in recut for a in item.annotations)
    items = [
        item.replace(attributes={**item.attributes, "slice_axis": "0"}, annotations=annotations)
        for item in along
        if (annotations := [a for a in item.annotations if "score" in a.attributes])
    ]
    for item in items:
        item.attributes.pop("volume_shape")
    other = Dataset.from_iterable(items, source.categories())
    assert told(other.transform("slices_to_volumes"), "c") == 2


@pytest.mark.parametrize(("axis", "view"), VIEWS)
def test_masks_lie_on_their_pictures(tmp_path, axis, view):
    array = (blocks(50) + 10).astype(np.uint8)
    save(tmp_path / "a.nii.gz", array)
    save(tmp_path / "a" / "x.nii.gz", blocks(50))
    dataset = Dataset.import_from(tmp_path, "nifti")
    count = 0
    for item in dataset.transform("volumes_to_slices", axis=axis, view=view, window=["none"]):
        assert item.media.data.shape == item.media.size
        for a in item.annotations:
            assert np.array_equal(a.image, item.media.data == 60)
            count += int(a.image.sum())
    assert count == np.count_nonzero(blocks(50))


def test_radiological_view(tmp_path):
    array = np.zeros((9, 8, 5), np.uint8)
    array[0, 7, 2] = 200  # stored LAS: the patient's right, front
    save(tmp_path / "a.nii.gz", array)
    dataset = Dataset.import_from(tmp_path, "nifti")
    slices = dataset.transform(
        "volumes_to_slices", axis="axl", view="radiological", window=["none"]
    )
    pixels = list(slices)[2].media.data
    assert pixels.shape == (8, 9)
    assert np.argwhere(pixels).tolist() == [[0, 0]]  # top left


def test_window_and_percentiles(tmp_path):
    array = np.linspace(-1000, 1000, 9 * 8 * 5).reshape(9, 8, 5).astype(np.float32)
    array[0, 0, 0] = np.nan
    save(tmp_path / "a.nii.gz", array)
    dataset = Dataset.import_from(tmp_path, "nifti")
    windowed = dataset.transform("volumes_to_slices", window=["-100", "100"])
    pixels = np.stack([i.media.data for i in windowed], axis=-1)
    expected = np.clip(np.rint((array.astype(np.float64) + 100) * 255 / 200), 0, 255)
    assert np.array_equal(pixels, np.nan_to_num(expected).astype(np.uint8))
    ranked = dataset.transform("volumes_to_slices", percentile=["10", "90"])
    pixels = np.stack([i.media.data for i in ranked], axis=-1)
    low, high = np.nanpercentile(array, [10, 90])
    assert (pixels[array < low - 6] == 0).all()
    assert (pixels[array > high + 6] == 255).all()


@pytest.mark.parametrize("kind", ["u1", "i1", "u2", ">i2", "i4", "f4"])
def test_percentiles_are_numpys(kind):
    array = np.random.default_rng(0).integers(-90, 90, (9, 8, 7)).astype(np.int8).astype(kind)
    found = percentiles(ArrayView(array), 2, 97)
    step = float(np.ptp(array.astype(float)) / 65535)
    expected = [np.percentile(array, q, method="higher") for q in (2, 97)]
    assert found == pytest.approx(expected, abs=step if kind == "f4" else 0)


@pytest.mark.parametrize("kind", ["uint8", "int8", "int16", "uint16"])
@pytest.mark.parametrize("share", [0.3, 0.49, 0.51, 0.9])
def test_percentiles_of_volumes_with_background(kind, share):
    random = np.random.default_rng(1)
    least = max(-1000, int(np.iinfo(kind).min))
    array = random.integers(least + 1, np.iinfo(kind).max, (20, 30, 7), kind)
    array[random.random(array.shape) < share] = least
    found = percentiles(ArrayView(array), 45, 97)
    assert found == tuple(np.percentile(array, [45, 97], method="higher"))


@pytest.mark.parametrize("kind", ["u1", "i2", "i4", "f8"])
def test_percentiles_of_one_value(kind):
    assert percentiles(ArrayView(np.full((2, 3, 4), 7, kind)), 1, 99) == (7, 8)


def test_percentiles_without_any_number():
    assert percentiles(ArrayView(np.full((2, 3, 4), np.nan)), 1, 99) == (0, 1)


@pytest.mark.parametrize("along", [0, 1, 2])
def test_only_a_few_volumes_are_held(along):
    array = scan()
    several = [HeldVolume(ArrayView(array), along) for _ in range(6)]
    for volume in several + several:
        assert np.array_equal(volume[1:5, :, 2], array[1:5, :, 2])
    assert sum(volume._held is not None for volume in several) == 4


def test_window_none_refuses_what_needs_more_bits(source):
    with pytest.raises(RecordError, match="8 or 16 bits"):
        list(source.transform("volumes_to_slices", window=["none"]))


@pytest.mark.parametrize(
    "options",
    [
        {"window": ["5"]},
        {"window": ["9", "1"]},
        {"percentile": ["0", "101"]},
        {"channels": ["a", "b"]},
    ],
)
def test_bad_options(source, options):
    with pytest.raises(OptionError):
        source.transform("volumes_to_slices", **options)


def test_channels(tmp_path):
    array = np.stack([np.full((4, 5, 3), n * 10, np.uint8) for n in range(4)], axis=-1)
    save(tmp_path / "a.nii.gz", array)
    dataset = Dataset.import_from(tmp_path, "nifti")

    def first(*channels):
        options = {"channels": list(channels), "window": ["none"]}
        return next(iter(dataset.transform("volumes_to_slices", **options))).media.data

    assert (first() == 0).all()
    assert (first("2") == 20).all()
    assert first("3", "1", "0")[0, 0].tolist() == [30, 10, 0]
    with pytest.raises(RecordError, match="no channel '7'"):
        first("7")


def test_slices_of_other_formats_take_geometry_from_the_volumes(source, tmp_path):
    slices = source.transform("volumes_to_slices", axis="cor")
    bare = slices.transform(lambda item: item.replace(attributes={}))
    back = bare.transform("slices_to_volumes", like=str(tmp_path / "in"), axis="cor")
    assert {k: v[0] for k, v in objects(back).items()} == {
        k: v[0] for k, v in objects(source).items()
    }
    (before,), (after,) = source, back
    assert np.array_equal(
        np.asarray(open_volume(before.media)), np.asarray(open_volume(after.media))
    )


def test_slices_without_geometry(source):
    bare = source.transform("volumes_to_slices").transform(lambda i: i.replace(attributes={}))
    with pytest.warns(DskWarning, match="how they lie in space"):
        (item,) = bare.transform("slices_to_volumes")
    assert item.media.affine is None
    assert item.media.shape == (9, 8, 5)


def test_annotated_only_and_counts(source, tmp_path):
    slices = source.transform("volumes_to_slices", annotated_only=True)
    assert [item.attributes["slice_index"] for item in slices] == [1, 2, 3]
    assert all(isinstance(item.media, Image) for item in slices)
    report = slices.transform("slices_to_volumes").export(tmp_path / "out", "nifti")
    numbers = report.annotations
    assert (numbers["in"], numbers["split"], numbers["merged"], numbers["out"]) == (3, 4, 4, 3)


def test_per_slice_masks_are_cut_along_another_axis(tmp_path, source):
    by_slice = Dataset.import_from(tmp_path / "in", "nifti", masks="slices")
    for axis in ("stored", "0"):
        slices = by_slice.transform("volumes_to_slices", axis=axis)
        back = slices.transform("slices_to_volumes")
        assert {k: v[0] for k, v in objects(back).items()} == {
            k: v[0] for k, v in objects(source).items()
        }


def test_affine_of_slices_is_the_volumes(source):
    item = next(iter(source.transform("volumes_to_slices")))
    assert np.allclose(np.reshape(item.attributes["volume_affine"], (4, 4)), AFFINE)
    assert item.attributes["volume_id"] == "a"
