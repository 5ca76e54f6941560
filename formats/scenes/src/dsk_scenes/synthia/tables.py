"""The labels of SYNTHIA's editions."""

from __future__ import annotations

from dsk_scenes.shared.colors import Entry

__all__ = ["AL_LABELS", "CITYSCAPES_LABELS", "LABELS", "RAND_LABELS", "SF_LABELS"]

LABELS = [
    Entry("Void", (0, 0, 0)),
    Entry("Sky", (128, 128, 128)),
    Entry("Building", (128, 0, 0)),
    Entry("Road", (128, 64, 128)),
    Entry("Sidewalk", (0, 0, 192)),
    Entry("Fence", (64, 64, 128)),
    Entry("Vegetation", (128, 128, 0)),
    Entry("Pole", (192, 192, 128)),
    Entry("Car", (64, 0, 128)),
    Entry("TrafficSign", (192, 128, 128)),
    Entry("Pedestrian", (64, 64, 0)),
    Entry("Bicycle", (0, 128, 192)),
    Entry("Lanemarking", (0, 172, 0)),
    Entry("Reserved_1", (0, 0, 0)),
    Entry("Reserved_2", (0, 0, 0)),
    Entry("TrafficLight", (0, 128, 128)),
]
"""Labels of the video sequences, by value of GT/LABELS."""

RAND_LABELS = [
    Entry("Void", (0, 0, 0)),
    Entry("Sky", (128, 128, 128)),
    Entry("Building", (128, 0, 0)),
    Entry("Road", (128, 64, 128)),
    Entry("Sidewalk", (0, 0, 192)),
    Entry("Fence", (64, 64, 128)),
    Entry("Vegetation", (128, 128, 0)),
    Entry("Pole", (192, 192, 128)),
    Entry("Car", (64, 0, 128)),
    Entry("Sign", (192, 128, 128)),
    Entry("Pedestrian", (64, 64, 0)),
    Entry("Cyclist", (0, 128, 192)),
    Entry("Lanemarking", (0, 175, 0)),
    Entry("TrafficLight", (0, 128, 128)),
]
"""Labels of SYNTHIA-Rand."""

SF_LABELS = [
    Entry("Void", (0, 0, 0)),
    Entry("Road", (128, 64, 128)),
    Entry("Sidewalk", (244, 35, 232)),
    Entry("Building", (70, 70, 70)),
    Entry("Wall", (102, 102, 156)),
    Entry("Fence", (190, 153, 153)),
    Entry("Pole", (153, 153, 153)),
    Entry("TrafficLight", (250, 170, 30)),
    Entry("TrafficSign", (220, 220, 0)),
    Entry("Vegetation", (107, 142, 35)),
    Entry("Terrian", (152, 251, 152)),
    Entry("Sky", (70, 130, 180)),
    Entry("Person", (220, 20, 60)),
    Entry("Rider", (255, 0, 0)),
    Entry("Car", (0, 0, 142)),
    Entry("Truck", (0, 0, 70)),
    Entry("Bus", (0, 60, 100)),
    Entry("Train", (0, 80, 100)),
    Entry("Motorcycle", (0, 0, 230)),
    Entry("Bicycle", (119, 11, 32)),
    Entry("RoadLines", (157, 234, 50)),
    Entry("Other", (72, 0, 98)),
    Entry("RoadWorks", (167, 106, 29)),
]
"""Labels of SYNTHIA-SF, spelled as Datumaro spells them."""

AL_LABELS = [entry for entry in LABELS if not entry.name.startswith("Reserved")]
"""Labels of SYNTHIA-AL."""

CITYSCAPES_LABELS = [
    Entry("Void", (0, 0, 0)),
    Entry("Sky", (70, 130, 180)),
    Entry("Building", (70, 70, 70)),
    Entry("Road", (128, 64, 128)),
    Entry("Sidewalk", (244, 35, 232)),
    Entry("Fence", (64, 64, 128)),
    Entry("Vegetation", (107, 142, 35)),
    Entry("Pole", (153, 153, 153)),
    Entry("Car", (0, 0, 142)),
    Entry("TrafficSign", (220, 220, 0)),
    Entry("Pedestrian", (220, 20, 60)),
    Entry("Bicycle", (119, 11, 32)),
    Entry("Motorcycle", (0, 0, 230)),
    Entry("ParkingSlot", (250, 170, 160)),
    Entry("RoadWork", (128, 64, 64)),
    Entry("TrafficLight", (250, 170, 30)),
    Entry("Terrain", (152, 251, 152)),
    Entry("Rider", (255, 0, 0)),
    Entry("Truck", (0, 0, 70)),
    Entry("Bus", (0, 60, 100)),
    Entry("Train", (0, 80, 100)),
    Entry("Wall", (102, 102, 156)),
    Entry("Lanemarking", (102, 102, 156)),
]
"""Labels of SYNTHIA-RAND-CITYSCAPES, by value of GT/LABELS."""
