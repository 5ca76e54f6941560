"""YOLO datasets: darknet, and Ultralytics detect, segment, pose, obb and classify."""
