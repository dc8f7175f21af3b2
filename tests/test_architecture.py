"""The rules of the code: directions, captions, sizes, silent imports."""

import ast
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PACKAGE = ROOT / "acrux"
MODULES = sorted(PACKAGE.rglob("*.py"))
CAPTIONED = [module for module in MODULES if module.read_text() or module.parent == PACKAGE]
HTTP_TESTS = sorted((ROOT / "tests/http").rglob("*.py"))
TESTS = sorted((ROOT / "tests").rglob("*.py"))
SOURCES = [*MODULES, *TESTS]

MAX_MODULE_LINES = 350
MAX_FUNCTION_LINES = 45
# Longer ones, "module.py" or "module.py:function", each with its reason.
LONGER = {
    "acrux/errors.py": "one class per failure: a table too",
    "acrux/http/routes.py:table": "one row per endpoint: it is a table, not a procedure",
    "acrux/bootstrap/adapters.py:build_adapters": "one line per adapter: a table too",
    "acrux/bootstrap/services.py:build_services": "one line per service: a table too",
}

# In the management API: the handlers, and the modules that they share.
HANDLERS = {"accounts", "audit", "keys", "registry", "scope_maps", "trusts", "users"}
SHARED = {"bodies", "grammars", "handlers", "openapi", "operation", "routes", "searches", "shapes"}

MAX_MODULES = 15  # of a folder

# A line that breaks each contract, and the module in which to plant it.
BREACHES = {
    "arrows": ("acrux/domain/content/page.py", "import acrux.services.content.blobs"),
    "settings": ("acrux/http/access/guard.py", "import acrux.settings"),
    "adapters": ("acrux/adapters/passwords/generated.py", "import acrux.services.access.accounts"),
    "edge": ("acrux/http/health.py", "import acrux.ports"),
    "web": ("acrux/web/content/repositories.py", "import acrux.services.content.blobs"),
    "services": ("acrux/services/content/blobs.py", "import acrux.services.access.tokens"),
    "handlers": ("acrux/http/v2/blobs.py", "def f(): import acrux.http.health"),
    "domain": ("acrux/domain/content/digest.py", "import acrux.domain.access.scope"),
    "http": ("acrux/http/v2/blobs.py", "import acrux.http.acr.shapes"),
    "wings": ("acrux/adapters/keys/secrets.py", "import acrux.adapters.sql.facts"),
    "inside": ("acrux/domain/content/names.py", "import os"),
    "cycles": (
        "acrux/domain/content/digest.py",
        "from typing import TYPE_CHECKING\nif TYPE_CHECKING: import acrux.domain.content.names",
    ),
    "client": ("acrux/client/challenge.py", "import acrux.services.access.tokens"),
    "server": ("acrux/server.py", "import acrux.client.challenge"),
}


def _name(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def _is_text(node: ast.stmt) -> bool:
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)


def _functions(module: Path) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    for node in ast.walk(ast.parse(module.read_text())):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node


def _undocumented(body: list[ast.stmt]) -> Iterator[str]:
    for node in body:
        if not isinstance(node, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            continue
        if not node.name.startswith("_"):
            if ast.get_docstring(node) is None and ast.unparse(node.body[-1]) != "...":
                yield node.name
            if isinstance(node, ast.ClassDef):
                yield from _undocumented(node.body)


def _imported(module: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(module.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def lint_imports(directory: Path) -> subprocess.CompletedProcess[str]:
    """Check the contracts on the package in `directory`."""
    program = "import sys, importlinter.cli as c; sys.exit(c.lint_imports(no_cache=True))"
    return subprocess.run(
        [sys.executable, "-P", "-c", f"import sys; sys.path.insert(0, '.'); {program}"],
        cwd=directory, capture_output=True, text=True, check=False,
    )  # fmt: skip


def test_every_import_contract_is_kept() -> None:
    """Otherwise a lower layer comes to depend on an upper one, and neither can be changed alone."""
    result = lint_imports(ROOT)

    assert result.returncode == 0, result.stdout


@pytest.mark.parametrize("contract", BREACHES)
def test_a_breach_of_a_contract_is_seen(contract: str, tmp_path: Path) -> None:
    """A contract that cannot fail would guard nothing."""
    module, breach = BREACHES[contract]
    shutil.copytree(PACKAGE, tmp_path / "acrux", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    with (tmp_path / module).open("a") as planted:
        planted.write(f"\n{breach}\n")

    result = lint_imports(tmp_path)

    assert result.returncode == 1, result.stdout
    assert Path(module).stem in result.stdout


def test_every_module_of_the_management_api_is_a_handler_or_is_named_here() -> None:
    """A new handler that is missing from the contract could import another one."""
    wing = {module.stem for module in (PACKAGE / "http/management").glob("*.py")} - {"__init__"}

    assert wing == HANDLERS | SHARED


def test_no_folder_holds_more_than_can_be_taken_in_at_a_glance() -> None:
    """With 36 modules in one folder, only prefixes told them apart."""
    modules = [*MODULES, *HTTP_TESTS]
    folders = [module.parent for module in modules if module.name != "__init__.py"]

    assert {_name(folder) for folder in folders if folders.count(folder) > MAX_MODULES} == set()


def test_a_folder_of_tests_of_http_is_a_wing_of_http() -> None:
    """The tests of a wing are found under its name, even after the wing is renamed."""
    wings = {package.parent.name for package in (PACKAGE / "http").glob("*/__init__.py")}
    folders = {module.parent for module in HTTP_TESTS} - {ROOT / "tests/http"}

    assert {_name(folder) for folder in folders} <= {f"tests/http/{wing}" for wing in wings}


@pytest.mark.parametrize("module", CAPTIONED, ids=_name)
def test_a_module_begins_with_a_caption(module: Path) -> None:
    """The first lines, read one after another, are the table of contents of the code."""
    caption = (ast.get_docstring(ast.parse(module.read_text())) or "").partition("\n")[0]

    assert caption.endswith("."), caption
    assert len(caption) <= 72, caption


def test_packages_hold_no_code() -> None:
    """Re-exports in packages cause import cycles: a package holds only a caption."""
    packages = [module for module in PACKAGE.rglob("__init__.py") if module.parent != PACKAGE]

    code = [node for package in packages for node in ast.parse(package.read_text()).body]
    assert [node for node in code if not _is_text(node)] == []
    top = ast.parse((PACKAGE / "__init__.py").read_text())
    assert [type(node) for node in top.body] == [ast.Expr, ast.Assign]


@pytest.mark.parametrize("module", MODULES, ids=_name)
def test_what_is_public_says_what_it_promises(module: Path) -> None:
    """Otherwise a caller would have to read the body to learn units, errors and lifetimes."""
    assert list(_undocumented(ast.parse(module.read_text()).body)) == []


@pytest.mark.parametrize("module", MODULES, ids=_name)
def test_modules_and_functions_are_small(module: Path) -> None:
    """What outgrows a screen is split, or says why not."""
    long_functions = [
        f"{_name(module)}:{function.name}"
        for function in _functions(module)
        if (function.end_lineno or 0) - function.lineno + 1 > MAX_FUNCTION_LINES
    ]

    assert [name for name in long_functions if name not in LONGER] == []
    lines = module.read_text().count("\n")
    assert lines <= MAX_MODULE_LINES or _name(module) in LONGER


def test_the_median_function_is_under_ten_lines() -> None:
    """Code is read function by function; the typical one must fit into one glance."""
    sizes = sorted(
        (function.end_lineno or 0) - function.lineno + 1
        for module in MODULES
        for function in _functions(module)
    )

    assert sizes[len(sizes) // 2] < 10


def test_nobody_imports_mocks() -> None:
    """A mock agrees with whatever the test believes; a fake keeps the port's promise."""
    guilty = [
        _name(source)
        for source in SOURCES
        if any(
            name.startswith(("unittest.mock", "mock.", "pytest_mock")) for name in _imported(source)
        )
    ]

    assert guilty == []


def test_every_test_says_what_would_be_missed() -> None:
    """A test whose purpose is unclear is deleted or kept for the wrong reason."""
    silent = [
        f"{_name(source)}:{function.name}"
        for source in SOURCES
        if source.name.startswith("test_")
        for function in _functions(source)
        if function.name.startswith("test_") and ast.get_docstring(function) is None
    ]

    assert silent == []


def _manages_a_context(function: ast.FunctionDef | ast.AsyncFunctionDef) -> bool:
    return any("contextmanager" in ast.unparse(decorator) for decorator in function.decorator_list)


def _unguarded(body: list[ast.stmt]) -> Iterator[ast.stmt]:
    """The statements after a yield that do not run when the block under it fails."""
    for statement, following in pairwise(body):
        yields = any(isinstance(node, ast.Yield) for node in ast.walk(statement))
        safe = isinstance(statement, (ast.If, ast.Try)) or isinstance(following, ast.Return)
        if yields and not safe:
            yield following
    for statement in body:
        if isinstance(statement, (ast.With, ast.AsyncWith, ast.For, ast.If)):
            yield from _unguarded(statement.body)


def test_what_a_failing_test_opened_is_closed() -> None:
    """A socket that one failed test leaves open fails the next tests, which are then suspected."""
    guilty = [
        f"{_name(source)}:{statement.lineno}"
        for source in TESTS
        for function in _functions(source)
        if _manages_a_context(function)
        for statement in _unguarded(function.body)
    ]

    assert guilty == []


def test_only_one_module_reads_of_processes_that_may_end() -> None:
    """It knows both errors of a process that has just ended; everybody else forgot one."""
    reads = re.compile(r"/proc/\{.*\.read_")
    readers = [_name(source) for source in SOURCES if reads.search(source.read_text())]

    assert readers == ["tests/processes.py"]


# Run in a fresh interpreter: imports every module while an audit hook watches.
_WATCH = """
import importlib, pathlib, sys, threading

WORLD = ("socket.connect", "socket.bind", "subprocess.Popen", "os.fork", "os.mkdir", "os.remove",
         "os.rename", "sqlite3.connect")
found = []

def watch(event, arguments):
    if event in WORLD:
        found.append(event)
    if event == "open" and isinstance(arguments[1], str) and set(arguments[1]) & set("wax+"):
        found.append(f"open {arguments[0]}")

sys.dont_write_bytecode = True
package = pathlib.Path("acrux")
modules = [".".join(module.with_suffix("").parts) for module in sorted(package.rglob("*.py"))]
sys.addaudithook(watch)
for module in modules:
    importlib.import_module(module.removesuffix(".__init__"))
found += [thread.name for thread in threading.enumerate() if thread is not threading.main_thread()]
print(*found, sep="\\n")
"""


def test_nothing_happens_at_import() -> None:
    """Importing acrux must not open a file, a socket, a database or a thread."""
    result = subprocess.run(
        [sys.executable, "-c", _WATCH], cwd=ROOT, capture_output=True, text=True, check=False
    )

    assert (result.stdout.split("\n"), result.stderr) == (["", ""], "")
