"""The project around the code: locks, scripts, documents, the wheel."""

import ast
import os
import re
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path
from shutil import copy, copytree
from typing import Any

import pytest
from packaging.requirements import Requirement
from packaging.version import Version

import acrux

ROOT = Path(__file__).parent.parent
PROJECT: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text())
SCRIPTS = sorted([*(ROOT / "scripts").iterdir(), ROOT / ".ci" / "run"])
LOCKS = [
    "requirements.lock", "requirements-otel.lock", "requirements-build.lock",
    "requirements-dev.lock", "requirements-docs.lock",
]  # fmt: skip
DECLARED = {
    "requirements.lock": PROJECT["project"]["dependencies"],
    "requirements-otel.lock": [
        *PROJECT["project"]["dependencies"],
        *PROJECT["project"]["optional-dependencies"]["otel"],
    ],
    "requirements-build.lock": PROJECT["dependency-groups"]["build"],
    "requirements-dev.lock": PROJECT["dependency-groups"]["dev"],
    "requirements-docs.lock": PROJECT["dependency-groups"]["docs"],
}

# name==version ; marker, then its hashes, one a line
_LOCKED = re.compile(
    r"([a-z0-9.-]+)==([^ ;]+)(?: ; [^\\]+)?"
    r"((?: \\\n    --hash=sha256:[0-9a-f]{64})+)\n"
)


def locked(lock: str) -> dict[str, tuple[str, frozenset[str]]]:
    """Version and hashes of every package in a lock."""
    return {
        match[1]: (match[2], frozenset(re.findall(r"sha256:\w+", match[3])))
        for match in _LOCKED.finditer((ROOT / lock).read_text())
    }


def documented() -> set[str]:
    """Every package with a row in docs/explanation/dependencies.md."""
    page = ROOT / "docs" / "explanation" / "dependencies.md"
    rows = re.findall(r"^\| ([a-z][^|]*) \|", page.read_text(), re.MULTILINE)
    return {name for row in rows for name in row.split(", ")}


def tracked() -> list[Path]:
    """The files of the project that git tracks or would track."""
    listing = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT, capture_output=True, text=True, check=True,
    )  # fmt: skip
    return [ROOT / name for name in listing.stdout.split("\0") if name and (ROOT / name).is_file()]


@pytest.mark.parametrize("lock", LOCKS)
def test_a_lock_holds_packages_with_hashes_and_nothing_else(lock: str) -> None:
    """Whoever controls the index must control neither what runs here nor which index that is."""
    text = (ROOT / lock).read_text()

    assert "://" not in text
    assert _LOCKED.sub("", text) == ""


@pytest.mark.parametrize("lock", LOCKS)
def test_a_lock_holds_what_is_declared(lock: str) -> None:
    """Otherwise a fresh clone starts with unexpected packages."""
    versions = {name: Version(version) for name, (version, _) in locked(lock).items()}

    for declared in map(Requirement, DECLARED[lock]):
        assert versions[declared.name] in declared.specifier


def test_a_lock_is_whole() -> None:
    """It is installed as it is, so that no later release can slip in."""
    done = subprocess.run(
        [sys.executable, "-m", "pip", "check"], capture_output=True, text=True, check=False
    )

    assert done.returncode == 0, done.stdout


def test_what_is_tested_is_what_runs() -> None:
    """Tests on versions other than those that users run prove nothing."""
    development = locked("requirements-dev.lock")

    for lock in ("requirements.lock", "requirements-otel.lock"):
        assert {name: development.get(name) for name in locked(lock)} == locked(lock)
    assert locked("requirements.lock").items() <= locked("requirements-otel.lock").items()


def test_what_is_installed_names_no_page_that_is_not() -> None:
    """The wheel holds no documents: a reader of its messages and man pages would look in vain."""
    page = re.compile(r"\bdocs/[a-z-]+/[a-z-]+\.md")
    shown = [*(ROOT / "man").rglob("*.1")]
    texts = [(file, file.read_text()) for file in shown]
    for file in (ROOT / "acrux").rglob("*.py"):
        tree = ast.parse(file.read_text())
        said = [node.value for node in ast.walk(tree) if isinstance(node, ast.Constant)]
        texts.append((file, "\n".join(text for text in said if isinstance(text, str))))

    told = {
        f"{file.relative_to(ROOT)}: {found}" for file, text in texts for found in page.findall(text)
    }
    # A docstring that only readers of the code see.
    assert told == {"acrux/http/problems.py: docs/reference/errors.md"}


def test_no_page_and_no_message_installs_acrux_from_an_index() -> None:
    """It is on none: what somebody else puts there under its name would run with your keys."""
    installs = re.compile(r"\b(?:pip|pipx|tool)3? (?:install|run)\b[^\n`|&]*[ '\"]acrux\b")
    told = [
        f"{file.relative_to(ROOT)}: {found[0]}"
        for file in tracked()
        if file != Path(__file__) and file.suffix not in {".png", ".ico"}
        for found in installs.finditer(file.read_text(errors="ignore"))
    ]

    assert told == []


# Modules whose distribution has another name.
DISTRIBUTIONS = {
    "argon2": "argon2-cffi",
    "prometheus_client": "prometheus-client",
    "re2": "google-re2",
}

OF_EXTRAS = {"opentelemetry"}


def test_what_is_imported_is_declared_and_what_is_declared_is_imported() -> None:
    """A package that is installed only by chance is missing one day."""
    sources = "\n".join(module.read_text() for module in (ROOT / "acrux").rglob("*.py"))
    imported = set(re.findall(r"^\s*(?:from|import) (\w+)", sources, re.MULTILINE))

    imported = {DISTRIBUTIONS.get(name, name) for name in imported}
    outside = imported - sys.stdlib_module_names - {"acrux"}
    extras = PROJECT["project"]["optional-dependencies"].values()
    declared = [*PROJECT["project"]["dependencies"], *(text for extra in extras for text in extra)]
    names = {Requirement(text).name for text in declared}
    shared = {name for name in names if name.partition("-")[0] in OF_EXTRAS}  # one import name
    assert outside - OF_EXTRAS == names - shared
    assert {name.partition("-")[0] for name in shared} == OF_EXTRAS


def test_every_dependency_has_a_written_reason() -> None:
    """Every package that runs here can read the registry's keys."""
    groups = [PROJECT["dependency-groups"][group] for group in ("dev", "docs")]
    declared = {Requirement(text).name for group in groups for text in group}

    assert documented() == set(locked("requirements-otel.lock")) | declared


def test_the_changelog_tells_of_this_version() -> None:
    """A user who updates wants to know what changed."""
    headings = re.findall(r"^## \[([^]]+)\]", (ROOT / "CHANGELOG.md").read_text(), re.MULTILINE)

    assert headings[0] == acrux.__version__


def test_a_news_fragment_becomes_a_line_of_the_changelog(tmp_path: Path) -> None:
    """Otherwise a user who updates would not learn of it."""
    for name in ("pyproject.toml", "CHANGELOG.md"):
        copy(ROOT / name, tmp_path)
    fragments = copytree(ROOT / "newsfragments", tmp_path / "newsfragments")
    (fragments / "+slow-pull.fixed.md").write_text("A slow pull no longer stops.\n")

    done = subprocess.run(
        [sys.executable, "-m", "towncrier", "build", "--yes", "--version", "9.9.9"],
        cwd=tmp_path, capture_output=True, text=True, check=False,
    )  # fmt: skip

    assert done.returncode == 0, done.stderr
    before, _, after = (tmp_path / "CHANGELOG.md").read_text().partition("## [9.9.9] - ")
    assert "towncrier release notes start" in before
    new = after.partition("\n## [")[0]
    assert "- A slow pull no longer stops.\n" in new.partition("### Fixed\n")[2]


def test_a_news_fragment_is_named_by_its_kind() -> None:
    """A fragment with any other name would be left out silently."""
    kinds = "|".join(kind["directory"] for kind in PROJECT["tool"]["towncrier"]["type"])
    named = re.compile(rf"(?:\d+|\+[a-z0-9-]+)\.(?:{kinds})(?:\.\d+)?\.md|README\.md")

    names = [file.name for file in (ROOT / "newsfragments").iterdir()]
    assert [name for name in names if not named.fullmatch(name)] == []


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda script: script.name)
def test_a_script_can_be_run(script: Path) -> None:
    """The first thing that a new user does is to type its name."""
    assert os.access(script, os.X_OK)
    assert script.read_text().startswith("#!")


@pytest.mark.parametrize("page", ["README.md", "CONTRIBUTING.md", "SECURITY.md"])
def test_what_a_page_names_exists(page: str) -> None:
    """A command or a link that leads nowhere ends a first visit."""
    text = (ROOT / page).read_text()
    named = set(re.findall(r"\./(scripts/\w+)", text)) | set(
        re.findall(r"\]\((?!\w+:|#)([^)#]+)", text)
    )

    assert [name for name in sorted(named) if not (ROOT / name).exists()] == []


def test_a_document_that_any_file_names_exists() -> None:
    """Readers of the code are referred to it for the reason."""
    texts = [re.sub(r"https?://\S+", "", file.read_text(errors="replace")) for file in tracked()]
    named = {name for text in texts for name in re.findall(r"\bdocs/[\w/-]+\.md", text)}

    assert sorted(name for name in named if not (ROOT / name).is_file()) == []


def test_no_file_knows_the_machine_that_it_was_written_on() -> None:
    """A path of one machine fails on every other."""
    ours = [f"{ROOT}/", f"{Path.home()}/."]

    guilty = [
        file.name
        for file in tracked()
        if any(path in file.read_text(errors="replace") for path in ours)
    ]
    assert guilty == []


def test_the_wheel_holds_the_whole_package_and_the_man_pages(tmp_path: Path) -> None:
    """A forgotten .sql file would be noticed only outside a checkout."""
    subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", tmp_path],
        cwd=ROOT, check=True, capture_output=True,
    )  # fmt: skip

    (wheel,) = tmp_path.glob("*.whl")
    names = zipfile.ZipFile(wheel).namelist()
    held = {name for name in names if name.startswith("acrux/")}
    manuals = {name.rpartition("/")[2] for name in names if "/data/share/man/man1/" in name}
    assert manuals == {page.name for page in (ROOT / "man" / "man1").iterdir()}
    package = {file.relative_to(ROOT).as_posix() for file in tracked() if "/acrux/" in str(file)}
    assert held == {name for name in package if name.startswith("acrux/")}


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """The parts of a checkout that scripts/setup needs, in a path with a space."""
    place = tmp_path / "a checkout"
    copytree(ROOT / "scripts", place / "scripts")
    for lock in LOCKS:
        copy(ROOT / lock, place)
    return place


def interpreter(place: Path, *, supported: bool) -> str:
    """An interpreter that is too old, or one that lacks ensurepip like Debian's python3."""
    fake = place / "python"
    fake.write_text(
        '#!/bin/sh\ncase "$*" in --version) echo Python 3.9.2; exit;; *ensurepip*) exit 1;; esac\n'
        f"exit {0 if supported else 1}\n"
    )
    fake.chmod(0o755)
    return str(fake)


def setup(checkout: Path, *options: str, **environ: str) -> subprocess.CompletedProcess[str]:
    """Run scripts/setup there."""
    return subprocess.run(
        [checkout / "scripts" / "setup", *options],
        env=os.environ | environ, cwd="/", capture_output=True, text=True, check=False,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("supported", "said"),
    [
        (False, "acrux needs Python 3.11, 3.12 or 3.13: sudo apt-get install python3 python3-venv"),
        (True, "acrux needs python3-venv: sudo apt-get install python3-venv"),
    ],
)
def test_a_missing_prerequisite_is_reported_in_one_line(
    checkout: Path, tmp_path: Path, said: str, *, supported: bool
) -> None:
    """A new user must not have to read a traceback of pip to learn what to install."""
    python = tmp_path / "fake"
    python.mkdir()

    result = setup(checkout, PYTHON=interpreter(python, supported=supported))

    assert (result.returncode, result.stdout, result.stderr.count("\n")) == (1, "", 1)
    assert result.stderr.startswith(said)


def test_a_missing_index_is_reported(checkout: Path) -> None:
    """Behind a proxy the first start fails: the last line must say what to check."""
    result = setup(checkout, PYTHON=sys.executable, PIP_NO_INDEX="1", PIP_FIND_LINKS="")

    assert result.returncode == 1
    assert "no package index answered" in result.stderr.splitlines()[-1]


@pytest.fixture
def installed(checkout: Path) -> Path:
    """A checkout whose environment was made from all its locks, as far as setup looks at it."""
    bin_directory = checkout / ".venv" / "bin"
    bin_directory.mkdir(parents=True)
    for name in ("python", "pip"):
        (bin_directory / name).symlink_to("/bin/false")
    (checkout / ".venv" / "pyvenv.cfg").write_text(f"command = python -m venv {checkout}/.venv\n")
    for lock in LOCKS:
        copy(checkout / lock, checkout / ".venv")
    return checkout


@pytest.mark.parametrize("options", [(), ("--dev",)])
def test_an_environment_that_is_up_to_date_is_left_alone(
    installed: Path, options: tuple[str, ...]
) -> None:
    """A second start must neither take as long as the first one nor need the network."""
    result = setup(installed, *options)

    assert (result.returncode, result.stdout, result.stderr) == (0, "", "")


@pytest.mark.parametrize("options", [(), ("--dev",)])
def test_a_change_of_what_acrux_itself_needs_is_installed(
    installed: Path, options: tuple[str, ...]
) -> None:
    """acrux refuses to run until its lock is that of the environment, whoever made that."""
    with (installed / "requirements.lock").open("a") as lock:
        lock.write("another==1.0\n")

    result = setup(installed, *options)

    assert result.returncode == 1  # the pip of this environment is /bin/false
    assert "acrux: installing" in result.stderr


DECISIONS = sorted((ROOT / "docs" / "decisions").glob("[0-9]*.md"))


@pytest.mark.parametrize("page", DECISIONS, ids=lambda page: page.stem)
def test_a_decision_says_what_it_costs_and_names_code_that_is_there(page: Path) -> None:
    """Before you change it, you must see what it was weighed against, and where it is."""
    text = page.read_text()
    named = re.findall(r"`((?:acrux|tests)/[\w/]+(?:\.py|/))`", text)

    headings = ["Context", "Decision", "What it costs", "What would change it"]
    assert re.findall(r"^## (.+)$", text, re.MULTILINE) == headings
    assert [name for name in named if not (ROOT / name).exists()] == []
    assert f"({page.name})" in (page.parent / "index.md").read_text()


def test_decisions_are_numbered_without_a_gap() -> None:
    """Two decisions with one number cannot be told apart."""
    assert [int(page.name[:4]) for page in DECISIONS] == list(range(1, len(DECISIONS) + 1))


@pytest.mark.parametrize("page", ["security.md", "reliability.md"])
def test_a_test_that_a_document_names_exists(page: str) -> None:
    """If a test was renamed, nobody can check the promise that it proves."""
    named = re.findall(r"(tests/[\w/]+\.py)(?:::(\w+))?", (ROOT / "docs" / page).read_text())

    assert named
    assert [path for path, _ in named if not (ROOT / path).is_file()] == []
    tests = [(path, test) for path, test in named if test]
    assert [test for path, test in tests if f"def {test}(" not in (ROOT / path).read_text()] == []
