"""What all transforms of labels share, by the suite of dsk."""

from __future__ import annotations

from typing import ClassVar

from dsk.testing.transforms import TransformSuite


class TestRemapLabels(TransformSuite):
    name = "remap_labels"
    options: ClassVar = {"mapping": {"cat": "pet", "dog": "pet"}}


class TestDeleteLabels(TransformSuite):
    name = "remap_labels"
    options: ClassVar = {"mapping": {"person": "cat"}, "default": "delete", "unlabelled": "delete"}


class TestProjectLabels(TransformSuite):
    name = "project_labels"
    options: ClassVar = {"labels": ["tree", "person", "cat"]}


class TestRemoveItems(TransformSuite):
    name = "remove_items"
    options: ClassVar = {"ids": ["a:train", "dir/c_val:val"]}


class TestRemoveAnnotations(TransformSuite):
    name = "remove_annotations"
    options: ClassVar = {"ids": ["a:train", "b:train:102"]}


class TestRemoveAllAnnotations(TransformSuite):
    name = "remove_annotations"


class TestRemoveAttributes(TransformSuite):
    name = "remove_attributes"
    options: ClassVar = {"attributes": ["score", "weather"]}


class TestRemoveAllAttributes(TransformSuite):
    name = "remove_attributes"
    options: ClassVar = {"ids": ["a:train"], "scope": "annotations"}


class TestRenameAttributes(TransformSuite):
    name = "rename_attributes"
    options: ClassVar = {"mapping": {"score": "rating", "checked": "count", "weather": "sky"}}
