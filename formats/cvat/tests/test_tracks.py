"""CVAT for video: tracks, frames, keyframes."""

from __future__ import annotations

import xml.etree.ElementTree as ET

import pytest

from dsk import Dataset, Image
from dsk.annotations import Bbox, Label, RotatedBbox, Skeleton
from dsk.categories import Categories, LabelCategory, PointsCategory
from dsk.item import DatasetItem

SIZE = "<original_size><width>20</width><height>10</height></original_size>"


def box(frame, x, more='outside="0" keyframe="1"'):
    return f'<box frame="{frame}" xtl="{x}" ytl="0" xbr="{x + 2}" ybr="2" {more}/>'


def track(inner, more='id="7" label="car"'):
    return f"<track {more}>{inner}</track>"


def test_frames_become_items(read):
    gone = 'outside="1" keyframe="1"'
    body = track(box(0, 1) + box(3, 2, gone)) + track(box(3, 5), 'id="8" label="cat" group_id="4"')
    first, second = read(body, mode="interpolation", more=SIZE)
    assert (first.id, second.id) == ("frame_000000", "frame_000003")
    assert (first.attributes, first.media.size) == ({"frame": 0}, (10, 20))
    a, b = second.annotations
    assert a == Bbox(
        2,
        0,
        2,
        2,
        label=0,
        id=7,
        object_id=7,
        attributes={"occluded": False, "outside": True, "keyframe": True, "track_id": 7},
    )
    assert (b.label, b.group) == (1, 4)


def test_tags_of_frames(read):
    (item,) = read('<tag label="cat" frame="2"/>', mode="interpolation")
    assert (item.id, item.annotations[0].label) == ("frame_000002", 1)


def test_tracks_of_listed_images(read):
    body = '<image id="2" name="x.png" width="9" height="9"/>' + track(box(2, 1))
    (item,) = read(body)
    assert (item.id, len(item.annotations)) == ("x", 1)


def test_interpolation(read):
    more = SIZE + "<stop_frame>9</stop_frame><frame_filter>step=2</frame_filter>"
    body = track(box(0, 0) + box(4, 8) + box(8, 8, 'outside="1" keyframe="1"'))
    assert len(list(read(body, more=more))) == 3
    items = list(read(body, more=more, interpolate=True))
    assert [i.attributes["frame"] for i in items] == [0, 2, 4, 6, 8]
    assert [i.annotations[0].x for i in items] == [0, 4, 8, 8, 8]
    assert [i.annotations[0].attributes["keyframe"] for i in items] == [
        True,
        False,
        True,
        False,
        True,
    ]


@pytest.mark.parametrize("start", ["<box", "<box "])  # CVAT's own writing, and another one
def test_swapped_corners_of_keyframes_are_put_right(read, start):
    more = SIZE + "<stop_frame>2</stop_frame>"
    swapped = box(2, 8).replace('xtl="8"', 'xtl="10"').replace('xbr="10"', 'xbr="8"')
    body = track((box(0, 0) + swapped).replace("<box", start))
    with pytest.warns(UserWarning, match="swapped corners"):
        items = list(read(body, more=more, interpolate=True))
    assert [(i.annotations[0].x, i.annotations[0].w) for i in items] == [(0, 2), (4, 2), (8, 2)]


def test_radii_of_keyframes_have_no_sign(read):
    more = SIZE + "<stop_frame>2</stop_frame>"
    body = track(
        '<ellipse frame="0" cx="5" cy="5" rx="-2" ry="1"/><ellipse frame="2" cx="5" cy="5" rx="4" '
        'ry="1"/>'
    )
    items = list(read(body, more=more, interpolate=True))
    assert [i.annotations[0].w for i in items] == [4, 6, 8]


def test_tasks_of_a_project_stay_apart(read):
    one = track(box(0, 1), 'id="0" label="car" task_id="1" subset="train"')
    two = track(box(0, 1), 'id="1" label="car" task_id="2" subset="train"')
    items = list(read(one + two))
    assert [i.id for i in items] == ["task_1/frame_000000", "task_2/frame_000000"]


def test_skeletons_of_tracks(read):
    labels = (
        "<label><name>man</name><type>skeleton</type></label>"
        "<label><name>a</name><parent>man</parent></label>"
        "<label><name>b</name><parent>man</parent></label>"
    )
    point = '<track id="0" label="{}"><points frame="0" outside="0" points="{}"/></track>'
    inner = (
        '<skeleton frame="0" keyframe="1"/>' + point.format("b", "3,4") + point.format("a", "1,2")
    )
    (item,) = read(track(inner, 'id="0" label="man"'), labels=labels)
    (a,) = item.annotations
    assert isinstance(a, Skeleton)
    assert a.points == [1, 2, 3, 4]


MAN = (
    "<label><name>man</name><type>skeleton</type></label>"
    "<label><name>a</name><parent>man</parent></label>"
    "<label><name>b</name><parent>man</parent></label>"
)


def man(frame, a, b):
    """Return a skeleton as CVAT writes it: what is outside are its points."""
    points = "".join(
        f'<points label="{name}" keyframe="1" outside="{gone}" occluded="0" points="{frame},2.00"/>'
        for name, gone in (("a", a), ("b", b))
    )
    return f'<skeleton frame="{frame}" keyframe="1" z_order="0">{points}</skeleton>'


@pytest.mark.parametrize("interpolate", [False, True])
def test_skeletons_that_have_left_the_view(read, interpolate):
    body = track(man(0, 0, 0) + man(1, 0, 1) + man(2, 1, 1), 'id="0" label="man"')
    more = SIZE + "<stop_frame>9</stop_frame>"
    items = list(read(body, more=more, labels=MAN, interpolate=interpolate, point_visibility=True))
    assert [i.annotations[0].attributes["outside"] for i in items] == [False, False, True]


def test_skeletons_between_keyframes(read):
    body = track(man(0, 0, 0) + man(4, 0, 1), 'id="0" label="man"')
    more = SIZE + "<stop_frame>4</stop_frame>"
    items = list(read(body, more=more, labels=MAN, interpolate=True, point_visibility=True))
    found = [item.annotations[0] for item in items]
    assert [list(a.points) for a in found] == [
        [0, 2, 0, 2],
        [1, 2, 0, 2],  # the second point leaves the view in the next keyframe: it stays until then
        [2, 2, 0, 2],
        [3, 2, 0, 2],
        [4, 2, 4, 2],
    ]
    assert [[p["keyframe"] for p in a.point_attributes] for a in found][:2] == [
        [True, True],
        [False, False],
    ]


def test_skeletons_are_written_as_cvat_reads_them(tmp_path):
    categories = Categories(
        (LabelCategory("man"),), points={0: PointsCategory(("a", "b"), ((1, 2),))}
    )
    items = [
        DatasetItem(
            f"frame_{n:06d}", annotations=[Skeleton([1, n, 3, 4], [2, 1], label=0, object_id=5)]
        )
        for n in range(2)
    ]
    items.append(DatasetItem("frame_000002", annotations=[Bbox(1, 1, 1, 1, label=0, object_id=6)]))
    dataset = Dataset.from_iterable(items, categories)
    dataset.export(tmp_path / "out", "cvat", use_track=True)
    root = ET.parse(tmp_path / "out" / "default.xml").getroot()
    first = root.find("track")
    assert first.find("track") is None
    found = [(s.get("frame"), [p.attrib for p in s]) for s in first.iter("skeleton")]
    assert [frame for frame, _ in found] == ["0", "1", "2"]
    assert [(p["label"], p["outside"], p["occluded"], p["keyframe"]) for p in found[0][1]] == [
        ("a", "0", "0", "1"),
        ("b", "0", "1", "1"),
    ]
    assert [p["outside"] for p in found[2][1]] == ["1", "1"]  # it is gone
    back = list(Dataset.import_from(tmp_path / "out", "cvat"))
    assert [list(i.annotations[0].points) for i in back] == [
        [1, 0, 3, 4],
        [1, 1, 3, 4],
        [1, 1, 3, 4],
    ]
    assert [i.annotations[0].attributes["outside"] for i in back] == [False, False, True]


def test_tracks_are_written(tmp_path):
    def item(frame, *annotations):
        return DatasetItem(f"frame_{frame:06d}", "train", annotations=list(annotations))

    items = [
        item(0, Bbox(0, 0, 1, 1, label=0, object_id=3), Bbox(5, 5, 1, 1, label=1)),
        item(2, Bbox(1, 0, 1, 1, label=0, object_id=3)),
        item(4, Bbox(9, 9, 1, 1, label=1)),
    ]
    dataset = Dataset.from_iterable(items, categories=["car", "cat"])
    report = dataset.export(tmp_path / "out", "cvat", use_track=True)
    assert report.annotations["out"] == 4
    back = {i.id: i.annotations for i in Dataset.import_from(tmp_path / "out", "cvat")}
    seen = {
        name: [(a.object_id, a.x) for a in found if not a.attributes["outside"]]
        for name, found in back.items()
    }
    assert seen["frame_000000"] == [(3, 0), (4, 5)]
    assert seen["frame_000002"] == [(3, 1)]
    assert len(seen["frame_000004"]) == 1
    gone = [a.object_id for a in back["frame_000004"] if a.attributes["outside"]]
    assert gone == [3]


def test_flags_that_came_as_text(tmp_path):
    flags = {"outside": "False", "keyframe": "false", "occluded": "0"}
    box_ = Bbox(1, 2, 3, 4, label=0, object_id=0, attributes=flags)
    items = [DatasetItem(f"frame_00000{n}", annotations=[box_]) for n in range(2)]
    dataset = Dataset.from_iterable(items, ["car"])
    dataset.export(tmp_path / "out", "cvat", use_track=True)
    text = (tmp_path / "out" / "default.xml").read_text()
    assert 'outside="0" keyframe="0" occluded="0"' in text
    _, item = Dataset.import_from(tmp_path / "out", "cvat")
    assert item.annotations[0].attributes["outside"] is False


@pytest.mark.parametrize(
    ("shapes", "step", "skips"),
    [
        (box(0, 0) + box(4, 8), 1, True),  # keyframes only
        (box(0, 0) + box(1, 1) + box(2, 2), 1, False),
        (box(0, 0) + box(3, 1) + box(6, 2), 3, False),
        (box(0, 0) + box(1, 0, 'outside="1" keyframe="1"') + box(9, 2), 1, False),  # comes back
        (man(0, 0, 0) + man(1, 1, 1) + man(5, 0, 0), 1, False),
        (man(0, 0, 0) + man(1, 0, 1) + man(5, 0, 0), 1, True),
    ],
)
def test_tracks_that_skip_frames(read, shapes, step, skips):
    more = f"<frame_filter>step={step}</frame_filter>"
    body = track(shapes, 'id="0" label="man"')
    dataset = read(body, more=more, labels=MAN)
    assert len(dataset.opening_ledger.warnings) == skips
    assert not read(body, more=more, labels=MAN, interpolate=True).opening_ledger.warnings


def tracks_of(tmp_path, items, **options):
    dataset = Dataset.from_iterable(items, categories=["a", "b"])
    report = dataset.export(tmp_path / "out", "cvat", use_track=True, **options)
    root = ET.parse(tmp_path / "out/default.xml").getroot() if not options else None
    found = (
        []
        if root is None
        else [
            (t.get("id"), t.get("label"), [s.get("frame") for s in t]) for t in root.iter("track")
        ]
    )
    return {(e.code, e.what, e.count) for e in report.events}, found


@pytest.mark.parametrize("dry", [False, True])
def test_a_track_has_one_label_and_one_shape_a_frame(tmp_path, dry):
    """CVAT keeps the last of several shapes that a track has in a frame."""
    boxes = [Bbox(n, 1, 2, 2, label=label, object_id=5) for n, label in enumerate((0, 0, 1))]
    boxes.append(Bbox(9, 9, 1, 1, label=0))
    items = [DatasetItem(f"frame_{n:06}", annotations=boxes) for n in range(2)]
    events, found = tracks_of(tmp_path, items, **({"dry_run": True} if dry else {}))
    what = "track ids of objects of several labels, or several shapes in a frame"
    assert events == {("DSK-L015", what, 4)}
    if not dry:
        both = ["0", "1"]
        assert found[:3] == [("5", "a", both), ("6", "a", both), ("7", "b", both)]
        assert [t[0] for t in found[3:]] == ["8", "9"]


def test_groups_that_change_along_a_track_are_reported(tmp_path):
    items = [
        DatasetItem(f"frame_{n:06}", annotations=[Bbox(1, 1, 2, 2, label=0, object_id=5, group=g)])
        for n, g in enumerate((1, 1, 2))
    ]
    events, found = tracks_of(tmp_path, items)
    assert events == {("DSK-L005", "groups of shapes whose track has another one", 1)}
    assert found == [("5", "a", ["0", "1", "2"])]


@pytest.mark.parametrize("number", [float("inf"), float("nan"), -1.0, 10**400])
def test_numbers_that_are_none_of_tracks(tmp_path, number):
    box = Bbox(1, 1, 2, 2, label=0, attributes={"track_id": number, "x": number})
    items = [DatasetItem("frame_000003", annotations=[box], attributes={"frame": number})]
    _, found = tracks_of(tmp_path, items)
    assert found == [("0", "a", ["3"])]


def test_what_one_task_of_a_project_says_is_not_said_of_others(tmp_path):
    one = f"<task><id>1</id><frame_filter>step=5</frame_filter>{SIZE}</task>"
    labels = "<labels><label><name>car</name></label></labels>"
    meta = f"<meta><project>{labels}<tasks>{one}<task><id>2</id></task></tasks></project></meta>"
    more = 'id="{0}" label="car" subset="s{0}" task_id="{0}"'
    body = track(box(0, 1) + box(10, 1), more.format(1)) + track(
        box(0, 1) + box(2, 1), more.format(2)
    )
    (tmp_path / "annotations.xml").write_text(f"<annotations>{meta}{body}</annotations>")
    dataset = Dataset.import_from(tmp_path, "cvat", interpolate=True)
    found = {(i.subset, i.attributes["frame"], i.media.size) for i in dataset}
    assert found == {("s1", n, (10, 20)) for n in (0, 5, 10)} | {("s2", n, None) for n in (0, 1, 2)}


def test_what_is_not_known_is_told(read):
    body = f'<track id="0" label="car" score="7">{box(0, 1)}</track><event>1</event>'
    told = read(body).opening_ledger.warnings
    assert sorted(told) == [
        "<event> is not known and left out",
        "the attribute score of tracks is not known and left out",
    ]
    known = '<track id="0" label="car" source="auto" group_id="1" subset="s" task_id="3">'
    assert not read(f"{known}{box(0, 1)}</track>").opening_ledger.warnings


def test_sizes_of_jobs_are_beside_them(tmp_path):
    size = "<original_size><width>20</width><height>10</height></original_size>"
    meta = f"<meta><job><id>5</id><mode>interpolation</mode></job><dumped>x</dumped>{size}</meta>"
    text = f"<annotations>{meta}{track(box(0, 1))}</annotations>"
    (tmp_path / "annotations.xml").write_text(text)
    (item,) = Dataset.import_from(tmp_path, "cvat")
    assert item.media.size == (10, 20)


def test_frames_of_tasks_that_follow_each_other(tmp_path, read):
    """CVAT numbers the frames of a subset's tasks on, and names the images after the numbers."""
    (tmp_path / "images" / "train").mkdir(parents=True)
    for n in (0, 7):
        (tmp_path / f"images/train/frame_{n:06d}.PNG").write_bytes(b"x")
    one = track(box(0, 1), 'id="0" label="car" task_id="1" subset="train"')
    two = track(box(7, 1), 'id="1" label="car" task_id="2" subset="train"')
    three = track(box(0, 1), 'id="2" label="car" task_id="3" subset="val"')
    items = list(read(one + two + three))
    assert [(i.subset, i.id, i.media.exists) for i in items] == [
        ("train", "frame_000000", True),
        ("train", "frame_000007", True),
        ("val", "frame_000000", False),
    ]


@pytest.mark.parametrize("interpolate", [False, True])
def test_the_last_one_of_several_shapes_in_a_frame_counts(read, interpolate):
    body = track(box(4, 9) + box(0, 0) + box(4, 8)) + track(box(4, 3), 'id="8" label="cat"')
    dataset = read(body, more=SIZE + "<stop_frame>4</stop_frame>", interpolate=interpolate)
    told = "shapes left out, as their track has a later one in the same frame: 1"
    assert told in dataset.opening_ledger.warnings
    found = {i.attributes["frame"]: [a.x for a in i.annotations] for i in dataset}
    between = {1: [2], 2: [4], 3: [6]} if interpolate else {}
    assert found == {0: [0], 4: [8, 3], **between}


@pytest.mark.parametrize("start", ["<box", "<box "])  # CVAT's own writing, and another one
def test_rotations_that_are_left_out_are_none(read, start):
    turned = box(2, 2).replace("/>", ' rotation="20"/>')
    body = track((box(0, 0) + turned + box(4, 4)).replace("<box", start))
    items = read(body, more=SIZE + "<stop_frame>4</stop_frame>", interpolate=True)
    found = [getattr(i.annotations[0], "r", 0) for i in items]
    assert found == [0, 10, 20, 10, 0]


def test_old_files_state_the_number_of_frames_only(read):
    more = "<size>4</size><start_frame>1</start_frame><frame_filter>step=3</frame_filter>"
    items = read(track(box(1, 0)), more=SIZE + more, interpolate=True)
    assert [i.attributes["frame"] for i in items] == [1, 4, 7, 10]


def test_a_track_has_boxes_with_and_without_rotation(tmp_path):
    boxes = [
        Bbox(1, 1, 2, 2, label=0, object_id=5),
        RotatedBbox(2, 2, 2, 2, 9, label=0, object_id=5),
    ]
    items = [DatasetItem(f"frame_{n:06}", annotations=[b]) for n, b in enumerate(boxes)]
    events, found = tracks_of(tmp_path, items)
    assert (events, found) == (set(), [("5", "a", ["0", "1"])])


def test_tracks_begin_with_a_keyframe(tmp_path):
    """CVAT takes keyframes only, and fails for tracks without one."""
    given = {0: False, 1: False, 3: False, 4: False}  # frame 2 has no shape
    boxes = {
        n: Bbox(1, 1, 2, 2, label=0, object_id=5, attributes={"keyframe": key})
        for n, key in given.items()
    }
    items = [
        DatasetItem(
            f"frame_{n:06}", annotations=[boxes[n]] if n in boxes else [Bbox(0, 0, 1, 1, label=1)]
        )
        for n in range(5)
    ]
    events, _ = tracks_of(tmp_path, items)
    assert ("DSK-L004", "keyframe of shapes that an object comes into view with", 2) in events
    shapes = ET.parse(tmp_path / "out/default.xml").getroot().find("track")
    assert [(s.get("frame"), s.get("outside"), s.get("keyframe")) for s in shapes] == [
        ("0", "0", "1"),
        ("1", "0", "0"),
        ("2", "1", "1"),
        ("3", "0", "1"),
        ("4", "0", "0"),
    ]


def test_subsets_of_tags_are_those_of_their_items(tmp_path, read):
    body = '<tag label="cat" frame="2" subset="val" task_id="3"/>'
    (item,) = read(body, mode="interpolation")
    assert (item.subset, item.extra) == ("val", {"cvat": {"task_id": "3"}})
    assert item.annotations[0].extra is None


def test_labels_and_frames_without_shapes_are_listed_as_images(tmp_path):
    """CVAT reads tags in images only; elsewhere they make it fail."""
    tag = Label(label=1, group=3, extra={"cvat": {"myframe": "7"}})
    sizes = ((8, 9), (8, 9), (4, 5), (8, 9))
    items = [
        DatasetItem(f"frame_{n:06}", media=Image(path="x.png", size=size), annotations=annotations)
        for n, (size, annotations) in enumerate(
            zip(sizes, ([Bbox(1, 1, 2, 2, label=0)], [], [tag], [tag]), strict=True)
        )
    ]
    events, _ = tracks_of(tmp_path, items)
    assert not events
    root = ET.parse(tmp_path / "out/default.xml").getroot()
    assert root.find("tag") is None
    found = [(i.get("id"), i.get("name"), i.get("width"), len(i)) for i in root.iter("image")]
    assert found == [
        ("1", "frame_000001.png", "9", 0),
        ("2", "frame_000002.png", "5", 1),
        ("3", "frame_000003.png", "9", 1),
    ]
    back = {i.id: i for i in Dataset.import_from(tmp_path / "out", "cvat")}
    assert [back[i.id].media.size for i in items] == list(sizes)
    assert back["frame_000002"].annotations == [tag]
    assert [a.kind for a in back["frame_000001"].annotations] == ["bbox"]  # it says: gone


def test_sizes_that_a_video_cannot_state_are_reported(tmp_path):
    items = [
        DatasetItem(
            f"frame_{n:06}",
            media=Image(path="x.png", size=(4, width)),
            annotations=[Bbox(1, 1, 2, 2, label=0)],
        )
        for n, width in enumerate((5, 6, 5, 7))
    ]
    events, _ = tracks_of(tmp_path, items)
    assert events == {("DSK-L009", "sizes of frames, of which a video has one", 2)}


@pytest.mark.parametrize(
    ("ids", "numbers", "told"),
    [(("a-b", "0"), [0, 0], 1), ((None, "0"), [0, 0], 0), (("4", "7"), [4, 7], 0)],
)
def test_tracks_without_numbers(read, ids, numbers, told):
    text = "".join(
        track(box(0, n), 'label="car"' + (f' id="{i}"' if i else "")) for n, i in enumerate(ids)
    )
    dataset = read(text)
    (item,) = dataset
    assert [a.id for a in item.annotations] == numbers
    assert len({a.object_id for a in item.annotations}) == 2
    assert len(dataset.opening_ledger.warnings) == told


@pytest.mark.parametrize(
    ("frames", "said"), [((4, 7, 10, 19), "step=3"), ((4, 5, 8), None), ((4,), None)]
)
def test_distances_of_frames_are_stated(tmp_path, frames, said):
    items = [
        DatasetItem(f"frame_{n:06}", annotations=[Bbox(1, 1, 2, 2, label=0, object_id=5)])
        for n in frames
    ]
    tracks_of(tmp_path, items)
    assert ET.parse(tmp_path / "out/default.xml").getroot().findtext(".//frame_filter") == (
        said or ""
    )
    filled = {
        i.attributes["frame"]
        for i in Dataset.import_from(tmp_path / "out", "cvat", interpolate=True)
    }
    assert filled == set(range(min(frames), max(frames) + 1, 3 if said else 1))


@pytest.mark.parametrize(
    ("stated", "last"),
    [
        ("<size>3</size><start_frame>2</start_frame><stop_frame>5</stop_frame>", 4),  # Datumaro
        ("<size>3</size><start_frame>2</start_frame><stop_frame>4</stop_frame>", 4),
        ("<size>3</size><stop_frame>6</stop_frame>", 6),
        ("<size>2</size><start_frame>0</start_frame><stop_frame>6</stop_frame>", 6),  # no count
        ("<size>2</size>", 2),  # the last frame comes before
    ],
)
def test_last_frames(read, stated, last):
    items = read(track(box(2, 0)), more=SIZE + stated, interpolate=True)
    assert [i.attributes["frame"] for i in items] == list(range(2, last + 1))
