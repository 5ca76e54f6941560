"""The files of an episode: all frames in one annotation, tags with ranges of frames."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec
from msgspec import Struct

from dsk_pointcloud.supervisely.project import EPISODE_FILE, FRAME_MAP
from dsk_pointcloud.tokens import key_of

if TYPE_CHECKING:
    from dsk.output import WriteContext

__all__ = ["Episode", "write_episodes"]


class Episode(Struct, array_like=True):
    """One frame of an episode, as a partition leaves it."""

    subset: str
    cloud: str
    frame: int | None
    description: str
    tags: list[dict[str, Any]]
    objects: list[dict[str, Any]]
    figures: list[dict[str, Any]]
    key: str
    number: int | None


def write_episodes(
    frames: list[Episode], of_frames: frozenset[str], default: str, ctx: WriteContext
) -> tuple[list[tuple[str, int | None, int]], list[str]]:
    """Write the annotation and the frame map of each subset.

    Args:
        frames: All frames.
        of_frames: Tags that always state their frames; others only if they hold for some.
        default: The folder of the subset without a name.
        ctx: What is being written.

    Returns:
        The episodes as rows of ``numbered``, and the keys of tags of whole clouds.
    """
    from dsk_pointcloud.supervisely.exporter import set_folder

    subsets: dict[str, list[Episode]] = {}
    for frame in frames:
        subsets.setdefault(frame.subset, []).append(frame)
    rows: list[tuple[str, int | None, int]] = []
    tags: list[str] = []
    taken: set[str] = set()
    for subset, members in subsets.items():
        own = {(frame.key, frame.number) for frame in members}
        key, number = own.pop() if len(own) == 1 else ("", None)
        if not key or key in taken:  # parts of an episode may have become several
            key, number = key_of("episode", subset), None
        taken.add(key)
        rows.append((key, number, 0))
        ordered = _numbered(members, ctx)
        plain = _annotation(key, ordered, of_frames, ctx)
        tags += [tag["key"] for tag in plain["tags"]]
        folder = set_folder(subset, default)
        text = msgspec.json.format(msgspec.json.encode(plain), indent=1)
        ctx.write(f"{folder}/{EPISODE_FILE}", text)
        names = {str(index): frame.cloud for index, frame in ordered}
        ctx.write(
            f"{folder}/{FRAME_MAP}", msgspec.json.format(msgspec.json.encode(names), indent=1)
        )
    return rows, tags


def _numbered(members: list[Episode], ctx: WriteContext) -> list[tuple[int, Episode]]:
    """Return the frames with their numbers: their own if these are unique, else by order."""
    own = [frame.frame for frame in members]
    if len({n for n in own if n is not None and n >= 0}) == len(own):
        return sorted(((f.frame or 0, f) for f in members), key=lambda pair: pair[0])
    if any(n is not None for n in own):
        ctx.ledger.add("DSK-L015", "frames of an episode")
    return list(enumerate(members))


def _annotation(
    key: str, ordered: list[tuple[int, Episode]], of_frames: frozenset[str], ctx: WriteContext
) -> dict[str, Any]:
    texts = {frame.description for _, frame in ordered}
    if len(texts) > 1:
        what = "item attribute description"
        ctx.ledger.add("DSK-L009", what, count=len(ordered), hint="an episode has one")
    objects: dict[str, dict[str, Any]] = {}
    present: dict[str, list[tuple[int, list[dict[str, Any]]]]] = {}
    for index, frame in ordered:
        for one in frame.objects:
            objects.setdefault(one["key"], one)
            present.setdefault(one["key"], []).append((index, one["tags"]))
    for name, one in objects.items():
        one["tags"] = _ranged(present[name], of_frames)
    everywhere = [(index, frame.tags) for index, frame in ordered]
    return {
        "description": texts.pop() if len(texts) == 1 else "",
        "key": key,
        "tags": _ranged(everywhere, of_frames),
        "objects": list(objects.values()),
        "framesCount": len(ordered),
        "frames": [
            {"index": index, "figures": frame.figures} for index, frame in ordered if frame.figures
        ],
    }


def _ranged(
    frames: list[tuple[int, list[dict[str, Any]]]], of_frames: frozenset[str]
) -> list[dict[str, Any]]:
    """Join equal tags of frames that follow one another.

    Args:
        frames: Number and tags of each frame, in order.
        of_frames: Tags that keep their range where they have one value in all these frames.
    """
    runs: list[dict[str, Any]] = []
    last: dict[tuple[str, str], dict[str, Any]] = {}
    before: int | None = None
    for index, tags in frames:
        current = {}
        for tag in tags:
            name = (tag["name"], repr(tag["value"]))
            run = last.get(name)
            if run is None:
                run = {**tag, "frameRange": [index, index]}
                runs.append(run)
            elif before is not None:
                run["frameRange"] = [run["frameRange"][0], index]
            current[name] = run
        last, before = current, index
    span = [frames[0][0], frames[-1][0]] if frames else []
    for run in runs:
        if run["frameRange"] == span and run["name"] not in of_frames:
            del run["frameRange"]
    return runs
