"""Switching the pages off."""

import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from acrux.bootstrap.application import Registry
from acrux.settings import Settings
from tests.http.caller import Caller

_PROGRAM = """
import sys, pathlib
from acrux.bootstrap.application import build
from acrux.settings import Settings
build(Settings(data_dir=pathlib.Path(sys.argv[1]), web=sys.argv[2]))
print("jinja2" in sys.modules)
"""


class TestDisabled:
    """A registry without pages."""

    @pytest.fixture
    def settings(self, settings: Settings) -> Settings:
        """Pages are switched off."""
        return replace(settings, web="disabled")

    @pytest.mark.parametrize("path", ["/", "/web", "/web/", "/web/login", "/web/static/style.css"])
    async def test_nothing_is_below_web(self, registry: Registry, path: str) -> None:
        """Who wants no pages has no pages to attack."""
        answer = await Caller(registry, "", "").call("GET", path, headers={"Accept": "text/html"})

        assert (answer.status, answer.code, registry.pages) == (404, "UNSUPPORTED", ())


@pytest.mark.parametrize(("web", "loaded"), [("enabled", "True"), ("disabled", "False")])
def test_what_makes_pages_is_loaded_only_for_them(tmp_path: Path, web: str, loaded: str) -> None:
    """A command, and a registry without pages, start as fast as before."""
    done = subprocess.run(
        [sys.executable, "-c", _PROGRAM, tmp_path / "data", web],
        capture_output=True, text=True, check=True,
    )  # fmt: skip

    assert done.stdout.strip() == loaded
