"""Mirroring and turning images by right angles: no pixel changes its value."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from dsk.errors import OptionError
from dsk_transforms.pixels.base import PixelTransform, with_pixels
from dsk_transforms.pixels.following import follow
from dsk_transforms.pixels.pictures import Turned
from dsk_transforms.pixels.places import Place

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from dsk.flow import Header
    from dsk.item import DatasetItem
    from dsk.loss import Ledger
    from dsk_transforms.pixels.pictures import Size

__all__ = ["Flip", "Rotate", "mirror_roles"]


class Flip(PixelTransform):
    """Mirror images.

    Args:
        direction: "horizontal" exchanges left and right, "vertical" top and bottom, "both" both.
        swap_joints: Whether keypoints called left and right exchange their places in the list.
        joints: Further pairs of keypoints that do.

    Raises:
        OptionError: The direction is none, or a pair names one keypoint twice.
    """

    def __init__(
        self,
        *,
        direction: str = "horizontal",
        swap_joints: bool = True,
        joints: Mapping[str, str] | None = None,
    ) -> None:
        if direction not in ("horizontal", "vertical", "both"):
            raise OptionError(
                f"no direction {direction!r}", hint="one of: horizontal, vertical, both"
            )
        self.joints = dict(joints or {})
        named = [*self.joints, *self.joints.values()]
        if len(set(named)) != len(named):
            raise OptionError("a keypoint is named twice in joints", hint="write pairs a:b, c:d")
        if self.joints and not swap_joints:
            raise OptionError("joints are named and swap_joints is off", hint="leave one out")
        self.swap_joints = swap_joints
        self._work = Turned(False, direction != "vertical", direction != "horizontal")
        self._swaps: dict[int | None, list[int]] = {}

    def header(self, header: Header) -> Header:
        """Find the keypoints that change roles.

        Raises:
            OptionError: ``joints`` names one that there is not.
        """
        points = header.categories.points
        known = {name for category in points.values() for name in category.labels}
        unknown = [n for pair in self.joints.items() for n in pair if n not in known]
        if unknown and known:
            raise OptionError(
                f"no keypoint {unknown[0]!r}", hint=f"there are: {', '.join(sorted(known))}"
            )
        self._swaps = {}
        if self.swap_joints:
            for label, category in points.items():
                roles = mirror_roles(category.labels, self.joints)
                if roles != sorted(roles):
                    self._swaps[label] = roles
        return header

    def change(self, item: DatasetItem, size: Size, ledger: Ledger) -> DatasetItem:
        """Mirror the image and the annotations."""
        place = Place.turning(size, self._work)
        swaps = self._swaps if place.mirrors else None
        annotations = follow(item, place, ledger, swaps)
        return with_pixels(item, self._work, place.new, annotations, ledger)


_SIDES = re.compile(r"left|right|(?<![a-z])[lr](?![a-z])", re.IGNORECASE)
_OTHER = {"left": "right", "right": "left", "l": "r", "r": "l"}


def mirror_roles(names: Sequence[str], pairs: Mapping[str, str]) -> list[int]:
    """Return for each keypoint the number of the one that stands in its place in a mirror.

    Names that differ in left and right, or in l and r standing alone, are pairs.

    Args:
        names: The keypoints.
        pairs: Pairs that the names do not tell; they come first.
    """
    numbers = {name: n for n, name in enumerate(names)}
    folded = {name.lower(): n for n, name in enumerate(names)}
    both = {**pairs, **{b: a for a, b in pairs.items()}}
    roles = []
    for n, name in enumerate(names):
        if name in both:
            roles.append(numbers.get(both[name], n))
            continue
        other = _SIDES.sub(lambda found: _OTHER[found[0].lower()], name.lower())
        partner = folded.get(other, n)
        roles.append(n if names[partner] in both else partner)
    return roles


class Rotate(PixelTransform):
    """Turn images by a right angle.

    Args:
        angle: 90, 180 or 270 degrees clockwise as seen on the screen; -90 is 270.

    Raises:
        OptionError: It is another angle.
    """

    def __init__(self, *, angle: int = 90) -> None:
        if angle % 360 not in (90, 180, 270):
            raise OptionError(
                f"rotate cannot turn by {angle} degrees", hint="90, 180 or 270, clockwise"
            )
        self.angle = angle % 360
        self._work = Turned(angle % 180 == 90, self.angle <= 180, self.angle >= 180)

    def change(self, item: DatasetItem, size: Size, ledger: Ledger) -> DatasetItem:
        """Turn the image and the annotations."""
        place = Place.turning(size, self._work)
        return with_pixels(item, self._work, place.new, follow(item, place, ledger), ledger)
