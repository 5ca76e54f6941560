"""The tasks of Pascal VOC, what each reads and writes, and the names of files and folders."""

from __future__ import annotations

__all__ = [
    "ACTION",
    "ANNOTATIONS",
    "BUILTIN",
    "CLASSIFICATION",
    "CLASS_MASKS",
    "DETECTION",
    "FORMATS",
    "IMAGES",
    "LABEL_MAP",
    "LAYOUT",
    "LISTS",
    "OBJECT_MASKS",
    "SEGMENTATION",
    "SETS",
    "TASKS",
    "list_folders",
]

CLASSIFICATION = "classification"
DETECTION = "detection"
SEGMENTATION = "segmentation"
ACTION = "action_classification"
LAYOUT = "person_layout"

TASKS = (CLASSIFICATION, DETECTION, SEGMENTATION, ACTION, LAYOUT)
"""All tasks, by Datumaro's names."""

FORMATS: dict[str, frozenset[str]] = {
    "voc": frozenset(TASKS),
    "voc_classification": frozenset({CLASSIFICATION}),
    "voc_detection": frozenset({DETECTION}),
    "voc_segmentation": frozenset({SEGMENTATION}),
    "voc_instance_segmentation": frozenset({DETECTION, SEGMENTATION}),
    "voc_layout": frozenset({LAYOUT}),
    "voc_action": frozenset({ACTION}),
}
"""The tasks of each format name."""

SETS = "ImageSets"
IMAGES = "JPEGImages"
ANNOTATIONS = "Annotations"
CLASS_MASKS = "SegmentationClass"
OBJECT_MASKS = "SegmentationObject"
LABEL_MAP = "labelmap.txt"

LISTS: dict[str, str] = {
    CLASSIFICATION: "Main",
    DETECTION: "Main",
    SEGMENTATION: "Segmentation",
    LAYOUT: "Layout",
    ACTION: "Action",
}
"""The folder below ``ImageSets`` that lists the images of a task."""

BUILTIN = ("difficult", "truncated", "occluded")
"""Flags that every object has."""


def list_folders(tasks: frozenset[str]) -> list[str]:
    """Return the list folders of some tasks, in the order in which they are read.

    Boxes with masks (instance segmentation) are listed with the masks.
    """
    if tasks == FORMATS["voc_instance_segmentation"]:
        return ["Segmentation"]
    return [f for f in dict.fromkeys(LISTS.values()) if any(LISTS[t] == f for t in tasks)]
