"""Make street scenes and rooms whose pixels say what they belong to, in formats only read."""

from __future__ import annotations

import functools
import io
import json
import struct
import zlib
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

HEIGHT, WIDTH = 96, 128
OBJECTS, PARTS = 6, 3
VARIANTS = 20
"""Different maps; items take them in turn."""

Grid = NDArray[np.uint8]
Box = tuple[int, int, int, int]


def boxes(n: int) -> list[Box]:
    """Return (x, y, width, height) of an image's objects, which do not touch."""
    return [
        (4 + 42 * (k % 3) + n % 5, 4 + 46 * (k // 3) + n % 7, 30 + n % 4, 34)
        for k in range(OBJECTS)
    ]


def parts(n: int) -> list[Box]:
    """Return the boxes of parts of the first objects."""
    return [(x + 8, y + 8, w // 2, h // 2) for x, y, w, h in boxes(n)[:PARTS]]


def painted(found: Iterable[Box]) -> Grid:
    """Return the number, from 1, of the box that each pixel is in, 0 elsewhere."""
    grid = np.zeros((HEIGHT, WIDTH), np.uint8)
    for number, (x, y, w, h) in enumerate(found, 1):
        grid[y : y + h, x : x + w] = number
    return grid


def outline(box: Box) -> list[list[int]]:
    """Return twelve points around a box."""
    x, y, w, h = box
    places = [(0, 0), (1, 0), (2, 0), (3, 0), (3, 1), (3, 2), (3, 3), (2, 3), (1, 3), (0, 3)]
    return [[x + w * a // 3, y + h * b // 3] for a, b in [*places, (0, 2), (0, 1)]]


def png(array: NDArray[Any]) -> bytes:
    file = io.BytesIO()
    Image.fromarray(array).save(file, "PNG")
    return file.getvalue()


def deep_png(array: NDArray[np.uint16]) -> bytes:
    """Return a PNG file of 16 bits for each of three channels, which Pillow does not write."""
    rows = array.astype(">u2").reshape(len(array), -1).view(np.uint8)
    raw = np.pad(rows, ((0, 0), (1, 0))).tobytes()  # a 0 before each row: no filter
    head = struct.pack(">IIBBBBB", array.shape[1], array.shape[0], 16, 2, 0, 0, 0)
    chunks = ((b"IHDR", head), (b"IDAT", zlib.compress(raw)), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        for kind, data in chunks
    )


def picture(kind: str) -> bytes:
    file = io.BytesIO()
    Image.new("RGB", (WIDTH, HEIGHT), (90, 120, 150)).save(file, kind)
    return file.getvalue()


def put(path: Path, data: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)


# --- ADE20K ---------------------------------------------------------------------------------------


def _number(k: int, level: int) -> int:
    """Return the number of an object's class."""
    return (k * 131 + level * 700) % 3000 + 1


def _ade_map(found: list[Box], level: int) -> bytes:
    grid = painted(found)
    rgb = np.zeros((HEIGHT, WIDTH, 3), np.uint8)
    for k in range(len(found)):
        number = _number(k, level)
        rgb[grid == k + 1] = (number // 256 * 10, number % 256, 20 * (k + 1))
    return png(rgb)


@functools.cache
def _ade_maps(n: int) -> dict[str, bytes]:
    return {"_seg.png": _ade_map(boxes(n), 0), "_parts_1.png": _ade_map(parts(n), 1)}


def _ade_place(folder: Path, n: int) -> Path:
    name = f"ADE_train_{n + 1:08d}"
    return folder / "training" / "abcdefgh"[n % 8] / f"room_{n % 40}" / name


def ade20k2017(folder: Path, count: int) -> None:
    image = picture("JPEG")
    objects = [(0, k) for k in range(OBJECTS)] + [(1, k) for k in range(PARTS)]
    lines = [
        f'{k + 1:03d} # {level} # {k % 2} # thing {k}, object {k} # thing {level}{k} # "red, small"'
        for level, k in objects
    ]
    text = "\n".join([*lines, ""]).encode()
    for n in range(count):
        place = _ade_place(folder, n)
        files = {".jpg": image, "_atr.txt": text, **_ade_maps(n % VARIANTS)}
        for ending, data in files.items():
            put(place.with_name(place.name + ending), data)


@functools.cache
def _ade_shapes(n: int) -> list[tuple[int, int, Box, bytes]]:
    """Return level, number, box and mask of the objects and parts of an image."""
    levels = [(0, k, box) for k, box in enumerate(boxes(n))]
    levels += [(1, k, box) for k, box in enumerate(parts(n))]
    return [
        (level, k, box, png((painted([box]) * 255).astype(np.uint8))) for level, k, box in levels
    ]


def _ade_object(number: int, level: int, k: int, box: Box, file: str) -> dict[str, Any]:
    x, y = zip(*outline(box), strict=True)
    return {
        "id": number,
        "name": f"thing {k}, object {k}",
        "name_ndx": _number(k, level),
        "hypernym": ["object", "whole"],
        "raw_name": f"thing {level}{k}",
        "attributes": ["red", "small"],
        "depth_ordering_rank": number + 1,
        "occluded": "no",
        "crop": 0,
        "parts": {"hasparts": [], "ispartof": [] if level == 0 else [k], "part_level": level},
        "instance_mask": file,
        "polygon": {"x": x, "y": y},
        "saved_date": "18-Dec-2018 10:00:00",
    }


def ade20k2020(folder: Path, count: int) -> None:
    image = picture("JPEG")
    for n in range(count):
        place = _ade_place(folder, n)
        objects = []
        for number, (level, k, box, mask) in enumerate(_ade_shapes(n % VARIANTS)):
            file = f"{place.name}/instance_{number:03d}_{place.name}.png"
            put(place.parent / file, mask)
            objects.append(_ade_object(number, level, k, box, file))
        about = {"filename": f"{place.name}.jpg", "imsize": [HEIGHT, WIDTH, 3], "scene": ["room"]}
        text = json.dumps({"annotation": {**about, "object": objects}}).encode()
        files = {".jpg": image, ".json": text, **_ade_maps(n % VARIANTS)}
        for ending, data in files.items():
            put(place.with_name(place.name + ending), data)


# --- Mapillary Vistas -----------------------------------------------------------------------------

VISTAS = 40


def _vistas_label(k: int) -> int:
    return (k * 7) % (VISTAS - 1) + 1


@functools.cache
def _vistas(n: int) -> tuple[NDArray[np.uint16], bytes]:
    """Return the map of objects and the text of their outlines; the rest is label 0."""
    labels = np.array([0, *(_vistas_label(k) for k in range(OBJECTS))], np.uint16)
    grid = painted(boxes(n))
    objects = [
        {"id": k, "label": f"object--thing--{_vistas_label(k)}", "polygon": outline(box)}
        for k, box in enumerate(boxes(n))
    ]
    text = json.dumps({"height": HEIGHT, "width": WIDTH, "objects": objects})
    return labels[grid] * 256 + grid, text.encode()


@functools.cache
def _vistas_files(n: int) -> dict[str, bytes]:
    instances, text = _vistas(n)
    return {
        "v2.0/instances/*.png": png(instances),
        "v2.0/labels/*.png": png((instances >> 8).astype(np.uint8)),
        "v2.0/polygons/*.json": text,
        "images/*.jpg": picture("JPEG"),
    }


def mapillary_vistas(folder: Path, count: int) -> None:
    labels = [
        {"name": f"object--thing--{k}", "readable": f"Thing {k}", "color": [k, 5 * k, 9]}
        for k in range(VISTAS)
    ]
    more = {"instances": True, "evaluate": True}
    config = {"labels": [label | more for label in labels], "version": "2.0", "mapping": "public"}
    put(folder / "config_v2.0.json", json.dumps(config).encode())
    for n in range(count):
        for name, data in _vistas_files(n % VARIANTS).items():
            put(folder / "training" / name.replace("*", f"{n:08d}"), data)


def mapillary_vistas_instances(folder: Path, count: int) -> None:
    mapillary_vistas(folder, count)


@functools.cache
def _segments(n: int) -> tuple[bytes, list[dict[str, Any]]]:
    """Return a map of segments and what is said of them."""
    grid = painted(boxes(n)).astype(np.uint32)
    rgb = np.stack([grid + 1, grid * 3, grid * 0], axis=-1).astype(np.uint8)
    found = [
        {
            "id": number + 1 + 256 * 3 * number,
            "category_id": (_vistas_label(number - 1) if number else 0) + 1,
            "area": int((grid == number).sum()),
            "bbox": [0, 0, WIDTH, HEIGHT] if number == 0 else [*boxes(n)[number - 1]],
            "iscrowd": 0,
        }
        for number in range(OBJECTS + 1)
    ]
    return png(rgb), found


def mapillary_vistas_panoptic(folder: Path, count: int) -> None:
    mapillary_vistas(folder, count)
    home = folder / "training/v2.0/panoptic"
    images, records = [], []
    for n in range(count):
        data, segments = _segments(n % VARIANTS)
        name = f"{n:08d}"
        put(home / f"{name}.png", data)
        about = {"file_name": f"{name}.jpg", "height": HEIGHT, "width": WIDTH}
        images.append({"id": name, **about})
        record = {"image_id": name, "file_name": f"{name}.png", "segments_info": segments}
        records.append(record)
    categories = [
        {"id": k + 1, "name": f"object--thing--{k}", "supercategory": "object", "isthing": 1}
        for k in range(VISTAS)
    ]
    text = json.dumps({"images": images, "annotations": records, "categories": categories})
    put(home / "panoptic_2020.json", text.encode())


# --- SYNTHIA --------------------------------------------------------------------------------------

SEQUENCES = ((128, 128, 128), (128, 0, 0), (128, 64, 128), (0, 0, 192), (128, 128, 0), (64, 0, 128))
"""Colours of sky, building, road, sidewalk, vegetation, car."""

CITYSCAPES = (
    (70, 130, 180),
    (70, 70, 70),
    (128, 64, 128),
    (244, 35, 232),
    (0, 0, 142),
    (220, 20, 60),
)
"""Colours of sky, building, road, sidewalk, car, person, as in SYNTHIA-SF."""


def _colored(n: int, colors: Iterable[tuple[int, int, int]]) -> bytes:
    return png(np.array([(0, 0, 0), *colors], np.uint8)[painted(boxes(n))])


def _write(folder: Path, count: int, images: str, maps: dict[str, Callable[[int], bytes]]) -> None:
    image = picture("PNG")
    made = {name: [make(n) for n in range(VARIANTS)] for name, make in maps.items()}
    for n in range(count):
        put(folder / images / f"{n:06d}.png", image)
        for name, data in made.items():
            put(folder / name.replace("*", f"{n:06d}"), data[n % VARIANTS])


def _channels(n: int) -> bytes:
    grid = painted(boxes(n)).astype(np.uint16)
    return deep_png(np.stack([grid * 2, grid + 300 * (grid > 3), grid * 0], axis=-1))


def synthia(folder: Path, count: int) -> None:
    colors = {"GT/COLOR/Omni_F/*.png": lambda n: _colored(n, SEQUENCES)}
    maps = {"GT/LABELS/Omni_F/*.png": _channels, **colors}
    _write(folder, count, "RGB/Omni_F", maps)


def _numbers(n: int) -> bytes:
    rows = [" ".join(map(str, row)) for row in painted(boxes(n)).tolist()]
    return "\n".join([*rows, ""]).encode()


def synthia_rand(folder: Path, count: int) -> None:
    colors = {"GT/*.png": lambda n: _colored(n, SEQUENCES)}
    _write(folder, count, "RGB", {"GTTXT/*.txt": _numbers, **colors})


def synthia_sf(folder: Path, count: int) -> None:
    _write(folder, count, "RGBLeft", {"GTLeft/*.png": lambda n: _colored(n, CITYSCAPES)})


def synthia_al(folder: Path, count: int) -> None:
    _write(folder, count, "RGB", {"SemSeg/*.png": lambda n: _colored(n, SEQUENCES)})


MAKERS = (
    *(ade20k2017, ade20k2020),
    *(mapillary_vistas, mapillary_vistas_instances, mapillary_vistas_panoptic),
    *(synthia, synthia_al, synthia_rand, synthia_sf),
)
MASKS = {
    "ade20k2017": r"_(seg|parts_\d)\.png$",
    "ade20k2020": r"\.png$",
    "mapillary_vistas": r"/instances/.*\.png$",
    "mapillary_vistas_instances": r"/instances/.*\.png$",
    "mapillary_vistas_panoptic": r"/panoptic/.*\.png$",
    "synthia": r"/GT/LABELS/",
    "synthia_al": r"/SemSeg/",
    "synthia_sf": r"/GTLeft/",
}
"""Which pictures have to be read: expressions that their paths match. Of ``synthia_rand`` it is texts."""
