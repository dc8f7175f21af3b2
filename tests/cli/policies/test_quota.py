"""acrux quota, as typed."""

import pytest

from acrux.errors import InvalidInput
from tests.cli.policies.typed import Terminal

CREATE = ("quota", "create", "-n", "team-quota", "--repository-pattern", "team/*", "--max", "20GiB")
UPDATE = ("quota", "update", "-n", "team-quota")


def test_a_quota_is_created_shown_changed_and_deleted(terminal: Terminal) -> None:
    """The life of a quota."""
    created = terminal.json(*CREATE)
    shown = terminal.json("quota", "show", "-n", "team-quota")
    listed = terminal.json("quota", "list")
    changed = terminal.json(*UPDATE, "--max", "1.5 TB", "--repository-pattern", "*")
    terminal.ok("quota", "delete", "-n", "team-quota", "--yes")

    assert (created["repositories"], created["maxBytes"]) == ("team/*", 20 * 1024**3)
    assert listed == [shown] == [created]
    assert (changed["repositories"], changed["maxBytes"]) == ("*", 1_500_000_000_000)
    assert terminal.json("quota", "list") == []


def test_people_read_sizes_for_people(terminal: Terminal) -> None:
    """Nobody reads 21474836480."""
    terminal.ok(*CREATE)

    assert terminal.ok("quota", "list").stdout.splitlines()[1].split() == [
        "team-quota", "team/*", "20", "GiB",
    ]  # fmt: skip


def test_a_pattern_that_matches_nothing_is_warned_of_when_it_is_given(terminal: Terminal) -> None:
    """A change of the size says nothing about the pattern."""
    assert "no repository matches team/*" in terminal.ok(*CREATE).stderr
    assert terminal.ok(*UPDATE, "--max", "1GB").stderr == ""


@pytest.mark.parametrize("size", ["much", "-1", "20Gigs"])
def test_what_is_no_size_is_refused(terminal: Terminal, size: str) -> None:
    """A size that is misread would refuse all pushes."""
    assert isinstance(terminal.run(*CREATE[:-1], size).exception, InvalidInput)


def test_a_quota_without_repositories_is_wrong_usage(terminal: Terminal) -> None:
    """It ended with a traceback."""
    refused = terminal.run("quota", "create", "-n", "team-quota", "--max", "20GiB")

    assert refused.exit_code == 2
    assert "Missing option '--repository-pattern'" in refused.stderr


def test_a_change_of_nothing_is_wrong_usage(terminal: Terminal) -> None:
    """The exit code of wrong usage is 2."""
    assert terminal.run(*UPDATE).exit_code == 2
