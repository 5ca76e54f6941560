"""What every format must be able to do, for each name of this package."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

import av
import numpy as np

from dsk.media import MediaElement
from dsk.names import stem_of
from dsk.testing import FormatSuite

if TYPE_CHECKING:
    from pathlib import Path

    from dsk import Dataset
    from dsk.item import DatasetItem


class TestVideoFrames(FormatSuite):
    format = "video_frames"

    def make(self, folder: Path) -> None:
        """A film, and one in a container of another sort."""
        for name, codec in (("a.mp4", "mpeg4"), ("b.avi", "mjpeg")):
            with av.open(str(folder / name), "w") as out:
                stream = out.add_stream(codec, rate=25)
                stream.width, stream.height = 32, 16
                stream.pix_fmt = "yuv420p" if codec == "mpeg4" else "yuvj420p"
                for number in range(3):
                    pixels = np.full((16, 32, 3), 100 * number, np.uint8)
                    frame = av.VideoFrame.from_ndarray(pixels, format="rgb24")
                    out.mux(stream.encode(frame))
                out.mux(stream.encode())


class TestVideoKeyframes(TestVideoFrames):
    format = "video_keyframes"


class _KineticsSuite(FormatSuite):
    format = "kinetics"
    attributes: ClassVar = {"time_start": 2, "time_end": 12.5}
    item_attributes: ClassVar = {}

    def prepare(self, dataset: Dataset) -> Dataset:
        """Items show videos; the samples' bytes do for content, nobody decodes them here."""
        return dataset.transform(_filmed)


class TestKinetics(_KineticsSuite):
    ignore = frozenset({"label_order"})
    # tables name the labels of their clips only; what others there are, the report says
    unheld_labels = frozenset({"punctuation", "words"})
    unheld_ids = frozenset({"spaces"})
    expected_losses = frozenset({"DSK-L010"})


class TestKineticsWithMeta(_KineticsSuite):
    export_options: ClassVar = {"save_dataset_meta": True}


def _filmed(item: DatasetItem) -> DatasetItem:
    if item.media is None:
        return item
    return item.replace(media=MediaElement(f"{stem_of(item.media.path)}.mp4", item.media.source))
