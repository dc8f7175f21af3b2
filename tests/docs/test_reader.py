"""Somebody who follows a page notices what is wrong with it."""

import shutil
from pathlib import Path

import pytest

from tests.docs import blocks, reader
from tests.docs.shell import Shell

PAGE = """\
<!-- setup
stands_for k7w4zn9q2m "$(echo the real one)"
-->

```console
$ place=$PWD
$ acrux credential show
…
$ echo k7w4zn9q2m
k7w4zn9q2m
$ curl -s https://registry.example.com/livez
{"status":"live"}
$ acrux login localhost:5000 -u acrux
Password:
Login Succeeded: …
$ test "$place" = "$PWD"
```

```console
$ acrux nonsense
$ curl -s http://localhost:5000/readyz
{"status":"asleep"}
```

<!-- fails: there is no such account -->

```console
$ acrux token show -n nobody
```
"""


def test_what_fails_and_what_differs_is_named_and_nothing_else(tmp_path: Path) -> None:
    """A test of the documents that cannot fail would guard nothing."""
    page = tmp_path / "page.md"
    page.write_text(PAGE)
    read = blocks.read(page)

    with reader.reading(tmp_path / "reader", read) as follower:
        right, wrong, refused = (list(follower.follow(block)) for block in read)

    assert (right, refused) == ([], [])
    failed, differs = wrong
    assert failed.startswith("$ acrux nonsense\nended with 2")
    assert '{"status":"ready"}' in differs
    assert '{"status":"asleep"}' in differs


def test_a_tool_that_is_missing_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A block that is left out without a word looks as if it were tested."""
    page = tmp_path / "page.md"
    page.write_text("```console\n$ curl -s localhost | jq .\n```\n")
    monkeypatch.setattr(shutil, "which", lambda name: None if name == "jq" else f"/bin/{name}")

    (block,) = blocks.read(page)
    assert reader.missing_tools(block) == ["jq"]


def test_every_tool_is_installed_where_nothing_may_be_missing() -> None:
    """CI would fail at the first page that uses it."""
    packages = set((blocks.ROOT / ".ci" / "run").read_text().split())

    assert set(reader.PACKAGES.values()) <= packages


def test_a_command_that_does_not_end_is_given_up(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One page that waits for ever would hold up all the others."""
    monkeypatch.setattr("tests.docs.shell.STEP_SECONDS", 0.2)
    (tmp_path / "page").mkdir()

    with Shell(tmp_path / "page", {"PATH": "/usr/bin:/bin"}) as shell:
        assert shell.run("false").code == 1
        with pytest.raises(TimeoutError, match="sleep"):
            shell.run("sleep 60")
