"""What is installed: formats, transforms, plugins."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from msgspec.structs import asdict

from dsk.cli.text import emit_json, table, tell
from dsk.descriptors import ALL_KINDS, ExporterInfo, ImporterInfo, Option
from dsk.registry import registry

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["show_format", "show_formats", "show_matrix", "show_plugins", "show_transforms"]

_COLUMNS = (
    ("label", "label"),
    ("bbox", "bbox"),
    ("rotated_bbox", "rbox"),
    ("polygon", "poly"),
    ("mask", "mask"),
    ("skeleton", "skel"),
    ("points", "pts"),
    ("polyline", "line"),
    ("ellipse", "ell"),
    ("caption", "capt"),
    ("cuboid_2d", "cub2"),
    ("cuboid_3d", "cub3"),
    ("mask_3d", "msk3"),
)


def _names() -> list[str]:
    return sorted({*registry().importers.names(), *registry().exporters.names()})


def _pair(name: str) -> tuple[ImporterInfo | None, ExporterInfo | None]:
    return registry().importers.find(name), registry().exporters.find(name)


def show_formats(*, as_json: bool) -> None:
    """List formats, what can be done with each, and their aliases."""
    if as_json:
        emit_json([_facts(name) for name in _names()])
        return
    rows = []
    for name in _names():
        reads, writes = _pair(name)
        info = writes or reads
        does = ("r" if reads else "-") + ("w" if writes else "-")
        rows.append((name, does, info.summary if info else ""))
    for line in table(rows, ("FORMAT", "", "")):
        tell(line)
    if not rows:
        tell(
            "no format is installed: pip install dsk-coco dsk-voc dsk-yolo dsk-datumaro dsk-images"
        )
    tell("\nr: can be read, w: can be written.  dsk formats NAME shows options and layout.")


def _facts(name: str) -> dict[str, Any]:
    reads, writes = _pair(name)
    info = writes or reads
    return {
        "name": name,
        "summary": info.summary if info else "",
        "aliases": sorted({*(reads.aliases if reads else ()), *(writes.aliases if writes else ())}),
        "layout": (writes.layout if writes else "") or (reads.layout if reads else ""),
        "import": {
            "kinds": sorted(reads.kinds),
            "media": sorted(reads.media),
            "options": [_option_facts(o) for o in reads.options],
        }
        if reads
        else None,
        "export": _export_facts(writes) if writes else None,
    }


def _export_facts(info: ExporterInfo) -> dict[str, Any]:
    holds = asdict(info.capabilities)
    return {
        "capabilities": {k: sorted(v) if isinstance(v, frozenset) else v for k, v in holds.items()},
        "options": [_option_facts(o) for o in info.options],
    }


def _type_name(option: Option) -> str:
    return option.type if isinstance(option.type, str) else option.type.__name__


def _option_facts(option: Option) -> dict[str, Any]:
    return {
        "name": option.name,
        "type": _type_name(option),
        "default": option.default,
        "choices": list(option.choices),
        "help": option.help,
        "short": option.short,
    }


def show_format(name: str, *, as_json: bool) -> None:
    """Show one format in detail.

    Raises:
        UnknownNameError: There is none of this name.
        PluginError: The package that brings it is not installed.
    """
    reads, writes = _pair(name)
    if reads is None and writes is None:
        registry().importer(name)
    if as_json:
        emit_json(_facts(name))
        return
    info = writes or reads
    if info is None:
        return
    tell(f"{info.name}: {info.summary}")
    aliases = _facts(name)["aliases"]
    if aliases:
        tell(f"also called: {', '.join(aliases)}")
    if info.layout:
        tell(f"\nlayout\n{_indented(info.layout)}")
    if reads is not None:
        tell(f"\nreading gives {', '.join(sorted(reads.kinds)) or 'no annotations'}")
        _show_options("-I", reads.options)
    if writes is not None:
        holds = writes.capabilities
        tell(f"\nwriting holds {', '.join(sorted(holds.annotations)) or 'no annotations'}")
        kept = [*sorted(holds.fields), *(f"attribute {a}" for a in sorted(holds.attributes))]
        tell(f"  and keeps {', '.join(kept) or 'no further fields'}")
        _show_options("-O", writes.options)
    elif reads is not None:
        tell("\nit cannot be written")


def _indented(text: str) -> str:
    return "\n".join(f"  {line}" for line in text.strip("\n").splitlines())


def _show_options(flag: str, options: Sequence[Option]) -> None:
    rows = []
    for option in options:
        default = "" if option.default is None else f" (default {option.default})"
        choices = f" one of {', '.join(option.choices)}" if option.choices else ""
        rows.append(
            (_spelled(flag, option), _type_name(option), f"{option.help}{choices}{default}")
        )
    for line in table(rows, indent="  "):
        tell(line)


def _spelled(flag: str, option: Option) -> str:
    """Return how an option is written: behind ``flag``, or, without one, behind ``--``."""
    if flag:
        return f"{flag} {option.name}="
    short = f" -{option.short}" if option.short else ""
    return f"--{option.name.replace('_', '-')}{short}"


def show_matrix(*, as_json: bool) -> None:
    """Show which format reads and writes which annotation kinds."""
    if as_json:
        emit_json(
            {
                name: {
                    kind: {
                        "read": bool(reads and kind in reads.kinds),
                        "write": bool(writes and kind in writes.capabilities.annotations),
                    }
                    for kind in sorted(ALL_KINDS)
                }
                for name in _names()
                for reads, writes in [_pair(name)]
            }
        )
        return
    rows = []
    for name in _names():
        reads, writes = _pair(name)
        cells = [
            ("r" if reads and kind in reads.kinds else "-")
            + ("w" if writes and kind in writes.capabilities.annotations else "-")
            for kind, _ in _COLUMNS
        ]
        rows.append([name, *("" if cell == "--" else cell for cell in cells)])
    for line in table(rows, ["FORMAT", *(short for _, short in _COLUMNS)]):
        tell(line)
    tell("\nr: read, w: written; what a target cannot hold is converted or reported.")


def show_transforms(name: str | None, *, as_json: bool) -> None:
    """List the transforms, or show one.

    Raises:
        UnknownNameError: There is none of this name.
        PluginError: No package brings transforms.
    """
    infos = list(registry().transforms) if name is None else [registry().transform(name)]
    if as_json:
        facts = [
            {"name": i.name, "summary": i.summary, "options": [_option_facts(o) for o in i.options]}
            for i in infos
        ]
        emit_json(facts if name is None else facts[0])
    elif name is not None:
        tell(f"{infos[0].name}: {infos[0].summary}")
        _show_options("", infos[0].options)
    else:
        for line in table((i.name, i.summary) for i in infos):
            tell(line)
        if not infos:
            tell("no transform is installed: pip install dsk-transforms")


def show_plugins(*, as_json: bool) -> None:
    """List the plugins, broken ones with the reason."""
    rows = []
    for plugin in registry().plugins:
        brings = ", ".join(dict.fromkeys(info.name for info in plugin.infos))
        rows.append(
            {
                "name": plugin.name,
                "dist": plugin.dist,
                "version": plugin.version,
                "module": plugin.module,
                "brings": brings,
                "error": plugin.error,
            }
        )
    if as_json:
        emit_json(rows)
        return
    lines = [
        (
            r["name"],
            f"{r['dist']} {r['version']}".strip(),
            f"FAILED: {r['error']}" if r["error"] else r["brings"],
        )
        for r in rows
    ]
    for line in table(lines, ("PLUGIN", "PACKAGE", "BRINGS")):
        tell(line)
    if not rows:
        tell(
            "no plugin is installed: pip install dsk-coco dsk-voc dsk-yolo dsk-datumaro dsk-images"
        )
