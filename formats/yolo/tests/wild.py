"""Small datasets as they are met in the wild."""

import warnings

from dsk.dataset import Dataset
from dsk.errors import DskWarning
from dsk.testing.samples import encoded_image

PNG = encoded_image(1, ".png")  # 64 × 48
BOX = "0 0.5 0.5 0.25 0.5\n"
NAMES = "names: [cat, dog]\n"


def make(root, files):
    for name, content in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if isinstance(content, bytes):
            path.write_bytes(content)
        else:
            path.write_text(content, "utf-8")
    return root


def read(path, fmt="yolo", **options):
    """Return items by subset and id, and the warnings of opening and reading."""
    dataset = Dataset.import_from(path, fmt, **options)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", DskWarning)
        items = {(i.subset, i.id): i for i in dataset}
    told = [str(w.message) for w in caught]
    return dataset, items, told


def one(tmp_path, row, head=NAMES, **options):
    """Read a dataset of one image with some rows."""
    files = {
        "data.yaml": f"train: images/train\n{head}",
        "images/train/a.png": PNG,
        "labels/train/a.txt": row,
    }
    _, items, told = read(make(tmp_path, files), **options)
    return list(items["train", "a"].annotations), told


FOLDER = {
    "data.yaml": "train: images/train\nnames: {0: cat, 1: dog}",
    "images/train/a.png": PNG,
    "images/train/.DS_Store": "x",
    "images/train/labels.cache": "x",
    "labels/train/a.txt": BOX,
}
