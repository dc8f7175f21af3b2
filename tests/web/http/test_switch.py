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
import pathlib, sys
from acrux.bootstrap.application import build
from acrux.settings import Settings
from acrux.web.rendering import Rendering
from acrux.web.static import Static
build(Settings(data_dir=pathlib.Path(sys.argv[1])))
print("jinja2" in sys.modules)
values = {"visitor": None, "places": (), "here": "", "refused": {"status": 1, "case": ""}}
values["refused"] |= {"message": "", "code": ""}
Rendering("acrux", Static(), "").page("refused", values)
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


def test_what_makes_pages_is_loaded_for_the_first_of_them(tmp_path: Path) -> None:
    """A registry whose pages nobody opens starts as fast, and takes as little, as before."""
    done = subprocess.run(
        [sys.executable, "-c", _PROGRAM, tmp_path / "data"],
        capture_output=True, text=True, check=True,
    )  # fmt: skip

    assert done.stdout.split() == ["False", "True"]
