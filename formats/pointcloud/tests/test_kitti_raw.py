"""KITTI raw: the whole grammar, layouts, options, traps."""

from __future__ import annotations

import struct
from pathlib import Path

import pytest

from dsk.annotations import Cuboid3d
from dsk.dataset import Dataset
from dsk.detect import detect
from dsk.errors import DskError, InputError, OutputError, RecordError, UnsafePathError
from dsk.files import open_root
from dsk.item import DatasetItem
from dsk.media import Image, PointCloud
from dsk_pointcloud.kitti_raw.grammar import value_of
from dsk_pointcloud.kitti_raw.states import OCCLUSION, TRUNCATION, enum_value

POSE = (
    "<item><tx>{x}</tx><ty>2</ty><tz>-1.75</tz><rx>0</rx><ry>0</ry><rz>0.5</rz><state>{s}</state>"
    "<occlusion>{o}</occlusion><occlusion_kf>{k}</occlusion_kf><truncation>{t}</truncation>{m}</item>"
)
DECLARATION = '<?xml version="1.0" encoding="UTF-8" standalone="yes" ?>\n'


def pose(*, x=10.0, s=2, o=0, k=0, t=0, m=""):
    return POSE.format(x=x, s=s, o=o, k=k, t=t, m=m)


def track(*poses, label="Car", first=0, count=None, head="<h>1.5</h><w>1.8</w><l>4</l>", tail=""):
    number = len(poses) if count is None else count
    return (
        f"<item><objectType>{label}</objectType>{head}<first_frame>{first}</first_frame><poses>"
        f"<count>{number}</count><item_version>2</item_version>{''.join(poses)}</poses>{tail}"
        "<finished>1</finished></item>"
    )


def document(*tracks, doctype="<!DOCTYPE boost_serialization>\n", declaration=DECLARATION):
    return (
        f'{declaration}{doctype}<boost_serialization signature="x" version="9">'
        f"<tracklets><count>{len(tracks)}</count><item_version>1</item_version>{''.join(tracks)}"
        "</tracklets></boost_serialization>"
    )


def drive(folder: Path, *tracks, text=None, **names):
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "tracklet_labels.xml").write_text(text or document(*tracks))
    for name, data in names.items():
        path = folder / name.replace("__", "/").replace("_DOT_", ".")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    return folder


def warned(data):
    return " ".join(data.opening_ledger.warnings)


def read(folder, **options):
    return Dataset.import_from(folder, "kitti_raw", **options)


def boxes(folder, **options):
    return {item.id: list(item.annotations) for item in read(folder, **options)}


def test_a_box_is_physical(tmp_path):
    (box,) = boxes(drive(tmp_path, track(pose())))["0000000000"]
    assert box.position == (10, 2, -1)
    assert box.scale == (4, 1.8, 1.5)
    assert box.rotation == (0, 0, 0.5)
    assert (box.forward, box.frame) == ("+x", "lidar")
    assert box.attributes == {"track_id": 1, "occluded": False}


@pytest.mark.parametrize(
    ("convention", "scale"), [("datumaro", (1.8, 1.5, 4)), ("datumaro-hwl", (1.5, 1.8, 4))]
)
def test_datumaros_orders(tmp_path, convention, scale):
    drive(tmp_path / "in", track(pose()))
    data = read(tmp_path / "in", cuboid_convention=convention)
    (box,) = next(iter(data)).annotations
    assert (box.position, box.scale) == ((10, 2, -1.75), scale)
    data.export(tmp_path / "out", "kitti_raw", cuboid_convention=convention)
    (back,) = boxes(tmp_path / "out")["0000000000"]
    assert (back.position, back.scale) == ((10, 2, -1), (4, 1.8, 1.5))


def test_auto_knows_who_wrote_a_file(tmp_path):
    amt = "<amt_border_r>-1</amt_border_r><amt_occlusion_kf>-1</amt_occlusion_kf>"
    text = document(track(pose(m=amt)))
    text = text.replace(
        "<item_version>2</item_version><item>", '<item_version>0</item_version><item version="1">'
    )
    drive(tmp_path, text=text)
    (box,) = boxes(tmp_path, cuboid_convention="auto")["0000000000"]
    assert box.scale == (1.8, 1.5, 4)
    assert "written by Datumaro" in warned(read(tmp_path))
    assert "datumaro-hwl reads" in warned(read(tmp_path, cuboid_convention="auto"))
    assert "Datumaro" not in warned(read(tmp_path, cuboid_convention="datumaro-hwl"))


def test_poses_outside_the_image_keep_the_frames_of_the_others(tmp_path):
    folder = drive(tmp_path, track(pose(), pose(t=2), pose(t=99), pose(x=13), first=10))
    found = boxes(folder)
    assert "2 poses outside" in warned(read(folder))
    assert list(found) == ["0000000010", "0000000013"]
    everything = boxes(folder, all_poses=True)
    (box,) = everything["0000000012"]
    assert box.attributes["truncation"] == "BEHIND_IMAGE"


def test_an_occlusion_that_is_not_set_is_that_of_the_last_key(tmp_path):
    folder = drive(
        tmp_path,
        track(pose(o=-1), pose(o=2, k=1), pose(o=-1), pose(o=0), pose(o=-1, k=1), pose(o=-1)),
    )
    found = [a.attributes["occluded"] for (a,) in boxes(folder).values()]
    assert found == [False, True, True, False, False, False]


def test_tracks_go_on_over_partitions(tmp_path):
    long = [pose(x=n, o=-1, t=2 if n in (1023, 1500) else 0) for n in range(2100)]
    long[0] = pose(x=0, o=2, k=1)
    folder = drive(tmp_path, track(*long), track(pose(x=-1), pose(x=-2), first=1023))
    data = read(folder)
    assert len(data.source.partitions()) == 17
    found = boxes(folder)
    assert [len(found[f"{n:010d}"]) for n in (0, 1022, 1023, 1024, 1025, 2099)] == [
        *(1, 1, 1, 2, 1, 1)
    ]
    assert len(found) == 2099  # the second track has one where the first is outside
    assert "0000001500" not in found
    first = {name: rows[0] for name, rows in found.items() if rows[0].attributes["track_id"] == 1}
    assert [box.position[0] for box in first.values()] == [int(name) for name in first]
    assert all(box.attributes["occluded"] for box in first.values())
    assert [a.position[0] for a in found["0000001024"]] == [1024, -2]


def test_a_name_of_the_list_may_be_that_of_another_frame(tmp_path):
    folder = drive(tmp_path, track(pose(), first=7), frame_list_DOT_txt=b"5 0000000007\n")
    with pytest.raises(InputError, match=r"frame 7 is not named.* that of frame 5"):
        read(folder)


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("2", 2),
        ("TruncationStates.OUT_IMAGE", 2),
        ("out_image", 2),
        ("3", 99),
        ("99", 99),
        ("-1", -1),
        (None, 0),
    ],
)
def test_truncation_is_a_number_or_a_name(text, number):
    assert enum_value(text, TRUNCATION, 0) == number


def test_states_that_are_none(tmp_path):
    with pytest.raises(ValueError, match="none of"):
        enum_value("7", OCCLUSION, -1)
    with pytest.raises(ValueError, match="none of"):
        enum_value("maybe", OCCLUSION, -1)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("true", True),
        ("5", 5),
        ("05", "05"),
        ("1.5", 1.5),
        ("nan", "nan"),
        ("", ""),
        ("red", "red"),
    ],
)
def test_values_of_attributes(text, value):
    assert value_of(text) == value


def test_attributes_of_tracks_and_poses(tmp_path):
    def attributes(name, value):
        one = f"<name>{name}</name><value>{value}</value>"
        return f"<attributes><attribute>{one}</attribute></attributes>"

    folder = drive(tmp_path, track(pose(m=attributes("parked", "true")), tail=attributes("n", "3")))
    (box,) = boxes(folder)["0000000000"]
    assert box.attributes == {"track_id": 1, "occluded": False, "parked": True, "n": 3}
    assert read(folder).header.categories.labels[0].attributes == ("n", "parked")


def test_frames_are_those_of_boxes_list_clouds_and_images(tmp_path):
    files = {
        "frame_list_DOT_txt": b"# names\r\n7 some where/seven\r\n\r\n8 eight\r\n",
        "velodyne_points__data__some where__seven_DOT_pcd": b"pcd",
        "velodyne_points__data__0000000003_DOT_bin": struct.pack("<4f", 1, 2, 3, 4),
        "IMAGE_00__data__some where__seven_DOT_png": b"png",
        "image_02__data__0000000004_DOT_png": b"png",
    }
    data = read(drive(tmp_path, track(pose()), **files))
    items = {item.id: item for item in data}
    assert list(items) == ["0000000000", "0000000003", "0000000004", "some where/seven", "eight"]
    assert [i.attributes["frame"] for i in items.values()] == [0, 3, 4, 7, 8]
    media = items["some where/seven"].media
    assert media.path == "velodyne_points/data/some where/seven.pcd"
    assert [i.path for i in media.extra_images] == ["IMAGE_00/data/some where/seven.png"]
    assert items["0000000000"].media is None


def test_pcd_goes_before_bin(tmp_path):
    files = {f"velodyne_points__data__0000000000_DOT_{e}": b"" for e in ("bin", "pcd")}
    (item,) = read(drive(tmp_path, track(pose()), **files))
    assert item.media.path.endswith(".pcd")


def test_several_drives_are_subsets(tmp_path):
    for name in ("d1_sync", "d2_sync"):
        drive(tmp_path / "2011_09_26" / name, track(pose()))
    data = read(tmp_path)
    assert [(i.subset, i.id) for i in data] == [
        ("d1_sync", "0000000000"),
        ("d2_sync", "0000000000"),
    ]


def test_drives_without_tracklets_are_read_beside_others(tmp_path):
    cloud = tmp_path / "2011_09_26/d1_sync/velodyne_points/data/0000000004.bin"
    cloud.parent.mkdir(parents=True)
    cloud.write_bytes(b"")
    drive(tmp_path / "2011_09_26/d2_sync", track(pose()))
    data = read(tmp_path)
    assert [(i.subset, i.id, len(i.annotations)) for i in data] == [
        ("d1_sync", "0000000004", 0),
        ("d2_sync", "0000000000", 1),
    ]
    assert "d1_sync: no tracklets" in warned(data)
    found = detect(open_root(tmp_path))[0]
    assert (found.format, found.score) == ("kitti_raw", 95)


def test_calibration_becomes_matrices_of_images(tmp_path):
    drive(
        tmp_path / "day" / "drive",
        track(pose()),
        image_02__data__0000000000_DOT_png=b"png",
        velodyne_points__data__0000000000_DOT_bin=b"",
    )
    (tmp_path / "day/calib_velo_to_cam.txt").write_text(
        "calib_time: 15-Mar-2012\nR: 0 -1 0 0 0 -1 1 0 0\nT: 0 0 0\n"
    )
    (tmp_path / "day/calib_cam_to_cam.txt").write_text(
        "R_rect_00: 1 0 0 0 1 0 0 0 1\nP_rect_02: 700 0 600 70 0 700 200 0 0 0 1 0\n"
    )
    (item,) = read(tmp_path / "day")
    camera = item.media.extra_images[0].extra["camera"]
    assert camera["name"] == "image_02"
    assert camera["intrinsics"] == [700, 0, 600, 0, 700, 200, 0, 0, 1]
    assert camera["extrinsics"] == pytest.approx([0, -1, 0, 0.1, 0, 0, -1, 0, 1, 0, 0, 0])


@pytest.mark.parametrize("declaration", ["", '<?xml version="1.0" standalone="true"?>\n'])
def test_odd_declarations(tmp_path, declaration):
    drive(tmp_path, text=document(track(pose()), declaration=declaration))
    assert len(boxes(tmp_path)) == 1


BOMB = '<!DOCTYPE boost_serialization [<!ENTITY a "x"><!ENTITY b "&a;&a;">]>'


@pytest.mark.parametrize(
    "doctype",
    [
        BOMB,
        '<!DOCTYPE boost_serialization SYSTEM "file:///etc/passwd">',
        "<!DOCTYPE b PUBLIC 'a' 'b'>",
    ],
)
@pytest.mark.parametrize("encoding", ["utf-8", "utf-16"])
def test_entities_are_refused(tmp_path, doctype, encoding):
    text = document(track(pose(), label="Car"), doctype=doctype, declaration="")
    (tmp_path / "tracklet_labels.xml").write_bytes(text.encode(encoding))
    with pytest.raises(InputError, match="refused"):
        read(tmp_path)


@pytest.mark.parametrize(
    ("bad", "message"),
    [
        (track(pose(), first="x"), "first_frame"),
        (track(pose(), first=-1), "first_frame"),
        (track(pose(), head="<h>1</h><w>1</w>"), "<l>"),
        (track(pose(), head="<h>1</h><w>nan</w><l>1</l>"), "<w> is nan"),
        (track(pose(x="nan")), "not finite"),
        (track(pose(x="ten")), "tx missing or no number"),
        (track(pose(t=17)), "none of"),
        (track(pose(), label=""), "objectType"),
        (track().replace("poses>", "pozes>"), "no poses"),
    ],
)
def test_a_bad_track_does_not_spoil_the_others(tmp_path, bad, message):
    folder = drive(tmp_path, bad, track(pose()))
    with pytest.raises(RecordError, match=message):
        read(folder)
    kept = Dataset.import_from(folder, "kitti_raw", on_error="skip")
    (item,) = kept
    assert item.annotations[0].attributes["track_id"] == 2


def test_wrong_counts_and_sizes_are_warnings(tmp_path):
    folder = drive(tmp_path, track(pose(), count=9, head="<h>-1</h><w>0</w><l>4</l>"))
    (box,) = boxes(folder)["0000000000"]
    assert box.scale == (4, 0, -1)
    texts = warned(read(folder))
    assert "count says 9 poses, there are 1" in texts
    assert "sizes of 0 or less" in texts


def test_truncated_xml_has_a_line(tmp_path):
    text = document(track(pose())).replace("<poses>", "\n<poses>")
    drive(tmp_path, text=text[:-60])
    with pytest.raises(InputError, match=r"tracklet_labels\.xml:\d"):
        read(tmp_path)


def test_names_that_lead_out_are_refused(tmp_path):
    drive(tmp_path, track(pose()), frame_list_DOT_txt=b"0 ../../etc/passwd\n")
    with pytest.raises(UnsafePathError):
        read(tmp_path)


def test_detection(tmp_path):
    drive(tmp_path / "a", track(pose()))
    assert detect(open_root(tmp_path / "a"))[0].format == "kitti_raw"
    (tmp_path / "b").mkdir()
    (tmp_path / "b/x.xml").write_text("<annotations><tracklets/></annotations>")
    assert all(c.format != "kitti_raw" for c in detect(open_root(tmp_path / "b")))


def test_drives_beside_other_datasets_are_less_sure(tmp_path):
    drive(tmp_path / "a", track(pose()))
    drive(tmp_path / "b", track(pose()))
    alone = detect(open_root(tmp_path))[0]
    (tmp_path / "kitti_detection").mkdir()
    among_others = detect(open_root(tmp_path))[0]
    assert alone.format == among_others.format == "kitti_raw"
    assert alone.score > 80 > among_others.score  # kitti's own score for its labels


def dataset(*items):
    return Dataset.from_iterable(items, categories=["car", "bus"])


def item(frame, *annotations, name=None, **more):
    return DatasetItem(
        name or f"f{frame}", attributes={"frame": frame}, annotations=annotations, **more
    )


def cuboid(track_id=1, label=0, scale=(4.0, 1.8, 1.5), **attributes):
    if track_id is not None:
        attributes["track_id"] = track_id
    return Cuboid3d((10.0, 2.0, -1.0), (0.0, 0.0, 0.5), scale, label=label, attributes=attributes)


def test_gaps_are_poses_outside_the_image(tmp_path):
    data = dataset(item(3, cuboid()), item(6, cuboid(occluded=True)))
    data.export(tmp_path / "out", "kitti_raw")
    text = (tmp_path / "out/tracklet_labels.xml").read_text()
    assert text.count("<truncation>2</truncation>") == 2
    assert "<first_frame>3</first_frame>" in text
    assert "States" not in text
    found = boxes(tmp_path / "out")
    assert {k: [a.attributes["occluded"] for a in v] for k, v in found.items()} == {
        "f3": [False],
        "f6": [True],
    }


def test_states_come_back(tmp_path):
    given = [
        {"occlusion": "FULLY", "occluded": True},
        {"truncation": "TRUNCATED", "occluded": False},
        {"keyframe": True, "occluded": True},
    ]
    data = dataset(*[item(n, cuboid(**more)) for n, more in enumerate(given)])
    data.export(tmp_path / "out", "kitti_raw")
    found = [a.attributes for (a,) in boxes(tmp_path / "out").values()]
    assert found == [{"track_id": 1, **more} for more in given]


@pytest.mark.parametrize(
    ("items", "message"),
    [
        ([item(0, cuboid(None))], "track_id"),
        ([item(1, name="a"), item(1, name="b")], "frame id 1 is repeated"),
        ([item(0, cuboid()), item(1, cuboid(label=1))], "is a bus here and a car before"),
        ([item(0, cuboid()), item(1, cuboid(scale=(5.0, 1.8, 1.5)))], "size of track 1 changes"),
        ([item(0, cuboid(), cuboid())], "two boxes in frame 0"),
        ([item(0, cuboid(occlusion="hm"))], "occlusion"),
    ],
)
def test_what_tracklets_cannot_say_is_refused(tmp_path, items, message):
    with pytest.raises(OutputError, match=message):
        dataset(*items).export(tmp_path / "out", "kitti_raw")
    assert not (tmp_path / "out").exists()


def test_reindex_and_split_tracks(tmp_path):
    data = dataset(item(5, cuboid(None), cuboid(None)), item(9, cuboid(3)), item(11, cuboid(3, 1)))
    report = data.export(tmp_path / "out", "kitti_raw", reindex=True, split_tracks=True)
    assert report.annotations["out"] == 4
    found = read(tmp_path / "out")
    assert [(i.id, i.attributes["frame"]) for i in found] == [("f5", 0), ("f9", 1), ("f11", 2)]


def test_custom_attributes_need_the_option(tmp_path):
    data = dataset(item(0, cuboid(colour="a<&>\n b", checked=True)))
    report = data.export(tmp_path / "a", "kitti_raw")
    assert {e.what for e in report.events if e.code == "DSK-L004"} == {"colour", "checked"}
    assert "attributes" not in (tmp_path / "a/tracklet_labels.xml").read_text()
    data.export(tmp_path / "b", "kitti_raw", allow_attrs=True)
    (box,) = boxes(tmp_path / "b")["f0"]
    assert box.attributes["colour"] == "a<&>\n b"
    assert box.attributes["checked"] is True


def test_bin_and_pcd_are_copied_or_re_encoded(tmp_path):
    cloud = struct.pack("<8f", *range(8))
    media = PointCloud("a.bin", cloud, None, (Image("b/x.png", b"b"), Image("a/x.jpg", b"a")))
    data = dataset(item(0, name="n", media=media))
    data.export(tmp_path / "a", "kitti_raw", save_media=True)
    assert (tmp_path / "a/velodyne_points/data/n.bin").read_bytes() == cloud
    assert (tmp_path / "a/image_00/data/n.jpg").read_bytes() == b"a"
    assert (tmp_path / "a/image_01/data/n.png").read_bytes() == b"b"
    report = data.export(tmp_path / "b", "kitti_raw", save_media=True, cloud_ext="pcd")
    assert (tmp_path / "b/velodyne_points/data/n.pcd").read_bytes().endswith(cloud)
    assert any(e.code == "DSK-L016" for e in report.events)


def test_what_the_model_has_no_place_for_comes_back(tmp_path):
    amt = "<amt_occlusion>0</amt_occlusion><amt_border_l>2</amt_border_l>"
    one = track(pose(s=1, o=-1, t=-1, m=amt)).replace("<finished>1", "<finished>0")
    drive(tmp_path / "in", one)
    read(tmp_path / "in").export(tmp_path / "out", "kitti_raw")
    text = (tmp_path / "out/tracklet_labels.xml").read_text()
    for part in (
        "<state>1<",
        "<occlusion>-1<",
        "<truncation>-1<",
        "<amt_border_l>2<",
        "<finished>0<",
    ):
        assert part in text


def test_a_folder_in_the_place_of_a_file(tmp_path):
    (tmp_path / "tracklet_labels.xml").mkdir()
    with pytest.raises(DskError):
        read(tmp_path)


def test_places_of_the_vehicle(tmp_path):
    files = {f"oxts__data__{n:010d}_DOT_txt": text for n, text in ((0, PLACE), (1, b"1 2"))}
    folder = drive(tmp_path, track(pose(), pose()), **files)
    assert all(item.attributes.keys() == {"frame"} for item in read(folder))
    assert "oxts are not read" in warned(read(folder))
    assert "oxts" not in warned(read(folder, oxts=True))
    with pytest.raises(RecordError, match=r"0000000001\.txt.*30 numbers"):
        list(read(folder, oxts=True))
    first, second = Dataset.import_from(folder, "kitti_raw", oxts=True, on_error="skip")
    assert first.attributes["oxts_lat"] == 49.015
    assert first.attributes["oxts_orimode"] == 29
    assert len(first.attributes) == 31
    assert second.attributes == {"frame": 1}


PLACE = b"49.015 " + b" ".join(b"%d" % n for n in range(1, 30)) + b"\n"


def test_a_wrong_number_of_tracklets_is_a_warning(tmp_path):
    text = document(track(pose())).replace("<tracklets><count>1", "<tracklets><count>4")
    folder = drive(tmp_path, text=text)
    assert len(boxes(folder)) == 1
    assert "count says 4 tracklets, there are 1" in warned(read(folder))


def test_roll_and_pitch_are_kept_and_told(tmp_path):
    folder = drive(tmp_path, track(pose().replace("<rx>0<", "<rx>0.25<")))
    (box,) = boxes(folder)["0000000000"]
    assert box.rotation == (0.25, 0, 0.5)
    assert "roll or pitch" in warned(read(folder))
    report = read(folder).export(tmp_path / "out", "kitti_raw")
    assert any("KITTI's own readers" in w for w in report.warnings)
    (back,) = boxes(tmp_path / "out")["0000000000"]
    assert back.position == pytest.approx(box.position)
    assert back.rotation == box.rotation


def test_tracks_are_sorted_by_their_number(tmp_path):
    data = dataset(item(0, cuboid(9), cuboid(4, label=1)))
    data.export(tmp_path / "out", "kitti_raw")
    found = [(a.attributes["track_id"], a.label) for a in boxes(tmp_path / "out")["f0"]]
    assert found == [(1, 0), (2, 1)]  # labels are sorted by name: bus, car


def test_the_report_says_which_convention(tmp_path):
    folder = drive(tmp_path / "in", track(pose()))
    for convention, word in (("kitti", "bottom centre"), ("datumaro", "w, h, l along x, y, z")):
        report = read(folder, cuboid_convention=convention).export(
            tmp_path / convention, "kitti_raw"
        )
        (note,) = [e for e in report.events if e.code == "DSK-L022"]
        assert word in note.what
        assert (note.kind, note.count, note.effect) == ("cuboid_3d", 1, "note")


def test_clouds_that_are_copied_are_not_parsed(tmp_path):
    for ext in ("pcd", "bin"):
        media = PointCloud(f"a.{ext}", b"no cloud at all", None, ())
        dataset(item(0, name="n", media=media)).export(tmp_path / ext, "kitti_raw", save_media=True)
        copied = (tmp_path / ext / f"velodyne_points/data/n.{ext}").read_bytes()
        assert copied == b"no cloud at all"


def seen(frame, *cameras):
    """Make an item with images of cameras: name, place along x, whether it looks back."""
    images = []
    for name, x, back in cameras:
        outer = (
            [0, 1, 0, x, 0, 0, -1, 0, -1, 0, 0, 0]
            if back
            else [0, -1, 0, x, 0, 0, -1, 0, 1, 0, 0, 0]
        )
        about = {
            "name": name,
            "extrinsics": outer,
            "intrinsics": [700, 0, 600, 0, 710, 200, 0, 0, 1],
        }
        images.append(Image(f"{name}/{frame}.png", b"png", {"camera": about}))
    return item(frame, cuboid(), media=PointCloud(f"{frame}.bin", b"", None, tuple(images)))


def matrices(folder):
    return [
        {
            i.extra["camera"]["name"]: i.extra["camera"].get("extrinsics")
            for i in one.media.extra_images
        }
        for one in read(folder)
    ]


def lost_matrices(report):
    return {e.what[19:27]: e.count for e in report.losses if e.what.startswith("camera matrices")}


def test_matrices_of_cameras_are_written(tmp_path):
    cameras = ("image_02", 0.06, False), ("image_03", -0.47, False)
    data = dataset(*(seen(n, *cameras) for n in range(3)))
    report = data.export(tmp_path / "out", "kitti_raw", save_media=True)
    assert not lost_matrices(report)
    for found in matrices(tmp_path / "out"):
        assert found["image_02"] == pytest.approx([0, -1, 0, 0.06, 0, 0, -1, 0, 1, 0, 0, 0])
        assert found["image_03"] == pytest.approx([0, -1, 0, -0.47, 0, 0, -1, 0, 1, 0, 0, 0])


def test_matrices_that_calibration_files_cannot_hold_are_told(tmp_path):
    data = dataset(
        *(
            seen(n, ("image_00", 0.0, False), ("image_01", 0.0, True), ("image_02", n, False))
            for n in range(3)
        )
    )
    report = data.export(tmp_path / "out", "kitti_raw", save_media=True)
    assert lost_matrices(report) == {"image_01": 3, "image_02": 3}
    (found, *_) = matrices(tmp_path / "out")
    assert [name for name, outer in found.items() if outer] == ["image_00"]


@pytest.mark.parametrize("text", ["OcclusionStates.OCCLUSION_UNSET", "occlusion_unset", "-1", None])
def test_occlusion_is_a_number_or_a_name(text):
    assert enum_value(text, OCCLUSION, -1) == -1
    assert enum_value("OcclusionStates.FULLY", OCCLUSION, -1) == 2


def test_files_of_datumaros_exporter_are_read(tmp_path):
    """It writes enums' names where gaps are filled, which no other reader understands."""
    gap = pose(o="OcclusionStates.OCCLUSION_UNSET", t="TruncationStates.OUT_IMAGE")
    found = boxes(drive(tmp_path, track(pose(), gap, pose(o="PARTLY"))))
    assert list(found) == ["0000000000", "0000000002"]
    assert found["0000000002"][0].attributes["occluded"] is True


def test_elements_that_are_unknown_are_passed_over(tmp_path):
    odd = track(pose(m="<colour>red</colour>"), tail="<who><name>me</name></who>")
    (found,) = boxes(drive(tmp_path, odd)).values()
    assert [(a.position, a.attributes) for a in found] == [
        ((10, 2, -1), {"track_id": 1, "occluded": False})
    ]


def test_poses_of_older_versions_lack_fields(tmp_path):
    """Without occlusion and truncation a pose is in the image, and nothing is known more."""
    fields = ("<occlusion>0</occlusion>", "<occlusion_kf>0</occlusion_kf>")
    bare = pose()
    for text in (*fields, "<truncation>0</truncation>", "<state>2</state>"):
        assert text in bare
        bare = bare.replace(text, "")
    (found,) = boxes(drive(tmp_path, track(bare))).values()
    assert found[0].attributes == {"track_id": 1, "occluded": False}
    assert found[0].extra == {"kitti_raw": {"occlusion": -1}}


@pytest.mark.parametrize("count", ["x", "99999999999999999999", "-1", "1e9"])
def test_counts_allocate_nothing(tmp_path, count):
    text = document(track(pose(), count=count)).replace("<count>1", f"<count>{count}", 1)
    data = read(drive(tmp_path, text=text))
    assert len(list(data)) == 1
    assert f"count says {count} tracklets, there are 1" in warned(data)
    assert f"count says {count} poses, there are 1" in warned(data)


@pytest.mark.parametrize(
    "bad",
    [
        track(pose(), first=10**12),
        track(pose(), head="<h>inf</h><w>1</w><l>1</l>"),
        track(pose(x="1e999")),
    ],
)
def test_numbers_out_of_range_cost_their_track(tmp_path, bad):
    data = read(drive(tmp_path, bad, track(pose())), on_error="skip")
    assert data.opening_ledger.bad_count == 1
    assert [a.attributes["track_id"] for i in data for a in i.annotations] == [2]


@pytest.mark.parametrize("line", ["0 b", "zero b", "99999999999999999999 b", "7"])
def test_bad_lines_of_the_frame_list(tmp_path, line):
    names = f"0 a\n{line}\n1 c\n".encode()
    folder = drive(tmp_path, track(pose(), pose()), frame_list_DOT_txt=names)
    with pytest.raises(RecordError, match=r"frame_list\.txt:2"):
        read(folder)
    data = read(folder, on_error="skip")
    assert [i.id for i in data] == ["a", "c"]
    assert data.opening_ledger.bad_count == 1


def test_a_name_of_two_frames_is_refused(tmp_path):
    with pytest.raises(InputError, match="several frames"):
        read(drive(tmp_path, track(pose()), frame_list_DOT_txt=b"0 a\n1 a\n"))


def test_a_cut_off_cloud_is_reported(tmp_path):
    """Copied it stays as it is; read it is an error that spares the rest."""
    cut = struct.pack("<4f", 1, 2, 3, 4) + b"x"
    folder = drive(tmp_path / "in", track(pose()), velodyne_points__data__0000000000_DOT_bin=cut)
    read(folder).export(tmp_path / "same", "kitti_raw", save_media=True)
    name = "velodyne_points/data/0000000000.bin"
    assert (tmp_path / "same" / name).read_bytes() == cut
    report = read(folder).export(tmp_path / "out", "sly_pointcloud", save_media=True)
    assert [e.what for e in report.losses] == [
        "point cloud not saved: 17 bytes are no whole number of points of 16"
    ]
    assert not list((tmp_path / "out").rglob("*.pcd"))
    assert report.annotations["out"] == 1


@pytest.mark.parametrize(
    "bad",
    [pose(x="nan"), pose(x="1e999"), pose(t="FOO"), pose().replace("<tx>10.0</tx>", "")],
)
@pytest.mark.parametrize("everything", [False, True])
def test_a_bad_pose_costs_one_box(tmp_path, bad, everything):
    folder = drive(tmp_path, track(pose(), bad, pose(x=12)), track(pose()))
    with pytest.raises(RecordError, match="pose 1: "):
        read(folder)
    data = read(folder, on_error="skip", all_poses=everything)
    assert data.opening_ledger.bad_count == 1
    assert "outside" not in warned(data)
    assert [[a.position[0] for a in item.annotations] for item in data] == [[10, 10], [12]]
    assert [item.attributes["frame"] for item in data] == [0, 2]


@pytest.mark.parametrize("place", [".", "wrapped"])
def test_labels_beside_the_tracklets(tmp_path, place):
    meta = b'{"labels": ["Tram", "Car", "Bus"]}'
    drive(tmp_path / place, track(pose()), dataset_meta_DOT_json=meta)
    assert read(tmp_path).header.categories.names == ["Tram", "Car", "Bus"]


def test_other_tracklets_are_told(tmp_path):
    text = document(track(pose())).encode()
    folder = drive(tmp_path, track(pose()), b_DOT_xml=text, c_DOT_xml=b"<annotation/>")
    told = warned(read(folder))
    assert "b.xml: tracklets that are not read" in told
    assert "c.xml" not in told
    assert "not read" not in warned(read(folder / "b.xml"))


def test_a_file_that_holds_no_tracklets(tmp_path):
    (tmp_path / "tracklet_labels.xml").write_text("")
    with pytest.raises(InputError, match="no file here holds tracklets"):
        read(tmp_path)


def test_tracks_that_are_numbered_anew_are_told(tmp_path):
    def exported(*numbers):
        found = [
            Cuboid3d((1.0, 2.0, 3.0), label=0, attributes={"track_id": number})
            for number in numbers
        ]
        data = Dataset.from_iterable([DatasetItem("a", annotations=found)], ["car"])
        report = data.export(tmp_path / "-".join(map(str, numbers)), "kitti_raw")
        return {(e.code, e.what): e.count for e in report.events}

    assert exported(2, 1) == {}
    assert exported(5, 1) == {("DSK-L015", "track_id"): 1}


def test_attributes_that_come_back_as_others_are_told(tmp_path):
    same = {"a": 1, "b": True, "c": "red", "d": 0.1, "e": ""}
    other = {"f": None, "g": [1], "h": "12", "i": "true"}
    box = Cuboid3d((1.0, 2.0, 3.0), label=0, attributes={"track_id": 1, **same, **other})
    data = Dataset.from_iterable([DatasetItem("a", annotations=[box])], ["car"])
    report = data.export(tmp_path, "kitti_raw", allow_attrs=True)
    assert [e.what for e in report.losses] == [f"{n}: read back as another type" for n in "fghi"]
    (back,) = boxes(tmp_path)["a"]
    assert {n: back.attributes[n] for n in same} == same


@pytest.mark.parametrize("name", ["kitti_raw", "sly_pointcloud"])
def test_frames_that_are_no_numbers_are_told(tmp_path, name):
    for frame, lost in (("7", []), (8.0, []), (None, []), ("x", ["item attribute frame"])):
        item = DatasetItem("a", attributes={"frame": frame})
        report = Dataset.from_iterable([item]).export(tmp_path / repr(frame), name)
        assert [e.what for e in report.losses] == lost


@pytest.mark.parametrize(
    ("value", "key"), [(True, 1), ("true", 1), (1, 1), ("false", 0), (None, 0)]
)
def test_words_for_a_keyframe(tmp_path, value, key):
    box = Cuboid3d((1.0, 2.0, 3.0), label=0, attributes={"track_id": 1, "keyframe": value})
    data = Dataset.from_iterable([DatasetItem("a", annotations=[box])], ["car"])
    data.export(tmp_path, "kitti_raw")
    assert f"<occlusion_kf>{key}<" in (tmp_path / "tracklet_labels.xml").read_text()


def test_drives_of_one_name_are_subsets_of_their_own(tmp_path):
    for folder in ("a/run", "b/run", "b/other"):
        drive(tmp_path / folder, track(pose()))
    data = read(tmp_path)
    assert sorted(data.header.subsets) == ["a/run", "b/run", "other"]
    assert sorted(item.subset for item in data) == ["a/run", "b/run", "other"]
