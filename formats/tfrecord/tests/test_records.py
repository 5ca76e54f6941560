"""Frames, Examples and label maps, against published values and the protobuf library."""

from __future__ import annotations

import gzip
import io
import weakref
import zlib
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from google.protobuf import descriptor_pb2, descriptor_pool, message_factory
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image as PilImage

from dsk import Dataset
from dsk.annotations import Bbox, Mask, Rle
from dsk.errors import DskWarning, InputError, RecordError
from dsk.files import DirectoryRoot
from dsk.item import DatasetItem
from dsk.media import Image
from dsk_tfrecord.example import decode, encode, skim
from dsk_tfrecord.framing import frame, masked_crc
from dsk_tfrecord.labelmap import Entry, label_map_text, parse_label_map
from dsk_tfrecord.layout import subset_of

if TYPE_CHECKING:
    from pathlib import Path

PATIENT = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
"""No test depends on how busy the machine is."""

WORKED = bytes.fromhex(
    "3d000000000000006049f1ec0a3b0a150a0c696d6167652f68656967687412051a030a01020a220a16696d616765"
    "2f6f626a6563742f62626f782f786d696e120812060a040000003fe12c2afb"
)


def test_checksums_of_the_specification() -> None:
    assert masked_crc(b"") == 0xA282EAD8
    assert masked_crc(bytes(8)) == 0x07980329


def test_the_worked_record() -> None:
    features = {"image/object/bbox/xmin": [0.5], "image/height": [2]}
    assert frame(encode(features)) == WORKED
    assert decode(WORKED[12:-4]) == features


def oracle() -> Any:
    """Return tf.train.Example as the protobuf library makes it of its published schema."""
    kind = descriptor_pb2.FieldDescriptorProto
    file = descriptor_pb2.FileDescriptorProto(name="e.proto", package="t", syntax="proto3")
    for name, number in (("B", kind.TYPE_BYTES), ("F", kind.TYPE_FLOAT), ("I", kind.TYPE_INT64)):
        message = file.message_type.add(name=name)
        message.field.add(name="value", number=1, type=number, label=kind.LABEL_REPEATED)

    def add(message: Any, name: str, number: int, target: str, label: int = 1, **more: int) -> None:
        message.field.add(
            name=name, number=number, type=11, type_name=f".t.{target}", label=label, **more
        )

    feature = file.message_type.add(name="Feature")
    feature.oneof_decl.add(name="kind")
    for number, name in enumerate("BFI", 1):
        add(feature, name.lower(), number, name, oneof_index=0)
    features = file.message_type.add(name="Features")
    entry = features.nested_type.add(name="FeatureEntry")
    entry.options.map_entry = True
    entry.field.add(name="key", number=1, type=kind.TYPE_STRING, label=1)
    add(entry, "value", 2, "Feature")
    add(features, "feature", 1, "Features.FeatureEntry", label=3)
    add(file.message_type.add(name="Example"), "features", 1, "Features")
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    return message_factory.GetMessageClass(pool.FindMessageTypeByName("t.Example"))


EXAMPLE = oracle()
LISTS = st.one_of(
    st.lists(st.binary(max_size=300), min_size=1),
    st.lists(st.floats(width=32, allow_nan=False), min_size=1),
    st.lists(st.integers(-(2**63), 2**63 - 1), min_size=1),
)


@PATIENT
@given(st.dictionaries(st.text(max_size=20), LISTS, max_size=6))
def test_examples_agree_with_the_protobuf_library(features: dict[str, Any]) -> None:
    message = EXAMPLE.FromString(encode(features))
    found = {
        name: list(getattr(value, value.WhichOneof("kind")).value)
        for name, value in message.features.feature.items()
    }
    assert found == features
    assert decode(message.SerializeToString()) == features


@PATIENT
@given(st.binary(max_size=80))
def test_any_bytes_are_read_or_refused(data: bytes) -> None:
    try:
        decode(data)
        skim(memoryview(data), ("a",))
    except ValueError:
        with pytest.raises(ValueError, match=r".+"):
            decode(data)


def test_unpacked_lists() -> None:
    value = b"\x12\x0a\x0d\x00\x00\x00\x3f\x0d\x00\x00\x80\x3f"
    entry = b"\x0a\x01a\x12\x0c" + value
    data = b"\x0a" + bytes([len(entry) + 2]) + b"\x0a" + bytes([len(entry)]) + entry
    assert decode(data) == {"a": [0.5, 1.0]}


def test_label_maps_in_any_style() -> None:
    text = """
    # a comment
    item { name:"/m/01" display_name: 'C\\'t' id: 7, keypoints { id: 3 label: "x" } }
    item: < id: 2; name: 'a' "b\\303\\244" >
    """
    assert parse_label_map(text, "f") == [Entry(2, "abä"), Entry(7, "/m/01", "C't")]


@PATIENT
@given(st.lists(st.text(st.characters(codec="utf-8"), min_size=1), unique=True))
def test_label_maps_come_back(names: list[str]) -> None:
    entries = [Entry(n, name) for n, name in enumerate(names, 1)]
    assert parse_label_map(label_map_text(entries).decode(), "f") == entries


@pytest.mark.parametrize("text", ["item { id: 1", "item { name: 'x' }", "thing { id: 1 }", "}"])
def test_damaged_label_maps(text: str) -> None:
    with pytest.raises(InputError):
        parse_label_map(text, "f")


@pytest.mark.parametrize(
    ("name", "subset"),
    [
        ("train.tfrecord", "train"),
        ("coco_val.record-00003-of-00010", "coco_val"),
        ("test-00000-of-00002.tfrecord", "test"),
        ("valid/Things.tfrecord", "valid"),
        ("annotations/default.tfrecord", "default"),
        ("train/train.record", "train"),
        ("data/a.tfrecord.gz", "a"),
    ],
)
def test_subsets_of_names(name: str, subset: str) -> None:
    assert subset_of(name) == subset


@pytest.mark.parametrize(
    ("names", "subsets"),
    [
        (["voc_train_000", "voc_train_001", "voc_val_000"], ["voc_train", "voc_val_000"]),
        (["a-00001", "a-00002", "a-00003"], ["a"]),
        (["train/x_000", "train/x_001", "y/x_000"], ["train", "x_000"]),
        (["y/x_000", "z/x_001"], ["x_000", "x_001"]),
        (["coco_2014", "coco_2017"], ["coco_2014", "coco_2017"]),
        (["a_000", "a_002"], ["a_000", "a_002"]),
        (["fold_0", "fold_1"], ["fold_0", "fold_1"]),
        (["0000", "0001"], ["0000", "0001"]),
        (["a_000", "a_0001"], ["a_000", "a_0001"]),
        (["a-00000-of-00002", "a-00001-of-00002"], ["a"]),
    ],
)
def test_files_that_count_up_are_one_subset(
    tmp_path: Path, names: list[str], subsets: list[str]
) -> None:
    for number, name in enumerate(names):
        file = tmp_path / f"{name}.tfrecord"
        file.parent.mkdir(exist_ok=True)
        file.write_bytes(record(f"{number}.png"))
    dataset = Dataset.import_from(tmp_path, "tf_detection_api")
    assert sorted(dataset.subsets()) == subsets
    assert len(list(dataset)) == len(names)


def test_subsets_that_count_up_are_told(tmp_path: Path) -> None:
    items = [DatasetItem("x", subset) for subset in ("seq_000", "seq_001", "val")]
    report = Dataset.from_iterable(items, ["a"]).export(tmp_path / "out", "tf_detection_api")
    told = {event["code"]: event["count"] for event in report.to_dict()["events"]}
    assert told == {"DSK-L012": 2}
    assert {i.subset for i in Dataset.import_from(tmp_path / "out")} == {"seq", "val"}


def image(width: int = 8, height: int = 4) -> bytes:
    buffer = io.BytesIO()
    PilImage.new("RGB", (width, height), (9, 8, 7)).save(buffer, "PNG")
    return buffer.getvalue()


def record(name: str = "a.png", **changes: list[Any] | None) -> bytes:
    features: dict[str, Any] = {
        "image/filename": [name.encode()],
        "image/source_id": [b"7"],
        "image/height": [4],
        "image/width": [8],
        "image/encoded": [image()],
        "image/format": [b"png"],
        "image/object/bbox/xmin": [0.25],
        "image/object/bbox/xmax": [0.75],
        "image/object/bbox/ymin": [0.0],
        "image/object/bbox/ymax": [0.5],
        "image/object/class/text": [b"cat"],
        "image/object/class/label": [5],
    }
    for key, value in changes.items():
        full = {"text": "class/text", "label": "class/label"}.get(key)
        full = key if key in ("mask", "mask/weight", "difficult") else full
        full = f"image/object/{full}" if full else f"image/object/bbox/{key}"
        images = ("height", "width", "filename", "encoded", "source_id")
        full = f"image/{key}" if key in images else full
        if value is None:
            features.pop(full, None)
        else:
            features[full] = value
    return frame(encode(features))


def read(path: Path, data: bytes, **options: Any) -> Dataset:
    path.mkdir(exist_ok=True)
    (path / "train.tfrecord").write_bytes(data)
    return Dataset.import_from(path, "tf_detection_api", **options)


def test_ids_with_gaps(tmp_path: Path) -> None:
    (tmp_path / "label_map.pbtxt").write_text(
        "item { id: 9 name: 'dog' }\nitem { id: 5 name: 'cat' }\n"
    )
    data = record() + record("b.png", text=[b""], label=[9]) + record("c.png", text=None, label=[0])
    data += record("d.png", text=[b"cow"], label=[7])
    dataset = read(tmp_path, data)
    assert dataset.categories().names == ["cat", "cow", "dog"]
    assert [item.annotations[0].label for item in dataset] == [0, 2, None, 1]


def test_texts_decide_where_numbers_are_of_other_labels(tmp_path: Path) -> None:
    data = record(label=[1]) + record("b.png", text=[b"dog"], label=[1])
    data += record("c.png", text=[b""], label=[2]) + record("d.png", text=[b"cow"], label=[2])
    dataset = read(tmp_path, data)
    assert dataset.categories().names == ["cat", "cow", "dog"]
    assert [item.annotations[0].label for item in dataset] == [0, 2, 1, 1]
    assert not dataset.opening_ledger.warnings
    (tmp_path / "label_map.pbtxt").write_text("item { id: 1 name: 'kitten' }")
    dataset = read(tmp_path, data)
    assert dataset.categories().names == ["kitten", "cow", "cat", "dog"]
    assert [item.annotations[0].label for item in dataset] == [2, 3, 1, 1]
    (warning,) = dataset.opening_ledger.warnings
    assert "'cow', 'cat', 'dog'" in warning


def test_boxes_and_media(tmp_path: Path) -> None:
    (item,) = read(tmp_path, record())
    assert (item.id, item.subset, item.attributes) == ("a", "train", {"source_id": "7"})
    assert item.annotations == [Bbox(2.0, 0.0, 4.0, 2.0, label=0)]
    assert isinstance(item.media, Image)
    assert item.media.data.shape == (4, 8, 3)


def test_missing_keys(tmp_path: Path) -> None:
    (item,) = read(tmp_path, record(height=None, width=None, filename=None))
    assert item.id == "7"
    assert item.annotations[0].bbox == (2.0, 0.0, 4.0, 2.0)
    assert item.media is not None
    assert item.media.path == "7.png"


def test_records_without_names_in_several_shards(tmp_path: Path) -> None:
    nameless = {"filename": None, "source_id": None}
    for number in range(2):
        data = record(**nameless) + record(**nameless)
        (tmp_path / f"train-0000{number}-of-00002.tfrecord").write_bytes(data)
    (tmp_path / "val.tfrecord").write_bytes(record(**nameless))
    items = list(Dataset.import_from(tmp_path, "tf_detection_api"))
    ids = [(item.subset, item.id) for item in items]
    assert ids == [("train", f"00000{n}") for n in range(4)] + [("val", "000000")]
    assert items[2].media is not None
    assert items[2].media.path == "000002.png"


def test_names_that_occur_again(tmp_path: Path) -> None:
    names = ["a.png", "a_2.png", "a.jpg", "/x/a.png", "a.png", "b.png"]
    dataset = read(tmp_path, b"".join(map(record, names)))
    (tmp_path / "val.tfrecord").write_bytes(record("a.png"))
    assert [item.id for item in dataset] == ["a", "a_2", "a_3", "a_5", "a_4", "b"]
    assert [item.media.path for item in dataset][2:5] == ["a_3.jpg", "a_5.png", "a_4.png"]
    assert any("2 records have the name of another" in w for w in dataset.opening_ledger.warnings)


@pytest.mark.parametrize(
    ("name", "source", "item_id", "path"),
    [
        ("clip.mp4#t=1.5", b"7", "clip.mp4#t=1.5", "clip.mp4#t=1.5.png"),
        ("a", b"7", "a", "a.png"),
        ("a.JPG", b"7", "a", "a.JPG"),
        ("", b"/data/x.jpg", "x", "x.png"),
        ("", 17, "17", "17.png"),
    ],
)
def test_odd_names(tmp_path: Path, name: str, source: Any, item_id: str, path: str) -> None:
    (item,) = read(tmp_path, record(name, source_id=[source]))
    assert item.id == item_id
    assert item.media is not None
    assert item.media.path == path


def test_a_file_for_each_image(tmp_path: Path) -> None:
    """As VoTT writes them; their numbers start at 0, but texts count."""
    folder = tmp_path / "my-TFRecords-export"
    (folder / "eval").mkdir(parents=True)
    (folder / "tf_label_map.pbtxt").write_text("item {\n id: 1\n name: 'cat'\n}\n")
    for place in ("car_1", "car_002", "clip.mp4#t=1.5", "eval/x", "eval/y"):
        data = record(f"{place.rpartition('/')[2]}.jpg", label=[0])
        (folder / f"{place}.tfrecord").write_bytes(data)
    dataset = Dataset.import_from(tmp_path)
    assert dataset.format == "tf_detection_api"
    assert sorted((item.subset, item.id) for item in dataset) == [
        ("default", "car_002"),
        ("default", "car_1"),
        ("default", "clip.mp4#t=1.5"),
        ("eval", "x"),
        ("eval", "y"),
    ]
    assert dataset.categories().names == ["cat"]
    (folder / "car_1.tfrecord").write_bytes(record("car_1.jpg") + record("b.jpg"))
    subsets = Dataset.import_from(tmp_path, "tf_detection_api").subsets()
    assert sorted(subsets) == ["car_002", "car_1", "clip.mp4#t=1.5", "eval"]


def test_subsets_that_are_called_like_their_items_are_told(tmp_path: Path) -> None:
    items = [DatasetItem(name, name) for name in ("x", "y")]
    report = Dataset.from_iterable(items, ["a"]).export(tmp_path / "out", "tf_detection_api")
    told = {event["code"]: event["count"] for event in report.to_dict()["events"]}
    assert told == {"DSK-L012": 2}
    assert {i.subset for i in Dataset.import_from(tmp_path / "out")} == {"default"}


def test_few_files_are_open_at_a_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Datasets have more shards than a process may open files."""
    views = []
    buffer = DirectoryRoot.buffer

    def watched(root: DirectoryRoot, name: str) -> memoryview:
        view = buffer(root, name)
        views.append(weakref.ref(view))
        return view

    monkeypatch.setattr(DirectoryRoot, "buffer", watched)
    monkeypatch.setattr("dsk_tfrecord.importer._HELD", 3)
    for number in range(9):
        name = f"train.record-{number:05d}-of-00009"
        (tmp_path / name).write_bytes(record(f"{number}.png"))
    dataset = Dataset.import_from(tmp_path, "tf_detection_api")
    assert [item.id for item in dataset] == [str(n) for n in range(9)]
    assert sum(view() is not None for view in views) <= 3


def test_paths_out_of_the_dataset_are_names(tmp_path: Path) -> None:
    names = [
        "/home/me/a.jpg",
        "b.jpg",
        "C:\\data\\a.jpg",
        "../b.jpg",
        "/x/a.jpg",
        "a_2.jpg",
        "d/a.jpg",
    ]
    dataset = read(tmp_path, b"".join(map(record, names)))
    found = list(dataset)
    assert [item.id for item in found] == ["a", "b", "a_3", "b_2", "a_4", "a_2", "d/a"]
    assert all(item.media is not None and item.media.path == f"{item.id}.jpg" for item in found)
    (warning,) = dataset.opening_ledger.warnings
    assert "4 records" in warning
    assert "'/home/me/a.jpg'" in warning


def test_boxes_that_reach_out_are_clipped_with_a_warning(tmp_path: Path) -> None:
    dataset = read(tmp_path, record(xmin=[-0.25]) + record("b.png", xmin=[-1e-7]))
    with pytest.warns(DskWarning, match="reaches out") as caught:
        first, second = dataset
    assert first.annotations[0].bbox == second.annotations[0].bbox == (0.0, 0.0, 6.0, 2.0)
    assert len(caught) == 1


def masks_png(pixels: Any) -> bytes:
    buffer = io.BytesIO()
    PilImage.fromarray(np.array(pixels, np.uint8)).save(buffer, "PNG")
    return buffer.getvalue()


def test_masks_as_png_or_numbers(tmp_path: Path) -> None:
    pixels = np.zeros((4, 8), np.uint8)
    pixels[:2, 2:6] = 1
    data = record(mask=[masks_png(pixels)]) + record("b.png", mask=[float(v) for v in pixels.flat])
    for item in read(tmp_path, data):
        (found,) = item.annotations
        assert isinstance(found, Mask)
        assert found.bbox == (2.0, 0.0, 4.0, 2.0)
        assert (found.image == pixels).all()


@pytest.mark.parametrize("mode", ["L", "LA", "RGB", "RGBA", "1", "P"])
def test_masks_of_any_mode(tmp_path: Path, mode: str) -> None:
    pixels = np.zeros((4, 8), np.uint8)
    pixels[:2, 2:6] = 255
    buffer = io.BytesIO()
    PilImage.fromarray(pixels).convert(mode).save(buffer, "PNG")
    (item,) = read(tmp_path, record(mask=[buffer.getvalue()]))
    (found,) = item.annotations
    assert isinstance(found, Mask)
    assert (found.image == (pixels > 0)).all()


def test_an_empty_mask_leaves_the_box(tmp_path: Path) -> None:
    (item,) = read(tmp_path, record(mask=[b""]))
    assert isinstance(item.annotations[0], Bbox)


def test_masks_of_weight_0_are_none(tmp_path: Path) -> None:
    masks = [masks_png(np.ones((4, 8)))] * 2
    two = {"xmin": [0.0] * 2, "xmax": [1.0] * 2, "ymin": [0.0] * 2, "ymax": [1.0] * 2}
    two |= {"text": [b"cat"] * 2, "label": [1] * 2, "mask": masks}
    (item,) = read(tmp_path, record(**two, **{"mask/weight": [1.0, 0.0]}))
    assert [type(a) for a in item.annotations] == [Mask, Bbox]
    dataset = read(tmp_path, record(**two, **{"mask/weight": [1.0, 0.5]}))
    with pytest.warns(DskWarning, match="between 0 and 1"):
        (item,) = dataset
    assert [type(a) for a in item.annotations] == [Mask, Mask]


@pytest.mark.parametrize("pack", [gzip.compress, zlib.compress])
def test_compressed_files(tmp_path: Path, pack: Any) -> None:
    assert [item.id for item in read(tmp_path, pack(record() + record("b.png")))] == ["a", "b"]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"xmin": [0.1, 0.2]}, "different lengths"),
        ({"xmin": [0.9]}, "swapped"),
        ({"xmin": [float("nan")]}, "finite"),
        ({"text": [b"a", b"b"]}, "class texts"),
        ({"text": [b"\xff"]}, "UTF-8"),
        ({"filename": [b"/home/me/.."]}, "absolute"),
        ({"height": [float("nan")]}, "image/height is nan"),
        ({"width": [float("inf")]}, "image/width is inf"),
        ({"xmin": [2.0], "xmax": [6.0]}, "in pixels"),
        ({"xmax": [float("inf")]}, "finite"),
        ({"height": None, "encoded": [b""]}, "without image/height"),
        ({"mask": [0.5, 0.5]}, "masks"),
        ({"mask": [b"x"], "mask/weight": [1.0, 0.0]}, "1 masks have 2 values"),
        ({"mask": [masks_png(np.ones((8, 4)))]}, r"\(8, 4\), of the image \(4, 8\)"),
        ({"difficult": [b"0"]}, "no list of numbers"),
    ],
)
def test_bad_records_are_skipped_alone(
    tmp_path: Path, changes: dict[str, Any], message: str
) -> None:
    data = record() + record(**({"name": "b.png"} | changes)) + record("c.png")
    dataset = read(tmp_path, data)
    with pytest.raises(RecordError, match=message) as caught:
        list(dataset)
    assert f"at byte {len(record())}" in str(caught.value)
    kept = [item.id for item in read(tmp_path, data, on_error="skip")]
    assert kept[0] == "a"
    assert kept[-1] == "c"


def test_damage_is_found_by_checksums(tmp_path: Path) -> None:
    good, bad = record(), bytearray(record("b.png"))
    bad[100] ^= 1
    with pytest.raises(RecordError, match="checksum of the record"):
        list(read(tmp_path, good + bytes(bad)))
    bad[3] ^= 1
    with pytest.raises(RecordError, match="checksum of a record's length"):
        read(tmp_path, good + bytes(bad))
    kept = read(tmp_path, good + bytes(bad), on_error="skip")
    assert [item.id for item in kept] == ["a"]


def test_a_file_that_is_cut_off(tmp_path: Path) -> None:
    data = record() + record("b.png")
    with pytest.raises(RecordError, match="cut off"):
        read(tmp_path, data[:-3])
    assert [item.id for item in read(tmp_path, data[:-3], on_error="skip")] == ["a"]
    with pytest.raises(InputError, match="no TFRecord file"):
        read(tmp_path, b"hello")


def test_endings_that_are_none(tmp_path: Path) -> None:
    items = [DatasetItem("a", "x", Image("a.001")), DatasetItem("v1.0", "x", Image("v1.0.png"))]
    Dataset.from_iterable(items, ["a"]).export(tmp_path / "out", "tf_detection_api")
    found = Dataset.import_from(tmp_path / "out", "tf_detection_api")
    assert [item.id for item in found] == ["a", "v1.0"]


def test_export_joins_what_is_one_object(tmp_path: Path) -> None:
    pixels = np.zeros((4, 8), np.bool_)
    pixels[1:3, 1:5] = True
    from dsk.rle import from_dense

    rle: Rle = from_dense(pixels)
    annotations = [
        Bbox(1, 1, 4, 2, label=0, group=3),
        Mask(rle, label=0, group=3),
        Bbox(0, 0, 8, 4, label=1, attributes={"is_crowd": True}),
    ]
    item = DatasetItem("x/ä", "train", Image("ä.png", image()), annotations)
    dataset = Dataset.from_iterable([item], categories=["naïve", "it's"])
    report = dataset.export(tmp_path / "out", "tf_detection_api", save_masks=True, save_media=True)
    assert report.annotations["merged"] == 1
    assert report.annotations["out"] == 2
    (back,) = Dataset.import_from(tmp_path / "out", "tf_detection_api")
    assert back.id == "x/ä"
    mask, box = back.annotations
    assert isinstance(mask, Mask)
    assert (mask.image == pixels).all()
    assert mask.bbox == (1.0, 1.0, 4.0, 2.0)
    assert box.bbox == (0.0, 0.0, 8.0, 4.0)
    assert box.attributes == {"is_crowd": True}
    assert back.media is not None
    assert back.media.read_bytes() == image()
    names = Dataset.import_from(tmp_path / "out", "tf_detection_api").categories().names
    assert names == ["naïve", "it's"]
