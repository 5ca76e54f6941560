"""What a plugin says about itself without being imported: frozen descriptors.

A plugin module returns these from its hooks. They name the code by an import string
(``"dsk_coco.exporter:CocoExporter"``), so listing formats never imports a format.
This module imports nothing heavy, and plugin modules import nothing but this one and ``dsk.hooks``.
"""

from __future__ import annotations

import re
from typing import Any

from msgspec import Struct, field

__all__ = [
    "ANY_SUBSET",
    "META_FIELDS",
    "SUBSET_FOLDER",
    "SUBSET_PATH",
    "Capabilities",
    "CommandInfo",
    "EngineInfo",
    "ExporterInfo",
    "ImporterInfo",
    "Option",
    "TransformInfo",
    "reserving",
]

ALL_KINDS = frozenset(
    {
        "label",
        "caption",
        "bbox",
        "rotated_bbox",
        "polygon",
        "polyline",
        "points",
        "skeleton",
        "ellipse",
        "mask",
        "mask_3d",
        "cuboid_2d",
        "cuboid_3d",
    }
)


SUBSET_FOLDER = r"[/\\\x00-\x1f\x7f]|^\.|^$|(?<=^[A-Za-z]):"
"""What names of subsets cannot hold that become the name of one folder or file.

Such with a leading dot are passed over as hidden, such with a drive letter are refused as absolute.
"""

SUBSET_PATH = r"[\\\x00-\x1f\x7f]|^/|/$|(?<=/)[/.]|^\.|^$|(?<=^[A-Za-z]):"
"""The same of those that become a path of folders."""

META_FIELDS = frozenset({"parent", "colors", "points"})
"""What ``dataset_meta.json`` says of labels, see ``dsk.metafile``."""

ANY_SUBSET = r"(?!)"
"""For targets that hold any name, or see to it themselves: nothing is found."""


def reserving(*names: str, grammar: str = SUBSET_FOLDER) -> str:
    """Return a grammar for ``Capabilities.unfit_subsets`` that keeps some names for itself.

    Args:
        names: What subsets cannot be called, however it is capitalised, as the folder or file of
            that name is another one: core appends an underscore.
        grammar: What names of subsets cannot hold else.
    """
    return "|".join([grammar, *(rf"(?<=^(?i:{re.escape(name)}))\Z" for name in names)])


class Option(Struct, frozen=True, kw_only=True):
    """A typed option; equals a keyword-only parameter of the class it belongs to.

    Attributes:
        name: Python identifier; users may write dashes for underscores.
        type: str, int, float, bool, "path", "list" (texts, comma separated or repeated:
            ``list[str]``) or "mapping" (words ``a:b``, comma separated or repeated:
            ``dict[str, str]``).
        default: Value when not given.
        choices: The allowed values, if they are few.
        help: One line.
        short: Datumaro's short flag without its dash ("l" for ``-l``, "dw" for ``-dw``), or "".
        aliases: Other names for it, for instance those that Datumaro has in Python.
        label_fields: What a target keeps of labels while the option is on, beside what its
            ``Capabilities.label_fields`` say.
    """

    name: str
    type: type | str = str
    default: Any = None
    choices: tuple[str, ...] = ()
    help: str = ""
    short: str = ""
    aliases: tuple[str, ...] = ()
    label_fields: frozenset[str] = frozenset()


class Capabilities(Struct, frozen=True, kw_only=True):
    """What a target can hold; core adapts items to it and reports what does not fit.

    Attributes:
        annotations: Annotation kinds it holds.
        media: Media kinds it holds.
        fields: Which of "id", "group", "object_id", "z_order", "attributes", "point_attributes" (of
            skeletons) it keeps.
        attributes: Names of attributes it keeps even if "attributes" is not among ``fields``.
            "outside" is of use only here: a target that does not name it gets no annotations of
            objects that have left the view (``dsk.annotations.is_outside``).
        needs_label: Kinds that cannot be written without a label.
        multi_ring: One polygon may have several rings; otherwise core splits it into a group.
        holes: Polygons may have holes.
        item_attributes: Keeps attributes of items: True, False or just those names.
        subsets: Keeps the names of subsets.
        unfit_subsets: Regular expression that finds what these names cannot hold, a character at a
            time: core replaces it and reports that. ``SUBSET_FOLDER``, ``SUBSET_PATH``,
            ``ANY_SUBSET``, ``reserving("images")`` or one of its own.
        convert: For a kind that it does not hold, the kinds to convert to, best first; overrides
            ``dsk.convert.PREFERENCES``. An empty tuple means: drop, do not convert.
        family: Key of the ``extra`` fields it writes back ("coco"), "*" for all, "" for none.
        label_fields: Which of "parent", "attributes", "colors", "points", "groups" it keeps.
    """

    annotations: frozenset[str] = frozenset()
    media: frozenset[str] = frozenset({"image"})
    fields: frozenset[str] = frozenset()
    attributes: frozenset[str] = frozenset()
    needs_label: frozenset[str] = frozenset()
    multi_ring: bool = True
    holes: bool = False
    item_attributes: bool | frozenset[str] = False
    subsets: bool = True
    unfit_subsets: str = SUBSET_FOLDER
    convert: tuple[tuple[str, tuple[str, ...]], ...] = ()
    family: str = ""
    label_fields: frozenset[str] = frozenset()


class ImporterInfo(Struct, frozen=True, kw_only=True):
    """A format that can be read.

    Attributes:
        name: What users type.
        target: Import string of the ``Importer`` class.
        summary: One line.
        aliases: Other names for it; importing by an alias passes ``alias_options``.
        alias_options: Option values that an alias stands for.
        detector: Import string of ``detect(root: InputRoot) -> Detection | None``; it may look at
            names and at the first bytes of a few files, and must not need the format's libraries.
        kinds: Annotation kinds it produces.
        media: Media kinds it produces.
        options: Its options.
        layout: The file layout, as text for ``dsk formats NAME``.
    """

    name: str
    target: str
    summary: str = ""
    aliases: tuple[str, ...] = ()
    alias_options: dict[str, dict[str, Any]] = field(default_factory=dict)
    detector: str = ""
    kinds: frozenset[str] = frozenset()
    media: frozenset[str] = frozenset({"image"})
    options: tuple[Option, ...] = ()
    layout: str = ""


class ExporterInfo(Struct, frozen=True, kw_only=True):
    """A format that can be written.

    Attributes:
        name: What users type.
        target: Import string of the ``Exporter`` class.
        summary: One line.
        aliases: Other names for it.
        alias_options: Option values that an alias stands for.
        capabilities: The most it can hold; options may narrow it (``Exporter.capabilities``).
        options: Its options.
        layout: The file layout, as text for ``dsk formats NAME``.
        always_saves_media: The format is nothing without its media, so they are always written.
    """

    name: str
    target: str
    summary: str = ""
    aliases: tuple[str, ...] = ()
    alias_options: dict[str, dict[str, Any]] = field(default_factory=dict)
    capabilities: Capabilities = Capabilities()
    options: tuple[Option, ...] = ()
    layout: str = ""
    always_saves_media: bool = False


class TransformInfo(Struct, frozen=True, kw_only=True):
    """A dataset-to-dataset operation; ``target`` names a ``dsk.flow.Transform`` class."""

    name: str
    target: str
    summary: str = ""
    aliases: tuple[str, ...] = ()
    options: tuple[Option, ...] = ()


class CommandInfo(Struct, frozen=True, kw_only=True):
    """A command of ``dsk``; ``target`` names a typer app or a function for ``typer``."""

    name: str
    target: str
    summary: str = ""


class EngineInfo(Struct, frozen=True, kw_only=True):
    """A way to map work over partitions; ``target`` names a ``dsk.engines.Engine`` class."""

    name: str
    target: str
    summary: str = ""
