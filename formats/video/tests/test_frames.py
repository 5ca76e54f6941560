"""Frames of videos of several containers and codecs, made here."""

from __future__ import annotations

import gc
import pickle
import random
import struct
import zipfile
from fractions import Fraction
from typing import TYPE_CHECKING

import av
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dsk import Dataset
from dsk.detect import choose, detect
from dsk.errors import DetectionError, InputError, LimitError, MediaError, OptionError
from dsk.files import open_root
from dsk.media import VideoFrame
from dsk_video import decoding, frames, scan, streams
from dsk_video.decoding import VideoFile

if TYPE_CHECKING:
    from pathlib import Path

NAME = "video_frames"
COUNT, HEIGHT, WIDTH = 40, 48, 96


def drawn(number: int) -> np.ndarray:
    """Return a picture that says its number in black and white columns."""
    pixels = np.zeros((HEIGHT, WIDTH, 3), np.uint8)
    for bit in range(8):
        if number >> bit & 1:
            pixels[:, 8 * bit : 8 * bit + 8] = 255
    pixels[:16, -16:] = (250, 20, 20)
    return pixels


def number_of(pixels: np.ndarray) -> int:
    return sum(1 << bit for bit in range(8) if pixels[HEIGHT // 2, 8 * bit + 4, 0] > 127)


def film(path: Path, codec: str = "mpeg4", count: int = COUNT, turned: int = 0) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    with av.open(str(path), "w") as out:
        stream = out.add_stream(codec, rate=25)
        stream.width, stream.height, stream.pix_fmt = WIDTH, HEIGHT, "yuv420p"
        stream.codec_context.gop_size = 10
        stream.codec_context.bit_rate = 4_000_000
        if turned:
            stream.set_display_rotation(turned)
        for number in range(count):
            frame = av.VideoFrame.from_ndarray(drawn(number), format="rgb24")
            out.mux(stream.encode(frame))
        out.mux(stream.encode())
    return path


def damage(path: Path, numbers: range) -> None:
    """Put zeros where some frames are."""
    data, place = bytearray(path.read_bytes()), 0
    with av.open(str(path)) as container:
        packets = [bytes(p) for p in container.demux(video=0) if p.size]
    for number, packet in enumerate(packets):
        place = data.index(packet, place) + len(packet)
        if number in numbers:
            data[place - len(packet) : place] = bytes(len(packet))
    path.write_bytes(data)


KINDS = [
    ("a.avi", "mpeg4"),
    ("a.MP4", "mpeg4"),
    ("a.mkv", "libx264"),
    ("a.mov", "libx264"),
    ("a.ts", "mpeg2video"),
    ("a.mpg", "mpeg2video"),
    ("a.webm", "libvpx-vp9"),
    ("a.flv", "flv"),
    ("a.wmv", "wmv2"),
    ("h264.avi", "libx264"),  # its packets do not say when frames are shown
]


@pytest.mark.parametrize(("name", "codec"), KINDS)
def test_all_frames_in_any_order(tmp_path, name, codec):
    if codec not in av.codecs_available:
        pytest.skip(f"this PyAV has no {codec}")
    items = list(Dataset.import_from(film(tmp_path / name, codec)))
    assert [item.id for item in items] == [f"{n:06d}" for n in range(COUNT)]
    in_order = [item.media.data for item in items]
    assert [number_of(pixels) for pixels in in_order] == list(range(COUNT))
    assert in_order[3][4, -4].tolist() == pytest.approx([250, 20, 20], abs=40), "not RGB"
    numbers = list(range(COUNT)) * 2
    random.Random(0).shuffle(numbers)
    for number in numbers:
        assert np.array_equal(items[number].media.data, in_order[number])


def test_items(tmp_path):
    path = film(tmp_path / "a.mp4")
    dataset = Dataset.import_from(path)
    assert dataset.header.items == len(dataset) == COUNT
    item = list(dataset)[7]
    assert isinstance(item.media, VideoFrame)
    assert (item.id, item.subset, item.media.index) == ("000007", "default", 7)
    assert (item.media.size, item.media.video) == ((HEIGHT, WIDTH), str(path))
    assert item.media.path == "000007.png"


@pytest.mark.parametrize(
    ("options", "numbers"),
    [
        ({"step": 15}, [0, 15, 30]),
        ({"start_frame": 37}, [37, 38, 39]),
        ({"start_frame": 4, "end_frame": 6}, [4, 5, 6]),
        ({"start_frame": 1, "end_frame": 9, "step": 4}, [1, 5, 9]),
        ({"end_frame": 0}, [0]),
    ],
)
def test_options(tmp_path, options, numbers):
    dataset = Dataset.import_from(film(tmp_path / "a.avi"), NAME, subset="mine", **options)
    assert [item.media.index for item in dataset] == numbers
    assert [number_of(item.media.data) for item in dataset] == numbers
    assert {item.subset for item in dataset} == {"mine"}


def test_name_pattern(tmp_path):
    path = film(tmp_path / "a.avi", count=3)
    dataset = Dataset.import_from(path, NAME, name_pattern="cam/frame_%d")
    assert [item.id for item in dataset] == ["cam/frame_0", "cam/frame_1", "cam/frame_2"]


@pytest.mark.parametrize(
    "options",
    [
        {"step": 0},
        {"start_frame": -1},
        {"start_frame": 5, "end_frame": 4},
        {"name_pattern": "frame"},
        {"name_pattern": "%d %d"},
        {"name_pattern": "%q"},
        {"name_pattern": "%.0s"},
        {"name_pattern": "%.1g"},
        {"name_pattern": "%c"},
        {"name_pattern": "../%d"},
    ],
)
def test_options_that_make_no_sense(tmp_path, options):
    with pytest.raises(OptionError, match=next(iter(options)).split("_")[0]):
        Dataset.import_from(film(tmp_path / "a.avi", count=2), NAME, **options)


def test_end_behind_the_end_is_told(tmp_path):
    dataset = Dataset.import_from(film(tmp_path / "a.avi", count=5), NAME, end_frame=9)
    assert len(dataset) == 5
    assert list(dataset.opening_ledger.warnings) == [
        "a.avi has frames 0 to 4, it ends before frame 9"
    ]
    with pytest.raises(InputError, match="no video here has any of the frames"):
        Dataset.import_from(tmp_path / "a.avi", NAME, start_frame=5)


def test_folder_of_videos(tmp_path):
    film(tmp_path / "day/one.mp4", count=2)
    film(tmp_path / "two.avi", count=2)
    film(tmp_path / "two.mkv", count=1)
    (tmp_path / "readme.txt").write_text("films")
    (tmp_path / "._two.avi").write_bytes(b"a side file")
    dataset = Dataset.import_from(tmp_path)
    assert [item.id for item in dataset] == [
        "two.avi/000000",
        "two.avi/000001",
        "two.mkv/000000",
        "day/one/000000",
        "day/one/000001",
    ]
    assert number_of(list(dataset)[4].media.data) == 1


def test_videos_in_an_archive(tmp_path):
    film(tmp_path / "a.mp4", count=4)
    with zipfile.ZipFile(tmp_path / "films.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.write(tmp_path / "a.mp4", "x/a.mp4")
    items = list(Dataset.import_from(tmp_path / "films.zip"))
    assert [item.id for item in items] == [f"x/a/{n:06d}" for n in range(4)]
    assert [number_of(item.media.data) for item in reversed(items)] == [3, 2, 1, 0]


def test_turned_videos_are_shown_upright(tmp_path):
    path = film(tmp_path / "a.mp4", count=3, turned=90)
    turned = [frame.rotation for frame in av.open(str(path)).decode(video=0)]
    assert turned == [90] * 3, "the test's video is not turned"
    item = list(Dataset.import_from(path, NAME))[2]
    assert item.media.size == item.media.data.shape[:2] == (WIDTH, HEIGHT)
    assert number_of(np.rot90(item.media.data, -1)) == 2


def test_frame_times_may_be_uneven(tmp_path):
    path = tmp_path / "a.mkv"
    with av.open(str(path), "w") as out:
        stream = out.add_stream("mpeg4", rate=25)
        stream.width, stream.height, stream.pix_fmt = WIDTH, HEIGHT, "yuv420p"
        stream.time_base = stream.codec_context.time_base = Fraction(1, 1000)
        for number in range(10):
            frame = av.VideoFrame.from_ndarray(drawn(number), format="rgb24")
            frame.pts, frame.time_base = number * number * 7 + 1, Fraction(1, 1000)
            out.mux(stream.encode(frame))
        out.mux(stream.encode())
    assert [number_of(item.media.data) for item in Dataset.import_from(path)] == list(range(10))


def test_parts_in_any_order_give_the_same(tmp_path, monkeypatch):
    monkeypatch.setattr(frames, "_FRAMES", 7)
    dataset = Dataset.import_from(film(tmp_path / "a.mp4"))
    parts = [list(dataset.source.read(p, None)) for p in dataset.source.partitions()]
    assert [part[0].media.index for part in parts] == [0, 10, 20, 30], "not at key frames"
    whole = [item for part in parts for item in part]
    assert [item.media.index for item in whole] == list(range(COUNT))
    alone = {item.id: item.media.data for item in whole}
    for part in parts[::-1]:
        for item in part:
            assert np.array_equal(item.media.data, alone[item.id])


@given(
    st.integers(0, 60),
    st.integers(0, 90),
    st.integers(1, 9),
    st.sets(st.integers(0, 80)),
    st.integers(1, 12),
)
def test_slices_hold_every_frame_once(start, end, step, keys, most):
    wanted = range(start, max(start, end), step)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(frames, "_FRAMES", most)
        cuts = frames._cuts(wanted, np.array(sorted(keys), np.int64))
    assert (cuts[0], cuts[-1]) == (0, len(wanted))
    assert len(cuts) > 1 or not wanted
    sizes = np.diff(cuts)
    assert (sizes > 0).all()
    assert (sizes <= 2 * most).all()
    for cut, size in zip(cuts[1:-1], sizes[:-1], strict=True):
        begins_at_key = any(wanted[cut - 1] < key <= wanted[cut] for key in keys)
        assert begins_at_key or size == most


def decoded_frames(path: Path, order: list[range], monkeypatch) -> list[int]:
    """Return how many frames are decoded for reading some slices, one after the other."""
    video = VideoFile(str(path))
    counts: list[int] = []
    plain = streams.OpenVideo.frames

    def counted(self):
        for frame in plain(self):
            counts.append(1)
            yield frame

    monkeypatch.setattr(streams.OpenVideo, "frames", counted)
    found = []
    for numbers in order:
        counts.clear()
        for number in numbers:
            assert number_of(video.frame(number)) == number
        found.append(len(counts))
    return found


def test_frames_in_order_are_decoded_once(tmp_path, monkeypatch):
    path = film(tmp_path / "a.mp4")
    assert decoded_frames(path, [range(COUNT)], monkeypatch) == [COUNT]


def test_a_slice_is_not_decoded_from_the_start(tmp_path, monkeypatch):
    path = film(tmp_path / "a.mp4")
    order = [range(30, 40), range(10, 20), range(20, 25)]
    assert decoded_frames(path, order, monkeypatch) == [10, 10, 5]


def test_damaged_stretches_cost_little(tmp_path, monkeypatch):
    path = film(tmp_path / "a.mkv", count=160)
    damaged = range(93, 118)
    damage(path, damaged)
    video = VideoFile(str(path))
    assert video.table.count == 160
    decoded: list[int] = []
    plain = streams.OpenVideo.frames
    monkeypatch.setattr(
        streams.OpenVideo, "frames", lambda self: (decoded.append(1) or f for f in plain(self))
    )
    lost = []
    for number in range(160):
        try:
            assert number_of(video.frame(number)) == number
        except MediaError as error:
            assert f"frame {number} cannot be decoded" in str(error)  # noqa: PT017
            lost.append(number)
    assert set(damaged) <= set(lost)
    assert len(lost) <= len(damaged) + 12, "more than what depends on the damaged ones"
    assert len(decoded) < 160 + 150, "decoded anew for every lost frame"


def test_videos_without_times_go_forward_only(tmp_path, monkeypatch):
    if "libx264" not in av.codecs_available:
        pytest.skip("this PyAV has no libx264")
    path = film(tmp_path / "a.avi", "libx264")
    order = [range(5, 10), range(20, 30), range(30, 40)]
    assert sum(decoded_frames(path, order, monkeypatch)) <= COUNT


def test_sources_travel_light(tmp_path):
    item = list(Dataset.import_from(film(tmp_path / "a.avi")))[9]
    text = pickle.dumps(item.media.source)
    assert len(text) < 2000
    assert number_of(pickle.loads(text)()) == 9
    assert pickle.loads(text) == item.media.source
    assert hash(pickle.loads(text)) == hash(item.media.source)


def test_few_videos_stay_open(tmp_path):
    videos = [VideoFile(str(film(tmp_path / f"{n}.avi", count=3))) for n in range(7)]
    for _ in range(2):
        assert [number_of(video.frame(2)) for video in videos] == [2] * 7
    assert len(decoding._decoders) <= 4


def test_videos_that_nobody_has_are_closed(tmp_path):
    video = VideoFile(str(film(tmp_path / "a.avi", count=3)))
    video.frame(2)
    (file,) = [d._file for (_, place), d in decoding._decoders.items() if place == video.location]
    del video
    gc.collect()
    assert file.closed


def test_scans_read_packets_only_where_they_can(tmp_path, monkeypatch):
    path = film(tmp_path / "a.mp4")

    def refuse(file, where):
        raise AssertionError(where)

    monkeypatch.setattr(scan, "_scan_frames", refuse)
    assert VideoFile(str(path)).table.count == COUNT


def test_cut_videos_give_the_frames_they_have(tmp_path):
    path = film(tmp_path / "a.ts", "mpeg2video")
    data = path.read_bytes()
    path.write_bytes(data[: len(data) // 2])
    items = list(Dataset.import_from(path))
    assert 5 < len(items) < COUNT
    assert [number_of(item.media.data) for item in items[:-2]] == list(range(len(items) - 2))


def test_cut_videos_are_told(tmp_path):
    path = film(tmp_path / "a.avi")
    assert list(Dataset.import_from(path).opening_ledger.warnings) == []
    path.write_bytes(path.read_bytes()[:-1500])
    dataset = Dataset.import_from(path)
    assert len(dataset) < COUNT
    assert list(dataset.opening_ledger.warnings) == [
        "a.avi is damaged or cut: frames that cannot be found are not counted"
    ]


def test_damage_at_the_beginning_does_not_move_the_numbers(tmp_path):
    path = film(tmp_path / "a.mkv")
    damage(path, range(3, 6))
    dataset = Dataset.import_from(path)
    assert len(dataset) == COUNT
    items = list(dataset)
    for number in (0, 2, *range(10, COUNT)):
        assert number_of(items[number].media.data) == number
    with pytest.raises(MediaError, match="frame 4 cannot be decoded"):
        items[4].media.data  # noqa: B018 - decodes it


def test_frames_that_are_not_there(tmp_path):
    video = VideoFile(str(film(tmp_path / "a.avi", count=4)))
    with pytest.raises(MediaError, match="frame 4 cannot be decoded"):
        video.frame(4)
    assert number_of(video.frame(1)) == 1


def _sound(path: Path) -> None:
    with av.open(str(path), "w") as out:
        stream = out.add_stream("pcm_s16le", rate=8000, layout="mono")
        samples = np.zeros((1, 8000), np.int16)
        frame = av.AudioFrame.from_ndarray(samples, format="s16", layout="mono")
        frame.rate = 8000
        out.mux(stream.encode(frame))
        out.mux(stream.encode())


def _cut(path: Path) -> None:
    path.write_bytes(film(path).read_bytes()[:999])


def _list(path: Path) -> None:
    film(path.with_name("other.avi"), count=2)
    path.write_text(f"ffconcat version 1.0\nfile {path.with_name('other.avi')}\n")


def _playlist(path: Path) -> None:
    film(path.with_name("other.ts"), "mpeg2video", count=2)
    path.write_text(
        "#EXTM3U\n#EXT-X-TARGETDURATION:10\n#EXTINF:10,\n"
        f"{path.with_name('other.ts').as_uri()}\n#EXT-X-ENDLIST\n"
    )


@pytest.mark.parametrize(
    ("name", "make", "what"),
    [
        ("a.avi", _sound, "the file holds no video"),
        ("a.mp4", _list, "no readable video"),
        ("a.mp4", _playlist, "no readable video"),
        ("a.mp4", lambda path: path.write_bytes(b""), "the file is empty"),
        ("a.mp4", lambda path: path.write_bytes(bytes(1000)), "no readable video"),
        (
            "a.mp4",
            lambda path: path.write_bytes(film(path).read_bytes()[:999]),
            "no readable video",
        ),
        ("a.mp4", lambda path: path.mkdir(), "no video is here|no readable video"),
    ],
)
def test_bad_files(tmp_path, name, make, what):
    make(tmp_path / name)
    with pytest.raises(InputError, match=what) as caught:
        Dataset.import_from(tmp_path / name, NAME)
    assert name in str(caught.value)


def test_absurd_numbers_of_frames_are_refused(tmp_path):
    path = film(tmp_path / "a.mp4")
    data = bytearray(path.read_bytes())
    sizes, chunks = data.find(b"stsz"), data.find(b"stsc")
    # each of 2 G frames has one byte, all of them are in the first chunk
    data[sizes + 8 : sizes + 16] = struct.pack(">II", 1, 1 << 31)
    data[chunks + 16 : chunks + 20] = struct.pack(">I", 1 << 31)
    path.write_bytes(data)
    what = rf"a\.mp4: the header names 2147483648 frames, {len(data)} bytes cannot hold them"
    with pytest.raises(LimitError, match=what):
        Dataset.import_from(path)


def test_absurd_numbers_in_fragments_are_refused(tmp_path):
    run = struct.pack(">I4sIII", 20, b"trun", 0, 1 << 31, 0)
    boxes = run
    for tag in (b"traf", b"moof"):
        boxes = struct.pack(">I4s", 8 + len(boxes), tag) + boxes
    path = film(tmp_path / "a.mp4")
    path.write_bytes(path.read_bytes() + struct.pack(">I4sQ", 1, b"free", 16) + boxes)
    with pytest.raises(LimitError, match="the header names 2147483648 frames"):
        Dataset.import_from(path)


def test_fragmented_videos(tmp_path):
    path = tmp_path / "a.mp4"
    with av.open(str(path), "w", options={"movflags": "frag_keyframe+empty_moov"}) as out:
        stream = out.add_stream("mpeg4", rate=25)
        stream.width, stream.height, stream.pix_fmt = WIDTH, HEIGHT, "yuv420p"
        for number in range(30):
            frame = av.VideoFrame.from_ndarray(drawn(number), format="rgb24")
            out.mux(stream.encode(frame))
        out.mux(stream.encode())
    assert path.read_bytes().count(b"trun") > 1, "the test's video has no fragments"
    assert [number_of(item.media.data) for item in Dataset.import_from(path)] == list(range(30))


def test_names_with_emoji_and_hostile_archives(tmp_path):
    path = film(tmp_path / "🎬 é.mp4", count=2)
    with zipfile.ZipFile(tmp_path / "good.zip", "w") as archive:
        archive.write(path, "тест/🎬.mp4")
    items = list(Dataset.import_from(tmp_path / "good.zip"))
    assert [item.id for item in items] == ["тест/🎬/000000", "тест/🎬/000001"]
    assert [item.id for item in Dataset.import_from(path)] == ["000000", "000001"]
    with zipfile.ZipFile(tmp_path / "evil.zip", "w") as archive:
        archive.write(path, "../evil.mp4")
    with pytest.raises(InputError, match="leads out of its folder"):
        list(Dataset.import_from(tmp_path / "evil.zip", NAME))


def test_a_folder_called_like_a_video_is_a_folder(tmp_path):
    film(tmp_path / "a.mp4/b.mp4", count=1)
    assert [item.id for item in Dataset.import_from(tmp_path, NAME)] == ["a.mp4/b/000000"]


def test_a_video_that_went_away(tmp_path):
    path = film(tmp_path / "a.mp4", count=2)
    dataset = Dataset.import_from(path)
    items = list(dataset)
    path.unlink()
    with pytest.raises(MediaError, match=r"a\.mp4: there is no such file"):
        items[1].media.data  # noqa: B018 - decodes it
    with pytest.raises(InputError, match="there is no such file"):
        Dataset.import_from(path, NAME)


def test_bad_videos_of_a_folder_are_skipped_on_request(tmp_path):
    film(tmp_path / "good.avi", count=2)
    (tmp_path / "bad.avi").write_bytes(b"RIFF\0\0\0\0AVI nothing")
    with pytest.raises(InputError, match=r"bad\.avi: the file holds no video"):
        Dataset.import_from(tmp_path, NAME)
    dataset = Dataset.import_from(tmp_path, NAME, on_error="skip")
    assert [item.id for item in dataset] == ["good/000000", "good/000001"]
    assert dataset.opening_ledger.bad_count == 1


def test_detection(tmp_path):
    film(tmp_path / "films/a.avi", count=2)
    assert choose(open_root(tmp_path / "films")).format == NAME
    assert choose(open_root(tmp_path / "films/a.avi")).score == 90
    (tmp_path / "code").mkdir()
    (tmp_path / "code/main.ts").write_text("export const a = 1;\n" * 30)
    with pytest.raises(DetectionError):
        choose(open_root(tmp_path / "code"))
    (tmp_path / "films/annotations.json").write_text("{}")
    assert detect(open_root(tmp_path / "films"))[0].score < 5
