"""Draw the example dataset `shapes` and write it in the COCO layout.

Usage: make_shapes.py [OUTPUT]    the folder to write to, examples/shapes unless given

The scenes are streets made of simple shapes. Everything comes from seeded random numbers, so a
second run gives the same annotations, byte for byte; encoded images may differ between versions of
Pillow.
"""

from __future__ import annotations

import json
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

Record = dict[str, Any]
Ring = list[tuple[float, float]]
Array = NDArray[Any]

SEED = 20
LICENSE_URL = "https://creativecommons.org/publicdomain/zero/1.0/"
SIZES = ((320, 240), (240, 320))
JOINTS = [
    "nose",
    "left_shoulder",
    "right_shoulder",
    "left_elbow",
    "right_elbow",
    "left_wrist",
    "right_wrist",
    "left_hip",
    "right_hip",
    "left_knee",
    "right_knee",
    "left_ankle",
    "right_ankle",
]
BONES = [[1, 2], [1, 3], [2, 4], [4, 6], [3, 5], [5, 7], [2, 8], [3, 9], [8, 9]]
BONES += [[8, 10], [10, 12], [9, 11], [11, 13]]
"""Pairs of joints, counted from 1 as in the files of COCO."""

PERSON, CAR, BUS, SIGN, TREE = 1, 3, 6, 13, 64
CATEGORIES: list[Record] = [
    {"id": CAR, "name": "car", "supercategory": "vehicle"},
    {"id": BUS, "name": "bus", "supercategory": "vehicle"},
    {"id": SIGN, "name": "traffic sign", "supercategory": "outdoor"},
    {"id": TREE, "name": "tree", "supercategory": "outdoor"},
]
PERSON_CATEGORY: Record = {"id": PERSON, "name": "person", "supercategory": "person"}
JOINT_FIELDS: Record = {"keypoints": JOINTS, "skeleton": BONES}
COLORS = (
    (178, 58, 48),
    (40, 90, 160),
    (225, 190, 60),
    (90, 90, 96),
    (230, 230, 225),
    (60, 120, 80),
)
COLOR_NAMES = ("red", "blue", "yellow", "grey", "white", "green")

TRAIN_NAMES = [f"{number:012d}.jpg" for number in range(1, 11)]
TRAIN_NAMES += ["night/0001.png", "night/0002.png", "улица/кадр 01.jpg", "улица/кадр 02.jpg"]
TRAIN_NAMES += ["街/車.png", "empty road.jpg"]
VAL_NAMES = [f"{number:012d}.jpg" for number in range(101, 106)]
VAL_NAMES += ["night/0003.png", "plaza/São João.jpg", "街/人.png"]


@dataclass
class Scene:
    """An image being drawn, and what has been put on it so far."""

    image: Image.Image
    draw: ImageDraw.ImageDraw
    rng: np.random.Generator
    objects: list[Record] = field(default_factory=list)

    @property
    def horizon(self) -> int:
        """The row in pixels where the street begins."""
        return self.image.height // 2

    def pick_color(self) -> int:
        """Return a random index into COLORS."""
        return int(self.rng.integers(len(COLORS)))

    def place(self, low: float, high: float) -> float:
        """Return a random number, rounded to a quarter of a pixel."""
        return round(float(self.rng.uniform(low, high)) * 4) / 4


def background(size: tuple[int, int], rng: np.random.Generator, *, night: bool) -> Image.Image:
    """Return a sky over a street, with coarse noise as texture."""
    width, height = size
    sky, street = ((24, 28, 52), (44, 44, 50)) if night else ((150, 185, 215), (128, 126, 120))
    pixels = np.empty((height, width, 3))
    fade = np.linspace(0.8, 1.15, height // 2)[:, None, None]
    pixels[: height // 2] = np.array(sky) * fade
    pixels[height // 2 :] = street
    coarse = rng.normal(0, 7, (height // 8, width // 8, 1))
    pixels += np.kron(coarse, np.ones((8, 8, 1)))
    return Image.fromarray(np.clip(pixels, 0, 255).astype(np.uint8))


def outline_mask(size: tuple[int, int], rings: list[Ring]) -> Array:
    """Return the pixels inside any of the rings, as a boolean array of height x width."""
    canvas = Image.new("1", size)
    draw = ImageDraw.Draw(canvas)
    for ring in rings:
        draw.polygon(ring, fill=1)
    return np.asarray(canvas)


def ring_area(ring: Ring) -> float:
    """Return the area of a ring in square pixels, by the shoelace formula."""
    x, y = np.array(ring).T
    return float(abs(x @ np.roll(y, -1) - y @ np.roll(x, -1)) / 2)


def run_lengths(mask: Array) -> list[int]:
    """Return COCO's run lengths of a boolean mask: down the columns, the first run counts zeros."""
    flat = np.concatenate([[0], mask.ravel(order="F").astype(np.int8), [0]])
    edges = np.flatnonzero(np.diff(flat))
    runs = np.diff(np.concatenate([[0], edges, [mask.size]])).tolist()
    lengths: list[int] = runs if runs[-1] else runs[:-1]
    return lengths


def compress(runs: list[int]) -> str:
    """Return run lengths as COCO's string: differences, five bits to a character."""
    text = []
    for index, run in enumerate(runs):
        rest = run - runs[index - 2] if index > 2 else run
        more = True
        while more:
            bits = rest & 0x1F
            rest >>= 5
            more = rest != -1 if bits & 0x10 else rest != 0
            text.append(chr((bits | 0x20 if more else bits) + 48))
    return "".join(text)


def mask_fields(mask: Array, *, compressed: bool) -> Record:
    """Return box, area and run lengths of a mask; the box covers its pixels, in pixels."""
    rows, columns = np.flatnonzero(mask.any(1)), np.flatnonzero(mask.any(0))
    left, top = int(columns[0]), int(rows[0])
    runs = run_lengths(mask)
    return {
        "bbox": [left, top, int(columns[-1]) - left + 1, int(rows[-1]) - top + 1],
        "area": int(mask.sum()),
        "segmentation": {
            "size": list(mask.shape),
            "counts": compress(runs) if compressed else runs,
        },
    }


def outline_fields(rings: list[Ring]) -> Record:
    """Return box, area and polygons of an object that consists of rings."""
    points = np.concatenate([np.array(ring) for ring in rings])
    (left, top), (right, bottom) = points.min(0).tolist(), points.max(0).tolist()
    return {
        "bbox": [left, top, right - left, bottom - top],
        "area": sum(ring_area(ring) for ring in rings),
        "segmentation": [[value for point in ring for value in point] for ring in rings],
    }


def add(scene: Scene, category: int, shape: Record, **fields: object) -> None:
    """Put an object into the list of a scene."""
    scene.objects.append({"category_id": category, "iscrowd": 0, **shape, **fields})


def rectangle(left: float, top: float, width: float, height: float) -> Ring:
    """Return the corners of an upright rectangle."""
    right, bottom = left + width, top + height
    return [(left, top), (right, top), (right, bottom), (left, bottom)]


def draw_wheels(scene: Scene, centers: list[float], bottom: float, radius: float) -> None:
    """Draw black wheels that stand on a line."""
    for x in centers:
        box = (x - radius, bottom - 2 * radius, x + radius, bottom)
        scene.draw.ellipse(box, fill=(20, 20, 22), outline=(90, 90, 90))


def draw_car(scene: Scene) -> None:
    """Draw a car; a post in front of every third cuts it into two parts."""
    width = scene.place(60, 95)
    height = width * 0.375
    left = scene.place(4, scene.image.width - width - 4)
    top = scene.place(scene.horizon, scene.image.height - height - 12)
    color = scene.pick_color()
    steps = ((0, 1), (0, 0.5), (0.2, 0.45), (0.3, 0), (0.7, 0), (0.85, 0.45), (1, 0.55), (1, 1))
    ring = [(left + width * x, top + height * y) for x, y in steps]
    scene.draw.polygon(ring, fill=COLORS[color])
    glass = rectangle(left + width * 0.34, top + height * 0.1, width * 0.32, height * 0.3)
    scene.draw.polygon(glass, fill=(170, 205, 220))
    draw_wheels(scene, [left + width * 0.2, left + width * 0.8], top + height + 3, 6)
    split = len(scene.objects) % 3 == 2
    attributes = {"color": COLOR_NAMES[color], "occluded": split, "doors": 2 + 2 * (color % 2)}
    rings = [ring]
    if split:
        post = left + width * 0.5
        scene.draw.rectangle((post - 2, top - 20, post + 2, top + height + 8), fill=(50, 50, 55))
        rings = [
            [*ring[:4], (post - 3, top), (post - 3, top + height)],
            [(post + 3, top + height), (post + 3, top), *ring[4:]],
        ]
    add(scene, CAR, outline_fields(rings), attributes=attributes)


def draw_bus(scene: Scene) -> None:
    """Draw a bus that is annotated with a box only."""
    width, height = scene.place(90, 120), scene.place(48, 60)
    left = scene.place(6, scene.image.width - width - 6)
    top = scene.place(scene.horizon - 20, scene.image.height - height - 10)
    color = scene.pick_color()
    scene.draw.polygon(rectangle(left, top, width, height), fill=COLORS[color])
    for window in range(4):
        pane = rectangle(left + 6 + window * width / 4.2, top + 7, width / 6, height / 3)
        scene.draw.polygon(pane, fill=(185, 215, 228))
    draw_wheels(scene, [left + 20, left + width - 20], top + height + 5, 8)
    box = {"bbox": [left, top, width, height], "area": width * height, "segmentation": []}
    attributes = {"color": COLOR_NAMES[color], "line": str(scene.rng.integers(1, 60)), "load": 0.5}
    add(scene, BUS, box, attributes=attributes)


def draw_sign(scene: Scene) -> None:
    """Draw a sign on a post; only the board is annotated, by an octagon."""
    radius = scene.place(9, 15)
    x = scene.place(20, scene.image.width - 20)
    y = scene.place(24, scene.horizon - 10)
    scene.draw.rectangle((x - 1, y, x + 1, scene.horizon + 24), fill=(70, 70, 74))
    turns = np.arange(8) * np.pi / 4 + np.pi / 8
    board = np.round(np.stack([x + radius * np.cos(turns), y + radius * np.sin(turns)], 1), 2)
    ring = [(float(a), float(b)) for a, b in board]
    scene.draw.polygon(ring, fill=(190, 30, 35), outline=(240, 240, 240))
    add(scene, SIGN, outline_fields([ring]), attributes={"text": "СТОП", "occluded": False})


def draw_tree(scene: Scene) -> None:
    """Draw a tree that is annotated by a mask, as compressed run lengths."""
    x = scene.place(24, scene.image.width - 24)
    top = scene.place(20, scene.horizon - 60)
    trunk = rectangle(x - 3, top + 35, 6, scene.horizon - top - 20)
    crown: list[Ring] = []
    for dx, dy in ((0, 0), (-12, 14), (12, 14), (0, 26)):
        turns = np.linspace(0, 2 * np.pi, 20, endpoint=False)
        points = np.stack([x + dx + 15 * np.cos(turns), top + 15 + dy + 13 * np.sin(turns)], 1)
        crown.append([(float(a), float(b)) for a, b in points])
    scene.draw.polygon(trunk, fill=(92, 64, 44))
    for number, ring in enumerate(crown):
        scene.draw.polygon(ring, fill=(38, 92 + 8 * number, 46))
    mask = outline_mask(scene.image.size, [trunk, *crown])
    add(scene, TREE, mask_fields(mask, compressed=True))


def person_joints(x: float, top: float, height: float, lean: float) -> Array:
    """Return the 13 joints of a standing figure as an array of x, y in pixels."""
    unit = height / 20
    shape: Ring = [
        (0, 2),
        (-2, 5),
        (2, 5),
        (-3, 8),
        (3, 8),
        (-3.5, 11),
        (3.5, 11),
        (-1.5, 11),
        (1.5, 11),
    ]
    shape += [(-2, 15), (2, 15), (-2.5, 19.5), (2.5, 19.5)]
    joints = np.array(shape, dtype=float) * unit
    joints[:, 0] += x + lean * (20 * unit - joints[:, 1])
    joints[:, 1] += top
    return np.round(joints)


def draw_limbs(scene: Scene, joints: Array, width: int, color: tuple[int, int, int]) -> None:
    """Draw the figure that the joints describe."""
    torso = [tuple(joints[index]) for index in (1, 2, 8, 7)]
    scene.draw.polygon(torso, fill=color)
    for first, second in BONES[2:]:
        scene.draw.line(
            [tuple(joints[first - 1]), tuple(joints[second - 1])], fill=color, width=width
        )
    x, y = joints[0]
    scene.draw.ellipse((x - width, y - width, x + width, y + width), fill=(226, 184, 150))


def draw_person(scene: Scene) -> None:
    """Draw a person with keypoints: seen, hidden (every sixth) and not labelled (every fifth)."""
    height = scene.place(70, 105)
    x = scene.place(30, scene.image.width - 30)
    top = scene.place(scene.horizon - 40, scene.image.height - height - 4)
    joints = person_joints(x, top, height, float(scene.rng.uniform(-0.1, 0.1)))
    color = scene.pick_color()
    thick = max(3, round(height / 16))
    draw_limbs(scene, joints, thick, COLORS[color])
    start = int(scene.rng.integers(13))
    seen = [0 if (i + start) % 5 == 0 else 1 if (i + start) % 6 == 0 else 2 for i in range(13)]
    points = [
        value
        for (a, b), flag in zip(joints.astype(int).tolist(), seen, strict=True)
        for value in ((a, b, flag) if flag else (0, 0, 0))
    ]
    left, right = joints[:, 0].min() - thick, joints[:, 0].max() + thick
    order = [2, 4, 6, 10, 12, 11, 9, 5, 3, 1]
    hull = [(float(joints[i, 0]), float(joints[i, 1])) for i in order]
    head = rectangle(float(joints[0, 0]) - thick, top, 2.0 * thick, float(joints[0, 1]) - top + 1)
    shape = outline_fields([[(round(a, 2), round(b, 2)) for a, b in ring] for ring in (head, hull)])
    bottom = float(joints[:, 1].max()) + 1
    shape["bbox"] = [float(left), top, float(right - left), bottom - top]
    add(scene, PERSON, shape, keypoints=points, num_keypoints=sum(flag > 0 for flag in seen))


def draw_crowd(scene: Scene) -> None:
    """Draw people far away, annotated together by uncompressed run lengths."""
    left = scene.place(20, scene.image.width - 100)
    before = np.asarray(scene.image).copy()
    for number in range(9):
        joints = person_joints(left + 9 * number, scene.horizon - 14 - number % 3, 30, 0)
        draw_limbs(scene, joints, 2, COLORS[(number * 5) % 6])
    mask = (np.asarray(scene.image) != before).any(2)
    nothing = {"keypoints": [0] * 39, "num_keypoints": 0}
    add(scene, PERSON, mask_fields(mask, compressed=False) | {"iscrowd": 1}, **nothing)


def draw_scene(number: int, name: str) -> Scene:
    """Return one image with its objects; what is on it follows from its number."""
    rng = np.random.default_rng((SEED, number))
    image = background(SIZES[number % 3 == 1], rng, night=name.startswith("night"))
    scene = Scene(image, ImageDraw.Draw(image), rng)
    if name.startswith("empty"):
        return scene
    if number % 4 == 0:
        draw_crowd(scene)
    for _ in range(1 + number % 2):
        draw_tree(scene)
    draw_sign(scene)
    if number % 3 == 0:
        draw_bus(scene)
    for _ in range(1 + number % 3):
        draw_car(scene)
    for _ in range(number % 3):
        draw_person(scene)
    return scene


def caption(scene: Scene) -> str:
    """Return a sentence that counts what is on a scene."""
    names = {record["id"]: record["name"] for record in [PERSON_CATEGORY, *CATEGORIES]}
    found = [names[record["category_id"]] for record in scene.objects]
    counts = [f"{found.count(name)} x {name}" for name in dict.fromkeys(found)]
    return f"A street with {', '.join(counts)}." if counts else "An empty street."


def tidy(value: Any) -> Any:
    """Return a JSON value with floats rounded to two digits and whole numbers as integers."""
    if isinstance(value, dict):
        return {key: tidy(member) for key, member in value.items()}
    if isinstance(value, list):
        return [tidy(member) for member in value]
    if isinstance(value, float):
        return int(value) if value.is_integer() else round(value, 2)
    return value


def write_json(path: Path, parts: dict[str, Any]) -> None:
    """Write a COCO file with one line for each record."""

    def line(value: object) -> str:
        return json.dumps(tidy(value), ensure_ascii=False)

    texts = []
    for key, value in parts.items():
        if isinstance(value, list):
            text = "[\n" + ",\n".join(map(line, value)) + "\n]"
        else:
            text = line(value)
        texts.append(f"{json.dumps(key)}: {text}")
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("{\n" + ",\n".join(texts) + "\n}\n", encoding="utf-8")


def save_image(image: Image.Image, path: Path) -> None:
    """Write an image as JPEG or as PNG, with few colours to keep the example small."""
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.suffix == ".png":
        image.quantize(48).convert("RGB").save(path, optimize=True)
    else:
        image.save(path, quality=85)


def write_subset(output: Path, subset: str, names: list[str], first: int) -> None:
    """Draw and write the images and annotation files of one subset; numbers start at `first`."""
    images: list[Record] = []
    objects: list[Record] = []
    captions: list[Record] = []
    for number, name in enumerate(names, first):
        scene = draw_scene(number, name)
        save_image(scene.image, output / "images" / subset / name)
        width, height = scene.image.size
        image = {"id": number, "file_name": name, "width": width, "height": height, "license": 1}
        images.append({**image, "date_captured": f"2026-01-{1 + number % 28:02d} 12:00:00"})
        if name.startswith("night"):
            images[-1]["weather"] = {"light": "night", "rain": False}
        for record in scene.objects:
            objects.append({"id": 1000 + len(objects) + 100 * first, "image_id": number, **record})
        if number % 2 == 0:
            captions.append({"id": number, "image_id": number, "caption": caption(scene)})
    joint_keys = ("keypoints", "num_keypoints")
    plain = [{k: v for k, v in record.items() if k not in joint_keys} for record in objects]
    people = [record for record in objects if "keypoints" in record]
    head = {
        "info": {"description": "dsk example: shapes", "version": "1.0", "year": 2026},
        "licenses": [
            {
                "id": 1,
                "name": "CC0-1.0",
                "url": LICENSE_URL,
            }
        ],
        "images": images,
    }
    folder = output / "annotations"
    labels = {"categories": [PERSON_CATEGORY, *CATEGORIES]}
    write_json(folder / f"instances_{subset}.json", head | {"annotations": plain} | labels)
    joints = {"categories": [PERSON_CATEGORY | JOINT_FIELDS]}
    write_json(folder / f"person_keypoints_{subset}.json", head | {"annotations": people} | joints)
    if subset == "train":
        write_json(folder / f"captions_{subset}.json", head | {"annotations": captions})


def main() -> None:
    """Write both subsets."""
    default = Path(__file__).resolve().parent / "shapes"
    output = Path(sys.argv[1]) if len(sys.argv) > 1 else default
    write_subset(output, "train", TRAIN_NAMES, 1)
    write_subset(output, "val", VAL_NAMES, 101)


if __name__ == "__main__":
    main()
