"""Images that look alike: hashes, their neighbours, and the groups that splits rely on."""

from __future__ import annotations

import io
import zipfile

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image as PilImage

from dsk.errors import LimitError, MediaError, OptionError
from dsk.item import DatasetItem
from dsk.media import ArchiveMember, Image, MediaElement, PointCloud, VideoFrame, Volume
from dsk.pixels import encode
from dsk_transforms.sampling import hamming
from dsk_transforms.sampling.hamming import components, distances, representatives
from dsk_transforms.sampling.similarity import hash_images, image_hashes, near_duplicate_groups
from dsk_transforms.sampling.thumbnails import thumbnail


def scene(number, height=240, width=320):
    """A picture with large and small things in it, another one for each number."""
    rng = np.random.Generator(np.random.PCG64(number))
    rows, columns = np.mgrid[:height, :width]
    picture = np.zeros((height, width, 3))
    for _ in range(12):
        y, x, size = rng.random() * height, rng.random() * width, (0.1 + rng.random()) * height / 3
        spot = np.exp(-((rows - y) ** 2 + (columns - x) ** 2) / (2 * size**2))
        picture += spot[..., None] * rng.random(3) * 255
    picture += rng.random((height, width, 1)) * 8
    return np.clip(picture * 255 / picture.max(), 0, 255).astype(np.uint8)


def image(pixels, ext=".png", **options):
    return Image.from_bytes(encode(pixels, ext, **options), f"x{ext}")


def items_of(*media):
    return [DatasetItem(f"i{n}", media=one) for n, one in enumerate(media)]


def one_hash(media):
    return hash_images(items_of(media)).values[0]


def smaller(pixels, factor):
    height, width = pixels.shape[:2]
    size = (int(width * factor), int(height * factor))
    return np.asarray(PilImage.fromarray(pixels).resize(size, PilImage.Resampling.BICUBIC))


class TestHash:
    def test_same_as_the_known_library(self):
        imagehash = pytest.importorskip("imagehash")
        for number in range(20):
            pixels = scene(number, 200 + number, 300)
            theirs = imagehash.phash(PilImage.fromarray(pixels)).hash
            mine = one_hash(image(pixels))
            assert f"{mine:064b}" == "".join("01"[int(bit)] for bit in theirs.ravel())

    @pytest.mark.parametrize(("factor", "quality"), [(1, 90), (1, 60), (0.5, 80), (0.3, 70)])
    def test_compressed_and_smaller_copies_are_near(self, factor, quality):
        for number in range(10):
            pixels = scene(number)
            copy = image(smaller(pixels, factor), ".jpg", quality=quality)
            assert distances(one_hash(image(pixels)), one_hash(copy)) <= 4

    def test_other_images_are_far(self):
        hashes = hash_images(items_of(*[image(scene(n)) for n in range(40)])).values
        apart = distances(hashes[:, None], hashes[None])[np.triu_indices(40, 1)]
        assert apart.min() > 10

    def test_arrays_and_files_are_the_same(self):
        pixels = scene(1)
        expected = one_hash(image(pixels))
        assert one_hash(Image.from_array(pixels, "x.png")) == expected
        assert one_hash(Image.from_array(lambda: pixels, "x.png")) == expected

    def test_wide_types_keep_their_shades(self):
        grey = scene(1)[..., 0]
        expected = one_hash(image(grey))
        wide = grey.astype(np.uint16) * 16  # 12 bits in 16: clipping would make it white
        for media in (
            Image.from_array(wide, "x"),
            image(wide),
            image(wide, ".tif"),
            Image.from_array(grey / 255.0, "x"),
            Image.from_array(np.dstack([wide] * 6), "x"),
            Image.from_array(grey[..., None], "x"),
        ):
            assert distances(one_hash(media), expected) <= 2

    def test_drawings_on_nothing_differ(self):
        """All pixels are black, only the transparency tells what is drawn."""
        drawings = [
            np.dstack([np.zeros((240, 320, 3), np.uint8), scene(n)[..., 0]]) for n in (1, 2)
        ]
        first, second = (one_hash(image(d)) for d in drawings)
        assert distances(first, second) > 10

    def test_images_that_show_nothing(self):
        levels = [0, 0, 120, 255]
        plain = [np.full((60, 80, 3), level, np.uint8) for level in levels]
        black, dark, grey, white = (one_hash(image(p)) for p in plain)
        assert black == dark == one_hash(image(plain[0], ".jpg"))
        assert min(distances(*pair) for pair in ((black, grey), (grey, white), (black, white))) > 8

    def test_simple_images_differ(self):
        """Most of their frequencies are 0, so the known hash is one and the same for all ramps."""
        rows, columns = np.mgrid[:240, :240]
        ramps = [rows, columns, 239 - rows, 239 - columns, (rows + columns) // 2]
        made = [r.astype(np.uint8) for r in ramps]
        hashes = hash_images(items_of(*map(image, made))).values
        assert distances(hashes[:, None], hashes[None])[np.triu_indices(5, 1)].min() > 10
        copies = hash_images(items_of(*[image(m, ".jpg", quality=80) for m in made])).values
        assert distances(hashes, copies).max() <= 4

    def test_known_numbers(self):
        """A change here changes splits and samples of every user: it must be on purpose."""
        rows, columns = np.mgrid[:32, :32]
        ramps, wedge = (rows * 8, columns * 8), np.where(rows < columns, 200, 20)
        pictures = np.stack([*ramps, wedge, (rows * columns * 7) % 256])
        found = [f"{h:016x}" for h in image_hashes(pictures.astype(np.uint8))]
        assert found == KNOWN

    def test_no_images(self):
        assert len(image_hashes(np.zeros((0, 32, 32), np.uint8))) == 0
        assert near_duplicate_groups([], threshold=4) == []


KNOWN = ["11117777ddddbbbb", "17db17db17db17db", "aa84c8a0f2e9dcae", "80012f1b3f2e3f7a"]


class TestThumbnail:
    def test_colours(self):
        pixels = np.zeros((40, 60, 3), np.uint8)
        pixels[:, :30] = (250, 10, 20)
        small = thumbnail(image(pixels), 8, "RGB")
        assert small.shape == (8, 8, 3)
        assert np.abs(small[4, 1].astype(int) - (250, 10, 20)).max() < 12
        assert small[4, 6].max() < 12

    @pytest.mark.parametrize("mode", ["L", "RGB"])
    @pytest.mark.parametrize(
        "stored", ["1", "L", "P", "PA", "LA", "RGBA", "CMYK", "YCbCr", "I", "I;16", "F"]
    )
    def test_every_mode(self, mode, stored):
        picture = PilImage.fromarray(scene(3)).convert("L" if stored == "I;16" else "RGB")
        file = io.BytesIO()
        if stored == "PA":
            picture.convert("P").save(file, "PNG", transparency=0)
        else:
            picture.convert(stored).save(file, "TIFF")
        small = thumbnail(Image.from_bytes(file.getvalue(), "x.tif"), 16, mode)
        assert small.shape == ((16, 16) if mode == "L" else (16, 16, 3))
        assert np.ptp(small) > 50

    def test_no_image(self):
        for media in (
            None,
            Image(path="x.png"),
            Image(path="x.png", source="/no/such/file.png"),
            VideoFrame(path="x.png", video="film.mp4", index=3),
            MediaElement(path="x", source=b"?"),
            PointCloud(path="x.pcd", source=b"?"),
            Volume(path="x.nii", source=np.zeros((2, 2, 2))),
        ):
            assert thumbnail(media, 8, "L") is None

    def test_damage(self, monkeypatch):
        whole = encode(scene(1), ".png")
        for data in (b"", b"no image", whole[:2000]):
            with pytest.raises(MediaError, match="no readable image"):
                thumbnail(Image.from_bytes(data, "x.png"), 8, "L")
        for shape in ((3,), (0, 3), (2, 2, 2, 2)):
            with pytest.raises(MediaError, match="no readable image"):
                thumbnail(Image(path="x", source=np.zeros(shape, np.uint8)), 8, "L")
        monkeypatch.setattr(PilImage, "MAX_IMAGE_PIXELS", 1000)
        with pytest.raises(LimitError):
            thumbnail(Image.from_bytes(whole, "x.png"), 8, "L")


def slow_components(hashes, threshold):
    """Join by comparing each with each, one by one."""
    found = list(range(len(hashes)))
    for n, one in enumerate(hashes):
        for m in range(n):
            if (int(one) ^ int(hashes[m])).bit_count() <= threshold:
                old, new = max(found[n], found[m]), min(found[n], found[m])
                found = [new if f == old else f for f in found]
    return found


def scattered(seed, count, spread):
    """Hashes in clusters: some bits of a few centres are turned over."""
    rng = np.random.Generator(np.random.PCG64(seed))
    centres = rng.integers(0, 2**63, max(count // 8, 1), dtype=np.uint64)
    hashes = centres[rng.integers(0, len(centres), count)]
    for _ in range(spread):
        hashes = hashes ^ (np.uint64(1) << rng.integers(0, 64, count, dtype=np.uint64))
    return hashes


class TestHamming:
    @given(st.lists(st.integers(0, 2**64 - 1), min_size=1, max_size=20))
    def test_counting_bits(self, numbers):
        x = np.array(numbers, np.uint64)
        expected = [n.bit_count() for n in numbers]
        assert distances(x, np.uint64(0)).tolist() == expected
        assert hamming._ones(x).tolist() == expected  # numpy 1 has nothing of its own

    @settings(deadline=None, max_examples=60)
    @given(
        seed=st.integers(0, 10**6),
        count=st.integers(0, 60),
        spread=st.integers(0, 6),
        threshold=st.one_of(st.integers(0, 12), st.sampled_from([15, 16, 17, 31, 62, 63, 64])),
    )
    def test_components(self, seed, count, spread, threshold):
        hashes = scattered(seed, count, spread)
        assert components(hashes, threshold).tolist() == slow_components(hashes, threshold)

    def test_both_ways_of_comparing(self, monkeypatch):
        hashes = scattered(1, 3000, 3)
        by_bands = components(hashes, 5)
        monkeypatch.setattr(hamming, "_MOST_BANDS", 0)
        assert np.array_equal(components(hashes, 5), by_bands)
        monkeypatch.setattr(hamming, "_BLOCK", 10)
        assert np.array_equal(components(hashes, 5), by_bands)

    @settings(deadline=None, max_examples=40)
    @given(
        seed=st.integers(0, 10**6),
        count=st.integers(0, 50),
        spread=st.integers(0, 6),
        threshold=st.integers(0, 20),
    )
    def test_representatives(self, seed, count, spread, threshold):
        """What goes is near to one that stays and came before; what stays is near to no other."""
        hashes = scattered(seed, count, spread)
        stays, _ = representatives(hashes, threshold)
        kept = []
        for n, of in enumerate(stays):
            near = [m for m in kept if (int(hashes[n]) ^ int(hashes[m])).bit_count() <= threshold]
            assert of == (near[0] if near else n)
            if not near:
                kept.append(n)

    def test_chains_do_not_count(self):
        """0b1 is near to 0 and 0b11, which are not near to each other."""
        hashes = np.array([0, 0b1, 0b11], np.uint64)
        assert components(hashes, 1).tolist() == [0, 0, 0]
        assert representatives(hashes, 1)[0].tolist() == [0, 0, 2]

    def test_the_most_similar_one_counts(self):
        hashes = np.array([0, 0b11, 0b1], np.uint64)
        table = {2: {0: 0.8, 1: 0.9}}
        stays, best = representatives(
            hashes, 1, lambda one, others: np.array([table[one][int(o)] for o in others]), 0.85
        )
        assert stays.tolist() == [0, 1, 1]
        assert best.tolist() == [1.0, 1.0, 0.9]
        stays, best = representatives(hashes, 1, lambda _, o: np.full(len(o), 0.5), 0.85)
        assert stays.tolist() == [0, 1, 2]
        assert best.tolist() == [1.0] * 3


class TestGroups:
    def test_numbers_come_in_order(self):
        a, b, c = (image(scene(n)) for n in range(3))
        copy = image(smaller(scene(1), 0.5), ".jpg", quality=80)
        items = items_of(a, b, a, c, copy, a)
        assert near_duplicate_groups(iter(items), threshold=4) == [0, 1, 0, 2, 1, 0]

    def test_threshold(self):
        items = items_of(*[image(scene(n)) for n in range(5)])
        assert near_duplicate_groups(items, threshold=0) == [0, 1, 2, 3, 4]
        assert near_duplicate_groups(items, threshold=64) == [0] * 5
        with pytest.raises(OptionError, match="from 0 to 64 bits, not 65"):
            near_duplicate_groups(items, threshold=65)
        with pytest.raises(OptionError):
            near_duplicate_groups(items, threshold=-1)

    def test_without_images_each_is_alone(self):
        good = image(scene(0))
        bad = Image.from_bytes(b"no image", "x.jpg")
        items = items_of(None, good, None, bad, bad, good, Image(path="x.png"))
        assert near_duplicate_groups(items, threshold=64) == [0, 1, 2, 3, 4, 1, 5]

    def test_more_items_than_a_batch(self):
        pictures = [image(scene(n, 48, 64)) for n in range(3)]
        items = items_of(*[pictures[n % 3] for n in range(600)])
        assert near_duplicate_groups(items, threshold=2) == [n % 3 for n in range(600)]

    def test_images_in_archives(self, tmp_path):
        place = tmp_path / "images.zip"
        with zipfile.ZipFile(place, "w") as archive:
            archive.writestr("a.png", encode(scene(0), ".png"))
            archive.writestr("b.jpg", encode(scene(0), ".jpg"))
        inside = [Image(path=n, source=ArchiveMember(str(place), n)) for n in ("a.png", "b.jpg")]
        assert near_duplicate_groups(items_of(*inside), threshold=4) == [0, 0]
