"""Finding plugins, loading each in isolation, and looking names up.

``pluggy.PluginManager.load_setuptools_entrypoints`` ends the program at the first plugin that does
not import, so the loop over entry points is dsk's own. A plugin that fails is left out with one
warning line; the rest works, and ``dsk plugins`` shows the reason.
"""

from __future__ import annotations

import functools
import importlib
import os
import warnings
from importlib.metadata import EntryPoint, entry_points
from types import FunctionType, ModuleType
from typing import TYPE_CHECKING, Any, Generic, TypeVar

import pluggy
from msgspec import Struct, field

from dsk.descriptors import (
    CommandInfo,
    EngineInfo,
    ExporterInfo,
    ImporterInfo,
    TransformInfo,
)
from dsk.errors import DskWarning, PluginError, UnknownNameError
from dsk.hooks import API, ENTRY_POINT_GROUP, Specs

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

__all__ = ["KNOWN_PACKAGES", "Plugin", "Registry", "registry", "resolve"]

Info = TypeVar("Info", ImporterInfo, ExporterInfo, TransformInfo, CommandInfo, EngineInfo)

KNOWN_PACKAGES: dict[str, tuple[str, ...]] = {
    "dsk-coco": ("coco",),
    "dsk-voc": ("voc",),
    "dsk-yolo": ("yolo", "yolov8"),
    "dsk-datumaro": ("datumaro",),
    "dsk-images": ("image_dir", "image_zip"),
    "dsk-tracking": ("mot", "mot_seq", "mots", "mots_png"),
    "dsk-ocr": ("icdar",),
    "dsk-dota": ("dota",),
    "dsk-mvtec": ("mvtec",),
    "dsk-pose": ("mpii",),
    "dsk-cvat": ("cvat",),
    "dsk-labelme": ("label_me", "labelme"),
    "dsk-vott": ("vott",),
    "dsk-segment-anything": ("segment_anything",),
    "dsk-openimages": ("open_images",),
    "dsk-tfrecord": ("tf_detection_api",),
    "dsk-classification": ("imagenet", "cifar", "mnist"),
    "dsk-faces": ("wider_face", "widerface", "vgg_face2", "lfw", "celeba", "align_celeba"),
    "dsk-reid": ("market1501", "mars"),
    "dsk-pointcloud": (
        "kitti_raw",
        "sly_pointcloud",
        "kitti3d",
        "kitti_3d",
        "nuscenes",
        "cloud_dir",
        "pcd",
        "openpcdet",
        "mmdet3d",
    ),
    "dsk-medical": (
        "nifti",
        "brats",
        "nnunet",
        "msd",
        "bids",
        "nrrd",
        "segnrrd",
        "seg_nrrd",
        "dicom",
        "sly_volume",
    ),
    "dsk-scenes": (
        "cityscapes",
        "kitti",
        "camvid",
        "mapillary_vistas",
        "synthia",
        "common_semantic_segmentation",
    ),
    "dsk-ade20k": ("ade20k",),
    "dsk-video": ("video_frames", "kinetics"),
    "dsk-depth": ("common_super_resolution", "nyu_depth"),
    "dsk-createml": ("create_ml", "createml", "multiclass_csv", "tensorflow_csv"),
    "dsk-ava": ("ava",),
    "dsk-transforms": ("transform", "filter"),
    "dsk-analysis": ("stats", "validate", "diff"),
    "dsk-project": ("project", "create", "add", "remove", "import", "export"),
}
"""Packages of this project and the names (or beginnings of names) they bring."""


class Plugin(Struct):
    """One entry point and what became of it."""

    name: str
    module: str
    dist: str = ""
    version: str = ""
    error: str = ""
    infos: list[Any] = field(default_factory=list)


class Table(Generic[Info]):
    """Descriptors of one sort by name and alias."""

    def __init__(self, kind: str) -> None:
        self.kind = kind
        self.by_name: dict[str, Info] = {}
        self.aliases: dict[str, str] = {}
        self.plugins: dict[str, Plugin] = {}
        self.contested: dict[str, list[str]] = {}

    def add(self, info: Info, plugin: Plugin) -> None:
        """Enter a descriptor; a taken name belongs to the plugin whose entry point has it."""
        name = info.name
        full = f"{plugin.dist or plugin.name}:{name}"
        self.by_name[full] = info
        owner = self.plugins.get(name)
        if plugin.name == name or (owner is None and name not in self.contested):
            if owner is None or owner.name != name:
                self._enter(name, info, plugin)
        elif owner is None or (owner.name != name and owner.dist != plugin.dist):
            others = self.contested.setdefault(name, [])
            if owner is not None:
                others.append(f"{owner.dist or owner.name}:{name}")
                del self.by_name[name], self.plugins[name]
            others.append(full)
        for alias in getattr(info, "aliases", ()):
            self.aliases.setdefault(alias, full)

    def _enter(self, name: str, info: Info, plugin: Plugin) -> None:
        self.by_name[name] = info
        self.plugins[name] = plugin
        self.contested.pop(name, None)

    def names(self) -> list[str]:
        """Return the plain names, sorted."""
        return sorted(name for name in self.by_name if ":" not in name)

    def find(self, name: str) -> Info | None:
        """Return the descriptor of a name, alias or ``dist:name``, or None."""
        info = self.by_name.get(name)
        return info if info is not None else self.by_name.get(self.aliases.get(name, ""))

    def __iter__(self) -> Iterator[Info]:
        return (self.by_name[name] for name in self.names())


class _Manager(pluggy.PluginManager):
    """Looks for the hooks of a module among its functions only: the library's look takes long."""

    def parse_hookimpl_opts(self, plugin: object, name: str) -> pluggy.HookimplOpts | None:
        """See ``pluggy.PluginManager.parse_hookimpl_opts``."""
        if isinstance(plugin, ModuleType) and not isinstance(vars(plugin).get(name), FunctionType):
            return None
        return super().parse_hookimpl_opts(plugin, name)


class Registry:
    """All plugins of this installation.

    Args:
        points: Entry points to load; those of the installation by default.
    """

    def __init__(self, points: Iterable[EntryPoint] | None = None) -> None:
        self.manager = _Manager("dsk")
        self.manager.add_hookspecs(Specs)
        self.plugins: list[Plugin] = []
        self.importers: Table[ImporterInfo] = Table("format")
        self.exporters: Table[ExporterInfo] = Table("format")
        self.transforms: Table[TransformInfo] = Table("transform")
        self.commands: Table[CommandInfo] = Table("command")
        self.engines: Table[EngineInfo] = Table("engine")
        found = entry_points(group=ENTRY_POINT_GROUP) if points is None else points
        for point in sorted(found, key=lambda p: (p.name, p.value)):
            if _wanted(point.name):
                self._load(point)
        self._check_hooks()
        for plugin in self.plugins:
            if not plugin.error:
                self._enter(plugin)
        self._warn_of_clashes()

    def _check_hooks(self) -> None:
        """Leave out plugins with hooks that nobody opened; all extension points are known now."""
        while True:
            try:
                self.manager.check_pending()
            except pluggy.PluginValidationError as error:
                name = self.manager.get_name(error.plugin)
                self.manager.unregister(error.plugin)
                for plugin in self.plugins:
                    if _full_name(plugin) == name:
                        _leave_out(plugin, error)
            else:
                return

    def _warn_of_clashes(self) -> None:
        tables: tuple[Table[Any], ...] = (self.importers, self.exporters, self.transforms)
        tables += (self.commands, self.engines)
        hidden = {n for t in tables for n, i in t.by_name.items() if t.by_name.get(_plain(n)) != i}
        for full in sorted(hidden):
            message = f"{full} has only this long name: another plugin has {_plain(full)!r} too"
            warnings.warn(message, DskWarning, stacklevel=3)

    def _load(self, point: EntryPoint) -> None:
        plugin = Plugin(point.name, point.value)
        self.plugins.append(plugin)
        plugin.dist, plugin.version = _dist(point)
        try:
            module = point.load()
            _check_api(module)
            self._read(module, plugin)
        except (Exception, SystemExit) as error:  # noqa: BLE001 - one plugin must not end all
            _leave_out(plugin, error)

    def _read(self, module: Any, plugin: Plugin) -> None:
        """Call the registration hooks of one plugin and check what they return."""
        name = _full_name(plugin)
        first = not self.manager.is_registered(module)  # a module may have several entry points
        if first:
            self.manager.register(module, name)
        try:
            for hook, cls in _HOOKS.items():
                implementation = getattr(module, hook, None)
                if implementation is None:
                    continue
                for info in implementation():
                    if not isinstance(info, cls):
                        msg = f"{hook} returned {type(info).__name__}, not {cls.__name__}"
                        raise TypeError(msg)  # noqa: TRY301
                    _check_info(info)
                    plugin.infos.append(info)
            for spec in getattr(module, "dsk_hookspecs", list)() if first else ():
                self.manager.add_hookspecs(spec)
        except BaseException:
            if first:
                self.manager.unregister(name=name)
            raise

    def _enter(self, plugin: Plugin) -> None:
        for info in plugin.infos:
            tables: dict[type, Table[Any]] = {
                ImporterInfo: self.importers,
                ExporterInfo: self.exporters,
                TransformInfo: self.transforms,
                CommandInfo: self.commands,
                EngineInfo: self.engines,
            }
            tables[type(info)].add(info, plugin)

    def importer(self, name: str) -> ImporterInfo:
        """Return the importer of a format.

        Raises:
            UnknownNameError: There is none.
            PluginError: A package that is not installed, or broken, would bring it.
        """
        return self._get(self.importers, name, self.exporters, "read")

    def exporter(self, name: str) -> ExporterInfo:
        """Return the exporter of a format; errors as for ``importer``."""
        return self._get(self.exporters, name, self.importers, "written")

    def transform(self, name: str) -> TransformInfo:
        """Return a transform; errors as for ``importer``."""
        return self._get(self.transforms, name, None, "")

    def engine(self, name: str) -> EngineInfo:
        """Return an engine; errors as for ``importer``."""
        return self._get(self.engines, name, None, "")

    def check_command(self, name: str) -> None:
        """Say of a command that is not there how to get it.

        Raises:
            PluginError: A package that is not installed, or broken, would bring it.
        """
        packages = ("dsk-transforms", "dsk-analysis", "dsk-project")
        if any(name in KNOWN_PACKAGES[package] for package in packages):
            self._get(self.commands, name, None, "")

    def _get(self, table: Table[Info], name: str, other: Table[Any] | None, verb: str) -> Info:
        info = table.find(name)
        if info is not None:
            return info
        if name in table.contested:
            raise UnknownNameError(
                table.kind, name, (), hint=f"say which: {' or '.join(table.contested[name])}"
            )
        if other is not None and other.find(name) is not None:
            raise UnknownNameError(table.kind, name, table.names(), hint=f"it cannot be {verb}")
        for plugin in self.plugins:
            if plugin.error and name.startswith(plugin.name):
                raise PluginError(
                    f"no {table.kind} {name!r}: plugin {plugin.name!r} failed: {plugin.error}",
                    hint=f"pip install --upgrade {plugin.dist or plugin.name}",
                )
        package = self._absent_package(table.kind, name)
        if package:
            raise PluginError(
                f"the {table.kind} {name!r} is not installed", hint=f"pip install {package}"
            )
        raise UnknownNameError(table.kind, name, [*table.names(), *table.aliases])

    def _absent_package(self, kind: str, name: str) -> str:
        installed = {plugin.dist for plugin in self.plugins}
        if kind == "transform" and "dsk-transforms" not in installed:
            return "dsk-transforms"
        for package, prefixes in KNOWN_PACKAGES.items():
            if package not in installed and any(
                name == p or name.startswith(p + "_") for p in prefixes
            ):
                return package
        return ""


_HOOKS: dict[str, type] = {
    "dsk_importers": ImporterInfo,
    "dsk_exporters": ExporterInfo,
    "dsk_transforms": TransformInfo,
    "dsk_commands": CommandInfo,
    "dsk_engines": EngineInfo,
}


def _wanted(name: str) -> bool:
    """Obey DSK_PLUGINS (only these) and DSK_DISABLE_PLUGINS (not these)."""
    only, without = (os.environ.get(v, "") for v in ("DSK_PLUGINS", "DSK_DISABLE_PLUGINS"))
    if only and name not in only.split(","):
        return False
    return name not in without.split(",")


def _dist(point: EntryPoint) -> tuple[str, str]:
    """Name and version of the distribution, from the folder name: parsing METADATA is slow."""
    dist = getattr(point, "dist", None)
    path = getattr(dist, "_path", None)
    stem = getattr(path, "name", "").removesuffix(".dist-info")
    name, dash, version = stem.partition("-")
    if dash:
        return name.replace("_", "-").lower(), version
    return (dist.name, dist.version) if dist is not None else ("", "")


def _full_name(plugin: Plugin) -> str:
    return f"{plugin.dist or plugin.name}:{plugin.name}"


def _leave_out(plugin: Plugin, error: BaseException) -> None:
    plugin.error = f"{type(error).__name__}: {error}".strip().rstrip(":")
    plugin.infos = []
    whose = plugin.dist or plugin.module
    message = f"plugin {plugin.name!r} of {whose} is left out: {plugin.error}"
    warnings.warn(message, DskWarning, stacklevel=3)


def _plain(name: str) -> str:
    return name.rpartition(":")[2]


def _check_info(info: Any) -> None:
    for what in ("name", "target"):
        value = getattr(info, what)
        if not isinstance(value, str) or not value or (what == "name" and ":" in value):
            raise TypeError(f"a descriptor's {what} is {value!r}")
    aliases = getattr(info, "aliases", ())
    if not isinstance(aliases, tuple) or not all(isinstance(alias, str) for alias in aliases):
        raise TypeError(f"the aliases of {info.name} are {aliases!r}, not a tuple of texts")


def _check_api(module: Any) -> None:
    api = getattr(module, "DSK_API", None)
    if api is None:
        msg = "it does not declare DSK_API"
        raise PluginError(msg)
    if not (isinstance(api, tuple) and len(api) == 2 and all(isinstance(n, int) for n in api)):
        msg = f"DSK_API is {api!r}, not a pair of numbers"
        raise PluginError(msg)
    if api[0] != API[0] or api[1] > API[1]:
        msg = f"it is made for plugin API {api}, this dsk-core has {API}"
        raise PluginError(msg, hint="upgrade dsk-core or the plugin")


@functools.cache
def registry() -> Registry:
    """Return the registry of this installation, loaded once."""
    return Registry()


def resolve(target: str) -> Any:
    """Import what an import string ``"package.module:name"`` names.

    Raises:
        PluginError: It cannot be imported.
    """
    module, _, name = target.partition(":")
    try:
        return getattr(importlib.import_module(module), name)
    except ImportError as error:
        missing = getattr(error, "name", None) or module
        raise PluginError(
            f"cannot import {target}: {error}", hint=f"pip install {missing.partition('.')[0]}"
        ) from error
    except AttributeError as error:
        raise PluginError(f"{module} has no {name!r}") from error
    except (Exception, SystemExit) as error:
        reason = f"{type(error).__name__}: {error}".rstrip(": ")
        raise PluginError(f"cannot import {target}: {reason}") from error
