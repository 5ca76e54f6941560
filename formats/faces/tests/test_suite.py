"""What every format must be able to do, for each name of this package."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, ClassVar

from msgspec.structs import replace

from dsk import Dataset
from dsk.annotations import Bbox, Label, Points
from dsk.testing import FormatSuite

if TYPE_CHECKING:
    from pathlib import Path

    from dsk.annotations import Annotation
    from dsk.item import DatasetItem

FIVE = (3.5, 4.0, 9.25, 4.0, 6.0, 7.5, 4.0, 10.0, 9.0, 10.25)


class TestWiderFace(FormatSuite):
    format = "wider_face"
    attributes: ClassVar = {"blur": "1", "invalid": "0", "occluded": "2", "pose": True}
    unheld_labels = frozenset({"punctuation"})  # "a/b" is no folder's name

    def prepare(self, dataset: Dataset) -> Dataset:
        """One label per item, and labels have no attributes."""
        kinds = {type(a) for item in dataset for a in item.annotations}
        if not kinds <= {Bbox, Label}:
            return dataset

        def plain(item: DatasetItem) -> DatasetItem:
            boxes = [a for a in item.annotations if isinstance(a, Bbox)]
            labels = [a for a in item.annotations if isinstance(a, Label)][:1]
            return item.replace(annotations=[*(replace(a, attributes={}) for a in labels), *boxes])

        return dataset.transform(plain)


class _Landmarks(FormatSuite):
    """Landmarks are five; an image has one label."""

    __test__ = False

    added_item_attributes = ()

    def prepare(self, dataset: Dataset) -> Dataset:
        kinds = {type(a) for item in dataset for a in item.annotations}
        return dataset.transform(self.fit) if kinds <= {Bbox, Label, Points} else dataset

    def fit(self, item: DatasetItem) -> DatasetItem:
        first: dict[type, Annotation] = {}
        for a in item.annotations:
            first.setdefault(type(a), a)
        label = next(iter(first.values())).label if first else None
        found = [replace(a, label=label) for a in self.kept(first)]
        fitted = [
            replace(a, points=FIVE, visibility=(2,) * 5) if isinstance(a, Points) else a
            for a in found
        ]
        return item.replace(annotations=fitted)

    def kept(self, first: dict[type, Annotation]) -> list[Annotation]:
        return list(first.values())


class TestVggFace2(_Landmarks):
    """Ids begin with the folder of a label as it can be named; landmarks stand for the label."""

    __test__ = True

    format = "vgg_face2"
    unheld_labels = frozenset({"punctuation"})  # "a/b" is no folder's name

    def kept(self, first: dict[type, Annotation]) -> list[Annotation]:
        return [a for kind, a in first.items() if kind is not Label or Points not in first]

    def expected(self, dataset: Dataset) -> Dataset:
        given = dataset.categories().names
        names = [re.sub(r"[/\\\n]|^\.\.$|(?<=^C):", "_", name).strip() or "_" for name in given]

        def named(item: DatasetItem) -> DatasetItem:
            order = (Label, Points, Bbox)
            first = {
                kind: a for a in reversed(item.annotations) for kind in order if type(a) is kind
            }
            labels = [first[k].label for k in order if k in first and first[k].label is not None]
            folder = names[labels[0]] if labels else "no_label"
            return item.replace(id=f"{folder}/{item.id}")

        return Dataset.from_iterable([named(item) for item in dataset], dataset.categories())


class TestLfw(_Landmarks):
    """Pairs are attributes of labels; see test_tables.py."""

    __test__ = True

    format = "lfw"
    attributes: ClassVar = {}


class TestCeleba(FormatSuite):
    format = "celeba"
    landmarks = "list_landmarks_celeba"

    def make(self, folder: Path) -> None:
        five = " ".join(f"{n}" for n in range(10))
        for name, text in {
            "Anno/identity_CelebA": "000001.jpg 2\n000002.jpg 0\n",
            "Anno/list_attr_celeba": "2\nBald Young\n000001.jpg -1  1\n000002.jpg  1  1\n",
            f"Anno/{self.landmarks}": f"1\n{'p ' * 10}\n000002.jpg {five}\n",
            "Anno/list_bbox_celeba": "1\nimage_id x_1 y_1 width height\n000001.jpg 1 2 3 4\n",
            "Eval/list_eval_partition": "000001.jpg 2\n000002.jpg 0\n",
        }.items():
            path = folder / f"{name}.txt"
            path.parent.mkdir(exist_ok=True)
            path.write_text(text)


class TestAlignCeleba(TestCeleba):
    format = "align_celeba"
    landmarks = "list_landmarks_align_celeba"
