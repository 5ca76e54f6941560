"""Frames that do not look like the one before them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import av
import numpy as np
import pytest

from dsk import Dataset
from dsk.detect import choose
from dsk.errors import OptionError, RecordError
from dsk.files import open_root

if TYPE_CHECKING:
    from pathlib import Path

NAME = "video_keyframes"
SIDE = 32


def gradient(turns: int) -> np.ndarray:
    """Return a picture that is dark at one of its four sides."""
    ramp = np.broadcast_to(np.linspace(20, 230, SIDE), (SIDE, SIDE))
    return np.repeat(np.rot90(ramp, turns)[:, :, None], 3, axis=2).astype(np.uint8)


def film(path: Path, turns: list[int]) -> Path:
    with av.open(str(path), "w") as out:
        stream = out.add_stream("mpeg4", rate=25)
        stream.width = stream.height = SIDE
        stream.pix_fmt = "yuv420p"
        stream.codec_context.gop_size = 1
        stream.codec_context.bit_rate = 4_000_000
        for number in turns:
            frame = av.VideoFrame.from_ndarray(gradient(number), format="rgb24")
            out.mux(stream.encode(frame))
        out.mux(stream.encode())
    return path


def ids(path: Path, **options) -> list[str]:
    return [item.id for item in Dataset.import_from(path, NAME, **options)]


def test_frames_that_differ_from_the_last_key_frame(tmp_path):
    path = film(tmp_path / "a.avi", [0, 0, 0, 1, 1, 2, 2, 2, 0])
    assert ids(path) == ["000000", "000003", "000005", "000008"]
    assert ids(path, start_frame=4, end_frame=7) == ["000004", "000005"]
    assert ids(path, step=4, name_pattern="%d") == ["0", "4", "8"]
    assert ids(path, subset="s", resize=8) == ["000000", "000003", "000005", "000008"]
    item = next(iter(Dataset.import_from(path, NAME)))
    assert (item.media.kind, item.media.size) == ("video_frame", (SIDE, SIDE))


def test_the_threshold_decides(tmp_path):
    """A gradient and the one turned by a right angle do not correlate; turned twice, they are
    opposites.
    """
    path = film(tmp_path / "a.avi", [0, 1, 2, 0])
    assert ids(path, threshold=-0.5) == ["000000", "000002", "000003"]
    assert ids(path, threshold=-1.5) == ["000000"]


def test_frames_of_one_colour_are_all_key_frames(tmp_path):
    """Nothing correlates with them, as in Datumaro."""
    path = tmp_path / "a.avi"
    with av.open(str(path), "w") as out:
        stream = out.add_stream("mpeg4", rate=25)
        stream.width, stream.height, stream.pix_fmt = 16, 16, "yuv420p"
        for _ in range(3):
            frame = av.VideoFrame.from_ndarray(np.zeros((16, 16, 3), np.uint8), format="rgb24")
            out.mux(stream.encode(frame))
        out.mux(stream.encode())
    assert ids(path) == ["000000", "000001", "000002"]


def test_folders_of_videos(tmp_path):
    film(tmp_path / "a.avi", [0, 0, 1])
    film(tmp_path / "b.avi", [2, 2])
    assert ids(tmp_path) == ["a/000000", "a/000002", "b/000000"]
    assert choose(open_root(tmp_path)).format == "video_frames"


def test_a_damaged_frame_does_not_end_the_video(tmp_path):
    path = film(tmp_path / "a.avi", [0, 0, 0, 1, 1, 2])
    with av.open(str(path)) as container:
        packets = [bytes(p) for p in container.demux(video=0) if p.size]
    data = bytearray(path.read_bytes())
    place = data.index(packets[3])
    data[place : place + len(packets[3])] = bytes(len(packets[3]))
    path.write_bytes(data)
    with pytest.raises(RecordError, match="cannot be decoded"):
        ids(path)
    assert ids(path, on_error="skip") == ["000000", "000004", "000005"]


@pytest.mark.parametrize("options", [{"resize": 1}, {"resize": 5000}, {"step": 0}])
def test_bad_options(options, tmp_path):
    path = film(tmp_path / "a.avi", [0])
    with pytest.raises(OptionError, match="importer video_keyframes"):
        ids(path, **options)
