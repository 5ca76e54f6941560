"""Running an export: from a dataset to a published output and a report."""

from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING, Any

from msgspec import Struct
from msgspec.structs import force_setattr, replace

from dsk.adapt import adapt_header
from dsk.descriptors import Option
from dsk.engines import Job, engine_for
from dsk.errors import LossError, OptionError, OutputError, OutputExistsError, UsageError
from dsk.flow import HEAVY_ITEMS
from dsk.loss import Ledger
from dsk.media import WRITTEN_SUFFIXES
from dsk.names import SubsetNames
from dsk.options import check_options
from dsk.output import MediaSettings, WriteContext
from dsk.progress import Progress
from dsk.registry import registry, resolve
from dsk.staging import Output, output_error

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from dsk.dataset import Dataset
    from dsk.descriptors import Capabilities, ExporterInfo
    from dsk.flow import Exporter, Header, Source
    from dsk.loss import Report

__all__ = ["ExportSettings", "export_dataset", "held"]


NEAR = 60
"""Letters that are shown on both sides of what is no text: it may be in a list of all items."""


class ExportSettings(Struct, frozen=True, kw_only=True):
    """What core decides for every exporter.

    Attributes:
        save_media: Write images and other media too.
        image_ext: Ending that images shall have; others are re-encoded.
        media: "copy" bytes, or hard "link" files where that is possible.
        overwrite: Replace what is at the destination.
        jobs: Number of processes, or "auto".
        engine: Name of an engine, or None for the one that fits ``jobs``.
        strict: Refuse the export if anything would be lost.
        dry_run: Write nothing; the report is a forecast.
        progress: Show a progress line on a terminal.
    """

    save_media: bool = False
    image_ext: str | None = None
    media: str = "copy"
    overwrite: bool = False
    jobs: int | str = 1
    engine: str | None = None
    strict: bool = False
    dry_run: bool = False
    progress: bool = False

    def __post_init__(self) -> None:
        if self.media not in ("copy", "link"):
            raise OptionError(f"media is 'copy' or 'link', not {self.media!r}")
        if self.image_ext is not None and not self.image_ext.startswith("."):
            force_setattr(self, "image_ext", f".{self.image_ext}")
        if self.image_ext is not None and self.image_ext.lower() not in WRITTEN_SUFFIXES:
            raise OptionError(
                f"images cannot be written as {self.image_ext!r}",
                hint=f"one of: {', '.join(sorted(WRITTEN_SUFFIXES))}",
            )


_OWN = frozenset(ExportSettings.__struct_fields__)
_SWITCHES = tuple(
    Option(name=name, type=bool) for name in ("save_media", "overwrite", "strict", "dry_run")
)
_SHARED = {"save_images": "save_media"}  # Datumaro's old name


def split_settings(given: Mapping[str, Any]) -> tuple[ExportSettings, dict[str, Any]]:
    """Part core's settings from the exporter's own options.

    Raises:
        OptionError: A setting does not fit.
    """
    own: dict[str, Any] = {}
    rest: dict[str, Any] = {}
    for raw, value in given.items():
        name = raw.replace("-", "_")
        name = _SHARED.get(name, name)
        if name not in _OWN:
            rest[raw] = value
        else:
            own[name] = value
    return ExportSettings(**{**own, **check_options("export", _SWITCHES, _switches(own))}), rest


def _switches(given: Mapping[str, Any]) -> dict[str, Any]:
    return {option.name: given[option.name] for option in _SWITCHES if option.name in given}


def _options(info: ExporterInfo, name: str, given: Mapping[str, Any]) -> dict[str, Any]:
    checked = check_options(f"exporter {name}", info.options, given)
    return {**info.alias_options.get(name, {}), **checked}


def export_dataset(
    dataset: Dataset, path: str | os.PathLike[str], name: str, given: Mapping[str, Any]
) -> Report:
    """Write a dataset, see ``Dataset.export``."""
    started = time.monotonic()
    info = registry().exporter(name)
    settings, rest = split_settings(given)
    options = _options(info, name, rest)
    exporter: Exporter = resolve(info.target)(**options)
    engine = engine_for(settings.jobs, settings.engine)
    ledger = Ledger(dataset.on_error)
    ledger.merge(dataset.opening_ledger)
    media = MediaSettings(
        settings.save_media or info.always_saves_media, settings.image_ext, settings.media
    )
    out: Output | None = None
    _check_destination(dataset.places, path)
    try:
        out = Output(path, overwrite=settings.overwrite, dry=settings.dry_run)
        context = WriteContext(out, ledger, media)
        header = dataset.header  # may plan: only when it is sure that the output is not refused
        ledger.merge(dataset.planning_ledger)
        context.total_items = header.items
        job = _job(dataset, exporter, held(exporter, info, options, header), context)
        if job.subsets is not None:
            header = replace(header, subsets=tuple(job.subsets[name] for name in header.subsets))
        progress = (
            Progress.on_terminal(header.items, f"→ {name}") if settings.progress else Progress()
        )
        exporter.begin(header, context)
        states = []
        for state, share in engine.run(job, progress):
            states.append(state)
            ledger.merge(share)
        exporter.finish(states, context)
        progress.close()
        if settings.strict:
            _refuse_losses(ledger, time.monotonic() - started)
        place = out.publish()
    except OSError as error:
        raise output_error(error, error.filename or str(path)) from error
    except UnicodeEncodeError as error:
        near = error.object[max(error.start - NEAR, 0) : error.end + NEAR]
        raise OutputError(
            f"{near!r} is no Unicode text", where=str(path), hint="rename it"
        ) from error
    finally:
        if out is not None:
            out.discard()  # does nothing to a published one
    return ledger.report(seconds=time.monotonic() - started, output=place)


_HISTORIES = (".git", ".hg", ".svn", ".dvc")
"""What makes a folder a repository."""


def _check_destination(sources: Sequence[str], destination: str | os.PathLike[str]) -> None:
    """Refuse a destination whose content is dear, as publishing replaces it.

    That is one that is or holds the input, the folder one is in, one's home, or a repository.
    """
    if not os.fspath(destination):
        raise UsageError("there is no name for the output", hint="-o FOLDER")
    place = os.path.realpath(destination)
    if _is_below(os.getcwd(), place):  # noqa: PTH109
        raise OutputError(
            "the output would replace the folder you are in",
            where=place,
            hint="name a new folder in it, or go elsewhere first",
        )
    if _is_below(os.path.realpath(os.path.expanduser("~")), place):  # noqa: PTH111
        raise OutputError(
            "the output would replace your home folder", where=place, hint="name a new folder in it"
        )
    if not os.path.exists(destination):  # noqa: PTH110
        return
    kept = next((name for name in _HISTORIES if os.path.lexists(os.path.join(place, name))), None)  # noqa: PTH118
    if kept is not None:
        raise OutputExistsError(
            f"the output would replace a repository with its history ({kept})",
            where=place,
            hint="name a new folder in it",
        )
    if any(_is_below(os.path.realpath(source), place) for source in sources):
        raise OutputExistsError(
            "the output would replace the input", where=place, hint="choose another place"
        )


def _is_below(path: str, folder: str) -> bool:
    return path == folder or path.startswith(folder.rstrip(os.sep) + os.sep)


def held(
    exporter: Exporter, info: ExporterInfo, options: Mapping[str, Any], header: Header
) -> Capabilities:
    """Return what an exporter holds.

    Args:
        exporter: It, made with the options.
        info: Its descriptor.
        options: What it was made with.
        header: What it shall write.
    """
    found = exporter.capabilities(header) or info.capabilities
    more = [option.label_fields for option in info.options if options.get(option.name)]
    return replace(found, label_fields=found.label_fields.union(*more))


def _job(
    dataset: Dataset, exporter: Exporter, capabilities: Capabilities, context: WriteContext
) -> Job:
    header = dataset.header
    adapt_header(header, capabilities, context.ledger)
    source, steps = dataset.planned()
    heavy = (
        exporter.heavy
        or any(step.heavy for step in steps)
        or (context.save_media and context.media.image_ext is not None)  # encoded anew
    )
    names = SubsetNames(capabilities.unfit_subsets, header.subsets)
    as_they_are = header.subsets and all(names[name] == name for name in header.subsets)
    return Job(
        source=source,
        partitions=_partitions(source, HEAVY_ITEMS if heavy else source.partition_items),
        steps=steps,
        exporter=exporter,
        capabilities=capabilities,
        context=context,
        subsets=None if as_they_are or not capabilities.subsets else names,
    )


def _partitions(source: Source, most: int) -> Sequence[Any]:
    """Return the partitions of a source, none of more items than this; it stays as it was."""
    usual = source.partition_items
    source.partition_items = min(usual, most)
    try:
        return source.partitions()
    finally:
        source.partition_items = usual


def _refuse_losses(ledger: Ledger, seconds: float) -> None:
    losses = ledger.losses()
    if losses:
        named = "; ".join(f"{e.what} ({e.code}, {e.count})" for e in losses[:3])
        more = f" and {len(losses) - 3} more" if len(losses) > 3 else ""
        error = LossError(
            f"the target cannot hold everything: {named}{more}",
            hint="--dry-run shows all; without --strict they are only reported",
        )
        error.report = ledger.report(seconds=seconds, output="")
        raise error
