"""Label maps as PNG, read back by Pillow."""

from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image

from dsk.labelmaps import encode_map, palette, palette_color


@pytest.mark.parametrize(
    ("shape", "dtype", "mode"),
    [
        ((5, 7), np.uint8, "L"),
        ((5, 7), np.uint16, "I;16"),
        ((5, 7, 3), np.uint8, "RGB"),
        ((5, 7, 4), np.uint8, "RGBA"),
        ((1, 1), np.uint8, "L"),
    ],
)
def test_pixels_come_back(shape, dtype, mode):
    pixels = np.random.default_rng(1).integers(0, np.iinfo(dtype).max, shape).astype(dtype)
    with Image.open(io.BytesIO(encode_map(pixels))) as image:
        assert image.mode == mode
        assert np.array_equal(np.asarray(image), pixels)


def test_views_are_written_as_they_look():
    pixels = np.arange(48, dtype=np.uint16).reshape(6, 8)[::2, ::-1].T
    with Image.open(io.BytesIO(encode_map(pixels))) as image:
        assert np.array_equal(np.asarray(image), pixels)


def test_indices_keep_their_palette():
    pixels = np.arange(12, dtype=np.uint8).reshape(3, 4)
    with Image.open(io.BytesIO(encode_map(pixels, palette(12)))) as image:
        assert image.mode == "P"
        assert np.array_equal(np.asarray(image), pixels)
        assert image.getpalette()[:36] == [value for color in palette(12) for value in color]


def test_colors_are_those_of_voc():
    assert palette(5) == [(0, 0, 0), (128, 0, 0), (0, 128, 0), (128, 128, 0), (0, 0, 128)]
    assert palette_color(20) == (0, 64, 128)
    assert palette_color(255) == (224, 224, 192)
    assert len(set(palette(5000))) == 5000
