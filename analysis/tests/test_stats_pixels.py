"""Mean, deviation and repeated images, on images made here."""

from __future__ import annotations

import zipfile

import numpy as np
import pytest

from dsk.dataset import Dataset
from dsk.errors import OptionError, RecordError
from dsk.files import open_root
from dsk.item import DatasetItem
from dsk.media import Image, PointCloud
from dsk.pixels import encode
from dsk_analysis.stats import compute
from dsk_analysis.stats.pixels import colours

RNG = np.random.default_rng(1)


def picture(height, width, *channels):
    return RNG.integers(0, 256, (height, width, *channels), dtype=np.uint8)


def of(*arrays):
    """Return the statistics of PNG images of these pixels."""
    items = [
        DatasetItem(f"i{n}", media=Image.from_bytes(encode(array, ".png"), f"i{n}.png"))
        for n, array in enumerate(arrays)
    ]
    return compute(Dataset.from_iterable(items), pixels=True)


def test_without_pixels_the_keys_are_there():
    found = compute(Dataset.from_iterable([DatasetItem("a")]))
    for place in (found, found["subsets"]["default"]):
        for name in ("mean", "std"):
            assert place[f"image {name}"] is None
        assert place["unique images count"] is None
        assert place["repeating images count"] is None
        assert place["repeating images"] is None


def test_mean_and_deviation_weigh_all_pixels_alike_in_rgb():
    arrays = [picture(3, 4, 3), picture(20, 10, 3), picture(1, 1, 3)]
    found = of(*arrays)
    pixels = np.concatenate([a.reshape(-1, 3) for a in arrays]).astype(float)
    assert found["image mean"] == pytest.approx(pixels.mean(axis=0))
    assert found["image std"] == pytest.approx(pixels.std(axis=0, ddof=1))
    assert found["dataset"]["image mean"] == found["image mean"]
    red = of(np.full((2, 2, 3), (200, 10, 0), np.uint8))
    assert (red["image mean"], red["image std"]) == ([200, 10, 0], [0, 0, 0])


def test_grey_counts_as_all_three_and_transparency_not():
    grey, clear = picture(4, 4), picture(4, 4, 4)
    found = of(grey, clear)
    both = np.concatenate([np.repeat(grey[:, :, None], 3, axis=2), clear[:, :, :3]])
    assert found["image mean"] == pytest.approx(both.reshape(-1, 3).mean(axis=0))


@pytest.mark.parametrize(
    ("pixels", "levels"),
    [
        (np.array([[False, True]]), [[0, 255]] * 3),
        (np.array([[0, 65535, 257]], np.uint16), [[0, 255, 1]] * 3),
        (np.array([[[1, 2]]], np.uint8), [[1]] * 3),
        (np.array([[[1]]], np.uint8), [[1]] * 3),
        (np.array([[[1, 2, 3, 4, 5]]], np.uint8), [[1], [2], [3]]),
    ],
)
def test_levels_of_other_pictures(pixels, levels):
    found = colours(np.ascontiguousarray(pixels))
    assert [sorted(np.flatnonzero(row).tolist()) for row in found] == [sorted(r) for r in levels]


def test_floats_have_no_levels():
    items = [DatasetItem("a", media=Image.from_array(np.zeros((2, 2), np.float32)))]
    found = compute(Dataset.from_iterable(items), pixels=True)
    assert found["image mean"] is None
    assert found["images without pixels"] == {"of float32, which has no colours": 1}
    assert found["unique images count"] == 1


def test_repeated_images_are_those_with_equal_pixels():
    pixels = picture(4, 6, 3)
    media = [
        Image.from_bytes(encode(pixels, ".png"), "a.png"),
        Image.from_bytes(encode(picture(4, 6, 3), ".png"), "b.png"),
        Image.from_bytes(encode(pixels, ".bmp"), "c.bmp"),
        Image.from_array(pixels.reshape(6, 4, 3)),
        Image.from_array(pixels.copy()),
    ]
    items = [DatasetItem(f"i{n}", "ab"[n % 2], media=m) for n, m in enumerate(media)]
    found = compute(Dataset.from_iterable(items), pixels=True)
    assert found["unique images count"] == 3
    assert found["repeating images count"] == 1
    assert found["repeating images"] == [[["i0", "a"], ["i2", "a"], ["i4", "a"]]]
    assert found["subsets"]["b"]["repeating images"] == []
    assert found["subsets"]["b"]["unique images count"] == 2


def test_images_repeated_in_another_subset_are_found_in_the_whole():
    media = Image.from_array(picture(2, 2, 3))
    items = [DatasetItem("a", subset, media=media) for subset in ("train", "val")]
    found = compute(Dataset.from_iterable(items), pixels=True)
    assert found["repeating images"] == [[["a", "train"], ["a", "val"]]]
    assert found["subsets"]["train"]["repeating images count"] == 0


def test_sizes_that_are_not_stated_are_seen():
    found = of(picture(5, 7, 3))
    assert found["image sizes"]["most common"] == [{"width": 7, "height": 5, "count": 1}]


def test_missing_images_are_told_and_damaged_ones_are_bad_records(tmp_path):
    items = [
        DatasetItem("gone", media=Image(path="gone.png")),
        DatasetItem("gone2", media=Image.from_file(tmp_path / "no.png")),
        DatasetItem("cloud", media=PointCloud()),
        DatasetItem("bad", media=Image.from_bytes(b"no image", "bad.png")),
    ]
    dataset = Dataset.from_iterable(items)
    with pytest.raises(RecordError) as caught:
        compute(dataset, pixels=True)
    assert caught.value.item == "bad"
    dataset.on_error = "skip"
    found = compute(dataset, pixels=True)
    assert found["images without pixels"] == {"missing": 2, "unreadable": 1}
    assert found["bad records"] == 1
    assert found["image mean"] is None
    assert found["unique images count"] == 0


def test_several_images_at_a_time_give_the_same(tmp_path):
    """Files, bytes, arrays, members of archives and what is missing or damaged, in their order."""
    items = []
    with zipfile.ZipFile(tmp_path / "more.zip", "w") as packed:
        for n in range(40):
            data = encode(picture(4 + n % 3, 5, 3) // (1 + n % 2), ".png")
            (tmp_path / f"{n}.png").write_bytes(data if n % 11 else b"damaged")
            packed.writestr(f"{n}.png", data)
    archive = open_root(tmp_path / "more.zip")
    for n in range(40):
        sources = str(tmp_path / f"{n}.png"), archive.locate(f"{n}.png"), str(tmp_path / f"no{n}")
        media = [*(Image("a.png", source) for source in sources), Image.from_array(picture(2, 2))]
        items += [DatasetItem(f"{n}{k}", f"s{k}", media=one) for k, one in enumerate(media)]
    dataset = Dataset.from_iterable(items)
    with pytest.raises(RecordError) as caught:
        compute(dataset, pixels=True, jobs=3)
    assert caught.value.item == "00"
    dataset.on_error = "skip"
    one = compute(dataset, pixels=True)
    assert one["images without pixels"] == {"missing": 40, "unreadable": 4}
    assert compute(dataset, pixels=True, jobs=3) == one


def test_a_number_of_jobs_that_makes_no_sense():
    with pytest.raises(OptionError, match="--jobs takes a number"):
        compute(Dataset.from_iterable([]), pixels=True, jobs=0)
