"""SA-1B's files: what is read, what is written, what is reported."""

from __future__ import annotations

import json

import numpy as np
import pytest

from dsk import Dataset
from dsk.annotations import Bbox, Mask, Polygon, Rle
from dsk.errors import DskWarning, OutputError, RecordError
from dsk.item import DatasetItem
from dsk.media import Image
from dsk.rle import from_dense

DENSE = np.zeros((4, 6), bool)
DENSE[1:3, 2:5] = True
RLE = from_dense(DENSE)


def annotation(**more):
    counts = RLE.counts.decode() if isinstance(RLE.counts, bytes) else RLE.counts
    return {
        "id": 5,
        "segmentation": {"size": [4, 6], "counts": counts},
        "bbox": [2, 1, 3, 2],
        "area": 6,
        "predicted_iou": 0.9,
        "stability_score": 0.8,
        "point_coords": [[3.5, 1.5]],
        "crop_box": [0, 0, 6, 4],
        **more,
    }


def put(root, *annotations, name="sa_1", **image):
    info = {"image_id": 1, "width": 6, "height": 4, "file_name": f"{name.rpartition('/')[2]}.jpg"}
    file = root / f"{name}.json"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps({"image": info | image, "annotations": annotations}))


def read(root, **options):
    return Dataset.import_from(root, "segment_anything", **options)


def test_masks(tmp_path):
    put(tmp_path, annotation())
    (item,) = read(tmp_path)
    assert (item.id, item.subset, item.attributes) == ("sa_1", "default", {"id": 1})
    (a,) = item.annotations
    assert isinstance(a, Mask)
    assert (a.id, a.label, a.bbox, a.area) == (5, None, (2, 1, 3, 2), 6)
    assert a.attributes["point_coords"] == [[3.5, 1.5]]
    assert (a.image == DENSE).all()


def test_whole_numbers_may_be_written_as_floats(tmp_path):
    put(tmp_path, annotation(id=5.0), width=6.0, image_id="007")
    (item,) = read(tmp_path)
    assert item.media.size == (4, 6)
    assert item.attributes == {"id": "007"}
    assert item.annotations[0].id == 5


def test_further_fields_come_back(tmp_path):
    put(tmp_path / "in", annotation(caption="a dog", tags=[1, {"x": None}]), license=3)
    file = tmp_path / "in/sa_1.json"
    file.write_text(json.dumps(json.loads(file.read_text()) | {"info": {"version": "1.0"}}))
    dataset = read(tmp_path / "in")
    (item,) = dataset
    assert item.extra == {
        "segment_anything": {"image": {"license": 3}, "file": {"info": {"version": "1.0"}}}
    }
    assert item.annotations[0].extra == {
        "segment_anything": {"caption": "a dog", "tags": [1, {"x": None}]}
    }
    assert not dataset.export(tmp_path / "out", "segment_anything").losses
    assert json.loads((tmp_path / "out/sa_1.json").read_text()) == json.loads(file.read_text())


def test_folders(tmp_path):
    put(tmp_path, name="sa_000000/sa_1")
    assert [i.id for i in read(tmp_path)] == ["sa_1"]
    put(tmp_path, name="sa_000001/sa_1")
    assert [i.id for i in read(tmp_path)] == ["sa_000000/sa_1", "sa_000001/sa_1"]


def test_images_in_a_folder_of_their_own(tmp_path):
    put(tmp_path, annotation(), name="annotations/sa_1")
    (tmp_path / "images").mkdir()
    (tmp_path / "images/sa_1.jpg").write_bytes(b"x")
    (item,) = read(tmp_path)
    assert (item.id, item.media.path, item.media.exists) == ("sa_1", "sa_1.jpg", True)


@pytest.mark.parametrize(
    ("bad", "message"),
    [
        (annotation(bbox=[1, 2]), "2 numbers"),
        (annotation(segmentation=[[1, 2]]), "Expected"),
        (annotation(id="x"), "Expected"),
    ],
)
def test_bad_annotations(tmp_path, bad, message):
    put(tmp_path, annotation(), bad)
    with pytest.raises(RecordError, match=message):
        list(read(tmp_path))
    (item,) = read(tmp_path, on_error="skip")
    assert len(item.annotations) == 1


@pytest.mark.parametrize("name", ["../a.jpg", "/a.jpg", ""])
def test_names_that_lead_out(tmp_path, name):
    put(tmp_path, file_name=name)
    with pytest.raises(RecordError):
        list(read(tmp_path))


def write(tmp_path, *items, **options):
    dataset = Dataset.from_iterable(items, categories=[])
    return dataset.export(tmp_path / "out", "segment_anything", **options)


def test_what_is_written(tmp_path):
    image = Image(path="a.jpg", size=(4, 6))
    masks = [Mask(RLE, id=3, group=1), Bbox(1, 1, 4, 3, group=1), Bbox(0, 0, 1, 1), Mask(RLE, id=3)]
    report = write(tmp_path, DatasetItem("a", media=image, annotations=masks))
    assert sorted((e.code, e.count) for e in report.events) == [
        ("DSK-L005", 2),
        ("DSK-L014", 1),
        ("DSK-L015", 1),
        ("DSK-L017", 1),
    ]
    content = json.loads((tmp_path / "out/a.json").read_text())
    assert set(content["image"]) == {"image_id", "file_name", "height", "width"}
    first, second = content["annotations"]
    assert (first["id"], first["bbox"], first["area"]) == (3, [1, 1, 4, 3], 6)
    assert (second["id"], second["bbox"]) == (4, [2, 1, 3, 2])


def test_masks_of_another_size_than_the_image(tmp_path):
    """As in Datumaro's own sample, where height and width are exchanged."""
    put(tmp_path, annotation(segmentation={"size": [6, 4], "counts": [20, 4]}), annotation())
    with pytest.warns(DskWarning, match="another size"):
        (item,) = read(tmp_path)
    assert [a.rle.size for a in item.annotations] == [(6, 4), (4, 6)]
    assert item.media.size == (4, 6)


def test_outlines_become_masks(tmp_path):
    image = Image(path="a.jpg", size=(4, 6))
    ring = Polygon([2, 1, 5, 1, 5, 3, 2, 3])
    write(tmp_path, DatasetItem("a", media=image, annotations=[ring]))
    (item,) = read(tmp_path / "out")
    assert (item.annotations[0].image == DENSE).all()


def test_equal_ids(tmp_path):
    with pytest.raises(OutputError, match="knows no subsets"):
        write(tmp_path, DatasetItem("a", "x"), DatasetItem("a", "y"))


def test_detection(tmp_path):
    put(tmp_path, annotation())
    assert Dataset.import_from(tmp_path).format == "segment_anything"


@pytest.mark.parametrize("counts", ["", "5", "a", "\x7f", "oooooooooooo1"])
def test_one_damaged_mask_among_others(tmp_path, counts):
    """Run lengths are checked together; one that is damaged does not take the others along."""
    good = from_dense(np.eye(4, 5, dtype=bool))
    bad = Mask(Rle((4, 5), counts), (0, 0, 1, 1), 1)
    media = Image(path="a.jpg", source="a.jpg", size=(4, 5))
    report = write(tmp_path, DatasetItem("a", annotations=[Mask(good), bad], media=media))
    (made,) = json.loads((tmp_path / "out/a.json").read_text())["annotations"]
    assert made["segmentation"]["counts"].encode() == good.counts
    assert report.annotations["dropped"] == 1
