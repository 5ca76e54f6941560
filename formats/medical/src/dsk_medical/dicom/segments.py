"""Segments of DICOM segmentations, read by highdicom."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from dsk.errors import MediaError
from dsk.media import Media
from dsk_medical.dicom.library import library
from dsk_medical.volume import geometry

__all__ = [
    "SEG_CLASSES",
    "SegmentFacts",
    "Segmentation",
    "open_segmentation",
    "rgb_of",
    "segments_of",
]

SEG_CLASSES = frozenset({"1.2.840.10008.5.1.4.1.1.66.4", "1.2.840.10008.5.1.4.1.1.66.7"})
"""SOP classes of segmentations, the second one for label maps."""

_D65 = np.array([0.95047, 1.0, 1.08883])
_TO_RGB = np.array(
    [[3.2406, -1.5372, -0.4986], [-0.9689, 1.8758, 0.0415], [0.0557, -0.2040, 1.0570]]
)


class SegmentFacts(NamedTuple):
    """What a segmentation says of a segment.

    Attributes:
        number: SegmentNumber.
        label: SegmentLabel.
        color: Red, green, blue of 0 to 255, or None.
        codes: Category and type: code value, scheme, meaning.
    """

    number: int
    label: str
    color: tuple[int, int, int] | None
    codes: dict[str, list[str]]


def rgb_of(lab: Any) -> tuple[int, int, int] | None:
    """Return a RecommendedDisplayCIELabValue (three numbers of 16 bits) as sRGB of 0 to 255."""
    if lab is None or len(lab) != 3:
        return None
    light, a, b = lab[0] * 100 / 65535, lab[1] * 255 / 65535 - 128, lab[2] * 255 / 65535 - 128
    y = (light + 16) / 116
    f = np.array([y + a / 500, y, y - b / 200])
    xyz = np.where(f > 6 / 29, f**3, (f - 16 / 116) * 3 * (6 / 29) ** 2) * _D65
    linear = np.clip(_TO_RGB @ xyz, 0, 1)
    srgb = np.where(linear <= 0.0031308, 12.92 * linear, 1.055 * linear ** (1 / 2.4) - 0.055)
    red, green, blue = (round(float(v) * 255) for v in srgb)
    return red, green, blue


def _codes(description: Any) -> dict[str, list[str]]:
    found = {}
    for name, key in (
        ("category", "SegmentedPropertyCategoryCodeSequence"),
        ("type", "SegmentedPropertyTypeCodeSequence"),
    ):
        sequence = description.get(key)
        if sequence:
            code = sequence[0]
            found[name] = [
                str(code.get(tag, ""))
                for tag in ("CodeValue", "CodingSchemeDesignator", "CodeMeaning")
            ]
    return found


def segments_of(header: Any) -> list[SegmentFacts]:
    """Return what a segmentation's data set says of its segments; its pixels are not needed."""
    return [
        SegmentFacts(
            int(d.SegmentNumber),
            str(d.get("SegmentLabel", "") or f"Segment_{d.SegmentNumber}"),
            rgb_of(d.get("RecommendedDisplayCIELabValue")),
            _codes(d),
        )
        for d in header.get("SegmentSequence") or ()
        if int(d.get("SegmentNumber", 0)) > 0
    ]


class Segmentation:
    """An opened segmentation.

    Args:
        media: Its file.
        threshold: The least share that counts in fractional ones; None refuses those.

    Raises:
        MediaError: It is damaged, or fractional and there is no threshold.
    """

    def __init__(self, media: Media, threshold: float | None) -> None:
        highdicom = library("highdicom.seg")
        self.name = media.path
        self._threshold = threshold
        try:
            with media.open() as file:
                self._seg = highdicom.segread(file)
        except MediaError:
            raise
        except Exception as error:  # highdicom has no class for damaged files
            raise MediaError(f"no readable segmentation: {error}", where=self.name) from error
        self.warning = self._check_bits()
        self._fractional = str(self._seg.get("SegmentationType", "")) == "FRACTIONAL"
        if self._fractional and threshold is None:
            raise MediaError(
                "the segmentation is fractional: its values are shares, no labels",
                where=self.name,
                hint="-I threshold=0.5 counts what is at least half",
            )
        self.segments = segments_of(self._seg)

    def _check_bits(self) -> str:
        """Put bits right that old writers padded frame by frame; tell it.

        Raises:
            MediaError: There are more or fewer bits than the frames have pixels.
        """
        seg = self._seg
        data = seg.get("PixelData")
        if int(seg.get("BitsAllocated") or 0) != 1 or not isinstance(data, bytes):
            return ""
        if seg.file_meta.TransferSyntaxUID.is_encapsulated:
            return ""
        pixels, frames = int(seg.Rows) * int(seg.Columns), int(seg.get("NumberOfFrames") or 1)
        need, padded = -(-pixels * frames // 8), -(-pixels // 8) * frames
        if len(data) in (need, need + need % 2):
            return ""
        if len(data) not in (padded, padded + padded % 2):
            raise MediaError(
                f"{need} bytes of pixels are expected, {len(data)} are there", where=self.name
            )
        rows = np.frombuffer(data, np.uint8, padded).reshape(frames, -1)
        bits = np.unpackbits(rows, axis=1, count=pixels, bitorder="little")
        seg.PixelData = np.packbits(bits.ravel(), bitorder="little").tobytes() + bytes(need % 2)
        return f"{self.name}: each frame was padded to whole bytes, against the standard"

    def volume(self, number: int) -> tuple[NDArray[Any], geometry.Affine]:
        """Return a segment's voxels (i, j, k) as 0 and 1, and their affine to RAS+ mm.

        Raises:
            MediaError: Its frames make no volume.
        """
        try:
            volume = self._seg.get_volume(
                segment_numbers=[number],
                combine_segments=False,
                rescale_fractional=self._fractional,
                allow_missing_positions=True,
            )
        except Exception as error:
            raise MediaError(
                f"segment {number} makes no volume: {error}", where=self.name
            ) from error
        array = np.asarray(volume.array)
        array = array[..., 0] if array.ndim == 4 else array
        if self._fractional and self._threshold is not None:
            array = array >= self._threshold
        affine = np.asarray(volume.affine, np.float64)[:, [2, 1, 0, 3]].copy()
        affine[:2] *= -1
        return (array != 0).astype(np.uint8).transpose(2, 1, 0), affine + 0.0


def open_segmentation(media: Media, threshold: float | None) -> Segmentation:
    """Open a segmentation; see ``Segmentation``."""
    return Segmentation(media, threshold)
