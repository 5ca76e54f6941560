"""Write the pages of docs/ that come from the packages themselves.

docs/formats/*.md: one per plugin, from its descriptors and its hand-written notes.md.
docs/transforms/*.md: one per transform, from its descriptor, the section of its name in
transforms/notes/FOLDER.md, and its picture if there is one.
docs/differences-from-datumaro.md: from each package's differences.md.

    python scripts/make_docs.py            write the pages
    python scripts/make_docs.py --check    exit 1 if a page is not up to date

Needs all format packages installed; each package's ``notes.md`` says what a person must know.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from dsk.descriptors import Capabilities, ExporterInfo, ImporterInfo, Option, TransformInfo
from dsk.registry import Plugin, registry

if TYPE_CHECKING:
    from collections.abc import Sequence

ROOT = Path(__file__).resolve().parent.parent
PAGES = ROOT / "docs" / "formats"
TRANSFORM_PAGES = ROOT / "docs" / "transforms"
MADE = "<!-- Made by scripts/make_docs.py from the package's descriptors and its notes. -->"


def cell(value: object) -> str:
    return str(value).replace("|", "\\|").replace("\n", " ")


def table(head: Sequence[str], rows: Sequence[Sequence[object]]) -> list[str]:
    lines = [f"| {' | '.join(head)} |", f"|{' --- |' * len(head)}"]
    return lines + [f"| {' | '.join(map(cell, row))} |" for row in rows]


def option_rows(options: Sequence[Option]) -> list[tuple[object, ...]]:
    rows = []
    for option in options:
        kind = option.type if isinstance(option.type, str) else option.type.__name__
        choices = f" ({', '.join(option.choices)})" if option.choices else ""
        default = "" if option.default is None else f"`{option.default}`"
        fields = ", ".join(f"label {name}" for name in sorted(option.label_fields))
        keeps = f"; keeps {fields}" if fields else ""
        rows.append((f"`{option.name}`", kind + choices, default, option.help + keeps))
    return rows


def kept(caps: Capabilities) -> str:
    parts = [
        *sorted(caps.fields),
        *(f"attribute `{name}`" for name in sorted(caps.attributes)),
        *(f"label {name}" for name in sorted(caps.label_fields)),
    ]
    if caps.item_attributes is True:
        parts.append("item attributes")
    if "polygon" in caps.annotations:
        parts.append("several rings" if caps.multi_ring else "single rings only")
        if caps.holes:
            parts.append("holes")
    return ", ".join(parts) or "nothing more"


def section(reads: ImporterInfo | None, writes: ExporterInfo | None) -> list[str]:
    info = writes or reads
    if info is None:
        return []
    lines = [f"## {info.name}", "", info.summary, ""]
    aliases = sorted({*(reads.aliases if reads else ()), *(writes.aliases if writes else ())})
    if aliases:
        lines += [f"Also called {', '.join(f'`{a}`' for a in aliases)}.", ""]
    layout = (writes.layout if writes else "") or (reads.layout if reads else "")
    if layout:
        lines += ["```text", layout.strip("\n"), "```", ""]
    if reads is not None:
        kinds = ", ".join(sorted(reads.kinds)) or "no annotations"
        lines += [f"**Reading** gives {kinds}.", ""]
        if reads.options:
            lines += [*table(("-I", "type", "default", ""), option_rows(reads.options)), ""]
    if writes is None:
        lines += ["It cannot be written.", ""]
    else:
        kinds = ", ".join(sorted(writes.capabilities.annotations)) or "no annotations"
        lines += [f"**Writing** holds {kinds}; it keeps {kept(writes.capabilities)}.", ""]
        if writes.options:
            lines += [*table(("-O", "type", "default", ""), option_rows(writes.options)), ""]
    return lines


def page(dist: str, plugin: Plugin, notes: str) -> str:
    importers = {i.name: i for i in plugin.infos if isinstance(i, ImporterInfo)}
    exporters = {i.name: i for i in plugin.infos if isinstance(i, ExporterInfo)}
    names = list(dict.fromkeys([*importers, *exporters]))
    rows = [
        (f"`{n}`", "yes" if n in importers else "", "yes" if n in exporters else "", info.summary)
        for n in names
        if (info := exporters.get(n) or importers[n])
    ]
    lines = [
        MADE,
        f"# {dist}",
        "",
        f"`pip install {dist}`",
        "",
        *table(("format", "read", "written", ""), rows),
        "",
        notes.strip(),
        "",
    ]
    for name in names:
        lines += section(importers.get(name), exporters.get(name))
    return "\n".join(lines).rstrip("\n") + "\n"


DIFFERENCES = """\
<!-- Made by scripts/make_docs.py from the packages' differences.md. -->
# Differences from Datumaro

dsk uses Datumaro's names for formats, annotation types, attributes and options. This page lists
where it behaves differently on purpose, format by format, with the reason.
"""


def differences() -> str:
    parts = [DIFFERENCES]
    packages = [*(ROOT / "formats").glob("*/differences.md"), *ROOT.glob("*/differences.md")]
    formats = sorted(packages, key=lambda path: path.parent.name)
    for path in [*formats, *sorted((ROOT / "transforms" / "differences").glob("*.md"))]:
        lines = path.read_text(encoding="utf-8").strip().splitlines()
        if lines and lines[0].startswith("#"):
            lines = lines[1:]
        text = "\n".join(lines).strip()
        own = path.stem == "differences"
        parts.append(f"## {path.parent.name if own else f'transforms: {path.stem}'}\n\n{text}\n")
    return "\n".join(parts)


def notes_of_transforms() -> tuple[dict[str, str], dict[str, str]]:
    """Return the hand-written text of each transform, and of each folder."""
    sections: dict[str, str] = {}
    folders: dict[str, str] = {}
    for path in sorted((ROOT / "transforms" / "notes").glob("*.md")):
        first, *parts = ("\n" + path.read_text(encoding="utf-8")).split("\n## ")
        lines = first.strip().splitlines()
        folders[path.stem] = "\n".join(
            lines[1:] if first.strip().startswith("#") else lines
        ).strip()
        for part in parts:
            name, _, text = part.partition("\n")
            sections[name.strip().strip("`")] = text.strip()
    return sections, folders


def transform_page(info: TransformInfo, notes: str) -> str:
    lines = [MADE, f"# {info.name}", "", info.summary, ""]
    if info.aliases:
        lines += [f"Also called {', '.join(f'`{a}`' for a in info.aliases)}.", ""]
    if (TRANSFORM_PAGES / "pictures" / f"{info.name}.png").is_file():
        lines += [f"![before and after](pictures/{info.name}.png)", ""]
    lines += [notes, ""]
    if info.options:
        rows = [
            (
                f"`--{name.strip('`').replace('_', '-')}`" + (f" `-{o.short}`" if o.short else ""),
                *rest,
            )
            for o, (name, *rest) in zip(info.options, option_rows(info.options), strict=True)
        ]
        lines += ["## Options", "", *table(("option", "type", "default", ""), rows), ""]
    return "\n".join(lines).rstrip("\n") + "\n"


def transform_pages() -> dict[Path, str]:
    sections, folders = notes_of_transforms()
    made: dict[Path, str] = {}
    by_folder: dict[str, list[TransformInfo]] = {}
    for plugin in registry().plugins:
        for info in plugin.infos:
            if isinstance(info, TransformInfo) and plugin.module.startswith("dsk_transforms"):
                by_folder.setdefault(info.target.split(".")[1], []).append(info)
                if info.name not in sections:
                    sys.exit(f"transforms/notes has no section ## {info.name}")
                made[TRANSFORM_PAGES / f"{info.name}.md"] = transform_page(
                    info, sections[info.name]
                )
    lines = [MADE, "# Transforms", "", "`pip install dsk-transforms`", ""]
    for folder, infos in by_folder.items():
        rows = [(f"[`{i.name}`]({i.name}.md)", i.summary) for i in infos]
        lines += [f"## {folder.capitalize()}", "", *table(("", ""), rows), ""]
        if folders.get(folder):
            lines += [folders[folder], ""]
    if by_folder:
        made[TRANSFORM_PAGES / "README.md"] = "\n".join(lines).rstrip("\n") + "\n"
    return made


def pages() -> dict[Path, str]:
    made = {ROOT / "docs" / "differences-from-datumaro.md": differences()}
    for plugin in registry().plugins:
        if plugin.error:
            sys.exit(f"plugin {plugin.name} is broken: {plugin.error}")
        package = plugin.module.partition(".")[0].removeprefix("dsk_")
        for notes in (ROOT / "formats" / package / "notes.md", ROOT / package / "notes.md"):
            if notes.is_file():
                made[PAGES / f"{package}.md"] = page(
                    f"dsk-{package}", plugin, notes.read_text(encoding="utf-8")
                )
    return made | transform_pages()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true")
    check = parser.parse_args().check
    stale = []
    for path, text in pages().items():
        if path.is_file() and path.read_text(encoding="utf-8") == text:
            continue
        stale.append(path.relative_to(ROOT).as_posix())
        if not check:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
    if stale:
        print(("not up to date: " if check else "written: ") + ", ".join(stale))
    sys.exit(1 if check and stale else 0)


if __name__ == "__main__":
    main()
