"""Make a detection dataset as COCO, VOC and YOLO, like COCO's train2017 in its proportions.

    python benchmarks/data.py OUT [--size S|M]

S: 5 000 images and 36 000 annotations; M: 118 287 and 860 001 (450 MB of JSON). Annotations are
shuffled with respect to images, category ids have gaps, one in a hundred is a crowd with run lengths.
The same seed gives the same files.
"""

from __future__ import annotations

import argparse
import io
import os
from pathlib import Path

import numpy as np
from PIL import Image

SIZES = {"S": (5_000, 36_000), "M": (118_287, 860_001)}
LABELS = 80
SHAPES = [(640, 480), (480, 640), (640, 427), (500, 375), (640, 640)]
CHUNK = 20_000


class Boxes:
    """The drawn numbers that all three formats are written from; boxes in hundredths of a pixel."""

    def __init__(self, images: int, annotations: int) -> None:
        rng = np.random.default_rng(20260101)
        self.ids = np.sort(rng.choice(images * 5, images, replace=False)) + 1
        self.sizes = np.array(SHAPES)[rng.integers(0, len(SHAPES), images)]
        weight = rng.gamma(1.7, 1.0, images) * (rng.random(images) > 0.01)
        self.image = rng.choice(images, annotations, p=weight / weight.sum())
        self.label = rng.integers(0, LABELS, annotations)
        width, height = (self.sizes[self.image] * 100).T
        side = np.clip(np.exp(rng.normal(np.log(4800), 1.0, annotations)), 600, 30_000)
        self.w = np.minimum(side, width - 200).astype(int)
        self.h = np.minimum(side * rng.uniform(0.5, 1.5, annotations), height - 200).astype(int)
        self.x = (rng.random(annotations) * (width - self.w)).astype(int)
        self.y = (rng.random(annotations) * (height - self.h)).astype(int)
        self.crowd = rng.random(annotations) < 0.01
        self.points = rng.integers(8, 40, annotations)
        self.rng = rng

    def name(self, image: int) -> str:
        return f"{self.ids[image]:012d}"


def category_id(label: int) -> int:
    return label + 1 + label // 9


def write_coco(boxes: Boxes, path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", encoding="utf-8") as out:
        rows = (
            f'{{"license": 1,"file_name": "{boxes.name(n)}.jpg","coco_url": "http://images/{n}.jpg",'
            f'"height": {h},"width": {w},"date_captured": "2013-11-14 11:18:45","id": {boxes.ids[n]}}}'
            for n, (w, h) in enumerate(boxes.sizes.tolist())
        )
        out.write(
            '{"info": {"year": 2026},"licenses": [{"id": 1,"name": "CC","url": ""}],"images": ['
        )
        out.write(",".join(rows))
        out.write('],"annotations": [')
        for start in range(0, len(boxes.image), CHUNK):
            out.write("," * bool(start) + ",".join(coco_rows(boxes, start)))
        rows = (
            f'{{"supercategory": "thing","id": {category_id(n)},"name": "label {n}"}}'
            for n in range(LABELS)
        )
        out.write('],"categories": [' + ",".join(rows) + "]}")


def coco_rows(boxes: Boxes, start: int) -> list[str]:
    part = slice(start, start + CHUNK)
    columns = (
        boxes.image,
        boxes.label,
        boxes.x,
        boxes.y,
        boxes.w,
        boxes.h,
        boxes.crowd,
        boxes.points,
    )
    rows = []
    for number, row in enumerate(zip(*(c[part].tolist() for c in columns), strict=True), start + 1):
        image, label, x, y, w, h, crowd, points = row
        if crowd:
            width, height = boxes.sizes[image].tolist()
            first = x // 100 * height + y // 100
            outline = f'{{"counts": [{first},{h // 100},{width * height - first - h // 100}],"size": [{height},{width}]}}'
        else:
            turn = np.linspace(0, 2 * np.pi, points, endpoint=False)
            xs, ys = x + w / 2 * (1 + np.cos(turn)), y + h / 2 * (1 + np.sin(turn))
            flat = (np.column_stack([xs, ys]).ravel() / 100).round(2).tolist()
            outline = "[[" + ",".join(map(str, flat)) + "]]"
        rows.append(
            f'{{"segmentation": {outline},"area": {w * h / 10_000},"iscrowd": {int(crowd)},'
            f'"image_id": {boxes.ids[image]},"bbox": [{x / 100},{y / 100},{w / 100},{h / 100}],'
            f'"category_id": {category_id(label)},"id": {number}}}'
        )
    return rows


def write_small_files(boxes: Boxes, out: Path) -> None:
    """Write VOC and YOLO with their images: hard links to one JPEG per shape."""
    voc, yolo = out / "voc", out / "yolo"
    for folder in ("Annotations", "ImageSets/Main"):
        (voc / folder).mkdir(parents=True)
    for folder in ("labels/train", "images/train"):
        (yolo / folder).mkdir(parents=True)
    pool = {shape: jpeg(out, shape) for shape in SHAPES}
    order = np.argsort(boxes.image, kind="stable")
    first = np.concatenate([[0], np.cumsum(np.bincount(boxes.image, minlength=len(boxes.ids)))])
    names = [boxes.name(n) for n in range(len(boxes.ids))]
    for image, name in enumerate(names):
        width, height = boxes.sizes[image].tolist()
        objects, rows = [], []
        for k in order[first[image] : first[image + 1]].tolist():
            x, y, w, h = (int(c[k]) / 100 for c in (boxes.x, boxes.y, boxes.w, boxes.h))
            objects.append(
                f"\t<object>\n\t\t<name>label {boxes.label[k]}</name>\n\t\t<pose>Unspecified</pose>\n"
                f"\t\t<truncated>0</truncated>\n\t\t<difficult>0</difficult>\n\t\t<bndbox>\n"
                f"\t\t\t<xmin>{x:.0f}</xmin>\n\t\t\t<ymin>{y:.0f}</ymin>\n\t\t\t<xmax>{x + w:.0f}</xmax>\n"
                f"\t\t\t<ymax>{y + h:.0f}</ymax>\n\t\t</bndbox>\n\t</object>\n"
            )
            rows.append(
                f"{boxes.label[k]} {(x + w / 2) / width:.6f} {(y + h / 2) / height:.6f} "
                f"{w / width:.6f} {h / height:.6f}\n"
            )
        (voc / f"Annotations/{name}.xml").write_text(
            f"<annotation>\n\t<folder>VOC</folder>\n\t<filename>{name}.jpg</filename>\n\t<size>\n"
            f"\t\t<width>{width}</width>\n\t\t<height>{height}</height>\n\t\t<depth>3</depth>\n\t</size>\n"
            f"\t<segmented>0</segmented>\n{''.join(objects)}</annotation>\n"
        )
        (yolo / f"labels/train/{name}.txt").write_text("".join(rows))
        os.link(pool[width, height], yolo / f"images/train/{name}.jpg")
    (voc / "ImageSets/Main/train.txt").write_text("\n".join(names) + "\n")
    labels = "".join(f"label {n}:{n},{n},{n}::\n" for n in range(LABELS))
    (voc / "labelmap.txt").write_text("# label:color_rgb:parts:actions\n" + labels)
    lines = "".join(f"  {n}: label {n}\n" for n in range(LABELS))
    (yolo / "data.yaml").write_text(
        f"path: .\ntrain: images/train\nval: images/train\nnames:\n{lines}"
    )


def jpeg(out: Path, shape: tuple[int, int]) -> Path:
    path = out / "pool" / f"{shape[0]}x{shape[1]}.jpg"
    path.parent.mkdir(parents=True, exist_ok=True)
    buffer = io.BytesIO()
    Image.new("RGB", shape, (90, 120, 150)).save(buffer, "JPEG")
    path.write_bytes(buffer.getvalue())
    return path


def make(out: Path, size: str) -> Path:
    """Make the dataset below ``out`` unless it is there; return its folder."""
    folder = out / size
    if not (folder / "done").exists():
        boxes = Boxes(*SIZES[size])
        write_coco(boxes, folder / "coco/annotations/instances_train.json")
        write_small_files(boxes, folder)
        (folder / "done").touch()
    return folder


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("out", type=Path)
    parser.add_argument("--size", choices=sorted(SIZES), default="S")
    given = parser.parse_args()
    print(make(given.out, given.size))
