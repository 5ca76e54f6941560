"""The labels of Cityscapes (mcordts/cityscapesScripts, helpers/labels.py)."""

from __future__ import annotations

from dsk_scenes.shared.colors import Entry

__all__ = ["INSTANCES", "LABELS", "LICENSE_PLATE", "TRAIN_IDS", "TRAIN_LABELS", "VOID_TRAIN_ID"]

VOID_TRAIN_ID = 255

_TABLE = (
    # name, id in training, red, green, blue
    ("unlabeled", 255, (0, 0, 0)),
    ("egovehicle", 255, (0, 0, 0)),
    ("rectificationborder", 255, (0, 0, 0)),
    ("outofroi", 255, (0, 0, 0)),
    ("static", 255, (0, 0, 0)),
    ("dynamic", 255, (111, 74, 0)),
    ("ground", 255, (81, 0, 81)),
    ("road", 0, (128, 64, 128)),
    ("sidewalk", 1, (244, 35, 232)),
    ("parking", 255, (250, 170, 160)),
    ("railtrack", 255, (230, 150, 140)),
    ("building", 2, (70, 70, 70)),
    ("wall", 3, (102, 102, 156)),
    ("fence", 4, (190, 153, 153)),
    ("guardrail", 255, (180, 165, 180)),
    ("bridge", 255, (150, 100, 100)),
    ("tunnel", 255, (150, 120, 90)),
    ("pole", 5, (153, 153, 153)),
    ("polegroup", 255, (153, 153, 153)),
    ("trafficlight", 6, (250, 170, 30)),
    ("trafficsign", 7, (220, 220, 0)),
    ("vegetation", 8, (107, 142, 35)),
    ("terrain", 9, (152, 251, 152)),
    ("sky", 10, (70, 130, 180)),
    ("person", 11, (220, 20, 60)),
    ("rider", 12, (255, 0, 0)),
    ("car", 13, (0, 0, 142)),
    ("truck", 14, (0, 0, 70)),
    ("bus", 15, (0, 60, 100)),
    ("caravan", 255, (0, 0, 90)),
    ("trailer", 255, (0, 0, 110)),
    ("train", 16, (0, 80, 100)),
    ("motorcycle", 17, (0, 0, 230)),
    ("bicycle", 18, (119, 11, 32)),
    ("licenseplate", 255, (0, 0, 142)),
)

LABELS = [Entry(name, color) for name, _, color in _TABLE]
"""Labels by id, named as Datumaro names them; the license plate, -1 there, comes last."""

LICENSE_PLATE = len(LABELS) - 1
"""Index of the label whose official id, -1, no map can hold."""

TRAIN_IDS = [number for _, number, _ in _TABLE]
"""Ids in training by id; 255 is ignored there."""

TRAIN_LABELS = [
    *(
        Entry(name, color)
        for name, number, color in sorted(_TABLE, key=lambda row: row[1])
        if number != VOID_TRAIN_ID
    ),
    Entry("background", (0, 0, 0)),
]
"""Labels by id in training; Datumaro adds a background behind them."""

INSTANCES = frozenset(range(24, 34))
"""Ids of labels whose objects are told apart."""
