"""Duplicates: what is removed, what stays in which place, and what is told about it."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
from PIL import Image as PilImage

from dsk.annotations import Label
from dsk.dataset import Dataset
from dsk.errors import OptionError, RecordError, UsageError
from dsk.item import DatasetItem
from dsk.loss import Ledger
from dsk.media import Image, MultiframeImage, PointCloud, VideoFrame
from dsk.opening import make_transform
from dsk.options import parse_dashed
from dsk.pixels import encode
from dsk.registry import registry
from dsk_transforms.sampling import gradient


def scene(number, side=128):
    """A picture of soft spots, another one for each number."""
    rng = np.random.Generator(np.random.PCG64(number))
    rows, columns = np.mgrid[:side, :side]
    picture = np.zeros((side, side, 3))
    for _ in range(10):
        y, x, size = *(rng.random(2) * side), (0.1 + rng.random()) * side / 4
        spot = np.exp(-((rows - y) ** 2 + (columns - x) ** 2) / (2 * size**2))
        picture += spot[..., None] * rng.random(3)
    return (picture * 255 / picture.max()).astype(np.uint8)


def png(pixels):
    return Image.from_bytes(encode(pixels, ".png"), "x.png")


def jpg(pixels, quality=85):
    return Image.from_bytes(encode(pixels, ".jpg", quality=quality), "x.jpg")


def half(pixels):
    picture = PilImage.fromarray(pixels)
    return np.asarray(picture.resize((pixels.shape[1] // 2, pixels.shape[0] // 2)))


SCENES = [scene(n) for n in range(8)]
BAD = Image.from_bytes(b"no image", "bad.jpg")


def items_of(*media, subset="train"):
    return [DatasetItem(f"{subset}{n}", subset, media=one) for n, one in enumerate(media)]


def run(items, name, on_error="raise", **options):
    """Return the subsets by id, and the ledger."""
    ledger = Ledger(on_error)
    data = Dataset.from_iterable(items, ["a"]).transform(name, **options)
    return {i.id: i.subset for i in data.read(ledger)}, ledger


def kept(items, **options):
    found, _ = run(items, "ndr", working_subset="train", **options)
    return [int(name[5:]) for name, subset in found.items() if subset == "train"]


def copies(*counts):
    """So many copies of each scene, none like another: the first, smaller and worse ones."""
    media = []
    for pixels, count in zip(SCENES, counts, strict=False):
        media += [png(pixels), *(jpg(half(pixels), 60 + n) for n in range(count - 1))]
    return items_of(*media)


class TestFeatures:
    def test_length(self):
        small = np.stack([scene(n, gradient.SIDE) for n in range(20)])
        vectors = gradient.features(small).astype(float)
        assert vectors.shape == (20, gradient.LENGTH)
        assert np.abs(np.sqrt((vectors**2).sum(axis=1)) / 2**14 - 1).max() < 1e-3

    def test_by_hand(self):
        """The right half is red: only blocks beside the edge have a gradient, along x, in red."""
        image = np.zeros((1, 64, 64, 3), np.uint8)
        image[:, :, 32:, 0] = 200
        vectors = gradient.features(image).reshape(8, 8, 12)
        # 16 blocks of equal gradients: each 2¹⁴ / √16, and from left to right it gets lighter.
        assert np.array_equal(np.argwhere(vectors[0]), [[3, 0], [4, 0]])
        assert set(vectors[:, 3:5, 0].ravel().tolist()) == {-4096}

    def test_brightness_and_contrast_do_not_count(self):
        small = scene(1, 64) // 2
        a, b = gradient.features(np.stack([small, small + 60]))
        assert np.array_equal(a, b)

    def test_plain_colours_differ(self):
        colours = [(0, 0, 0), (255, 255, 255), (255, 0, 0), (0, 0, 255), (1, 1, 0)]
        plain = np.stack([np.full((64, 64, 3), c, np.uint8) for c in colours])
        black, white, red, blue, dark = gradient.features(plain)
        others = np.stack([white, red, blue, dark])
        assert gradient.similarities(black, others).tolist() == [0, 0, 0, 1]

    def test_known_hashes(self):
        """A change here gives other duplicates: it must be on purpose."""
        rows, columns = np.mgrid[:64, :64]
        image = np.stack([rows * 4, columns * 4, rows ^ columns], axis=-1)[None]
        found = gradient.hashes_of(gradient.features(image.astype(np.uint8)))
        assert f"{found[0]:016x}" == KNOWN


KNOWN = "aea29c2c9fdc0d5b"


class TestNdr:
    def test_the_first_stays(self):
        found, ledger = run(copies(3, 1, 2), "ndr", working_subset="train")
        assert list(found.values()) == [
            *("train", "duplicated", "duplicated"),
            *("train", "train", "duplicated"),
        ]
        (event,) = ledger.report().events
        assert (event.code, event.count) == ("DSK-L022", 3)
        assert not ledger.losses()

    def test_other_subsets_are_not_looked_at(self):
        items = [*items_of(png(SCENES[0])), *items_of(png(SCENES[0]), BAD, subset="val")]
        found, _ = run(items, "ndr", working_subset="train")
        assert list(found.values()) == ["train", "val", "val"]

    def test_words_of_the_manual(self):
        options = registry().transform("ndr").options
        words = ["-w", "train", "-a", "gradient", "-k", "2", "-e", "random", "-u", "uniform"]
        words += ["-d", "again", "-s", "3"]
        found, _ = run(copies(3, 1, 2), "ndr", **parse_dashed(words, options))
        assert Counter(found.values()) == {"train": 2, "again": 4}

    def test_header(self):
        data = Dataset.from_iterable(copies(2), ["a"])
        assert data.transform("ndr", working_subset="train").header.subsets == (
            "train",
            "duplicated",
        )

    def test_more_than_a_batch(self):
        media = [png(half(half(s))) for s in SCENES]
        assert kept(items_of(*[media[n % 8] for n in range(600)])) == list(range(8))

    def test_default_subset(self):
        items = [i.replace(subset="default") for i in copies(2)]
        assert Counter(run(items, "ndr")[0].values()) == {"default": 1, "duplicated": 1}


class TestNumCut:
    def test_fill_up_at_random(self):
        items = copies(4, 4)
        found = {tuple(kept(items, num_cut=4, seed=seed)) for seed in range(12)}
        assert all({0, 4} < set(k) and len(k) == 4 for k in found)
        assert len(found) > 3
        assert kept(items, num_cut=4, seed=1) == kept(items, num_cut=4, seed=1)

    def test_fill_up_with_the_least_similar(self):
        noise = np.random.Generator(np.random.PCG64(0)).integers(-14, 15, SCENES[0].shape)
        worse = np.clip(SCENES[0].astype(int) + noise * 2, 0, 255).astype(np.uint8)
        items = items_of(png(SCENES[0]), png(SCENES[0]), png(worse), jpg(SCENES[0], 95))
        assert kept(items) == [0]
        assert kept(items, num_cut=2, over_sample="similarity") == [0, 2]
        assert kept(items, num_cut=3, over_sample="similarity") == [0, 2, 3]

    def test_cut_down(self):
        items = copies(1, 1, 1, 1, 1, 1)
        found = {tuple(kept(items, num_cut=2, seed=seed)) for seed in range(20)}
        assert {len(k) for k in found} == {2}
        assert len(found) > 5

    def test_cut_down_exactly(self):
        assert kept(copies(2, 2, 2), num_cut=3) == [0, 2, 4]

    def test_inverse_prefers_what_is_alone(self):
        from dsk_transforms.sampling.draws import Draws
        from dsk_transforms.sampling.ndr import _inverse_times

        # Keys x, y, z as in Datumaro's example: 2, 4 and 3 images.
        keys = np.array([7] * 2 + [8] * 4 + [9] * 3, np.uint64) << np.uint64(32)
        hashes = keys | np.arange(9, dtype=np.uint64)
        first = Counter()
        for seed in range(3000):
            lots = [Draws(seed)(DatasetItem(str(n))) for n in range(9)]
            times = _inverse_times(hashes, lots)
            first["xxyyyyzzz"[times.index(min(times))]] += 1
        # 6/13, 3/13 and 4/13 of 3000; standard deviations below 28.
        assert abs(first["x"] - 1385) < 110
        assert abs(first["y"] - 692) < 110
        assert abs(first["z"] - 923) < 110

    def test_inverse_is_used(self):
        items = copies(1, 1, 1, 1, 1, 1)
        found = kept(items, num_cut=3, under_sample="inverse", seed=4)
        assert len(found) == 3
        assert found == kept(items, num_cut=3, under_sample="inverse", seed=4)

    def test_more_than_there_are(self):
        found, ledger = run(copies(2, 1), "ndr", working_subset="train", num_cut=4)
        assert set(found.values()) == {"train"}
        assert list(ledger.warnings) == ["ndr: 4 images are wanted, all 3 of subset 'train' stay"]


class TestNdrTrouble:
    def test_items_without_images_stay(self):
        items = items_of(png(SCENES[0]), None, Image(path="x.png"), PointCloud(source=b"?"))
        found, ledger = run(items, "ndr", working_subset="train", num_cut=1)
        assert set(found.values()) == {"train"}
        assert list(ledger.warnings) == ["ndr: 3 items stay that have no image"]

    def test_damaged_images(self):
        items = items_of(png(SCENES[0]), BAD, png(SCENES[0]))
        with pytest.raises(RecordError, match=r"bad\.jpg: ndr: no readable image"):
            run(items, "ndr", working_subset="train")
        found, ledger = run(items, "ndr", "skip", working_subset="train")
        assert list(found.values()) == ["train", "train", "duplicated"]
        assert [bad.item for bad in ledger.bad] == ["train1"]
        assert not ledger.warnings

    def test_one_name_twice(self):
        there = [*copies(2), DatasetItem("train1", "duplicated")]
        with pytest.raises(UsageError, match="subset 'duplicated' has an item 'train1' already"):
            run(there, "ndr", working_subset="train")

    def test_refusals(self):
        with pytest.raises(OptionError, match="duplicates cannot go to subset 'train'"):
            make_transform("ndr", {"working_subset": "train", "duplicated_subset": "train"})
        with pytest.raises(OptionError, match="num_cut is 1 or more, not 0"):
            make_transform("ndr", {"num_cut": 0})
        with pytest.raises(OptionError, match="one of: random, similarity"):
            make_transform("ndr", {"over_sample": "all"})
        with pytest.raises(UsageError, match="no subset 'default'"):
            run(copies(1), "ndr")


class TestDeduplicate:
    def test_equal_files(self, tmp_path):
        data = encode(SCENES[0], ".png")
        place = tmp_path / "a.png"
        place.write_bytes(data)
        media = (Image.from_bytes(data), Image.from_file(place), jpg(SCENES[0]))
        found, ledger = run(items_of(*media), "deduplicate_items")
        assert list(found) == ["train0", "train2"]
        (event,) = ledger.report().events
        assert (event.code, event.what) == ("DSK-L020", "item whose image is an earlier one's")
        assert event.hint == "'train1' of 'train' as 'train0' of 'train'"

    def test_alike(self):
        found, ledger = run(copies(3, 1, 2), "deduplicate_items", method="near")
        assert list(found) == ["train0", "train3", "train4"]
        (event,) = ledger.report().events
        assert event.count == 3
        assert [s.item for s in event.samples] == ["train1", "train2", "train5"]

    def test_annotations_that_go_are_counted(self):
        items = [i.replace(annotations=[Label(label=0)] * 2) for i in copies(1, 1)]
        items += [i.replace(id=f"x{i.id}") for i in items]
        found, ledger = run(items, "deduplicate_items")
        assert len(found) == 2
        assert ledger.report().annotations == {
            **dict.fromkeys(("changed", "dropped", "merged", "split"), 0),
            "in": 8,
            "out": 4,
            "removed": 4,
        }

    def test_over_subsets_or_in_one(self):
        media = (png(SCENES[0]), png(SCENES[0]))
        items = [*items_of(*media), *items_of(*media, subset="val")]
        for method in ("exact", "near"):
            assert list(run(items, "deduplicate_items", method=method)[0]) == ["train0"]
            options = {"method": method, "subset": "val"}
            found, _ = run(items, "deduplicate_items", **options)
            assert list(found) == ["train0", "train1", "val0"]

    def test_chains_do_not_eat_films(self):
        """Frames that change slowly: each looks like the next, the last not like the first."""
        wide = np.concatenate([SCENES[0], SCENES[1]], axis=1)
        frames = [png(wide[:, n : n + 128]) for n in range(0, 64, 2)]
        found, _ = run(items_of(*frames), "deduplicate_items", method="near", threshold=10)
        assert 3 <= len(found) < 32

    def test_missing_and_damaged(self):
        gone = Image(path="x.png", source="/no/such/file.png")
        items = items_of(gone, gone, BAD, None, png(SCENES[0]), png(SCENES[0]))
        with pytest.raises(RecordError, match="deduplicate_items: no readable image"):
            run(items, "deduplicate_items", method="near")
        found, ledger = run(items, "deduplicate_items", "skip", method="near")
        assert len(found) == 5
        assert ledger.bad_count == 1
        assert list(ledger.warnings) == [
            "deduplicate_items: 3 items stay whose media are not there"
        ]
        assert len(run(items, "deduplicate_items")[0]) == 5  # bytes need not be an image

    def test_other_media(self):
        cloud = PointCloud(path="a.pcd", source=b"points")
        film = [VideoFrame(video="a.mp4", index=n) for n in (0, 1, 0)]
        stack = MultiframeImage(frames=(png(SCENES[0]), png(SCENES[1])))
        items = items_of(cloud, cloud, *film, stack, stack)
        found, ledger = run(items, "deduplicate_items")
        assert list(found) == ["train0", "train2", "train3", "train5"]
        assert not ledger.warnings
        assert len(run(items, "deduplicate_items", method="near")[0]) == 7

    def test_refusals(self):
        with pytest.raises(OptionError, match="from 0 to 64 bits, not 65"):
            make_transform("deduplicate_items", {"threshold": 65})
        with pytest.raises(OptionError, match="method cannot be 'far'"):
            make_transform("deduplicate_items", {"method": "far"})
        with pytest.raises(UsageError, match="no subset 'x'"):
            run(copies(1), "deduplicate_items", subset="x")
