"""What each transform of pixels does, with expectations worked out by hand."""

from __future__ import annotations

import pickle

import numpy as np
import pytest

from dsk.annotations import (
    Bbox,
    Caption,
    Cuboid2d,
    Ellipse,
    Label,
    Mask,
    Points,
    Polygon,
    PolyLine,
    RotatedBbox,
    Skeleton,
)
from dsk.categories import Categories, LabelCategory, PointsCategory
from dsk.dataset import Dataset
from dsk.errors import MediaError, OptionError, RecordError
from dsk.item import DatasetItem
from dsk.loss import Ledger
from dsk.media import Image, PointCloud, VideoFrame, Volume
from dsk.opening import make_transform
from dsk.pixels import encode
from dsk.rle import from_dense
from dsk_transforms.pixels.flip import mirror_roles
from dsk_transforms.pixels.tile import windows

H, W = 60, 80
NAMES = ("nose", "left_eye", "right_eye")
CATEGORIES = Categories(
    labels=(LabelCategory("face"), LabelCategory("car")), points={0: PointsCategory(labels=NAMES)}
)


def picture(number=0):
    y, x = np.mgrid[:H, :W]
    return np.stack([x * 3, y * 4, (x * y + number) % 256], -1).astype(np.uint8)


def dataset(annotations=(), **fields):
    fields.setdefault("media", Image(path="a.png", source=encode(picture(), ".png")))
    return Dataset.from_iterable([DatasetItem("a", annotations=annotations, **fields)], CATEGORIES)


def run(name, annotations=(), *, given=None, on_error="raise", fields=None, **options):
    ledger = Ledger(on_error)
    data = given or dataset(annotations, **(fields or {}))
    return list(data.transform(make_transform(name, options)).read(ledger)), ledger


# --- resize ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("options", "size"),
    [
        ({"width": 40, "height": 30}, (30, 40)),
        ({"width": 40, "height": 40, "keep_aspect": True}, (30, 40)),
        ({"width": 400, "height": 30, "keep_aspect": True}, (30, 40)),
        ({"width": 20}, (15, 20)),
        ({"height": 15}, (15, 20)),
        ({"scale": 0.25}, (15, 20)),
        ({"scale": 0.0001}, (1, 1)),
        ({"largest": 160}, (120, 160)),
        ({"smallest": 120}, (120, 160)),
    ],
)
def test_sizes(options, size):
    (made,), _ = run("resize", **options)
    assert made.media.size == size
    assert made.media.data.shape == (*size, 3)


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"width": -1},
        {"width": 10, "scale": 2},
        {"largest": 10, "smallest": 5},
        {"scale": -1},
        {"scale": float("inf")},
        {"scale": 2, "method": "magic"},
    ],
)
def test_resize_options_that_make_no_sense(options):
    with pytest.raises(OptionError):
        run("resize", **options)


@pytest.mark.parametrize("method", ["nearest", "area", "bilinear", "bicubic", "lanczos"])
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.float32, np.bool_, np.int32])
@pytest.mark.parametrize("channels", [None, 1, 2, 3, 4, 5])
def test_all_pixels_can_be_resized(method, dtype, channels):
    shape = (H, W) if channels is None else (H, W, channels)
    pixels = np.ones(shape, dtype) * (1 if dtype == np.bool_ else 200)
    media = Image.from_array(pixels.astype(dtype), "a.png")
    (made,), _ = run("resize", fields={"media": media}, width=33, height=44, method=method)
    found = made.media.data
    assert found.shape == (44, 33, *shape[2:])
    if dtype != np.bool_:
        assert found.dtype == dtype
        assert np.abs(found.astype(float) - 200).max() <= 0.01


def test_area_is_the_mean():
    (made,), _ = run("resize", scale=0.5)
    expected = picture().reshape(H // 2, 2, W // 2, 2, 3).mean(axis=(1, 3))
    assert np.abs(made.media.data - expected).max() < 1  # rows and columns are rounded each


def test_stated_boxes_and_areas_follow():
    polygon = Polygon([0, 0, 8, 0, 8, 8], (), (0, 0, 8, 8), 32.0, extra={"coco": {"area": 5.0}})
    (made,), _ = run("resize", [polygon], width=160, height=30)
    (found,) = made.annotations
    assert found.points == [0, 0, 16, 0, 16, 4]
    assert (found.bbox, found.area) == ((0, 0, 16, 4), 32.0)
    assert found.extra is polygon.extra
    (made,), _ = run("resize", [polygon], scale=2)
    assert made.annotations[0].extra == {"coco": {"area": 20.0}}


def test_absent_joints_stay_where_nothing_is():
    skeleton = Skeleton([10, 20, 0, 0, 30, 40], [2, 0, 1], label=0, bbox=(10, 20, 20, 20))
    (made,), _ = run("resize", [skeleton], scale=2)
    (found,) = made.annotations
    assert (list(found.points), list(found.visibility)) == ([20, 40, 0, 0, 60, 80], [2, 0, 1])
    assert found.bbox == (20, 40, 40, 40)


def test_rotated_boxes():
    box = RotatedBbox(40, 30, 20, 10, 30)
    (made,), ledger = run("resize", [box], scale=2)
    assert made.annotations == [RotatedBbox(80, 60, 40, 20, 30)]
    assert not ledger.losses()
    (made,), ledger = run("resize", [box], width=160, height=60)
    (found,) = made.annotations
    assert found.w * found.h == pytest.approx(400)
    assert [e.code for e in ledger.losses()] == ["DSK-L007"]
    upright = RotatedBbox(40, 30, 20, 10, 90)
    (made,), ledger = run("resize", [upright], width=160, height=60)
    assert made.annotations == [RotatedBbox(80, 30, 20, 20, 90)]
    assert not ledger.losses()


def test_masks_too_thin_are_reported():
    line = np.zeros((H, W), bool)
    line[0, :] = True
    (made,), ledger = run("resize", [Mask(from_dense(line))], scale=0.1)
    assert made.annotations == []
    assert ledger.report().annotations == {
        "in": 1,
        "out": 0,
        "changed": 0,
        "dropped": 1,
        "merged": 0,
        "split": 0,
        "removed": 0,
    }


def test_same_size_gives_the_same_object():
    given = dataset([Bbox(1, 2, 3, 4)])
    (made,), _ = run("resize", given=given, width=W, height=H)
    assert made is given.source.items[0]


# --- media ----------------------------------------------------------------------------------------


def test_media_are_computed_when_asked_for_and_pickle():
    def never():
        raise AssertionError

    media = Image(path="dir/a.jpg", source=never, size=(H, W))
    (made,), _ = run("flip", fields={"media": media})
    assert (made.media.path, made.media.get_size()) == ("dir/a.jpg", (H, W))
    (made,), _ = run("rotate")
    copy = pickle.loads(pickle.dumps(made))
    assert np.array_equal(copy.media.data, np.rot90(picture(), -1))


def test_jpeg_stays_jpeg(tmp_path):
    pytest.importorskip("dsk_images", reason="a format package; here in env all")
    media = Image(path="a.jpg", source=encode(picture(), ".jpg"))
    data = dataset(media=media).transform("rotate").transform("resize", width=30)
    data.export(tmp_path / "out", "image_dir", save_media=True)
    (file,) = (p for p in (tmp_path / "out").rglob("*") if p.is_file())
    assert file.name == "a.jpg"
    assert Image.from_file(file).get_size() == (40, 30)
    assert file.read_bytes()[:2] == b"\xff\xd8"


def test_endings_that_cannot_be_written_become_png():
    import io

    from PIL import Image as PilImage

    buffer = io.BytesIO()
    PilImage.fromarray(picture()).save(buffer, "GIF")
    (made,), ledger = run("flip", fields={"media": Image(path="a.gif", source=buffer.getvalue())})
    assert made.media.path == "a.png"
    assert [e.code for e in ledger.losses()] == ["DSK-L016"]


def test_sizes_that_lie_are_an_error_when_pixels_are_made():
    media = Image(path="a.png", source=encode(picture(), ".png"), size=(W, H))
    (made,), _ = run("flip", fields={"media": media})
    with pytest.raises(MediaError, match="60 × 80"):
        made.media.data  # noqa: B018 - computed when asked for


def test_media_that_are_no_images_pass_with_a_warning():
    for media in (PointCloud(path="a.pcd", source=b""), Volume(path="a.nii", shape=(2, 2, 2))):
        given = dataset([Bbox(1, 2, 3, 4)], media=media)
        (made,), ledger = run("flip", given=given)
        assert made is given.source.items[0]
        (warning,) = ledger.warnings
        assert media.kind.replace("_", " ") in warning


def test_frames_lose_their_video():
    frame = VideoFrame(path="1.png", source=encode(picture(), ".png"), video="v.mp4", index=7)
    (made,), ledger = run("rotate", fields={"media": frame})
    assert isinstance(made.media, VideoFrame)
    assert (made.media.video, made.media.index) == (None, 7)
    assert [e.code for e in ledger.losses()] == ["DSK-L016"]


def test_missing_images_keep_their_annotations():
    media = Image(path="a.png", source="/nowhere/a.png", size=(H, W))
    (made,), _ = run("flip", [Bbox(1, 2, 3, 4)], fields={"media": media})
    assert made.media.source is None
    assert made.annotations == [Bbox(76, 2, 3, 4)]


def test_unknown_sizes_are_bad_records():
    with pytest.raises(RecordError, match="size of the image is not known"):
        run("flip", [Bbox(1, 2, 3, 4)], fields={"media": Image(path="a.png")})
    items, ledger = run("flip", [Bbox(1, 2, 3, 4)], fields={"media": None}, on_error="skip")
    assert items == []
    assert ledger.bad_count == 1
    (made,), _ = run("flip", [Label(label=0)], fields={"media": None})
    assert len(made.annotations) == 1
    mask = Mask(from_dense(np.eye(4, dtype=bool)))  # masks know the size
    (made,), _ = run("flip", [mask, Bbox(0, 0, 1, 1)], fields={"media": None})
    assert np.array_equal(made.annotations[0].image, np.eye(4, dtype=bool)[:, ::-1])
    assert made.annotations[1] == Bbox(3, 0, 1, 1)


def test_damaged_images_are_bad_records():
    with pytest.raises(RecordError, match="no readable image"):
        run("flip", fields={"media": Image(path="a.png", source=b"x")})


def test_malformed_geometry_goes_with_a_report():
    bad = [Polygon([1, 2, 3]), PolyLine([1]), Mask(from_dense(np.ones((2, 2), bool)))]
    for name, options in (("resize", {"scale": 0.5}), ("crop", {"width": 9, "height": 9})):
        (made,), ledger = run(name, [*bad, Bbox(0, 0, 2, 2)], **options)
        assert len(made.annotations) == 1
        assert ledger.total("dropped") == 3


# --- crop -----------------------------------------------------------------------------------------

WINDOW = {"x": 20, "y": 10, "width": 30, "height": 20}


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (Bbox(10, 5, 20, 10), [Bbox(0, 0, 10, 5)]),
        (Bbox(0, 0, 20, 10), []),
        (Bbox(25, 15, 3, 3), [Bbox(5, 5, 3, 3)]),
        (Ellipse(10, 5, 20, 10), [Ellipse(-10, -5, 20, 10)]),
        (Ellipse(0, 0, 22, 12), []),
        (RotatedBbox(20, 20, 8, 4, 45), [RotatedBbox(0, 10, 8, 4, 45)]),
        (Polygon([10, 5, 30, 5, 30, 15, 10, 15]), [Polygon([0, 5, 0, 0, 10, 0, 10, 5])]),
        (Points([25, 15, 60, 15]), [Points([5, 5])]),
        (Points([25, 15, 60, 15], [1, 2]), [Points([5, 5, 0, 0], [1, 0])]),
        (Points([25, 15, 60, 15], label=0), [Points([5, 5, 0, 0], [2, 0], label=0)]),
        (Points([5, 5]), []),
        (
            Skeleton([25, 15, 60, 15], [1, 2], bbox=(25, 15, 35, 0)),
            [Skeleton([5, 5, 0, 0], [1, 0])],
        ),
        (Cuboid2d([10, 5] * 4 + [30, 15] * 4), []),
        (
            Cuboid2d([10, 5, 30, 5, 30, 15, 10, 15] * 2),
            [Cuboid2d([-10, -5, 10, -5, 10, 5, -10, 5] * 2)],
        ),
        (PolyLine([10, 15, 40, 15, 40, 50]), [PolyLine([0, 5, 20, 5, 20, 20])]),
        (Label(label=0), [Label(label=0)]),
        (Caption(caption="x"), [Caption(caption="x")]),
    ],
    ids=lambda value: getattr(value, "kind", ""),
)
def test_crop(before, after):
    from dsk.testing.compare import same_annotation

    (made,), ledger = run("crop", [before], **WINDOW)
    assert made.media.size == (20, 30)
    assert len(made.annotations) == len(after)
    for a, b in zip(made.annotations, after, strict=True):
        assert same_annotation(a, b), a
        assert getattr(a, "bbox", None) is None or isinstance(a, Bbox | Ellipse)
    assert ledger.total("removed") == 1 - len(after)


def test_absent_joints_have_no_place():
    """The common comparison passes over them, but formats write their coordinates."""
    for a in (Skeleton([25, 15, 60, 15], [1, 2]), Points([25, 15, 60, 15], [1, 2])):
        (made,), _ = run("crop", [a], **WINDOW)
        assert list(made.annotations[0].points) == [5, 5, 0, 0]


def test_a_line_that_comes_back_is_two():
    line = PolyLine([25, 15, 25, 50, 45, 50, 45, 15], id=7)
    (made,), ledger = run("crop", [line, Bbox(21, 11, 2, 2, group=4)], **WINDOW)
    first, second, _ = made.annotations
    assert [list(first.points), list(second.points)] == [[5, 5, 5, 20], [25, 20, 25, 5]]
    assert first.group == second.group == 5
    assert (first.id, second.id) == (7, 0)
    assert ledger.total("split") == 1


def test_a_concave_outline_falls_into_parts_without_seams():
    horseshoe = Polygon([22, 5, 48, 5, 48, 25, 40, 25, 40, 8, 30, 8, 30, 25, 22, 25])
    (made,), _ = run("crop", [horseshoe], **WINDOW)
    (found,) = made.annotations
    assert sorted(map(len, found.rings)) == [8, 8]
    from dsk.convert import area_of

    assert area_of(found) == 2 * 8 * 15


def test_holes_are_cut_too():
    outline = Polygon([[10, 5, 40, 5, 40, 25, 10, 25], [15, 12, 30, 12, 30, 20, 15, 20]], (1,))
    (made,), _ = run("crop", [outline], **WINDOW)
    (found,) = made.annotations
    assert found.holes == (1,)
    from dsk.convert import area_of

    assert area_of(found) == 20 * 15 - 10 * 8


def test_bow_ties_are_not_empty():
    """Their lobes run opposite ways, so the area by the corners is 0; the pixels are not."""
    bow = Polygon([20, 10, 40, 30, 20, 30, 40, 10])
    (made,), ledger = run("crop", [bow], x=0, y=12, width=60, height=16)
    assert len(made.annotations) == 1
    assert not ledger.total("removed")
    (made,), ledger = run("crop", [Polygon([20, 10, 40, 10, 20, 10])], x=25, width=60, height=60)
    assert made.annotations == []  # no area at all


def test_min_share():
    box, mask = Bbox(10, 15, 40, 10), np.zeros((H, W), bool)
    mask[15:25, 10:50] = True
    for share, count in ((0.75, 2), (0.76, 0)):
        (made,), ledger = run("crop", [box, Mask(from_dense(mask))], min_share=share, **WINDOW)
        assert len(made.annotations) == count
        assert ledger.total("removed") == 2 - count


def test_windows_at_and_over_the_edge():
    (made,), _ = run("crop", x=70, y=50, width=100, height=100)
    assert made.media.size == (10, 10)
    assert np.array_equal(made.media.data, picture()[50:, 70:])
    items, ledger = run("crop", [Bbox(0, 0, 1, 1)], x=80, width=5, height=5)
    assert items == []
    assert ledger.events["DSK-L020", "item removed by Crop", ""].count == 1


def test_crop_objects():
    boxes = [Bbox(10.5, 5.2, 20, 10, label=1), Bbox(60, 40, 10, 10, label=0), Bbox(12, 8, 2, 2)]
    given = dataset(boxes, attributes={"id": 5, "weather": "rain"})
    items, ledger = run("crop", given=given, labels=["car", "face"], margin=1)
    assert [i.id for i in items] == ["a_crop_0", "a_crop_1"]
    assert items[0].attributes == {"weather": "rain"}
    assert items[0].media.size == (13, 23)
    assert np.array_equal(items[0].media.data, picture()[4:17, 9:32])
    assert len(items[0].annotations) == 2
    assert ledger.report().annotations["out"] == sum(len(i.annotations) for i in items)
    (one,), _ = run("crop", given=given, labels=["*"], per_object=False)
    assert one.id == "a"
    assert one.media.size == (45, 60)
    none, ledger = run("crop", [Bbox(1, 1, 2, 2, label=0)], labels=["car"])
    assert none == []
    assert ledger.total("removed") == 1


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"width": 5},
        {"x": -1, "width": 5, "height": 5},
        {"labels": ["car"], "width": 5, "height": 5},
        {"labels": ["cat"]},
        {"width": 5, "height": 5, "min_share": 2},
    ],
)
def test_crop_options_that_make_no_sense(options):
    with pytest.raises(OptionError):
        run("crop", **options)


# --- flip and rotate ------------------------------------------------------------------------------


def test_flip_and_rotate_by_hand():
    box = Bbox(10, 5, 20, 10)
    for name, options, expected in (
        ("flip", {}, Bbox(50, 5, 20, 10)),
        ("flip", {"direction": "vertical"}, Bbox(10, 45, 20, 10)),
        ("rotate", {}, Bbox(45, 10, 10, 20)),
        ("rotate", {"angle": 180}, Bbox(50, 45, 20, 10)),
        ("rotate", {"angle": 270}, Bbox(5, 50, 10, 20)),
    ):
        (made,), _ = run(name, [box], **options)
        assert made.annotations == [expected]


@pytest.mark.parametrize(
    ("name", "options", "angle"),
    [
        ("flip", {}, 330),
        ("flip", {"direction": "vertical"}, 150),
        ("flip", {"direction": "both"}, 210),
        ("rotate", {"angle": 90}, 120),
        ("rotate", {"angle": 180}, 210),
        ("rotate", {"angle": 270}, 300),
    ],
)
def test_the_top_of_a_rotated_box_stays_its_top(name, options, angle):
    (made,), _ = run(name, [RotatedBbox(40, 30, 20, 10, 30)], **options)
    assert made.annotations[0].r == angle
    assert (made.annotations[0].w, made.annotations[0].h) == (20, 10)


def test_left_and_right_joints_change_roles():
    points, seen, marks = [1, 2, 3, 4, 5, 6], [2, 1, 2], [{"n": 0}, {"n": 1}, {"n": 2}]
    skeleton = Skeleton(points, seen, marks, label=0)
    (made,), _ = run("flip", [skeleton, Points(points, label=0)])
    found, loose = made.annotations
    assert list(found.points) == [79, 2, 75, 6, 77, 4]
    assert list(found.visibility) == [2, 2, 1]
    assert found.point_attributes == [{"n": 0}, {"n": 2}, {"n": 1}]
    assert list(loose.points) == [79, 2, 75, 6, 77, 4]
    (made,), _ = run("flip", [skeleton], swap_joints=False)
    assert list(made.annotations[0].points) == [79, 2, 77, 4, 75, 6]
    (made,), _ = run("flip", [skeleton], direction="both")  # turned by 180°: no mirror image
    assert list(made.annotations[0].points) == [79, 58, 77, 56, 75, 54]


@pytest.mark.parametrize(
    ("names", "pairs", "roles"),
    [
        (["nose", "left_eye", "right_eye"], {}, [0, 2, 1]),
        (["LeftEye", "RightEye", "bright"], {}, [1, 0, 2]),
        (["l_hip", "r_hip", "hip-L", "hip-R", "lap"], {}, [1, 0, 3, 2, 4]),
        (["left_eye", "mouth"], {}, [0, 1]),
        (["port", "starboard", "left", "right"], {"port": "starboard"}, [1, 0, 3, 2]),
        (["left", "right", "x"], {"left": "x"}, [2, 1, 0]),
    ],
)
def test_mirror_roles(names, pairs, roles):
    assert mirror_roles(names, pairs) == roles


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("flip", {"direction": "diagonal"}),
        ("flip", {"joints": {"a": "b"}}),
        ("flip", {"joints": {"nose": "nose"}}),
        ("flip", {"joints": {"nose": "left_eye"}, "swap_joints": False}),
        ("rotate", {"angle": 45}),
        ("rotate", {"angle": 0}),
        ("convert_image", {}),
        ("convert_image", {"mode": "cmyk"}),
        ("convert_image", {"depth": 12}),
        ("convert_image", {"depth": 16}),
        ("tile", {}),
        ("tile", {"grid_size": [1]}),
        ("tile", {"grid_size": [0, 2]}),
        ("tile", {"grid_size": ["a", 2]}),
        ("tile", {"grid_size": [2, 2], "overlap": [1, 0]}),
        ("tile", {"grid_size": [2, 2], "threshold_drop_ann": 2}),
    ],
)
def test_options_that_make_no_sense(name, options):
    with pytest.raises(OptionError):
        run(name, **options)


def test_outlines_keep_their_direction():
    from dsk.geometry import ring_area

    ring = [10, 5, 30, 5, 30, 15]
    (made,), _ = run("flip", [Polygon(ring)])
    assert ring_area(made.annotations[0].points) == ring_area(ring) == 100


# --- convert_image --------------------------------------------------------------------------------


def test_colours_and_depth():
    (made,), _ = run("convert_image", mode="grey")
    grey = made.media.data
    expected = picture() @ np.array([0.299, 0.587, 0.114])
    assert grey.shape == (H, W)
    assert np.abs(grey - expected).max() <= 0.5
    (made,), _ = run("convert_image", mode="grey", depth=16)
    assert made.media.data.dtype == np.uint16
    assert np.abs(made.media.data / 257 - expected).max() <= 1
    again = dataset(media=Image.from_array(made.media.data, "a.png"))
    (made,), _ = run("convert_image", given=again, depth=8)
    assert np.array_equal(made.media.data, grey)
    (made,), _ = run("convert_image", mode="rgba")
    assert np.array_equal(made.media.data[..., :3], picture())
    assert (made.media.data[..., 3] == 255).all()
    rgba = dataset(media=Image.from_array(made.media.data, "a.png"))
    (made,), _ = run("convert_image", given=rgba, mode="rgb")
    assert np.array_equal(made.media.data, picture())
    plain = dataset(media=Image.from_array(grey, "a.png"))
    (made,), _ = run("convert_image", given=plain, mode="rgb")
    assert np.array_equal(made.media.data, np.repeat(grey[..., None], 3, 2))


def test_formats_that_cannot_hold_the_pixels_become_png(tmp_path):
    pytest.importorskip("dsk_images", reason="a format package; here in env all")
    for options, count in (
        ({"mode": "rgba"}, 1),
        ({"mode": "grey", "depth": 16}, 1),
        ({"mode": "grey"}, 0),
    ):
        media = Image(path="a.jpg", source=encode(picture(), ".jpg"))
        (made,), ledger = run("convert_image", fields={"media": media}, **options)
        assert made.media.path == ("a.png" if count else "a.jpg")
        assert len(ledger.losses()) == count
        data = Dataset.from_iterable([made])
        data.export(tmp_path / str(len(options)), "image_dir", save_media=True, overwrite=True)


def test_pixels_of_no_depth_are_an_error():
    media = Image.from_array(np.zeros((2, 2), np.float32), "a.tif")
    (made,), _ = run("convert_image", fields={"media": media}, depth=8)
    with pytest.raises(MediaError, match="float32"):
        made.media.data  # noqa: B018 - computed when asked for


# --- tile -----------------------------------------------------------------------------------------


def test_tiles_cover_all_and_overlap():
    assert windows((10, 10), (1, 3), (0, 0)) == [(0, 0, 3, 10), (3, 0, 3, 10), (6, 0, 4, 10)]
    assert windows((100, 100), (2, 1), (0.2, 0.5)) == [(0, 0, 100, 55), (0, 45, 100, 55)]
    assert windows((1, 2), (4, 4), (0, 0)) == [(0, 0, 1, 1), (1, 0, 1, 1)]


def test_tile():
    box = Bbox(30, 20, 40, 20, label=1, id=3, attributes={"colour": "red"})
    given = dataset([box, Label(label=1)], attributes={"id": 9, "weather": "rain"})
    items, ledger = run("tile", given=given, grid_size=["2", "2"], overlap=["0.2", "0.1"])
    assert [i.id for i in items] == [f"a_tile_{n}" for n in range(4)]
    assert [i.attributes["roi"] for i in items] == [
        [0, 0, 42, 33],
        [38, 0, 42, 33],
        [0, 27, 42, 33],
        [38, 27, 42, 33],
    ]
    assert items[1].attributes == {
        "weather": "rain",
        "tile_id": "a",
        "tile_idx": 1,
        "roi": [38, 0, 42, 33],
        "tile_image_size": [60, 80],
        "tile_image_id": 9,
    }
    for item in items:
        x, y, w, h = item.attributes["roi"]
        assert np.array_equal(item.media.data, picture()[y : y + h, x : x + w])
    # 12·13 px of 800, 32·13 = 416, 12·13 and 32·13: more than half are on the right side only
    assert [len(i.annotations) for i in items] == [1, 2, 1, 2]
    found = items[1].annotations[0]
    assert found == Bbox(
        0,
        20,
        32,
        13,
        label=1,
        id=3,
        attributes={"colour": "red", "tile_object": 0, "tile_cut": True},
    )
    report = ledger.report()
    assert report.annotations["out"] == 6


def test_tiles_decode_their_image_once():
    calls = []

    def once():
        calls.append(1)
        return picture()

    given = dataset(media=Image(path="a.png", source=once, size=(H, W)))
    items, _ = run("tile", given=given, grid_size=[3, 3])
    for item in items:
        item.media.data  # noqa: B018 - computed when asked for
    assert len(calls) == 1
