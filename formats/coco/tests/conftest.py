"""Small COCO datasets to try things on."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

SQUARE = [1.0, 1.0, 5.0, 1.0, 5.0, 5.0, 1.0, 5.0]


def image(number: Any, name: str, /, **more: Any) -> dict[str, Any]:
    return {"id": number, "file_name": name, "width": 20, "height": 10, **more}


def obj(number: Any, image: Any, /, **more: Any) -> dict[str, Any]:
    return {
        "id": number,
        "image_id": image,
        "category_id": 3,
        "segmentation": [SQUARE],
        "area": 16.0,
        "bbox": [1, 1, 4, 4],
        "iscrowd": 0,
        **more,
    }


def document(
    images: list[Any], annotations: list[Any] | None = None, **more: Any
) -> dict[str, Any]:
    made: dict[str, Any] = {
        "images": images,
        "categories": [
            {"id": 3, "name": "cat", "supercategory": "animal"},
            {"id": 7, "name": "dog"},
        ],
    }
    if annotations is not None:
        made["annotations"] = annotations
    return {**made, **more}


class Folder:
    """A dataset folder under construction."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def put(self, name: str, content: Any) -> Path:
        target = self.path / name
        target.parent.mkdir(parents=True, exist_ok=True)
        if isinstance(content, bytes):
            target.write_bytes(content)
        else:
            text = content if isinstance(content, str) else json.dumps(content)
            target.write_text(text, encoding="utf-8")
        return target

    def load(self, name: str) -> Any:
        return json.loads((self.path / name).read_text(encoding="utf-8"))


class Make:
    """Makers of records."""

    square = SQUARE
    image = staticmethod(image)
    obj = staticmethod(obj)
    document = staticmethod(document)


@pytest.fixture
def make() -> type[Make]:
    return Make


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    return Folder(tmp_path / "data")


@pytest.fixture
def out(tmp_path: Path) -> Folder:
    return Folder(tmp_path / "out")
