"""Bare conversions: what Python on good libraries needs without model, checks or ledger.

    python benchmarks/bare.py JOB IN OUT

Each does just the named job on data of data.py; dsk is measured against them.
"""

from __future__ import annotations

import gc
import mmap
import os
import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any
from xml.etree.ElementTree import fromstring
from xml.sax.saxutils import escape

import msgspec
from msgspec import Raw, Struct

from dsk.imagesize import size_of_bytes

if TYPE_CHECKING:
    from collections.abc import Iterator

ANNOTATIONS = "annotations/instances_train.json"
NEW = os.O_WRONLY | os.O_CREAT | os.O_EXCL


class Img(Struct, gc=False):
    id: int
    file_name: str
    width: int
    height: int


class Cat(Struct, gc=False):
    id: int
    name: str


class Box(Struct, gc=False, array_like=True):
    x: float
    y: float
    w: float
    h: float


class Ann(Struct, gc=False):
    id: int
    image_id: int
    category_id: int
    bbox: Box
    iscrowd: int = 0


class Full(Struct, gc=False):
    id: int
    image_id: int
    category_id: int
    bbox: list[float]
    area: float
    segmentation: Any
    iscrowd: int = 0


class Doc(Struct):
    images: list[Img]
    annotations: list[Ann]
    categories: list[Cat]


class Lazy(Struct):
    images: list[Img]
    annotations: Raw
    categories: list[Cat]


def mapped(source: Path) -> memoryview:
    with (source / ANNOTATIONS).open("rb") as file:
        return memoryview(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ))


def grouped(doc: Doc) -> dict[int, list[Ann]]:
    by_image: dict[int, list[Ann]] = {}
    for ann in doc.annotations:
        if not ann.iscrowd:
            by_image.setdefault(ann.image_id, []).append(ann)
    return by_image


def put(folder: int, name: str, text: str) -> None:
    file = os.open(name, NEW, 0o644, dir_fd=folder)
    os.write(file, text.encode())
    os.close(file)


def new_folder(path: Path) -> int:
    path.mkdir(parents=True)
    return os.open(path, os.O_RDONLY)


def coco_yolo(source: Path, out: Path) -> None:
    doc = msgspec.json.decode(mapped(source), type=Doc)
    number = {cat.id: n for n, cat in enumerate(doc.categories)}
    by_image = grouped(doc)
    folder = new_folder(out)
    for img in doc.images:
        w, h = img.width, img.height
        rows = [
            "%d %.6f %.6f %.6f %.6f\n"
            % (
                number[a.category_id],
                (a.bbox.x + a.bbox.w / 2) / w,
                (a.bbox.y + a.bbox.h / 2) / h,
                a.bbox.w / w,
                a.bbox.h / h,
            )
            for a in by_image.get(img.id, ())
        ]
        put(folder, img.file_name[:-4] + ".txt", "".join(rows))


def coco_voc(source: Path, out: Path) -> None:
    doc = msgspec.json.decode(mapped(source), type=Doc)
    names = {cat.id: escape(cat.name) for cat in doc.categories}
    by_image = grouped(doc)
    folder = new_folder(out)
    for img in doc.images:
        rows = [
            f"\t<object>\n\t\t<name>{names[a.category_id]}</name>\n\t\t<bndbox>\n\t\t\t<xmin>{a.bbox.x}</xmin>\n"
            f"\t\t\t<ymin>{a.bbox.y}</ymin>\n\t\t\t<xmax>{a.bbox.x + a.bbox.w}</xmax>\n"
            f"\t\t\t<ymax>{a.bbox.y + a.bbox.h}</ymax>\n\t\t</bndbox>\n\t</object>\n"
            for a in by_image.get(img.id, ())
        ]
        put(
            folder,
            img.file_name[:-4] + ".xml",
            f"<annotation>\n\t<filename>{escape(img.file_name)}</filename>\n\t<size>\n\t\t<width>{img.width}</width>\n"
            f"\t\t<height>{img.height}</height>\n\t\t<depth>3</depth>\n\t</size>\n{''.join(rows)}</annotation>\n",
        )


def chunks(raw: memoryview, size: int = 4 << 20) -> Iterator[bytes]:
    border = re.compile(rb'\}\s*,\s*(?=\{\s*")')
    start, end = 1, len(raw) - 1
    while start < end:
        match = border.search(raw, min(start + size, end))
        stop = match.start() + 1 if match else end
        yield b"[" + bytes(raw[start:stop]) + b"]"
        start = match.end() if match else end


def coco_coco(source: Path, out: Path) -> None:
    """Decode and encode everything, geometry too."""
    doc = msgspec.json.decode(mapped(source), type=Lazy)
    decode, encode = msgspec.json.Decoder(list[Full]).decode, msgspec.json.encode
    out.mkdir(parents=True)
    with (out / "out.json").open("wb", buffering=0) as file:
        file.write(b'{"images":' + encode(doc.images) + b',"categories":' + encode(doc.categories))
        file.write(b',"annotations":[')
        for number, chunk in enumerate(chunks(memoryview(doc.annotations))):
            file.write((b"," if number else b"") + encode(decode(chunk))[1:-1])
        file.write(b"]}")


def finish(out: Path, images: list[dict[str, Any]], rows: list[tuple[Any, ...]]) -> None:
    annotations = [
        {
            "id": n,
            "image_id": i,
            "category_id": c,
            "bbox": (x, y, w, h),
            "area": w * h,
            "iscrowd": 0,
            "segmentation": (),
        }
        for n, (i, c, x, y, w, h) in enumerate(rows, 1)
    ]
    out.mkdir(parents=True)
    (out / "out.json").write_bytes(
        msgspec.json.encode({"images": images, "annotations": annotations})
    )


def voc_coco(source: Path, out: Path) -> None:
    folder = os.open(source / "Annotations", os.O_RDONLY)
    labels: dict[str, int] = {}
    images, rows = [], []
    for number, name in enumerate(sorted(os.listdir(folder))):
        file = os.open(name, os.O_RDONLY, dir_fd=folder)
        root = fromstring(os.read(file, 1 << 20))  # noqa: S314 - files of data.py
        os.close(file)
        size: dict[str, str] = {}
        for element in root:
            if element.tag == "object":
                label, box = "", {}
                for part in element:
                    if part.tag == "bndbox":
                        box = {side.tag: float(side.text or 0) for side in part}
                    elif part.tag == "name":
                        label = part.text or ""
                x, y = box["xmin"], box["ymin"]
                rows.append(
                    (
                        number,
                        labels.setdefault(label, len(labels)),
                        x,
                        y,
                        box["xmax"] - x,
                        box["ymax"] - y,
                    )
                )
            elif element.tag == "size":
                size = {part.tag: part.text or "" for part in element}
        images.append(
            {
                "id": number,
                "file_name": name,
                "width": int(size["width"]),
                "height": int(size["height"]),
            }
        )
    finish(out, images, rows)


def yolo_coco(source: Path, out: Path) -> None:
    labels = os.open(source / "labels/train", os.O_RDONLY)
    pictures = os.open(source / "images/train", os.O_RDONLY)
    images, rows = [], []
    for number, name in enumerate(sorted(os.listdir(labels))):
        file = os.open(name, os.O_RDONLY, dir_fd=labels)
        values = list(map(float, os.read(file, 1 << 20).split()))
        os.close(file)
        picture = name[:-4] + ".jpg"
        file = os.open(picture, os.O_RDONLY, dir_fd=pictures)
        height, width = size_of_bytes(os.read(file, 4096)) or (0, 0)
        os.close(file)
        images.append({"id": number, "file_name": picture, "width": width, "height": height})
        it = iter(values)
        for c, x, y, w, h in zip(it, it, it, it, it, strict=True):
            rows.append(
                (number, int(c), (x - w / 2) * width, (y - h / 2) * height, w * width, h * height)
            )
    finish(out, images, rows)


JOBS = {f.__name__: f for f in (coco_yolo, coco_voc, coco_coco, voc_coco, yolo_coco)}

if __name__ == "__main__":
    gc.disable()
    JOBS[sys.argv[1]](Path(sys.argv[2]), Path(sys.argv[3]))
