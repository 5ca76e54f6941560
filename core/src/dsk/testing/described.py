"""Checks of what a format says about itself."""

from __future__ import annotations

import inspect
import os
import subprocess
import sys
from typing import TYPE_CHECKING, Any

from dsk.descriptors import ALL_KINDS, Capabilities
from dsk.registry import registry, resolve
from dsk.testing.base import SuiteBase

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dsk.descriptors import ExporterInfo, ImporterInfo, Option

__all__ = ["DescribedChecks", "check_option", "parameters"]

HEAVY = (
    "numpy",
    "PIL",
    "lxml",
    "yaml",
    "nibabel",
    "h5py",
    "pycocotools",
    "cv2",
    "scipy",
    "pandas",
    "rich",
    "xml.etree",
    "dsk.dataset",
    "dsk.flow",
    "dsk.annotations",
)
"""Modules that a plugin module must not import: describing a format must stay instant."""

MEDIA = frozenset({"image", "video_frame", "point_cloud", "multiframe_image", "volume", "media"})
FIELDS = frozenset({"id", "group", "object_id", "z_order", "attributes", "point_attributes"})
LABEL_FIELDS = frozenset({"parent", "attributes", "colors", "points", "groups"})
CORE_SETTINGS = frozenset(
    {
        "save_media",
        "save_images",
        "image_ext",
        "media",
        "overwrite",
        "jobs",
        "engine",
        "strict",
        "dry_run",
        "progress",
    }
)


class DescribedChecks(SuiteBase):
    """The descriptors fit the classes, and reading them costs nothing."""

    def test_is_installed(self) -> None:
        """The format has a name, and a plugin brings it."""
        assert self.format, "set `format` to the name of the format"
        failed = [f"{p.name}: {p.error}" for p in registry().plugins if p.error]
        found = self.importer() or self.exporter()
        assert found is not None, f"no plugin brings {self.format!r}; plugins that failed: {failed}"

    def test_is_described(self) -> None:
        """Importer and exporter have a summary and a layout; kinds and media are known words."""
        for info in self._infos():
            who = type(info).__name__
            assert info.summary.strip(), f"{who} has no summary"
            assert "\n" not in info.summary, f"the summary of {who} is one line"
            assert info.layout.strip(), f"{who} has no layout"
        importer, exporter = self.importer(), self.exporter()
        if importer is not None:
            assert importer.kinds or importer.media, "the importer produces nothing"
            assert importer.kinds <= ALL_KINDS, importer.kinds - ALL_KINDS
            assert importer.media <= MEDIA, importer.media - MEDIA
        if exporter is not None:
            _check_capabilities(exporter.capabilities)

    def test_options_are_described(self) -> None:
        """Every option has a help line, and a default of its type and among its choices."""
        for info in self._infos():
            names = [option.name for option in info.options]
            assert len(set(names)) == len(names), f"options twice: {names}"
            for option in info.options:
                check_option(option)
        exporter = self.exporter()
        if exporter is not None:
            taken = CORE_SETTINGS & {option.name for option in exporter.options}
            assert not taken, f"core handles these options itself: {sorted(taken)}"

    def test_options_equal_parameters(self) -> None:
        """The options are the keyword-only parameters of the class: same names and defaults."""
        for info in self._infos():
            declared = {option.name: option.default for option in info.options}
            assert parameters(resolve(info.target)) == declared, info.target

    def test_aliases(self) -> None:
        """Aliases are found, and stand for options that there are."""
        for info, table in (
            (self.importer(), registry().importers),
            (self.exporter(), registry().exporters),
        ):
            if info is None:
                continue
            options = {option.name: option for option in info.options}
            extra = set(info.alias_options) - set(info.aliases)
            assert not extra, f"options for aliases that are not declared: {sorted(extra)}"
            for alias in info.aliases:
                assert table.find(alias) is not None, f"alias {alias!r} is not found"
                for name, value in info.alias_options.get(alias, {}).items():
                    assert name in options, f"alias {alias!r} sets {name!r}, which is no option"
                    choices = options[name].choices
                    values = value if isinstance(value, list | tuple) else [value]
                    fits = not choices or set(values) <= set(choices)
                    assert fits, f"{alias}: {name}={value!r} is not among {choices}"

    def test_capabilities_only_narrow(self) -> None:
        """What the exporter holds with its options is no more than it declares."""
        self.needs(reading=False)
        info = self.exporter()
        assert info is not None
        declared, held = info.capabilities, self.holds()
        _check_capabilities(held)
        assert held.annotations <= declared.annotations, held.annotations - declared.annotations
        assert held.fields <= declared.fields, held.fields - declared.fields
        assert held.media <= declared.media, held.media - declared.media

    def test_plugin_module_is_light(self) -> None:
        """Importing the plugin module imports no heavy library and nothing else of its package."""
        plugins = {
            plugin.module.partition(":")[0]
            for table in (registry().importers, registry().exporters)
            if (plugin := table.plugins.get(self._plain_name(table))) is not None
        }
        assert plugins, "no plugin owns the format's name"
        for module in plugins:
            loaded = _modules_after_import(module)
            heavy = [m for m in HEAVY if m in loaded]
            assert not heavy, f"{module} imports {heavy}: leave that to importer and exporter"
            package = module.partition(".")[0]
            own = {m for m in loaded if m.startswith(f"{package}.") and m != module}
            # A family of formats may have a module `descriptors` in the folder of each.
            light = {m for m in own if m.endswith(".descriptors")}
            light |= {m.rpartition(".")[0] for m in light}
            assert own <= light, f"{module} imports {sorted(own - light)}: descriptors only, please"

    def _plain_name(self, table: Any) -> str:
        info = table.find(self.format)
        return "" if info is None else info.name

    def _infos(self) -> list[ImporterInfo | ExporterInfo]:
        infos = [info for info in (self.importer(), self.exporter()) if info is not None]
        assert infos, f"no plugin brings {self.format!r}"
        return infos


def _check_capabilities(caps: Capabilities) -> None:
    assert caps.annotations <= ALL_KINDS, caps.annotations - ALL_KINDS
    assert caps.media <= MEDIA, caps.media - MEDIA
    assert caps.fields <= FIELDS, caps.fields - FIELDS
    assert caps.label_fields <= LABEL_FIELDS, caps.label_fields - LABEL_FIELDS
    assert caps.needs_label <= caps.annotations, "needs_label names kinds that are not held"
    for kind, targets in caps.convert:
        unknown = ({kind} | set(targets)) - ALL_KINDS
        assert not unknown, f"convert names unknown kinds: {sorted(unknown)}"


def check_option(option: Option) -> None:
    """Assert that an option has a name, a help line, and a default that fits."""
    assert option.name.isidentifier(), f"{option.name!r} is no identifier"
    assert option.help.strip(), f"option {option.name} has no help"
    assert "\n" not in option.help, f"the help of option {option.name} is one line"
    types: dict[Any, Any] = {"list": (list, tuple), "path": str, float: (int, float)}
    kind = types.get(option.type, option.type)
    default = option.default
    fits = default is None or (
        isinstance(default, kind) and (option.type is bool or not isinstance(default, bool))
    )
    assert fits, f"option {option.name}: {default!r} is no {option.type}"
    if option.choices and default is not None:
        values: Sequence[Any] = default if isinstance(default, list | tuple) else [default]
        assert set(values) <= set(option.choices), f"option {option.name}: {default!r}"


def parameters(cls: type) -> dict[str, Any]:
    """Return a class's options by the signature of its constructor."""
    parameters = {}
    for name, p in inspect.signature(cls).parameters.items():
        assert p.kind is p.KEYWORD_ONLY, f"{cls.__name__}: {name} is not keyword-only"
        assert p.default is not p.empty, f"{cls.__name__}: {name} has no default"
        parameters[name] = p.default
    return parameters


def _modules_after_import(module: str) -> set[str]:
    code = f"import sys, {module}; print('\\n'.join(sys.modules))"
    env = {**os.environ, "PYTHONPATH": os.pathsep.join(p for p in sys.path if p)}
    for name in ("COVERAGE_PROCESS_START", "PYTHONSTARTUP"):
        env.pop(name, None)
    run = subprocess.run(  # noqa: S603 - this interpreter
        [sys.executable, "-c", code], capture_output=True, text=True, check=False, env=env
    )
    assert run.returncode == 0, run.stderr
    return set(run.stdout.split())
