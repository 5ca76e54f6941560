from __future__ import annotations

import ast
import importlib
import subprocess
import sys
from pathlib import Path

import pytest

import dsk


def imported_for_type_checkers():
    tree = ast.parse(Path(dsk.__file__).read_text(encoding="utf-8"))
    block = next(
        n for n in tree.body if isinstance(n, ast.If) and ast.unparse(n.test) == "TYPE_CHECKING"
    )
    return {a.name: n.module for n in block.body if isinstance(n, ast.ImportFrom) for a in n.names}


@pytest.mark.parametrize("name", dsk.__all__)
def test_every_public_name_can_be_had(name):
    assert getattr(dsk, name) is not None
    assert name in dir(dsk)


def test_type_checkers_and_python_see_the_same_names():
    seen = imported_for_type_checkers()
    assert sorted(seen) == sorted(dsk.__all__)
    for name, module in seen.items():
        assert getattr(importlib.import_module(module), name) is getattr(dsk, name)


def test_an_unknown_name_is_an_attribute_error():
    with pytest.raises(AttributeError, match="no attribute 'Nothing'"):
        dsk.Nothing  # noqa: B018 - the access is the test


@pytest.mark.parametrize(
    "module", ["dsk", "dsk.descriptors", "dsk.hooks", "dsk.registry", "dsk.errors"]
)
def test_what_start_up_imports_is_light(module):
    code = f"import sys, {module}; print(*sys.modules)"
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    loaded = set(out.stdout.split())
    assert module in loaded
    assert not loaded & {"numpy", "PIL", "typer", "dsk.masks"}


def modules():
    folder = Path(dsk.__file__).parent
    return sorted(p.stem for p in folder.glob("*.py") if not p.stem.startswith("__"))


FIRST = """
import importlib, sys
for name in sys.argv[1:]:
    for loaded in [m for m in sys.modules if m.startswith("dsk")]:
        del sys.modules[loaded]
    module = importlib.import_module(f"dsk.{name}")
    for offered in module.__all__:
        getattr(module, offered)
"""


def test_every_module_can_be_imported_first_and_has_what_it_offers():
    subprocess.run([sys.executable, "-c", FIRST, *modules()], check=True)
