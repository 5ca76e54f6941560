from __future__ import annotations

import io
import platform
import struct
import subprocess
import sys
import zipfile
import zlib

import numpy as np
import pytest
from PIL import Image as PilImage

from dsk import pixels
from dsk.errors import LimitError, MediaError
from dsk.media import WRITTEN_SUFFIXES, ArchiveMember, Image
from dsk.pixels import decode, decode_labels, encode


def saved(picture, fmt="PNG", **options):
    buffer = io.BytesIO()
    picture.save(buffer, fmt, **options)
    return Image.from_bytes(buffer.getvalue(), f"a.{fmt.lower()}")


@pytest.fixture
def colors():
    """An RGB image whose pixels all differ."""
    return (np.arange(5 * 7 * 3) * 2).astype(np.uint8).reshape(5, 7, 3)


@pytest.mark.parametrize("ext", [".png", ".bmp", ".tiff", ".tif", ".ppm", ".PNG"])
def test_lossless_formats_give_back_every_pixel(colors, ext):
    assert (Image.from_bytes(encode(colors, ext), f"a{ext}").data == colors).all()
    gray = colors[..., 0]
    if ext != ".ppm":
        assert (Image.from_bytes(encode(gray, ext), f"a{ext}").data == gray).all()


@pytest.mark.parametrize("ext", [".jpg", ".jpeg", ".JPG", ".webp"])
def test_lossy_formats_come_close(ext):
    flat = np.full((16, 16, 3), (200, 100, 50), np.uint8)
    back = Image.from_bytes(encode(flat, ext), f"a{ext}").data.astype(int)
    assert abs(back - flat).max() < 8


@pytest.mark.parametrize("ext", [".png", ".tif"])
def test_sixteen_bits_stay(pattern, ext):
    back = Image.from_bytes(encode(pattern.deep, ext), f"a{ext}").data
    assert back.dtype == np.uint16
    assert (back == pattern.deep).all()


def test_sixteen_bits_do_not_become_a_jpeg_in_silence(pattern):
    with pytest.raises(MediaError, match="uint16"):
        encode(pattern.deep, ".jpg")


def test_an_image_that_claims_more_than_memory_holds(colors, monkeypatch):
    def claims(*args, **kwargs):
        raise MemoryError

    monkeypatch.setattr(pixels.PilImage, "open", claims)
    with pytest.raises(MediaError, match=r"a\.png: there is not enough memory"):
        decode(saved(PilImage.fromarray(colors)))


def test_colours_are_in_rgb_order():
    red = np.zeros((2, 2, 3), np.uint8)
    red[..., 0] = 255
    assert PilImage.open(io.BytesIO(encode(red, ".png"))).getpixel((0, 0)) == (255, 0, 0)


def test_palettes_are_expanded_to_colours_but_not_for_labels():
    indices = np.arange(6, dtype=np.uint8).reshape(2, 3)
    palette = np.arange(18, dtype=np.uint8).reshape(6, 3) * 10
    image = Image.from_bytes(encode(indices, ".png", palette=palette), "a.png")
    assert (decode(image) == palette[indices]).all()
    labels, found = decode_labels(image)
    assert (labels == indices).all()
    assert (found[:6] == palette).all()


def test_labels_without_palette():
    labels, palette = decode_labels(saved(PilImage.new("L", (3, 2), 9)))
    assert palette is None
    assert (labels == 9).all()
    assert decode_labels(saved(PilImage.new("1", (3, 2), 1)))[0].dtype == np.uint8


@pytest.mark.parametrize(
    ("mode", "fmt", "shape"),
    [
        ("1", "PNG", (2, 3)),
        ("L", "PNG", (2, 3)),
        ("LA", "PNG", (2, 3, 2)),
        ("RGBA", "PNG", (2, 3, 4)),
        ("CMYK", "JPEG", (2, 3, 3)),
        ("CMYK", "TIFF", (2, 3, 3)),
        ("P", "GIF", (2, 3, 3)),
    ],
)
def test_any_pixel_type_is_decoded(mode, fmt, shape):
    array = saved(PilImage.new(mode, (3, 2)), fmt).data
    assert (array.shape, array.dtype) == (shape, np.uint8)


def test_black_and_white_is_0_and_255():
    assert decode(saved(PilImage.new("1", (3, 2), 1))).max() == 255


def test_transparent_palettes_have_four_channels():
    picture = PilImage.new("P", (3, 2), 1)
    assert saved(picture, transparency=1).data.shape == (2, 3, 4)


def test_arrays_and_functions_are_their_own_pixels(colors):
    assert decode(Image.from_array(colors)) is colors
    assert decode(Image.from_array(lambda: colors)) is colors


@pytest.mark.parametrize(
    ("kind", "ext"), [(np.uint8, ".png"), (np.uint8, ".jpg"), (np.uint16, ".tif")]
)
def test_one_channel_is_grey(kind, ext):
    back = Image.from_bytes(encode(np.full((4, 5, 1), 7, kind), ext), f"a{ext}").data
    assert back.shape == (4, 5)
    assert back.dtype == kind
    assert (back == 7).all()


def test_truth_values_and_floats_are_written_as_bytes():
    back = Image.from_bytes(encode(np.array([[True, False]]), ".png"), "a.png").data
    assert back.tolist() == [[255, 0]]
    back = Image.from_bytes(encode(np.array([[-5.0, 1.5, 2.51, 300.0]]), ".png"), "a.png").data
    assert back.tolist() == [[0, 2, 3, 255]]


def test_arrays_that_are_not_contiguous(colors):
    view = colors[::-1, ::2]
    assert (Image.from_bytes(encode(view, ".png"), "a.png").data == view).all()


def test_transparency_does_not_stop_a_jpeg():
    assert Image.from_bytes(encode(np.zeros((2, 3, 4), np.uint8), ".jpg"), "a.jpg").data.shape == (
        2,
        3,
        3,
    )


@pytest.mark.parametrize(
    ("array", "ext"),
    [
        (np.zeros((2, 2), np.uint8), ".xyz"),
        (np.zeros((2, 2), np.uint8), ""),
        (np.zeros((2, 2, 7), np.uint8), ".png"),
        (np.zeros((2, 2), np.complex64), ".png"),
        (np.zeros((2, 2, 3), np.uint16), ".png"),
        (np.zeros(4, np.int64), ".png"),
        (np.zeros((0, 0), np.uint8), ".jpg"),
    ],
)
def test_what_cannot_be_written_is_a_media_error(array, ext):
    with pytest.raises(MediaError, match="cannot write"):
        encode(array, ext)


def test_equal_pixels_give_equal_files(colors):
    for ext in (".png", ".jpg"):
        assert encode(colors, ext) == encode(colors.copy(), ext)


def test_options_reach_the_writer(colors):
    assert len(encode(colors, ".jpg", quality=5)) < len(encode(colors, ".jpg"))


# --- damaged and hostile images ------------------------------------------------------------------


@pytest.mark.parametrize("fmt", ["PNG", "JPEG", "GIF", "BMP", "WEBP", "TIFF"])
def test_a_truncated_image_is_a_media_error(encoded, fmt):
    data = encoded(fmt, 60, 50)
    for size in (0, 3, len(data) // 3, len(data) // 2):
        with pytest.raises(MediaError, match=r"a\.img: no readable image"):
            decode(Image.from_bytes(data[:size], "a.img"))


def test_a_missing_image_is_a_media_error(tmp_path):
    with pytest.raises(MediaError, match="no such file"):
        decode(Image.from_file(tmp_path / "gone.png"))


def test_an_image_without_source_is_a_media_error():
    with pytest.raises(MediaError, match="no file"):
        decode(Image("a.png"))


def png_of_size(width, height):
    def chunk(kind, data):
        return (
            struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        )

    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    body = chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(b"\0")) + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + body


def test_a_bomb_is_refused_before_memory_is_taken():
    with pytest.raises(LimitError, match="exceeds limit"):
        decode(Image.from_bytes(png_of_size(100_000, 100_000), "bomb.png"))


@pytest.mark.filterwarnings("ignore::PIL.Image.DecompressionBombWarning")
def test_large_images_below_the_cap_are_no_bombs():
    with pytest.raises(MediaError):  # the data are missing, but the size is fine
        decode(Image.from_bytes(png_of_size(20_000, 15_000), "large.png"))


def test_formats_that_are_not_allowed_are_not_tried():
    icon = io.BytesIO()
    PilImage.new("RGB", (16, 16)).save(icon, "ICO")
    with pytest.raises(MediaError):
        decode(Image.from_bytes(icon.getvalue(), "a.png"))
    assert "EPS" not in pixels.FORMATS


def test_a_damaged_image_in_an_archive_is_a_media_error(tmp_path, encoded):
    path = tmp_path / "x.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a.png", encoded("PNG", 300, 300) + bytes(range(256)) * 20)
    data = bytearray(path.read_bytes())
    for at in range(60, 160):
        data[at] ^= 0xFF
    path.write_bytes(data)
    image = Image("a.png", ArchiveMember(str(path), "a.png"))
    with pytest.raises(MediaError):
        decode(image)
    with pytest.raises(MediaError):
        image.get_size()


@pytest.mark.parametrize("ext", sorted(WRITTEN_SUFFIXES))
def test_all_endings_that_are_offered_are_written(ext):
    data = encode(np.zeros((3, 4, 3), np.uint8), ext)
    assert decode(Image.from_bytes(data, f"a{ext}")).shape == (3, 4, 3)


FAULTS = """
import resource
import numpy as np
from dsk.pixels import guard

def work():
    for _ in range(10):
        images = [np.ones(4 << 20, np.uint8) for _ in range(4)]
        del images

guard()
work()
before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
work()
print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="of other allocators it is not known")
def test_freed_memory_is_kept_for_the_next_image():
    run = [sys.executable, "-c", FAULTS]
    faults = subprocess.run(run, capture_output=True, text=True, check=True).stdout
    assert int(faults) < 2000  # of 40960 pages
