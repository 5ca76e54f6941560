"""What Ultralytics demands of a dataset, by its published rules, without Ultralytics.

Rules of ``check_det_dataset``, ``img2label_paths`` and ``verify_image_label``
(docs.ultralytics.com, datasets and reference/data/utils), written anew: paths, label
files, field counts, ranges, class ids. An image that breaks a rule is left out of the training
there; here it is a problem with a name.
"""

from pathlib import Path
from typing import Any

import yaml
from PIL import Image

FORMATS = {"bmp", "dng", "jpeg", "jpg", "mpo", "png", "tif", "tiff", "webp", "pfm", "heic"}


def problems(root: Path, file: str = "data.yaml") -> list[str]:
    """Return why images of a dataset would not be trained as they are."""
    data = yaml.safe_load((root / file).read_text("utf-8"))
    found = [f"{key}: is missing in {file}" for key in ("train", "val", "names") if key not in data]
    names = data.get("names")
    if isinstance(names, dict) and list(names) != list(range(len(names))):
        found.append(f"class ids {list(names)} are not 0 to {len(names) - 1}")
    if "nc" in data and data["nc"] != len(names):
        found.append(f"nc is {data['nc']}, names are {len(names)}")
    base = Path(data["path"]) if "path" in data else root
    if not base.is_absolute():
        found.append("a relative path is looked for in the working directory")
    for key in ("train", "val", "test"):
        for source in _sources(data.get(key)):
            place = base / source
            if not place.exists():
                found.append(f"{key}: {source} is not there")
                continue
            for image in images_of(place):
                found += [f"{image.relative_to(root)}: {p}" for p in image_problems(image, data)]
    return found


def _sources(value: Any) -> list[str]:
    return [] if value is None else [value] if isinstance(value, str) else list(value)


def images_of(place: Path) -> list[Path]:
    """Return the images of a folder or of a list, as the trainer collects them."""
    if place.is_dir():
        files = [f for f in sorted(place.rglob("*.*")) if f.is_file()]
    else:
        lines = place.read_text("utf-8").splitlines()
        files = [
            place.parent / n.removeprefix("./") if n.startswith("./") else Path(n) for n in lines
        ]
    return [f for f in files if f.suffix[1:].lower() in FORMATS]


def label_file(image: Path) -> Path:
    """Return where the trainer looks for an image's labels."""
    head, found, tail = str(image).rpartition("/images/")
    path = f"{head}/labels/{tail}" if found else str(image)
    return Path(path.rsplit(".", 1)[0] + ".txt")


def rows_of(image: Path) -> list[list[float]]:
    """Return an image's rows; none for a background image."""
    file = label_file(image)
    text = file.read_text("utf-8") if file.is_file() else ""
    return [[float(v) for v in line.split()] for line in text.strip().splitlines() if line]


def image_problems(image: Path, data: dict[str, Any]) -> list[str]:
    """Return why the trainer would take an image for corrupt."""
    if not image.is_file():
        return ["there is no such image"]
    with Image.open(image) as picture:
        if min(picture.size) < 10:
            return [f"{picture.size} is too small"]
    rows = rows_of(image)
    if not rows:
        return []
    found = []
    shape = data.get("kpt_shape")
    if shape is not None:
        want = 5 + shape[0] * shape[1]
        found += [f"{len(r)} columns, not {want}" for r in rows if len(r) != want]
        boxes = [r[1:5] for r in rows]
        boxes += [r[k : k + 2] for r in rows for k in range(5, len(r), shape[1])]
    elif any(len(r) > 6 for r in rows):
        found += [f"{len(r)} columns among outlines" for r in rows if len(r) < 7 or len(r) % 2 == 0]
        boxes = [r[1:] for r in rows]
    else:
        found += [f"{len(r)} columns, not 5" for r in rows if len(r) != 5]
        boxes = [r[1:] for r in rows]
    values = [v for box in boxes for v in box]
    if max(values) > 1.01 or min(values) < -0.01:
        found.append(f"coordinates {min(values)} to {max(values)}")
    found += [
        f"class {r[0]}" for r in rows if not (r[0].is_integer() and 0 <= r[0] < len(data["names"]))
    ]
    return found
