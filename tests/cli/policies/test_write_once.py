"""acrux write-once, as typed."""

import pytest

from acrux.errors import InvalidInput, NameTaken
from tests.cli.policies.typed import Terminal

CREATE = (
    "write-once", "create", "-n", "releases", "--repository-pattern", "prod/*",
    "--repository-pattern", "base", "--except-tag", "latest",
)  # fmt: skip
UPDATE = ("write-once", "update", "-n", "releases")


def test_a_policy_is_created_shown_changed_and_deleted(terminal: Terminal) -> None:
    """The life of a policy."""
    created = terminal.json(*CREATE)
    shown = terminal.json("write-once", "show", "-n", "releases")
    listed = terminal.json("write-once", "list")
    changed = terminal.json(*UPDATE, "--repository-pattern", "*", "--except-tag", "dev-*")
    unexcepted = terminal.json(*UPDATE, "--no-exceptions")
    terminal.ok("write-once", "delete", "-n", "releases", "--yes")

    assert (created["repositories"], created["exceptTags"]) == (["prod/*", "base"], ["latest"])
    assert listed == [shown] == [created]
    assert (changed["repositories"], changed["exceptTags"]) == (["*"], ["dev-*"])
    assert (unexcepted["repositories"], unexcepted["exceptTags"]) == (["*"], [])
    assert terminal.json("write-once", "list") == []


def test_people_read_a_table_and_a_warning(terminal: Terminal) -> None:
    """Each pattern that matches nothing may be mistyped."""
    created = terminal.ok(*CREATE)

    assert created.stdout.split() == [
        "NAME", "REPOSITORIES", "EXCEPT", "TAGS", "releases", "prod/*,", "base", "latest",
    ]  # fmt: skip
    assert created.stderr.splitlines() == [
        "acrux: warning: no repository matches prod/* at present",
        "acrux: warning: no repository matches base at present",
    ]


def test_what_is_wrong_is_said(terminal: Terminal) -> None:
    """A taken name, a bad pattern, a bad glob."""
    terminal.ok(*CREATE)

    assert isinstance(terminal.run(*CREATE).exception, NameTaken)
    for option in (("--repository-pattern", "te*m"), ("--except-tag", "[a-z]")):
        assert isinstance(terminal.run(*UPDATE, *option).exception, InvalidInput)


@pytest.mark.parametrize("options", [(), ("--no-exceptions", "--except-tag", "x")])
def test_a_change_of_nothing_or_a_contradiction_is_wrong_usage(
    terminal: Terminal, options: tuple[str, ...]
) -> None:
    """The exit code of wrong usage is 2."""
    assert terminal.run(*UPDATE, *options).exit_code == 2
