"""The fixtures, in a pytest that finds them as it finds those of any installed package."""

import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from tests.running import ROOT

Outcome = dict[str, int]


@pytest.fixture(scope="session")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the wheel as pip would unpack it, its entry points included."""
    folder = tmp_path_factory.mktemp("wheel")
    subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", folder],
        cwd=ROOT, check=True, capture_output=True,
    )  # fmt: skip
    (wheel,) = folder.glob("*.whl")
    zipfile.ZipFile(wheel).extractall(folder / "packages")
    return folder / "packages"


def run(
    installed: Path, folder: Path, tests: str, *options: str
) -> "subprocess.CompletedProcess[str]":
    """Run pytest on a file with these tests."""
    (folder / "test_it.py").write_text(tests)
    return subprocess.run(
        [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "-p", "no:randomly",
         "--strict-markers", "-o", "asyncio_mode=auto", *options],
        cwd=folder, env=os.environ | {"PYTHONPATH": str(installed)},
        capture_output=True, text=True, check=False,
    )  # fmt: skip


def test_fixtures_work_without_any_configuration(installed: Path, tmp_path: Path) -> None:
    """Installing acrux is all that a project has to do."""
    done = run(
        installed,
        tmp_path,
        """
import httpx2, pytest

def test_an_empty_registry(acrux_registry, acrux_account):
    account = acrux_account("repository:app:pull,push")
    with acrux_registry.client(account) as client:
        assert client.post("/v2/app/blobs/uploads/").status_code == 202
    assert acrux_registry.tags("hello-world") == []

@pytest.mark.acrux(sample=True, tls=True)
async def test_a_marker(acrux_registry):
    assert acrux_registry.url.startswith("https:")
    async with httpx2.AsyncClient(verify=False) as client:
        assert (await client.get(acrux_registry.url + "/v2/")).status_code == 401
    assert acrux_registry.tags("hello-world") == ["latest"]

urls = []

@pytest.mark.parametrize("again", [False, True])
def test_one_for_all(acrux_session_registry, acrux_registry, again):
    urls.append(acrux_session_registry.url)
    assert len(set(urls)) == 1
    assert acrux_registry.url not in urls
""",
        "--disable-warnings",
    )

    assert "4 passed" in done.stdout, done.stdout + done.stderr


def test_acrux_is_imported_while_pytest_looks_for_tests_if_one_needs_it(
    installed: Path, tmp_path: Path
) -> None:
    """That takes longer than to start a registry, and a run without registries pays nothing."""
    (tmp_path / "test_a.py").write_text("def test_one(acrux_registry): pass\n")
    (tmp_path / "test_b.py").write_text("""
import os
from pathlib import Path
CHILDREN = Path(f"/proc/self/task/{os.getpid()}/children").read_text()
def test_two(): assert CHILDREN
""")

    beside = run(installed, tmp_path, "", "--collect-only")
    needed = run(installed, tmp_path, "")
    alone = run(installed, tmp_path, "", "test_b.py")

    assert "2 tests collected" in beside.stdout
    assert "2 passed" in needed.stdout, needed.stdout
    assert "1 failed" in alone.stdout


def test_a_project_chooses_for_all_its_tests(installed: Path, tmp_path: Path) -> None:
    """A marker at every test would be forgotten at one of them."""
    (tmp_path / "conftest.py").write_text("""
import pytest

@pytest.fixture(scope="session")
def acrux_options():
    return {"sample": True}
""")

    done = run(
        installed,
        tmp_path,
        """
import pytest

def test_of_the_project(acrux_registry, acrux_session_registry):
    assert acrux_registry.tags("hello-world") == acrux_session_registry.tags("hello-world") != []

@pytest.mark.acrux(sample=False)
def test_with_its_own(acrux_registry):
    assert acrux_registry.tags("hello-world") == []
""",
    )

    assert "2 passed" in done.stdout, done.stdout + done.stderr


def test_what_prevents_a_registry_is_said_in_one_sentence(installed: Path, tmp_path: Path) -> None:
    """Frames of a library that one does not know hide what one got wrong oneself."""
    done = run(
        installed,
        tmp_path,
        """
import pytest

@pytest.mark.acrux(tsl=True)
def test_a_typo(acrux_registry): pass

@pytest.mark.acrux(layouts={"app": "nowhere"})
def test_a_missing_layout(acrux_registry): pass

@pytest.mark.acrux(settings={"prot": 1})
def test_a_setting(acrux_registry): pass
""",
    )

    assert "3 errors" in done.stdout, done.stdout
    assert "acrux: there is no option tsl: choose from tls, sample, layouts" in done.stdout
    assert "acrux: there is neither a folder nor a file nowhere" in done.stdout
    assert "there is no setting prot" in done.stdout
    assert "plugin.py" not in done.stdout


def test_a_failure_shows_what_the_registry_logged(installed: Path, tmp_path: Path) -> None:
    """Whoever reads the output of CI cannot look into a folder that is gone."""
    done = run(
        installed,
        tmp_path,
        """
import pytest

def test_that_fails(acrux_registry, acrux_session_registry):
    acrux_registry.tags("nowhere")
    assert False

@pytest.fixture
def failing(acrux_registry):
    yield
    assert False

def test_whose_teardown_fails(failing, acrux_registry):
    pass
""",
    )

    assert "1 failed, 1 passed, 1 error" in done.stdout, done.stdout
    assert "log of acrux_registry" in done.stdout
    assert "log of acrux_session_registry" in done.stdout
    assert '"event":"ready"' in done.stdout.replace(" ", "")


def test_a_run_without_registries_imports_nothing_of_acrux(installed: Path, tmp_path: Path) -> None:
    """pytest loads every installed plugin, also for projects that do not use this one."""
    done = run(
        installed,
        tmp_path,
        """
import sys

def test_imports():
    imported = {name for name in sys.modules if name.partition(".")[0] in ("acrux", "httpx2")}
    assert imported == {"acrux", "acrux.testing", "acrux.testing.plugin"}
""",
    )

    assert "1 passed" in done.stdout, done.stdout


def test_the_fixtures_are_listed(installed: Path, tmp_path: Path) -> None:
    """`pytest --fixtures` and `--markers` are where users look for them."""
    fixtures = run(installed, tmp_path, "", "--fixtures").stdout
    markers = run(installed, tmp_path, "", "--markers").stdout

    assert "acrux_registry -- " in fixtures
    assert "@pytest.mark.acrux(tls=False, sample=False" in markers
