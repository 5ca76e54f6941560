"""Make datasets in formats that can be read only, as small as their files allow."""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Iterator
from pathlib import Path

import readonly_maps
import readonly_volumes

ATTRIBUTES = " ".join(f"Attribute_{n}" for n in range(40))
PER_PERSON, PER_FOLDER = 20, 100


def celeba(folder: Path, count: int) -> None:
    _celeba(folder, count, "landmarks_celeba")


def align_celeba(folder: Path, count: int) -> None:
    _celeba(folder, count, "landmarks_align_celeba")


def _celeba(folder: Path, count: int, landmarks: str) -> None:
    rng = random.Random(1)
    names = [f"{n:06d}.jpg" for n in range(1, count + 1)]

    def table(path: str, header: str, row: Callable[[int], str]) -> None:
        lines = [f"{name} {row(n)}" for n, name in enumerate(names)]
        target = folder / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text("\n".join([*([str(count), header] if header else []), *lines, ""]))

    def numbers(many: int) -> str:
        return " ".join(str(rng.randrange(300)) for _ in range(many))

    table("Anno/identity_CelebA.txt", "", lambda n: str(n // PER_PERSON + 1))
    table("Eval/list_eval_partition.txt", "", lambda n: str(n % 3))
    flags = [" ".join(rng.choice(("1", "-1")) for _ in range(40)) for _ in range(50)]
    table("Anno/list_attr_celeba.txt", ATTRIBUTES, lambda n: flags[n % 50])
    table("Anno/list_bbox_celeba.txt", "image_id x_1 y_1 width height", lambda _: numbers(4))
    columns = " ".join(f"{at}_{axis}" for at in ("le", "re", "n", "lm", "rm") for axis in "xy")
    table(f"Anno/list_{landmarks}.txt", columns, lambda _: numbers(10))


def mars(folder: Path, count: int) -> None:
    for n in range(count):
        person = f"{n // PER_FOLDER % 9999 + 1:04d}"
        place = folder / "bbox_train" / person
        if n % PER_FOLDER == 0:
            place.mkdir(parents=True, exist_ok=True)
        (place / f"{person}C{n % 6 + 1}T{n // 50 % 9999:04d}F{n:06d}.jpg").touch()


def mpii_json(folder: Path, count: int) -> None:
    rng = random.Random(1)
    records = [
        {
            "img_paths": f"{n:09d}.jpg",
            "img_width": 1280.0,
            "img_height": 720.0,
            "objpos": [rng.random() * 1280, rng.random() * 720],
            "scale_provided": 3.25,
            "joint_self": [[rng.random() * 1280, rng.random() * 720, 1.0] for _ in range(16)],
        }
        for n in range(count)
    ]
    (folder / "mpii_annotations.json").write_text(json.dumps(records))


def mpii(folder: Path, count: int) -> None:
    import numpy as np
    from scipy import io

    head = {"x1": 1.0, "y1": 2.0, "x2": 4.0, "y2": 6.5, "scale": 3.0}
    records = np.empty(count, dtype=[("image", "O"), ("annorect", "O")])
    for n in range(count):
        joints = [(10.0 + k, 20.0 + n % 50, k, 1) for k in range(16)]
        points = np.array(joints, dtype=[(name, "O") for name in ("x", "y", "id", "is_visible")])
        records[n]["image"] = {"name": f"{n:09d}.jpg"}
        records[n]["annorect"] = {
            **head,
            "objpos": {"x": 5.0, "y": 6.0},
            "annopoints": {"point": points},
        }
    io.savemat(folder / "mpii_human_pose_v1_u12_1.mat", {"RELEASE": {"annolist": records}})


def _rows(count: int) -> Iterator[tuple[int, float, float, float, float, str]]:
    rng = random.Random(1)
    for n in range(2 * count):
        x, y = rng.random() * 500, rng.random() * 300
        yield n // 2, x, y, x + 40, y + 30, f"label-{n % 9}"


def vott_csv(folder: Path, count: int) -> None:
    rows = ['"%06d.jpg",%r,%r,%r,%r,"%s"' % row for row in _rows(count)]
    header = '"image","xmin","ymin","xmax","ymax","label"'
    (folder / "train-export.csv").write_text("\n".join([header, *rows, ""]))


def vott_json(folder: Path, count: int) -> None:
    assets: dict[str, dict[str, object]] = {}
    for n, x, y, right, bottom, label in _rows(count):
        key, name = f"{n:032x}", f"{n:06d}.jpg"
        image = {"id": key, "name": name, "path": f"file:{name}"}
        image |= {"size": {"width": 640, "height": 480}}
        box = {"left": x, "top": y, "width": right - x, "height": bottom - y}
        corners = [{"x": a, "y": b} for a, b in ((x, y), (right, y), (right, bottom), (x, bottom))]
        region = {"id": f"r{n}", "type": "RECTANGLE", "tags": [label], "boundingBox": box}
        asset = assets.setdefault(key, {"asset": image, "regions": [], "version": "2.2.0"})
        asset["regions"].append({**region, "points": corners})  # type: ignore[attr-defined]
    tags = [{"name": f"label-{n}", "color": "#010203"} for n in range(9)]
    text = json.dumps({"name": "p", "tags": tags, "assets": assets})
    (folder / "train-export.json").write_text(text)


MAKERS: dict[str, Callable[[Path, int], None]] = {
    maker.__name__: maker
    for maker in (
        *(align_celeba, celeba, mars, mpii, mpii_json, vott_csv, vott_json),
        *readonly_maps.MAKERS,
        *readonly_volumes.MAKERS,
    )
}
"""By format: write a dataset of so many items into an empty folder."""

MASKS = readonly_maps.MASKS
"""By format: an expression that the paths of pictures match that have to be read."""
