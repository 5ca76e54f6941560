"""The cases of an nnU-Net dataset: those of its folders, or those that dataset.json lists."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from dsk.errors import InputError, RecordError
from dsk_medical.cases.reading import Case, opened
from dsk_medical.nnunet.layout import split_channel, without_ending
from dsk_medical.nnunet.paths import explicit_path

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dsk.files import InputRoot
    from dsk.loss import Ledger

__all__ = ["iter_cases"]

FOLDERS = {"Tr": "train", "Ts": "test"}


def iter_cases(
    root: InputRoot,
    folder: str,
    names: tuple[str, ...],
    ledger: Ledger,
    *,
    ending: str,
    explicit: Any,
) -> Iterator[Case]:
    """Yield the cases of a dataset.

    Args:
        root: Where it is.
        folder: Its folder.
        names: Names of its channels.
        ledger: Where bad cases go.
        ending: Ending of its files.
        explicit: ``dataset`` of its dataset.json: files by case, instead of the training folders.
    """
    base = f"{folder}/" if folder else ""
    if isinstance(explicit, dict):
        yield from _listed(root, folder, names, explicit, ledger)
    for suffix, subset in FOLDERS.items():
        if suffix == "Tr" and isinstance(explicit, dict):
            continue
        images, labels = f"{base}images{suffix}", f"{base}labels{suffix}"
        found: dict[str, dict[int, str]] = {}
        for name in root.entries(images)[1]:
            place = split_channel(name, ending)
            if place is not None:
                found.setdefault(place[0], {})[place[1]] = f"{images}/{name}"
        known = {
            stem: f"{labels}/{name}"
            for name in root.entries(labels)[1]
            if (stem := without_ending(name, (ending,))) is not None
        }
        if suffix == "Tr" and (bare := found.keys() - known.keys()):
            what = f"{len(bare)} cases have no labels, the first is {min(bare)}"
            ledger.warn(f"{root.show(images)}: {what}")
        for case, channels in sorted(found.items()):
            label = known.pop(case, "")
            if list(channels) == [0] and len(names) > 1 and _holds_all(root, channels[0], names):
                yield Case(case, subset, (("", channels[0]),), label, names)
            elif set(channels) != set(range(len(names))):
                _bad_channels(root, f"{images}/{case}", channels, names, ledger)
            else:
                files = tuple((names[n], channels[n]) for n in range(len(names)))
                yield Case(case, subset, files, label)
        for stem in sorted(known):
            ledger.warn(f"{root.show(known[stem])} has no image in {images}")


def _holds_all(root: InputRoot, file: str, names: tuple[str, ...]) -> bool:
    """Whether a case's only file has all channels: a picture in colour, or four axes."""
    try:
        return opened(root, file)[0].shape[3:] == (len(names),)
    except InputError:
        return False


def _bad_channels(
    root: InputRoot,
    where: str,
    channels: dict[int, str],
    names: tuple[str, ...],
    ledger: Ledger,
) -> None:
    ledger.bad_record(
        RecordError(
            f"the case has the channels {sorted(channels)}, dataset.json names {len(names)}",
            where=root.show(where),
            hint="each case has one file for each channel: _0000, _0001 and so on",
            item=where.rpartition("/")[2],
        )
    )


def _listed(
    root: InputRoot,
    folder: str,
    names: tuple[str, ...],
    explicit: dict[str, Any],
    ledger: Ledger,
) -> Iterator[Case]:
    where = root.show(f"{folder}/dataset.json".strip("/"))
    for case, entry in explicit.items():
        place = f"{where}#/dataset/{case}"
        try:
            if not isinstance(entry, dict) or not isinstance(entry.get("images"), list):
                raise RecordError("images and label are expected", where=place)
            files = [explicit_path(root, folder, file, place) for file in entry["images"]]
            label = entry.get("label")
            labels = explicit_path(root, folder, label, place) if label else ""
            if len(files) != len(names):
                raise RecordError(
                    f"{len(files)} images, dataset.json names {len(names)} channels", where=place
                )
        except InputError as error:
            ledger.bad_record(
                RecordError(error.message, where=error.where, hint=error.hint, item=case)
            )
            continue
        yield Case(case, "train", tuple(zip(names, files, strict=True)), labels)
