"""Check that every package of the repository has the shape all of them share.

For each package: name, version, license, entry points, README, CHANGELOG, LICENSE and py.typed;
only declared third-party imports and no import of another dsk package; modules of at most 500 lines
and functions of at most 50. Prints one line for each violation and exits 1 if there are any.
"""

from __future__ import annotations

import ast
import re
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
CORE = ROOT / "core"
MAX_MODULE_LINES = 500
MAX_FUNCTION_LINES = 50
IMPORT_NAMES = {"pillow": "PIL", "python-neo-lzf": "lzf", "pyyaml": "yaml", "dsk-core": "dsk"}
"""Distributions whose import name is not their own name with underscores."""


def packages() -> list[Path]:
    """Return the folders that hold a package, core first."""
    found = (path.parent for depth in ("*", "*/*") for path in ROOT.glob(f"{depth}/pyproject.toml"))
    return [CORE, *sorted(path for path in found if path not in {CORE, ROOT / "template"})]


def load_project(package: Path) -> dict[str, Any]:
    """Return the `project` table of a package's pyproject.toml."""
    text = (package / "pyproject.toml").read_text("utf-8")
    project: dict[str, Any] = tomllib.loads(text)["project"]
    return project


def import_name(requirement: str) -> str:
    """Return the module a requirement such as `lxml>=5` or `dsk-core[test]` brings."""
    name = re.split(r"[^\w.-]", requirement, maxsplit=1)[0].lower()
    return IMPORT_NAMES.get(name, name.replace("-", "_"))


def check_metadata(package: Path, project: dict[str, Any]) -> Iterator[str]:
    """Yield what is wrong with a package's name, version, license and entry points."""
    name = project.get("name", "")
    expected = "dsk-core" if package == CORE else f"dsk-{package.name.replace('_', '-')}"
    if name != expected:
        yield f"the name is {name!r}, the folder asks for {expected!r}"
    if not re.fullmatch(r"\d+\.\d+\.\d+", project.get("version", "")):
        yield "the version is not a static MAJOR.MINOR.PATCH"
    if project.get("license") != "Apache-2.0" or project.get("license-files") != ["LICENSE"]:
        yield 'license = "Apache-2.0" and license-files = ["LICENSE"] are missing'
    if project.get("requires-python") != ">=3.11":
        yield 'requires-python is not ">=3.11"'
    points = project.get("entry-points", {})
    if package == CORE:
        if project.get("scripts") != {"dsk": "dsk.__main__:main"}:
            yield "the console script `dsk` is missing"
        return
    values = points.get("dsk.plugins", {}).values()
    if list(values) != [f"{import_name(expected)}.plugin"]:
        yield f"entry-point group dsk.plugins does not name {import_name(expected)}.plugin"
    if not any(text.startswith("dsk-core>=") and ",<" in text for text in project["dependencies"]):
        yield "dependencies do not bound dsk-core on both sides"


def check_files(package: Path, project: dict[str, Any]) -> Iterator[str]:
    """Yield which of the files that every package has are missing or disagree."""
    module = import_name(project["name"])
    for name in (
        "README.md",
        "CHANGELOG.md",
        f"src/{module}/__init__.py",
        f"src/{module}/py.typed",
    ):
        if not (package / name).is_file():
            yield f"{name} is missing"
    own = package / "LICENSE"
    if not own.is_file() or own.read_bytes() != (ROOT / "LICENSE").read_bytes():
        yield "LICENSE differs from the one at the root"
    changes = package / "CHANGELOG.md"
    if changes.is_file() and f"## [{project['version']}]" not in changes.read_text("utf-8"):
        yield f"CHANGELOG.md has no section for version {project['version']}"
    if not any((package / "tests").glob("**/test_*.py")):
        yield "there are no tests"


def imported_names(tree: ast.AST) -> Iterator[tuple[int, str]]:
    """Yield line and top-level name of every import in a module, wherever it stands."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name.partition(".")[0]) for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield node.lineno, node.module.partition(".")[0]


def check_module(
    path: Path, allowed: frozenset[str], optional: frozenset[str] = frozenset()
) -> Iterator[str]:
    """Yield imports that are not allowed and what is too long in one module.

    What is optional may be imported inside functions only: the module must do without it.
    """
    text = path.read_text("utf-8")
    lines = text.count("\n")
    if lines > MAX_MODULE_LINES:
        yield f"{lines} lines, over {MAX_MODULE_LINES}"
    tree = ast.parse(text, str(path))
    inside = {
        found
        for node in ast.walk(tree)
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        for found in imported_names(node)
    }
    for line, name in imported_names(tree):
        known = name in allowed or (name in optional and (line, name) in inside)
        if not known and name not in sys.stdlib_module_names:
            yield f"line {line}: imports {name}, which the package does not declare"
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            length = (node.end_lineno or node.lineno) - node.lineno + 1
            if length > MAX_FUNCTION_LINES:
                where = f"line {node.lineno}: {node.name}()"
                yield f"{where} has {length} lines, over {MAX_FUNCTION_LINES}"


def allowed_imports(project: dict[str, Any], core: dict[str, Any]) -> frozenset[str]:
    """Return the modules a package may import beside the standard library.

    What core declares counts as declared everywhere: its data model is made of numpy arrays and
    msgspec structs. `dsk.testing` may use what the `test` extra brings. Another dsk package may not
    be imported even if it is declared: what two packages need lives in core.
    """
    declared = {import_name(text) for text in [*project["dependencies"], *core["dependencies"]]}
    if project["name"] == core.get("name"):
        declared |= {import_name(text) for text in core["optional-dependencies"]["test"]}
    foreign = {name for name in declared if name.startswith("dsk_")}
    return frozenset(declared - foreign | {"dsk", import_name(project["name"])})


def optional_imports(project: dict[str, Any]) -> frozenset[str]:
    """Return the modules that a package's extras bring."""
    extras = project.get("optional-dependencies", {})
    texts = [text for name, found in extras.items() if name != "test" for text in found]
    return frozenset(map(import_name, texts))


def violations() -> Iterator[str]:
    """Yield every violation in the repository as `path: what`."""
    core = load_project(CORE)
    for package in packages():
        project = load_project(package)
        where = package.relative_to(ROOT)
        yield from (f"{where}: {text}" for text in check_metadata(package, project))
        yield from (f"{where}: {text}" for text in check_files(package, project))
        allowed, optional = allowed_imports(project, core), optional_imports(project)
        for path in sorted((package / "src").rglob("*.py")):
            found = check_module(path, allowed, optional)
            yield from (f"{path.relative_to(ROOT)}: {text}" for text in found)


def main() -> int:
    """Print the violations and return the exit code."""
    found = list(violations())
    for text in found:
        print(text)
    print(f"{len(packages())} packages checked, {len(found)} violations")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
