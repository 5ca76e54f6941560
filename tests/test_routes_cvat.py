"""Routes from COCO through CVAT and back, and from CVAT's videos through MOT Challenge and back."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from dsk import Dataset
from dsk.annotations import Annotation, Bbox, Mask, Polygon
from dsk.item import DatasetItem
from dsk.media import Image
from dsk.rle import from_dense

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from dsk.loss import Report

for package in ("dsk_coco", "dsk_cvat", "dsk_tracking"):
    pytest.importorskip(package)

HEIGHT, WIDTH = 40, 60


@pytest.fixture
def through(tmp_path: Path) -> Callable[..., tuple[Dataset, Report]]:
    """Return a function that writes a dataset in a format and reads it again."""
    count = 0

    def made(dataset: Dataset, name: str, **options: Any) -> tuple[Dataset, Report]:
        nonlocal count
        count += 1
        folder = tmp_path / f"{count}-{name}"
        report = dataset.export(folder, name, **options)
        return Dataset.import_from(folder, name), report

    return made


def item(name: str, *annotations: Annotation, **attributes: Any) -> DatasetItem:
    media = Image(path=f"{name}.jpg", source=f"/none/{name}.jpg", size=(HEIGHT, WIDTH))
    return DatasetItem(name, "train", media, list(annotations), attributes)


def blob() -> Mask:
    """Return a mask with a hole that touches two sides of the image."""
    pixels = np.zeros((HEIGHT, WIDTH), bool)
    pixels[:20, 30:] = True
    pixels[5:9, 40:45] = False
    return Mask(from_dense(pixels), label=1)


def facts(dataset: Dataset) -> dict[str, list[Any]]:
    """Return what a route has to keep, by item."""
    found: dict[str, list[Any]] = {}
    names = dataset.categories().names
    for one in dataset:
        assert one.media.size == (HEIGHT, WIDTH)
        found[one.id] = []
        for a in one.annotations:
            shape: Any = None
            if isinstance(a, Mask):
                shape = a.image.tolist()
            elif isinstance(a, Polygon):
                shape = [list(ring) for ring in a.rings]
            elif isinstance(a, Bbox):
                shape = [a.x, a.y, a.w, a.h]
            found[one.id].append((a.kind, names[a.label], shape))
    return found


def told(report: Report) -> set[tuple[str, str]]:
    return {(event.code, event.what) for event in report.events}


def from_coco(through: Any, *annotations: Annotation) -> Dataset:
    items = [item("a", *annotations), item("b")]
    dataset, report = through(Dataset.from_iterable(items, ["car", "cat"]), "coco_instances")
    assert report.losses == []
    return dataset


def test_outlines_and_masks_of_coco(through):
    start = from_coco(
        through,
        Polygon([1.25, 2, 30.5, 2, 30.5, 20.75], label=0),
        blob(),
        Polygon([0.1234567, 1, 5, 1.5, 4, 8, 2, 9], label=1),
    )
    middle, _ = through(start, "cvat", allow_undeclared_attrs=True)
    end, report = through(middle, "coco_instances")
    assert facts(start) == facts(middle) == facts(end)
    assert report.annotations["dropped"] == report.annotations["changed"] == 0


def test_parts_of_one_object(through):
    start = from_coco(through, Polygon([[1, 2, 5, 2, 5, 5], [10, 10, 20, 10, 20, 20]], label=1))
    middle, apart = through(start, "cvat")
    assert ("DSK-L013", "polygon parts") in told(apart)
    assert [len(one.annotations) for one in middle] == [2, 0]
    end, joined = through(middle, "coco_instances")
    assert facts(end) == facts(start)
    assert joined.annotations["merged"] == apart.annotations["split"] == 1


def test_attributes_of_coco(through):
    given = {"age": 3, "hue": "red & <blue>", "sure": True, "occluded": True}
    start = from_coco(through, Polygon([1, 2, 30, 2, 30, 20], label=0, attributes=given))
    kept, _ = through(start, "cvat", allow_undeclared_attrs=True)
    end, _ = through(kept, "coco_instances")
    (polygon,) = end.get("a", "train").annotations
    assert {name: polygon.attributes[name] for name in given} == given
    bare, report = through(start, "cvat")
    (polygon,) = bare.get("a", "train").annotations
    assert polygon.attributes == {"occluded": True}
    lost = {("DSK-L004", f"undeclared attribute {name}") for name in ("age", "hue", "sure")}
    assert lost <= told(report)


def test_crowds_of_coco(through):
    start = from_coco(through, Mask(blob().source, label=0, attributes={"is_crowd": True}))
    middle, _ = through(start, "cvat", allow_undeclared_attrs=True)
    end, _ = through(middle, "coco_instances")
    assert end.get("a", "train").annotations[0].attributes["is_crowd"] is True
    bare, report = through(start, "cvat")
    assert ("DSK-L004", "undeclared attribute is_crowd") in told(report)
    assert facts(bare) == facts(start)


def video() -> Dataset:
    """Return two tracks; one leaves the view and comes back, the other is hidden for a while."""
    items = []
    for frame in range(1, 7):
        boxes: list[Annotation] = []
        if frame != 3:
            boxes.append(Bbox(frame, 2.5, 8, 9, label=0, object_id=4, attributes={"track_id": 4}))
        hidden = {"track_id": 7, "occluded": frame in (2, 3)}
        boxes.append(Bbox(20.25, frame, 5, 6.75, label=1, object_id=7, attributes=hidden))
        items.append(item(f"frame_{frame:06d}", *boxes, frame=frame))
    return Dataset.from_iterable(items, ["car", "cat"])


def tracks(dataset: Dataset) -> dict[tuple[int, int], tuple[Any, ...]]:
    """Return boxes that are in view by frame and track."""
    found = {}
    names = dataset.categories().names
    for number, one in enumerate(sorted(dataset, key=lambda i: i.id), 1):
        for a in one.annotations:
            if isinstance(a, Bbox) and not a.attributes.get("outside"):
                place = (round(a.x, 6), round(a.y, 6), round(a.w, 6), round(a.h, 6))
                occluded = bool(a.attributes.get("occluded"))
                found[number, a.object_id] = (names[a.label or 0], place, occluded)
    return found


def test_videos_of_cvat(through):
    start, _ = through(video(), "cvat", use_track=True)
    assert tracks(start) == tracks(video())
    middle, there = through(start, "mot_seq")
    assert there.annotations["dropped"] == 1  # the box that is outside
    end, back = through(middle, "cvat", use_track=True)
    assert back.annotations["dropped"] == 0
    assert tracks(end) == tracks(start)


def test_mot_says_what_it_cannot_hold(through):
    start, _ = through(video(), "cvat", use_track=True)
    _, report = through(start, "mot_seq")
    assert ("DSK-L017", "outside the view") in told(report)
    lost = {what for code, what in told(report) if code == "DSK-L004"}
    assert "keyframe" in {word for what in lost for word in what.split()}


def test_tracks_as_images(through):
    """Without tracks, CVAT's images say which facts about tracks are gone."""
    bare, report = through(video(), "cvat")
    assert ("DSK-L005", "object_id") in told(report)
    assert any("track_id" in what for _, what in told(report))
    assert [len(one.annotations) for one in bare] == [2, 2, 1, 2, 2, 2]
